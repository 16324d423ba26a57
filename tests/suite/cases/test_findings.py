"""Findings: every script still shows what is said of it. What takes GBs runs where CONVT_LARGE is set, alone."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from convt.cases.errors import SpecErrors
from convt.cases.findings import FrameworkFinding, load_findings, read_findings
from convt.cases.known import load_known
from convt.host.memory import available

ROOT = Path(__file__).parents[3]
EVERY = [finding for group in load_findings(ROOT / "backends") for finding in group.findings]
FINDINGS = [finding for finding in EVERY if not finding.timed]
TIMED = [finding for finding in EVERY if finding.timed]
"""Those whose scripts tell times: no test holds a clock."""
DEADLINE = 600.0
"""Seconds after which a script hangs, on a busy machine too."""
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}


def lacks(finding: FrameworkFinding) -> str:
    """What the script needs and is not here; empty where all is."""
    modules = re.findall(r"^(?:import|from) (\w+)", finding.script, re.MULTILINE)
    backends = re.findall(r'\["KERAS_BACKEND"\] = "(\w+)"', finding.script)
    for module in [*modules, *backends]:
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    if finding.memory:
        free = (available() or 0) / 1e9
        if free < finding.memory or not os.environ.get("CONVT_LARGE"):
            return f"needs {finding.memory} GB of memory, of which {free:.1f} are free, and CONVT_LARGE=1"
    cpu = Path("/proc/cpuinfo")
    flags = set(cpu.read_text().split()) if cpu.exists() else set()
    absent = set(finding.needs) - flags
    return f"no {', '.join(sorted(absent))}" if absent else ""


def ran(finding: FrameworkFinding, folder: Path) -> tuple[int, str]:
    """(exit status, all that it printed) of the script in a process of its own."""
    path = folder / "finding.py"
    path.write_text(finding.script)
    given = dict(each.split("=", 1) for each in finding.environment)
    done = subprocess.run(
        [sys.executable, path],
        cwd=folder,
        env=os.environ | QUIET | given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=DEADLINE,
        check=False,
    )
    return done.returncode, done.stdout


def fault(finding: FrameworkFinding, status: int, printed: str) -> str:
    """What a script did that its finding does not say; empty where it did what is said."""
    signals = [-signal.Signals[name] for name in finding.ends]
    accepted = signals or [0, 1]  # 1: an exception that nobody caught
    if status not in ((0, *accepted) if finding.sometimes else accepted):
        return f"exit status {status}"
    if finding.sometimes:
        return ""
    return "" if finding.shown_in(printed) else "it did not print what is said to be seen"


TOGETHER = """
import contextlib, io, json, sys, traceback
for path in sys.argv[1:]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            exec(compile(open(path).read(), path, "exec"), {"__name__": "__main__"})
        except Exception:
            traceback.print_exc()
    print(json.dumps([path, said.getvalue()]), flush=True)
"""
"""Runs scripts one after the other, so that a framework is imported once; prints [path, what it printed] of each."""


def plain(finding: FrameworkFinding) -> frozenset[str]:
    """What a script imports, where others that import the same may run in its process; else nothing."""
    alone = (finding.ends, finding.needs, finding.memory, finding.environment, finding.sometimes)
    if any(alone) or "environ" in finding.script or "config" in finding.script:
        return frozenset()
    return frozenset(re.findall(r"^(?:import|from) (\w+)", finding.script, re.MULTILINE))


@pytest.fixture(scope="module")
def printed_together(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What plain scripts printed, those that import the same in one process; less where one of them ended it."""
    groups: dict[frozenset[str], list[Path]] = {}
    for finding in FINDINGS:
        if plain(finding) and not lacks(finding):
            path = tmp_path_factory.mktemp("together") / finding.id
            path.write_text(finding.script)
            groups.setdefault(plain(finding), []).append(path)
    found: dict[str, str] = {}
    for paths in groups.values():
        done = subprocess.run(
            [sys.executable, "-c", TOGETHER, *paths],
            env=os.environ | QUIET, capture_output=True, text=True, timeout=4 * DEADLINE, check=False,
        )  # fmt: skip
        for line in done.stdout.splitlines():
            if line.startswith('["'):
                path, said = json.loads(line)
                found[Path(path).name] = said
    return found


FORKED = """
import importlib, json, os, signal, sys, traceback
for name in sys.argv[1].split(","):
    importlib.import_module(name)
for path in sys.argv[2:]:
    child = os.fork()
    if not child:
        os.chdir(os.path.dirname(path))
        out = os.open(path + ".out", os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1), os.dup2(out, 2)
        signal.alarm(60)
        status = 0
        try:
            exec(compile(open(path).read(), path, "exec"), {"__name__": "__main__"})
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)
    print(json.dumps([path, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]), flush=True)
"""
"""Imports what scripts import, which takes seconds, and runs each in a copy of that process, which it may end; prints
[path, exit status] of each, whose words are beside it."""


