"""What changed since a baseline: of what ran, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convt.results.baseline import Index, merged, outdated, portable, read_baseline, write_baseline
from convt.results.changes import compare
from convt.results.records import Run, VerdictRecord
from convt.results.since import Since, since
from tests.suite.results.small_runs import CHANCE, DIFFERS, HEADER, RAISED, both, case, made, verdict

CRASHED = {"verdict": "error", "message": "value: crashed: SIGSEGV; log: no", "outcome": "crashed"}


def against(before: Run, now: Run) -> Since:
    return since(Index.of(portable(before)), now)


def kinds(found: Since) -> list[tuple[str, str, str]]:
    return [(change.kind, change.case, change.law) for change in found.worse]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (verdict(), verdict(**DIFFERS), "regressed"),
        (verdict(), verdict(**RAISED), "regressed"),
        (verdict(verdict="unsupported"), verdict(**DIFFERS), "newly-failing"),
        (verdict(**DIFFERS), verdict(**RAISED), ""),
        (verdict(**DIFFERS), verdict(**CRASHED), "fails-differently"),
        (verdict(), verdict(verdict="unsupported"), "now-unsupported"),
        (verdict(), verdict(dtype="float64"), ""),
        (verdict(), verdict(shape=(1, 1, 8)), ""),
        (verdict(), verdict(verdict="not-run"), "gone"),
        (verdict(**DIFFERS), verdict(**{**DIFFERS, "message": "out[5]=8, but should be 9"}), ""),
        (verdict(**RAISED), verdict(**{**RAISED, "message": "value: raised: ValueError: other words"}), ""),
        (verdict(law="accuracy", used=0.2), verdict(law="accuracy", used=0.9, bits="cc"), ""),
        (verdict(), verdict(warnings=("DeprecationWarning: soon",)), ""),
        (verdict(known=CHANCE.id, **DIFFERS), verdict(), ""),
        (verdict(), verdict(known=CHANCE.id, **DIFFERS), ""),
        (verdict(**DIFFERS), verdict(), ""),
        (verdict(verdict="unsupported"), verdict(), ""),
    ],
    ids=[
        "fails", "raises", "accepted and wrong", "wrong, then refused", "fails more gravely", "refused", "dtype",
        "shape", "no answer", "other wrong numbers", "other words of one exception", "more of the bound", "a warning",
        "chance, better",
        "chance, worse", "fixed", "accepted and right",
    ],
)  # fmt: skip
def test_what_got_worse_is_what_the_comparison_calls_worse(
    before: VerdictRecord, after: VerdictRecord, kind: str
) -> None:
    expected = [(kind, "one", after.law)] if kind else []
    assert (
        kinds(against(made(before, verdict("two")), made(after, verdict("two"), cases=[case("one", 2), case("two")])))
        == expected
    )


def test_what_got_better_is_counted_by_how() -> None:
    before = made(verdict(**DIFFERS), verdict(law="adjoint", verdict="unsupported"), verdict("two", **RAISED))
    found = against(before, made(verdict(), verdict(law="adjoint"), verdict("two")))
    assert found.better == {"fixed": 2, "supported now": 1}
    assert found.worse == ()
    ended = against(made(verdict(**CRASHED)), made(verdict(**RAISED)))
    assert (ended.worse, ended.better) == ((), {"better than it was": 1})
    refused = against(made(verdict(outcome="value")), made(verdict(outcome="raised")))  # the law accepts either
    assert (refused.worse, refused.better) == ((), {})


def test_nothing_is_gone_where_the_run_was_narrowed() -> None:
    before = made(*both("one", "two", "three"))
    laws = replace(HEADER, laws=HEADER.laws[:1], targets=HEADER.targets[1:])
    for now in (
        made(*both("one")),
        made(*(record for record in both("one", "two") if (record.case, record.target) != ("two", "jax"))),
        made(*(record for record in both("one") if record.law == "value" and record.target == "jax"), header=laws),
    ):
        found = against(before, now)
        assert found.found is not None
        assert (found.found.compared, found.found.changes) == (len(now.verdicts), ())


def test_a_law_that_no_longer_answers_on_a_case_that_ran_is_gone() -> None:
    before = made(*both("one"))
    now = made(*(record for record in both("one") if (record.law, record.target) != ("adjoint", "jax")))
    assert kinds(against(before, now)) == [("gone", "one", "adjoint")]


def test_a_target_that_did_not_run_is_gone_as_a_whole() -> None:
    lost = replace(HEADER.targets[1], missing="No module named 'jax'")
    now = [replace(record, verdict="not-run") if record.target == "jax" else record for record in both("one")]
    [change] = against(made(*both("one")), made(*now, header=replace(HEADER, targets=(HEADER.targets[0], lost)))).worse
    assert (change.kind, change.case, change.target, change.verdicts) == ("gone", "", "jax", 3)
    assert "No module named 'jax'" in change.says


def test_targets_and_cases_that_the_baseline_has_not_are_told_apart(tmp_path: Path) -> None:
    lost = replace(HEADER, targets=(HEADER.targets[0], replace(HEADER.targets[1], missing="absent")))
    written = write_baseline(tmp_path / "base.jsonl", made(*both("one"), cases=[case("one", 2)], header=lost))
    before = read_baseline(written.path)
    now = made(*both("one", "two", "drawn"), cases=[case("one", 2), case("two", 9), case("drawn", 8, generated=True)])
    found = since(Index.of(before), now)
    assert (found.absent_targets, found.absent_cases) == (("jax",), 1)
    assert found.found is not None
    assert {record.target for record in before.verdicts} == {"keras-jax"}


def test_a_case_that_the_baseline_has_of_another_target_only_is_not_compared() -> None:
    before = made(*(record for record in both("one", "two") if (record.case, record.target) != ("two", "jax")))
    fails = [replace(r, **DIFFERS) if (r.case, r.target) == ("two", "jax") else r for r in both("one", "two")]
    found = against(before, made(*fails))
    assert found.found is not None
    assert (found.worse, found.found.compared, found.absent_cases) == ((), 9, 1)


def test_a_case_is_known_by_its_content_and_not_by_its_name() -> None:
    before = made(*both("old-name"), cases=[case("old-name", 5)])
    renamed = against(before, made(*both("new-name"), cases=[case("new-name", 5)]))
    assert renamed.found is not None
    assert (renamed.found.compared, renamed.worse) == (6, ())
    edited = against(before, made(*both("old-name"), cases=[case("old-name", 6)]))
    assert (edited.found, edited.absent_cases) == (None, 1)


def test_an_environments_target_is_the_baselines_target_of_that_name() -> None:
    named = tuple(replace(info, name=f"{info.name}#new", environment="new") for info in HEADER.targets)
    now = [replace(record, target=f"{record.target}#new") for record in both("one")]
    found = against(made(*both("one")), made(*now, header=replace(HEADER, targets=named)))
    assert found.found is not None
    assert (found.found.compared, found.absent_targets) == (6, ())


def test_the_comparison_of_files_takes_a_baseline_as_well(tmp_path: Path) -> None:
    now = replace(HEADER, seed=8, platform={"system": "Darwin"}, profile="ci")
    base = write_baseline(tmp_path / "base.jsonl.gz", made(*both("one", "two"), verdict("three", **DIFFERS)))
    other = {"message": "out[3]=1.5, but should be 2\n1 of 9 differ; largest 0.5", "bits": "0f", "used": 3.0}
    same = made(*both("one", "two"), verdict("three", **{**DIFFERS, **other}), verdict("drawn"), header=now)
    drawn = replace(same, cases={name: replace(it, generated=name == "drawn") for name, it in same.cases.items()})
    found = compare(read_baseline(base.path), drawn)
    assert (found.changes, found.compared, found.notes, found.exit_status) == ((), 13, (), 0)
    worse = [replace(record, **DIFFERS) if record.law == "adjoint" else record for record in drawn.verdicts]
    changed = compare(read_baseline(base.path), replace(drawn, verdicts=tuple(worse)))
    assert (changed.exit_status, changed.counts["regressed"]) == (1, 4)
    laws = tuple(replace(it, version=2) if it.id == "adjoint" else it for it in now.laws)
    renewed = compare(read_baseline(base.path), replace(drawn, verdicts=tuple(worse), header=replace(now, laws=laws)))
    assert (renewed.exit_status, [it.cause for it in renewed.left_out]) == (0, ["law-version"])


def test_a_law_of_another_version_is_absent_and_the_others_are_held(tmp_path: Path) -> None:
    now = replace(HEADER, laws=tuple(replace(it, version=2) if it.id == "value" else it for it in HEADER.laws))
    fails = [replace(record, **DIFFERS) for record in both("one") if record.target == "jax"]
    found = against(made(*both("one")), made(*fails, header=now))
    assert found.absent_laws == ("value",)
    assert kinds(found) == [("regressed", "one", "accuracy"), ("regressed", "one", "adjoint")]


def test_a_renewal_drops_what_laws_of_other_versions_judged() -> None:
    old, laws = made(*both("one", "two")), tuple(replace(it, version=it.id == "value" or 2) for it in HEADER.laws)
    narrow = [record for record in both("one") if record.law != "accuracy"]
    new = made(*narrow, header=replace(HEADER, laws=tuple(it for it in laws if it.id != "accuracy")))
    assert outdated(old, new) == ("adjoint",)
    stays = {record.law for record in merged(portable(old), portable(new)).verdicts if record.case == "two"}
    assert stays == {"value", "accuracy"}
    assert outdated(old, made(*narrow, header=replace(HEADER, oracles=2))) == ("value", "accuracy", "adjoint")
