"""Liars about layers of real size: right wherever there are few channels and places, as in cases that fit a page."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest

SIZE = "realistic: no other case has so many channels, or places, and is differentiated"
VECTOR = 16


class RepeatsTheChannelBefore32(Honest):
    """of 32 output channels or more, the 32nd is the 31st once more"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().answer(it, x, w, b)
        if y.shape[1] >= 32:
            y[:, 31] = y[:, 30]
        return y


class StaysAtPosition64(Honest):
    """past position 64 of a row, everything is one place further left"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().answer(it, x, w, b)
        y[..., 64:-1] = y[..., 65:].copy()
        return y


class TurnsABlockOfChannels(Honest):
    """of 48 output channels or more, the second block of 16 comes in the opposite order"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().answer(it, x, w, b)
        if y.shape[1] >= 48:
            y[:, VECTOR : 2 * VECTOR] = y[:, VECTOR : 2 * VECTOR][:, ::-1].copy()
        return y


class LearnsPointsWithoutTheLastColumn(Honest):
    """the gradient of a 1x1 kernel of stride 2 leaves the last column out, from 32 columns on"""

    only = SIZE

    def kernel_gradient(self, it: Settings, x: Array, g: Array) -> Array:
        if set(it.kernel) == {1} and set(it.stride) == {2} and it.input[-1] >= 32:
            g = g.copy()
            g[..., -1] = 0
        return super().kernel_gradient(it, x, g)


class SwapsTwoKernelGradients(Honest):
    """of 32 channels or more on both sides, two numbers of one tap of the kernel's gradient change places"""

    only = SIZE

    def kernel_gradient(self, it: Settings, x: Array, g: Array) -> Array:
        gw = super().kernel_gradient(it, x, g)
        if min(gw.shape[:2]) >= 32:
            one, other = gw[20, 7, ..., -1].copy(), gw[11, 29, ..., -1].copy()
            gw[20, 7, ..., -1], gw[11, 29, ..., -1] = other, one
        return gw


class LosesTheLastVector(Honest):
    """of a row that no vector of 16 fills, the input's gradient lacks the rest, from three vectors on"""

    only = SIZE

    def input_gradient(self, it: Settings, w: Array, g: Array) -> Array:
        gx = super().input_gradient(it, w, g)
        if gx.shape[-1] > 3 * VECTOR and gx.shape[-1] % VECTOR:
            gx[..., gx.shape[-1] // VECTOR * VECTOR :] = 0
        return gx


class LastGroupTakesItsNeighboursKernel(Honest):
    """of 32 groups or more, the last one's input gradient is by the kernel before"""

    only = SIZE

    def input_gradient(self, it: Settings, w: Array, g: Array) -> Array:
        if it.groups >= 32:
            per = len(w) // it.groups
            w = np.concatenate([w[:-per], w[-2 * per : -per]])
        return super().input_gradient(it, w, g)


class SumsNoMoreThan1000Biases(Honest):
    """the bias's gradient is the sum of the first 1,000 places"""

    only = SIZE

    def bias_gradient(self, it: Settings, g: Array) -> Array:
        return g.swapaxes(0, 1).reshape(it.channels_out, -1)[:, :1000].sum(axis=1)


class RoundsWhatHasManyChannels(Honest):
    """from 32 input channels on, x is rounded to bfloat16"""

    only = "realistic: only its numbers of so many channels have more than eight bits"

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        if it.channels_in >= 32:
            x = x.astype(ml_dtypes.bfloat16).astype(x.dtype)
        return super().answer(it, x, w, b)


LAYERS: tuple[type[Honest], ...] = (
    RepeatsTheChannelBefore32, StaysAtPosition64, TurnsABlockOfChannels, LearnsPointsWithoutTheLastColumn,
    SwapsTwoKernelGradients, LosesTheLastVector, LastGroupTakesItsNeighboursKernel, SumsNoMoreThan1000Biases,
    RoundsWhatHasManyChannels,
)  # fmt: skip
