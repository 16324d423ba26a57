"""Liars about where things land: sizes, crops, strides, dilations, taps."""

from __future__ import annotations

import numpy as np

from convt.conv.settings import Pairs, Settings, SettingsError
from tests.suite.conv.reference import Array, Honest


class Misreads(Honest):
    """Takes the settings for others; the honest ones where those others mean nothing."""

    def read(self, it: Settings) -> Settings:
        raise NotImplementedError

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        try:
            return super().answer(self.read(it), x, w, b)
        except SettingsError:
            return super().answer(it, x, w, b)


class FlipsKernel(Honest):
    """the transposed convolution's kernel is flipped in space"""

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        return super().stamp(it, x, np.flip(w, tuple(range(2, w.ndim))))


class FlipsForwardKernel(Honest):
    """the forward convolution's kernel is flipped in space"""

    def gather(self, it: Settings, x: Array, w: Array) -> Array:
        return super().gather(it, x, np.flip(w, tuple(range(2, w.ndim))))


class FlipsBothKernels(FlipsKernel, FlipsForwardKernel):
    """both kernels are flipped in space, so that the two are still transposes of each other"""


class SwapsKernelAxes(Honest):
    """the kernel's spatial axes are read in reverse where they have one extent"""

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        reverse = w.transpose(0, 1, *range(w.ndim - 1, 1, -1))
        return super().stamp(it, x, reverse if len(set(it.kernel)) == 1 else w)


class SwapsStrides(Misreads):
    """strides are read in reverse order of the axes"""

    def read(self, it: Settings) -> Settings:
        return it.replace(stride=it.stride[::-1])


class SwapsDilations(Misreads):
    """dilations are read in reverse order of the axes"""

    def read(self, it: Settings) -> Settings:
        return it.replace(dilation=it.dilation[::-1])


class SwapsPaddings(Misreads):
    """explicit paddings are read in reverse order of the axes"""

    def read(self, it: Settings) -> Settings:
        return it if isinstance(it.padding, str) else it.replace(padding=it.padding[::-1])


class SwapsCropEnds(Honest):
    """explicit padding is cut off at the other end"""

    def crop(self, it: Settings) -> Pairs:
        return it.crop if isinstance(it.padding, str) else tuple((hi, lo) for lo, hi in it.crop)


class MirrorsSame(Honest):
    """the larger half of what `same` crops is cut off first"""

    def crop(self, it: Settings) -> Pairs:
        return tuple((hi, lo) for lo, hi in it.crop) if it.transposed and it.padding == "same" else it.crop


class MirrorsSameOfSize(Honest):
    """the larger half is cut off first where `same` is given a wanted size"""

    def crop(self, it: Settings) -> Pairs:
        mirrors = it.padding == "same" and it.output_size is not None
        return tuple((hi, lo) for lo, hi in it.crop) if mirrors else it.crop


class CropsSameAtTheEnd(Honest):
    """`same` cuts everything off at the end"""

    def crop(self, it: Settings) -> Pairs:
        return tuple((0, lo + hi) for lo, hi in it.crop) if it.transposed and it.padding == "same" else it.crop


class ReadsSameAsValid(Misreads):
    """`same` crops nothing"""

    def read(self, it: Settings) -> Settings:
        return it.replace(padding="valid", output_size=None) if it.transposed and it.padding == "same" else it


class ForgetsWantedSize(Misreads):
    """a wanted size is ignored, and the default one given"""

    def read(self, it: Settings) -> Settings:
        return it.replace(output_size=None)


class MirrorsForwardSame(Honest):
    """a forward `same` pads the larger half first"""

    def crop(self, it: Settings) -> Pairs:
        return it.crop if it.transposed or it.padding != "same" else tuple((hi, lo) for lo, hi in it.crop)


class ShiftsWherePaddedAndStrided(Honest):
    """one pixel off where there is a stride and a padding"""

    def cut(self, it: Settings, canvas: Array) -> Array:
        for axis, (s, (lo, _)) in enumerate(zip(it.stride, it.crop, strict=True)):
            canvas = np.roll(canvas, -1, 2 + axis) if s > 1 and lo else canvas
        return super().cut(it, canvas)


class IgnoresDilation(Misreads):
    """dilation is ignored"""

    def read(self, it: Settings) -> Settings:
        return it.replace(dilation=(1,) * it.rank)


