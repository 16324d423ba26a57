"""`pytest --environment NAME=PYTHON`: targets that run in another Python, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from convt.results.runfile import read_run
from tests.suite.plugin.test_pytest_run import CASES, HONEST, pytest_run

PYTHON = f"--environment=other={sys.executable}"


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    path = tmp_path / "few.yaml"
    path.write_text(CASES)
    (tmp_path / "known").mkdir()
    return path


def test_a_target_runs_there_and_beside_the_hosts_own(specs: Path) -> None:
    options = ["--backend", HONEST, "--target", "honest", "--target", "honest#other", PYTHON, "tests/test_cases.py"]
    result = pytest_run(specs, *options)
    assert result.code == 0, result.text
    assert f"#other is {sys.executable}" in result.text
    assert "honest#other: numpy" in result.text
    run = read_run(result.report / "run.jsonl")
    assert {target.name: target.environment for target in run.header.targets} == {"honest": "", "honest#other": "other"}
    assert set(run.footer.target_seconds) == {"honest", "honest#other"}
    assert min(run.footer.target_seconds.values()) > 0
    assert {record.outcome for record in run.verdicts} <= {"value", "unsupported"}


def test_a_failure_there_is_repeated_there(specs: Path) -> None:
    liar = "flips=tests.suite.laws.liars:FlipsKernel"
    options = ["--backend", liar, "--target", "flips#other", PYTHON, "tests/test_cases.py", "-k", "plain-line"]
    result = pytest_run(specs, *options)
    assert result.code == 1
    there = f"--law value --environment=other={sys.executable} --backend={liar}"
    assert f"repeat: convt run 'flips#other' -k 'test_case and plain-line' {there}" in result.text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--target", "pytorch#befor", f"--environment=before={sys.executable}"],
         "environment of pytorch#befor: found 'befor', accepted before; near: before"),
        (["--target", "pytorch#before"], "found 'before', accepted one that --environment before=PYTHON tells"),
        (["--environment=before"], "--environment: found 'before', accepted NAME=PYTHON"),
        (["--environment=before=/no/such/python"], "--environment before: found no program /no/such/python"),
        ([f"--environment=before={Path(__file__).parent}"], "--environment before: found no program"),
    ],
)  # fmt: skip
def test_what_is_no_environment_is_refused(specs: Path, options: list[str], says: str) -> None:
    result = pytest_run(specs, *options)
    assert result.code == 4
    assert says in result.text
    assert "Traceback" not in result.text
