"""The search: draws batches of cases for one law, judges them on a target, and shrinks what breaks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import hypothesis
from hypothesis import HealthCheck, Phase, given

from specs.case import Case
from tests.batch import Batch
from tests.items import LawOn
from tests.laws.base import Law
from tests.strategies import batches, cases
from tests.verdicts import Weighed

if TYPE_CHECKING:
    from tests.run import Run

SINGLE = 150
"""How many single cases are drawn to find a small one, once a batch has shown that there is one."""


class Broken(AssertionError):
    """A drawn case on which the law does not hold."""


def search(run: Run, law_on: LawOn) -> list[Weighed]:
    """The verdicts of one law on one target over every case drawn; where one fails, that one, shrunk, and no other.

    Batches are drawn first, equal ones for every target, so that all are asked at once and fused backends compile them
    together. Only where a batch fails are single cases drawn: those shrink fast, and on this target alone.
    """
    following = run.following(law_on.law)
    if following is not None:
        ask_ahead(run, following)
    held: dict[str, Weighed] = {}
    failed: list[Weighed] = []

    def judge(drawn: Sequence[Case], asked: Sequence[str]) -> None:
        for weighed in _judged(run, law_on, drawn, asked):
            if weighed.fails:
                failed.append(weighed)
                raise Broken(weighed.found.judgement.message)
            held[weighed.found.case.digest] = weighed

    many = batches(law_on.law, size=run.options.profile.size)
    one = cases(applies=law_on.law)
    try:
        _hypothesis(run, many, lambda drawn: judge(drawn, run.answering), run.options.profile.batches, Phase.generate)
    except Broken:
        try:  # the last one that failed is the smallest
            _hypothesis(run, one, lambda case: judge([case], [law_on.target]), SINGLE, Phase.generate, Phase.shrink)
        except Broken:
            return failed[-1:]
        return failed[:1]
    return list(held.values())


def ask_ahead(run: Run, law: Law) -> None:
    """Ask every target what the law's batches need, before their turn, so that no target waits for the slowest."""

    def request(drawn: Sequence[Case]) -> None:
        batch = Batch(run.evaluator, drawn, [law])
        for target in run.answering:
            batch.request(target, drawn)

    _hypothesis(run, batches(law, size=run.options.profile.size), request, run.options.profile.batches, Phase.generate)


def _hypothesis(run: Run, strategy: Any, judge: Callable[[Any], None], examples: int, *phases: Phase) -> None:
    """Draw that many examples with the run's seed; the same ones for every target."""
    tuned = hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        print_blob=False,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )

    def test(drawn: Any) -> None:
        judge(drawn)

    drawing: Any = given(strategy)(test)  # type: ignore[no-untyped-call]  # untyped for a strategy of Any
    hypothesis.seed(run.options.seed)(tuned(drawing))()


def _judged(run: Run, law_on: LawOn, drawn: Sequence[Case], asked: Sequence[str]) -> list[Weighed]:
    """The verdicts of one law on one target over a batch, which all of `asked` get to see at once."""
    batch = Batch(run.evaluator, drawn, [law_on.law])
    for target in asked:
        batch.request(target, drawn)
    run.forget_with(law_on.law, batch)
    peers = [name for name in asked if name != law_on.target]
    return [run.weigh(found) for case in drawn for found in batch.verdicts(case, law_on.target, peers)]
