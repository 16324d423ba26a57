"""Liars that are honest in their first mode, and on their first device."""

from __future__ import annotations

import numpy as np

from convt.adapter.backend import Probe
from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest, inner

MODE = "mode: in its first mode it is honest"
DEVICE = "device: on its first device it is honest"


class _Compiles(Honest):
    modes = ("eager", "compiled")
    only = MODE


class CompiledFlips(_Compiles):
    """compiled, it flips the kernel"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        return super().answer(it, x, np.flip(w, -1) if self.mode == "compiled" else w, b)


class CompiledRefuses(_Compiles):
    """compiled, it refuses dilations that it computes eagerly"""

    def call(self, probe: Probe) -> Array:
        if self.mode == "compiled" and max(probe.settings.dilation) > 1:
            raise ValueError("dilation is not supported in compiled programs")
        return super().call(probe)


class CompiledLosesTheBias(_Compiles):
    """compiled, it takes the bias for a constant of the first call: zero"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        return super().biased(it, y, None if self.mode == "compiled" else b)


class CompiledRoundsTwice(_Compiles):
    """compiled, it rounds its arguments to bfloat16"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        if self.mode == "compiled" and x.dtype == np.float32:
            x = (x.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
        return super().answer(it, x, w, b)


class FoldsAlongTheWrongAxis(_Compiles):
    """with a batch norm folded in, it scales the transposed kernel's input channels in place of its output channels"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        if self.mode == "compiled" and it.transposed:
            axes = (1,) * (w.ndim - 2)
            outs = (2 ** (np.arange(w.shape[1]) % 3)).astype(w.dtype).reshape(1, -1, *axes)
            ins = (2 ** (np.arange(w.shape[0]) % 3)).astype(w.dtype).reshape(-1, 1, *axes)
            w = w / outs * ins
        return super().answer(it, x, w, b)


class CopyDropsOutputPadding(_Compiles):
    """a copy of the layer has no output padding"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().answer(it, x, w, b)
        if self.mode != "compiled" or not it.transposed:
            return y
        kept = (slice(max(out - extra, 0)) for out, extra in zip(it.output, it.extra, strict=True))
        return y[inner(*kept)]


class MapsTheFirstItem(_Compiles):
    """mapped over the batch, it answers every item with the first one's answer"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().answer(it, x, w, b)
        return np.repeat(y[:1], len(y), 0) if self.mode == "compiled" else y


class _TwoDevices(Honest):
    only = DEVICE

    @classmethod
    def devices(cls) -> list[str]:
        return ["cpu", "cpu:1"]


class SecondDeviceDropsTheEdge(_TwoDevices):
    """the second device leaves the last column zero"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().answer(it, x, w, b)
        if self.device != "cpu":
            y[..., -1:] = 0
        return y


class SecondDeviceInTF32(_TwoDevices):
    """the second device rounds its arguments to TF32"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        if self.device != "cpu" and x.dtype == np.float32:
            x = x.astype(np.float16).astype(np.float32)
        return super().answer(it, x, w, b)


MODES: tuple[type[Honest], ...] = (
    CompiledFlips, CompiledRefuses, CompiledLosesTheBias, CompiledRoundsTwice, FoldsAlongTheWrongAxis,
    CopyDropsOutputPadding, MapsTheFirstItem, SecondDeviceDropsTheEdge,
    SecondDeviceInTF32,
)  # fmt: skip
