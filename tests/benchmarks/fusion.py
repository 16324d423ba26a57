"""JAX, a new configuration: one call at a time against fused programs, in turn, in one process."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

from convt.content.backends.jax.adapter import Jax

from convt.adapter.backend import Probe
from convt.cases.loader import load_cases

SPECS = Path(__file__).parent.parent.parent / "specs"
ROUNDS, ONE_BY_ONE, FUSED = 2, 25, 150


def report() -> Iterator[str]:
    """Milliseconds a new configuration, and their ratio: of all, and where the kernel fits the input.

    Where it has more taps than the input has positions, XLA compiles a loop of its own, fused or not.
    """
    backend = Jax("jit", "cpu")
    probes = _probes(backend)
    backend.run(probes.pop())  # the first call pays for more than itself
    fitting = [p for p in probes if math.prod(p.settings.kernel) <= math.prod(p.settings.input)]
    version = backend.versions()["jax"]
    for name, chosen in (
        ("configuration of the YAML cases", probes),
        ("of these, a kernel no larger than its input", fitting),
    ):
        one, other = _timed(backend, chosen, name)
        yield (
            f"fusion: jax {version}, {name}: {1000 * one:.1f} ms one by one, {1000 * other:.2f} ms fused: "
            f"{one / other:.1f} times faster"
        )


def _timed(backend: Jax, probes: list[Probe], name: str) -> tuple[float, float]:
    """Seconds a configuration, one by one and fused, in turn; each configuration is new to the process."""
    needed = ROUNDS * (ONE_BY_ONE + FUSED)
    if len(probes) < needed:
        raise SystemExit(f"fusion: {name}: found {len(probes)} that jax can say, needed {needed}")
    backend.jax.clear_caches()
    backend = type(backend)("jit", "cpu")  # and none of the functions that it has kept
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
    return single / (ROUNDS * ONE_BY_ONE), fused / (ROUNDS * FUSED)


def _probes(backend: Jax) -> list[Probe]:
    """A probe for each of the YAML cases' settings that the call can say, each configuration once."""
    probes = {}
    for case in load_cases(sorted(SPECS.glob("*.yaml"))):
        data = case.data()
        probe = Probe(case.settings, data.x, data.w, data.b)
        ends_the_process = bool(case.laws)  # a finding; it would end this one too
        if not ends_the_process and backend.unsupported(case.settings) is None and 0 not in case.settings.y_shape:
            probes[case.settings.digest] = probe
    return sorted(probes.values(), key=lambda probe: probe.key)  # by digest: any stretch is a fair sample
