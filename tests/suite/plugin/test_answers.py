"""Exit status 2 where there is no answer, 1 where something is worse; what an interrupted run leaves."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from convt.cli import main
from convt.results.runfile import read_run
from tests.suite import copies
from tests.suite.plugin.test_pytest_run import HONEST, Result, command, only, pytest_run, specs
from tests.suite.results.synthetic_run import write_synthetic

__all__ = ["specs"]
ABSENT = """
from convt.adapter.backend import Backend


class Absent(Backend):
    def __init__(self, mode, device):
        import nosuchframework
"""
BROKEN = "raise RuntimeError('this adapter is broken')"
CASES = "tests/test_cases.py"


@pytest.fixture
def beside(specs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Adapters that cannot start, where a run finds them."""
    (specs.parent / "absent.py").write_text(ABSENT)
    (specs.parent / "broken.py").write_text(BROKEN)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(specs.parent), os.environ.get("PYTHONPATH", "")]))
    return specs


def lost(name: str) -> list[str]:
    return ["--backend", f"{name}={name}:{name.capitalize()}", "--target", name]


@pytest.mark.parametrize("name", ["absent", "broken"])
@pytest.mark.parametrize("spread", [[], ["-n", "2"]], ids=["one-process", "two-processes"])
def test_a_run_in_which_nothing_ran_is_no_answer(beside: Path, name: str, spread: list[str]) -> None:
    result = pytest_run(beside, *lost(name), CASES, *spread)
    assert result.code == 2, result.text
    assert "No target ran" in result.text
    assert {verdict for verdict, _ in result.verdicts().values()} == {"not-run"}
    assert read_run(result.report / "run.jsonl").footer.exit == 2


def test_a_target_that_was_named_and_did_not_run_is_no_answer_where_nothing_is_worse(beside: Path) -> None:
    result = pytest_run(beside, *lost("absent"), *only("honest"), CASES)
    assert result.code == 2, result.text
    assert "no answer of absent, named on the command line" in result.text
    worse = pytest_run(beside, *lost("absent"), *only("flips"), CASES)
    assert worse.code == 1, worse.text


def test_a_target_that_nobody_named_is_not_run_and_no_more(beside: Path) -> None:
    """Where none is named every backend runs: here those of two paths, and none of the frameworks."""
    code = (
        "import sys, pytest; from convt.host import registry; registry.built_in = lambda: {};"
        "from convt.session import session; session.built_in = registry.built_in; sys.exit(pytest.main(sys.argv[1:]))"
    )
    options = ["--backend", "absent=absent:Absent", "--backend", HONEST, CASES]
    result = Result(copies.run("", command(beside, *options)[3:], code=code), beside.parent / "out")
    assert result.code == 0, result.text
    assert "1 target holds every law that it can express" in result.text
    assert "absent did not run (nosuchframework is not installed)" in result.text


def test_an_environment_that_is_no_python_is_no_answer(specs: Path) -> None:
    options = ["--backend", HONEST, "--target", "honest#odd", "--environment", "odd=/bin/true", CASES]
    result = pytest_run(specs, *options)
    assert result.code == 2, result.text
    assert "No target ran" in result.text


def test_where_no_law_applies_there_is_no_answer_and_the_earlier_file_is_named(specs: Path) -> None:
    assert pytest_run(specs, *only("honest"), CASES, "-k", "gap").code == 0
    result = pytest_run(specs, *only("honest"), CASES, "-k", "gap", "--law", "conv-value")
    assert result.code == 2, result.text
    assert re.search(
        r"no law applies to what was chosen, so nothing was written; \S+run.jsonl is of \d{4}-", result.text
    )


def test_a_baseline_of_other_cases_compares_nothing_and_is_no_answer(specs: Path) -> None:
    base = specs.parent / "base.jsonl"
    assert pytest_run(specs, *only("honest"), CASES, "-k", "gap", f"--baseline={base}", "--update-baseline").code == 0
    result = pytest_run(specs, *only("honest"), CASES, "-k", "plain-line", f"--baseline={base}")
    assert result.code == 2, result.text
    assert "nothing was compared" in result.text


