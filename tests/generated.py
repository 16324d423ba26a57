"""The search: judges the cases that were drawn for one law, and where one fails, draws and shrinks a smaller one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import Phase
from hypothesis.errors import Flaky

from specs.case import Case
from tests.batch import Batch
from tests.draws import examples
from tests.items import LawOn
from tests.strategies import cases
from tests.verdicts import Weighed

if TYPE_CHECKING:
    from tests.run import Run

SINGLE = 150
"""At least so many cases are drawn to find a small one, once it is known that there is one."""


class Broken(AssertionError):
    """A drawn case on which the law does not hold."""


def search(run: Run, law_on: LawOn) -> list[Weighed]:
    """The verdicts of one law on one target over every case drawn; where one fails, that one, shrunk, and no other.

    Cases are drawn first, equal ones for every target, so that all are asked at once and fused backends compile them
    together. Only where one of them fails are cases drawn anew, for Hypothesis to shrink: on this target alone.
    """
    held = run.generated(law_on)
    failed = [weighed for weighed in held if weighed.fails][:1]
    if not failed:
        return held

    def judge(case: Case) -> None:
        weighed = _alone(run, law_on, case)
        if weighed is not None and weighed.fails:
            failed.append(weighed)
            raise Broken(weighed.found.judgement.message)

    count = max(SINGLE, run.options.profile.cases)
    try:  # the last one that failed is the smallest
        examples(cases(applies=law_on.law), judge, run.options.seed, count, Phase.generate, Phase.shrink)
    except (Broken, Flaky):  # Flaky: a case that fails and, asked again, does not
        return failed[-1:]
    return failed


def _alone(run: Run, law_on: LawOn, case: Case) -> Weighed | None:
    """The verdict on a case that this target alone is asked."""
    batch = Batch(run.evaluator, [case], [law_on.law])
    batch.request(law_on.target, [case])
    weighed = [run.weigh(found) for found in batch.verdicts(case, law_on.target)]
    run.evaluator.forget(batch.keys())
    return weighed[0] if weighed else None
