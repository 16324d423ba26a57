"""`python -m tests.benchmarks.bare BACKEND FILE`: evaluates probes with nothing of the suite but the adapter."""

from __future__ import annotations

import importlib
import pickle
import sys
from dataclasses import replace
from pathlib import Path

from convt.adapter.backend import unpack_probe
from convt.host.preparing import Preparer
from convt.host.registry import built_in


def main() -> None:
    """Each batch in fused programs where the backend has them, else probe by probe."""
    name, file = sys.argv[1:]
    module, cls = built_in()[name].path.split(":")
    backend = getattr(importlib.import_module(module), cls)
    adapter = backend(backend.modes[0], "cpu")
    entry = built_in()[name]
    prepare = Preparer(entry, adapter.mode, adapter.versions(), len(adapter.call_forms)) if entry.prepare else None
    for packed in pickle.loads(Path(file).read_bytes()):  # noqa: S301  # written by our own process
        probes = [adapter.in_range(unpack_probe(item)) for item in packed]
        if prepare is not None:
            probes = [replace(probe, prepared=prepare.of(probe)) for probe in probes]
        if adapter.run_many(probes) is None:
            for probe in probes:
                adapter.run(probe)


if __name__ == "__main__":
    main()
