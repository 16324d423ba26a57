"""Calls in turns, on a clock that only they move."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from convt.adapter.timing import (
    BUDGET,
    FEWEST_TURNS,
    LATER,
    MOST_CALLS,
    SHORTEST,
    TURNS,
    WARM,
    in_turns,
    one_by_one,
    ratio,
)


class Machine:
    """Time, and who was called when."""

    def __init__(self) -> None:
        self.now, self.called = 0.0, list[str]()

    def clock(self) -> float:
        return self.now

    def call(self, name: str, seconds: Callable[[int], float] | float) -> Callable[[], None]:
        """A call that takes so long, or what a function of its number, from 0 on, says."""

        def called() -> None:
            number = self.called.count(name)
            self.called.append(name)
            self.now += seconds(number) if callable(seconds) else seconds

        return called


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_two_calls_are_timed_in_turns_after_some_that_are_not(machine: Machine) -> None:
    times = in_turns([machine.call("a", 0.002), machine.call("b", 0.001)], machine.clock)
    assert times[0] == pytest.approx((0.002,) * TURNS)
    assert times[1] == pytest.approx((0.001,) * TURNS)
    assert "".join(machine.called) == "aaa" + "bbb" + "abba" * (TURNS // 2) + "ab"
    assert ratio(times) == pytest.approx(2)


def test_what_only_the_first_calls_take_is_not_timed(machine: Machine) -> None:
    compiles = machine.call("a", lambda number: 5 if number < WARM - 1 else 0.001)
    [row] = in_turns([compiles], machine.clock)
    assert row == pytest.approx((0.001,) * TURNS)


def test_a_short_call_is_made_as_often_as_a_clock_can_tell(machine: Machine) -> None:
    in_turns([machine.call("a", SHORTEST / 8)], machine.clock)
    assert len(machine.called) == pytest.approx(WARM + 8 * TURNS, abs=TURNS)


def test_a_call_that_takes_no_time_at_all_ends(machine: Machine) -> None:
    times = in_turns([machine.call("a", 0), machine.call("b", 0)], machine.clock)
    assert len(machine.called) == 2 * (WARM + MOST_CALLS * TURNS)
    assert ratio(times) == 1


@pytest.mark.parametrize(("seconds", "turns"), [(BUDGET / 5, 5), (BUDGET, FEWEST_TURNS)])
def test_long_calls_have_fewer_turns(machine: Machine, seconds: float, turns: int) -> None:
    [row] = in_turns([machine.call("a", seconds * 0.999)], machine.clock)
    assert len(row) == turns


def test_one_slow_turn_of_many_is_a_busy_machine(machine: Machine) -> None:
    once = machine.call("a", lambda number: 1.0 if number == WARM + 4 else 0.002)
    assert ratio(in_turns([once, machine.call("b", 0.002)], machine.clock)) == pytest.approx(1)


def test_a_call_that_is_slow_in_most_turns_and_fast_in_one_is_as_fast_as_that() -> None:
    assert ratio(((9.0, 1.0, 9.0), (1.0, 1.0, 1.0))) == 1
    assert ratio(((9.0, 8.0, 9.0), (1.0, 1.0, 1.0))) == 8


def test_nothing_beside_something_is_infinitely_slower() -> None:
    assert ratio(((1.0,), (0.0,))) == float("inf")


def test_first_second_and_later_calls_of_each(machine: Machine) -> None:
    def seconds(number: int) -> float:
        return (0.1, 0.02, 0.004, 0.001, 0.003)[number]

    first, second, later = one_by_one([machine.call("a", seconds), machine.call("b", seconds)], machine.clock)
    assert first == pytest.approx((0.1, 0.1))
    assert second == pytest.approx((0.02, 0.02))
    assert later == pytest.approx((0.001, 0.001))
    assert machine.called == ["a"] * (2 + LATER) + ["b"] * (2 + LATER)


def test_nothing_is_collected_while_a_call_is_timed(machine: Machine) -> None:
    seen = list[bool]()

    def looks(number: int) -> float:
        seen.append(gc.isenabled())
        return 1

    in_turns([machine.call("a", looks)], machine.clock)
    assert not any(seen)
    assert gc.isenabled()


def test_a_call_that_raises_leaves_the_collector_on(machine: Machine) -> None:
    def raises() -> None:
        raise ValueError("no such call")

    with pytest.raises(ValueError, match="no such call"):
        in_turns([raises], machine.clock)
    assert gc.isenabled()
