"""The language of `where`: conditions on settings, read as a small part of Python's grammar and nothing beyond it.

    stride > dilation * (kernel - 1) + 1 and groups in [1, 2]

Spatial fields are vectors, one number an axis. A comparison of vectors holds where it holds on every axis; `any(...)`
asks for some axis, and inside `any(...)` and `all(...)` the words and, or, not act axis by axis. `min(v)` and `max(v)`
run over the axes, with several arguments over these; `prod(v)` multiplies over the axes, and `a if condition else b`
chooses, inside a function axis by axis. Nothing is ever passed to Python's own evaluation.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from convt.cases.errors import near, show
from convt.conv.settings import Settings

Value = Any  # bool | int | str | tuple of bool or int, one an axis

MOST_CHARACTERS = 500

NAMES: dict[str, Callable[[Settings], Value]] = {
    "op": lambda it: it.op,
    "rank": lambda it: it.rank,
    "input": lambda it: it.input,
    "kernel": lambda it: it.kernel,
    "stride": lambda it: it.stride,
    "dilation": lambda it: it.dilation,
    "padding": lambda it: it.padding if isinstance(it.padding, str) else "explicit",
    "output_padding": lambda it: it.output_padding or (0,) * it.rank,
    "output_size": lambda it: it.output_size or (0,) * it.rank,
    "batch": lambda it: it.batch,
    "channels_in": lambda it: it.channels_in,
    "channels_out": lambda it: it.channels_out,
    "groups": lambda it: it.groups,
    "bias": lambda it: it.bias,
    "out": lambda it: it.output,
    "effective": lambda it: it.effective,
    "crop_lo": lambda it: tuple(lo for lo, _ in it.crop),
    "crop_hi": lambda it: tuple(hi for _, hi in it.crop),
    "extra": lambda it: it.extra,
}
"""Every name, and its value; output_padding and output_size are 0 where they are not given."""

WORDS = {"op": ("conv_transpose", "conv"), "padding": ("same", "valid", "explicit")}
_CONSTANTS = {"true": True, "false": False}
_ARITHMETIC = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip
_COMPARISONS = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_FUNCTIONS = ("min", "max", "prod", "any", "all")


class ExpressionError(ValueError):
    """An expression that means nothing; `offset` counts characters from its beginning."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


