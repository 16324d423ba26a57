"""A layer as text, read by `ast`: the name that is called and its arguments. Nothing is evaluated."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convt.translation.layer import LayerError

LONGEST = 10_000
"""Characters of a layer's text: a call has some hundred, and Python's parser takes much memory for deep nesting."""
PLACE = re.compile(r"^\(\w+\): ")
"""What PyTorch prints before a layer that is part of another: `(0): ConvTranspose2d(...)`."""
MAKERS = ("zeros", "ones", "empty", "full", "rand", "randn", "normal", "uniform", "randint", "arange")
"""Functions that make an array of the shape that is their first argument, or of their whole arguments."""
ADDERS = ("bias_add", "add")
"""Functions that add their second argument to the first."""


@dataclass(frozen=True)
class Name:
    """What cannot be known without running the program: a variable, or a call."""

    text: str


@dataclass(frozen=True)
class Shape:
    """An array, of which the shape alone is written: `torch.zeros(1, 3, 4, 4)`."""

    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """`name(*positional, **named)`; the values are literals, `Shape` or `Name`."""

    name: str
    positional: tuple[Any, ...]
    named: dict[str, Any]
    text: str
    biased: bool = False
    """Whether a bias is added to the result: `call(...) + bias`, `tf.nn.bias_add(call(...), bias)`."""


def parse(text: str) -> Call:
    """The call that the text is; an assignment's right side, an expression's outermost call that has a dotted name."""
    cleaned = PLACE.sub("", text.strip()).rstrip(",;")
    if len(cleaned) > LONGEST:
        raise LayerError(f"a layer: found {len(cleaned):,} characters, accepted one call, {LONGEST:,} at most")
    try:
        body = ast.parse(cleaned).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f", column {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
        raise LayerError(
            f"a layer: cannot read {_short(cleaned)}{where}: {_why(error)}; write one call, as in Python"
        ) from None
    value = body[0].value if len(body) == 1 and isinstance(body[0], (ast.Expr, ast.Assign)) else None
    inner = _without_bias(value)
    call = inner or value
    if not isinstance(call, ast.Call):
        raise LayerError(f"a layer: found {_short(cleaned)}, accepted one call, such as "
                         "torch.nn.ConvTranspose2d(1, 3, 3, stride=2)")  # fmt: skip
    if isinstance(call.func, ast.Call):  # layer(...)(x): the layer is what is meant
        call = call.func
    name = _dotted(call.func)
    if name is None:
        raise LayerError(f"a layer: found a call of {_short(ast.unparse(call.func))}, accepted a call of a dotted name")
    try:
        return Call(name, tuple(map(_argument, call.args)), _named(call), cleaned, inner is not None)
    except RecursionError:
        raise LayerError(f"a layer: {_short(cleaned)} nests too deeply; write one call") from None


def _why(error: Exception) -> str:
    """Why Python cannot read a text."""
    if isinstance(error, UnicodeError):
        return "it has bytes that are no text"
    if not isinstance(error, SyntaxError):
        return "it nests too deeply"
    return "a number of it is too long" if "limit" in error.msg and "digits" in error.msg else error.msg


def _without_bias(node: ast.expr | None) -> ast.Call | None:
    """The call to whose result a bias is added; None where none is."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        first, second = node.left, node.right
    elif isinstance(node, ast.Call) and len(node.args) == 2 and (_dotted(node.func) or "").split(".")[-1] in ADDERS:
        first, second = node.args
    else:
        return None
    shaped = isinstance(second, ast.Tuple) and len(second.elts) == 1  # which stands for the array, as in `shape_of`
    named = shaped or re.search(r"bias|\bb\b", ast.unparse(second))
    return first if named and isinstance(first, ast.Call) else None


def _argument(node: ast.expr) -> Any:
    if isinstance(node, ast.Starred):
        raise LayerError(f"found {ast.unparse(node)}, accepted arguments that are written out")
    return value_of(node)


def _named(call: ast.Call) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise LayerError(f"found **{_short(ast.unparse(keyword.value))}, accepted arguments that are written out")
        if keyword.arg in named:
            raise LayerError(f"{keyword.arg}: given twice")
        named[keyword.arg] = value_of(keyword.value)
    return named


def value_of(node: ast.expr) -> Any:
    """The value of a literal; of a call that makes an array its `Shape`; of everything else the `Name`."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        pass
    if isinstance(node, (ast.Tuple, ast.List)):
        items = [value_of(item) for item in node.elts]
        return tuple(items) if isinstance(node, ast.Tuple) else items
    if isinstance(node, ast.Call) and (shape := _made(node)) is not None:
        return shape
    return Name(ast.unparse(node))


def _made(call: ast.Call) -> Shape | None:
    name = _dotted(call.func)
    if name is None or name.split(".")[-1] not in MAKERS:
        return None
    keywords = [keyword.value for keyword in call.keywords if keyword.arg in ("size", "shape")]
    values = [value_of(argument) for argument in keywords or call.args]
    for value in values:  # the first that is a shape: a random key and bounds stand before it in some libraries
        if isinstance(value, (tuple, list)) and all(type(item) is int for item in value):
            return Shape(tuple(value))
    if values and all(type(value) is int for value in values):
        return Shape(tuple(values))
    return None


def _dotted(node: ast.expr) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def _short(text: str, most: int = 60) -> str:
    return repr(text if len(text) <= most else text[: most - 3] + "...")


def shape_of(name: str, value: Any) -> Sequence[int] | None:
    """The shape that an argument says: of `Shape`, of a tuple that stands for the array; None of a name."""
    if isinstance(value, Shape):
        return value.sizes
    if isinstance(value, (tuple, list)) and value and all(type(item) is int and item >= 0 for item in value):
        return tuple(value)
    if isinstance(value, Name):
        return None
    raise LayerError(f"{name}: found {value!r}, accepted an array's shape such as (1, 3, 4, 4), or a name for an array")
