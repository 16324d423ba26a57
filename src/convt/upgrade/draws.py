"""The cases that Hypothesis draws for the search, in rounds of one seed each, so that a round can be asked at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from hypothesis import Phase
from hypothesis import strategies as st

from convt.cases.case import Case
from convt.laws.catalogue import all_laws
from convt.session.draws import examples
from convt.session.strategies import cases, resizes

SIZE = 16
BATCHES = 3
"""Draws of a round, each a list: of single cases the first few are plain ones, of lists the first alone."""

STEP = 11
"""Between laws, so that neighbours, which lean to much the same, come far apart. Their number is no multiple of it."""
EVERY = st.one_of(*[cases()] * 7, resizes())
"""Every sort of case; a resize now and then."""


def rounds(seed: int, count: int) -> Iterator[list[Case]]:
    """At least `count` different cases, the same for every seed; leaning to one law after another."""
    seen: set[str] = set()
    number = 0
    while len(seen) < count:
        fresh = [case for case in _round(seed, number) if case.digest not in seen]
        seen |= {case.digest for case in fresh}
        number += 1
        yield fresh


@lru_cache(maxsize=64)
def _round(seed: int, number: int) -> tuple[Case, ...]:
    """The different cases of one round; kept, because each target of an upgrade is searched with the same."""
    laws = [law for law in all_laws() if law.draws]
    law = laws[number // 2 * STEP % len(laws)] if number % 2 else None
    each = EVERY if law is None else cases(applies=law)
    drawn: list[Case] = []
    lists = st.lists(each, min_size=SIZE, max_size=SIZE)
    examples(lists, drawn.extend, seed * 1_000_003 + number, BATCHES, Phase.generate)
    return tuple({case.digest: case for case in drawn}.values())
