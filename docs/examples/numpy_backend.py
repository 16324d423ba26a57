"""A complete adapter: `numpy.convolve` is the transposed convolution in one dimension, with stride 1."""

from __future__ import annotations

import numpy as np

from convt.adapter import Backend, Probe, Want
from convt.conv.settings import Settings

SCRIPT = """\
y = np.zeros({shape}, x.dtype)
for item in range({batch}):
    for i in range({channels_in}):
        for o in range({per_out}):
            y[item, i // {per_in} * {per_out} + o] += np.convolve(x[item, i], w[i, o], {mode!r})
"""


class NumpyConvolve(Backend):
    name = "numpy-convolve"

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        import numpy  # the framework: imported here, so that reading the class imports none

        self._convolve = numpy.convolve

    def versions(self) -> dict[str, str]:
        return {"numpy": np.__version__}

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        if want != "value":
            return f"numpy.convolve has no {want}"
        if not settings.transposed:
            return "numpy.convolve is the transposed convolution; the forward one is numpy.correlate"
        if settings.rank > 1:
            return f"numpy.convolve takes 1 spatial axis, not {settings.rank}"
        if settings.stride != (1,) or settings.dilation != (1,):
            return "numpy.convolve has no stride and no dilation"
        if settings.input == (0,):
            return "numpy.convolve refuses an empty array"
        if settings.padding != "same" and settings.crop != ((0, 0),):
            return "numpy.convolve crops by keyword, not by numbers"
        return None

    def call(self, probe: Probe) -> np.ndarray:
        says = _spelled(probe.settings)
        y = np.zeros(says["shape"], probe.x.dtype)
        for item in range(says["batch"]):
            for i in range(says["channels_in"]):
                for o in range(says["per_out"]):
                    place = i // says["per_in"] * says["per_out"] + o
                    y[item, place] += self._convolve(probe.x[item, i], probe.w[i, o], says["mode"])
        return y if probe.b is None else y + probe.b[:, None]

    def script(self, settings: Settings, call_form: int = 0) -> str:
        return SCRIPT.format(**_spelled(settings)) + ("y = y + b[:, None]\n" if settings.bias else "")


def _spelled(it: Settings) -> dict:
    """The settings in numpy's words; the lengths are those that it documents for `same` and `full`."""
    [n], [k] = it.input, it.kernel
    mode, length = ("same", max(n, k)) if it.padding == "same" else ("full", n + k - 1)
    return {
        "mode": mode, "shape": (it.batch, it.channels_out, length), "batch": it.batch, "channels_in": it.channels_in,
        "per_in": it.channels_in // it.groups, "per_out": it.channels_out // it.groups,
    }  # fmt: skip
