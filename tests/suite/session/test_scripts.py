"""The scripts to paste: each imports numpy and its framework alone, and gives the very bits that the target gave."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from convt.content.tests.laws.large import Large
from convt.content.tests.laws.layouts import Memory

from convt.adapter.backend import Form, Outcome, Probe
from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.conv.oracles import scatter
from convt.host.pool import Pool
from convt.host.registry import built_in, parse_target
from convt.laws.probes import hash_index
from convt.session.verdicts import paste

ROOT = Path(__file__).parents[3]
FRAMEWORKS = {"pytorch": "torch", "tensorflow": "tensorflow", "jax": "jax", "onnxruntime": "onnxruntime"}
INSTALLED = [
    name for name, entry in built_in().items() if all(importlib.util.find_spec(package) for package in entry.packages)
]
RUNNER = """
import os, sys, numpy as np
imports, count, *paths = sys.argv[1:]
def run(path):
    scope = {}
    exec(compile(open(path).read(), path, "exec"), scope)
    return scope["y"]
exec(imports, {})
for path in paths[: int(count)]:
    child = os.fork()
    if not child:
        run(path)
        os._exit(0)
    print("ENDED", path, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
for path in paths[int(count) :]:
    try:
        y = run(path)
    except Exception as error:
        print("RAISED", path, type(error).__name__)
    else:
        np.save(path + ".npy", y)
"""
"""Runs scripts, the first `count` in a copy each, made when the framework is imported and nothing was computed yet."""


@dataclass
class Scripts:
    """A target's scripts, and what the fresh process said in which they ran."""

    together: list[tuple[Path, Outcome, Probe]]
    alone: list[tuple[Path, Outcome]]
    """Those whose call ended the target."""
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool([parse_target(name) for name in INSTALLED]) as started:
        yield started


def sample() -> list[Case]:
    """A fortieth of the YAML cases, by content, and every case of what frameworks are known to get wrong."""
    cases = [case for case in load_cases(sorted((ROOT / "specs").glob("*.yaml"))) if case.reject is None]
    return [case for case in cases if hash_index(case, 40) == 0 or "findings" in case.origin]


@pytest.fixture(scope="module")
def scripts(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Scripts]:
    """A target's scripts after their run: one process a target, for its import takes longer than they do."""
    return cache(lambda name: written_and_run(name, pool, tmp_path_factory.mktemp(name)))


def written_and_run(name: str, pool: Pool, folder: Path) -> Scripts:
    """Writes the scripts of the sample and of the folded cases, and runs all of them."""
    asked = probes()
    outcomes = pool.submit(name, asked).result()
    imports = pool.infos[name].script_imports
    together: list[tuple[Path, Outcome, Probe]] = []
    alone: list[tuple[Path, Outcome]] = []
    for index, (probe, outcome) in enumerate(zip(asked, outcomes, strict=True)):
        if outcome.kind == "unsupported":
            continue
        path = folder / f"{index}.py"
        path.write_text(paste(imports, pool.script(name, Form.of(probe)).text, probe))
        if outcome.kind == "crashed":
            alone.append((path, outcome))
        else:
            together.append((path, outcome, probe))
    paths = [path for path, *_ in together]
    for case in load_cases([ROOT / "specs" / "folded.yaml"]):
        probe = Large().probes(case)["block sums"]
        paths.append(folder / f"{case.id}.py")
        paths[-1].write_text(paste(imports, pool.script(name, Form.of(probe)).text, probe))
    return Scripts(together, alone, run(folder, imports, [path for path, _ in alone], paths))


def probes() -> list[Probe]:
    """The values of the sample, and what half of its cases ask in other memory."""
    found = [Probe(case.settings, d.x, d.w, d.b) for case in sample() for d in [case.data()]]
    laid = [case for case in sample() if Memory().applies(case) and "layout" in (case.laws or ["layout"])]
    laid = [case for case in laid if hash_index(case, 2) == 0 or case.laws]
    return found + [probe for case in laid for probe in Memory().probes(case).values()]


@pytest.mark.parametrize("name", INSTALLED)
def test_every_script_gives_what_the_target_gave(name: str, scripts: Callable[[str], Scripts]) -> None:
    given = scripts(name)
    for path in [*(it[0] for it in given.together), *(it[0] for it in given.alone)]:
        assert imported(path) <= {"numpy", "os", "base64", FRAMEWORKS.get(name, "keras")}
    assert len(given.together) > 10
    check(given.done, given.together)
    for path, outcome in given.alone:
        ended = re.search(rf"^ENDED {re.escape(str(path))} (-?\d+)$", given.done.stdout, re.MULTILINE)
        assert ended, given.done.stdout
        assert int(ended[1]) < 0, f"{outcome.reason}, but {path} ended with {ended[1]}"


@pytest.mark.parametrize("name", INSTALLED)
def test_the_script_of_a_folded_result_compares_it_with_the_definition(
    name: str, scripts: Callable[[str], Scripts]
) -> None:
    printed = scripts(name).done.stdout
    assert re.findall(r"^(\d+) of [\d,]+ places differ$", printed, re.MULTILINE) == ["0"] * 3, printed


def run(folder: Path, imports: str, alone: list[Path], paths: list[Path]) -> subprocess.CompletedProcess[str]:
    """The scripts in one fresh process and its copies, in an environment that names no backend."""
    env = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    words = [sys.executable, "-c", RUNNER, imports, str(len(alone)), *map(str, [*alone, *paths])]
    return subprocess.run(words, capture_output=True, text=True, timeout=600, env=env, check=False, cwd=folder)


def check(done: subprocess.CompletedProcess[str], expected: list[tuple[Path, Outcome, Probe]]) -> None:
    """Each script's y, or its exception, is the target's."""
    assert done.returncode == 0, done.stderr[-2000:]
    for path, outcome, probe in expected:
        if outcome.kind == "raised":
            assert f"RAISED {path} {outcome.reason.split(':')[0]}" in done.stdout, path.read_text()
            continue
        y = np.load(f"{path}.npy")
        assert outcome.value is not None
        assert y.dtype == outcome.value.dtype, path.read_text()
        assert y.shape == outcome.value.shape, path.read_text()
        oracle = scatter(probe.settings, probe.x, probe.w, probe.b)
        # the numbers of a wrong answer may be memory that nobody wrote
        if outcome.value.shape == oracle.shape and np.allclose(outcome.value, oracle, rtol=1e-4, atol=1e-3):
            assert np.array_equal(y, outcome.value), path.read_text()


def imported(path: Path) -> set[str]:
    """The first names of all that a script imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}
