"""The law of size: a result of more numbers than 32 bits can count is right everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import prod

import numpy as np

from backends.interface import Outcome, Probe
from backends.room import weight
from specs.case import Case
from specs.data import Arrays
from specs.folding import blocks, marks
from specs.slabs import fold_of
from tests.laws.base import PASS, Judgement, Law, without_value
from tests.laws.compare import same_shape
from tests.laws.rejects import BLAMES_THE_SYSTEM

REFUSES_THE_SIZE = re.compile(
    r"too (large|big|many|long)|exceed|larger than|greater than|must be (less|smaller|at most|below)|at most|up to"
    r"|32[- ]?bit|int32|INT_MAX|2\^31|2\*\*31|2147483647|2,147,483,647|overflow|maxim(um|al)|size limit",
    re.IGNORECASE,
)
"""What a refusal says that is about the size."""
WANTS_MEMORY = re.compile(
    r"bad_alloc|MemoryError|[Oo]ut of memory|OOM when|RESOURCE_EXHAUSTED|[Nn]ot enough memory|memory allocation failed"
    r"|([Ff]ailed|[Uu]nable|[Cc]an't|[Cc]annot|[Cc]ould not) (to )?allocate"
)
"""What an error, or the last words of a process, say where the system gave no memory."""
WRAPPED = 1 << 50
"""Bytes, or numbers, that no result here needs: who wants so many has let a size wrap around."""


class Large(Law):
    """A result of more than 2^31 numbers, or of as many as the case has, is right in each of its blocks.

    Asked in float16. What comes back are its shape, its dtype, two exact sums of every block, and single numbers where
    counts and bytes may wrap around. A clear refusal of the size is `unsupported`; a call of GBs that the system gave
    no memory is `not-run`. Budget: one call.
    """

    id = "large"
    source = "section 10; 2^31 - 1 is the last place that a signed 32-bit index reaches"
    draws = False

    def applies(self, case: Case) -> bool:
        return case.fold is not None

    def probes(self, case: Case) -> dict[str, Probe]:
        return {"folded": _probe(case)}

    def weigh(self, case: Case, got: Mapping[str, Outcome]) -> Judgement:
        outcome = got["folded"]
        if outcome.kind == "raised" and refuses_the_size(outcome.reason):
            return Judgement("unsupported", outcome.reason)
        if outcome.kind in ("raised", "crashed") and weight(_probe(case)) and wants_memory(outcome.reason):
            return Judgement("not-run", f"wants more memory than this machine gives: {outcome.reason}")
        return without_value(got) or judged_folded(_probe(case), outcome)


@lru_cache(maxsize=128)
def _probe(case: Case) -> Probe:
    assert case.fold is not None
    arrays = case.data()
    return Probe(case.settings, arrays.x, arrays.w, arrays.b, fold=case.fold)


def refuses_the_size(reason: str) -> bool:
    """Whether an exception, `Class: message`, is a clear word about the size, and not a fault of the system."""
    message = reason.partition(":")[2]
    return not BLAMES_THE_SYSTEM.search(reason) and REFUSES_THE_SIZE.search(message) is not None


def wants_memory(reason: str) -> bool:
    """Whether a call ended because the system gave it no memory, of which it asked for a credible amount."""
    wanted = (int(digits) for digits in re.findall(r"\d{10,}", reason.replace(",", "")))
    return WANTS_MEMORY.search(reason) is not None and all(size < WRAPPED for size in wanted)


@lru_cache(maxsize=64)
def right_of(probe: Probe) -> np.ndarray:
    """The right answer to a folded probe, as `specs.folding` gives it; kept for the targets to come."""
    return fold_of(probe.settings, Arrays(probe.x, probe.w, probe.b), probe.fold)


def judged_folded(probe: Probe, outcome: Outcome) -> Judgement:
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
    return Judgement("differs", "\n".join(_said(shape, probe.fold, got, right)))


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