def test_a_baseline_is_not_made_of_a_run_in_which_nothing_ran(beside: Path) -> None:
    base = beside.parent / "base.jsonl"
    result = pytest_run(beside, *lost("absent"), CASES, f"--baseline={base}", "--update-baseline")
    assert result.code == 2, result.text
    assert "not written, for nothing ran" in result.text
    assert not base.exists()


@pytest.mark.parametrize("stop", [["-x"], ["--maxfail=2"], ["--stepwise"]], ids=lambda words: words[0])
@pytest.mark.parametrize("spread", [[], ["-n", "2"]], ids=["one-process", "two-processes"])
def test_a_stop_after_failures_writes_the_run_and_is_worse(specs: Path, stop: list[str], spread: list[str]) -> None:
    if stop == ["--stepwise"] and spread:
        spread = ["-n", "1"]  # pytest-xdist shares its place out over no more than one
    result = pytest_run(specs, *only("flips"), CASES, *stop, *spread)
    assert result.code == 1, result.text
    run = read_run(result.report / "run.jsonl")
    assert "differs" in {record.verdict for record in run.verdicts}
    assert not run.footer.partial
    assert [info.name for info in run.header.targets] == ["flips"]


CTRL_C = """
import os, signal

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a parent may have had ignored
told, spread = 0, False


def pytest_configure(config):
    global spread
    spread = hasattr(config, "workerinput")  # a process of pytest-xdist, which no person interrupts


def pytest_runtest_logreport(report):
    global told
    told += report.when == {when!r}
    if told == {count} and not spread:
        told += 1
        os.kill(os.getpid(), signal.SIGINT)
"""


def interrupted(beside: Path, when: str, count: int, *options: str) -> Result:
    """A run that Ctrl-C ends after so many reports."""
    (beside.parent / "ctrl_c.py").write_text(CTRL_C.format(when=when, count=count))
    return pytest_run(beside, *options, "-p", "ctrl_c")


@pytest.mark.parametrize("spread", [[], ["-n", "2"]], ids=["one-process", "two-processes"])
def test_an_interrupted_run_keeps_what_was_judged_and_says_so(beside: Path, spread: list[str]) -> None:
    result = interrupted(beside, "call", 2, *only("honest"), CASES, *spread)
    assert result.code == 2, result.text
    assert "KeyboardInterrupt" not in result.text
    assert re.search(r"interrupted: \S+run.jsonl has what was judged until then, and is marked as partial", result.text)
    assert "Interrupted; until then: 1 target holds" in result.text
    run = read_run(result.report / "run.jsonl")
    assert run.footer.partial
    assert run.footer.exit == 2
    assert 0 < len(run.cases) < 5
    assert [info.name for info in run.header.targets] == ["honest"]
    assert "The run was interrupted" in (result.report / "index.html").read_text()


def test_an_interruption_before_any_verdict_says_of_when_the_earlier_file_is(beside: Path) -> None:
    assert pytest_run(beside, *only("honest"), CASES, "-k", "gap").code == 0
    before = (beside.parent / "out" / "run.jsonl").read_bytes()
    result = interrupted(beside, "setup", 1, *only("honest"), CASES)
    assert result.code == 2, result.text
    assert re.search(r"interrupted: nothing written; \S+run.jsonl is of \d{4}-\d\d-\d\d", result.text)
    assert "KeyboardInterrupt" not in result.text
    assert (beside.parent / "out" / "run.jsonl").read_bytes() == before


@pytest.mark.parametrize("command", [["summary"], ["show"], ["page"]], ids=lambda words: words[0])
def test_who_reads_a_partial_run_is_warned(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_synthetic(tmp_path / "run.jsonl")
    main([*command, str(path)])
    assert "interrupted" not in capsys.readouterr().err
    *lines, footer = path.read_text().splitlines()
    path.write_text("\n".join([*lines, json.dumps(json.loads(footer) | {"partial": True})]) + "\n")
    assert main([*command, str(path)]) == 0
    assert f"warning: {path}: the run was interrupted" in capsys.readouterr().err
