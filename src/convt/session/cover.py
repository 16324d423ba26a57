"""A few cases for many: so many that every pair, or triple, of properties that occurs among all of them occurs among
these."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache, reduce
from itertools import combinations
from operator import or_

from convt.cases.case import LAYERS, Case
from convt.laws.law import Law

Properties = frozenset[tuple[str, str]]
_PLACES: dict[tuple[tuple[str, str], ...], int] = {}
"""The bit of each combination of properties that was met."""
BOUNDARY = "boundary"
"""The tag of a case that every cover keeps: it stands where something is about to go wrong, or does."""


def cover(cases: Sequence[Case]) -> list[Case]:
    """The cases that a greedy cover of all pairs of properties needs, in the order in which they came.

    Of settings that mean nothing, each kind is kept on each of its ranks, operations and in another dtype; what one law
    alone judges by sums stands for no other case. Of layers of real size the cheapest of each operation and rank is
    kept.
    """
    layers = [case for case in cases if case.laws == (LAYERS,)]
    alone = [case for case in cases if case.block or case.cost or BOUNDARY in case.tags]
    plain = [case for case in cases if case.reject is None and case.laws != (LAYERS,) and case not in alone]
    apart = [*_of_each_kind([case for case in cases if case.reject]), *alone]
    apart += {(case.settings.op, case.settings.rank): case for case in sorted(layers, key=cost, reverse=True)}.values()
    kept = {case.id for case in [*_covering(sorted(plain, key=lambda case: (cost(case), case.id)), 2), *apart]}
    return [case for case in cases if case.id in kept]


def cover_for(law: Law, cases: Sequence[Case], strength: int) -> list[Case]:
    """The cases of which a law is asked where a cover is enough for it: every `strength` properties that occur together
    among those it applies to occur among these, and each that names its laws stays. Of cases that cover as much, each
    law takes others, so that all laws together see more cases than one."""
    mine = [case for case in cases if law.applies(case)]
    of_its_own = [case for case in mine if case.laws or case.reject is not None]
    names = {case.id for case in of_its_own}
    others = [case for case in mine if case.id not in names]
    in_turn = sorted(others, key=lambda case: (zlib.crc32(f"{law.id} {case.id}".encode()), case.id))
    return [*of_its_own, *_covering(in_turn, strength)]


def spared(cases: Sequence[Case]) -> list[Case]:
    """The cases that a default run leaves out: of a kind that ends a framework's process, all but those of the fewest
    axes of each operation, in float32."""
    fewest: dict[tuple[str, str], int] = {}
    ending = [(case, case.reject) for case in cases if case.reject is not None and case.reject.ends]
    for case, reject in ending:
        key = (reject.kind, case.settings.op)
        fewest[key] = min(fewest.get(key, case.settings.rank), case.settings.rank)
    return [
        case
        for case, reject in ending
        if reject.dtype != "float32" or case.settings.rank > fewest[reject.kind, case.settings.op]
    ]


def _covering(cases: Sequence[Case], strength: int) -> list[Case]:
    """A greedy cover of every `strength` properties that occur together; of equals the first in order is taken."""
    bits = {case.id: _together(properties(case), strength) for case in cases}
    missing = reduce(or_, bits.values(), 0)
    chosen: list[Case] = []
    rest = list(cases)
    while missing:
        best = max(rest, key=lambda case: (bits[case.id] & missing).bit_count())
        chosen.append(best)
        missing &= ~bits[best.id]
        rest.remove(best)
    return chosen


@cache
def _together(properties: Properties, strength: int) -> int:
    """Which `strength` properties occur together, as one bit each."""
    return sum(1 << _PLACES.setdefault(each, len(_PLACES)) for each in combinations(sorted(properties), strength))


def _of_each_kind(cases: Sequence[Case]) -> list[Case]:
    """Of each kind so many that each of its ops, of its ranks, and a dtype beside float32 where it has one, occurs."""
    kinds: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda case: case.id):
        if case.reject is not None:
            kinds.setdefault(case.reject.kind, []).append(case)
    kept: list[Case] = []
    for every in kinds.values():
        missing = set().union(*map(_features, every))
        while missing:
            best = max(every, key=lambda case: len(_features(case) & missing))  # the first of equals, by name
            kept.append(best)
            missing -= _features(best)
    return kept


def _features(case: Case) -> set[str]:
    """What of an invalid call another path may be taken for."""
    other = case.reject is not None and case.reject.dtype != "float32"
    return {case.settings.op, f"{case.settings.rank} axes", *(["another dtype"] if other else [])}


def cost(case: Case) -> int:
    """About how many products the case takes: of two that cover the same, the smaller is taken."""
    total = case.settings.batch * case.settings.channels_in * case.settings.channels_out
    for n, k in zip(case.settings.input, case.settings.kernel, strict=True):
        total *= n * k
    return total


def properties(case: Case) -> Properties:
    """What of the settings a framework could take another path for, each as (property, value)."""
    it = case.settings
    padding = (
        it.padding
        if isinstance(it.padding, str)
        else "pairs"
        if any(lo != hi for lo, hi in it.crop)
        else ("numbers" if any(map(any, it.crop)) else "none")
    )
    gaps = any(s > e for s, e in zip(it.stride, it.effective, strict=True))
    depth = it.groups > 1 and it.groups == it.channels_in
    return frozenset({
        "op": it.op,
        "rank": str(it.rank),
        "batch": "0" if not it.batch else "1" if it.batch == 1 else "more",
        "groups": "depthwise" if depth else "some" if it.groups > 1 else "1",
        "bias": str(it.bias),
        "stride": "gaps" if gaps else "1" if set(it.stride) == {1} else "more",
        "dilation": "1" if set(it.dilation) == {1} else "more",
        "padding": str(padding),
        "crop": "uneven" if any(lo != hi for lo, hi in it.crop) else "even",
        "extra": "none" if not any(it.extra) else "size" if it.output_size else "some",
        "kernel": "1" if set(it.kernel) == {1} else "larger" if max(it.kernel) > min(it.input) else "smaller",
        "channels": "many" if max(it.channels_in, it.channels_out) > 15 else "few",
        "empty": str(0 in it.x_shape + it.y_shape),
        "uneven": str(len(set(it.stride)) > 1 or len(set(it.kernel)) > 1 or len(set(it.dilation)) > 1),
    }.items())  # fmt: skip
