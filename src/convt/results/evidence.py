"""Expected against got, as tables that fit on a page and mark what differs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_ROWS, MOST_COLUMNS = 10, 16
Index = tuple[int, ...]
Plane = list[list[Any]]


@dataclass(frozen=True)
class Cell:
    """One number."""

    text: str
    differs: bool = False


@dataclass(frozen=True)
class Grid:
    """A table of numbers: the heads of its columns, and rows with a head each."""

    caption: str
    columns: list[str]
    rows: list[tuple[str, list[Cell]]]


@dataclass(frozen=True)
class Evidence:
    """What to show of a verdict's arrays; `note` says what is left out."""

    note: str = ""
    grids: list[Grid] = field(default_factory=list)


def number(value: Any) -> str:
    """A number as short as nine digits allow."""
    return format(value, ".9g") if isinstance(value, float) else str(value)


def shape_of(value: Any) -> Index:
    """The shape of nested lists."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def unequal(a: Any, b: Any) -> bool:
    """Whether two numbers differ; nan equals nan, and 0 differs from -0."""
    if a != a and b != b:
        return False
    if a != b:
        return True
    return isinstance(a, float) and isinstance(b, float) and math.copysign(1, a) != math.copysign(1, b)


def compare(expected: Any, actual: Any, at: Index = (), names: tuple[str, str] = ("expected", "got")) -> Evidence:
    """The tables for two arrays, either of which may be None (not stored), by their names, around the place `at`."""
    if expected is None and actual is None:
        return Evidence()
    if expected is None or actual is None:
        said, array = (names[1], actual) if expected is None else (names[0], expected)
        return Evidence(f"Only what was {said} is stored.", side_by_side([(said, array)], None)[0])
    if shape_of(expected) != shape_of(actual):
        note = f"The shapes differ: {names[0]} {shape_of(expected)}, {names[1]} {shape_of(actual)}."
        arrays = [(names[0], expected), (names[1], actual)]
        return Evidence(note, [grid for pair in arrays for grid in side_by_side([pair], None)[0]])
    differing = [index for index, a, b in pairs(expected, actual) if unequal(a, b)]
    first = within(at, shape_of(expected)) or (differing[0] if differing else None)
    grids, left_out = side_by_side([(names[0], expected), (names[1], actual)], first)
    total = math.prod(shape_of(expected))
    note = f"{len(differing):,} of {total:,} numbers differ, marked ≠." if differing else "No number differs."
    return Evidence(f"{note} {left_out}".strip(), grids)


def within(index: Index, shape: Index) -> Index | None:
    """The index that a finding names, where the array has it."""
    fits = len(index) == len(shape) and all(0 <= i < extent for i, extent in zip(index, shape, strict=True))
    return index if index and fits else None


def pairs(a: Any, b: Any, index: Index = ()) -> Iterator[tuple[Index, Any, Any]]:
    if isinstance(a, list) and isinstance(b, list):
        for place, (left, right) in enumerate(zip(a, b, strict=False)):
            yield from pairs(left, right, (*index, place))
    else:
        yield index, a, b


def side_by_side(
    arrays: list[tuple[str, Any]], around: Index | None, against: Sequence[int | None] = (None, 0)
) -> tuple[list[Grid], str]:
    """Tables of the last two axes, cut to a window around an index; and what the window leaves out.

    Arrays of one shape; `against` gives for each the place of the one that its numbers are marked against.
    """
    shape = shape_of(arrays[0][1])
    if 0 in shape:
        return [], f"The shape is {shape}: no numbers."
    index = around or (0,) * len(shape)
    lead = index[:-2]
    planes = [(name, _plane(array, lead)) for name, array in arrays]
    height, width = len(planes[0][1]), len(planes[0][1][0])
    at_row, at_column = (index[-2] if len(shape) > 1 else 0), (index[-1] if shape else 0)
    rows, columns = _window(at_row, height, MOST_ROWS), _window(at_column, width, MOST_COLUMNS)
    others = [None if place is None else planes[place][1] for place in against]
    grids = [_grid(*pair, other, rows, columns) for pair, other in zip(planes, others, strict=False)]
    if len(rows) == 1 and len(grids) > 1:
        lines = [(grid.caption, grid.rows[0][1]) for grid in grids]
        grids = [Grid(_place(lead, shape), grids[0].columns, lines)]
    whole = math.prod(shape) == len(rows) * len(columns)
    return grids, "" if whole else f"Shown: {_slice(lead, rows, columns, shape)} of shape {shape}."


def _plane(array: Any, lead: Index) -> Plane:
    for place in lead:
        array = array[place]
    if not isinstance(array, list):
        return [[array]]
    return array if array and isinstance(array[0], list) else [array]


def _window(at: int, extent: int, most: int) -> range:
    first = max(0, min(at - most // 2, extent - most))
    return range(first, min(first + most, extent))


def _grid(name: str, plane: Plane, expected: Plane | None, rows: range, columns: range) -> Grid:
    """A window of a plane; what differs from `expected` is marked."""
    lines = []
    for row in rows:
        differs = (expected is not None and unequal(expected[row][column], plane[row][column]) for column in columns)
        cells = [Cell(number(plane[row][column]), wrong) for column, wrong in zip(columns, differs, strict=True)]
        lines.append((str(row), cells))
    return Grid(name, [str(column) for column in columns], lines)


def _place(lead: Index, shape: Index) -> str:
    """The place of a single row in its array."""
    return f"[{', '.join(map(str, lead))}, 0, :]" if lead and max(shape[:-1]) > 1 else ""


def _slice(lead: Index, rows: range, columns: range, shape: Index) -> str:
    parts = [*map(str, lead)]
    if len(shape) > 1:
        parts.append(f"{rows.start}:{rows.stop}")
    parts.append(f"{columns.start}:{columns.stop}")
    return f"[{', '.join(parts)}]"
