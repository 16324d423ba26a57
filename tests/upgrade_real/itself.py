"""What `convt compare` says of a version and itself, under other circumstances: `python -m tests.upgrade_real.itself`.

Each target of the frameworks that are installed is run once as it is, and once under each circumstance; nothing of that
is another version, so every answer has to be "the same", exit 0.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
TARGETS = ("pytorch", "tensorflow", "keras-tensorflow", "keras-jax", "keras-torch", "jax", "onnxruntime")
THREADS = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
"""One thread instead of the machine's: PyTorch and ONNX Runtime, TensorFlow, JAX."""


@dataclass(frozen=True)
class Circumstance:
    """What is not as it was the first time."""

    name: str
    options: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    busy: int = 0
    """Processes that keep the machine busy meanwhile."""


CIRCUMSTANCES = {
    it.name: it
    for it in (
        Circumstance("again"),
        Circumstance("another seed", ("--seed=2",)),
        Circumstance("one thread", (), THREADS),
        Circumstance("memory of 0xFE", (), {"MALLOC_PERTURB_": "1"}),
        Circumstance("memory of 0x7F", (), {"MALLOC_PERTURB_": "128"}),
        Circumstance("a loaded machine", busy=2 * (os.cpu_count() or 1)),
        Circumstance("side by side"),
    )
}
SIDE_BY_SIDE = "side by side"
"""Both sides in one session, as `convt upgrade` asks them."""


@dataclass(frozen=True)
class Answer:
    """What a comparison said."""

    target: str
    circumstance: str
    exit: int
    decision: str
    verdicts: int
    bits: int
    """Verdicts with other bits, which is the same."""
    seconds: float
    said: str
    """Everything that was printed, where it is not the same."""

    @property
    def same(self) -> bool:
        return (self.exit, self.decision) == (0, "same")

    @property
    def row(self) -> str:
        numbers = f"{self.verdicts:,} | {self.bits:,} | {self.seconds:.0f}"
        return f"| {self.target} | {self.circumstance} | {self.decision} (exit {self.exit}) | {numbers} |"


def run(folder: Path, target: str, it: Circumstance, narrowed: Sequence[str] = ()) -> Path:
    """The run file of a target under a circumstance."""
    sides = [f"{target}#before", f"{target}#after"] if it.name == SIDE_BY_SIDE else [target]
    environments = [f"--environment={side}={sys.executable}" for side in ("before", "after")]
    words = [*sides, *(environments if it.name == SIDE_BY_SIDE else ()), *it.options, *narrowed]
    report = folder / f"{target}-{it.name.replace(' ', '-')}"
    with busy(it.busy):
        convt("run", *words, "--profile=quick", f"--report={report}", variables=it.variables)
    return report / "run.jsonl"


def convt(*words: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command of convt's, with these variables beside the environment's."""
    command = [sys.executable, "-m", "convt", *words]
    env = os.environ | dict(variables or {})
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes that do nothing but take time."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def compared(folder: Path, target: str, name: str, first: Path, narrowed: Sequence[str] = ()) -> Answer:
    """What is said of the first run of a target and of one under a circumstance."""
    began = time.monotonic()
    found = run(folder, target, CIRCUMSTANCES[name], narrowed)
    files = [str(found)] if name == SIDE_BY_SIDE else [str(first), str(found)]
    done = convt("compare", *files, "--format=json")
    try:
        data = json.loads(done.stdout)
    except ValueError:
        return Answer(target, name, done.returncode, "no answer", 0, 0, time.monotonic() - began, done.stderr)
    said = "" if data["decision"] == "same" else convt("compare", *files).stdout
    bits = data["counts"].get("bits", 0)
    seconds = time.monotonic() - began
    return Answer(target, name, done.returncode, data["decision"], data["compared"], bits, seconds, said)


def main() -> int:
    """Print the table; 0 where every answer is "the same"."""
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade_real.itself", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], help="default: all")
    parser.add_argument("--circumstance", action="append", choices=CIRCUMSTANCES, help="repeatable (default: all)")
    parser.add_argument("-k", default="", help="ask the cases with these words in their name alone")
    options = parser.parse_args()
    narrowed = ["-k", options.k] if options.k else []
    others = 0
    print("| target | circumstance | answer | verdicts compared | other bits | s |\n|---|---|---|---|---|---|")  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="convt-itself-") as made:
        for target in options.targets or TARGETS:
            first = run(Path(made), target, Circumstance("first"), narrowed)
            for name in options.circumstance or CIRCUMSTANCES:
                found = compared(Path(made), target, name, first, narrowed)
                print(found.row, found.said, sep="\n" if found.said else "", flush=True)  # noqa: T201
                others += not found.same
    return int(bool(others))


if __name__ == "__main__":
    sys.exit(main())
