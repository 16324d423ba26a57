"""The script to paste for calls that are timed: each by itself, from random numbers, with what its calls take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convt.adapter.backend import Form, Probe, Script
from convt.adapter.layouts import statement
from convt.adapter.timing import LATER, TURNS

SHOWN = 2
"""Lengths that a script shows, of those that were measured."""
LOOP = """\
seconds = []
for _ in range({count}):
    began = time.perf_counter()
{call}
    seconds.append(time.perf_counter() - began)
"""


def paste_timed(imports: str, probe: Probe, script: Callable[[Form], Script]) -> tuple[str, str]:
    """(the framework's own call, a script that imports only numpy and the framework and prints milliseconds)."""
    timing = probe.timing
    fresh = timing is not None and timing.fresh
    against = () if timing is None else timing.against
    probes: Sequence[Probe] = against[:SHOWN] if fresh else (probe, *against)
    scripts = [script(Form.of(each)) for each in probes]
    parts = [
        "\n".join(
            ["import time", "", "import numpy as np", *imports.splitlines(), "", "random = np.random.default_rng(0)"]
        )
    ]
    for each, one in zip(probes, scripts, strict=True):
        parts.append("\n".join([*_arrays(each), *_timed(one.text, fresh)]))
    return scripts[0].call, "\n\n".join(parts)


def _arrays(probe: Probe) -> list[str]:
    """The lines that make a probe's arrays."""
    named = [(name, array) for name, array in zip("xwb", probe.arrays, strict=False) if array is not None]
    lines = [f"{name} = random.standard_normal({array.shape}).astype(np.{array.dtype})" for name, array in named]
    layouts = zip("xw", (probe.x, probe.w), probe.layout, strict=False)
    return [*lines, *(said for name, array, how in layouts if (said := statement(name, array, how)))]


def _timed(text: str, fresh: bool) -> list[str]:
    """The lines of a text, whose last one calls its entry: that one is timed, from its first time on where `fresh`."""
    *above, call = text.rstrip().splitlines()
    if call.startswith(" ") or not call.startswith("y = "):  # there is no entry: the whole text is the call
        above, call = [], text.rstrip()
    body = "\n".join(f"    {line}" if line else "" for line in call.splitlines())
    loop = LOOP.format(count=2 + LATER if fresh else TURNS, call=body)
    told = "[round(1e3 * each, 2) for each in seconds]" if fresh else f"round(1e3 * sorted(seconds)[{TURNS // 2}], 2)"
    return [*above, *([] if fresh else [call]), "", f'{loop}print({told}, "ms")']
