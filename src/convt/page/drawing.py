"""Where each number lands: one axis of a convolution as inline SVG.

Transposed: every input stamps its taps onto the output; below stand the overlaps, the gaps and what is cropped.
Forward: every output reads its window; below stands how often each input is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from convt.results.features import effective

CELL, ROW, LEFT = 24, 18, 84
MOST_POSITIONS, MOST_STAMPS = 40, 10
LONGEST = 200_000
"""Positions of an axis up to which it is drawn: those of a large result are too many to be counted one by one."""


@dataclass(frozen=True)
class Axis:
    """One axis: `stamps` kernels of `taps` taps, laid onto `full` positions of which `lo` and `hi` lie outside."""

    transposed: bool
    stamps: int
    taps: int
    stride: int
    dilation: int
    lo: int
    hi: int
    full: int
    extra: int

    def lands(self, stamp: int, tap: int) -> int:
        """The position of a tap, counted from the first one of the uncropped result."""
        return stamp * self.stride + tap * self.dilation

    def counts(self) -> list[int]:
        """How many taps land on each position."""
        counts = [0] * self.full
        for stamp, tap in product(range(self.stamps), range(self.taps)):
            if self.lands(stamp, tap) < self.full:
                counts[self.lands(stamp, tap)] += 1
        return counts


def axis_of(it: dict[str, Any], axis: int) -> Axis | None:
    """The drawing's numbers for one axis of a case's settings; None where there is nothing to draw."""
    n, k, s, d = (it[name][axis] for name in ("input", "kernel", "stride", "dilation"))
    (lo, hi), a, out = it["crop"][axis], it["extra"][axis], it["output"][axis]
    if n == 0 or out <= 0:
        return None
    if it["op"] == "conv_transpose":
        return Axis(True, n, k, s, d, lo, hi, (n - 1) * s + effective(it)[axis] + a, a)
    return Axis(False, out, k, s, d, lo, hi, n + lo + hi, 0)


def drawings(it: dict[str, Any]) -> list[tuple[str, str]]:
    """(caption, SVG) for every axis that is short enough; axes that are alike share one."""
    axes = [axis_of(it, axis) for axis in range(len(it["input"]))]
    found: dict[Axis, list[int]] = {}
    for place, axis in enumerate(axes):
        if axis is not None and axis.full <= LONGEST:
            found.setdefault(axis, []).append(place)
    return [(_caption(axis, places, len(axes)), draw(axis)) for axis, places in found.items()]


def _caption(axis: Axis, places: list[int], rank: int) -> str:
    if rank == 1:
        return describe(axis)
    names = ", ".join(map(str, places))
    return (f"Axis {names}. " if len(places) == 1 else f"Axes {names}, alike. ") + describe(axis)


def describe(axis: Axis) -> str:
    """The drawing in words."""
    counts = axis.counts()
    inside = counts[axis.lo : axis.full - axis.hi]
    often = f"{min(inside)} to {max(inside)}" if min(inside) != max(inside) else str(inside[0])
    if not axis.transposed:
        zeros = f"; {axis.lo} zeros before and {axis.hi} after" if axis.lo or axis.hi else ""
        return f"Each output reads {axis.taps} inputs; each input is read {often} times{zeros}."
    gaps = sum(not count for count in inside)
    said = f"Each input stamps {axis.taps} taps, {axis.stride} apart; {often} land on an output"
    said += f"; {gaps} outputs get no tap" if gaps else ""
    return said + (f"; cropped: {axis.lo} before, {axis.hi} after." if axis.lo or axis.hi else "; nothing is cropped.")


def draw(axis: Axis) -> str:
    """One axis as an SVG element; its classes are coloured by the page."""
    shown = min(axis.full, MOST_POSITIONS)
    if axis.stamps > MOST_STAMPS:
        shown = min(shown, MOST_STAMPS * axis.stride)
    rows = min(axis.stamps, MOST_STAMPS, (shown - 1) // axis.stride + 1)
    left_out = axis.full > shown or axis.stamps > rows
    width = LEFT + shown * CELL + 12
    height = ROW * (rows + 2) + (ROW if left_out else 0) + 10
    parts = [
        f'<svg class="stamps" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<title>{describe(axis)}</title>",
        _outside(axis, shown, ROW * (rows + 1) + 4),
    ]
    parts += [_stamp(axis, stamp, shown) for stamp in range(rows)]
    parts.append(_landings(axis, shown, ROW * rows + 8))
    if left_out:
        parts.append(_text(0, height - 6, _rest(axis, shown, rows), "note"))
    return "".join([*parts, "</svg>"])


def _rest(axis: Axis, shown: int, rows: int) -> str:
    what = "inputs" if axis.transposed else "outputs"
    return f"{rows} of {axis.stamps} {what} and {shown} of {axis.full} positions are drawn."


def _text(x: int, y: int, text: object, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{named}>{text}</text>'


def _outside(axis: Axis, shown: int, height: int) -> str:
    """The shaded positions that are cropped (transposed) or zeros (forward)."""
    bands = [(0, min(axis.lo, shown)), (axis.full - axis.hi, shown)]
    return "".join(
        f'<rect class="outside" x="{LEFT + first * CELL}" y="0" width="{(last - first) * CELL}" height="{height}"/>'
        for first, last in bands
        if last > first
    )


def _stamp(axis: Axis, stamp: int, shown: int) -> str:
    """One kernel: a cell a tap, with the tap's number."""
    top = stamp * ROW + 1
    places = [(tap, axis.lands(stamp, tap)) for tap in range(axis.taps)]
    boxes = "".join(
        f"M{LEFT + place * CELL + 1} {top}h{CELL - 2}v{ROW - 2}h-{CELL - 2}z" for _, place in places if place < shown
    )
    taps = "".join(
        _text(LEFT + place * CELL + CELL // 2, top + ROW - 6, tap, "tap") for tap, place in places if place < shown
    )
    name = f"{'x' if axis.transposed else 'y'}[{stamp}]"
    return f'{_text(LEFT - 8, top + ROW - 6, name, "name")}<path class="box{stamp % 2}" d="{boxes}"/>{taps}'


def _landings(axis: Axis, shown: int, top: int) -> str:
    """How many taps land on each position, and the number of the position."""
    base = top + ROW
    parts = [
        f'<path class="rule" d="M{LEFT} {top - 3}h{shown * CELL}"/>',
        _text(LEFT - 8, top + ROW - 6, "taps here" if axis.transposed else "times read", "name"),
        _text(LEFT - 8, base + ROW - 4, "out" if axis.transposed else "in", "name"),
    ]
    for place, count in enumerate(axis.counts()[:shown]):
        x = LEFT + place * CELL + CELL // 2
        outside = not axis.lo <= place < axis.full - axis.hi
        added = axis.transposed and place >= axis.full - axis.extra and not outside
        kind = "cut" if outside else "gap" if not count else "count"
        if kind == "gap":
            parts.append(
                f'<rect class="hole" x="{x - CELL // 2 + 2}" y="{top - 1}" width="{CELL - 4}" height="{ROW - 1}"/>'
            )
        parts.append(_text(x, top + ROW - 6, count, kind))
        label = "cut" if axis.transposed else "0"
        number = label if outside else f"{place - axis.lo}{'+' if added else ''}"
        parts.append(_text(x, base + ROW - 4, number, "cut" if outside else "place"))
    return "".join(parts)
