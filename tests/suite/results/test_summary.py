"""The summary says what the run says, on one screen."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from convt.cli import main
from convt.results.runfile import LawInfo, Run, RunWriter, TargetInfo, VerdictRecord, read_run
from convt.results.summary import summary_json, summary_text
from convt.results.tally import case_standing, count
from convt.results.vocabulary import STANDINGS
from tests.suite.results.synthetic_run import KNOWN, STATEMENTS, TARGETS, case_records, header, write_synthetic


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_synthetic(tmp_path_factory.mktemp("run") / "run.jsonl")


@pytest.fixture(scope="module")
def run(whole: Path) -> Run:
    return read_run(whole)


def test_it_fits_one_screen(run: Run) -> None:
    lines = summary_text(run).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100


def test_a_run_with_everything_wrong_fits_too(tmp_path: Path) -> None:
    case = case_records()[0]
    targets = tuple(TargetInfo(f"target-with-a-long-name-{n}", "jax", "jit", "cpu") for n in range(20))
    laws = tuple(LawInfo(f"law-{n}", "It holds.") for n in range(40))
    with RunWriter(tmp_path / "run.jsonl") as writer:
        writer.write(header(targets=targets, laws=laws, known=()))
        writer.write(case)
        for law in laws:
            for target in targets:
                known = f"known-{law.id}" if target is targets[0] else None
                writer.write(VerdictRecord(case.id, law.id, target.name, "differs", known, "no"))
        writer.finish(1.0, 1)
    lines = summary_text(read_run(tmp_path / "run.jsonl")).splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert any("more lines: see --format json" in line for line in lines)


def test_every_target_stands_with_its_count_and_total(run: Run) -> None:
    lines = summary_text(run).partition("\ntargets\n")[2].splitlines()
    for target in TARGETS:
        records = [record for record in run.verdicts if record.target == target.name]
        passed = sum(record.verdict == "pass" for record in records)
        line = next(line for line in lines if line.split()[:1] == [target.name])
        assert ("NOT RUN: ModuleNotFoundError" if target.missing else f"{passed:,} of {len(records):,} pass") in line


def test_known_differences_stand_apart(run: Run) -> None:
    tally = count(run)
    known = [record for record in run.verdicts if record.known]
    assert tally.total["known"] == len(known) == 18
    assert tally.total["differs"] == sum(record.verdict == "differs" for record in run.verdicts) - 18
    assert f"  {KNOWN.id}: 18 of 7,170 verdicts, on keras-jax" in summary_text(run).splitlines()


def test_the_json_counts_every_verdict_once(run: Run) -> None:
    data = summary_json(run)
    assert data["format"] == 1
    assert data["verdicts"]["total"] == len(run.verdicts) == sum(data["verdicts"][name] for name in STANDINGS)
    assert sum(target["verdicts"]["total"] for target in data["targets"]) == len(run.verdicts)
    assert sum(counts["total"] for law in data["laws"] for counts in law["targets"].values()) == len(run.verdicts)
    plain = Counter(record.verdict for record in run.verdicts if not record.known)
    assert {name: data["verdicts"][name] for name in plain} == dict(plain)
    assert [target["name"] for target in data["targets"] if not target["ran"]] == ["keras-torch"]
    assert [law["id"] for law in data["laws"]] == list(STATEMENTS)
    assert "fools-everybody" in data["failing"]
    assert "keyword-grid-k4-s2-same" not in data["failing"]


def test_the_commands_end_with_0(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(whole)]) == 0
    assert "11 cases differ or fail on jax, jax/eager and tensorflow." in capsys.readouterr().out
    assert main(["summary", str(whole), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["cases"] == 54
    assert main(["script", str(whole), "fools-everybody", "jax"]) == 0
    assert capsys.readouterr().out.startswith("import numpy as np\nimport jax\n")


@pytest.mark.parametrize("command", ["summary", "page"])
def test_an_unreadable_file_ends_with_2_and_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("no run\n")
    assert main([command, str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith(f"convt {command}: {path}:1: found no JSON")


@pytest.mark.parametrize(
    ("verdicts", "stands"),
    [
        ({"value": "pass", "bias": "pass"}, "pass"),
        ({"value": "unsupported", "rejects": "pass"}, "unsupported"),
        ({"value": "pass", "dtype": "unsupported"}, "pass"),
        ({"dtype": "unsupported"}, "unsupported"),
        ({"value": "pass", "bias": "not-run"}, "not-run"),
        ({"value": "pass", "bias": "error", "dtype": "not-run"}, "error"),
        ({"value": "differs", "matrix": "suite-bug"}, "suite-bug"),
        ({}, None),
    ],
    ids=str,
)
def test_the_worst_law_says_where_a_case_stands(verdicts: dict[str, str], stands: str | None) -> None:
    laws = {law: VerdictRecord("a", law, "jax", verdict) for law, verdict in verdicts.items()}
    assert case_standing(laws) == stands
