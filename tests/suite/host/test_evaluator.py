"""The evaluator against a pool that counts: nothing is asked twice, nothing is kept, nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

import pytest

from convt.adapter.backend import Outcome, Probe
from convt.host.evaluator import Evaluator
from convt.host.jobs import Each
from convt.host.pool import Pool
from convt.host.registry import parse_target
from tests.suite.host import fakes
from tests.suite.host.fakes import MARK, probe


class Counting:
    """A pool that answers when it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[Probe]]] = []
        self.open: list[tuple[Sequence[Probe], Future[list[Outcome]], Each | None]] = []

    def submit(self, target: str, probes: Sequence[Probe], each: Each | None = None) -> Future[list[Outcome]]:
        self.asked.append((target, list(probes)))
        future: Future[list[Outcome]] = Future()
        self.open.append((probes, future, each))
        return future

    def answer(self, reason: str = "") -> None:
        """Answer everything that is open."""
        for probes, future, each in self.open:
            for one in probes:
                assert each is not None
                each(one, Outcome("value", reason=reason))
            future.set_result([])
        self.open.clear()


def test_a_probe_is_asked_once_however_often_it_is_wanted() -> None:
    pool = Counting()
    evaluator = Evaluator(pool)
    evaluator.request("a", [probe(1), probe(2), probe(1)])
    evaluator.request("a", [probe(2), probe(3)])
    pool.answer()
    evaluator.request("a", [probe(1), probe(2), probe(3)])
    assert evaluator.get("a", probe(3)).kind == "value"
    assert [[one.x.flat[0] for one in probes] for _, probes in pool.asked] == [[1, 2], [3]]


def test_targets_are_asked_apart() -> None:
    pool = Counting()
    evaluator = Evaluator(pool)
    for target in ("a", "b"):
        evaluator.request(target, [probe(1)])
    assert [target for target, _ in pool.asked] == ["a", "b"]


def test_a_repeat_is_another_probe() -> None:
    pool = Counting()
    Evaluator(pool).request("a", [probe(1), probe(1, repeat=1)])
    assert len(pool.asked[0][1]) == 2


def test_what_may_end_the_process_is_asked_after_the_rest_and_by_itself() -> None:
    pool = Counting()
    evaluator = Evaluator(pool, may_end=lambda target, one: target == "a" and one.x.flat[0] in (1, 3))
    for target in ("a", "b"):
        evaluator.request(target, [probe(1), probe(2), probe(3), probe(4)])
    asked = [(target, [one.x.flat[0] for one in probes]) for target, probes in pool.asked]
    assert asked == [("a", [2, 4]), ("a", [1]), ("a", [3]), ("b", [1, 2, 3, 4])]
    pool.answer("told")
    assert {evaluator.get("a", probe(value)).reason for value in (1, 2, 3, 4)} == {"told"}


def test_a_probe_may_say_that_it_ends_the_process() -> None:
    pool = Counting()
    Evaluator(pool).request("a", [replace(probe(1), may_end=True), probe(2)])
    assert [[one.x.flat[0] for one in probes] for _, probes in pool.asked] == [[2], [1]]


def test_forgetting_frees_and_asks_again() -> None:
    pool = Counting()
    evaluator = Evaluator(pool)
    evaluator.request("a", [probe(1), probe(2)])
    pool.answer()
    evaluator.forget([probe(1).key, probe(2).key, "never known"])
    assert len(evaluator) == 0
    evaluator.request("a", [probe(1)])
    assert len(pool.asked) == 2


def test_an_answer_that_was_forgotten_on_its_way_is_dropped() -> None:
    pool = Counting()
    evaluator = Evaluator(pool)
    evaluator.request("a", [probe(1)])
    evaluator.forget([probe(1).key])
    pool.answer()
    assert len(evaluator) == 0
    evaluator.request("a", [probe(1)])
    evaluator.forget([probe(1).key])
    evaluator.request("a", [probe(1)])
    pool.open.reverse()
    for reason in ("second", "first"):
        probes, _, each = pool.open.pop(0)
        assert each is not None
        each(probes[0], Outcome("value", reason=reason))
    assert evaluator.get("a", probe(1)).reason == "second"


def test_waiting_threads_all_get_the_one_answer() -> None:
    pool = Counting()
    evaluator = Evaluator(pool)
    got: list[Outcome] = []
    threads = [threading.Thread(target=lambda: got.append(evaluator.get("a", probe(1)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    while not pool.open:
        pass
    pool.answer("one")
    for thread in threads:
        thread.join(10)
    assert [outcome.reason for outcome in got] == ["one"] * 8
    assert len({id(outcome) for outcome in got}) == 1
    assert len(pool.asked) == 1


def test_a_fault_of_the_pool_is_an_outcome_and_no_wait() -> None:
    pool = Counting()
    evaluator = Evaluator(pool)
    evaluator.request("a", [probe(1), probe(2)])
    probes, future, each = pool.open.pop()
    assert each is not None
    each(probes[0], Outcome("value"))
    future.set_exception(KeyError("x"))
    assert evaluator.get("a", probe(1)).kind == "value"
    assert evaluator.get("a", probe(2)).reason == "the pool failed: KeyError: 'x'"


def test_what_could_not_be_asked_can_be_asked_again() -> None:
    class Closed(Counting):
        def submit(self, target: str, probes: Sequence[Probe], each: Each | None = None) -> Future[list[Outcome]]:
            raise RuntimeError("the pool is closed")

    evaluator = Evaluator(Closed())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the pool is closed"):
            evaluator.request("a", [probe(1)])


def test_nobody_waits_for_what_was_not_asked_when_the_pool_closed_in_between() -> None:
    class ClosesAfterOne(Counting):
        def submit(self, target: str, probes: Sequence[Probe], each: Each | None = None) -> Future[list[Outcome]]:
            if self.asked:
                raise RuntimeError("the pool is closed")
            return super().submit(target, probes, each)

    evaluator = Evaluator(ClosesAfterOne())
    with pytest.raises(RuntimeError, match="the pool is closed"):
        evaluator.request("a", [probe(1), replace(probe(2), may_end=True), replace(probe(3), may_end=True)])
    for value in (1, 2, 3):
        with pytest.raises(RuntimeError, match="the pool is closed"):
            evaluator.get("a", probe(value), timeout=5)


def test_a_real_pool_answers_through_it_and_ends_waits_when_it_closes() -> None:
    entries = fakes.backends(fakes.HangsOnMarked)
    [name] = entries
    pool = Pool([parse_target(name, entries)], backends=entries)
    evaluator = Evaluator(pool)
    evaluator.request(name, [probe(1), probe(MARK)])
    assert evaluator.get(name, probe(1)).kind == "value"
    threading.Timer(0.2, pool.close).start()
    outcome = evaluator.get(name, probe(MARK))
    assert (outcome.kind, outcome.reason) == ("not-run", "the pool was closed")
