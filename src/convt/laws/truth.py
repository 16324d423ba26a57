"""What a probe should give, whatever it wants: the closed form of its value or derivative, in float64."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from convt.adapter.backend import GRADIENTS, Probe
from convt.conv.gradients import Sides, check_oracles, derivative
from convt.conv.oracles import reference, scatter, wide
from convt.conv.settings import Settings
from convt.laws.probes import integral_arrays


@lru_cache(maxsize=256)
def truth(probe: Probe, conjugate: bool = False) -> np.ndarray:
    """The answer in float64 (complex128), by every oracle that there is where the numbers are whole.

    `conjugate`: a gradient in terms of the conjugate of what is not differentiated (`convt.laws.promises`).

    Kept for the targets to come, which are judged on the same probe one after the other.
    """
    if probe.want in GRADIENTS:
        x, w = (np.conj(wide(probe.x)), np.conj(wide(probe.w))) if conjugate else (probe.x, probe.w)
        sides: Sides = (x, w, probe.b, probe.g, probe.t)
        found = derivative(probe.settings, probe.want, sides)
        if integral_arrays(*probe.arrays):
            check_oracles(probe.settings, probe.want, sides, found)
        return found
    if probe.x.dtype.kind == "c" and integral_arrays(*probe.arrays):
        return _complex(probe.settings, wide(probe.x), wide(probe.w), probe.b)
    if not integral_arrays(probe.x, probe.w, probe.b):
        return scatter(probe.settings, probe.x, probe.w, probe.b)
    return reference(probe.settings, probe.x, probe.w, probe.b, ("scatter", "zero-insertion"))


def _complex(it: Settings, x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
    """The complex answer by four real ones: y is bilinear, and nothing of it is conjugated."""
    bare = it.replace(bias=False)
    oracles = ("scatter", "zero-insertion")
    real = reference(bare, x.real, w.real, None, oracles) - reference(bare, x.imag, w.imag, None, oracles)
    imaginary = reference(bare, x.real, w.imag, None, oracles) + reference(bare, x.imag, w.real, None, oracles)
    y = real + 1j * imaginary
    return y if b is None else y + wide(b).reshape((1, -1) + (1,) * it.rank)


def promised(probe: Probe) -> str:
    """The dtype of the answer: that of the arrays, and under mixed precision the narrow one."""
    return probe.want.removeprefix("mixed-") if probe.want.startswith("mixed-") else str(probe.x.dtype)
