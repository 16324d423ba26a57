"""Findings: every script still shows what is said of it. What takes GBs runs where CONVT_LARGE is set, alone."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from convt.cases.errors import SpecErrors
from convt.cases.findings import FrameworkFinding, load_findings, read_findings
from convt.cases.known import load_known
from convt.host.memory import available
from tests.suite.cases.finding_copies import ALONE, QUIET, engine, imported, run_in_copies

ROOT = Path(__file__).parents[3]
EVERY = [finding for group in load_findings(ROOT / "backends") for finding in group.findings]
FINDINGS = [finding for finding in EVERY if not finding.timed]
TIMED = [finding for finding in EVERY if finding.timed]
"""Those whose scripts tell times: no test holds a clock."""


def lacks(finding: FrameworkFinding) -> str:
    """What the script needs and is not here; empty where all is."""
    for module in [*sorted(imported(finding)), *engine(finding)]:
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
        timeout=ALONE,
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


@pytest.fixture(scope="module")
def in_copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """(exit status, what it printed) of each script that ran in a copy of a process with its imports."""
    return run_in_copies([it for it in FINDINGS if not lacks(it)], tmp_path_factory.mktemp("copies"))


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
    in_copies: dict[str, tuple[int, str]],
) -> None:
    if reason := lacks(finding):
        pytest.skip(reason)
    if finding.id in in_copies and not fault(finding, *in_copies[finding.id]):
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


SCRIPTS = {
    "prints": "print('said', yaml.__name__)",
    "raises": "raise ValueError('no')",
    "exits": "import sys\nprint('before')\nsys.exit(3)",
    "is-ended": "import os\nprint('before', flush=True)\nos.kill(os.getpid(), 11)",
    "asks-onednn": "import os\nprint(os.getenv('ONEDNN_MAX_CPU_ISA'))",
    "asks-malloc": "import numpy as np\nprint(*set(np.empty(9999, np.uint8).tolist()))",
}


@pytest.fixture
def several(one: FrameworkFinding) -> list[FrameworkFinding]:
    given = {"asks-onednn": ("ONEDNN_MAX_CPU_ISA=AVX2",), "asks-malloc": ("MALLOC_PERTURB_=85",)}
    ends = {"is-ended": ("SIGSEGV",), "exits": ("SIGTERM",)}  # which take a copy each
    return [
        replace(one, id=name, script=f"import yaml\n{rest}\n", environment=given.get(name, ()), ends=ends.get(name, ()))
        for name, rest in SCRIPTS.items()
    ]


def test_a_copy_tells_what_a_process_of_its_own_tells(several: list[FrameworkFinding], tmp_path: Path) -> None:
    found = run_in_copies(several, tmp_path)
    assert {name: status for name, (status, _) in found.items()} == {
        "prints": 0, "raises": 1, "exits": 3, "is-ended": -11, "asks-onednn": 0, "asks-malloc": 0,
    }  # fmt: skip
    for finding in several:
        status, printed = ran(finding, tmp_path)
        assert found[finding.id][0] == status
        assert found[finding.id][1].splitlines()[-1:] == printed.splitlines()[-1:], finding.id
    assert found["asks-malloc"][1] == f"{85 ^ 255}\n"


def test_a_script_that_ends_the_process_of_others_leaves_them_to_be_run_alone(
    one: FrameworkFinding, tmp_path: Path
) -> None:
    ending = replace(one, id="ends-all", script="import yaml\nimport os\nos._exit(0)\n")
    after = replace(one, id="comes-after", script="import yaml\nprint(1)\n")
    assert run_in_copies([ending, after], tmp_path) == {}
