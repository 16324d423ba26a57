"""The conformance run as a user starts it: options, verdicts, the run file, pytest's own options, interruption."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.suite import copies

ROOT = Path(__file__).parents[3]
CASES = """
about: A few cases for the tests of the run itself.
source: section 3
cases:
  - {id: gap-line, input: {shape: [1, 1, 2], data: [1, 2]}, kernel: {shape: [1, 1, 1], data: [10]}, stride: 3}
  - {id: plain-line, input: 4, kernel: 3, padding: 1, bias: true}
  - {id: plain-square, input: [3, 4], kernel: [3, 2], stride: [2, 1], channels: [2, 4], groups: 2}
  - {id: same-line, input: 7, kernel: 5, stride: 2, padding: same}
  - {id: forward-line, op: conv, input: 7, kernel: 3, stride: 2, padding: same, bias: true}
"""
HONEST = "honest=tests.suite.conv.reference:Honest"
FLIPS = "flips=tests.suite.laws.liars:FlipsKernel"


class Result:
    """What a run of pytest printed, returned and left behind."""

    def __init__(self, done: subprocess.CompletedProcess[str], report: Path) -> None:
        self.text, self.code, self.report = done.stdout + done.stderr, done.returncode, report

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.report / "run.jsonl").read_text().splitlines()]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return sorted((r for r in self.records if r["kind"] == kind), key=str)

    def verdicts(self) -> dict[tuple[str, str, str], tuple[str, str]]:
        return {
            (r["case"], r["law"], r["target"]): (r["verdict"], r["bits"])
            for r in self.records
            if r["kind"] == "verdict"
        }


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    path = tmp_path / "few.yaml"
    path.write_text(CASES)
    (tmp_path / "known").mkdir()
    return path


def command(specs: Path, *options: str) -> list[str]:
    # with `=`: pytest takes a path that stands alone for one to collect, and looks for its settings there
    own = [f"--spec={specs}", f"--known={specs.parent / 'known'}", f"--report={specs.parent / 'out'}"]
    own += ["--seed=1", "--profile=default"]  # without which nothing is generated beside a file of cases
    return [sys.executable, "-m", "pytest", "-o", f"cache_dir={specs.parent / 'cache'}", *own, *options]


def pytest_run(specs: Path, *options: str) -> Result:
    """A run in a copy of a process that has imported the engine."""
    return Result(copies.run("pytest", command(specs, *options)[3:]), specs.parent / "out")


def run_from_the_start(specs: Path, *options: str) -> Result:
    """A run in a process of its own, whose hashes are its own too."""
    done = subprocess.run(command(specs, *options), cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    return Result(done, specs.parent / "out")


def only(name: str) -> list[str]:
    """The options that run one backend of the tests, by its path, and none of the frameworks."""
    return ["--backend", {"honest": HONEST, "flips": FLIPS}[name], "--target", name]


def test_an_honest_backend_is_green_and_leaves_a_run_file_and_a_page(specs: Path) -> None:
    result = run_from_the_start(specs, *only("honest"))
    assert result.code == 0, result.text
    assert {verdict for verdict, _ in result.verdicts().values()} <= {"pass", "unsupported"}
    assert {case for case, *_ in result.verdicts()} >= {"gap-line", "plain-square", "same-line"}
    assert any(r["kind"] == "case" and r["generated"] for r in result.records)
    assert "<title>" in (result.report / "index.html").read_text()


def altered(specs: Path, change: str, *options: str) -> Result:
    """A run of pytest after a statement of Python that changes the engine."""
    code = f"import sys, pytest; {change}; sys.exit(pytest.main(sys.argv[1:]))"
    return Result(copies.run("", command(specs, *options)[3:], code=code), specs.parent / "out")


def test_the_page_of_many_verdicts_is_drawn_by_another_process(specs: Path) -> None:
    options = (*only("honest"), "tests/test_cases.py", "--law", "value")
    here = "from convt.page import page; page.write_page = None"  # another process still has it
    far = altered(specs, f"{here}; from convt.plugin import recorder; recorder.MANY = 0", *options)
    assert far.code == 0, far.text
    assert "<title>" in (far.report / "index.html").read_text()


def test_a_page_that_cannot_be_drawn_is_a_line_and_the_results_are_kept(specs: Path) -> None:
    here = "from convt.page import page; page.write_page = None"
    result = altered(specs, here, *only("honest"), "tests/test_cases.py", "--law", "value")
    assert re.search(r"index.html was not drawn: TypeError: .*; repeat: convt page \S+run.jsonl --out", result.text)
    assert "Traceback" not in result.text
    assert ("gap-line", "value", "honest") in result.verdicts()


def test_a_run_says_how_far_it_is_while_an_item_waits_for_its_target(specs: Path) -> None:
    often = "from convt.session import progress; progress.EVERY = 0.1"
    hangs = [
        "--show-capture=no",
        "--backend=hangs=tests.suite.host.fakes:HangsAlways",
        "--target=hangs",
        "--deadline=2",
    ]
    result = altered(specs, often, *hangs, "tests/test_cases.py", "--law", "value", "-k", "gap")
    lines = re.findall(r"^0 of 1 items, .*hangs 1 probes$", result.text, re.MULTILINE)
    assert len(lines) > 5, result.text


def test_a_liar_fails_with_the_verdict_first_and_a_way_to_repeat_it(specs: Path) -> None:
    result = pytest_run(specs, *only("flips"), "tests/test_cases.py")
    assert result.code == 1
    assert "differs value: out[" in result.text
    assert "but should be" in result.text
    assert "repeat: convt run flips -k 'test_case and plain-line' --law value --backend" in result.text


def test_a_generated_failure_prints_the_yaml_that_names_it(specs: Path) -> None:
    result = pytest_run(specs, *only("flips"), "tests/test_generated.py", "--law", "value")
    assert result.code == 1
    assert "- id: found" in result.text
    assert "kernel:" in result.text


def test_the_terminal_matrix_has_at_most_fifteen_lines(specs: Path) -> None:
    lines = pytest_run(
        specs, *only("honest"), "--target", "flips", "--backend", FLIPS, "tests/test_cases.py"
    ).text.splitlines()
    top = next(i for i, line in enumerate(lines) if re.fullmatch("=+ convt =+", line))
    assert re.match("Your 5 cases: all right on honest .*;$", lines[top + 1])
    at = next(i for i, line in enumerate(lines) if re.match(r"[\d,]+ verdicts on flips break a law", line))
    assert all(line.startswith("  ") for line in lines[top + 2 : at]), "the rest of what is said of the layers"
    end = next(i for i, line in enumerate(lines) if i > at and line.startswith(("wrote", "=")))
    assert end - at <= 15
    assert any(line.startswith("flips") and "D" in line for line in lines[at:end])


@pytest.mark.parametrize(("profile", "target", "code"), [("modes", "honest", 0), ("hostile", "flips", 1)])
def test_a_profile_of_a_cover_draws_for_what_meets_alone_and_tells_a_liar(
    specs: Path, profile: str, target: str, code: int
) -> None:
    result = pytest_run(specs, *only(target), "--profile", profile)
    assert result.code == code, result.text
    drawn = {r["id"] for r in result.records if r["kind"] == "case" and r["generated"]}
    assert {law for case, law, _ in result.verdicts() if case in drawn} == {"crossed"}
    told = {verdict for verdict, _ in result.verdicts().values()}
    assert ("differs" in told) == (target == "flips")
    assert target == "flips" or told <= {"pass", "unsupported"}


def test_keyword_mark_and_law_options_narrow_the_run(specs: Path) -> None:
    by_keyword = pytest_run(specs, *only("honest"), "-k", "plain and test_case")
    assert {case for case, *_ in by_keyword.verdicts()} == {"plain-line", "plain-square"}
    by_mark = pytest_run(specs, *only("honest"), "-m", "few and conv", "--law", "conv-value")
    assert set(by_mark.verdicts()) == {("forward-line", "conv-value", "honest")}


def test_exitfirst_stops_at_the_first_failure(specs: Path) -> None:
    assert "1 failed" in pytest_run(specs, *only("flips"), "-x").text


def test_last_failed_runs_what_failed(specs: Path) -> None:
    first = pytest_run(specs, *only("flips"), "tests/test_cases.py")
    again = pytest_run(specs, *only("flips"), "tests/test_cases.py", "--lf")
    failed = first.text.count("FAILED")
    assert failed
    assert again.text.count("FAILED") == failed
    assert " passed" in first.text
    assert " passed" not in again.text


def test_two_processes_of_xdist_give_the_same_verdicts_bits_and_coverage(specs: Path) -> None:
    options = [*only("honest"), "--backend", FLIPS, "--target", "flips"]
    options += [word for law in ("value", "adjoint", "batch", "conv-value") for word in ("--law", law)]
    first = run_from_the_start(specs, *options)
    alone, covered = first.verdicts(), first.of_kind("coverage")
    second = pytest_run(specs, *options, "-n", "2")
    assert alone == second.verdicts()
    assert {verdict for verdict, _ in alone.values()} >= {"pass", "differs"}
    assert covered == second.of_kind("coverage")
    assert [it["target"] for it in covered] == ["flips", "honest"]
    assert all(it["counts"]["triples"]["visited"] > 0 for it in covered)


def test_a_framework_that_is_not_there_is_not_run_and_required_it_fails(specs: Path, tmp_path: Path) -> None:
    (tmp_path / "absent.py").write_text(
        "from convt.adapter.backend import Backend\n\n\n"
        "class Absent(Backend):\n    def __init__(self, mode, device):\n        import nosuchframework\n"
    )
    options = ["--backend", "absent=absent:Absent", "--target", "absent", "tests/test_cases.py"]
    for extra, code in (([], 2), (["--require", "absent"], 1)):
        words = command(specs, *options, *extra)[3:]
        done = copies.run("pytest", words, env={"PYTHONPATH": str(tmp_path)})
        result = Result(done, tmp_path / "out")
        assert done.returncode == code, result.text
        assert "nosuchframework" in result.text
        assert {verdict for verdict, _ in result.verdicts().values()} == {"not-run"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--target", "pytroch"], "backend: found 'pytroch', accepted pytorch"),
        (["--law", "adjiont"], "--law: found 'adjiont', accepted output-shape"),
        (["--profile", "nigthly"], "near: nightly"),
        (["--seed", "x"], "--seed: found 'x', accepted a number"),
        (["--deadline", "-1"], "--deadline: found '-1', accepted a number of seconds above 0"),
        (["--spec=nowhere.yaml"], "--spec: found no file"),
        (["--backend", "nonsense"], "found 'nonsense', accepted package.module:Class"),
        (
            ["--backend", HONEST, "--target", "honest", "--require", "pytorch"],
            "--require: found 'pytorch', which the targets that were named leave out; accepted all, honest",
        ),
        (["--known=nowhere"], "--known: found no folder"),
    ],
    ids=lambda value: value[0].lstrip("-") if isinstance(value, list) else None,
)
def test_a_wrong_option_is_one_line_that_says_what_is_accepted(specs: Path, options: list[str], told: str) -> None:
    result = pytest_run(specs, *options)
    assert result.code == 4
    assert told in result.text
    assert "Traceback" not in result.text


def test_a_broken_spec_file_is_lines_of_file_line_and_column(specs: Path) -> None:
    specs.write_text(CASES.replace("stride: 3", "stride: -3"))
    result = pytest_run(specs, *only("honest"))
    assert result.code == 4
    assert "few.yaml:5:" in result.text
    assert "Traceback" not in result.text


KNOWN = """
known:
  - id: flips-everything
    law: {laws}
    where: {where}
    wrong: {{verdict: differs, kind: {kind}}}
    reason: The kernel is flipped.
    issue: none
    since: "1.0"
