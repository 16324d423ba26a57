"""Baselines as files: small, the same on every machine, renewed in part, and refused in one line where they are bad."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from convt.cases.loader import load_cases
from convt.results.baseline import merged, portable, read_baseline, write_baseline
from convt.results.records import CaseRecord, LawInfo, Record, Run, RunFileError, TargetInfo
from convt.results.runfile import RunWriter, read_run
from tests.suite.results.small_runs import DIFFERS, HEADER, RAISED, both, case, made, verdict
from tests.suite.results.synthetic_run import write_synthetic

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["base.jsonl", "base.jsonl.gz"])
def test_a_baseline_is_a_run_file_that_reads_back_as_it_was_written(tmp_path: Path, name: str) -> None:
    run = read_run(write_synthetic(tmp_path / "run.jsonl"))
    written = write_baseline(tmp_path / "folder" / name, run)
    read = read_baseline(tmp_path / "folder" / name)
    assert (read.header, read.cases, read.verdicts) == (written.header, written.cases, written.verdicts)
    assert read_run(tmp_path / "folder" / name).verdicts == read.verdicts
    assert [path.name for path in (tmp_path / "folder").iterdir()] == [name]


def test_a_plain_run_file_is_the_baseline_that_would_be_written_of_it(tmp_path: Path) -> None:
    path = write_synthetic(tmp_path / "run.jsonl")
    written = write_baseline(tmp_path / "base.jsonl", read_run(path))
    plain = read_baseline(path)
    assert (plain.header, plain.cases, plain.verdicts) == (written.header, written.cases, written.verdicts)


def test_another_machine_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    here = [
        verdict(used=0.25, law="accuracy"), verdict(**DIFFERS), verdict("drawn", **RAISED),
        verdict("two", target="keras-jax", warnings=("a.py:3: x",)),
    ]  # fmt: skip
    other = {"verdict": "differs", "message": "out[1]=7.25, but should be 4\n2 of 9 differ; largest 3.25"}
    there = [
        verdict("else", **RAISED), verdict("two", target="keras-jax", bits="ffff"),
        verdict(**other, bits="77"), verdict(used=0.5, law="accuracy", bits="cd34"),
    ]  # fmt: skip
    targets = tuple(replace(info, flags={"threads": "1"}) for info in HEADER.targets)
    moved = replace(
        HEADER, started="2027-02-02T00:00:00+00:00", seed=8, profile="nightly", platform={"system": "Darwin"},
        command="pytest -n 2", targets=targets[::-1], packages={"pytest": "9.9"},
    )  # fmt: skip
    cases = [case("one", 2), case("two", 3)]
    write_baseline(tmp_path / "a.gz", made(*here, cases=[*cases, case("drawn", 4, generated=True)]))
    write_baseline(tmp_path / "b.gz", made(*there, cases=[*cases[::-1], case("else", 5, generated=True)], header=moved))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert (tmp_path / "a.gz").read_bytes()[4:8] == bytes(4), "the time of writing, as RFC 1952 places it"
    text = gzip.decompress((tmp_path / "a.gz").read_bytes()).decode()
    for machine in ("Linux", "64", "2026", "ab12", "4.5", "0.25", "drawn", "a.py", 'origin":"specs'):
        assert machine not in text, machine


def test_a_run_of_the_default_size_stays_far_below_a_megabyte(tmp_path: Path) -> None:
    targets = tuple(TargetInfo(f"target-{n}", "jax", "eager", "cpu", {"jax": "1"}) for n in range(6))
    laws = tuple(LawInfo(f"law-number-{n}", "A statement.") for n in range(15))
    words = ("pass", "pass", "pass", "unsupported", "pass", "differs", "error")
    cases, verdicts = [], []
    for place, it in enumerate(load_cases(sorted((ROOT / "specs").glob("*.yaml")))):
        settings = it.settings.canonical() | {
            "output": it.settings.output,
            "crop": it.settings.crop,
            "extra": it.settings.extra,
        }
        cases.append(CaseRecord(it.id, it.digest, it.origin, it.about, it.source, it.tags, settings))
        for step, (law, target) in enumerate((law, target) for law in laws for target in targets):
            word = words[(place * place + 31 * step * step) % len(words)]
            fails = {"message": f"out[{step}]={place}.5, but should be {step}"} if word in ("differs", "error") else {}
            verdicts.append(verdict(it.id, law.id, target.name, word, shape=it.settings.y_shape, **fails))
    assert len(verdicts) > 57_000
    path = tmp_path / "base.jsonl.gz"
    write_baseline(path, made(*verdicts, cases=cases, header=replace(HEADER, targets=targets, laws=laws)))
    assert path.stat().st_size < 700_000


def test_renewing_replaces_what_ran_and_keeps_the_rest(tmp_path: Path) -> None:
    old = write_baseline(tmp_path / "old.gz", made(*(replace(record, **DIFFERS) for record in both("one", "two"))))
    newer = tuple(replace(info, versions={**info.versions, "keras": "3.15.1"}) for info in HEADER.targets[:1])
    lost = (replace(HEADER.targets[1], missing="absent"),)
    narrow = replace(HEADER, targets=newer + lost, laws=HEADER.laws[:2])
    ran = [record for record in both("one") if record.law != "adjoint"]
    now = made(
        *(replace(r, verdict="not-run") if r.target == "jax" else r for r in ran), cases=[case("one", 2)], header=narrow
    )
    written = write_baseline(tmp_path / "base.jsonl.gz", merged(old, portable(now)))
    stands = {(r.case, r.law, r.target): r.verdict for r in read_baseline(tmp_path / "base.jsonl.gz").verdicts}
    renewed = {("one", "value", "keras-jax"), ("one", "accuracy", "keras-jax")}
    assert stands == {(r.case, r.law, r.target): "differs" for r in both("one", "two")} | dict.fromkeys(renewed, "pass")
    versions = {info.name: info.versions for info in written.header.targets}
    assert versions == {"jax": {"jax": "0.10.2"}, "keras-jax": {"keras": "3.14.1, in part 3.15.1", "numpy": "2.0"}}
    full = made(*both("one", "two"), header=replace(HEADER, targets=newer + HEADER.targets[1:]))
    again = write_baseline(tmp_path / "base.jsonl.gz", merged(written, portable(full)))
    assert {record.verdict for record in again.verdicts} == {"pass"}
    assert {info.name: info.versions.get("keras") for info in again.header.targets} == {
        "jax": None,
        "keras-jax": "3.15.1",
    }


def _write_run(path: Path, run: Run) -> None:
    with RunWriter(path) as writer:
        records: list[Record] = [run.header, *run.cases.values(), *run.verdicts]
        for record in records:
            writer.write(record)
        writer.finish(1.0, 0)


def _twice(path: Path) -> None:
    both_sides = [replace(HEADER.targets[0], name=f"keras-jax#{name}") for name in ("before", "after")]
    _write_run(path, made(verdict(target="keras-jax#after"), header=replace(HEADER, targets=tuple(both_sides))))


def _copy(change: Callable[[bytes], bytes]) -> Callable[[Path, bytes], object]:
    return lambda path, whole: path.write_bytes(change(whole))


BAD: dict[str, tuple[str, Callable[[Path, bytes], object], str]] = {
    "missing": ("a.jsonl", lambda path, whole: None, "found no such file"),
    "a folder": ("a.jsonl", lambda path, whole: path.mkdir(), "found nothing readable"),
    "empty": ("a.jsonl", _copy(lambda whole: b""), "found an empty file"),
    "cut between lines": ("a.jsonl", _copy(lambda whole: whole[: whole.index(b"\n") + 1]), "found no footer"),
    "cut inside a line": ("a.jsonl", _copy(lambda whole: whole[:-30]), "found half a line"),
    "compressed and cut": ("a.gz", _copy(lambda whole: gzip.compress(whole)[:-30]), "half a compressed file"),
    "not compressed": ("a.gz", _copy(lambda whole: whole), "found a damaged compressed file"),
    "damaged inside": ("a.gz", _copy(lambda whole: _flip(gzip.compress(whole))), "a damaged compressed file"),
    "another format": ("a.jsonl", _copy(lambda whole: whole.replace(b'"format":2', b'"format":9')), "the format 9"),
    "something else": ("a.jsonl", _copy(lambda whole: b"{}\n"), "found no header"),
    "each target twice": ("a.jsonl", lambda path, whole: _twice(path), "two environments of keras-jax"),
}


def _flip(packed: bytes) -> bytes:
    return packed[:40] + bytes(byte ^ 0xFF for byte in packed[40:60]) + packed[60:]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line_that_says_what_was_found_and_accepted(tmp_path: Path, name: str) -> None:
    write_baseline(tmp_path / "good.jsonl", made(*both("one")))
    file, spoil, found = BAD[name]
    spoil(tmp_path / file, (tmp_path / "good.jsonl").read_bytes())
    with pytest.raises(RunFileError) as caught:
        read_baseline(tmp_path / file)
    text = str(caught.value)
    assert found in text
    assert "accepted: " in text
    assert "\n" not in text
