"""The search against planted defects: all are found, each on its smallest case, and nothing where nothing differs."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from convt.adapter.backend import Outcome, Probe
from convt.cases.loader import load_cases
from convt.host.evaluator import Evaluator
from convt.host.jobs import Each
from convt.host.pool import Pool
from convt.host.registry import parse_target
from convt.upgrade.found import Found, render, to_json
from convt.upgrade.search import search
from tests.suite.host import fakes
from tests.suite.laws.wide import CrashesOnWide, HangsOnWide, RefusesPlanes, registry
from tests.suite.upgrade.planted import DEFECTS, InProcess, Planted, planted

SETS: dict[str, tuple[str, ...]] = {
    "two of one kind": ("dilated groups", "same crops the other end"),
    "two kinds": ("double depthwise", "abstract output padding"),
    "three of one kind": ("bias in 3-D", "strided batches", "16 channels"),
    "three refusals": ("three groups", "wide dilation", "wanted size with valid"),
    "five of one kind": (
        "dilated groups", "bias in 3-D", "strided batches", "odd kernels with a stride", "same crops the other end",
    ),
    "five kinds": ("forward same", "double depthwise", "other sums", "one item unbatched", "spelled in planes"),
}  # fmt: skip
HONEST: dict[str, Outcome] = {}
"""What the honest side said in earlier searches."""


def searched(*names: str, cases: int = 250, seed: int = 0) -> Found:
    """The search with these defects planted in the side after."""
    pool = InProcess({"x#before": planted(), "x#after": planted(*names)}, HONEST)
    return search(pool, "x#before", "x#after", budget=300, cases=cases, seed=seed)


def kinds_and_needs(found: Found) -> list[tuple[str, tuple[str, ...]]]:
    return sorted((it.kind, it.needs) for it in found.differences)


@pytest.mark.parametrize("name", DEFECTS)
def test_one_defect_is_one_difference_on_its_smallest_case(name: str) -> None:
    found = searched(name, cases=120)
    assert kinds_and_needs(found) == [(DEFECTS[name].kind, DEFECTS[name].needs)]
    [difference] = found.differences
    assert difference.smallest
    assert difference.seen >= 1
    assert found.completed


@pytest.mark.parametrize("names", SETS.values(), ids=SETS)
def test_distinct_defects_are_told_apart_and_each_is_found(names: tuple[str, ...]) -> None:
    found = searched(*names)
    assert kinds_and_needs(found) == sorted((DEFECTS[name].kind, DEFECTS[name].needs) for name in names)


def test_the_same_seed_finds_the_same() -> None:
    first, second = (to_json(searched(*SETS["two kinds"], cases=80, seed=4)) for _ in range(2))
    timed = {"seconds", "says"}
    assert {name: first[name] for name in first if name not in timed} == {
        name: second[name] for name in second if name not in timed
    }
    assert first["differences"]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_found_between_equal_sides(seed: int) -> None:
    pool = InProcess({"x#before": planted("no items"), "x#after": planted("no items")})
    found = search(pool, "x#before", "x#after", budget=300, cases=30, seed=seed)
    assert found.differences == ()
    assert found.completed
    assert found.cases >= 30


def test_a_spent_budget_is_said_and_what_was_found_until_then_is_kept() -> None:
    class Slow(InProcess):
        submissions = 0

        def submit(self, target: str, probes: Sequence[Probe], each: Each | None = None) -> Future[list[Outcome]]:
            self.submissions += 1
            time.sleep(0.2)
            return super().submit(target, probes, each)

    pool = Slow({"before": planted(), "after": planted("dilated groups", "wide dilation")}, HONEST)
    found = search(pool, "before", "after", budget=3, cases=100_000)
    assert pool.submissions < 100  # 15 of 0.2 s spend the budget, and what is begun is ended
    assert not found.completed
    assert found.stopped == "the budget is spent"
    assert found.differences
    assert "did not complete: the budget is spent" in render(found)


def test_a_side_that_never_answers_costs_the_budget_and_no_more() -> None:
    class Silent(InProcess):
        def submit(self, target: str, probes: Sequence[Probe], each: Each | None = None) -> Future[list[Outcome]]:
            return super().submit(target, probes, each) if target == "before" else Future()

    found = search(Silent({"before": planted(), "after": planted()}), "before", "after", budget=0.5)
    assert (found.stopped, found.differences) == ("the budget is spent", ())


@pytest.mark.parametrize(("fake", "says"), [(CrashesOnWide, "crashed"), (HangsOnWide, "timed-out")])
def test_a_side_that_ends_on_some_cases_is_a_difference_on_the_smallest_of_them(
    fake: type[fakes.AnswersWell], says: str
) -> None:
    well, entries = "answers-well", registry(fakes.AnswersWell, fake)
    [bad] = set(entries) - {well}
    with Pool([parse_target(name, entries) for name in entries], 1.0, backends=entries, give_up_after=100) as pool:
        found = search(pool, well, bad, budget=300, cases=12)
    [difference] = found.differences
    assert (difference.kind, difference.needs, difference.right) == ("outcome", ("kernel 4",), "before")
    assert difference.after.kind == says
    assert found.completed


def test_a_side_that_ends_always_stops_the_search_and_is_told() -> None:
    entries = registry(fakes.AnswersWell, fakes.CrashesAlways)
    with Pool([parse_target(name, entries) for name in entries], backends=entries, give_up_after=3) as pool:
        found = search(pool, "answers-well", "crashes-always", budget=300)
    assert not found.completed
    assert "crashes-always answers no more: crashes-always is given up" in found.stopped
    assert {it.kind for it in found.differences} == {"outcome"}
    assert found.differences[0].says.startswith("outcome: a value before, crashed (")


def test_a_side_that_is_missing_stops_the_search_without_a_difference() -> None:
    entries = registry(fakes.AnswersWell, fakes.Lacks)
    with Pool([parse_target(name, entries) for name in entries], backends=entries) as pool:
        found = search(pool, "answers-well", "lacks", budget=60)
    assert found.differences == ()
    assert not found.completed
    assert "framework_that_nobody_has is not installed" in found.stopped


def test_an_evaluator_does_as_well_as_a_pool() -> None:
    pool = InProcess({"before": planted(), "after": planted("wide dilation")}, HONEST)
    found = search(Evaluator(pool), "before", "after", budget=300, cases=60)
    assert kinds_and_needs(found) == [("outcome", ("dilation 3",))]


def test_both_sides_are_asked_in_batches() -> None:
    pool = InProcess({"before": planted(), "after": planted()}, HONEST)
    found = search(pool, "before", "after", budget=300, cases=60)
    assert len(pool.asked) < found.probes / 20


@pytest.mark.parametrize(
    ("before", "after", "right"), [((), ("bias in 3-D",), "before"), (("bias in 3-D",), (), "after")]
)
def test_the_oracles_say_which_side_is_right(before: tuple[str, ...], after: tuple[str, ...], right: str) -> None:
    pool = InProcess({"before": planted(*before), "after": planted(*after)})
    [difference] = search(pool, "before", "after", budget=300, cases=120).differences
    assert difference.right == right


def test_neither_side_is_right_where_both_are_wrong_in_other_ways() -> None:
    before, after = planted("dilated groups"), planted("dilated groups", "dilated groups")
    found = search(InProcess({"before": before, "after": after}), "before", "after", budget=300, cases=120)
    assert [it.right for it in found.differences] == ["neither"]


def test_a_changed_message_is_told_and_no_oracle_speaks_of_it() -> None:
    before, after = planted("three groups"), planted("three groups")
    after.wording = "groups must be 1 or 2, got {groups}"
    found = search(InProcess({"before": before, "after": after}), "before", "after", budget=300, cases=120)
    assert kinds_and_needs(found) == [("message", ("3 groups",))]
    assert found.differences[0].right == ""


def test_the_yaml_names_the_case(tmp_path: Path) -> None:
    [difference] = searched("same crops the other end", cases=120).differences
    path = tmp_path / "found.yaml"
    path.write_text("about: Found by the search.\nsource: section 3\ncases:\n" + difference.yaml, encoding="utf-8")
    [case] = load_cases([path])
    assert case.settings == difference.case.settings
    assert case.digest == difference.case.digest


def test_scripts_come_from_the_pool_and_carry_the_numbers() -> None:
    entries = registry(fakes.AnswersWell, RefusesPlanes)
    with Pool([parse_target(name, entries) for name in entries], backends=entries) as pool:
        found = search(pool, "answers-well", "refuses-planes", budget=60, cases=40)
    [difference] = found.differences
    assert "y = plain(x, w, stride=(1, 1))" in difference.script_before
    assert "x = np.array(" in difference.script_after
    assert found.versions == {"answers-well": "fake 1.2.3", "refuses-planes": "fake 1.2.3"}


def test_the_result_is_plain_data_and_readable_text() -> None:
    found = searched("same crops the other end", "wide dilation", cases=120)
    data = json.loads(json.dumps(to_json(found), allow_nan=False))
    assert [it["kind"] for it in data["differences"]] == [it.kind for it in found.differences]
    assert data["differences"][0]["case"]["x"] is not None
    text = render(found)
    for difference in found.differences:
        assert difference.says in text
        assert difference.yaml.splitlines()[0].strip() in text
    assert f"2 differences in {found.cases:,} cases" in text
    assert "the search completed" in text


@pytest.mark.parametrize(("name", "value"), [("budget", 0), ("budget", float("nan")), ("cases", 0)])
def test_a_search_of_nothing_is_refused(name: str, value: float) -> None:
    pool = InProcess({"before": Planted("eager", "cpu"), "after": Planted("eager", "cpu")})
    with pytest.raises(ValueError, match=f"{name}=.*accepted"):
        search(pool, "before", "after", **{name: value})  # type: ignore[arg-type]
