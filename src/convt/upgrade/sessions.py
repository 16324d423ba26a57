"""The session on both sides: one run of pytest over the cases, its run file, and the search for smaller cases."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from convt.content import ROOT
from convt.host.pool import Pool
from convt.host.registry import Entry
from convt.plugin.options import DEADLINE
from convt.results.runfile import Run, read_run
from convt.upgrade.environments import Report
from convt.upgrade.found import Found
from convt.upgrade.installing import Pair
from convt.upgrade.request import Upgrade
from convt.upgrade.search import search

SIDES = ("before", "after")
QUIET = ("-q", "--tb=no", "-rN", "-p", "no:cacheprovider")
"""What fails on one side or on both is the comparison's to tell."""


class SessionFailed(RuntimeError):
    """No comparison can be made of this session; the message says why, and what to do."""


def sided(upgrade: Upgrade) -> list[str]:
    """The names of every target on both sides."""
    return [replace(target, environment=side).name for target in upgrade.targets for side in SIDES]


def run_cases(pair: Pair, report: Path, seed: int, backends: Sequence[str], more: Sequence[str]) -> Run:
    """Every case on both sides in one session of pytest; what its verdicts are does not matter here.

    SessionFailed where the session broke, a target did not start, or a side has no answer at all.
    """
    file = report / "run.jsonl"
    file.unlink(missing_ok=True)  # an earlier run is not to be taken for this one
    words = [*(f"--target={name}" for name in sided(pair.upgrade)), *(f"--backend={path}" for path in backends)]
    words += [f"--environment={side.name}={side.python}" for side in (pair.before, pair.after)]
    words += [f"--report={report.absolute()}", f"--seed={seed}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/test_cases.py", *QUIET, *words, *more], cwd=ROOT, check=False
    )
    if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        says = {5: "no case was chosen", 4: "pytest could not begin", 3: "pytest broke", 2: "it was interrupted"}
        said = says.get(done.returncode, f"it ended with {done.returncode}")
        raise SessionFailed(f"the session on both sides: {said}; what pytest said stands above")
    if not file.is_file():
        raise SessionFailed(f"the session on both sides left no {file}; what pytest said stands above")
    run = read_run(file)
    check(run)
    return run


def check(run: Run) -> None:
    """SessionFailed where a target did not start, or where one side of it answered nothing that was asked.

    A target that started and was given up because it kept ending is a result, and the comparison tells it.
    """
    began = {record.target for record in run.verdicts if record.outcome not in ("", "not-run")}
    missing = [f"{it.name}: {it.missing}" for it in run.header.targets if it.missing and it.name not in began]
    if missing:
        todo = "install what it lacks (--with), or leave the target out (--target names those to run)"
        raise SessionFailed("; ".join(missing) + f"; {todo}")
    values: Counter[str] = Counter(record.target for record in run.verdicts if record.outcome == "value")
    for target in run.header.targets:
        if values and not values[target.name] and not target.missing:
            said = Counter(record.message for record in run.verdicts if record.target == target.name).most_common(1)
            why = said[0][0].splitlines()[0] if said and said[0][0] else "nothing was asked"
            todo = "it does not go with what stands beside it: ask for other companions (--with)"
            raise SessionFailed(f"{target.name} answered no call at all: {why}; {todo}")


def search_each(pair: Pair, entries: Mapping[str, Entry], budget: float, seed: int, report: Report) -> list[Found]:
    """A search on each target, which share the budget in seconds; none where that is 0."""
    if not budget:
        return []
    upgrade = pair.upgrade
    both = [tuple(replace(target, environment=side) for side in SIDES) for target in upgrade.targets]
    pythons = {side.name: str(side.python) for side in (pair.before, pair.after)}
    found = []
    for targets in both:  # one after the other: what is measured against a budget shares no machine
        with Pool(targets, DEADLINE, backends=entries, interpreters=pythons) as pool:
            before, after = (target.name for target in targets)
            found.append(search(pool, before, after, budget=budget / len(both), seed=seed, report=report))
    return found
