"""Which pairs are compared: cases by content, targets by name, and what makes a comparison meaningless."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convt.page.compare_forms import render
from convt.results.changes import Comparison, NotComparable, compare, compare_sides
from convt.results.matching import LeftOut
from convt.results.runfile import LawInfo, Record, VerdictRecord
from tests.suite.results.two_runs import CASE, CASES, JAX, LAWS, SAME, Speeds, compared, generated, made, only, verdict

KERAS = replace(JAX, name="keras-jax", backend="keras-jax", versions={"keras": "3.15.1", "jax": "0.10.2"})
BROKEN = "ImportError: cannot import name 'runtime_version'"


def two(tmp: Path, before: dict[str, Any], after: dict[str, Any], **options: Any) -> Comparison:
    """The comparison of two runs of `SAME` whose headers are changed."""
    runs = [made(tmp / f"{at}.jsonl", SAME, **changes) for at, changes in enumerate((before, after))]
    return compare(*runs, **options)


def test_a_law_that_one_side_asked_is_left_out_and_the_rest_compared(tmp_path: Path) -> None:
    more = (*LAWS, LawInfo("unheard", "It holds."))
    runs = [made(tmp_path / "a.jsonl", SAME), made(tmp_path / "b.jsonl", SAME, verdict(law="unheard"), laws=more)]
    for sides, counts in ((runs, (0, 1)), (runs[::-1], (1, 0))):
        comparison = compare(*sides)
        assert comparison.left_out == (LeftOut("law-absent", *counts, ("unheard",)),)
        assert (comparison.changes, comparison.unchanged, comparison.exit_status) == ((), 1, 0)


def versioned(law: str, version: int) -> tuple[LawInfo, ...]:
    """The laws, one of them in this version."""
    return tuple(replace(it, version=version) if it.id == law else it for it in LAWS)


def test_a_law_of_another_version_is_left_out_and_the_rest_compared(tmp_path: Path) -> None:
    other = verdict(law="adjoint")
    before = made(tmp_path / "a.jsonl", SAME, other)
    after = made(tmp_path / "b.jsonl", SAME, verdict("differs", law="adjoint"), laws=versioned("adjoint", 2))
    comparison = compare(before, after)
    assert (comparison.changes, comparison.unchanged, comparison.exit_status) == ((), 1, 0)
    assert comparison.left_out == (LeftOut("law-version", 1, 1, ("adjoint (1 before, 2 after)",)),)
    assert comparison.left_out[0].says == (
        "1 before and 1 after: the law has another version (adjoint (1 before, 2 after))"
    )
    forced = compare(before, after, force=True)
    assert only(forced).kind == "regressed"
    assert forced.alerts == ("Forced: compared in spite of other versions: adjoint (1 before, 2 after).",)
    assert only(compare(before, replace(after, header=before.header))).kind == "regressed", "of one version it counts"


def test_other_oracles_leave_nothing_to_compare(tmp_path: Path) -> None:
    runs = [made(tmp_path / f"{oracles}.jsonl", SAME, oracles=oracles) for oracles in (1, 2)]
    with pytest.raises(NotComparable) as refused:
        compare(*runs)
    assert "left out: 1 before and 1 after: the oracles have another version (version (1 before, 2 after))" in str(
        refused.value
    )
    assert "\n" not in str(refused.value)
    assert compare(*runs, force=True).unchanged == 1


def test_another_seed_is_said_and_the_cases_are_compared(tmp_path: Path) -> None:
    comparison = two(tmp_path, {}, {"seed": 8})
    assert (comparison.unchanged, comparison.left_out) == (1, ())
    assert "seed: 7 before, 8 after; few generated cases are the same" in comparison.notes


def test_what_a_search_with_another_seed_finds_is_said_and_no_change(tmp_path: Path) -> None:
    before = made(tmp_path / "a.jsonl", SAME, generated("generated-1"), verdict(case="generated-1"))
    found: list[Record] = [generated("generated-2"), verdict("differs", case="generated-2")]
    comparison = compare(before, made(tmp_path / "b.jsonl", SAME, *found, seed=8))
    assert comparison.changes == ()
    assert "jax, value: the search after, with another seed, found generated-2; not compared" in comparison.notes
    assert only(compare(before, made(tmp_path / "c.jsonl", SAME, *found))).kind == "newly-failing"


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_every_form_says_how_much_was_compared_and_what_was_left_out(form: str, tmp_path: Path) -> None:
    more: list[Record] = [verdict(law="adjoint"), verdict(law="value")]
    comparison = compare(
        made(tmp_path / "a.jsonl", SAME, *more), made(tmp_path / "b.jsonl", SAME, *more, laws=versioned("adjoint", 2))
    )
    said = " ".join(render(comparison, form).replace("\\", "").split())
    assert "2 verdicts compared, 2 unchanged; left out, for they have no counterpart: 1 before and 1 after" in said
    assert ("the law has another version (adjoint (1 before, 2 after))" in said) == (form != "json")
    if form == "json":
        [left_out] = json.loads(render(comparison, form))["left_out"]
        assert left_out == {
            "cause": "law-version", "before": 1, "after": 1, "names": ["adjoint (1 before, 2 after)"],
        }  # fmt: skip


def test_another_machine_is_said_and_nothing_more(tmp_path: Path) -> None:
    threads = replace(JAX, flags={"threads": "8"})
    other = {"platform": {"system": "Linux", "cpus": 64}, "profile": "nightly", "targets": (threads,)}
    comparison = two(tmp_path, {}, other)
    assert comparison.exit_status == 0
    assert "platform: cpus 8 before, 64 after" in comparison.notes
    assert "jax: threads 1 before, 8 after" in comparison.notes
    assert any(note.startswith("profile: default before, nightly after") for note in comparison.notes)


def test_a_case_with_another_name_is_the_same_case(tmp_path: Path) -> None:
    renamed = replace(CASES[CASE], id="fools-nobody")
    comparison = compared(tmp_path, verdict(), [renamed, verdict("differs", case="fools-nobody")])
    change = only(comparison)
    assert (change.kind, change.case) == ("regressed", "fools-nobody")
    assert change.before is not None
    assert change.before.case == CASE
    assert "1 cases have another name and the same content" in comparison.notes


def test_a_name_with_another_content_is_another_case(tmp_path: Path) -> None:
    other = replace(CASES[CASE], digest="0123456789abcdef")
    comparison = compared(tmp_path, verdict(), [other, verdict("differs")])
    assert comparison.changes == ()
    assert comparison.left_out == (LeftOut("case-content", 1, 1, (CASE,)),)


def test_a_case_that_one_side_has_is_left_out(tmp_path: Path) -> None:
    for sides, counts in ((((), verdict("differs")), (0, 1)), ((verdict(), ()), (1, 0))):
        comparison = compared(tmp_path, *sides)
        assert (comparison.changes, comparison.unchanged) == ((), 1)
        assert comparison.left_out == (LeftOut("case-absent", *counts, (CASE,)),)


def test_two_cases_of_one_content_stay_apart(tmp_path: Path) -> None:
    twin = replace(CASES[CASE], id="a-twin")
    records = [twin, verdict(), verdict("differs", case="a-twin")]
    assert compared(tmp_path, records, records).changes == ()


def test_a_generated_case_that_one_side_drew_is_not_compared(tmp_path: Path) -> None:
    drawn = [generated("generated-1"), verdict(case="generated-1")]
    for before, after, counts in ((drawn, (), (1, 0)), ((), drawn, (0, 1))):
        comparison = compared(tmp_path, before, after)
        assert comparison.changes == ()
        assert comparison.left_out == (LeftOut("generated", *counts, ("generated-1",)),)


def test_a_generated_case_that_both_drew_is_compared(tmp_path: Path) -> None:
    before, after = ((generated("generated-1"), verdict(it, case="generated-1")) for it in ("pass", "differs"))
    assert only(compared(tmp_path, before, after)).kind == "regressed"


def test_what_a_search_newly_finds_is_newly_failing(tmp_path: Path) -> None:
    before = [generated("generated-1"), verdict(case="generated-1")]
    after = [generated("generated-2"), verdict("differs", case="generated-2")]
    change = only(compared(tmp_path, before, after))
    assert (change.kind, change.case) == ("newly-failing", "generated-2")


def test_a_search_that_finds_nothing_any_more_is_fixed_only_where_it_draws_alike(tmp_path: Path) -> None:
    before: list[Record] = [generated("generated-1"), verdict("differs", case="generated-1")]
    after: list[Record] = [generated("generated-2"), verdict(case="generated-2")]
    assert only(compared(tmp_path, before, after)).kind == "fixed"
    runs = [made(tmp_path / f"{seed}.jsonl", SAME, *it, seed=seed) for seed, it in enumerate((before, after))]
    assert compare(*runs, force=True).changes == ()
    assert compared(tmp_path, before, ()).changes == ()


def test_a_search_that_finds_another_case_is_weighed_by_its_message(tmp_path: Path) -> None:
    before = [generated("generated-1"), verdict("differs", case="generated-1")]
    alike = [generated("generated-2"), verdict("differs", case="generated-2", bits="b" * 16)]
    comparison = compared(tmp_path, before, alike)
    assert comparison.changes == ()
    assert "jax, value: the search found generated-1 before, generated-2 after, failing alike" in comparison.notes
    other = [alike[0], verdict("error", case="generated-2", message="value: raised: ValueError: no")]
    assert only(compared(tmp_path, before, other)).kind == "fails-differently"


def test_a_known_difference_in_a_case_that_only_one_side_drew_is_nothing_new(tmp_path: Path) -> None:
    after = [generated("generated-2"), verdict("differs", case="generated-2", known="keras-same-even-kernel")]
    assert compared(tmp_path, (), after).changes == ()


def both_targets(path: Path, lost: str | None, *records: VerdictRecord) -> Any:
    """A run of jax and keras-jax, of which keras-jax did not run where `lost` says why."""
    keras = replace(KERAS, missing=lost)
    more = [verdict("not-run" if lost else "pass", target="keras-jax"), *records]
    return made(path, SAME, *more, targets=(JAX, keras))


def test_a_target_that_did_not_run_after_is_gone_and_said(tmp_path: Path) -> None:
    comparison = compare(both_targets(tmp_path / "a.jsonl", None), both_targets(tmp_path / "b.jsonl", BROKEN))
    change = only(comparison)
    assert (change.kind, change.case, change.target, change.verdicts) == ("gone", "", "keras-jax", 1)
    assert (comparison.exit_status, comparison.unchanged) == (1, 1)
    assert comparison.alerts == (f"keras-jax did not run after: {BROKEN}; 1 pass before",)


def test_a_target_that_did_not_run_before_is_new_and_said(tmp_path: Path) -> None:
    comparison = compare(both_targets(tmp_path / "a.jsonl", BROKEN), both_targets(tmp_path / "b.jsonl", None))
    assert (only(comparison).kind, comparison.exit_status) == ("new", 0)
    assert comparison.alerts == (f"keras-jax did not run before: {BROKEN}; 1 pass after",)


def test_a_target_that_was_not_asked_for_did_not_run(tmp_path: Path) -> None:
    comparison = compare(both_targets(tmp_path / "a.jsonl", None), made(tmp_path / "b.jsonl", SAME))
    assert only(comparison).says == "did not run after: it was not asked for; 1 pass before"


def test_a_target_that_ran_on_neither_side_is_said_and_never_the_same(tmp_path: Path) -> None:
    runs = [both_targets(tmp_path / f"{at}.jsonl", BROKEN) for at in "ab"]
    comparison = compare(*runs)
    assert (comparison.changes, comparison.unchanged) == ((), 1)
    assert comparison.alerts[0].startswith("keras-jax did not run on either side")


def test_nothing_to_compare_is_no_result(tmp_path: Path) -> None:
    lost = replace(JAX, missing=BROKEN)
    runs = [made(tmp_path / "a.jsonl", SAME), made(tmp_path / "b.jsonl", verdict("not-run"), targets=(lost,))]
    with pytest.raises(NotComparable, match=f"nothing to compare: jax did not run after: {BROKEN}"):
        compare(*runs)
    with pytest.raises(NotComparable, match="compare: left out: 1 before and 1 after: only one side has the case"):
        compare(runs[0], made(tmp_path / "c.jsonl", verdict()))
    assert compare(*runs, force=True).exit_status == 1


def sided(path: Path, *records: VerdictRecord, speeds: Speeds | None = None, sides: str = "before after") -> Any:
    """One run of jax in two environments; every record is of `jax#before` or `jax#after`."""
    targets = [replace(JAX, name=f"jax#{side}", environment=side) for side in sides.split()]
    every = [replace(SAME, target=target.name) for target in targets]
    return made(path, *every, *records, targets=tuple(targets), speeds=speeds)


def test_two_environments_of_one_run_are_compared(tmp_path: Path) -> None:
    run = sided(tmp_path / "a.jsonl", verdict(target="jax#before"), verdict("differs", target="jax#after"))
    comparison = compare_sides(run)
    change = only(comparison)
    assert (change.kind, change.target, comparison.unchanged) == ("regressed", "jax", 1)
    assert change.after is not None
    assert change.after.target == "jax#after"


def test_sides_have_the_names_that_are_given(tmp_path: Path) -> None:
    run = sided(tmp_path / "a.jsonl", sides="old new")
    assert compare_sides(run, "old", "new").unchanged == 1
    with pytest.raises(NotComparable, match="no target of the environment 'before', but jax#old, jax#new"):
        compare_sides(run)


def test_a_run_with_two_sides_is_not_one_side(tmp_path: Path) -> None:
    run = sided(tmp_path / "a.jsonl")
    with pytest.raises(NotComparable, match="jax#before and jax#after"):
        compare(run, run)


@pytest.mark.parametrize(
    ("before", "after", "slower"),
    [
        ((0.010, 0.009), (0.015, 0.0135), True),
        ((0.010, 0.009), (0.0149, 0.0134), False),
        ((0.010, 0.009), (0.090, 0.009), False),  # some samples waited for the machine
        ((0.010, 0.009), (0.010, 0.090), False),
        ((0.015, 0.0135), (0.010, 0.009), False),
    ],
)
def test_slower_is_half_as_long_again_by_the_median_and_by_the_least(
    before: tuple[float, float], after: tuple[float, float], slower: bool, tmp_path: Path
) -> None:
    speeds = {"jax#before": {"up": before}, "jax#after": {"up": after}}
    comparison = compare_sides(sided(tmp_path / "a.jsonl", speeds=speeds))
    assert [change.kind for change in comparison.changes] == ["slower"] * slower
    assert comparison.exit_status == 0
    assert compare_sides(comparison.before.run, fail_on=["slower"]).exit_status == int(slower)


def test_the_settings_that_lost_most_are_named(tmp_path: Path) -> None:
    was = {f"s{number}": (0.01, 0.01) for number in range(9)}
    is_ = {f"s{number}": (0.01 * number, 0.01 * number) for number in range(8)}  # the last was not timed
    change = only(compare_sides(sided(tmp_path / "a.jsonl", speeds={"jax#before": was, "jax#after": is_})))
    assert change.says.startswith(
        "6 of 8 settings that were timed take longer: s7 10 ms before, 70 ms after, 7.00 times"
    )
    assert change.says.endswith("s3 10 ms before, 30 ms after, 3.00 times; and 1 more")


def test_a_side_that_was_not_timed_is_not_slower(tmp_path: Path) -> None:
    comparison = compare_sides(sided(tmp_path / "a.jsonl", speeds={"jax#after": {"up": (9.0, 9.0)}}))
    assert comparison.changes == ()


def test_seconds_of_two_runs_are_not_compared(tmp_path: Path) -> None:
    runs = [made(tmp_path / f"{at}.jsonl", SAME, speeds={"jax": {"up": (at, at)}}) for at in (1.0, 9.0)]
    assert compare(*runs).changes == ()
