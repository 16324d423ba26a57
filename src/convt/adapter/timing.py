"""What a call costs beside another one, measured in the target's process: two kinds of calls in turns, on one clock.

Times alone say little: they are those of this machine, at this moment. A ratio of two that were measured in turns says
something, and the smaller of two ratios (of medians, of minima), measured once more where it is large, says it on a
busy machine too. Runs in the target's process, so it needs Python 3.10+ and its standard library alone.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Sequence
from statistics import median

Call = Callable[[], object]
Clock = Callable[[], float]
Times = tuple[tuple[float, ...], ...]
"""Seconds of a call, by what was called (a row) and by turn."""

SHORTEST = 1e-3
"""Seconds below which a sample would measure the clock: shorter calls are made several times a sample."""
MOST_CALLS = 1000
"""Calls of a sample."""
WARM = 3
"""Calls before anything is measured: compilers, caches, pages of memory. The last two say how long one takes."""
TURNS, FEWEST_TURNS = 9, 3
"""Samples of each, where they fit into BUDGET, and where they do not."""
BUDGET = 4.0
"""Seconds of one measurement, about: a call that is a hundred times slower than it should be is one to tell of."""
LATER = 3
"""Calls at one length that come after the second."""


def in_turns(calls: Sequence[Call], clock: Clock) -> Times:
    """Seconds of each of the calls, by turn; in every second turn they come in the other order."""
    alone = [_warm(call, clock) for call in calls]
    loops = [min(max(math.ceil(SHORTEST / seconds), 1), MOST_CALLS) if seconds > 0 else MOST_CALLS for seconds in alone]
    turn = sum(seconds * count for seconds, count in zip(alone, loops, strict=True))
    turns = TURNS if turn <= 0 else min(max(int(BUDGET / turn), FEWEST_TURNS), TURNS)
    rows: list[list[float]] = [[] for _ in calls]
    for at in range(turns):
        order = range(len(calls)) if at % 2 == 0 else reversed(range(len(calls)))
        for which in order:
            rows[which].append(_sample(calls[which], loops[which], clock))
    return tuple(map(tuple, rows))


def one_by_one(calls: Sequence[Call], clock: Clock) -> Times:
    """Seconds of the first call of each, of the second, and the least of LATER ones; nothing is called before."""
    rows: list[list[float]] = [[], [], []]
    for call in calls:
        first, second, *later = (_sample(call, 1, clock) for _ in range(2 + LATER))
        for row, seconds in zip(rows, (first, second, min(later)), strict=True):
            row.append(seconds)
    return tuple(map(tuple, rows))


def ratio(times: Times, row: int = 0) -> float:
    """How many times a row's seconds are the last row's: by medians or by minima, whichever says less."""
    mine, theirs = times[row], times[-1]
    pairs = ((median(mine), median(theirs)), (min(mine), min(theirs)))
    return min(ours / other if other > 0 else (math.inf if ours > 0 else 1.0) for ours, other in pairs)


def _warm(call: Call, clock: Clock) -> float:
    """Call WARM times; how long one takes then."""
    seconds = [_sample(call, 1, clock) for _ in range(WARM)]
    return min(seconds[1:])


def _sample(call: Call, loops: int, clock: Clock) -> float:
    """Seconds of one call, the mean of several; nothing is collected meanwhile."""
    collects = gc.isenabled()
    gc.disable()
    try:
        began = clock()
        for _ in range(loops):
            call()
        return (clock() - began) / loops
    finally:
        if collects:
            gc.enable()
