"""Why a comparison decides as it does: each cause once, over its settings, with the smallest of them in numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from convt.page.compare_forms import FORMATS, render
from convt.results.causes import causes
from convt.results.changes import compare
from convt.results.compare_view import decision, headline, sentences
from convt.results.records import VerdictRecord
from tests.suite.results.two_runs import CASES, JAX, SAME, compared, made, verdict

GRID = [name for name in CASES if name.startswith("keyword-grid")]
STRIDED = [name for name in GRID if name.endswith("same") and "-s1-" not in name]
"""'same' with a stride over 1: 8 of the 24 of the grid."""


def mended(tmp: Path, laws: tuple[str, ...] = ("value", "matrix", "shift")) -> tuple[list, list]:
    """Records of the grid: strided 'same' is wrong before under each of these laws, and right after."""
    before = [
        verdict("differs" if name in STRIDED else "pass", case=name, law=law) for name in GRID for law in laws
    ]  # fmt: skip
    return before, [verdict(case=name, law=law) for name in GRID for law in laws]


def test_a_cause_is_told_once_whatever_number_of_laws_shows_it(tmp_path: Path) -> None:
    found = compared(tmp_path, *mended(tmp_path))
    [cause] = causes(found)
    assert (cause.direction, cause.before, cause.after) == ("better", "wrong numbers", "right")
    assert (sorted(cause.cases), cause.verdicts) == (sorted(STRIDED), 24)
    assert cause.where == "all 8 settings with padding same, stride over 1"
    assert cause.first.law == "value", "the plainest law"
    assert cause.cases[0] in ("keyword-grid-k2-s2-same", "keyword-grid-k3-s2-same")
    assert cause.shown.endswith("before out[0,0,0]=3, but should be 4; after out[0,0,0]=4")


def test_a_case_counts_by_the_first_law_that_tells_of_it(tmp_path: Path) -> None:
    raised = verdict("error", law="matrix", message="value: raised: ValueError: no", outcome="raised")
    before, after = [raised, verdict("differs")], [verdict(law="matrix"), verdict()]
    [cause] = causes(compared(tmp_path, before, after))
    assert (cause.before, cause.first.law, cause.verdicts) == ("wrong numbers", "value", 2)


def test_a_predicate_says_how_many_settings_it_fits_that_are_not_of_the_cause(tmp_path: Path) -> None:
    names = STRIDED[1:]
    before = [verdict("differs" if name in names else "pass", case=name) for name in GRID]
    [cause] = causes(compared(tmp_path, before, [verdict(case=name) for name in GRID]))
    assert cause.where == "7 of 8 settings with padding same, stride over 1"


def test_the_first_line_is_the_decision_with_its_cause(tmp_path: Path) -> None:
    before, after = mended(tmp_path)
    newer = replace(JAX, versions={"jax": "0.11.0"})
    found = compare(
        made(tmp_path / "a.jsonl", SAME, *before), made(tmp_path / "b.jsonl", SAME, *after, targets=(newer,))
    )
    first, rest = sentences(found)
    cause = "rong numbers before, right after: all 8 settings with padding same, stride over 1"
    assert first == f"jax 0.10.2 -> 0.11.0: better. W{cause}; nothing got worse."
    assert rest == "Better: 24 fixed. 73 verdicts compared, 49 unchanged."
    assert decision(found) == "better"
    for form in FORMATS:
        told = render(found, form)
        assert told.count(cause) == (2 if form in ("html", "json") else 1), "a page has a title, the JSON both"
        assert "but should be 4" in told
    data = json.loads(render(found, "json"))
    [told] = data["causes"]
    assert (data["decision"], told["direction"], told["verdicts"], len(told["cases"])) == ("better", "better", 24, 8)
    assert told["example"] == {"before": "out[0,0,0]=3, but should be 4", "after": "out[0,0,0]=4"}
    assert told["law"] == "value"


def test_what_is_worse_stands_first_and_each_thing_that_happened_has_its_line(tmp_path: Path) -> None:
    raised = verdict("error", message="value: raised: ValueError: no", outcome="raised")
    before = [verdict(), verdict(case="volume"), verdict("differs", case="long-axis"), verdict(case="gap-1d")]
    after = [
        verdict("differs"), replace(raised, case="volume"), verdict(case="long-axis"),
        verdict("error", case="gap-1d", message="value: crashed: SIGSEGV; log: no", outcome="crashed"),
    ]  # fmt: skip
    found = compare(made(tmp_path / "a.jsonl", *before), made(tmp_path / "b.jsonl", *after))
    assert {(it.direction, it.before, it.after) for it in causes(found)} == {
        ("worse", "right", "wrong numbers"), ("worse", "right", "raises ValueError"),
        ("worse", "right", "ends the process (SIGSEGV)"), ("better", "wrong numbers", "right"),
    }  # fmt: skip
    assert [it.direction for it in causes(found)] == ["worse", "worse", "worse", "better"]
    assert headline(found).startswith("Worse. Right before, ")
    assert "Worse: 3 regressed. Also better: 1 fixed." in headline(found)
    lines = render(found, "text").splitlines()
    assert len([line for line in lines if line.startswith(("  worse: ", "  better: "))]) == 3, "the first is told above"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (("differs", "accepted: shape (1, 2)", "value"), ("pass", "", "raised"),
         ("answered although it means nothing", "refused clearly")),
        (("differs", "accepted: shape (1, 2)", ""), ("pass", "", ""),
         ("answered although it means nothing", "refused clearly")),
        (("differs", "accepted: shape (1, 2), but should be shape (1, 3)", ""), ("pass", "", ""),
         ("answered although it means nothing", "refused or answered right")),
        (("error", "timed-out: no answer within 60 s", "timed-out"),
         ("differs", "refused, but unclearly: RuntimeError: no", "raised"),
         ("does not come back", "refused in words that name no setting")),
    ],
)  # fmt: skip
def test_invalid_calls_are_told_by_their_kinds(
    before: tuple[str, str, str], after: tuple[str, str, str], words: tuple[str, str], tmp_path: Path
) -> None:
    kinds = ("bias-too-long", "bias-too-short", "bias-of-one", "groups-zero")
    names = [f"{kind}-transposed-{rank}d" for kind in kinds for rank in (1, 2)]
    cases = [replace(CASES["gap-1d"], id=name, digest=name[:16]) for name in names]
    sides = [
        [*cases, *(VerdictRecord(it, "rejects", "jax", side[0], message=side[1], outcome=side[2]) for it in names)]
        for side in (before, after)
    ]
    [cause] = causes(compared(tmp_path, *sides))
    assert (cause.before, cause.after) == words
    assert cause.where == "8 invalid calls, transposed: bias-of-one, bias-too-long, bias-too-short and 1 kind more"


def test_other_bits_are_no_cause_but_where_they_count_as_worse(tmp_path: Path) -> None:
    sides = verdict(), verdict(bits="b" * 16)
    assert causes(compared(tmp_path, *sides)) == []
    [cause] = causes(compared(tmp_path, *sides, fail_on=["bits"]))
    assert cause.direction == "worse"


def test_a_target_that_is_gone_is_a_cause_of_its_own(tmp_path: Path) -> None:
    other = replace(JAX, name="pytorch", backend="pytorch")
    before = made(tmp_path / "a.jsonl", SAME, verdict(), verdict(target="pytorch"), targets=(JAX, other))
    gone = replace(other, missing="ImportError: <no>")
    found = compare(before, made(tmp_path / "b.jsonl", SAME, verdict("differs"), targets=(JAX, gone)))
    assert [it.says.partition(":")[0] for it in causes(found)] == [
        "did not run after",
        "right before, wrong numbers after",
    ]
    text = render(found, "text")
    assert text.startswith("convt: Worse. Did not run after: ImportError: <no>; 1 pass before.")
    assert "on jax" in text


def test_causes_beyond_the_first_ones_are_counted(tmp_path: Path) -> None:
    errors = [
        verdict("error", case=name, message=f"value: raised: E{at}: no", outcome="raised")
        for at, name in enumerate(GRID[:9])
    ]
    found = compared(tmp_path, [verdict(case=name) for name in GRID[:9]], errors)
    assert len(causes(found)) == 9
    assert "  and 3 causes more: see --format json" in render(found, "text").splitlines()


def test_what_comes_by_chance_is_told_as_that(tmp_path: Path) -> None:
    by_chance = verdict("differs", unsteady="asked again in a fresh process: pass")
    [cause] = causes(compared(tmp_path, [by_chance], [verdict()]))
    assert (cause.direction, cause.says.split(":")[0]) == (
        "better", "another answer each time before, right after"
    )  # fmt: skip
    [cause] = causes(compared(tmp_path, [by_chance], [by_chance]))
    assert (cause.direction, cause.before, cause.after) == ("", *["another answer each time"] * 2)
