"""Files of earlier releases are read and compared: released versions, runs and baselines of 0.1."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from convt.laws.catalogue import all_laws
from convt.results import former
from convt.results.changes import compare
from convt.results.reader import read_run
from convt.results.records import DetailRecord, LawInfo, Record, Run, VerdictRecord
from convt.results.releases import read_release
from convt.upgrade.series import HISTORY
from tests.suite.results.two_runs import CASE, LAWS, made, only, verdict

RELEASES = sorted(HISTORY.glob("*/*.jsonl.gz"))
SPELLING = LawInfo("spelling", "Every spelling gives the same.")


def of_0_1(path: Path, *records: Record) -> Run:
    """A run as 0.1 wrote it: a digest of the specification, no versions, and former names."""
    made(path, *records, laws=(*LAWS, SPELLING))
    header, *rest = path.read_text().splitlines()
    told = json.loads(header) | {"spec": "9370e39436d5770c"}
    del told["oracles"]
    for law in told["laws"]:
        del law["version"]
    path.write_text("\n".join([json.dumps(told), *rest, ""]))
    return read_run(path)


def test_a_run_of_0_1_has_first_versions_and_the_names_of_today(tmp_path: Path) -> None:
    said = "another spelling[0]=3, but should be 4"
    old = verdict("differs", law="spelling", message=said)
    run = of_0_1(tmp_path / "a.jsonl", old, DetailRecord(CASE, "spelling", "jax", actual=[3.0]))
    assert run.header.oracles == 1
    assert {law.version for law in run.header.laws} == {1}
    assert run.header.laws[-1].id == "call-form"
    assert run.verdicts == (replace(old, law="call-form", message="another call form[0]=3, but should be 4"),)
    assert [*run.details] == [(CASE, "call-form", "jax")]


def test_a_former_name_after_by_is_told_by_its_name_of_today() -> None:
    assert former.message("out by another spelling[0]=3") == "out by another call form[0]=3"
    assert former.message("no other spelling says it") == "no other spelling says it"


def test_a_run_of_0_1_is_compared_with_one_of_today(tmp_path: Path) -> None:
    before = of_0_1(tmp_path / "a.jsonl", verdict(), verdict(law="spelling"))
    laws = (*LAWS, LawInfo("call-form", "Every call form gives the same."))
    same = [verdict(), verdict(law="call-form")]
    alike = compare(before, made(tmp_path / "b.jsonl", *same, laws=laws, seed=8))
    assert (alike.changes, alike.left_out, alike.unchanged) == ((), (), 2)
    worse = [verdict(), verdict("differs", law="call-form")]
    change = only(compare(before, made(tmp_path / "c.jsonl", *worse, laws=laws)))
    assert (change.kind, change.law) == ("regressed", "call-form")


@pytest.mark.parametrize(("was", "name"), former.PROBES.items())
def test_a_probe_is_known_by_its_former_name_in_a_message(was: str, name: str) -> None:
    assert former.message(f"{was}: raised: ValueError: {was}") == f"{name}: raised: ValueError: {was}"
    assert former.message("value: raised: ValueError") == "value: raised: ValueError"


def test_no_law_goes_by_a_former_name() -> None:
    today = {law.id for law in all_laws()}
    assert set(former.LAWS.values()) <= today
    assert not set(former.LAWS) & today


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.name)
def test_the_laws_of_every_released_version_are_laws_of_today(path: Path) -> None:
    release = read_release(path)
    assert {law.id for law in release.header.laws} == {law.id for law in all_laws()} - SINCE
    assert {law.version for law in release.header.laws} == {1}
    assert release.header.oracles == 1


SINCE = {"abstract", "consistent", "cost", "crossed", "footprint", "realistic", "unsafe-claims"}
"""Laws that came after the released versions were recorded."""


def as_run(release: Run, *changed: VerdictRecord) -> Run:
    """What a run of today tells of the cases of a released version: with bits and whole messages, and a case more."""
    other = {(it.case, it.law): it for it in changed}
    told = [other.get((it.case, it.law), _whole(it)) for it in release.verdicts]
    cases = dict(list(release.cases.items())[:-1])  # one case is not there
    more = replace(next(iter(cases.values())), id="drawn-today", digest="f" * 16)
    header = replace(release.header, profile="default", seed=5)
    records = [it for it in told if it.case in cases] + [replace(told[0], case=more.id)]
    return replace(release, header=header, cases=cases | {more.id: more}, verdicts=tuple(records))


def _whole(record: VerdictRecord) -> VerdictRecord:
    """The record as a run has it, where a released version keeps the first line alone."""
    more = f"{record.message}\n3 of 9 differ; largest 2\na third line" if record.message else ""
    return replace(record, message=more, bits="ab" * 8, outcome="value" if record.verdict == "pass" else "")


@pytest.mark.parametrize("path", [path for path in RELEASES if "0.10.2" in path.name or "3.0.5" in path.name], ids=str)
def test_a_released_version_is_compared_with_a_run(path: Path) -> None:
    before = read_run(path)
    alike = compare(before, as_run(before))
    last = list(before.cases)[-1]
    judged = sum(record.case != last for record in before.verdicts)
    assert (alike.changes, alike.exit_status) == ((), 0)
    assert alike.compared == alike.unchanged == judged > 5_000
    [out] = alike.left_out
    assert (out.cause, out.before, out.after, out.names) == (
        "case-absent", len(before.verdicts) - judged, 1, (last, "drawn-today"),
    )  # fmt: skip
    assert any(note.startswith("a released version keeps verdicts") for note in alike.notes)


def test_what_got_worse_since_a_released_version_is_told() -> None:
    before = read_run(next(path for path in RELEASES if path.name == "jax-0.10.2.jsonl.gz"))
    passes = next(record for record in before.verdicts if record.verdict == "pass" and record.law == "value")
    fails = next(record for record in before.verdicts if record.verdict == "differs")
    broken = replace(passes, verdict="differs", message="out[0]=1, but should be 2")
    other = replace(fails, message="out.shape=(1, 2), but should be (1, 3)")
    comparison = compare(before, as_run(before, broken, other))
    assert comparison.exit_status == 1
    assert sorted((it.kind, it.case, it.law) for it in comparison.changes) == sorted(
        [("regressed", passes.case, "value"), ("fails-differently", fails.case, fails.law)]
    )
