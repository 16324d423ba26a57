"""The scripts to paste: each imports numpy and its framework alone, and gives the very bits that the target gave."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
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
import sys, numpy as np
for index, path in enumerate(sys.argv[2:]):
    scope = {}
    try:
        exec(compile(open(path).read(), path, "exec"), scope)
    except Exception as error:
        print(f"RAISED {index} {type(error).__name__}")
    else:
        np.save(f"{sys.argv[1]}/{index}.npy", scope["y"])
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool([parse_target(name) for name in INSTALLED]) as started:
        yield started


def sample() -> list[Case]:
    """A fortieth of the YAML cases, by content, and every case of what frameworks are known to get wrong."""
    cases = [case for case in load_cases(sorted((ROOT / "specs").glob("*.yaml"))) if case.reject is None]
    return [case for case in cases if hash_index(case, 40) == 0 or "findings" in case.origin]


@pytest.mark.parametrize("name", INSTALLED)
def test_every_script_gives_what_the_target_gave(name: str, pool: Pool, tmp_path: Path) -> None:
    probes = [Probe(case.settings, d.x, d.w, d.b) for case in sample() for d in [case.data()]]
    laid = [case for case in sample() if Memory().applies(case) and "layout" in (case.laws or ["layout"])]
    laid = [case for case in laid if hash_index(case, 2) == 0 or case.laws]
    probes += [probe for case in laid for probe in Memory().probes(case).values()]
    outcomes = pool.submit(name, probes).result()
    together: list[tuple[Path, Outcome, Probe]] = []
    alone: list[tuple[Path, Outcome]] = []
    for index, (probe, outcome) in enumerate(zip(probes, outcomes, strict=True)):
        if outcome.kind == "unsupported":
            continue
        path = tmp_path / f"{index}.py"
        imports = pool.infos[name].script_imports
        path.write_text(paste(imports, pool.script(name, Form.of(probe)).text, probe))
        assert imported(path) <= {"numpy", "os", "base64", FRAMEWORKS.get(name, "keras")}
        if outcome.kind == "crashed":
            alone.append((path, outcome))
        else:
            together.append((path, outcome, probe))
    assert len(together) > 10
    check(run(tmp_path, [path for path, _, _ in together]), together, tmp_path)
    for path, outcome in alone:
        done = run(tmp_path, [path])
        assert done.returncode < 0, f"{outcome.reason}, but {path} ended with {done.returncode}"


@pytest.mark.parametrize("name", INSTALLED)
def test_the_script_of_a_folded_result_compares_it_with_the_definition(name: str, pool: Pool, tmp_path: Path) -> None:
    paths = []
    for case in load_cases([ROOT / "specs" / "folded.yaml"]):
        probe = Large().probes(case)["block sums"]
        body = pool.script(name, Form.of(probe)).text
        paths.append(tmp_path / f"{case.id}.py")
        paths[-1].write_text(paste(pool.infos[name].script_imports, body, probe))
    done = run(tmp_path, paths)
    assert re.findall(r"^(\d+) of [\d,]+ places differ$", done.stdout, re.MULTILINE) == ["0"] * 3, done.stdout


def run(folder: Path, paths: list[Path]) -> subprocess.CompletedProcess[str]:
    """The scripts in one fresh process, in an environment that names no backend."""
    env = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    words = [sys.executable, "-c", RUNNER, str(folder), *map(str, paths)]
    return subprocess.run(words, capture_output=True, text=True, timeout=600, env=env, check=False, cwd=folder)


def check(done: subprocess.CompletedProcess[str], expected: list[tuple[Path, Outcome, Probe]], folder: Path) -> None:
    """Each script's y, or its exception, is the target's."""
    assert done.returncode == 0, done.stderr[-2000:]
    for index, (path, outcome, probe) in enumerate(expected):
        if outcome.kind == "raised":
            assert f"RAISED {index} {outcome.reason.split(':')[0]}" in done.stdout, path.read_text()
            continue
        y = np.load(folder / f"{index}.npy")
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
