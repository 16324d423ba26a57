"""Liars about size: right as long as a result has no more than 2^16 numbers, as others are up to 2^31."""

from __future__ import annotations

import numpy as np

from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest

SIZE = "large: no other case has more than 65,536 numbers"
WRAP = 1 << 16


class _Small(Honest):
    """Hands what has more than 65,536 numbers to `spoiled`."""

    only = SIZE

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().answer(it, x, w, b)
        return self.spoiled(np.ascontiguousarray(y)) if y.size > WRAP else y

    def spoiled(self, y: Array) -> Array:
        """The wrong answer in place of y."""
        raise NotImplementedError


class WritesNothingPast16Bits(_Small):
    """past position 65,536 of a result there are zeros"""

    def spoiled(self, y: Array) -> Array:
        y.reshape(-1)[WRAP:] = 0
        return y


class WrapsPositionsAt16Bits(_Small):
    """what belongs past position 65,536 is written from the beginning again, over what stands there"""

    def spoiled(self, y: Array) -> Array:
        wrapped = np.zeros_like(y)
        wrapped.reshape(-1)[: y.size - WRAP] = y.reshape(-1)[WRAP:]
        wrapped.reshape(-1)[y.size - WRAP : WRAP] = y.reshape(-1)[y.size - WRAP : WRAP]
        return wrapped


class RepeatsFrom16Bits(_Small):
    """past position 65,536 a result repeats itself from the beginning"""

    def spoiled(self, y: Array) -> Array:
        y.reshape(-1)[WRAP:] = y.reshape(-1)[: y.size - WRAP].copy()
        return y


class WrongInTheLastBlock(_Small):
    """of more than 65,536 numbers one near the end is one too large"""

    def spoiled(self, y: Array) -> Array:
        y.reshape(-1)[-29] += 1
        return y


class SwapsTwoNeighbours(_Small):
    """of more than 65,536 numbers two neighbours change places"""

    def spoiled(self, y: Array) -> Array:
        flat = y.reshape(-1)
        at = int(np.flatnonzero(flat[:-1] != flat[1:])[-3])
        flat[[at, at + 1]] = flat[[at + 1, at]]
        return y


class WrapsTheSize(_Small):
    """where there are more than 65,536 numbers, the last axis has what 65,536 of them leave for it"""

    def spoiled(self, y: Array) -> Array:
        return y[..., : max(WRAP // (y.size // y.shape[-1]), 1)]


class WidensLargeResults(_Small):
    """more than 65,536 numbers come back in float32"""

    def in_dtype(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().in_dtype(it, x, w, b)
        return y.astype(np.float32) if y.size > WRAP else y

    def spoiled(self, y: Array) -> Array:
        return y


class FailsOnLargeResults(_Small):
    """of more than 65,536 numbers it says that an index is out of range"""

    def spoiled(self, y: Array) -> Array:
        raise IndexError("index 65536 is out of bounds for axis 0 with size 65536")


SIZES: tuple[type[Honest], ...] = (
    WritesNothingPast16Bits, WrapsPositionsAt16Bits, RepeatsFrom16Bits, WrongInTheLastBlock, SwapsTwoNeighbours,
    WrapsTheSize, WidensLargeResults, FailsOnLargeResults,
)  # fmt: skip