class Expression:
    """A condition on settings; ExpressionError where the text is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > MOST_CHARACTERS:
            raise ExpressionError(f"found {len(text)} characters, accepted up to {MOST_CHARACTERS}")
        flat = " ".join(text.split("\n"))
        lead = len(flat) - len(flat.lstrip())
        try:
            self._tree = ast.parse(flat.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            offset = getattr(error, "offset", 1) or 1
            raise ExpressionError(
                f"found {text!r}, accepted an expression such as 'stride > 1'", lead + offset - 1
            ) from None
        _check(self._tree)

    def holds(self, settings: Settings) -> bool:
        """Whether the condition is true of the settings; ExpressionError where it has no answer."""
        value = _collapse(_evaluate(self._tree, settings, per_axis=False))
        if not isinstance(value, bool):
            raise ExpressionError(f"found the {_kind(value)} {show(value)}, accepted a condition")
        return value


def _refuse(node: ast.AST, found: str, accepted: str) -> ExpressionError:
    return ExpressionError(f"found {found}, accepted {accepted}", getattr(node, "col_offset", 0))


def _check(node: ast.expr) -> None:
    """Raise at the first thing that is not of the language."""
    match node:
        case ast.Name(id=name):
            if name not in NAMES and name not in _CONSTANTS:
                raise _refuse(node, repr(name), near(name, NAMES))
        case ast.Constant(value=value):
            if not isinstance(value, (bool, int, str)) or abs(value if isinstance(value, int) else 0) > 2**33:
                raise _refuse(node, repr(value), "an integer up to 2^33, a word in quotes, true or false")
        case ast.List(elts=items) | ast.Tuple(elts=items):
            if not items or any(isinstance(item, (ast.List, ast.Tuple)) for item in items):
                raise _refuse(node, ast.unparse(node), "a list of numbers or words")
        case ast.BoolOp() | ast.IfExp() | ast.UnaryOp(op=ast.Not() | ast.USub()):
            pass
        case ast.BinOp(op=op):
            if type(op) not in _ARITHMETIC:
                raise _refuse(node, f"the operator {type(op).__name__}", "+ - * // %")
        case ast.Compare():
            _check_comparison(node)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            if not args or (name in ("prod", "any", "all") and len(args) > 1):
                raise _refuse(node, f"{len(args)} arguments of {name}", "one" + " or more" * (name in ("min", "max")))
        case ast.Call():
            raise _refuse(node, "a call", ", ".join(f"{name}(...)" for name in _FUNCTIONS))
        case ast.Subscript(value=ast.Name(), slice=ast.Constant(value=int()) | ast.UnaryOp()):
            pass
        case _:
            accepted = "comparisons, and, or, not, if, + - * // %, min, max, prod, any, all, in"
            raise _refuse(node, type(node).__name__, accepted)
    for inner in _inner(node):
        _check(inner)


def _inner(node: ast.expr) -> Sequence[ast.expr]:
    if isinstance(node, ast.Call):
        return node.args
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def _check_comparison(node: ast.Compare) -> None:
    sides = [node.left, *node.comparators]
    for op, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(op, (ast.In, ast.NotIn)):
            if not isinstance(right, (ast.List, ast.Tuple)):
                raise _refuse(right, ast.unparse(right), "a list after 'in'")
        elif type(op) not in _COMPARISONS:
            raise _refuse(node, f"the comparison {type(op).__name__}", "== != < <= > >= in, not in")
    # a misspelt word would make a condition that is never true, and say nothing
    for name in (side.id for side in sides if isinstance(side, ast.Name)):
        for word in ast.walk(node) if name in WORDS else ():
            if isinstance(word, ast.Constant) and isinstance(word.value, str) and word.value not in WORDS[name]:
                raise _refuse(word, repr(word.value), near(word.value, WORDS[name]))


def _evaluate(node: ast.expr, it: Settings, per_axis: bool) -> Value:
    match node:
        case ast.Name(id=name):
            return _CONSTANTS[name] if name in _CONSTANTS else _look_up(node, name, it)
        case ast.Constant(value=value):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return tuple(_evaluate(item, it, per_axis) for item in items)
        case ast.BoolOp(op=op, values=values):
            return _join(node, isinstance(op, ast.And), values, it, per_axis)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _choose(node, test, body, orelse, it, per_axis)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            value = _evaluate(operand, it, per_axis)
            return _map(node, operator.not_, _flag(operand, value if per_axis else _collapse(value)))
        case ast.UnaryOp(operand=operand):
            return _map(node, operator.neg, _number(operand, _evaluate(operand, it, per_axis)))
        case ast.BinOp(left=left, op=op, right=right):
            a, b = (_number(side, _evaluate(side, it, per_axis)) for side in (left, right))
            return _map(node, _ARITHMETIC[type(op)], a, b)
        case ast.Compare():
            return _compare(node, it, per_axis)
        case ast.Call(func=ast.Name(id=name), args=args):
            return _call(node, name, [_evaluate(arg, it, per_axis=True) for arg in args])
        case ast.Subscript(value=value, slice=index):
            return _pick(node, _evaluate(value, it, per_axis), _evaluate(index, it, per_axis))
    raise AssertionError(f"_check let {type(node).__name__} through")


def _look_up(node: ast.expr, name: str, it: Settings) -> Value:
    try:
        return NAMES[name](it)
    except (ValueError, IndexError, TypeError):
        # settings that mean nothing are looked at too, because `where` is there to exclude them
        text = f"{name!r} is undefined here; guard it, for example `rank == 2 and ...`"
        raise ExpressionError(text, getattr(node, "col_offset", 0)) from None


def _join(node: ast.expr, conjunction: bool, values: list[ast.expr], it: Settings, per_axis: bool) -> Value:
    joined: Value = conjunction
    for value in values:
        here = _flag(value, _evaluate(value, it, per_axis))
        joined = _map(
            node, operator.and_ if conjunction else operator.or_, joined, here if per_axis else _collapse(here)
        )
        if joined is not True and joined is not False:
            continue
        if joined is not conjunction:
            return joined  # the rest is not looked at, so that `rank == 2 and stride[1] > 1` has an answer
    return joined


def _choose(node: ast.expr, test: ast.expr, body: ast.expr, orelse: ast.expr, it: Settings, per_axis: bool) -> Value:
    """One of two values: of each axis inside a function, of the whole outside, where the other is not looked at."""
    holds = _flag(test, _evaluate(test, it, per_axis))
    if not per_axis:
        return _evaluate(body if _collapse(holds) else orelse, it, per_axis)
    one, other = _evaluate(body, it, per_axis), _evaluate(orelse, it, per_axis)
    _same_kind(node, one, other)
    return _map(node, lambda first, a, b: a if first else b, holds, one, other)


def _compare(node: ast.Compare, it: Settings, per_axis: bool) -> Value:
    joined: Value = True
    left = _evaluate(node.left, it, per_axis)
    for op, side in zip(node.ops, node.comparators, strict=True):
        right = _evaluate(side, it, per_axis)
        if isinstance(op, (ast.In, ast.NotIn)):
            for item in right:
                _same_kind(node, left, item)
            among = _map(node, lambda value, items=right: value in items, left)
            here = among if isinstance(op, ast.In) else _map(node, operator.not_, among)
        else:
            _same_kind(node, left, right, ordered=not isinstance(op, (ast.Eq, ast.NotEq)))
            here = _map(node, _COMPARISONS[type(op)], left, right)
        joined = _map(node, operator.and_, joined, here)
        left = right
    return joined


def _call(node: ast.expr, name: str, args: list[Value]) -> Value:
    if name in ("any", "all"):
        value = _flag(node, args[0])
        return value if isinstance(value, bool) else (any if name == "any" else all)(value)
    numbers = [_number(node, arg) for arg in args]
    if name == "prod":
        return math.prod(numbers[0]) if isinstance(numbers[0], tuple) else numbers[0]
    choose = min if name == "min" else max
    if len(numbers) == 1:
        return choose(numbers[0]) if isinstance(numbers[0], tuple) else numbers[0]
    return _map(node, lambda *values: choose(values), *numbers)


def _pick(node: ast.expr, value: Value, index: Value) -> Value:
    if not isinstance(value, tuple) or not isinstance(index, int) or not -len(value) <= index < len(value):
        raise _refuse(node, f"axis {index}", f"an axis of {len(value) if isinstance(value, tuple) else 0}")
    return value[index]


def _map(node: ast.expr, function: Callable[..., Value], *values: Value) -> Value:
    """`function` over the axes where some value is a vector, and once where none is."""
    lengths = {len(value) for value in values if isinstance(value, tuple)}
    if len(lengths) > 1:
        raise _refuse(node, f"vectors of {' and '.join(map(str, sorted(lengths)))} axes", "as many axes on both sides")
    try:
        if not lengths:
            return function(*values)
        columns = [value if isinstance(value, tuple) else (value,) * max(lengths) for value in values]
        return tuple(function(*column) for column in zip(*columns, strict=True))
    except ZeroDivisionError:
        raise _refuse(node, "a division by 0", "a divisor other than 0") from None


def _kind(value: Value) -> str:
    first = value[0] if isinstance(value, tuple) and value else value
    return {bool: "condition", str: "word"}.get(type(first), "number")


def _same_kind(node: ast.expr, left: Value, right: Value, ordered: bool = False) -> None:
    kinds = _kind(left), _kind(right)
    if kinds[0] != kinds[1]:
        raise _refuse(node, f"a {kinds[0]} compared with a {kinds[1]}", "two of one kind")
    if ordered and kinds[0] != "number":
        raise _refuse(node, f"an order between {kinds[0]}s", "== or !=")


def _number(node: ast.expr, value: Value) -> Value:
    if _kind(value) != "number":
        raise _refuse(node, f"a {_kind(value)}", "a number")
    return value


def _flag(node: ast.expr, value: Value) -> Value:
    if _kind(value) != "condition":
        raise _refuse(node, f"a {_kind(value)}", "a condition")
    return value


def _collapse(value: Value) -> Value:
    """A vector of conditions holds where all of them hold."""
    return all(value) if isinstance(value, tuple) and _kind(value) == "condition" else value
