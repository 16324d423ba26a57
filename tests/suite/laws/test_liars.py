"""Every law can fail, every liar is caught, and the honest backend is believed."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest

from convt.cases.case import Case
from convt.laws.catalogue import all_laws, law_by_id
from tests.suite.conv.reference import Honest
from tests.suite.laws.kills import PAGE, Caught, Kills, asked, findings, judged, kills, page
from tests.suite.laws.liars import ANSWERING, ENDING, LIARS
from tests.suite.laws.sample import SAMPLE

LAW_IDS = [law.id for law in all_laws()]
ONE_LAW = {name: liar.only for name, liar in ANSWERING.items() if liar.only}
"""Liars that one law alone can catch, and why."""


@pytest.fixture(scope="module")
def seen() -> tuple[Kills, list[str]]:
    """What catches each liar, and every time that what is shown of it is a call that went well."""
    honest, astray = Honest("eager", "cpu"), list[str]()

    def look(liar: str, law_id: str, case: Case, caught: Caught) -> None:
        if not caught.shows_a_wrong_call(honest):
            astray.append(f"{liar}, {law_id}, {case.id}: {caught.finding.probe!r}: {caught.finding.message}")

    return kills(ANSWERING, look=look), astray


@pytest.fixture(scope="module")
def found(seen: tuple[Kills, list[str]]) -> Kills:
    return seen[0]


def test_what_is_shown_of_a_liar_is_a_call_that_it_answers_wrongly(seen: tuple[Kills, list[str]]) -> None:
    assert seen[1] == []


def test_a_call_that_went_well_would_be_noticed() -> None:
    case = next(case for case in SAMPLE if law_by_id("bias").applies(case))
    probes = {"bias": law_by_id("bias").probes(case)}
    caught = findings(ANSWERING["DropsBias"]("eager", "cpu"), case, probes)["bias"]
    honest = Honest("eager", "cpu")
    assert caught.shows_a_wrong_call(honest)
    assert not replace(caught, finding=replace(caught.finding, probe="without")).shows_a_wrong_call(honest)
    assert not replace(caught, finding=replace(caught.finding, probe="")).shows_a_wrong_call(honest)


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.id)
def test_the_honest_backend_passes_every_law(case: Case) -> None:
    verdicts = judged(Honest("eager", "cpu"), case, asked(case))
    assert verdicts
    assert {law_id: verdict for law_id, verdict in verdicts.items() if verdict != "pass"} == {}


@pytest.mark.parametrize("law_id", LAW_IDS)
def test_the_sample_has_a_case_of_which_the_law_speaks(law_id: str) -> None:
    assert any(law_by_id(law_id).applies(case) for case in SAMPLE)


@pytest.mark.parametrize("liar", [name for name in ANSWERING if name not in ONE_LAW])
def test_two_laws_catch_the_liar(found: Kills, liar: str) -> None:
    assert len(found[liar]) >= 2, f"{liar}: {LIARS[liar]}; caught by {sorted(found[liar])}"


@pytest.mark.parametrize("liar", ONE_LAW)
def test_the_one_law_that_can_catches_the_liar(found: Kills, liar: str) -> None:
    assert list(found[liar]) == [ONE_LAW[liar].partition(":")[0]]


@pytest.mark.parametrize("law_id", LAW_IDS)
def test_the_law_catches_a_liar(found: Kills, law_id: str) -> None:
    assert [liar for liar, by in found.items() if law_id in by]


def test_the_page_of_the_kill_matrix_is_current(found: Kills) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(found), "run `python -m tests.suite.laws.kills`"


def test_there_are_at_least_44_liars_and_each_says_what_it_gets_wrong() -> None:
    assert len(LIARS) >= 44
    for name, lie in LIARS.items():
        assert "\n" not in lie, f"{name} does not say it in one line"
        assert lie, name
        assert not lie.endswith("."), f"{name}: {lie}"


@pytest.mark.parametrize("name", LIARS)
def test_a_liar_is_found_by_its_import_path(name: str) -> None:
    assert getattr(importlib.import_module("tests.suite.laws.liars"), name) is (ANSWERING | ENDING)[name]


def test_an_unknown_liar_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(AttributeError, match="FlipsKernel"):
        importlib.import_module("tests.suite.laws.liars").TellsTheTruth  # noqa: B018


@pytest.mark.parametrize(
    "case", [case for case in SAMPLE if law_by_id("adjoint").applies(case)], ids=lambda case: case.id
)
def test_a_pair_is_compared_although_each_agrees_with_itself_and_the_liar_is_blamed(case: Case) -> None:
    law = law_by_id("adjoint")
    probes = law.probes(case)
    liar = ANSWERING["FlipsBothKernels"]("eager", "cpu")
    honest, flipped = ({name: it.run(probe) for name, probe in probes.items()} for it in (Honest("eager", "cpu"), liar))
    assert law.assess(case, flipped).verdict == "pass"
    assert law.judge_pair(case, honest, honest).verdict == "pass"
    w = probes["forward"].w
    reads_the_same_backwards = np.array_equal(w, np.flip(w, tuple(range(2, w.ndim))))
    expected = "pass" if reads_the_same_backwards else "differs"
    assert law.judge_pair(case, flipped, honest).verdict == expected
    assert law.judge_pair(case, honest, flipped).verdict == "pass"
