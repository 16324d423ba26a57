"""The law of cost: a call takes no longer, beside another one in the same process, than there is a reason for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from statistics import median
from typing import NamedTuple

import numpy as np

from convt.adapter.probe import Layout, Outcome, Probe, Timing
from convt.adapter.timing import ratio
from convt.cases.case import Case, Cost
from convt.conv.dtypes import numpy_dtype
from convt.conv.settings import Settings
from convt.laws.law import PASS, Finding, Law
from convt.laws.probes import forward_of, meaningful

LENGTHS = 4
"""New lengths of one measurement. Twice as many are sent, for a second one: torch.compile keeps 8 programs."""


class Bound(NamedTuple):
    """What is timed beside what, how many times as long it may take, and why that many."""

    what: str
    against: str
    factor: float
    why: str


BOUNDS: dict[Cost, Bound] = {
    "second-call": Bound(
        "the second call at a length", "later ones", 3, "what a first call made is there: nothing is due but caches"
    ),
    "new-length": Bound(
        "the first call at a new length", "later ones there", 10,
        "one is due, and allocations; a program that is compiled for each length takes a hundred",
    ),
    "small-call": Bound(
        "a call of hardly any products", "one of millions", 0.5,
        "next to nothing is due; where half is, each call pays for what could be made once",
    ),
    "two-items": Bound("a call of two items", "one of one", 4, "2 are due: twice the products and the memory"),
    "channels-last": Bound(
        "a call on channels-last memory", "one on contiguous memory", 4,
        "1 is due, and a copy of x, w and y for kernels of the other order",
    ),
    "float64": Bound(
        "a call in float64", "one in float32", 5, "2 are due: half the numbers in a vector and in a line of the cache"
    ),
    "transposed": Bound(
        "the transposed convolution", "the forward one of as many products", 6,
        "1 is due; kernels that add into y write it once a tap, 2 to 4 times the memory",
    ),
}  # fmt: skip
"""By what a case asks. Each factor is twice what is due, or more, so that a busy machine is none of its matters.

Sources: for channels-last docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html, which promises gains,
for programs compiled by shape docs.jax.dev/en/latest/201/jit.html, tensorflow.org/api_docs/python/tf/function; the rest
counts products, bytes and calls.
"""


class Costs(Law):
    """A call takes no longer, beside a comparable call in the same process, than the bound of section 12 allows.

    Asked under the profile `cost` alone. Calls of both kinds are timed in turns in the target's process, and once more
    where their ratio is too large; the ratio is that of medians or of minima, whichever is smaller. Budget: about 20
    calls of each.
    """

    id = "cost"
    source = "section 12; BOUNDS in tests/laws/costs.py gives each number's reason"
    draws = False
    times = True

    def applies(self, case: Case) -> bool:
        return case.cost is not None

    def probes(self, case: Case) -> dict[str, Probe]:
        if case.cost is None:
            raise ValueError(f"{case.id} is not timed")
        return {case.cost: probe_of(case.settings, case.cost)}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        [(name, outcome)] = got.items()
        bound, row = BOUNDS[case.cost or "second-call"], row_of(name)
        seen, times = min((ratio(times, row), times) for times in outcome.times)
        if seen <= bound.factor:
            return PASS
        medians = (median(times[row]), median(times[-1]))
        return Finding(
            "differs", "slow", name, bound.what, against=bound.against, why=bound.why, ratio=float(f"{seen:.4g}"),
            factor=bound.factor, medians=tuple(float(f"{seconds:.4g}") for seconds in medians),
        )  # fmt: skip


def row_of(cost: str) -> int:
    """Whose times are held against the last row's: see `Timing`."""
    return 1 if cost == "second-call" else 0


def probe_of(it: Settings, cost: Cost) -> Probe:
    """What is timed, and beside what."""
    factor, row = BOUNDS[cost].factor, row_of(cost)
    if cost in ("second-call", "new-length"):
        # each has lengths of its own, of which the other has made none known
        some = range(1, 1 + 2 * LENGTHS) if cost == "second-call" else range(1 + 2 * LENGTHS, 1 + 4 * LENGTHS)
        fresh = tuple(_asked(it.replace(input=(it.input[0] + more, *it.input[1:]))) for more in some)
        return _asked(it, timing=Timing(fresh, True, row, factor))
    mine, other = {
        "small-call": lambda: (_asked(small(it)), _asked(it)),
        "two-items": lambda: (_asked(it.replace(batch=2 * it.batch)), _asked(it)),
        "channels-last": lambda: (_asked(it, layout="channels-last"), _asked(it, layout="contiguous")),
        "float64": lambda: (_asked(it, "float64"), _asked(it)),
        "transposed": lambda: (_asked(it), _asked(forward_of(it) or it)),
    }[cost]()
    return Probe(mine.settings, mine.x, mine.w, mine.b, layout=mine.layout, timing=Timing((other,), False, row, factor))


def small(it: Settings) -> Settings:
    """The same settings with a channel a group and next to no extents, a hundredth of the products."""
    for extent in (1, 2, 3, 4, 6, 8):
        fewer = {"batch": 1, "channels_in": it.groups, "channels_out": it.groups, "input": (extent,) * it.rank}
        found = meaningful(it, **fewer, **({"output_size": None} if it.output_size else {}))
        if found is not None and min(found.output) > 0:
            return found
    raise ValueError(f"no small call has the settings {it}")


def _asked(it: Settings, dtype: str = "float32", layout: Layout = "", timing: Timing | None = None) -> Probe:
    """A probe of real numbers, which are views of few: what they are is no matter, so long as none is subnormal."""
    x, w = (_numbers(shape, dtype) for shape in (it.x_shape, it.w_shape))
    b = _numbers(it.b_shape, dtype) if it.bias else None
    return Probe(it, x, w, b, layout=(layout, layout) if layout else (), timing=timing)


def _numbers(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    size = math.prod(shape)
    return _pool(dtype, 1 << max(size - 1, 1).bit_length())[:size].reshape(shape)


@cache
def _pool(dtype: str, size: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.5, 1, size).astype(numpy_dtype(dtype))
