"""A run of every day asks laws that relate answers about a cover of the cases: of engines no triple of properties is
missing, of what stands above one no pair."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from convt.cases.case import Case
from convt.laws.catalogue import all_laws, law_by_id
from convt.laws.law import Law
from convt.session.cover import cover_for, properties
from convt.session.options import Options
from convt.session.profiles import PROFILES
from convt.session.session import Session

EVERYDAY = Session(Options(profile=PROFILES["default"]))
COVERED = [law for law in all_laws() if law.over_cover == "everywhere"]


def together(cases: list[Case], strength: int) -> set[tuple[tuple[str, str], ...]]:
    return {each for case in cases for each in combinations(sorted(properties(case)), strength)}


def asked(law: Law, target: str, session: Session = EVERYDAY) -> list[Case]:
    mine = [case for case in session.cases if (not case.laws or law.id in case.laws) and law.applies(case)]
    return [case for case in mine if session.takes(law, case, target)]


@pytest.mark.parametrize(("target", "strength"), [("jax", 3), ("keras-jax", 2)])
@pytest.mark.parametrize("law", COVERED, ids=lambda law: law.id)
def test_all_properties_that_occur_together_in_the_cases_of_a_law_do_so_in_those_that_are_asked(
    law: Law, target: str, strength: int
) -> None:
    everything = [case for case in EVERYDAY.cases if (not case.laws or law.id in case.laws) and law.applies(case)]
    few = asked(law, target)
    assert together(few, strength) == together(everything, strength)
    assert {case.id for case in everything if case.laws} <= {case.id for case in few}


def test_of_many_cases_far_fewer_are_asked_and_by_all_laws_together_half() -> None:
    linear = law_by_id("linearity")
    assert len(asked(linear, "jax")) < 150
    together = {case.id for law in COVERED for case in asked(law, "jax")}
    plain = [case for case in EVERYDAY.cases if case.reject is None and not case.laws and case.block is None]
    assert len(together & {case.id for case in plain}) > 0.5 * len(plain)


@pytest.mark.parametrize("name", ["value", "accuracy", "output-shape", "rejects", "abstract"])
def test_what_holds_an_answer_against_the_oracles_is_asked_of_every_case(name: str) -> None:
    law = law_by_id(name)
    assert all(EVERYDAY.takes(law, case, "keras-jax") for case in EVERYDAY.cases)


def test_each_case_is_asked_for_its_gradients_of_every_engine_and_a_cover_of_what_stands_above_one() -> None:
    law = law_by_id("crossed")
    whole = {case.id for case in EVERYDAY.cases if (not case.laws or law.id in case.laws) and law.applies(case)}
    for target in ("pytorch", "tensorflow", "jax", "onnxruntime"):
        assert {case.id for case in asked(law, target)} == whole
    for target in ("keras-jax", "keras-torch", "keras-tensorflow"):
        few = asked(law, target)
        assert len(few) < len(whole) / 2
        assert together([case for case in EVERYDAY.cases if case.id in whole], 3) == together(few, 3)


def test_what_stands_above_an_engine_is_asked_about_fewer_cases_than_the_engine() -> None:
    law = law_by_id("linearity")
    assert len(asked(law, "keras-jax")) < 0.5 * len(asked(law, "jax"))


def test_a_run_tells_which_laws_it_asked_about_a_cover() -> None:
    told = {it.id: (it.cover, it.cover_above) for it in EVERYDAY.law_infos()}
    assert (told["linearity"], told["crossed"], told["value"]) == ((3, 2), (0, 3), (0, 0))
    for change in ({"profile": PROFILES["nightly"]}, {"narrowed": True}, {"specs": (Path("mine.yaml"),)}):
        session = Session(replace(EVERYDAY.options, **change))
        assert not any(it.cover or it.cover_above for it in session.law_infos())


@pytest.mark.parametrize(
    ("change", "every"),
    [
        ({"narrowed": True}, True),
        ({"profile": PROFILES["nightly"]}, True),
        ({"narrowed": True, "baseline": Path("base.jsonl")}, False),
        ({"baseline": Path("base.jsonl")}, False),
    ],
    ids=["chosen", "nightly", "chosen-against-a-baseline", "against-a-baseline"],
)
def test_who_chooses_is_answered_about_every_case_and_a_baseline_meets_nothing_new(
    change: dict[str, object], every: bool
) -> None:
    law = law_by_id("linearity")
    session = Session(replace(EVERYDAY.options, **change))  # type: ignore[arg-type]
    mine = [case for case in session.cases if law.applies(case) and not case.laws]
    assert all(session.takes(law, case, "jax") for case in mine) == every


def test_cases_of_ones_own_are_asked_by_every_law(tmp_path: Path) -> None:
    session = Session(replace(EVERYDAY.options, specs=(tmp_path / "mine.yaml",)))
    assert session.takes(law_by_id("linearity"), EVERYDAY.cases[0], "jax")


def test_two_laws_take_different_cases() -> None:
    names = [{case.id for case in asked(law_by_id(name), "jax") if not case.laws} for name in ("linearity", "shift")]
    assert len(names[0] & names[1]) < 0.7 * len(names[1])


def test_a_cover_is_the_same_each_time() -> None:
    law = law_by_id("linearity")
    twice = [[case.id for case in cover_for(law, EVERYDAY.cases, 3)] for _ in range(2)]
    assert twice[0] == twice[1]
