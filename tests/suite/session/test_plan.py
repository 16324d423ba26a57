"""What is asked of which target and when: no more ahead than was allowed, and nothing kept when its turn is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.conv.settings import Settings
from convt.laws.catalogue import all_laws
from convt.session.plan import Plan

ROOT = Path(__file__).parents[3]
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

    def has(self, target: str, probe: Probe) -> bool:
        return False

    def waits(self, target: str, probe: Probe) -> bool:
        return False

    def forget(self, keys: Iterable[str]) -> None:
        self.freed |= set(keys)


class Slow(Listens):
    """JAX takes three pauses for its answers, PyTorch none."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = 0
        self.given: list[tuple[str, int, int]] = []

    def get(self, target: str, probe: Probe) -> Outcome:
        self.given.append((target, probe.settings.input[0], self.pauses))
        return Outcome("not-run")

    def has(self, target: str, probe: Probe) -> bool:
        return target == "pytorch" or self.pauses > 2

    def waits(self, target: str, probe: Probe) -> bool:
        return not self.has(target, probe)

    def pause(self, seconds: float) -> None:
        self.pauses += 1


def plan(ahead: int, evaluator: Any = None) -> tuple[Plan, Any]:
    """A step for each case, on two targets."""
    evaluator = evaluator or Listens()
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


def test_what_one_target_answered_is_judged_while_another_is_waited_for_and_once() -> None:
    made, evaluator = plan(ahead=2, evaluator=Slow())
    first = made.verdicts("case-1", "jax", CASES[0])
    assert [found.target for found in first] == ["jax"]
    before = [(target, n) for target, n, pauses in evaluator.given if pauses == 0]
    assert before == [("pytorch", 1), ("pytorch", 2), ("pytorch", 3)]
    rest = [made.verdicts(case.id, target, case) for case in CASES[:3] for target in ("jax", "pytorch")]
    assert [(found.target, found.case.id) for [found] in rest] == [
        (target, case.id) for case in CASES[:3] for target in ("jax", "pytorch")
    ]
    assert len([it for it in evaluator.given if it[0] == "pytorch"]) == 3


def test_nothing_is_judged_while_calls_are_timed() -> None:
    evaluator = Slow()
    timed = replace(CASES[1], cost=cost())
    made = Plan(evaluator, 2)  # type: ignore[arg-type]
    for case in (CASES[0], timed):
        for target in ("jax", "pytorch"):
            made.step(case.id, [LAW]).add(target, case)
    made.verdicts("case-1", "jax", CASES[0])
    assert not [target for target, _, pauses in evaluator.given if pauses < 3]


def cost() -> Any:
    return next(case.cost for case in load_cases(sorted((ROOT / "specs" / "cost").glob("*.yaml"))) if case.cost)
