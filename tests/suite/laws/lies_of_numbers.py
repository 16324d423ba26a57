"""Liars about dtypes, memory and special values: right in contiguous, finite float32."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from convt.adapter.backend import Probe
from convt.adapter.layouts import Laid
from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest

DTYPE = "dtype: no other law leaves float32"
MIXED = "mixed-precision: no other law asks for it"
LAYOUT = "layout: no other law asks for other memory"
SPECIAL = "special: no other law leaves the finite numbers"


class AccumulatesInFloat16(Honest):
    """float16 is summed up in float16"""

    only = DTYPE

    def in_dtype(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        return self.answer(it, x, w, b) if x.dtype == np.float16 else super().in_dtype(it, x, w, b)


class AccumulatesInBfloat16(Honest):
    """bfloat16 is rounded to bfloat16 after every product"""

    only = DTYPE

    def land(self, canvas: Array, place: tuple[int, ...], value: Array) -> None:
        super().land(canvas, place, value)
        if getattr(self, "narrow", False):
            canvas[...] = canvas.astype(ml_dtypes.bfloat16).astype(canvas.dtype)

    def in_dtype(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        self.narrow = x.dtype == ml_dtypes.bfloat16
        return super().in_dtype(it, x, w, b)


class Float16ByBfloat16(Honest):
    """float16 is computed with arguments rounded to bfloat16"""

    only = DTYPE

    def in_dtype(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        rounded = x.astype(ml_dtypes.bfloat16).astype(x.dtype) if x.dtype == np.float16 else x
        return super().in_dtype(it, rounded, w, b)


class WidensBfloat16(Honest):
    """bfloat16 comes back as float32"""

    def in_dtype(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().in_dtype(it, x, w, b)
        return y.astype(np.float32) if x.dtype == ml_dtypes.bfloat16 else y


class Float64ByFloat32(Honest):
    """float64 is computed in float32"""

    only = DTYPE

    def in_dtype(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        return (
            super().in_dtype(it, x.astype(np.float32), w, b).astype(x.dtype)
            if x.dtype == np.float64
            else (super().in_dtype(it, x, w, b))
        )


class IntegersInInt8(Honest):
    """wider integers wrap around at 8 bits"""

    only = DTYPE

    def in_dtype(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().in_dtype(it, x, w, b)
        return (y * 16).astype(np.int8).astype(y.dtype) // 16 if y.dtype.kind == "i" else y


class ConjugatesTheKernel(Honest):
    """complex numbers are multiplied with the kernel's conjugates"""

    only = DTYPE

    def in_dtype(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        return super().in_dtype(it, x, np.conj(w), b)


class DropsTheImaginaryBias(Honest):
    """a complex bias adds its real part alone"""

    only = DTYPE

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        return super().biased(it, y, None if b is None else b.real)


class MixedStaysWide(Honest):
    """under mixed precision the answer is float32"""

    def mixed(self, it: Settings, probe: Probe) -> Array:
        return super().mixed(it, probe).astype(np.float32)


class MixedForgetsTheBias(Honest):
    """under mixed precision the bias, which is kept in float32, is lost"""

    only = MIXED

    def mixed(self, it: Settings, probe: Probe) -> Array:
        return super().mixed(it, Probe(it, probe.x, probe.w, None, want=probe.want))


class IgnoresStridesOfMemory(Honest):
    """memory with gaps is read as if it had none"""

    def taken(self, laid: Laid) -> Array:
        view = laid.view
        if laid.layout != "strided":
            return view
        return np.lib.stride_tricks.as_strided(view, (view.size,), (view.itemsize,)).reshape(view.shape)


class ReadsChannelsLastAsFirst(Honest):
    """channels-last memory is read in the order of channels first"""

    def taken(self, laid: Laid) -> Array:
        if laid.layout != "channels-last":
            return laid.view
        order = (0, *range(2, laid.view.ndim), 1)
        return np.ascontiguousarray(laid.view.transpose(order)).reshape(laid.view.shape)


class ReadsFlippedForward(Honest):
    """negative strides are read as positive ones"""

    only = LAYOUT

    def taken(self, laid: Laid) -> Array:
        view = laid.view
        return np.flip(view, tuple(range(2, view.ndim))) if laid.layout == "flipped" else view


class ReadsTransposedRaw(Honest):
    """Fortran order is read as C order"""

    def taken(self, laid: Laid) -> Array:
        view = laid.view
        return view.ravel(order="K").reshape(view.shape) if laid.layout == "transposed" else view


class BroadcastOnce(Honest):
    """of an item that a stride of 0 repeats, all but the first are zeros"""

    def taken(self, laid: Laid) -> Array:
        view = np.array(laid.view)
        if laid.layout == "broadcast":
            view[1:] = 0
        return view


class RefusesReadOnly(Honest):
    """read-only memory is refused"""

    def taken(self, laid: Laid) -> Array:
        if not laid.view.flags.writeable:
            raise ValueError("buffer source array is read-only")
        return laid.view


class WritesIntoItsInput(Honest):
    """the input is used as scratch memory"""

    def leave(self, laid: Laid) -> None:
        if laid.view.flags.writeable and laid.view.size:
            laid.view.flat[0] = 0


class WritesBetweenItsInput(Honest):
    """the memory between the input's numbers is written to"""

    only = LAYOUT

    def leave(self, laid: Laid) -> None:
        if laid.layout == "strided":
            laid._memory[-1] = 0


class LeaksThroughPadding(Honest):
    """the zeros around a forward convolution's input are 0 times the input"""

    only = SPECIAL

    def padded(self, it: Settings, x: Array) -> Array:
        with np.errstate(invalid="ignore", over="ignore"):
            nothing = 0 * x.sum()
        return np.pad(x, [(0, 0), (0, 0), *self.crop(it)], constant_values=nothing)


class LeaksThroughGaps(Honest):
    """every place of the output gets 0 times the whole input"""

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        with np.errstate(invalid="ignore"):
            return super().stamp(it, x, w) + 0 * x.sum()


class HidesNan(Honest):
    """nan comes out as 0"""

    only = SPECIAL

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        y = super().biased(it, y, b)
        return np.where(np.isnan(y), np.zeros_like(y), y)


class ClipsInfinity(Honest):
    """infinities come out as the largest finite number"""

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        y = super().biased(it, y, b)
        if y.dtype != np.float32:
            return y
        largest = np.finfo(np.float32).max
        return np.clip(y, -largest, largest)


class MinusInfinityIsPlus(Honest):
    """-inf comes out as inf"""

    only = SPECIAL

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        y = super().biased(it, y, b)
        return np.abs(y) if y.dtype.kind == "f" and not np.all(np.isfinite(y)) else y


class MasksByMultiplying(Honest):
    """channels of other groups are masked with zeros, which a nan survives"""

    only = SPECIAL

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        y = super().answer(it, x, w, b)
        with np.errstate(invalid="ignore"):
            return y + 0 * x.sum(axis=1, keepdims=True).sum() if it.groups > 1 else y


class OverflowsEarly(Honest):
    """numbers over 1e38 become infinite on their way in"""

    only = SPECIAL

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        if x.dtype == np.float32:
            x, w = (np.where(np.abs(a) > 1e38, np.float32(np.inf), a) for a in (x, w))
        return super().answer(it, x, w, b)


NUMBERS: tuple[type[Honest], ...] = (
    AccumulatesInFloat16, AccumulatesInBfloat16, Float16ByBfloat16, WidensBfloat16, Float64ByFloat32, IntegersInInt8,
    ConjugatesTheKernel, DropsTheImaginaryBias, MixedStaysWide, MixedForgetsTheBias, IgnoresStridesOfMemory,
    ReadsChannelsLastAsFirst, ReadsFlippedForward, ReadsTransposedRaw, BroadcastOnce, RefusesReadOnly,
    WritesIntoItsInput, WritesBetweenItsInput, LeaksThroughPadding, LeaksThroughGaps, HidesNan, ClipsInfinity,
    MinusInfinityIsPlus, MasksByMultiplying, OverflowsEarly,
)  # fmt: skip
