"""Runs the scripts of findings in copies of processes that have imported their frameworks, which takes seconds.

    python -m tests.suite.cases.finding_copies BRANCH     prints [path, exit status] of each script, a line each

What a script printed is in a file beside it. BRANCH is the JSON of a `Branch`: a process that has imported what its
own scripts need, and whose copies become its branches, so that a framework is imported once.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from convt.cases.findings import FrameworkFinding

ALONE = 600.0
"""Seconds after which a script hangs, on a busy machine too."""
OF_MANY = 60
"""Seconds after which one that runs in a copy is left to be run alone."""
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}
PERTURB = -6
"""`M_PERTURB` of glibc's mallopt, which says later what MALLOC_PERTURB_ says at the start."""
LATER = ("ONEDNN_MAX_CPU_ISA", "MALLOC_PERTURB_")
"""Variables that a copy can still set: oneDNN reads its own at the first call, and the other has a function."""


@dataclass
class Branch:
    """A process: what it imports, in which environment, the scripts that its copies run, and those that they become."""

    imports: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    together: list[str] = field(default_factory=list)
    """Paths of scripts that one copy runs one after the other."""
    apart: list[str] = field(default_factory=list)
    """Paths of scripts that run in a copy each, which they may end."""
    branches: list[Branch] = field(default_factory=list)

    def reached(self, imports: Sequence[str], environment: dict[str, str]) -> Branch:
        """The branch that has imported all of `imports` in their order, whose last steps have `environment`."""
        here, last = self, len(imports) - 1
        for at, name in enumerate(imports):
            given = environment if at == last else {}
            there = next((it for it in here.branches if (it.imports, it.environment) == (name, given)), None)
            if there is None:
                here.branches.append(there := Branch(name, given))
            here = there
        return here


def imported(finding: FrameworkFinding) -> set[str]:
    return set(re.findall(r"^(?:import|from) (\w+)", finding.script, re.MULTILINE))


def engine(finding: FrameworkFinding) -> list[str]:
    """The backends that the script has Keras use."""
    return re.findall(r'\["KERAS_BACKEND"\] = "(\w+)"', finding.script)


def shares(finding: FrameworkFinding) -> bool:
    """Whether a script may run in the process of others, before and after them."""
    alone = (finding.ends, finding.needs, finding.memory, finding.environment, finding.sometimes)
    return not any(alone) and "environ" not in finding.script and "config" not in finding.script


def run_in_copies(findings: Sequence[FrameworkFinding], folder: Path) -> dict[str, tuple[int, str]]:
    """(exit status, what it printed) of each script that ran in a copy; less where one ended what it ran in."""
    stems: dict[tuple[tuple[str, str], ...], Branch] = {}
    for finding in findings:
        _place(finding, folder, stems)
    found: dict[str, tuple[int, str]] = {}
    for given, stem in stems.items():
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.suite.cases.finding_copies", json.dumps(asdict(stem))],
            cwd=Path(__file__).parents[3], env=os.environ | dict(given), capture_output=True, text=True,
            timeout=4 * ALONE, check=False,
        )  # fmt: skip
        for line in done.stdout.splitlines():
            path, status = json.loads(line)
            found[Path(path).parent.name] = status, Path(f"{path}.out").read_text(errors="replace")
    return found


def _place(finding: FrameworkFinding, folder: Path, stems: dict[tuple[tuple[str, str], ...], Branch]) -> None:
    """Writes a script, and adds it to the branch that has what it imports; not where it must run alone."""
    engines = engine(finding)
    dear = imported(finding) - sys.stdlib_module_names - {"numpy"}
    if finding.memory or len(engines) > 1 or finding.script.count("environ[") > len(engines) or not dear:
        return
    given = QUIET | dict(each.split("=", 1) for each in finding.environment)
    read_early = dear == {"torch"}  # whether its oneDNN reads the variable as late as a copy sets it was not shown
    later = {} if read_early else {name: given.pop(name) for name in LATER if name in given}
    stem = stems.setdefault(tuple(sorted(given.items())), Branch())
    if "keras" in dear:
        branch = stem.reached([*engines, "keras"], later | ({"KERAS_BACKEND": engines[0]} if engines else {}))
    else:
        branch = stem.reached(sorted(dear), {})
        branch = branch.reached([""], later) if later else branch
    path = folder / finding.id / "finding.py"
    path.parent.mkdir()
    path.write_text(finding.script)
    (branch.together if shares(finding) else branch.apart).append(str(path))


def grow(branch: Branch) -> None:
    """Runs a branch's scripts, and its branches."""
    os.environ.update(branch.environment)
    if value := branch.environment.get("MALLOC_PERTURB_"):
        ctypes.CDLL(None).mallopt(PERTURB, int(value))
    if branch.imports:
        importlib.import_module(branch.imports)
    if branch.together:
        _copy(_said, *branch.together)
    for path in branch.apart:
        _tell(path, _copy(_alone, path))
    for each in branch.branches:
        _copy(grow, each)


def _copy(work: Callable[..., object], *given: object) -> int:
    """The exit status of a copy of this process that does some work."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = 0
    try:
        work(*given)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(status)


def _executed(path: str) -> None:
    exec(compile(Path(path).read_text(), path, "exec"), {"__name__": "__main__"})  # noqa: S102  our own


def _tell(path: str, status: int) -> None:
    sys.stdout.write(json.dumps([path, status]) + "\n")
    sys.stdout.flush()


def _said(*paths: str) -> None:
    """Runs scripts in this copy, one after the other."""
    for path in paths:
        said, status = io.StringIO(), 0
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                _executed(path)
            except Exception:
                traceback.print_exc()
                status = 1
        Path(f"{path}.out").write_text(said.getvalue())
        _tell(path, status)


def _alone(path: str) -> None:
    """Runs a script in this copy, which it may end."""
    os.chdir(Path(path).parent)
    out = os.open(f"{path}.out", os.O_WRONLY | os.O_CREAT)
    os.dup2(out, 1)
    os.dup2(out, 2)
    signal.alarm(OF_MANY)
    _executed(path)


def _read(given: dict) -> Branch:
    return Branch(**given | {"branches": [_read(each) for each in given["branches"]]})


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    grow(_read(json.loads(sys.argv[1])))
