"""What is asked together: laws that are dear to compile stand apart, so that no other's call costs them a compile."""

from __future__ import annotations

from collections.abc import Sequence

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.settings import Settings
from convt.laws.catalogue import all_laws, law_by_id
from convt.laws.law import PASS, Finding, Law
from convt.session.batch import APART, Batch, every


class Noted:
    """An evaluator that notes what is requested together."""

    def __init__(self) -> None:
        self.requests: list[list[Probe]] = []

    def request(self, target: str, probes: Sequence[Probe]) -> None:
        self.requests.append(list(probes))

    def get(self, target: str, probe: Probe) -> Outcome:
        raise AssertionError("nothing is waited for")


def requests_of(cases: Sequence[Case]) -> list[list[Probe]]:
    noted = Noted()
    Batch(noted, cases, all_laws()).request("honest", cases)
    return noted.requests


def cases(count: int) -> list[Case]:
    return [Case(f"case-{at}", Settings((at + 1,), (2,), stride=(2,), bias=True)) for at in range(count)]


def test_what_stands_apart_is_asked_last_and_nothing_is_asked_twice() -> None:
    several = cases(8)
    shared, *apart = requests_of(several)
    keys = [probe.key for request in (shared, *apart) for probe in request]
    asked = {
        probe.key for case in several for law in all_laws() if law.applies(case) for probe in law.probes(case).values()
    }
    assert set(keys) == asked
    crossed = {probe.key for case in several for probe in law_by_id("crossed").probes(case).values()}
    assert not crossed & {probe.key for probe in shared}
    assert any(crossed <= {probe.key for probe in request} for request in apart)


def test_what_is_asked_again_is_asked_after_and_together_with_the_first_time() -> None:
    *_, crossed = [it for it in requests_of(cases(APART // 2)) if any(probe.repeat for probe in it)]
    repeats = [probe.repeat for probe in crossed]
    assert repeats == sorted(repeats)
    assert repeats.count(0) == repeats.count(1) > 0


def test_many_cases_are_asked_in_several_parts_each_with_both_times() -> None:
    law = law_by_id("crossed")
    noted, several = Noted(), cases(APART + 4)
    Batch(noted, several, [law]).request("honest", several)
    assert len(noted.requests) == 2
    for request in noted.requests:
        assert len({probe.settings for probe in request}) <= APART
        assert sum(probe.repeat for probe in request) * 2 == len(request)


def test_a_law_without_a_probe_makes_no_request() -> None:
    noted = Noted()
    Batch(noted, [], [law_by_id("value")]).request("honest", [])
    assert noted.requests == []


def test_a_target_is_compared_with_those_alone_that_are_asked_the_same() -> None:
    """What another was not asked would be asked now, behind all that waits there."""
    answered: list[str] = []

    class Answers(Noted):
        def get(self, target: str, probe: Probe) -> Outcome:
            answered.append(target)
            return Outcome("not-run")

    [case] = cases(1)
    crossing = Crossing()
    for takes, expected in ((every, {"one", "other"}), (lambda law, case, target: target == "one", {"one"})):
        answered.clear()
        Batch(Answers(), [case], [crossing], takes).verdicts(case, "one", ["other"])
        assert set(answered) == expected


class Crossing(Law):
    """Passes, and compares a target with every peer."""

    id = "crossing"
    crosses = True

    def probes(self, case: Case) -> dict[str, Probe]:
        return law_by_id("value").probes(case)

    def assess(self, case: Case, got: object) -> Finding:
        return PASS

    def judge_pair(self, case: Case, mine: object, theirs: object) -> Finding:
        return PASS
