"""A target in another Python than the host's: it needs numpy there, and nothing of convt's."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from convt.upgrade.environments import build
from convt.upgrade.pythons import NoPython, find

ROOT = Path(__file__).parents[2]
BACKEND = "numpy-convolve=docs.examples.numpy_backend:NumpyConvolve"


def others() -> list[str]:
    """Interpreters of other versions than this one, the oldest that a worker may have first."""
    found = []
    for minor in (10, 12, 13, 14):
        with contextlib.suppress(NoPython):
            found += [find(f"3.{minor}").program] if minor != sys.version_info.minor else []
    return found


def test_a_worker_of_another_python_answers_as_the_hosts_own_does(tmp_path: Path) -> None:
    found = others()
    if not found:
        pytest.skip("no other Python is installed here")
    made = build(["numpy"], name="other", constraints=None, cache=tmp_path / "environments", python=found[0])
    out = tmp_path / "out"
    words = [
        "numpy-convolve",
        "numpy-convolve#other",
        f"--environment=other={made.python}",
        "-k",
        "k3",
        "--law",
        "value",
    ]
    command = [sys.executable, "-m", "convt", "run", *words, f"--backend={BACKEND}", f"--report={out}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    records = [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]
    targets = {it["name"]: it["versions"]["python"] for it in records[0]["targets"]}
    assert targets["numpy-convolve#other"].split(".")[:2] != targets["numpy-convolve"].split(".")[:2]
    bits: dict[str, dict[str, str]] = {}
    for record in records:
        if record["kind"] == "verdict" and record["verdict"] != "unsupported":
            bits.setdefault(record["case"], {})[record["target"]] = record["bits"]
    assert bits, done.stdout
    assert all(len(set(sides.values())) == 1 and len(sides) == 2 for sides in bits.values())
