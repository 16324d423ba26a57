"""Two sides timed in turns: each side's clock is its own, and only its calls move it."""

from __future__ import annotations

from pathlib import Path

import pytest

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.settings import Settings
from convt.results.comparing import too_slow
from convt.upgrade.speed import FOLDER, ROUNDS, Speeds, speeds, timed_settings, to_be_timed
from tests.suite.conv.reference import Honest
from tests.suite.laws.lies_of_cost import TransposedSlowly

CASES = {"up": Case("up-float64", Settings((64,), (3,), channels_in=4, channels_out=4), laws=("cost",), cost="float64")}


class Sides:
    """Two backends; who was asked in which order, and the answers that come late."""

    def __init__(self, before: Honest, after: Honest, late: int = 0) -> None:
        self.backends, self.asked, self._late = {"a#before": before, "a#after": after}, list[str](), late

    def ask(self, name: str, probe: Probe) -> Outcome:
        self.asked.append(name.partition("#")[2])
        if name == "a#after" and self.asked.count("after") <= self._late:  # others used the machine
            return Outcome("value", times=(((1.0,) * 9,),))
        return self.backends[name].run(probe)

    def measured(self) -> Speeds:
        return speeds(self.ask, "a#before", "a#after", CASES)


def honest() -> Honest:
    return Honest("eager", "cpu")


def test_sides_are_asked_in_turns_and_equal_ones_are_equally_fast() -> None:
    sides = Sides(honest(), honest())
    found = sides.measured()
    assert found["a#before"] == found["a#after"] == {"up": pytest.approx((3.08e-3, 3.08e-3), rel=1e-2)}
    assert sides.asked == ["before", "after", "after", "before", "before", "after"]


def test_a_slower_side_is_measured_once_more_and_told() -> None:
    sides = Sides(honest(), TransposedSlowly("eager", "cpu"))
    found = sides.measured()
    assert found["a#after"]["up"] == pytest.approx([50 * seconds for seconds in found["a#before"]["up"]], rel=1e-2)
    assert len(sides.asked) == 4 * ROUNDS
    assert too_slow(found["a#before"]["up"], found["a#after"]["up"])


@pytest.mark.parametrize("late", [1, ROUNDS])
def test_a_machine_that_was_busy_makes_nothing_slower(late: int) -> None:
    found = Sides(honest(), honest(), late).measured()
    assert not too_slow(found["a#before"]["up"], found["a#after"]["up"])


def test_what_one_side_does_not_answer_is_left_out() -> None:
    class Refuses(Honest):
        def unsupported(self, settings: Settings, want: str = "value", call_form: int = 0) -> str | None:
            return "no such channels"

    assert Sides(honest(), Refuses("eager", "cpu")).measured() == {"a#before": {}, "a#after": {}}


def test_own_settings_are_timed_once_each_and_words_choose_among_them() -> None:
    every = to_be_timed([], "", specs=False)
    assert len({case.settings for case in every.values()}) == len(every) > 12
    assert set(to_be_timed([], "volume", specs=False)) == {name for name in every if "volume" in name}
    assert Path(FOLDER).is_dir()


def test_of_files_that_are_named_only_what_is_timed_is() -> None:
    plain = Case("plain", Settings((4,), (3,)))
    assert to_be_timed([plain, *CASES.values()], "", specs=True) == CASES
    assert timed_settings([plain]) == {}
