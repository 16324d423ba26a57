"""Which of two answers is the better one, from both sides; the table of the docs is the one in the code."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from convt.results.compare_view import headline
from convt.results.directions import QUALITIES, RANK, direction, quality
from convt.results.records import VerdictRecord
from tests.suite.results.synthetic_run import KNOWN, settings_of_cases
from tests.suite.results.two_runs import compared, verdict

DOCS = Path(__file__).parents[3] / "docs" / "comparing.md"
SHAPE = "out.shape=(1, 1, 13), but should be (1, 1, 14)"


def claim(verdict: str, **finding: str) -> VerdictRecord:
    told = {"kind": "claim", "probe": "plain"} | finding if verdict == "differs" else None
    return VerdictRecord("one", "support", "jax", verdict, outcome="value", finding=told)


DOES = {
    "right": verdict(used=0.2),
    "imprecise": verdict("differs", used=3.0),
    "cannot": verdict("unsupported", outcome="unsupported"),
    "unclear": VerdictRecord("one", "value", "jax", "differs", outcome="raised", finding={
        "kind": "refusal", "outcome": "raised", "exception": "RuntimeError", "words": "no"}),
    "wrong": verdict("differs"),
    "ends": verdict("error", message="value: crashed: SIGSEGV; log: no", outcome="crashed"),
}  # fmt: skip


@pytest.mark.parametrize(("better", "worse"), list(combinations(DOES, 2)))
def test_of_two_answers_the_one_that_stands_first_is_the_better(better: str, worse: str) -> None:
    assert (quality(DOES[better]), quality(DOES[worse])) == (better, worse)
    assert direction(DOES[better], DOES[worse]) == "worse"
    assert direction(DOES[worse], DOES[better]) == "better"
    assert direction(DOES[worse], DOES[worse]) == ""


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (verdict("differs", message=SHAPE), "wrong"),
        (verdict("differs", used=65.0), "wrong"),
        (verdict("differs", used=float("inf")), "wrong"),
        (verdict("error", message="value: raised: ValueError: no"), "wrong"),
        (verdict("error", message="value: timed-out: no answer within 60 s", outcome="timed-out"), "ends"),
        (verdict("differs", known="a-known-one"), "wrong"),
        (verdict(unsteady="asked again: differs"), "ends"),
        (verdict("not-run"), None),
        (verdict("suite-bug", message="the suite raised KeyError"), None),
        (None, None),
        (claim("pass"), "cannot"),
        (claim("differs"), "right"),
    ],
)
def test_what_a_target_did(record: VerdictRecord | None, expected: str | None) -> None:
    assert quality(record) == expected


@pytest.mark.parametrize(
    ("before", "after", "towards"),
    [
        (verdict("differs", used=9.0), verdict("differs", used=4.5), "better"),
        (verdict("differs", used=9.0), verdict("differs", used=4.6), ""),
        (verdict("differs", used=1.5), verdict("differs", used=9.0), "worse"),
        (verdict("differs", used=900.0), verdict("differs", used=400.0), "better"),
        (verdict("differs", used=float("inf")), verdict("differs", used=1.5), "better"),
        (verdict("differs", used=float("inf")), verdict("differs", used=float("inf")), ""),
        (verdict("differs", used=900.0), verdict("differs", used=float("inf")), "worse"),
        (verdict("differs", used=900.0, shape=(1, 2)), verdict("differs", used=200.0, shape=(1, 3)), ""),
        (verdict(used=0.2), verdict(used=0.9), ""),
        (verdict(used=0.2), None, ""),
        (claim("pass"), claim("differs"), "better"),
        (claim("differs"), claim("pass"), ""),
    ],
)
def test_wrong_numbers_are_told_by_how_far_away_they_are(
    before: VerdictRecord, after: VerdictRecord | None, towards: str
) -> None:
    assert direction(before, after) == towards


HELD = "accepted: shape (1, 2, 9), first numbers nan, nan, but should be shape (1, 2, 9), first numbers 0, 0"


@pytest.mark.parametrize(
    ("said", "towards"), [(HELD, ""), ("accepted: shape (1, 2, 9), first numbers 24, 26", "better")]
)
def test_another_answer_to_an_invalid_call_is_not_better_where_nobody_knows_of_a_refusal(
    said: str, towards: str
) -> None:
    """A released version's file tells no outcomes: what passes where 0 would be right may be refused, or be 0."""
    wrong = VerdictRecord("no-channels-1d", "rejects", "onnxruntime", "differs", message=said)
    right = VerdictRecord("no-channels-1d", "rejects", "onnxruntime", "pass")
    assert (direction(wrong, right), direction(right, wrong)) == (towards, "")
    refused, answered = replace(right, outcome="raised"), replace(right, outcome="value")
    assert (direction(wrong, refused), direction(wrong, answered)) == ("better", "")


def test_the_order_stands_in_the_docs_as_it_does_in_the_code() -> None:
    rows = re.findall(r"^\| (\d) \| `([a-z]+)` \| (.+) \|$", DOCS.read_text(), re.MULTILINE)
    assert [(RANK[name] + 1, name, said) for _, name, said in rows] == [
        (int(place), name, QUALITIES[name]) for place, name, _ in rows
    ]
    assert [name for _, name, _ in rows] == list(QUALITIES)


BROKEN = verdict("error", message="value: raised: TypeError: unexpected keyword 'groups'", outcome="raised")


@pytest.mark.parametrize(
    ("before", "after", "status", "says"),
    [
        (BROKEN, BROKEN, 2, "No answer on jax: most of what is asked is an error on both sides."),
        (
            BROKEN,
            verdict(),
            0,
            "Better. Raises TypeError before, right after: all 6 settings with kernel even; nothing got worse.",
        ),
        (verdict(), BROKEN, 1, "Worse. Right before, raises TypeError after: "),
        (replace(BROKEN, known=KNOWN.id), replace(BROKEN, known=KNOWN.id), 0, "The same: no difference."),
        (verdict("differs"), verdict("differs"), 0, "The same: no difference."),
        (verdict("unsupported"), verdict("unsupported"), 0, "The same: no difference."),
    ],
    ids=["both", "before", "after", "known", "wrong", "unsupported"],
)
def test_two_sides_that_raise_most_of_what_they_are_asked_are_no_answer(
    tmp_path: Path, before: VerdictRecord, after: VerdictRecord, status: int, says: str
) -> None:
    names = list(settings_of_cases())[:6]
    found = compared(tmp_path, *([replace(it, case=name) for name in names] for it in (before, after)))
    assert found.exit_status == status
    assert headline(found).startswith(says)
    said = " ".join(found.alerts)
    loud = BROKEN in (before, after)
    assert ('6 of 7 answers are errors, most often "TypeError: unexpected keyword' in said) == loud
    few = compared(tmp_path, *([replace(it, case=name) for name in names[:4]] for it in (before, after)))
    assert few.exit_status == int(status == 1)


def test_other_bits_alone_are_the_same(tmp_path: Path) -> None:
    found = compared(tmp_path, verdict(used=0.2), verdict(used=0.3, bits="b" * 16))
    assert headline(found).startswith("The same: no difference beyond bits. Also other bits in 1 verdict. ")
    assert found.exit_status == 0
