"""JAX, a new configuration: one call at a time against fused programs, in turn, in one process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from backends.interface import Backend, Probe
from specs.loader import load_cases

SPECS = Path(__file__).parent.parent.parent / "specs"
ROUNDS, ONE_BY_ONE, FUSED = 3, 25, 150


def report() -> Iterator[str]:
    """Milliseconds a new configuration, and their ratio."""
    from backends.jax_backend import Jax

    backend = Jax("jit", "cpu")
    probes = _probes(backend)
    backend.run(probes.pop())  # the first call pays for more than itself
    single = fused = 0.0
    for _ in range(ROUNDS):
        some, probes = probes[:ONE_BY_ONE], probes[ONE_BY_ONE:]
        began = time.perf_counter()
        for probe in some:
            backend.run(probe)
        single += time.perf_counter() - began
        many, probes = probes[:FUSED], probes[FUSED:]
        began = time.perf_counter()
        backend.run_many(many)
        fused += time.perf_counter() - began
    one, other = single / (ROUNDS * ONE_BY_ONE), fused / (ROUNDS * FUSED)
    yield (
        f"fusion: jax {backend.versions()['jax']}, a new configuration {1000 * one:.1f} ms one by one, "
        f"{1000 * other:.2f} ms fused: {one / other:.1f} times faster"
    )


def _probes(backend: Backend) -> list[Probe]:
    """A probe for each of the YAML cases' settings that the call can say, each configuration once."""
    probes = {}
    for case in load_cases(sorted(SPECS.glob("*.yaml"))):
        data = case.data()
        probe = Probe(case.settings, data.x, data.w, data.b)
        ends_the_process = bool(case.laws)  # a finding; it would end this one too
        if not ends_the_process and backend.unsupported(case.settings) is None and 0 not in case.settings.y_shape:
            probes[case.settings.digest] = probe
    ordered = sorted(probes.values(), key=lambda probe: probe.key)  # by digest: any stretch is a fair sample
    needed = 1 + ROUNDS * (ONE_BY_ONE + FUSED)
    if len(ordered) < needed:
        raise SystemExit(f"fusion: found {len(ordered)} configurations that jax can say, needed {needed}")
    return ordered
