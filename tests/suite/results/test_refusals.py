"""Refusals that are known, that changed, and on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from convt.cases.errors import SpecErrors
from convt.cases.known import KnownTarget, kinds, load_known
from convt.cases.loader import load_cases
from convt.page.page import render_page
from convt.results.classes import classify
from convt.results.directions import BEYOND, direction
from convt.results.records import CaseRecord, Footer, Header, KnownInfo, LawInfo, Run, TargetInfo, VerdictRecord
from convt.results.refusals import passed, refusal_groups
from convt.results.runfile import RunWriter, read_run
from convt.results.tally import count
from convt.session.verdicts import case_record

ROOT = Path(__file__).parents[3]
CASES = load_cases([ROOT / "specs" / "rejects.yaml"])
BY_ID = {case.id: case for case in CASES}

ENTRY = """\
known:
  - id: takes-stride-zero
    law: rejects
    rejects: [stride-zero]
    where: op == 'conv' and rank == 2
    wrong: {verdict: differs, kind: accepted}
    reason: It does.
    issue: not reported yet
    since: "1"
"""


def test_an_entry_speaks_of_kinds_and_ranks(tmp_path: Path) -> None:
    (tmp_path / "jax.yaml").write_text(ENTRY)
    (entry,) = load_known(tmp_path, ["rejects", "value"])
    target = KnownTarget("jax", "jit", "cpu", "1.0")
    here, there = BY_ID["stride-zero-forward-2d"], BY_ID["stride-zero-forward-3d"]
    assert entry.applies("rejects", here.settings, target, "stride-zero")
    assert not entry.applies("rejects", here.settings, target, "stride-negative")
    assert not entry.applies("rejects", here.settings, target)
    assert not entry.applies("rejects", there.settings, target, "stride-zero")
    assert not entry.applies("value", here.settings, target, "stride-zero")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("[stride-zero]", "[stride-zro]", "4:15: known[0].rejects[0]: found 'stride-zro', accepted 'stride-zero'"),
        ("law: rejects", "law: value", "4:14: known[0].rejects: `rejects` needs `law: rejects`"),
        ("[stride-zero]", "[]", "4:14: known[0].rejects: found 0 items, accepted 1 or more items"),
    ],
    ids=["unknown-kind", "another-law", "no-kind"],
)
def test_a_bad_entry_is_refused_with_its_place(tmp_path: Path, old: str, new: str, line: str) -> None:
    (tmp_path / "jax.yaml").write_text(ENTRY.replace(old, new))
    with pytest.raises(SpecErrors) as caught:
        load_known(tmp_path, ["rejects", "value"])
    found = [error.split("jax.yaml:", 1)[1] for error in caught.value.errors]
    assert any(each.startswith(line) for each in found), found


def test_the_kinds_are_those_of_the_file() -> None:
    assert set(kinds()) == {case.reject.kind for case in CASES if case.reject}


# comparing


def record(verdict: str, outcome: str, message: str = "") -> VerdictRecord:
    return VerdictRecord("stride-zero-forward-1d", "rejects", "jax", verdict, message=message, outcome=outcome)


REFUSED = record("pass", "raised", "refused: ValueError: stride")
UNCLEAR = record("differs", "raised", "refused, but unclearly: TypeError: no")
ACCEPTED = record("differs", "value", "accepted: shape (1,)")
RIGHT = record("pass", "value", "accepted: shape (1,); either")
CRASHED = record("error", "crashed", "crashed: SIGABRT")
HUNG = record("error", "timed-out", "no answer within 60 s")
UNSUPPORTED = record("unsupported", "unsupported", "no stride")


@pytest.mark.parametrize(
    ("before", "after", "towards"),
    [
        (REFUSED, ACCEPTED, ""),
        (REFUSED, UNCLEAR, ""),
        (REFUSED, CRASHED, "worse"),
        (UNCLEAR, ACCEPTED, ""),
        (ACCEPTED, CRASHED, "worse"),
        (ACCEPTED, HUNG, "worse"),
        (CRASHED, HUNG, ""),
        (RIGHT, REFUSED, ""),
        (REFUSED, RIGHT, ""),
        (ACCEPTED, REFUSED, "better"),
        (ACCEPTED, UNCLEAR, "better"),
        (UNCLEAR, REFUSED, "better"),
        (CRASHED, ACCEPTED, "better"),
        (CRASHED, REFUSED, "better"),
        (UNSUPPORTED, REFUSED, "better"),
    ],
    ids=lambda it: f"{it.verdict}-{it.outcome}" if isinstance(it, VerdictRecord) else str(it),
)
def test_another_refusal_is_told_as_one_and_only_the_end_of_a_process_is_worse(
    before: VerdictRecord, after: VerdictRecord, towards: str
) -> None:
    found = classify(before, after)
    assert found is not None
    assert found[0] == "accept-refuse"
    assert " before; " in found[1]
    assert direction(before, after) == towards
    named = (replace(it, case="stride-wraps-at-64-bits-forward-1d") for it in (before, after))
    assert direction(*named) == (towards if towards == "better" else "")


def test_of_two_answers_to_an_invalid_call_none_is_the_better() -> None:
    """What memory held decides whether it is right."""
    assert direction(ACCEPTED, RIGHT) == direction(RIGHT, ACCEPTED) == ""


def test_the_names_of_invalid_calls_say_which_numbers_are_beyond_32_bits() -> None:
    """Those with smaller numbers, and nothing else, may make a comparison worse."""
    for case in CASES:
        if case.reject is not None:
            passed = json.dumps(case.reject.invalid, default=str)
            largest = max([abs(int(number)) for number in re.findall(r"-?\d+", passed)] or [0])
            assert largest > 2**29 if BEYOND.search(case.id) else largest < 2**31, case.id


def test_a_refusal_in_other_words_is_none_that_changed() -> None:
    reworded = record("pass", "raised", "refused: ValueError: strides are positive")
    unclear = record("differs", "raised", "refused, but unclearly: TypeError: never")
    assert classify(REFUSED, reworded) == ("unchanged", "")
    assert classify(UNCLEAR, unclear) == ("unchanged", "")
    other = record("differs", "raised", "refused, but unclearly: KeyError: never")
    assert (classify(UNCLEAR, other) or ("",))[0] == "fails-differently"


def test_what_comes_and_goes_by_itself_is_no_change_of_a_refusal() -> None:
    assert (classify(REFUSED, CRASHED, by_chance=True) or ("",))[0] == "regressed"


# the page and the run file

TARGETS = (
    TargetInfo("pytorch", "pytorch", "eager", "cpu", {"torch": "1.0"}),
    TargetInfo("jax", "jax", "jit", "cpu", {"jax": "1.0"}),
    TargetInfo("tensorflow", "tensorflow", "eager", "cpu", missing="not installed"),
)
KINDS = ("stride-zero", "bias-in-float64")


def written(folder: Path, verdicts: Sequence[VerdictRecord]) -> Run:
    """A run of two kinds, written and read again."""
    path = folder / "run.jsonl"
    law = LawInfo("rejects", "A setting that means nothing is refused.", "section 9")
    known = (KnownInfo("takes-stride-zero", "It does."),)
    header = Header("2026-11-22T01:30:00+00:00", 0, "ci", {}, "pytest", TARGETS, (law,), known=known)
    with RunWriter(path) as writer:
        writer.write(header)
        for case in CASES:
            if case.reject and case.reject.kind in KINDS:
                told = case_record(case)
                writer.write(CaseRecord(**{k: v for k, v in told.items() if k not in ("kind", "claim")}))
        for verdict in verdicts:
            writer.write(verdict)
        writer.finish(1.0, 0)
    return read_run(path)


def at(case: str, target: str, verdict: str, outcome: str, known: str | None = None) -> VerdictRecord:
    return VerdictRecord(case, "rejects", target, verdict, known, f"{outcome} {case}", outcome=outcome)


def verdicts() -> list[VerdictRecord]:
    return [
        at("stride-zero-forward-1d", "pytorch", "pass", "raised"),
        at("stride-zero-forward-2d", "pytorch", "pass", "raised"),
        at("stride-zero-forward-3d", "pytorch", "differs", "value", "takes-stride-zero"),
        at("stride-zero-forward-1d", "jax", "error", "crashed"),
        at("stride-zero-forward-2d", "jax", "differs", "raised"),
        at("bias-in-float64-forward-2d", "jax", "unsupported", "unsupported"),
    ]


def test_a_case_record_says_what_is_passed_instead(tmp_path: Path) -> None:
    run = written(tmp_path, verdicts())
    record = run.cases["stride-zero-forward-2d"]
    assert record.reject == {"kind": "stride-zero", "fault": ["stride"], "invalid": {"stride": [0, 0]}}
    assert record.settings["stride"] == [2, 2]
    assert passed(record) == "stride=[0, 0]"
    bias = run.cases["bias-in-float64-forward-2d"]
    assert bias.reject is not None
    assert bias.reject["arrays"] == {"b": {"dtype": "float64"}}
    assert passed(bias) == "b float64"


def test_every_case_of_the_file_can_be_written(tmp_path: Path) -> None:
    for case in CASES:
        assert json.loads(json.dumps(case_record(case), allow_nan=False, default=list))["reject"]["kind"]


def test_the_table_has_a_row_a_kind_and_a_word_for_everything_that_was_seen(tmp_path: Path) -> None:
    run = written(tmp_path, verdicts())
    groups = dict(refusal_groups(run, count(run)))
    assert list(groups) == ["stride", "bias"]
    (zero,) = groups["stride"]
    assert (zero.kind, zero.cases) == ("stride-zero", 9)
    words = [[(part.word, part.standing, part.count, part.case) for part in cell.parts] for cell in zero.cells]
    assert words == [
        [("accepted", "known", 1, "stride-zero-forward-3d"), ("refused", "pass", 2, "stride-zero-forward-1d")],
        [("unclear", "differs", 1, "stride-zero-forward-2d"), ("crashed", "error", 1, "stride-zero-forward-1d")],
        [],
    ]
    assert [cell.standing for cell in zero.cells] == ["known", "differs", "not-run"]
    (bias,) = groups["bias"]
    assert [cell.standing for cell in bias.cells] == ["nothing", "unsupported", "not-run"]


def test_the_page_shows_the_table_and_the_settings_matrix_leaves_them_out(tmp_path: Path) -> None:
    run = written(tmp_path, verdicts())
    html = render_page(run)
    section = html.partition('<section id="refusals">')[2].partition("</section>")[0]
    for said in ("stride-zero", "2 refused", "1 accepted", "1 crashed", "1 unclear", "bias-in-float64", "not run"):
        assert said in section
    assert 'href="#refusals"' in html
    assert "invalid call" in html.partition('<section id="cases">')[2]
    settings = html.partition('<section id="settings">')[2].partition("</section>")[0]
    assert "1 case<" not in settings
    assert "12 cases" not in settings


def test_a_run_without_them_has_no_such_table(tmp_path: Path) -> None:
    run = written(tmp_path, verdicts())
    bare = Run(run.path, run.header, {}, (), {}, Footer(0, 0, 0.0, 0))
    assert "refusals" not in render_page(bare)
