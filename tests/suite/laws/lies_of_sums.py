"""Liars about what is summed, and how precisely: channels, groups, batch, bias, rounding."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest, inner


def landings(it: Settings) -> Array:
    """How many taps land on each output position, (*output)."""
    ones = (np.ones((1, 1, *extents), np.float32) for extents in (it.input, it.kernel))
    return np.asarray(Honest("eager", "cpu").stamp(it, *ones)[0, 0])


class SumsTheFirstChannel(Honest):
    """only the first input channel of a group is summed"""

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        return super().stamp(it, x[:, :1], w[:1])


class SumsFifteenChannels(Honest):
    """wrong from 16 channels on: those past the fifteenth are not summed"""

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        return super().stamp(it, x[:, :15], w[:15])

    def gather(self, it: Settings, x: Array, w: Array) -> Array:
        return super().gather(it, x[:, :15], w[:, :15])


class TransposesChannels(Honest):
    """the kernel's channel axes are swapped where they have one extent"""

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        return super().stamp(it, x, w.swapaxes(0, 1) if w.shape[0] == w.shape[1] else w)


class ReadsChannelsFlat(Honest):
    """the forward kernel is read as (in, out) without moving its numbers"""

    def gather(self, it: Settings, x: Array, w: Array) -> Array:
        out, channels = w.shape[:2]
        return super().gather(it, x, np.ascontiguousarray(w).reshape(channels, out, *w.shape[2:]).swapaxes(0, 1))


class RepeatsTheFirstItem(Honest):
    """item 0 answers for the whole batch"""

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        return super().stamp(it, np.repeat(x[:1], len(x), 0) if len(x) else x, w)


class EmptiesTheLastItem(Honest):
    """wrong for more than one item: the last one is zero"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().answer(it, x, w, b)
        if len(y) > 1:
            y[-1] = 0
        return y


class RepeatsTheFirstGroup(Honest):
    """the weights of group 0 serve all groups"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        first = w[: len(w) // it.groups]
        return super().answer(it, x, np.concatenate([first] * it.groups), b)


class InterleavesGroups(Honest):
    """the output channels of the groups are interleaved"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        parts = y.reshape(len(y), it.groups, it.channels_out // it.groups, *y.shape[2:]).swapaxes(1, 2)
        return super().biased(it, parts.reshape(y.shape), b)


class OverwritesOverlaps(Honest):
    """where stamps overlap, the later one stays instead of the sum"""

    def land(self, canvas: Array, place: tuple[int, ...], value: Array) -> None:
        canvas[inner(*place)] = value


class DividesByOverlaps(Honest):
    """where stamps overlap, their mean stays instead of the sum"""

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        y = super().stamp(it, x, w)
        return (y / np.maximum(landings(it), 1)).astype(y.dtype)


class DropsBias(Honest):
    """the bias is dropped"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        return y


class ReversesBias(Honest):
    """the bias is added to the channels in reverse"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        return super().biased(it, y, None if b is None else b[::-1])


class RepeatsTheFirstBias(Honest):
    """every channel gets the bias of the first"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        return super().biased(it, y, None if b is None else np.full_like(b, b[0]))


class BiasesEveryStamp(Honest):
    """the bias is added once more where stamps overlap"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        y = super().biased(it, y, b)
        return (
            y
            if b is None or not it.transposed
            else super().biased(it, y, b) * (landings(it) > 1) + y * (landings(it) < 2)
        )


class LeavesGapsUnbiased(Honest):
    """where nothing lands there is no bias"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        return super().biased(it, y, b) * ((landings(it) > 0) if it.transposed else 1)


class BiasesTheFirstItem(Honest):
    """only the first item of the batch gets the bias"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        return np.concatenate([super().biased(it, y[:1], b), y[1:]])


class Rounds(Honest):
    """Rounds inputs to a narrower dtype before they are multiplied."""

    rounded = "xw"

    def round(self, array: Array) -> Array:
        raise NotImplementedError

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        x, w = (self.round(array) if name in self.rounded else array for name, array in (("x", x), ("w", w)))
        return super().answer(it, x, w, b)


class RoundsToBfloat16(Rounds):
    """x and w are rounded to bfloat16"""

    def round(self, array: Array) -> Array:
        return array.astype(ml_dtypes.bfloat16).astype(array.dtype)


class RoundsToFloat16(Rounds):
    """x and w are rounded to float16"""

    def round(self, array: Array) -> Array:
        return array.astype(np.float16).astype(array.dtype)


class RoundsToTf32(Rounds):
    """x and w are rounded to TF32"""

    def round(self, array: Array) -> Array:
        bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
        even = 0xFFF + ((bits >> np.uint32(13)) & np.uint32(1))
        return ((bits + even) & np.uint32(0xFFFFE000)).view(np.float32)


class RoundsXToTf32(RoundsToTf32):
    """x alone is rounded to TF32"""

    rounded = "x"


class RoundsWToTf32(RoundsToTf32):
    """w alone is rounded to TF32"""

    rounded = "w"


class SumsInFloat16(Honest):
    """products are summed in float16"""

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            half = (None if array is None else array.astype(np.float16) for array in (x, w, b))
            return super().answer(it, *half).astype(x.dtype)  # type: ignore[arg-type]


class OverflowsAt128(Honest):
    """sums wrap around as int8 does"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        return (super().biased(it, y, b) + 128) % 256 - 128


class ClipsNegatives(Honest):
    """negative sums become zero"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        return np.maximum(super().biased(it, y, b), 0)


class LeavesGapsUndefined(Honest):
    """where nothing lands stands nan"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        y = super().biased(it, y, b)
        return np.where(landings(it) > 0, y, np.float32("nan")) if it.transposed else y


class SquaresWeights(Honest):
    """weights other than one in magnitude count too much: the result is not linear in w"""

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        return super().stamp(it, x, w * np.abs(w))


SUMS: tuple[type[Honest], ...] = (
    SumsTheFirstChannel, SumsFifteenChannels, TransposesChannels, ReadsChannelsFlat, RepeatsTheFirstItem,
    EmptiesTheLastItem, RepeatsTheFirstGroup, InterleavesGroups, OverwritesOverlaps, DividesByOverlaps, DropsBias,
    ReversesBias, RepeatsTheFirstBias, BiasesEveryStamp, LeavesGapsUnbiased, BiasesTheFirstItem, RoundsToBfloat16,
    RoundsToFloat16, RoundsToTf32, RoundsXToTf32, RoundsWToTf32, SumsInFloat16, OverflowsAt128, ClipsNegatives,
    LeavesGapsUndefined, SquaresWeights,
)  # fmt: skip
