"""The search: draws batches of cases for one law, judges them on a target, and shrinks what breaks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import hypothesis
from hypothesis import HealthCheck, Phase, given

from specs.case import Case
from tests.batch import Batch
from tests.items import LawOn
from tests.strategies import batches
from tests.verdicts import Weighed

if TYPE_CHECKING:
    from tests.run import Run


class Broken(AssertionError):
    """A drawn case on which the law does not hold."""


def search(run: Run, law_on: LawOn) -> list[Weighed]:
    """The verdicts of one law on one target over every case drawn; where one fails, that one, shrunk, and no other."""
    held: dict[str, Weighed] = {}
    smallest: list[Weighed] = []

    def judge(cases: Sequence[Case]) -> None:
        # what shrinks a failure is this target's own affair; the other targets have drawn the same batches so far
        asked = [law_on.target] if smallest else run.answering
        for weighed in judge_batch(run, law_on, cases, asked):
            if weighed.fails:
                smallest[:] = [weighed]
                raise Broken(weighed.found.judgement.message)
            held[weighed.found.case.digest] = weighed

    try:
        _drawn(run, law_on, judge)()
    except Broken:
        return smallest
    return list(held.values())


def _drawn(run: Run, law_on: LawOn, judge: Callable[[Sequence[Case]], None]) -> Callable[[], None]:
    """`judge` as a Hypothesis test: the same seed draws the same batches for every target."""
    profile = run.options.profile
    tuned = hypothesis.settings(
        max_examples=profile.batches,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )
    test = given(batches(law_on.law, size=profile.size))(judge)
    return hypothesis.seed(run.options.seed)(tuned(test))


def judge_batch(run: Run, law_on: LawOn, cases: Sequence[Case], asked: Sequence[str]) -> list[Weighed]:
    """The verdicts of one law on one target over a batch, which all of `asked` get to see at once."""
    batch = Batch(run.evaluator, cases, [law_on.law])
    for target in asked:
        batch.request(target, cases)
    run.forget_with(law_on.law, batch)
    peers = [name for name in asked if name != law_on.target]
    return [run.weigh(found) for case in cases for found in batch.verdicts(case, law_on.target, peers)]
