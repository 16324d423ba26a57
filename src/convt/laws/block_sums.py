"""The judgement of a result that comes back as the sums of its blocks: too large to be sent, or to be held twice."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.conv.block_sums import blocks, marks
from convt.conv.data import Arrays
from convt.conv.slabs import right_block_sums
from convt.laws.comparison import same_shape
from convt.laws.law import PASS, Judgement


@lru_cache(maxsize=64)
def right_of(probe: Probe) -> np.ndarray:
    """The right answer to a folded probe, as `convt.conv.block_sums` gives it; kept for the targets to come."""
    return right_block_sums(probe.settings, Arrays(probe.x, probe.w, probe.b), probe.block)


def judged_block_sums(probe: Probe, outcome: Outcome) -> Judgement:
    """Equal shape, dtype, sums and single numbers."""
    shape = probe.settings.y_shape
    shapes = same_shape(outcome.shape or (), shape)
    if shapes is not PASS:
        return shapes
    if outcome.dtype != str(probe.x.dtype):
        return Judgement("differs", f"out.dtype={outcome.dtype}, but should be {probe.x.dtype}")
    right, got = right_of(probe), outcome.value
    if got is None or got.shape != right.shape:
        raise AssertionError("the sums of a tensor of this shape have another shape")
    if np.array_equal(got, right):
        return PASS
    return Judgement("differs", "\n".join(_said(shape, probe.block, got, right)))


def _said(shape: tuple[int, ...], block: int, got: np.ndarray, right: np.ndarray) -> list[str]:
    """The first single number that is wrong, else the first block; how many are; where one wrong number would be."""
    size = prod(shape)
    count, at = blocks(size, block), marks(size)
    wrong = np.flatnonzero(np.any((got != right)[: 2 * count].reshape(2, count), axis=0))
    seen = np.flatnonzero(got[2 * count :] != right[2 * count :])
    lines = []
    if len(seen):
        place = int(seen[0])
        number, due = (each[2 * count + place] for each in (got, right))
        lines.append(f"out[{_index(at[place], shape)}]={number:.9g}, but should be {due:.9g}")
        lines.append(f"{len(seen):,} of {len(at):,} single numbers differ, the last out[{_index(at[seen[-1]], shape)}]")
    if len(wrong):
        first = int(wrong[0])
        begin, end = first * block, min((first + 1) * block, size)
        (total, placed), (due, due_placed) = ((each[first], each[count + first]) for each in (got, right))
        span = f"out[{_index(begin, shape)}] to out[{_index(end - 1, shape)}]"
        lines.append(f"sum of {span}={total:.17g}, but should be {due:.17g}")
        lines.append(f"each times its place in there, the sum is {placed:.17g}, but should be {due_placed:.17g}")
        lines.append(f"{len(wrong):,} of {count:,} blocks of {block:,} numbers differ, the first at {begin:,}")
        alone = (placed - due_placed) / (total - due) if total != due else 0.0
        if alone.is_integer() and 1 <= alone <= end - begin:
            lines.append(f"if one number of that block is wrong, it is out[{_index(begin + int(alone) - 1, shape)}]")
    return lines


def _index(at: int, shape: tuple[int, ...]) -> str:
    return ",".join(str(int(index)) for index in np.unravel_index(at, shape))