class DilatesTheSizeAlone(Honest):
    """dilation makes the output larger and the taps stay side by side"""

    def place(self, it: Settings, at: tuple[int, ...], tap: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(i * s + j for i, s, j in zip(at, it.stride, tap, strict=True))


class IgnoresOutputPadding(Misreads):
    """output padding is ignored"""

    def read(self, it: Settings) -> Settings:
        return it.replace(output_padding=(0,) * it.rank) if it.output_padding else it


class PadsOutputAtTheBeginning(Honest):
    """output padding is added at the beginning"""

    def cut(self, it: Settings, canvas: Array) -> Array:
        return super().cut(it, np.roll(canvas, it.extra, tuple(range(2, 2 + it.rank))))


class FillsOutputPaddingWithZeros(Honest):
    """output padding is filled with zeros where the crop had cut values off"""

    def cut(self, it: Settings, canvas: Array) -> Array:
        y = super().cut(it, canvas).copy()
        for axis, extra in enumerate(it.extra):
            y[(slice(None),) * (2 + axis) + (slice(max(y.shape[2 + axis] - extra, 0), None),)] = 0
        return y


class GivesOneTooMany(Honest):
    """the output is one position too long"""

    def full(self, it: Settings) -> tuple[int, ...]:
        return tuple(size + 1 for size in super().full(it))


class ForgetsTheGapOfValid(Misreads):
    """`valid` gives (n-1)s + e, which is too short where the stride is larger than the kernel"""

    def read(self, it: Settings) -> Settings:
        default = it.transposed and it.padding == "valid" and it.output_padding is None and it.output_size is None
        return it.replace(output_padding=(0,) * it.rank) if default else it


class RoundsForwardSizeUp(Honest):
    """a forward convolution rounds its size up, and its last window reaches past the end"""

    def sizes(self, it: Settings) -> tuple[int, ...]:
        if it.transposed:
            return super().sizes(it)
        axes = zip(it.input, it.crop, it.effective, it.stride, strict=True)
        return tuple(max(-(-(n + lo + hi - e) // s) + 1, 0) for n, (lo, hi), e, s in axes)

    def padded(self, it: Settings, x: Array) -> Array:
        return np.pad(super().padded(it, x), [(0, 0), (0, 0), *((0, s) for s in it.stride)])


class WrapsForwardPadding(Honest):
    """a forward convolution pads with the other end of the input"""

    def padded(self, it: Settings, x: Array) -> Array:
        return np.pad(x, [(0, 0), (0, 0), *self.crop(it)], mode="wrap")


class WrapsWhatIsCut(Honest):
    """what the crop cuts off at the end lands at the beginning"""

    def cut(self, it: Settings, canvas: Array) -> Array:
        y = super().cut(it, canvas).copy()
        if it.rank == 1 and it.crop[0][1] and y.shape[2]:
            y[:, :, 0] += canvas[:, :, it.crop[0][0] + y.shape[2]]
        return y


class LosesTheLastTap(Honest):
    """the last tap of a kernel with more than one takes no part"""

    def land(self, canvas: Array, place: tuple[int, ...], value: Array) -> None:
        if not self.last:
            super().land(canvas, place, value)

    def place(self, it: Settings, at: tuple[int, ...], tap: tuple[int, ...]) -> tuple[int, ...]:
        self.last = sum(tap) > 0 and all(j == k - 1 for j, k in zip(tap, it.kernel, strict=True))
        return super().place(it, at, tap)


class StopsAtTheFootprint(Honest):
    """the shape is right, and zero past n s"""

    def cut(self, it: Settings, canvas: Array) -> Array:
        for axis, (n, s) in enumerate(zip(it.input, it.stride, strict=True)):
            canvas[(slice(None),) * (2 + axis) + (slice(n * s, None),)] = 0
        return super().cut(it, canvas)


class DoublesExtentOne(Honest):
    """wrong where an axis has one input: it counts twice"""

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        return super().stamp(it, x * 2 if 1 in it.input else x, w)


class ShiftsOddKernels(Honest):
    """wrong for odd kernels: one pixel off"""

    parity = 1

    def cut(self, it: Settings, canvas: Array) -> Array:
        wrong = all(k % 2 == self.parity and k > 1 for k in it.kernel)
        return super().cut(it, np.roll(canvas, 1, 2) if wrong else canvas)


class ShiftsEvenKernels(ShiftsOddKernels):
    """wrong for even kernels: one pixel off"""

    parity = 0


class FlipsDepth(Honest):
    """wrong in 3-D: the kernel is flipped in its first axis"""

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        return super().stamp(it, x, np.flip(w, 2) if it.rank == 3 else w)


class ClosesGaps(Honest):
    """wrong where the stride is larger than the kernel: the stamps stand side by side"""

    def place(self, it: Settings, at: tuple[int, ...], tap: tuple[int, ...]) -> tuple[int, ...]:
        steps = (min(s, e) for s, e in zip(it.stride, it.effective, strict=True))
        return tuple(i * s + j * d for i, s, j, d in zip(at, steps, tap, it.dilation, strict=True))


class RoundsPaddingDown(Misreads):
    """explicit padding of different sides is read as twice the smaller one"""

    def read(self, it: Settings) -> Settings:
        if not it.transposed or isinstance(it.padding, str):
            return it
        return it.replace(padding=tuple((min(pair), min(pair)) for pair in it.padding))


PLACE: tuple[type[Honest], ...] = (
    FlipsKernel, FlipsForwardKernel, FlipsBothKernels, SwapsKernelAxes, SwapsStrides, SwapsDilations, SwapsPaddings,
    SwapsCropEnds, MirrorsSame, MirrorsSameOfSize, CropsSameAtTheEnd, ReadsSameAsValid, ForgetsWantedSize,
    MirrorsForwardSame, ShiftsWherePaddedAndStrided, IgnoresDilation, DilatesTheSizeAlone, IgnoresOutputPadding,
    PadsOutputAtTheBeginning, FillsOutputPaddingWithZeros, GivesOneTooMany, ForgetsTheGapOfValid, RoundsForwardSizeUp,
    WrapsForwardPadding, WrapsWhatIsCut, LosesTheLastTap, StopsAtTheFootprint, DoublesExtentOne, ShiftsOddKernels,
    ShiftsEvenKernels, FlipsDepth, ClosesGaps, RoundsPaddingDown,
)  # fmt: skip
