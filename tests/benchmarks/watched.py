"""`python -m tests.benchmarks.watched FOLDER`: a conformance run that leaves its probes, time and memory."""

from __future__ import annotations

import pickle
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from convt.adapter.backend import Outcome, Probe, pack_probe
from convt.host.evaluator import Evaluator
from convt.results.runfile import read_run


def main() -> int:
    """Run pytest in this process, and write what it asked behind its back."""
    folder = Path(sys.argv[1])
    asked: dict[str, list[list[Probe]]] = defaultdict(list)
    request = Evaluator.request

    def watched(self: Evaluator, target: str, probes: Sequence[Probe]) -> None:
        asked[target].append(list(probes))
        request(self, target, probes)

    ended: set[str] = set()
    get = Evaluator.get

    def got(self: Evaluator, target: str, probe: Probe, timeout: float | None = None) -> Outcome:
        outcome = get(self, target, probe, timeout)
        if outcome.kind == "crashed":  # it would end the bare loop too
            ended.add(f"{target} {probe.key}")
        return outcome

    Evaluator.request = watched  # type: ignore[method-assign]
    Evaluator.get = got  # type: ignore[method-assign]
    status = pytest.main(["--seed=0", "--device=cpu", f"--report={folder}"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.perf_counter()
    run = read_run(folder / "run.jsonl")
    targets = [target.name for target in run.header.targets if target.missing is None]
    for name in targets:
        seen = {key.split()[1] for key in ended if key.split()[0] == name}
        fresh = [[p for p in batch if p.key not in seen and not seen.add(p.key)] for batch in asked[name]]  # type: ignore[func-returns-value]
        packed = [[pack_probe(probe) for probe in batch] for batch in fresh if batch]
        (folder / name).write_bytes(pickle.dumps(packed))
    told: dict[str, Any] = {
        "targets": targets, "verdicts": run.footer.verdicts, "cases": run.footer.cases, "peak_mb": peak,
        "spent_on_watching": 0.0,
    }  # fmt: skip
    told["spent_on_watching"] = time.perf_counter() - began
    (folder / "told").write_bytes(pickle.dumps(told))
    return int(status)


if __name__ == "__main__":
    raise SystemExit(main())
