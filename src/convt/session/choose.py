"""Choosing by words in a name, as pytest's `-k` does: `gap and not (k5 or 3d)`."""

from __future__ import annotations

import ast
import re

from convt.session.options import BadOption

_WORD = re.compile(r"[^\s()]+")
_OPERATORS = ("and", "or", "not")
ACCEPTED = "words joined by 'and', 'or', 'not' and parentheses, such as 'gap and not 3d'"


def chooses(words: str, name: str) -> bool:
    """Whether a name has the words in it, whatever their case; BadOption where they make no sense."""
    lowered = name.lower()

    def held(found: re.Match[str]) -> str:
        word = found[0]
        return word if word in _OPERATORS else str(word.lower() in lowered)

    try:
        return _value(ast.parse(_WORD.sub(held, words.strip()), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise BadOption(f"-k: found {words!r}, accepted {ACCEPTED}") from None


def _value(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return node.value
    if isinstance(node, ast.BoolOp):
        values = map(_value, node.values)
        return all(values) if isinstance(node.op, ast.And) else any(values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _value(node.operand)
    raise ValueError(f"no condition: {ast.dump(node)}")
