"""The overlaps of a plane as inline SVG: a cell a position, with its number."""

from __future__ import annotations

from collections.abc import Sequence

CELL, EDGE = 26, 34
MOST = 32
"""Rows and columns that are drawn; the pattern repeats."""


def heat_map(counts: Sequence[Sequence[int]], title: str) -> str:
    """The map as an SVG element, coloured by the page's classes. The number in a cell says what its shade does."""
    rows, columns = min(len(counts), MOST), min(len(counts[0]), MOST)
    most = max(max(row) for row in counts) or 1
    left_out = rows < len(counts) or columns < len(counts[0])
    width, height = EDGE + columns * CELL + 2, EDGE + rows * CELL + (22 if left_out else 2)
    parts = [
        f'<svg class="heat" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<title>{title}</title>",
    ]
    for column in range(columns):
        parts.append(_text(EDGE + column * CELL + CELL // 2, EDGE - 9, column, "place"))
    for row in range(rows):
        parts.append(_text(EDGE - 14, EDGE + row * CELL + CELL // 2 + 4, row, "place"))
        parts += [_cell(row, column, counts[row][column], most) for column in range(columns)]
    if left_out:
        said = f"{rows} of {len(counts):,} rows and {columns} of {len(counts[0]):,} columns are drawn."
        parts.append(f'<text x="0" y="{height - 5}" class="note">{said}</text>')
    return "".join([*parts, "</svg>"])


def _cell(row: int, column: int, count: int, most: int) -> str:
    x, y = EDGE + column * CELL, EDGE + row * CELL
    shade = f'class="shade" fill-opacity="{count / most:.2f}"' if count else 'class="hole"'
    box = f'<rect {shade} x="{x + 1}" y="{y + 1}" width="{CELL - 2}" height="{CELL - 2}" rx="2"/>'
    return box + _text(x + CELL // 2, y + CELL // 2 + 4, count, "" if count else "gap")


def _text(x: int, y: int, text: object, kind: str) -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{named}>{text}</text>'
