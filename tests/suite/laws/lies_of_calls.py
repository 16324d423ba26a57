"""Liars about the call itself: what it promises, what it remembers, what it returns."""

from __future__ import annotations

import os
import time

import numpy as np

from convt.adapter.backend import UNSAFE, Probe, Want
from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest


class LiesAboutTheShape(Honest):
    """abstract evaluation gives another shape than the call"""

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        return (*super().shape(settings, dtype)[:-1], settings.output[-1] + 1)


class ReturnsFloat64(Honest):
    """the right numbers in float64"""

    def call(self, probe: Probe) -> Array:
        return super().call(probe).astype(np.float64)


class ReturnsInt32(Honest):
    """the right numbers, cut to integers"""

    def call(self, probe: Probe) -> Array:
        return super().call(probe).astype(np.int32)


class ReturnsChannelsLast(Honest):
    """the right numbers with the channels last"""

    def call(self, probe: Probe) -> Array:
        return np.moveaxis(super().call(probe), -1 - probe.settings.rank, -1)


class ReturnsTheTranspose(Honest):
    """the right numbers with the last two axes swapped"""

    def call(self, probe: Probe) -> Array:
        return super().call(probe).swapaxes(-1, -2)


class Answers42(Honest):
    """the answer is always [42.]"""

    def call(self, probe: Probe) -> Array:
        return np.array([42.0], np.float32)


class AnswersZeros(Honest):
    """the answer is zeros of the right shape"""

    def call(self, probe: Probe) -> Array:
        return np.zeros_like(super().call(probe))


class RemembersTheFirstKernel(Honest):
    """what was compiled for some settings keeps its first kernel"""

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        self.kernels: dict[Settings, Array] = {}

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        return super().answer(it, x, self.kernels.setdefault(it, w), b)


class RemembersTheFirstBias(Honest):
    """what was compiled for some settings keeps its first bias"""

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        self.biases: dict[Settings, Array | None] = {}

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        return super().biased(it, y, self.biases.setdefault(it, b))


class ChangesEveryTime(Honest):
    """on fractions, the last bit is another one every second time"""

    times = 0

    def call(self, probe: Probe) -> Array:
        y = super().call(probe)
        self.times += 1
        whole = probe.x.dtype != np.float32 or np.array_equal(probe.x, np.trunc(probe.x))
        return y if whole or self.times % 2 else np.nextafter(y, np.float32(0))


class ErrsNowAndThen(Honest):
    """every seventh answer has one number that is one too large"""

    times = 0

    def call(self, probe: Probe) -> Array:
        y = super().call(probe)
        self.times += 1
        if self.times % 7 == 0 and y.size:
            y.flat[0] += 1
        return y


class RefusesStrides(Honest):
    """says that it takes no strides, and does"""

    only = "support: no other law asks a call that its adapter refuses"

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        return "no strides" if max(settings.stride) > 1 else super().unsupported(settings, want, call_form)


class RefusesGroups(Honest):
    """says that it takes no groups, and does"""

    only = "support: no other law asks a call that its adapter refuses"

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        return "no groups" if settings.groups > 1 else super().unsupported(settings, want, call_form)


class CallsHarmlessUnsafe(Honest):
    """says that a kernel of one tap with a stride harms memory, and it does not"""

    only = "unsafe-claims: no other law makes a call that is said to harm"

    def unsafe(self, probe: Probe) -> str | None:
        it = probe.settings
        return f"{UNSAFE}it harms memory" if max(it.kernel) == 1 < max(it.stride) else None


class SpellsBackwards(Honest):
    """the second call form gives the last axis backwards"""

    def call(self, probe: Probe) -> Array:
        y = super().call(probe)
        return np.flip(y, -1) if probe.call_form == 1 else y


class RaisesOnDilation(Honest):
    """fails with an error where there is a dilation"""

    def call(self, probe: Probe) -> Array:
        if max(probe.settings.dilation) > 1:
            raise ValueError("dilation_rate > 1 not supported")
        return super().call(probe)


class RaisesOnNoItems(Honest):
    """fails with an error for a batch of none"""

    only = "batch: no other law empties the batch"

    def call(self, probe: Probe) -> Array:
        if not probe.settings.batch:
            raise ValueError("batch size must be positive")
        return super().call(probe)


class InventsAnItem(Honest):
    """gives one item for a batch of none"""

    only = "batch: no other law empties the batch"

    def call(self, probe: Probe) -> Array:
        y = super().call(probe)
        return y if probe.settings.batch else np.zeros((1, *y.shape[1:]), y.dtype)


class LosesBiasUnbatched(Honest):
    """an item without a batch axis gets no bias"""

    def call(self, probe: Probe) -> Array:
        return super().call(
            Probe(probe.settings, probe.x, probe.w, want="unbatched") if probe.want == "unbatched" else probe
        )


class ResizesFromCorners(Honest):
    """the resize places its samples by corners instead of half-pixel centres"""

    only = "resize: no other law asks for one"

    def resize(self, probe: Probe) -> Array:
        x = probe.x
        for axis, (n, s) in enumerate(zip(probe.settings.input, probe.settings.stride, strict=True)):
            x = np.take(x, np.rint(np.linspace(0, n - 1, n * s)).astype(int), 2 + axis)
        return x


class Crashes(Honest):
    """the process ends in the middle of a call"""

    def call(self, probe: Probe) -> Array:
        os.abort()


class Hangs(Honest):
    """a call never comes back"""

    def call(self, probe: Probe) -> Array:
        while True:
            time.sleep(1)


CALLS: tuple[type[Honest], ...] = (
    LiesAboutTheShape, ReturnsFloat64, ReturnsInt32, ReturnsChannelsLast, ReturnsTheTranspose, Answers42, AnswersZeros,
    RemembersTheFirstKernel, RemembersTheFirstBias, ChangesEveryTime, ErrsNowAndThen, RefusesStrides, RefusesGroups,
    CallsHarmlessUnsafe, SpellsBackwards, RaisesOnDilation, RaisesOnNoItems, InventsAnItem, LosesBiasUnbatched,
    ResizesFromCorners,
)  # fmt: skip
FATAL: tuple[type[Honest], ...] = (Crashes, Hangs)
