"""The page of findings: every script on it still shows what it says, every case and known difference stands on it.

A line at the end of a script says how it is held: `# shows: REGEX` over all that it prints, `# ends: SIGNAL` or
several, `# needs: CPU flags`, `# memory: GB` that have to be free, `# with: NAME=VALUE` of the environment,
`# sometimes: why` where it only has to run. What takes GBs runs where CONVT_LARGE is set, and then alone.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from convt.cases.known import load_known
from convt.cases.loader import load_cases
from convt.host.memory import available

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "findings.md").read_text()
DEADLINE = 120.0
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}


@dataclass(frozen=True)
class Finding:
    """A script of the page under its heading, and its directives by name."""

    name: str
    script: str
    says: dict[str, str]


def findings() -> list[Finding]:
    """Every script of the page."""
    found = []
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        for part in re.split(r"^### ", section, flags=re.MULTILINE)[1:]:
            (script,) = re.findall(r"^```python\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
            says = dict(re.findall(r"^# (shows|ends|needs|memory|with|sometimes): (.+)$", script, re.MULTILINE))
            name = f"{section.splitlines()[0]}: {part.splitlines()[0]}"
            found.append(Finding(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"), script, says))
    return found


def lacks(finding: Finding) -> str:
    """What the script needs and is not here; empty where all is."""
    modules = re.findall(r"^import (\w+)", finding.script, re.MULTILINE)
    backends = re.findall(r'\["KERAS_BACKEND"\] = "(\w+)"', finding.script)
    for module in [*modules, *backends]:
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    if "memory" in finding.says:
        free, needed = (available() or 0) / 1e9, float(finding.says["memory"])
        if free < needed or not os.environ.get("CONVT_LARGE"):
            return f"needs {needed:g} GB of memory, of which {free:.1f} are free, and CONVT_LARGE=1"
    cpu = Path("/proc/cpuinfo")
    flags = set(cpu.read_text().split()) if cpu.exists() else set()
    absent = set(finding.says.get("needs", "").split()) - flags
    return f"no {', '.join(sorted(absent))}" if absent else ""


def ran(finding: Finding, folder: Path) -> tuple[int, str]:
    """(exit status, all that it printed) of the script in a process of its own."""
    path = folder / "finding.py"
    path.write_text(finding.script)
    given = dict(re.findall(r"(\w+)=(\S+)", finding.says.get("with", "")))
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


def plain(finding: Finding) -> frozenset[str]:
    """What a script imports, where others that import the same may run in its process; else nothing."""
    if finding.says.keys() != {"shows"} or "environ" in finding.script:
        return frozenset()
    return frozenset(re.findall(r"^(?:import|from) (\w+)", finding.script, re.MULTILINE))


@pytest.fixture(scope="module")
def printed_together(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What plain scripts printed, those that import the same in one process; less where one of them ended it."""
    groups: dict[frozenset[str], list[Path]] = {}
    for finding in findings():
        if plain(finding) and not lacks(finding):
            path = tmp_path_factory.mktemp("together") / finding.name
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


@pytest.mark.parametrize("finding", findings(), ids=lambda finding: finding.name)
def test_a_finding_is_still_there(finding: Finding, tmp_path: Path, printed_together: dict[str, str]) -> None:
    if reason := lacks(finding):
        pytest.skip(reason)
    if "shows" in finding.says and re.search(finding.says["shows"], printed_together.get(finding.name, "")):
        return
    status, printed = ran(finding, tmp_path)  # alone, where it was not among others, or showed nothing there
    ends = finding.says.get("ends")
    signals = [] if ends is None else ends.split(" or ")
    accepted = [-signal.Signals[name] for name in signals] or [0, 1]  # 1: an exception that nobody caught
    if "sometimes" in finding.says:
        assert status in (0, *accepted), printed
        return
    assert "shows" in finding.says or ends is not None, "a finding says what it shows"
    assert status in accepted, printed
    assert re.search(finding.says.get("shows", ""), printed), printed


CASES = [case.id for case in load_cases([ROOT / "specs" / "findings.yaml"])]
KNOWN = load_known(ROOT / "backends")


@pytest.mark.parametrize("name", [*CASES, *(entry.id for entry in KNOWN)])
def test_every_case_of_findings_and_every_known_difference_is_told(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_page_names_only_cases_and_known_differences_that_there_are() -> None:
    files = [*(ROOT / "specs").glob("*.yaml"), *(ROOT / "specs" / "large").glob("*.yaml")]
    cases = {case.id for case in load_cases(sorted(files))}
    told = set(re.findall(r"`([a-z][a-z0-9]*(?:-[a-z0-9]+)+)`", PAGE))
    assert sorted(told - cases - {entry.id for entry in KNOWN}) == []
