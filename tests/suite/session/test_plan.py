"""What is asked of which target and when: no more ahead than was allowed, and nothing kept when its turn is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.settings import Settings
from convt.laws.catalogue import all_laws
from convt.session.plan import Plan

LAW = next(law for law in all_laws() if law.id == "value")
CASES = [Case(f"case-{n}", Settings(input=(n,), kernel=(1,))) for n in (1, 2, 3, 4)]


class Listens:
    """An evaluator that answers nothing and remembers what it was told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.freed: set[str] = set()

    def request(self, target: str, probes: Sequence[Probe]) -> None:
        self.asked += [(target, probe.settings.input[0]) for probe in probes]

    def get(self, target: str, probe: Probe) -> Outcome:
        return Outcome("not-run")

    def forget(self, keys: Iterable[str]) -> None:
        self.freed |= set(keys)


def plan(ahead: int) -> tuple[Plan, Any]:
    """A step for each case, on two targets."""
    evaluator: Any = Listens()
    made = Plan(evaluator, ahead)
    for case in CASES:
        for target in ("jax", "pytorch"):
            made.step(case.id, [LAW]).add(target, case)
    return made, evaluator


def test_nothing_is_asked_before_its_turn_without_leave() -> None:
    made, evaluator = plan(ahead=0)
    made.verdicts("case-1", "jax", CASES[0])
    assert set(evaluator.asked) == {("jax", 1), ("pytorch", 1)}


def test_as_many_cases_as_allowed_are_asked_ahead_and_each_once() -> None:
    made, evaluator = plan(ahead=2)
    made.verdicts("case-1", "jax", CASES[0])
    made.verdicts("case-1", "pytorch", CASES[0])
    assert {n for _, n in evaluator.asked} == {1, 2, 3}
    assert len(evaluator.asked) == len(set(evaluator.asked))


def test_what_had_its_turn_is_freed_and_what_is_to_come_is_kept() -> None:
    made, evaluator = plan(ahead=2)
    made.verdicts("case-1", "jax", CASES[0])
    assert not evaluator.freed
    made.verdicts("case-2", "jax", CASES[1])
    keys = [{probe.key for probe in LAW.probes(case).values()} for case in CASES]
    assert evaluator.freed == keys[0]


def test_two_environments_of_one_target_are_no_peers() -> None:
    step = Plan(Listens(), 0).step("a", [LAW])  # type: ignore[arg-type]
    for target in ("jax#before", "pytorch#before", "jax#after"):
        step.add(target, CASES[0])
    assert step.peers(CASES[0], "jax#before") == ["pytorch#before"]
