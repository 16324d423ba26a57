"""The judgement of a result that comes back as the sums of its blocks: too large to be sent, or to be held twice."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.conv.block_sums import blocks, marks
from convt.conv.data import Arrays
from convt.conv.slabs import right_block_sums
from convt.laws.comparison import number, same_dtype, same_shape
from convt.results.finding import PASS, Finding


@lru_cache(maxsize=64)
def right_of(probe: Probe) -> np.ndarray:
    """The right answer to a folded probe, as `convt.conv.block_sums` gives it; kept for the targets to come."""
    return right_block_sums(probe.settings, Arrays(probe.x, probe.w, probe.b), probe.block)


def judged_block_sums(probe: Probe, outcome: Outcome, name: str = "") -> Finding:
    """Equal shape, dtype, sums and single numbers; `name` is what the law calls the probe."""
    shape = probe.settings.y_shape
    form = same_shape(outcome.shape or (), shape, probe=name)
    if form is PASS:
        form = same_dtype(outcome.dtype, str(probe.x.dtype), probe=name)
    if form is not PASS:
        return form
    right, got = right_of(probe), outcome.value
    if got is None or got.shape != right.shape:
        raise ValueError("the sums of a tensor of this shape have another shape")
    return PASS if np.array_equal(got, right) else _wrong(shape, probe.block, got, right, name)


def _wrong(shape: tuple[int, ...], block: int, got: np.ndarray, right: np.ndarray, name: str) -> Finding:
    """The first single number that is wrong, else the first block; how many are; where one wrong number would be."""
    count, at = blocks(prod(shape), block), marks(prod(shape))
    seen = np.flatnonzero(got[2 * count :] != right[2 * count :])
    sums, *lines = _sums(shape, block, got, right) or ["", ""]
    if not len(seen):
        total, due = _first_sums(count, got, right)
        return Finding("differs", "value", name, sums, got=total, due=due, lines=tuple(lines))
    place = 2 * count + int(seen[0])
    counted = f"{len(seen):,} of {len(at):,} single numbers differ, the last out[{_index(at[seen[-1]], shape)}]"
    if sums:
        total, due = _first_sums(count, got, right)
        lines.insert(0, f"{sums}={total:.17g}, but should be {due:.17g}")
    return Finding(
        "differs", "value", name, "out", _indices(at[seen[0]], shape), number(got[place]), number(right[place]),
        lines=(counted, *(line for line in lines if line)),
    )  # fmt: skip


def _first_wrong(count: int, got: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The blocks of which a sum is wrong."""
    return np.flatnonzero(np.any((got != right)[: 2 * count].reshape(2, count), axis=0))


def _first_sums(count: int, got: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """The sum of the first wrong block, and what it should be."""
    first = int(_first_wrong(count, got, right)[0])
    return float(got[first]), float(right[first])


def _sums(shape: tuple[int, ...], block: int, got: np.ndarray, right: np.ndarray) -> list[str]:
    """What the first wrong block is the sum of, and what else there is to say of it; nothing where all are right."""
    size, count = prod(shape), blocks(prod(shape), block)
    wrong = _first_wrong(count, got, right)
    if not len(wrong):
        return []
    first = int(wrong[0])
    begin, end = first * block, min((first + 1) * block, size)
    (total, placed), (due, due_placed) = ((each[first], each[count + first]) for each in (got, right))
    lines = [f"sum of out[{_index(begin, shape)}] to out[{_index(end - 1, shape)}]"]
    lines.append(f"each times its place in there, the sum is {placed:.17g}, but should be {due_placed:.17g}")
    lines.append(f"{len(wrong):,} of {count:,} blocks of {block:,} numbers differ, the first at {begin:,}")
    alone = (placed - due_placed) / (total - due) if total != due else 0.0
    if alone.is_integer() and 1 <= alone <= end - begin:
        lines.append(f"if one number of that block is wrong, it is out[{_index(begin + int(alone) - 1, shape)}]")
    return lines


def _indices(at: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(index) for index in np.unravel_index(at, shape))


def _index(at: int, shape: tuple[int, ...]) -> str:
    return ",".join(map(str, _indices(at, shape)))