"""


@pytest.mark.parametrize(
    ("where", "kind", "code", "told"),
    [
        ("any(kernel > 1)", "value", 0, "1 xfailed"),
        ("any(kernel > 0)", "value", 1, "flips-everything expects a failure here, but the law holds"),
        ("any(kernel > 4)", "value", 1, "differs value"),
        ("any(kernel > 1)", "shape", 1, "but it is wrong in another way"),
    ],
    ids=["exact", "too wide", "too narrow", "another wrong"],
)
def test_a_known_difference_is_strict_on_both_sides(specs: Path, where: str, kind: str, code: int, told: str) -> None:
    known = specs.parent / "known" / "flips.yaml"
    known.write_text(KNOWN.format(laws="value", where=where, kind=kind))
    result = pytest_run(specs, *only("flips"), "--law", "value", "-k", "test_case and (plain-line or gap-line)")
    assert result.code == code, result.text
    assert told in result.text


def test_a_known_difference_that_matches_nothing_fails_the_run(specs: Path) -> None:
    """Only a run over every case and law can tell, so the target is one that is quickly done with."""
    missed = KNOWN.format(laws="value", where="any(kernel > 99)", kind="value")
    of_a_folder = missed.replace("known:", "").replace("flips-everything", "flips-layers") + "    folder: realistic\n"
    spared = KNOWN.format(laws="rejects", where="rank == 3", kind="accepted").replace("known:", "")
    spared = spared.replace("flips-everything", "flips-sizes") + "    rejects: [stride-wraps-at-64-bits]\n"
    (specs.parent / "known" / "silent.yaml").write_text(missed + of_a_folder + spared)
    options = ["--backend", "silent=tests.suite.host.fakes:SaysNothing", "--target", "silent"]
    done = [word for word in command(specs, *options) if not word.startswith("--spec")]
    result = copies.run("pytest", [*done[3:], "-o", "testpaths=tests/test_cases.py"])
    assert result.returncode == 1
    assert "silent.yaml:3: known difference flips-everything matched nothing" in result.stdout
    assert "flips-layers" not in result.stdout, "the profile of that folder misses it"
    assert "flips-sizes" not in result.stdout, "a nightly run misses it: this one asks such calls in 1-D alone"


def test_a_known_difference_of_a_folder_that_no_profile_asks_is_refused(specs: Path) -> None:
    text = KNOWN.format(laws="value", where="any(kernel > 99)", kind="value") + "    folder: realstic\n"
    (specs.parent / "known" / "honest.yaml").write_text(text)
    result = pytest_run(specs, *only("honest"), "-k", "test_case and plain-line")
    assert result.code not in (0, 1), result.text
    assert "folder: found 'realstic', accepted large, realistic, cost; near: realistic" in result.text


def test_interruption_leaves_no_process_and_keeps_the_earlier_run(specs: Path) -> None:
    assert pytest_run(specs, *only("honest"), "tests/test_cases.py").code == 0
    before = (specs.parent / "out" / "run.jsonl").read_bytes()
    options = ["--backend", "hangs=tests.suite.host.fakes:HangsOnStart", "--target", "hangs"]
    process = subprocess.Popen(
        command(specs, *options), cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not (children := _children(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert children
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=600)
    assert process.returncode == 2
    assert not [pid for pid in children if _alive(pid)]
    assert (specs.parent / "out" / "run.jsonl").read_bytes() == before


def _children(pid: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return [int(word) for word in listed.split()]


def _alive(pid: int) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")