def apart(finding: FrameworkFinding) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a script imports that takes long, and the environment that it needs, where a copy of a process with these
    may run it; else nothing."""
    if finding.memory or plain(finding):
        return (), ()
    engine = re.findall(r'os.environ\["KERAS_BACKEND"\] = "(\w+)"', finding.script)
    if len(engine) > 1 or finding.script.count("environ[") > len(engine):
        return (), ()
    names = set(re.findall(r"^(?:import|from) (\w+)", finding.script, re.MULTILINE))
    dear = names - sys.stdlib_module_names - {"numpy"}
    chosen = [f"KERAS_BACKEND={name}" for name in engine]
    return ("keras",) if "keras" in dear else tuple(sorted(dear)), (*finding.environment, *chosen)


@pytest.fixture(scope="module")
def run_in_copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """(exit status, what it printed) of each script that was run in a copy of a process with its imports."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Path]] = {}
    for finding in FINDINGS:
        if apart(finding)[0] and not lacks(finding):
            path = tmp_path_factory.mktemp("apart") / finding.id
            path.write_text(finding.script)
            groups.setdefault(apart(finding), []).append(path)
    found: dict[str, tuple[int, str]] = {}
    for (names, given), paths in groups.items():
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", FORKED, ",".join(names), *paths],
            env=os.environ | QUIET | dict(each.split("=", 1) for each in given), capture_output=True, text=True,
            timeout=4 * DEADLINE, check=False,
        )  # fmt: skip
        for line in done.stdout.splitlines():
            path, status = json.loads(line)
            found[Path(path).name] = status, Path(f"{path}.out").read_text(errors="replace")
    return found


@pytest.mark.parametrize("finding", TIMED, ids=lambda finding: finding.id)
def test_a_script_that_tells_times_is_python_that_tells_them(finding: FrameworkFinding) -> None:
    compile(finding.script, finding.id, "exec")
    assert "time.perf_counter()" in finding.script
    assert [known.id for known in load_known(ROOT / "backends") if known.finding == finding.id and known.costs]


def test_only_scripts_that_tell_times_read_a_clock() -> None:
    assert not [finding.id for finding in FINDINGS if "perf_counter" in finding.script]


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.id)
def test_a_finding_is_still_there(
    finding: FrameworkFinding,
    tmp_path: Path,
    printed_together: dict[str, str],
    run_in_copies: dict[str, tuple[int, str]],
) -> None:
    if reason := lacks(finding):
        pytest.skip(reason)
    if finding.id in printed_together and finding.shown_in(printed_together[finding.id]):
        return
    if finding.id in run_in_copies and not fault(finding, *run_in_copies[finding.id]):
        return
    status, printed = ran(finding, tmp_path)  # alone, where it was not among others, or showed nothing there
    assert not fault(finding, status, printed), printed


ENTRY = """framework: PyTorch
findings:
  - id: one
    title: A title
    script: print(1)
    seen: |
      (2, 1) and ... more
      end
    right: 2
    source: arithmetic
    versions: torch 2.13.0
    issue: not reported yet
"""


@pytest.fixture
def one(tmp_path: Path) -> FrameworkFinding:
    (tmp_path / "findings.yaml").write_text(ENTRY.replace("right: 2", 'right: "2"'))
    return read_findings(tmp_path / "findings.yaml").findings[0]


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("x (2, 1) and some more\nother\nthe end", True),
        ("(2,  1) and more", False),
        ("end\n(2, 1) and more\n", False),
        ("(2, 2) and more\nend", False),
        ("", False),
    ],
)
def test_what_is_seen_is_found_line_by_line_in_its_order(one: FrameworkFinding, printed: str, shown: bool) -> None:
    assert one.shown_in(printed) is shown


def test_a_script_that_does_something_else_is_a_fault(one: FrameworkFinding, tmp_path: Path) -> None:
    status, printed = ran(one, tmp_path)
    assert (status, printed) == (0, "1\n")
    assert fault(one, status, printed) == "it did not print what is said to be seen"
    assert fault(one, -11, "(2, 1) and more\nend") == "exit status -11"


def test_a_finding_without_anything_to_see_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "findings.yaml"
    path.write_text(re.sub(r"    seen: \|\n.*\n.*\n", "", ENTRY).replace("right: 2", 'right: "2"'))
    with pytest.raises(SpecErrors, match="a finding needs `seen`, `ends` or `sometimes`"):
        read_findings(path)


def test_two_findings_of_one_id_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "findings.yaml").write_text(ENTRY.replace("right: 2", 'right: "2"'))
    with pytest.raises(SpecErrors, match=r"found 'one', which .* has already"):
        load_findings(tmp_path)
