"""One case on one target, as a user asks it, beside a bare script of such a call: what one waits beyond an import."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from convt.adapter.backend import Form, Probe
from convt.session.options import Options
from convt.session.session import Session
from convt.session.verdicts import paste

ROOT = Path(__file__).parents[2]
CASE = "same-k5-s2"
TARGETS = ("pytorch", "jax", "tensorflow", "onnxruntime")
ROUNDS = 3
"""Of which the fastest counts: the first one also reads files that nothing has read yet."""


def report() -> Iterator[str]:
    """Seconds of both, for each target that runs here."""
    with tempfile.TemporaryDirectory() as folder, Session(Options(targets=TARGETS)) as session:
        [case] = [case for case in session.cases if case.id == CASE]
        for name in TARGETS:
            if not session.info(name).runs:
                yield f"single: {name} does not run here"
                continue
            data, it = case.data(), case.settings
            if name == "pytorch":  # whose layer crops the larger half first
                it = it.replace(padding=tuple((hi, lo) for lo, hi in it.crop))
            probe = Probe(it, data.x, data.w, data.b)
            text = session.pool.script(name, Form.of(probe)).text
            script = Path(folder, f"bare_{name}.py")
            script.write_text(paste(session.info(name).script_imports, text, probe))
            bare = _seconds([sys.executable, str(script)])
            words = ["-m", "convt", "run", name, "-k", CASE, f"--report={folder}"]
            ours = _seconds([sys.executable, *words])
            yield f"single: {name} {ours:.1f} s against {bare:.1f} s of a bare script: {ours - bare:.1f} s more"


def _seconds(command: Sequence[str]) -> float:
    """The fastest of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        found.append(time.perf_counter() - began)
    return min(found)
