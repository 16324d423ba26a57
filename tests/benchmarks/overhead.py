"""The whole conformance run against bare loops over the same probes, and against ONNX's node tests on ONNX Runtime.

One after the other, each alone on the machine: the run as users start it; then, for each target, a bare loop over the
very probes that the run asked of it, all targets at once as in the run, imports included; then ONNX's own node tests.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from convt.host.registry import built_in

ROOT = Path(__file__).parent.parent.parent


def report() -> Iterator[str]:
    """The ratios, with the times that they are made of."""
    with tempfile.TemporaryDirectory() as folder:
        run = _suite(Path(folder))
        yield (
            f"run: {run['verdicts']:,} verdicts on {run['cases']:,} cases and {len(run['targets'])} targets in "
            f"{run['seconds']:.1f} s; host memory {run['peak_mb']:.0f} MB at its peak"
        )
        bare = _bare(Path(folder), run["targets"])
        yield f"overhead: {run['seconds']:.1f} s against {bare:.1f} s of bare loops: {run['seconds'] / bare:.2f} times"
    count, seconds = _onnx()
    ours, theirs = run["verdicts"] / run["seconds"], count / seconds
    yield (
        f"onnx: {ours:,.0f} verdicts a second against {theirs:,.0f} node tests a second "
        f"({count:,} in {seconds:.1f} s): {ours / theirs:.1f} times"
    )


def _child(module: str, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments], cwd=ROOT, env=env, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _finished(child: subprocess.Popen[bytes], what: str) -> None:
    if child.wait() not in (0, 1):  # 1: the run itself found something
        raise SystemExit(f"{what} ended with status {child.returncode}; run it by hand: {child.args!r}")


def _suite(folder: Path) -> dict[str, Any]:
    """One run, watched: its time and memory, and the probes that it asked, a file a target."""
    began = time.perf_counter()
    _finished(_child("watched", str(folder)), "the conformance run")
    told: dict[str, Any] = pickle.loads((folder / "told").read_bytes())  # noqa: S301  # written by our own process
    told["seconds"] = time.perf_counter() - began - told["spent_on_watching"]
    return told


def _bare(folder: Path, targets: list[str]) -> float:
    """Seconds until the last of the loops is through."""
    import os

    began = time.perf_counter()
    children = [
        (name, _child("bare", name, str(folder / name), env=os.environ | built_in()[name].variables()))
        for name in targets
    ]
    for name, child in children:
        _finished(child, f"the bare loop of {name}")
    return time.perf_counter() - began


def _onnx() -> tuple[int, float]:
    """How many of ONNX's node tests ran on ONNX Runtime, and in how many seconds, start of the process included."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.onnx_nodes"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1]), time.perf_counter() - began
