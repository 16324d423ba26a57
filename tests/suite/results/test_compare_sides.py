"""Which pairs are compared: cases by content, targets by name, and what makes a comparison meaningless."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convt.results.changes import Comparison, NotComparable, compare, compare_sides
from convt.results.runfile import LawInfo, Record, VerdictRecord
from tests.suite.results.two_runs import CASE, CASES, JAX, LAWS, OTHER, SAME, compared, generated, made, only, verdict

KERAS = replace(JAX, name="keras-jax", backend="keras-jax", versions={"keras": "3.15.1", "jax": "0.10.2"})
BROKEN = "ImportError: cannot import name 'runtime_version'"


def two(tmp: Path, before: dict[str, Any], after: dict[str, Any], **options: Any) -> Comparison:
    """The comparison of two runs of `SAME` whose headers are changed."""
    runs = [made(tmp / f"{at}.jsonl", SAME, **changes) for at, changes in enumerate((before, after))]
    return compare(*runs, **options)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"spec": "feed"}, "the specification differs (3f9a1c77e2b40d15 before, feed after)"),
        ({"seed": 8}, "the seed differs (7 before, 8 after)"),
        ({"laws": (*LAWS, LawInfo("unheard", "It holds."))}, "laws are missing before: unheard"),
        ({"laws": LAWS[:-1]}, f"laws are missing after: {LAWS[-1].id}"),
    ],
    ids=["spec", "seed", "a law more", "a law less"],
)
def test_other_headers_are_refused_unless_forced(changes: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(NotComparable) as refused:
        two(tmp_path, {}, changes)
    assert says in str(refused.value)
    assert "--force" in str(refused.value)
    assert "\n" not in str(refused.value)
    forced = two(tmp_path, {}, changes, force=True)
    assert forced.unchanged == 1
    assert any(says in alert and alert.startswith("Forced") for alert in forced.alerts)


def test_another_dtype_is_refused(tmp_path: Path) -> None:
    double = replace(CASES[OTHER], settings={**CASES[OTHER].settings, "dtype": "float64"})
    before, after = made(tmp_path / "a.jsonl", SAME), made(tmp_path / "b.jsonl", double, SAME)
    with pytest.raises(NotComparable, match=r"dtype differs \(float32 before, float64 after\)"):
        compare(before, after)


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
    assert sorted(change.kind for change in comparison.changes) == ["gone", "newly-failing"]


def test_two_cases_of_one_content_stay_apart(tmp_path: Path) -> None:
    twin = replace(CASES[CASE], id="a-twin")
    records = [twin, verdict(), verdict("differs", case="a-twin")]
    assert compared(tmp_path, records, records).changes == ()


def test_a_generated_case_that_one_side_drew_is_not_compared(tmp_path: Path) -> None:
    drawn = [generated("generated-1"), verdict(case="generated-1")]
    for before, after, who in ((drawn, (), "before"), ((), drawn, "after")):
        comparison = compared(tmp_path, before, after)
        assert comparison.changes == ()
        assert f"1 verdicts on generated cases that only {who} drew, not compared" in comparison.notes


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
    with pytest.raises(NotComparable, match="no case, law and target has an answer on both"):
        compare(runs[0], made(tmp_path / "c.jsonl", verdict()))
    assert compare(*runs, force=True).exit_status == 1


def sided(
    path: Path, *records: VerdictRecord, seconds: dict[str, float] | None = None, sides: str = "before after"
) -> Any:
    """One run of jax in two environments; every record is of `jax#before` or `jax#after`."""
    targets = [replace(JAX, name=f"jax#{side}", environment=side) for side in sides.split()]
    every = [replace(SAME, target=target.name) for target in targets]
    return made(path, *every, *records, targets=tuple(targets), seconds=seconds)


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
    ("before", "after", "slower"), [(10.0, 15.0, True), (10.0, 14.9, False), (2.0, 3.9, False), (2.0, 4.0, True)]
)
def test_slower_is_half_as_long_again_and_two_seconds(
    before: float, after: float, slower: bool, tmp_path: Path
) -> None:
    seconds = {"jax#before": before, "jax#after": after}
    comparison = compare_sides(sided(tmp_path / "a.jsonl", seconds=seconds))
    assert [change.kind for change in comparison.changes] == ["slower"] * slower
    assert comparison.exit_status == 0
    assert compare_sides(comparison.before.run, fail_on=["slower"]).exit_status == int(slower)


@pytest.mark.parametrize(("longest", "slower"), [(0.5, True), (15.5, False)])
def test_one_call_that_waited_for_the_machine_makes_nothing_slower(
    longest: float, slower: bool, tmp_path: Path
) -> None:
    run = sided(tmp_path / "a.jsonl", seconds={"jax#before": 5.0, "jax#after": 20.0})
    footer = replace(run.footer, target_longest={"jax#before": 0.5, "jax#after": longest})
    comparison = compare_sides(replace(run, footer=footer))
    assert [change.kind for change in comparison.changes] == ["slower"] * slower


def test_seconds_of_two_runs_are_not_compared(tmp_path: Path) -> None:
    runs = [made(tmp_path / f"{at}.jsonl", SAME, seconds={"jax": at * 100.0}) for at in (1, 9)]
    assert compare(*runs).changes == ()
