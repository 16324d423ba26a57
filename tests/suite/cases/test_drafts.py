"""Drafts for the frameworks' trackers: one for every known difference, on a screen, in words that are not ours."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from convt.cases.drafts import LINES, WIDTH, draft
from convt.cases.findings import FrameworkFinding, links, load_findings
from convt.cases.known import Known, load_known
from convt.cases.loader import load_cases
from convt.cli import main
from convt.commands.parts import UsageError
from convt.commands.show import finding_of
from convt.laws.catalogue import all_laws

ROOT = Path(__file__).parents[3]
GROUPS = load_findings(ROOT / "backends")
FINDINGS = {each.id: each for group in GROUPS for each in group.findings}
KNOWN = load_known(ROOT / "backends")
PAGE = (ROOT / "docs" / "findings.md").read_text()
CASES = [case.id for case in load_cases([ROOT / "specs" / "findings.yaml"])]
OURS = r"\b(adapter|oracle|probe|verdict|pytest|known difference|call form|this suite|profile)\b|\blaws? `|\bcases? `"
"""Words that a framework's maintainers would not know."""
IMPORTS = {
    "PyTorch": {"torch"},
    "TensorFlow": {"tensorflow"},
    "JAX": {"jax"},
    "Keras": {"keras", "torch", "tensorflow", "os"},
    "ONNX Runtime": {"onnx", "onnxruntime"},
}
"""What a script may import beside numpy, resource, with which one takes memory away, and time, where it tells times."""


def faults(finding: FrameworkFinding) -> list[str]:
    """What is wrong with a finding's draft."""
    text = draft(finding)
    lines = text.splitlines()
    found = [f"{len(lines)} lines"] if len(lines) > LINES else []
    found += [f"{len(line)} columns: {line}" for line in lines if len(line) > WIDTH]
    found += [f"a word of ours: {match[0]}" for match in re.finditer(OURS, text)]
    found += [f"a name of ours: {name}" for name in (*(entry.id for entry in KNOWN), *CASES) if f"`{name}`" in text]
    modules = set(re.findall(r"^(?:import|from) (\w+)", finding.script, re.MULTILINE))
    more = {"time"} if finding.timed else set()
    return found + sorted(modules - IMPORTS[finding.framework] - {"numpy", "resource"} - more)


@pytest.mark.parametrize("name", FINDINGS)
def test_a_draft_fits_on_a_screen_and_needs_no_words_of_ours(name: str) -> None:
    assert faults(FINDINGS[name]) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"script": "print(1)\n" * 61}, "lines"),
        ({"script": "print(1)  #" + "x" * 100}, "columns"),
        ({"about": "The adapter says so."}, "a word of ours: adapter"),
        ({"right": f"As `{KNOWN[0].id}`."}, "a name of ours"),
        ({"script": "import convt\n"}, "convt"),
    ],
)
def test_a_draft_that_is_too_long_or_not_self_contained_is_found(wrong: dict[str, Any], said: str) -> None:
    assert said in "; ".join(faults(dataclasses.replace(next(iter(FINDINGS.values())), **wrong)))


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry.id)
def test_every_known_difference_has_a_draft(entry: Known) -> None:
    assert finding_of(entry.id, GROUPS, KNOWN) is FINDINGS[entry.finding]


def test_a_known_difference_of_no_finding_has_none() -> None:
    with pytest.raises(UsageError, match="no finding to report"):
        finding_of("mine", GROUPS, [dataclasses.replace(KNOWN[0], id="mine", finding="")])


@pytest.mark.parametrize("entry", [entry for entry in KNOWN if links(entry.issue)], ids=lambda entry: entry.id)
def test_a_link_of_a_known_difference_is_one_of_its_finding(entry: Known) -> None:
    assert set(links(entry.issue)) <= set(links(FINDINGS[entry.finding].issue))


def test_a_name_of_both_is_one_finding() -> None:
    assert [entry.id for entry in KNOWN if entry.id in FINDINGS and entry.finding != entry.id] == []


def test_a_finding_is_shown_by_its_own_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--upstream", "jax-empty-input-keeps-no-stride"]) == 0
    assert capsys.readouterr().out.startswith("# An input without positions gives too many\n")


def test_a_finding_that_is_reported_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--upstream", "jax-crop-beyond-the-kernel"]) == 0
    said = capsys.readouterr()
    assert said.err == "reported or discussed already: https://github.com/openxla/xla/issues/48713\n"
    assert "48713" not in said.out


def test_an_unknown_name_gives_the_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--upstream", "jax-empty-input-keep-no-strides"]) == 2
    assert "near: jax-empty-input-keeps-no-stride" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted({*CASES, *(entry.id for entry in KNOWN), *FINDINGS}))
def test_every_case_of_findings_and_every_known_difference_is_told(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_page_names_only_cases_laws_and_known_differences_that_there_are() -> None:
    files = (ROOT / "specs").rglob("*.yaml")
    cases = {case.id for case in load_cases(sorted(files))}
    told = set(re.findall(r"`([a-z][a-z0-9]*(?:-[a-z0-9]+)+)`", PAGE))
    laws = {law.id for law in all_laws()}
    assert sorted(told - cases - laws - {entry.id for entry in KNOWN} - set(FINDINGS)) == []
