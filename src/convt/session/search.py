"""The search: judges the cases that were generated for one law, and where one fails, finds a smaller one."""

from __future__ import annotations

from hypothesis import Phase
from hypothesis.errors import Flaky

from convt.cases.case import Case
from convt.session.batch import Batch
from convt.session.crossing import plainer
from convt.session.draws import examples
from convt.session.session import LawOn, Session
from convt.session.strategies import cases
from convt.session.verdicts import Matched

PASSES = 40
"""At most so many values of a failing row are made plainer."""
SINGLE = 150
"""At least so many cases are drawn to find a small one, once it is known that there is one."""


class Broken(AssertionError):
    """A drawn case on which the law does not hold."""


def search(session: Session, law_on: LawOn) -> list[Matched]:
    """The verdicts of one law on one target over every case drawn; where one fails, that one, shrunk, and no other.

    Cases are drawn first, equal ones for every target, so that all are asked at once and fused backends compile them
    together. Only where one of them fails are cases drawn anew, for Hypothesis to shrink: on this target alone.
    """
    held = session.generated(law_on)
    failed = [matched for matched in held if matched.fails][:1]
    if not failed:
        return held
    if law_on.law.covers:
        return _plainer(session, law_on, held)

    def judge(case: Case) -> None:
        matched = _alone(session, law_on, case)
        if matched is not None and matched.fails:
            failed.append(matched)
            raise Broken(matched.found.judgement.message)

    count = max(SINGLE, session.options.profile.cases)
    try:  # the last one that failed is the smallest
        examples(cases(applies=law_on.law), judge, session.options.seed, count, Phase.generate, Phase.shrink)
    except (Broken, Flaky):  # Flaky: a case that fails and, asked again, does not
        return failed[-1:]
    return failed


def _plainer(session: Session, law_on: LawOn, held: list[Matched]) -> list[Matched]:
    """The verdicts over a covering array, where each failing row is the plainest that still fails."""
    found: dict[str, Matched] = {}
    for matched in held:
        if matched.fails:
            for _ in range(PASSES):
                before = matched
                for case in plainer(matched.found.case, session.crossing_seed):
                    tried = _alone(session, law_on, case)
                    if tried is not None and tried.fails:
                        matched = tried
                        break
                if matched is before:
                    break
        found.setdefault(matched.found.case.digest, matched)
    return list(found.values())


def _alone(session: Session, law_on: LawOn, case: Case) -> Matched | None:
    """The verdict on a case that this target alone is asked."""
    batch = Batch(session.evaluator, [case], [law_on.law])
    batch.request(law_on.target, [case])
    matched = [session.match_known(found) for found in batch.verdicts(case, law_on.target)]
    session.evaluator.forget(batch.keys())
    return matched[0] if matched else None
