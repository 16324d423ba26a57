"""`Honest`: a backend in numpy alone that tells the truth. Liars change one thing of it; no oracle is called here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any, ClassVar, cast

import numpy as np

from convt.adapter.backend import Backend, Probe
from convt.adapter.layouts import Laid
from convt.conv.settings import Settings
from tests.suite.backends.refusing import Refuses

Array = np.ndarray


def inner(*places: Any) -> tuple[Any, ...]:
    """The index of every item and channel at these spatial places."""
    return (..., *places)


class Honest(Refuses, Backend):
    """Both convolutions by stamping and gathering, tap by tap, in the dtype of the data.

    The steps are methods, so that a liar can get one of them wrong.
    """

    name = "honest"
    lays_out: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    call_forms: ClassVar[tuple[str, ...]] = ("by keyword", "by numbers", "by the wanted size")
    only: ClassVar[str] = ""
    """Of a liar that one law alone can catch: `law: why`."""

    def versions(self) -> dict[str, str]:
        return {"numpy": np.__version__}

    now: float = 0.0
    """What its clock says."""

    def clock(self) -> float:
        return self.now

    def timed(self, probe: Probe) -> Callable[[], object]:
        return lambda: self.spend(self.seconds(probe))

    def spend(self, seconds: float) -> None:
        """Let time pass, on its own clock alone."""
        self.now += seconds

    def seconds(self, probe: Probe) -> float:
        """What a call takes: a microsecond a product, twice that in float64, and ten for the call itself."""
        it = probe.settings
        products = math.prod(it.w_shape) * it.batch * math.prod(it.input if it.transposed else it.output)
        return 1e-5 + 1e-6 * products * (probe.x.dtype.itemsize / 4)

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        return (settings.batch, settings.channels_out, *self.sizes(settings))

    def shape_of(self, probe: Probe) -> tuple[int, ...]:
        return self.shape(probe.settings, str(probe.x.dtype))

    def call(self, probe: Probe) -> Array:
        it = probe.settings.explicit() if probe.call_form else probe.settings
        if probe.call_form == 2 and it.transposed:
            it = it.replace(output_padding=None, output_size=it.output) if max(it.extra) < min(it.stride) else it
        if any(probe.layout):
            y = self.laid(it, probe)
        elif probe.want.startswith("mixed-"):
            y = self.mixed(it, probe)
        else:
            y = self.in_dtype(it, probe.x, probe.w, probe.b)
        return y[0] if probe.want == "unbatched" else y

    def in_dtype(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        """y in the dtype of x; one of 16 bits is summed up in float32 and rounded once."""
        if x.dtype.itemsize != 2:
            return self.answer(it, x, w, b)
        wide = [None if a is None else a.astype(np.float32) for a in (x, w, b)]
        return self.answer(it, cast(Array, wide[0]), cast(Array, wide[1]), wide[2]).astype(x.dtype)

    def mixed(self, it: Settings, probe: Probe) -> Array:
        """y under mixed precision: every array rounded to the narrow dtype first."""
        narrow: Any = np.float16 if probe.want == "mixed-float16" else _bfloat16()
        b = None if probe.b is None else probe.b.astype(narrow)
        return self.in_dtype(it, probe.x.astype(narrow), probe.w.astype(narrow), b)

    def laid(self, it: Settings, probe: Probe) -> Array:
        """y from arrays in other memory, which stays as it is."""
        x, w = (Laid(array, how) for array, how in zip((probe.x, probe.w), probe.layout, strict=False))
        plain = replace(probe, x=self.taken(x), w=self.taken(w), layout=())
        mixed = probe.want.startswith("mixed-")
        y = self.mixed(it, plain) if mixed else self.in_dtype(it, plain.x, plain.w, probe.b)
        self.leave(x)
        x.check("x")
        w.check("w")
        return y

    def taken(self, laid: Laid) -> Array:
        """The numbers of an array in a layout."""
        return laid.view

    def leave(self, laid: Laid) -> None:
        """What is done to the input's memory: nothing."""

    def gradient(self, probe: Probe) -> Array:
        """A derivative of arrays in whatever memory, which stays as it is; one of 16 bits is summed up in float32."""
        named = zip("xwg", (probe.x, probe.w, probe.g), probe.layout, strict=False)
        laid = {name: Laid(array, how) for name, array, how in named if how and array is not None}
        given: dict[str, Any] = {name: self.taken(each) for name, each in laid.items()}
        taken = replace(probe, **given, layout=())
        y = (
            self.derivative(taken)
            if probe.x.dtype.itemsize != 2
            else self.derivative(_wide(taken)).astype(probe.x.dtype)
        )
        for name, each in laid.items():
            each.check(name)
        return y

    def derivative(self, probe: Probe) -> Array:
        """A derivative in the dtype of the arrays."""
        it, x, w = probe.settings, probe.x, probe.w
        bare = it.replace(bias=False)
        if probe.want == "jvp-x":
            return self.answer(bare, cast(Array, probe.t), w, None)
        if probe.want == "jvp-w":
            return self.answer(bare, x, cast(Array, probe.t), None)
        g = cast(Array, probe.g)
        if probe.want in ("grad-b", "only-b"):
            return self.bias_gradient(it, g)
        if probe.want in ("grad-wx", "jvp-grad-x"):
            return self.input_gradient(it, cast(Array, probe.t), g)
        if probe.want in ("grad-x", "only-x"):
            return self.input_gradient(it, w, g)
        return self.kernel_gradient(it, cast(Array, probe.t) if probe.want == "grad-xw" else x, g)

    def bias_gradient(self, it: Settings, g: Array) -> Array:
        """The gradient of sum(g y) with respect to b."""
        return g.swapaxes(0, 1).reshape(it.channels_out, -1).sum(axis=1)

    def input_gradient(self, it: Settings, w: Array, g: Array) -> Array:
        """The gradient of sum(g y) with respect to x."""
        gx = np.zeros(it.x_shape, g.dtype)
        for ins, outs, kernels, tap in self.pieces(it):
            here, there = self.met(it, tap)
            part = np.einsum("io,no...->ni...", self.mixing(it, w[kernels], tap), g[:, outs][inner(*there)])
            gx[:, ins][inner(*here)] += part
        return gx

    def kernel_gradient(self, it: Settings, x: Array, g: Array) -> Array:
        """The gradient of sum(g y) with respect to w."""
        gw = np.zeros(it.w_shape, g.dtype)
        for ins, outs, kernels, tap in self.pieces(it):
            here, there = self.met(it, tap)
            left, right = x[:, ins][inner(*here)], g[:, outs][inner(*there)]
            axes = [0, *range(2, left.ndim)]
            found = np.tensordot(left, right, axes=(axes, axes))
            gw[kernels][inner(*tap)] += found if it.transposed else found.T
        return gw

    def pieces(self, it: Settings) -> list[tuple[slice, slice, slice, tuple[int, ...]]]:
        """(input channels, output channels, stored kernels, tap) of every group and tap."""
        per_in, per_out = it.channels_in // it.groups, it.channels_out // it.groups
        found = []
        for at in range(it.groups):
            ins, outs = (slice(at * per, (at + 1) * per) for per in (per_in, per_out))
            kernels = ins if it.transposed else outs
            found += [(ins, outs, kernels, tap) for tap in product(*map(range, it.kernel))]
        return found

    def mixing(self, it: Settings, w: Array, tap: tuple[int, ...]) -> Array:
        """One tap's (in, out) weights."""
        return w[inner(*tap)] if it.transposed else w[inner(*tap)].T

    def met(self, it: Settings, tap: tuple[int, ...]) -> tuple[list[slice], list[slice]]:
        """Per axis, the inputs that a tap carries and the outputs that it carries them to."""
        here, there = [], []
        axes = zip(tap, it.dilation, it.stride, self.crop(it), it.input, self.sizes(it), strict=True)
        for j, d, s, (lo, _), n, out in axes:
            still, moving = (n, out) if it.transposed else (out, n)
            kept = [i for i in range(still) if 0 <= i * s + j * d - lo < moving]
            first, last = (kept[0], kept[-1]) if kept else (0, -1)
            start = first * s + j * d - lo
            a, b = slice(first, last + 1), slice(start, start + (last - first) * s + 1, s)
            b = b if kept else slice(0, 0)
            here.append(a if it.transposed else b)
            there.append(b if it.transposed else a)
        return here, there

    def resize(self, probe: Probe) -> Array:
        y = probe.x
        for axis, stride in enumerate(probe.settings.stride):
            y = np.repeat(y, stride, 2 + axis) if probe.want == "nearest" else _linear(y, stride, 2 + axis)
        return y

    def answer(self, it: Settings, x: Array, w: Array, b: Array | None) -> Array:
        """y of one call, bias included."""
        per_in, per_out = it.channels_in // it.groups, it.channels_out // it.groups
        parts = []
        for group in range(it.groups):
            own = (
                w[group * per_in : (group + 1) * per_in]
                if it.transposed
                else w[group * per_out : (group + 1) * per_out]
            )
            one = self.stamp if it.transposed else self.gather
            parts.append(one(it, x[:, group * per_in : (group + 1) * per_in], own))
        return self.biased(it, np.concatenate(parts, axis=1), b)

    def sizes(self, it: Settings) -> tuple[int, ...]:
        """The spatial extents of the output."""
        if it.transposed:
            full = self.full(it)
            return tuple(size - lo - hi for size, (lo, hi) in zip(full, self.crop(it), strict=True))
        axes = zip(it.input, self.crop(it), it.effective, it.stride, strict=True)
        return tuple(max((n + lo + hi - e) // s + 1, 0) for n, (lo, hi), e, s in axes)

    def crop(self, it: Settings) -> tuple[tuple[int, int], ...]:
        """What is cut off (transposed) or added (forward) at the beginning and end of each axis."""
        return it.crop

    def full(self, it: Settings) -> tuple[int, ...]:
        """The extents before the crop."""
        axes = zip(it.input, it.stride, it.effective, it.extra, strict=True)
        return tuple((n - 1) * s + e + a for n, s, e, a in axes)

    def stamp(self, it: Settings, x: Array, w: Array) -> Array:
        """One group of the transposed convolution: x (batch, in, ...), w (in, out, ...)."""
        if any(getattr(type(self), name) is not getattr(Honest, name) for name in STAMPS):
            return self.stamped(it, x, w)
        key = it.digest, *(part for a in (x, w) for part in (a.shape, a.dtype, a.tobytes()))
        if key not in STAMPED:
            STAMPED[key] = self.stamped(it, x, w)
        return STAMPED[key].copy()

    def stamped(self, it: Settings, x: Array, w: Array) -> Array:
        """The same, computed."""
        canvas = np.zeros((len(x), w.shape[1], *(max(size, 0) for size in self.full(it))), x.dtype)
        for at in product(*map(range, it.input)):
            for tap in product(*map(range, it.kernel)):
                self.land(canvas, self.place(it, at, tap), x[inner(*at)] @ w[inner(*tap)])
        return self.cut(it, canvas)

    def place(self, it: Settings, at: tuple[int, ...], tap: tuple[int, ...]) -> tuple[int, ...]:
        """Where in the full result a tap of an input's stamp lands."""
        return tuple(i * s + j * d for i, s, j, d in zip(at, it.stride, tap, it.dilation, strict=True))

    def land(self, canvas: Array, place: tuple[int, ...], value: Array) -> None:
        """Put one product, (batch, out), where it lands."""
        canvas[inner(*place)] += value

    def cut(self, it: Settings, canvas: Array) -> Array:
        """The full result without what the padding cuts off."""
        keep = (slice(lo, lo + out) for (lo, _), out in zip(self.crop(it), self.sizes(it), strict=True))
        return canvas[inner(*keep)]

    def gather(self, it: Settings, x: Array, w: Array) -> Array:
        """One group of the forward convolution: x (batch, in, ...), w (out, in, ...)."""
        padded = self.padded(it, x)
        sizes = self.sizes(it)
        y = np.zeros((len(x), len(w), *sizes), x.dtype)
        for tap in product(*map(range, it.kernel)):
            axes = zip(tap, it.dilation, it.stride, sizes, strict=True)
            window = tuple(slice(j * d, j * d + (out - 1) * s + 1, s) for j, d, s, out in axes)
            if y.size:
                y += np.einsum("ni...,oi->no...", padded[inner(*window)], w[inner(*tap)])
        return y

    def padded(self, it: Settings, x: Array) -> Array:
        """The input of a forward convolution with zeros around it."""
        return np.pad(x, [(0, 0), (0, 0), *self.crop(it)])

    def biased(self, it: Settings, y: Array, b: Array | None) -> Array:
        """y with one number more a channel."""
        return y if b is None else y + b.reshape((1, -1) + (1,) * it.rank)


STAMPS = ("stamped", "full", "place", "land", "cut", "crop", "sizes")
"""What the stamp of a backend that overrides none of these follows from."""
STAMPED: dict[tuple[object, ...], Array] = {}
"""The stamps of such backends: many liars compute the same ones, and lie about another thing."""


def _wide(probe: Probe) -> Probe:
    """The same of arrays in float32."""
    named = zip("xwbgt", probe.arrays, strict=True)
    wide: dict[str, Any] = {name: None if array is None else array.astype(np.float32) for name, array in named}
    return replace(probe, **wide)


def _bfloat16() -> Any:
    import ml_dtypes

    return ml_dtypes.bfloat16


def _linear(x: Array, stride: int, axis: int) -> Array:
    """x resized by `stride` on one axis with half-pixel centres, the border repeated."""
    n = x.shape[axis]
    place = np.clip((np.arange(n * stride) + 0.5) / stride - 0.5, 0, n - 1)
    below = place.astype(int)
    part = (place - below).astype(x.dtype).reshape((-1,) + (1,) * (x.ndim - axis - 1))
    return np.take(x, below, axis) * (1 - part) + np.take(x, np.minimum(below + 1, n - 1), axis) * part
