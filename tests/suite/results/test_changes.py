"""Every class of change: what falls into it, what does not, and which one speaks where several could."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convt.results import classes, directions
from convt.results.changes import CLASSES, MEANINGS, Comparison, compare
from convt.results.classes import classify, has_grown, has_moved, message_class
from convt.results.finding import as_json, without_numbers
from convt.results.kinds import KINDS
from convt.results.records import VerdictRecord
from convt.results.sentences import finding_of
from tests.suite.results.synthetic_run import KNOWN
from tests.suite.results.two_runs import CASE, SAME, compared, made, only, verdict

DOCS = Path(__file__).parents[3] / "docs" / "comparing.md"
RAISED = "value: raised: ValueError: padding is too large"
MOVED = "out[0,0,0]=-15, but should be 4\n14 of 14 differ; largest 27"
SHAPE = "out.shape=(1, 1, 13), but should be (1, 1, 14)"

PAIRS: list[tuple[str, Any, Any, str]] = [
    ("a pass that differs", verdict(), verdict("differs"), "regressed"),
    ("a pass that raises", verdict(), verdict("error", message=RAISED), "regressed"),
    ("a pass that the suite fails", verdict(), verdict("suite-bug", message="the suite raised KeyError"), "regressed"),
    ("a pass that a known difference explains", verdict(), verdict("differs", known=KNOWN.id), "regressed"),
    ("a pass of another shape that differs", verdict(shape=(1, 1, 14)),
     verdict("differs", shape=(1, 1, 13), message=SHAPE), "regressed"),
    ("nothing, then a failure", None, verdict("differs"), "newly-failing"),
    ("not run, then a failure", verdict("not-run"), verdict("error", message=RAISED), "newly-failing"),
    ("unsupported, then a failure", verdict("unsupported"), verdict("differs"), "newly-failing"),
    ("differs, then raises", verdict("differs"), verdict("error", message=RAISED), "fails-differently"),
    ("raises, then crashes", verdict("error", message=RAISED, outcome="raised"),
     verdict("error", message="value: crashed: SIGSEGV; log: no", outcome="crashed"), "fails-differently"),
    ("another exception", verdict("error", message=RAISED),
     verdict("error", message="value: raised: TypeError: padding is too large"), "fails-differently"),
    ("values, then a shape", verdict("differs"), verdict("differs", message=SHAPE), "fails-differently"),
    ("a known difference that becomes another failure", verdict("differs", known=KNOWN.id),
     verdict("differs", message=SHAPE), "fails-differently"),
    ("refused, then a value, and the law holds", verdict(outcome="raised"), verdict(outcome="value"), "accept-refuse"),
    ("a value, then refused, and the law holds", verdict(outcome="value"), verdict(outcome="raised"), "accept-refuse"),
    ("unsupported, then the law holds", verdict("unsupported"), verdict(), "accept-refuse"),
    ("refused cleanly, then a crash", verdict(outcome="raised"), verdict(outcome="crashed"), "accept-refuse"),
    ("another dtype", verdict(dtype="float32"), verdict(dtype="float64"), "result-type"),
    ("another shape", verdict(shape=(1, 14)), verdict(shape=(14, 1)), "result-type"),
    ("another dtype of a failure", verdict("differs", dtype="float32"), verdict("differs", dtype="bfloat16"),
     "result-type"),
    ("other numbers of a failure", verdict("differs"), verdict("differs", message=MOVED, bits="b" * 16), "drifted"),
    ("other numbers after the first", verdict("differs"), verdict("differs", bits="b" * 16), "drifted"),
    ("other numbers of a known difference", verdict("differs", known=KNOWN.id),
     verdict("differs", known=KNOWN.id, bits="b" * 16), "drifted"),
    ("another wrong shape", verdict("differs", message=SHAPE),
     verdict("differs", message=SHAPE.replace("13", "12")), "drifted"),
    ("by chance after", verdict(), verdict("differs", unsteady="asked again: pass"), "unsteady"),
    ("by chance before", verdict("differs", unsteady="asked again: pass"), verdict(), "unsteady"),
    ("by chance, then refused", verdict(unsteady="asked again: differs"), verdict("unsupported"), "unsteady"),
    ("much more of the bound", verdict(used=0.2), verdict(used=0.7, bits="b" * 16), "drifted"),
    ("a pass, then unsupported", verdict(), verdict("unsupported"), "now-unsupported"),
    ("a failure, then unsupported", verdict("differs"), verdict("unsupported"), "now-unsupported"),
    ("a pass, then nothing", verdict(), None, "gone"),
    ("a failure, then not run", verdict("differs"), verdict("not-run"), "gone"),
    ("a failure, then a pass", verdict("differs"), verdict(), "fixed"),
    ("nothing, then a pass", None, verdict(), "new"),
    ("not run, then unsupported", verdict("not-run"), verdict("unsupported"), "new"),
    ("other bits", verdict(used=0.2), verdict(used=0.3, bits="b" * 16), "bits"),
    ("other bits behind a wrong shape", verdict("differs", message=SHAPE),
     verdict("differs", message=SHAPE, bits="b" * 16), "bits"),
]  # fmt: skip


def pair(tmp: Path, before: VerdictRecord | None, after: VerdictRecord | None, **options: Any) -> Comparison:
    """The comparison of a verdict that may have no answer on one side, where both sides know its case."""
    beside = verdict(law="output-shape")
    sides = [[beside, *([it] if it else [])] for it in (before, after)]
    return compared(tmp, *sides, **options)


@pytest.mark.parametrize(("before", "after", "kind"), [it[1:] for it in PAIRS], ids=[it[0] for it in PAIRS])
def test_a_pair_falls_into_its_class(before: Any, after: Any, kind: str, tmp_path: Path) -> None:
    comparison = pair(tmp_path, before, after)
    change = only(comparison)
    assert (change.kind, change.case, change.law, change.target) == (kind, CASE, "value", "jax")
    assert comparison.counts == {**dict.fromkeys(CLASSES, 0), kind: 1, "unchanged": 2}
    assert change.says
    of_class = {
        "result-type": {"dtype", "shape"}, "drifted": {"value"}, "unsteady": {"unsteady"}, "bits": {"bits"},
        "accept-refuse": {"outcome"}, "fails-differently": {"outcome", "message"},
    }  # fmt: skip
    assert set(change.differs_in) <= of_class.get(kind, set()) <= set(KINDS)
    assert bool(change.differs_in) == (kind in of_class)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (verdict(used=0.2), verdict(used=0.2)),
        (verdict("differs"), verdict("differs")),
        (verdict("unsupported", message="no groups"), verdict("unsupported", message="no groups here")),
        (verdict("error", message=RAISED), verdict("error", message="value: raised: ValueError: reworded")),
        (verdict(outcome=""), verdict(outcome="raised")),
    ],
    ids=["a pass", "a failure", "another reason", "a reworded error", "a release that tells no outcome"],
)
def test_what_is_the_same_is_only_counted(before: Any, after: Any, tmp_path: Path) -> None:
    comparison = compared(tmp_path, before, after)
    assert (comparison.changes, comparison.unchanged, comparison.compared) == ((), 2, 2)
    assert comparison.exit_status == 0


def test_what_has_no_answer_on_either_side_is_not_the_same(tmp_path: Path) -> None:
    comparison = compared(tmp_path, verdict("not-run"), verdict("not-run"))
    assert (comparison.changes, comparison.unchanged, comparison.compared) == ((), 1, 1)
    assert "1 verdicts have no answer on either side" in comparison.notes


def test_every_class_has_a_meaning_and_stands_in_the_table_of_the_docs() -> None:
    assert set(MEANINGS) == set(CLASSES)
    rows = re.findall(r"^\| `([\w-]+)` \| (yes|no|by the answers) \|", DOCS.read_text(), re.M)
    assert [kind for kind, _ in rows] == list(CLASSES)


def test_the_docs_give_the_numbers_of_the_rules() -> None:
    text = DOCS.read_text()
    assert f"more than {classes.GROWN_ABOVE} of its bound and at least {classes.GROWN_TIMES:g} times" in text
    assert f"more than {classes.ROUNDING:g} bounds" in text
    assert f"{directions.NEARER:g} times" in text
    assert f"{directions.ROUNDED:g} bounds" in text


@pytest.mark.parametrize(("before", "after", "kind"), [it[1:] for it in PAIRS], ids=[it[0] for it in PAIRS])
def test_the_exit_status_follows_the_direction_and_what_it_is_asked_to_fail_on(
    before: Any, after: Any, kind: str, tmp_path: Path
) -> None:
    comparison = pair(tmp_path, before, after)
    assert comparison.exit_status == int(only(comparison).direction == "worse")
    assert pair(tmp_path, before, after, fail_on=[kind]).exit_status == 1


def test_another_law_of_a_case_is_another_pair(tmp_path: Path) -> None:
    before = [verdict(), verdict(law="matrix")]
    comparison = compared(tmp_path, before, [verdict(), verdict("differs", law="matrix")])
    assert only(comparison).law == "matrix"
    assert comparison.unchanged == 2


def test_a_new_warning_is_told_once_and_does_not_fail(tmp_path: Path) -> None:
    old = verdict(warnings=("UserWarning: 3 taps at /old/place.py:7",))
    warned = verdict(warnings=("UserWarning: 4 taps at /new/place.py:9", "FutureWarning: pad=2 goes"))
    again = verdict(law="matrix", warnings=("FutureWarning: pad=3 goes",))
    comparison = compared(tmp_path, [old, verdict(law="matrix")], [warned, again])
    change = only(comparison)
    assert (change.kind, change.case, change.law) == ("new-warning", CASE, "value")
    assert change.says == "FutureWarning: pad=2 goes (2 times)"
    assert (comparison.exit_status, comparison.unchanged) == (0, 3)


def test_a_run_that_tells_no_warnings_makes_none_new(tmp_path: Path) -> None:
    before = made(tmp_path / "before.jsonl", verdict(outcome=""))
    after = made(tmp_path / "after.jsonl", verdict(warnings=("UserWarning: no",)))
    assert compare(before, after).changes == ()


def test_what_comes_and_goes_by_itself_is_neither_fixed_nor_regressed(tmp_path: Path) -> None:
    known = KNOWN.__class__(KNOWN.id, intermittent="memory that nobody wrote")
    flaky = [verdict("differs", known=KNOWN.id), verdict()]
    for name, sides in (("one", flaky), ("two", flaky[::-1])):
        runs = [made(tmp_path / f"{name}-{place}.jsonl", SAME, it, known=(known,)) for place, it in enumerate(sides)]
        comparison = compare(*runs)
        assert (comparison.changes, comparison.unchanged) == ((), 1)
        assert any(f"1 verdicts not compared: the known difference {KNOWN.id}" in note for note in comparison.notes)


def test_what_was_asked_again_and_stays_is_no_chance(tmp_path: Path) -> None:
    known = KNOWN.__class__(KNOWN.id, intermittent="memory that nobody wrote")
    sides = [verdict("differs", known=KNOWN.id), verdict()]
    for again, kind in ((0, None), (2, "fixed")):
        runs = [made(tmp_path / f"{again}-{place}.jsonl", SAME, replace(it, again=again), known=(known,))
                for place, it in enumerate(sides)]  # fmt: skip
        comparison = compare(*runs)
        assert [it.kind for it in comparison.changes] == ([kind] if kind else [])
        assert [it.kind for it in comparison.doubtful] == ([] if kind else ["fixed"])
        assert any("not compared" in note for note in comparison.notes) == (kind is None)


def test_numbers_by_chance_do_not_drift(tmp_path: Path) -> None:
    before, after = (verdict("differs", law="determinism", bits=bits * 16) for bits in "ab")
    assert only(compared(tmp_path, before, after)).kind == "bits"
    assert classify(verdict("differs"), verdict("differs", bits="b" * 16), by_chance=True) == ("bits", "other bits")


@pytest.mark.parametrize(
    ("before", "after", "grown"),
    [(0.2, 0.5, False), (0.2, 0.51, True), (0.3, 0.59, False), (0.3, 0.6, True), (0.0, 0.9, True), (None, 0.9, False)],
)
def test_a_pass_drifts_above_half_the_bound_and_twice_what_it_was(before: Any, after: Any, grown: bool) -> None:
    assert has_grown(before, after) is grown


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        (1.5, 3.4, False), (1.5, 3.6, True), (1e5, 1.005e5, False), (1e5, 1.02e5, True), (float("inf"), 4.0, True),
        (float("inf"), float("inf"), False),
    ],
)  # fmt: skip
def test_a_failure_on_real_data_moves_by_more_than_rounding(before: float, after: float, moved: bool) -> None:
    pair = [verdict("differs", used=used, bits=f"{used:16}") for used in (before, after)]
    assert has_moved(*pair) is moved


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("out[0,2,17,0]=0.5031, but should be 1,234.5\n4 of 918 differ", "value / out"),
        ("out[0]=nan, but should be -1e-05  [across targets, with keras-torch#after]", "value / out"),
        ("group 1 of the result[0]=1, but should be 2", "value / group # of the result"),
        ("out.shape=(1, 2, 3), but should be (1,)", "shape / out.shape"),
        ("abstract shape=(1, 2, 3), but should be (1,)", "abstract-shape / abstract shape"),
        ("wide x[0]=1, but should be 2\n1 of 2\nthese are the numbers of x rounded to bfloat16",
         "value / wide x / x-in-bfloat16"),
        ("refused, but unclearly: InternalError: no 3", "refused, but unclearly: InternalError"),
        ("accepted: shape (1, 2), first numbers 1, 2", "accepted / value"),
        ("raised: ValueError: no 3\nwhere the other accepts it", "refusal / raised / ValueError / value"),
        ("accepted\nwhere the other crashes", "refusal / value / crashed"),
        ("real: raised where it answers: ValueError: no", "outcome / raised / ValueError / value"),
    ],
)  # fmt: skip
def test_the_class_of_a_former_message_has_no_numbers(message: str, kind: str) -> None:
    assert message_class(verdict("differs", message=message)) == kind


@pytest.mark.parametrize(
    ("former", "kind"),
    [("out[#]=#, but should be #", "value / out"), ("out.shape=(#), but should be (#)", "shape / out.shape")],
)
def test_a_baseline_of_0_1_has_the_class_of_a_finding(former: str, kind: str) -> None:
    record = verdict("differs", message=former)
    assert message_class(record) == kind
    assert not has_moved(replace(record, bits=""), replace(record, bits="", message="", finding=kept(record)))


def kept(record: VerdictRecord) -> dict[str, Any]:
    return as_json(without_numbers(finding_of(record)))


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (RAISED, "raised ValueError"), ("value: crashed: SIGABRT; log: 12", "crashed SIGABRT"),
        ("still: timed-out: 20 s", "timed-out"), ("raised ValueError", "raised ValueError"),
    ],
)  # fmt: skip
def test_an_error_is_known_by_its_end_and_type(message: str, kind: str) -> None:
    assert message_class(verdict("error", message=message)) == kind
