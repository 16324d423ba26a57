"""Laws of what may be moved, turned, split or embedded without changing the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.data import Arrays
from convt.conv.settings import Settings
from convt.laws.blame import blamed
from convt.laws.comparison import equal
from convt.laws.law import PASS, Finding
from convt.laws.probes import Relation, ask, asked, inhabited, sampled, valued, whole

T = TypeVar("T")


class Shift(Relation):
    """Shifting the input by one shifts the output by the stride.

    The last place of every axis is emptied first, so that nothing is lost; outputs that come in from before the first
    are not compared. Budget: the case's own settings, with one set of data more than there are axes.
    """

    id = "shift"
    over_cover = "everywhere"
    source = "section 3: i + 1 lands s later"

    def applies(self, case: Case) -> bool:
        return case.settings.transposed and inhabited(case.settings) and bool(_movable(case.settings))

    def probes(self, case: Case) -> dict[str, Probe]:
        it, arrays = case.settings, whole(case)
        x = arrays.x.copy()
        for axis in _movable(it):
            x[(slice(None),) * (2 + axis) + (-1,)] = 0
        probes = {"still": ask(it, Arrays(x, arrays.w, arrays.b))}
        for axis in _movable(it):
            probes[f"axis {axis}"] = ask(it, Arrays(np.roll(x, 1, 2 + axis), arrays.w, arrays.b))
        return probes

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        it = case.settings
        for axis in _movable(it):
            before, s = (slice(None),) * (2 + axis), it.stride[axis]
            moved = valued(got[f"axis {axis}"])[(*before, slice(s, None))]
            still = valued(got["still"])[(*before, slice(None, -s))]
            judged = equal(moved, still, f"from {s} on, axis {axis} shifted: out")
            if judged is not PASS:
                return blamed(judged, asked(self, case), got, (f"axis {axis}", "still"))
        return PASS


def _movable(it: Settings) -> list[int]:
    """The axes with two inputs, and outputs that both positions of the shift reach."""
    return [axis for axis in range(it.rank) if it.input[axis] > 1 and it.output[axis] > it.stride[axis]]


class Symmetry(Relation):
    """Flipping or swapping the spatial axes of everything flips or swaps the output.

    The flipped answer is compared where it and the other overlap, so that no mirrored crop has to be said.
    Budget: one more settings, the axes swapped (none in 1-D); without it, the flip alone is judged.
    """

    id = "symmetry"
    over_cover = "everywhere"
    source = "section 3: no axis and no direction is special"

    def applies(self, case: Case) -> bool:
        return inhabited(case.settings) and (case.settings.rank > 1 or _mirrored(case.settings) is not None)

    def probes(self, case: Case) -> dict[str, Probe]:
        it, arrays = case.settings, whole(case)
        spatial = tuple(range(2, 2 + it.rank))
        probes = {"plain": ask(it, arrays)}
        if _mirrored(it) is not None:
            x, w = (np.ascontiguousarray(np.flip(array, spatial)) for array in (arrays.x, arrays.w))
            probes["flipped"] = ask(it, Arrays(x, w, arrays.b))
        if it.rank > 1:
            x, w = (np.ascontiguousarray(array.transpose(0, 1, *_turned(spatial))) for array in (arrays.x, arrays.w))
            probes["swapped"] = ask(_swapped(it), Arrays(x, w, arrays.b))
        return probes

    def needs(self, name: str) -> bool:
        return name != "swapped"

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        it = case.settings
        here, there = _mirrored(it) or ([], [])
        if "flipped" in got:
            part = valued(got["plain"])[np.ix_(range(it.batch), range(it.channels_out), *here)]
            other = valued(got["flipped"])[np.ix_(range(it.batch), range(it.channels_out), *there)]
            judged = equal(part, other, "where it overlaps with its flipped self, out")
            if judged is not PASS:
                return blamed(judged, asked(self, case), got, ("plain", "flipped"))
        if "swapped" in got:
            wrapped = valued(got["plain"]).transpose(0, 1, *_turned(tuple(range(2, 2 + it.rank))))
            judged = equal(valued(got["swapped"]), wrapped, "out with axes swapped")
            return blamed(judged, asked(self, case), got, ("swapped", "plain"))
        if "flipped" in got:
            return PASS
        note = "the axes cannot be swapped, and no flip keeps the stride's places"
        return Finding("unsupported", "unsupported", "swapped", outcome="unsupported", note=note)


def _mirrored(it: Settings) -> tuple[list[list[int]], list[list[int]]] | None:
    """Per axis the outputs, and beside each the one that the flipped operation puts in its place; None where none are.

    Transposed: o is position lo + o of a full result of (n-1)s + e. Forward: the window of o begins at o s - lo.
    """
    here, there = [], []
    for n, s, e, (lo, _), out in zip(it.input, it.stride, it.effective, it.crop, it.output, strict=True):
        if it.transposed:
            last = (n - 1) * s + e - 1 - 2 * lo
        elif (n - e + 2 * lo) % s:
            return None
        else:
            last = (n - e + 2 * lo) // s
        kept = [o for o in range(out) if 0 <= last - o < out]
        here.append(kept)
        there.append([last - o for o in kept])
    return (here, there) if all(here) else None


def _turned(axes: tuple[T, ...]) -> tuple[T, ...]:
    """The axes, each moved one place to the left: in 2-D a swap, in 3-D no axis stays."""
    return (*axes[1:], axes[0])


def _swapped(it: Settings) -> Settings:
    return it.replace(
        input=_turned(it.input), kernel=_turned(it.kernel), stride=_turned(it.stride), dilation=_turned(it.dilation),
        padding=it.padding if isinstance(it.padding, str) else _turned(it.padding),
        output_padding=it.output_padding and _turned(it.output_padding),
        output_size=it.output_size and _turned(it.output_size),
    )  # fmt: skip


def in_the_rank_above(case: Case) -> Probe:
    """The case with a unit axis before its first, of one input, one tap and one output."""
    it, arrays = case.settings, whole(case)
    higher = it.replace(
        input=(1, *it.input), kernel=(1, *it.kernel), stride=(1, *it.stride), dilation=(1, *it.dilation),
        padding=it.padding if isinstance(it.padding, str) else ((0, 0), *it.padding),
        output_padding=it.output_padding and (0, *it.output_padding),
        output_size=it.output_size and (1, *it.output_size),
    )  # fmt: skip
    x, w = (np.expand_dims(array, 2) for array in (arrays.x, arrays.w))
    return ask(higher, Arrays(x, w, arrays.b))


class Rank(Relation):
    """1-D equals 2-D with a unit axis, and 2-D equals 3-D with one.

    Budget: one more settings; every second case.
    """

    id = "rank"
    over_cover = "everywhere"
    source = "section 4; a unit axis has one input, one tap and one output"

    def applies(self, case: Case) -> bool:
        return case.settings.rank < 3 and inhabited(case.settings) and sampled(case, 2)

    def probes(self, case: Case) -> dict[str, Probe]:
        return {"plain": ask(case.settings, whole(case)), "higher": in_the_rank_above(case)}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        rank = case.settings.rank
        judged = equal(valued(got["higher"])[:, :, 0], valued(got["plain"]), f"the {rank + 1}-D answer")
        return blamed(judged, asked(self, case), got, ("higher", "plain"))
