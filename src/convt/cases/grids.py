"""A matrix of values becomes cases: every combination, those that `where` lets through, thinned to a covering array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import prod
from typing import Any, Literal

import covertable

from convt.cases.build import FIELDS, Unchecked, keywords
from convt.cases.errors import show
from convt.cases.expressions import Expression, ExpressionError
from convt.conv.settings import Settings, SettingsError

MOST_COMBINATIONS = 10_000
MOST_CASES = 1_000
LETTERS = {
    "op": "op", "input": "n", "kernel": "k", "stride": "s", "dilation": "d", "padding": "p", "output_padding": "a",
    "output_size": "o", "batch": "b", "channels": "c", "groups": "g", "bias": "bias",
}  # fmt: skip
_ORDER = ("input", "kernel", "stride", "dilation", "padding", "output_padding", "output_size",
          "batch", "channels", "groups", "bias", "op")  # fmt: skip
"""The order of the fields in an id; never changed, because ids are for ever."""

Combination = dict[str, Any]


class MatrixError(ValueError):
    """A matrix that gives no cases; `field` is the one to change: matrix, matrix.FIELD, where or cover."""

    def __init__(self, field: str, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.offset = offset


@dataclass(frozen=True)
class Member:
    """One combination that counts: what its id ends with, the values, and the settings."""

    suffix: str
    combination: Combination
    settings: Settings


def suffix(combination: Mapping[str, Any]) -> str:
    """`k2-s3-plo0hi1` for the values of a combination, fields in an order that never changes."""
    return "-".join(_word(name, combination[name]) for name in _ORDER if name in combination)


def _word(name: str, value: Any) -> str:
    if name == "op":
        return "op" + str(value).replace("conv_transpose", "transposed").replace("conv", "forward")
    if name == "bias":
        return "bias" if value else "nobias"
    return LETTERS[name] + _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "x".join(f"lo{item[0]}hi{item[1]}" if isinstance(item, list) else str(item) for item in value)
    return str(value)


def spell(combination: Mapping[str, Any]) -> str:
    """`kernel: 2, stride: 3` for messages."""
    return ", ".join(f"{name}: {show(value)}" for name, value in combination.items())


def members(
    base: Mapping[str, Any], matrix: Mapping[str, Sequence[Any]], where: str | None, cover: Literal[2, 3, "all"]
) -> list[Member]:
    """The cases of a matrix over `base`, in the order of its product; MatrixError where none is left or one is bad."""
    axes = {name: list(matrix[name]) for name in FIELDS if name in matrix}
    if not axes:
        raise MatrixError("matrix", f"needs one or more of {', '.join(FIELDS)}")
    for name, values in axes.items():
        if name in base:
            raise MatrixError(f"matrix.{name}", "given here and in the case: give it once")
        words = [_word(name, value) for value in values]
        if twice := [value for value, word in zip(values, words, strict=True) if words.count(word) > 1]:
            raise MatrixError(f"matrix.{name}", f"found {show(twice[0])} twice, accepted once")
    if prod(map(len, axes.values())) > MOST_COMBINATIONS:
        found = f"found {prod(map(len, axes.values())):,} combinations"
        raise MatrixError("matrix", f"{found}, accepted up to {MOST_COMBINATIONS:,}")
    allowed = _allowed(base, axes, where)
    kept = thin([len(values) for values in axes.values()], list(allowed), cover)
    if len(kept) > MOST_CASES:
        raise MatrixError(
            "cover", f"found {len(kept):,} cases, accepted up to {MOST_CASES:,}; cover: 2 or 3 gives fewer"
        )
    return [allowed[picks] for picks in kept]


def _allowed(
    base: Mapping[str, Any], axes: Mapping[str, list[Any]], where: str | None
) -> dict[tuple[int, ...], Member]:
    """The combinations that `where` lets through, by the position of each value in its list."""
    condition = _condition(where)
    allowed: dict[tuple[int, ...], Member] = {}
    refused: list[tuple[Combination, SettingsError]] = []
    for picks in product(*(range(len(values)) for values in axes.values())):
        combination = {name: values[pick] for (name, values), pick in zip(axes.items(), picks, strict=True)}
        error: SettingsError | None = None
        settings: Settings | None
        try:
            settings = _settings({**base, **combination})
        except SettingsError as found:
            settings, error = _unchecked({**base, **combination}), found
        if not _holds(condition, settings, combination):
            continue
        if error is not None:
            refused.append((combination, error))
        elif settings is not None:
            allowed[picks] = Member(suffix(combination), combination, settings)
    if refused:
        raise _refusal(refused, axes)
    if not allowed:
        raise MatrixError("where", f"`where` holds for no combination: {where!r}")
    return allowed


def _settings(values: Mapping[str, Any]) -> Settings:
    return Settings(**keywords(values))


def _unchecked(values: Mapping[str, Any]) -> Settings | None:
    try:
        return Unchecked(**keywords(values))
    except SettingsError:
        return None


def _condition(where: str | None) -> Expression | None:
    try:
        return None if where is None else Expression(where)
    except ExpressionError as error:
        raise MatrixError("where", str(error), error.offset) from None


def _holds(condition: Expression | None, settings: Settings | None, combination: Combination) -> bool:
    if condition is None or settings is None:
        return True
    try:
        return condition.holds(settings)
    except ExpressionError as error:
        raise MatrixError("where", f"{error}; with {spell(combination)}", error.offset) from None


def _refusal(refused: list[tuple[Combination, SettingsError]], axes: Mapping[str, list[Any]]) -> MatrixError:
    combination, error = refused[0]
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    field = f"matrix.{error.field}" if error.field in axes else "matrix"
    found = f"the combination {spell(combination)}{more} is invalid ({error})"
    return MatrixError(field, f"{found}; exclude it with `where`")


def thin(
    sizes: Sequence[int], allowed: Sequence[tuple[int, ...]], cover: Literal[2, 3, "all"]
) -> list[tuple[int, ...]]:
    """So many of the allowed combinations that every allowed pair (triple) of values is in one, in the order given.

    The constraint handed to covertable is exact: a row that is filled in part is refused when no allowed combination
    continues it, which bit sets over the allowed combinations answer at once.
    """
    if cover == "all" or len(sizes) <= cover:
        return list(allowed)
    holders: list[list[int]] = [[0] * size for size in sizes]
    for number, picks in enumerate(allowed):
        for axis, pick in enumerate(picks):
            holders[axis][pick] |= 1 << number

    def continues(row: Mapping[str, int]) -> bool | None:
        left = (1 << len(allowed)) - 1
        for name, pick in row.items():
            left &= holders[int(name)][pick]
        # None is "not known yet": True would tell covertable to stop asking about this row
        return False if not left else True if len(row) == len(sizes) else None

    factors = {str(axis): list(range(size)) for axis, size in enumerate(sizes)}
    constraint = {"operator": "fn", "requires": [], "evaluate": continues}
    rows = covertable.make(factors, strength=cover, constraints=[constraint])
    kept = {tuple(row[str(axis)] for axis in range(len(sizes))) for row in rows}
    kept |= _missing(allowed, kept, cover)
    return [picks for picks in allowed if picks in kept]


def _missing(allowed: Sequence[tuple[int, ...]], kept: set[tuple[int, ...]], strength: int) -> set[tuple[int, ...]]:
    """The allowed combinations to add so that no allowed tuple of values is left out, should the search give one up."""
    covered = {part for picks in kept for part in combinations(enumerate(picks), strength)}
    added: set[tuple[int, ...]] = set()
    for picks in allowed:
        parts = set(combinations(enumerate(picks), strength))
        if not parts <= covered:
            added.add(picks)
            covered |= parts
    return added
