"""The right answer of a layer of real size without all of its work: projected along its channels.

Every channel of an answer counts with a small whole number of its own, so that of the channels of a group one sum is
left at each place: y·r is the convolution with w·r, which has one output channel in place of 256. There are two sums:
in the second one each channel also counts as often as its position says, from 1, so that no wrong number, and no two
wrong numbers at one place, leave both sums as they were. The kernel's gradient is projected along both of its channel
axes. Everything is whole and below 2^53, and so exact in float64.

Three voices, as everywhere: scatter gives every sum; the definition, at single places, and zero insertion, in bands of
the result, must say the same, or the suite is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from convt.conv.data import Arrays
from convt.conv.gradients import gradient_w
from convt.conv.oracles import Array, OraclesDisagree, wide, zero_insertion
from convt.conv.settings import Settings
from convt.conv.slabs import index, numbers_at, rows

PLACES = 48
"""At how many places the definition speaks, besides the corners."""
TAPS = 6
"""Of how many taps of a kernel's gradient it does."""
BAND = 1 << 17
"""About how many numbers the windows of a band may have: 1 MB of float64."""
GROUPS = 4
"""Of how many groups together zero insertion makes a band."""


@dataclass(frozen=True, eq=False)
class Rows:
    """(sums, channels of a group): what each channel counts, once a sum."""

    numbers: Array

    @property
    def sums(self) -> int:
        return len(self.numbers)


def counting(channels: int, seed: int) -> Rows:
    """What the channels of a group count: small numbers, and each times its position; one channel needs one sum."""
    small = np.array([-3, -2, -1, 1, 2, 3])[np.random.RandomState(seed).randint(0, 6, channels)]
    return Rows(wide(np.stack([small, small * np.arange(1, channels + 1)])[: min(2, channels)]))


def of_outputs(it: Settings) -> Rows:
    """What the output channels of a group count."""
    return counting(it.channels_out // it.groups, 5)


def of_inputs(it: Settings) -> Rows:
    """What the input channels of a group count."""
    return counting(it.channels_in // it.groups, 6)


def along(array: Array, count: Rows) -> Array:
    """(batch, channels, ...) to (batch, groups * sums, ...), where the channels of a group follow each other."""
    channels = count.numbers.shape[1]
    flat = wide(array).reshape(array.shape[0], array.shape[1] // channels, channels, -1)
    summed = np.matmul(count.numbers, flat)
    return summed.reshape(array.shape[0], -1, *array.shape[2:])


def along_stored(w: Array, count: Rows, first: bool) -> Array:
    """A stored kernel along its first channel axis, which holds all groups, or its second, which holds one."""
    return along(w[None], count)[0] if first else along(w, count)


def _kernel_of_outputs(it: Settings, w: Array) -> Array:
    return along_stored(w, of_outputs(it), first=not it.transposed)


def _kernel_of_inputs(it: Settings, w: Array) -> Array:
    return along_stored(w, of_inputs(it), first=it.transposed)


def backwards(it: Settings) -> Settings:
    """The convolution that gives the input's gradient from g, with the same stored kernel.

    ValueError where there is none: an output padding of a stride or more.
    """
    if it.transposed:
        found = it.replace(bias=False).adjoint()
        if found is None:
            raise ValueError(f"no forward convolution has {it} as its transpose")
        return found
    axes = zip(it.input, it.output, it.stride, it.effective, it.crop, strict=True)
    extra = tuple(n - ((out - 1) * s + e - lo - hi) for n, out, s, e, (lo, hi) in axes)
    return it.replace(
        op="conv_transpose", input=it.output, padding=it.crop, output_padding=extra if any(extra) else None,
        channels_in=it.channels_out, channels_out=it.channels_in, bias=False,
    )  # fmt: skip


# the right sums


def right_value(it: Settings, x: Array, w: Array, b: Array | None) -> Array:
    """y along its channels: (batch, groups * sums, *output). May raise OraclesDisagree."""
    count = of_outputs(it)
    small = it.replace(channels_out=it.groups * count.sums)
    bias = None if b is None else along(b[None], count)[0]
    return _checked(small, Arrays(wide(x), _kernel_of_outputs(it, w), bias))


def right_gradient_x(it: Settings, w: Array, g: Array) -> Array:
    """The input's gradient along its channels: (batch, groups * sums, *input). May raise OraclesDisagree."""
    small = backwards(it.replace(channels_in=it.groups * of_inputs(it).sums))
    return _checked(small, Arrays(wide(g), _kernel_of_inputs(it, w)))


def right_gradient_w(it: Settings, x: Array, g: Array) -> Array:
    """The kernel's gradient along both channel axes, as `project_w` gives it. May raise OraclesDisagree."""
    ins, outs = of_inputs(it), of_outputs(it)
    small = it.replace(channels_in=it.groups * ins.sums, channels_out=it.groups * outs.sums, bias=False)
    short_x, short_g = along(x, ins), along(g, outs)
    found = _without_both(small, gradient_w(small, short_x, short_g))
    _check_w(small, short_x, short_g, found)
    return found


def project_value(it: Settings, y: Array) -> Array:
    """An answer's sums, as `right_value` gives them."""
    return along(y, of_outputs(it))


def project_x(it: Settings, gx: Array) -> Array:
    """An answer's sums, as `right_gradient_x` gives them."""
    return along(gx, of_inputs(it))


def project_w(it: Settings, gw: Array) -> Array:
    """An answer's sums, as `right_gradient_w` gives them: stored, with as many channels as there are sums."""
    small = it.replace(channels_in=it.groups * of_inputs(it).sums, channels_out=it.groups * of_outputs(it).sums)
    ins = along_stored(gw, of_inputs(it), first=it.transposed)
    return _without_both(small, along_stored(ins, of_outputs(it), first=not it.transposed))


def _without_both(small: Settings, gw: Array) -> Array:
    """Without the sums in which both channels count by their position: they would leave the range of float64."""
    shaped = gw.reshape(small.groups, -1, *gw.shape[1:])
    shaped[:, 1:, 1:] = 0
    return gw


# the three voices


def _checked(it: Settings, arrays: Arrays) -> Array:
    """The answer by scatter; OraclesDisagree where the definition or zero insertion says another thing."""
    found = stamped(it, arrays)
    at = _places(found.shape)
    if not np.array_equal(found.reshape(-1)[at], numbers_at(it, arrays, at)):
        raise OraclesDisagree(f"scatter and the definition differ on {it}")
    for band in _bands(it):
        part, numbers = _of_band(it.explicit(), arrays, band)
        mine = found[band.numbers(it)] if band.whole(it) else stamped(part, numbers)
        if not np.array_equal(mine, zero_insertion(part, numbers.x, numbers.w, numbers.b)):
            raise OraclesDisagree(f"scatter and zero insertion differ on {it}")
    return found


def stamped(it: Settings, arrays: Arrays) -> Array:
    """The answer by scatter, where there are few output channels: every tap meets every input in one product of
    matrices, and what comes of it is put where it belongs; where that were more numbers, tap by tap."""
    ins, outs = it.channels_in // it.groups, it.channels_out // it.groups
    x = wide(arrays.x).reshape(it.batch, it.groups, ins, *it.input)
    w = wide(arrays.w).reshape(it.groups, *((ins, outs) if it.transposed else (outs, ins)), *it.kernel)
    weights = np.moveaxis(w, (1, 2) if it.transposed else (2, 1), (-1, -2)).reshape(it.groups, -1, outs, ins)
    met = prod(min(n, out) for n, out in zip(it.input, it.output, strict=True))
    together = outs * prod(it.input) < ins * met
    if together:
        every = np.matmul(weights.reshape(it.groups, -1, ins), _flat(x))
        stamps = every.reshape(it.batch, it.groups, -1, outs, *it.input)
    y = np.zeros((it.batch, it.groups, outs, *it.output))
    for number, tap in enumerate(np.ndindex(*it.kernel)):
        here, there = zip(*(_met(it, axis, j) for axis, j in enumerate(tap)), strict=True)
        target = y[(..., *there)]
        if not target.size:
            continue
        if together:
            target += stamps[:, :, number][(..., *here)]
        elif ins == outs == 1:
            target += weights[:, number].reshape(-1, 1, *(1,) * it.rank) * x[(..., *here)]
        else:
            target += np.matmul(weights[:, number], _flat(x[(..., *here)])).reshape(target.shape)
    y = y.reshape(it.y_shape)
    return y if arrays.b is None else y + wide(arrays.b).reshape((1, -1) + (1,) * it.rank)


def _flat(array: Array) -> Array:
    """All places in one axis."""
    return array.reshape(*array.shape[:3], -1)


def _met(it: Settings, axis: int, j: int) -> tuple[slice, slice]:
    """Which inputs of an axis a tap carries, and to which outputs; one of the two goes in steps of the stride."""
    s, (lo, _), n, out = it.stride[axis], it.crop[axis], it.input[axis], it.output[axis]
    still, moving = (n, out) if it.transposed else (out, n)
    move = j * it.dilation[axis] - lo  # still k meets k*s + move
    first = max(-(move // s), 0)
    end = max(min((moving - 1 - move) // s + 1, still), first)
    steps = slice(first * s + move, first * s + move + (end - first) * s, s)
    plain = slice(first, end)
    return (plain, steps) if it.transposed else (steps, plain)


def _places(shape: tuple[int, ...]) -> Array:
    """Flat places: every corner, and PLACES others that are spread over items, channels and axes."""
    some = np.random.RandomState(7)
    met = [some.randint(0, extent, PLACES) for extent in shape]
    corners = np.array(list(product(*((0, extent - 1) for extent in shape)))).T
    flat = [np.ravel_multi_index(tuple(each), shape) for each in (met, corners)]
    return np.unique(np.concatenate(flat))


@dataclass(frozen=True)
class _Band:
    """Some positions of the first spatial axis, of some groups of one item, by some input channels of each group."""

    item: int
    group: int
    groups: int
    begin: int
    end: int
    ins: int

    def numbers(self, it: Settings) -> tuple[slice, slice, slice]:
        """Where it stands in the result."""
        outs = it.channels_out // it.groups
        channels = slice(self.group * outs, (self.group + self.groups) * outs)
        return slice(self.item, self.item + 1), channels, slice(self.begin, self.end)

    def whole(self, it: Settings) -> bool:
        """Whether it is by all input channels."""
        return self.ins == it.channels_in // it.groups


def _bands(it: Settings) -> list[_Band]:
    """A band in the middle, the beginning of the first groups, and the end of the last ones; of wide kernels the first
    alone, by as many input channels as there is time for."""
    groups, out = min(it.groups, GROUPS), it.output[0]
    one = groups * prod(it.effective) * max(prod(it.output[1:]), 1)  # what zero insertion looks at, of one channel
    ins = min(max(BAND // one, 1), it.channels_in // it.groups)
    height = min(max(BAND // (one * ins), 1), out)
    last = it.groups - groups
    bands = [
        _Band(0, last // 2, groups, (out - height) // 2, (out - height) // 2 + height, ins),
        _Band(0, 0, groups, 0, height, ins),
        _Band(it.batch - 1, last, groups, out - height, out, ins),
    ]
    return bands if bands[0].whole(it) else bands[:1]


def _of_band(it: Settings, arrays: Arrays, band: _Band) -> tuple[Settings, Arrays]:
    """The convolution that gives a band, of settings whose padding is spelled out in pairs."""
    ins, outs = it.channels_in // it.groups, it.channels_out // it.groups
    groups = slice(band.group, band.group + band.groups)
    x = arrays.x.reshape(it.batch, it.groups, ins, *it.input)[band.item, groups, : band.ins]
    w = arrays.w.reshape(it.groups, -1, *arrays.w.shape[1:])[groups]
    w = w[:, : band.ins] if it.transposed else w[:, :, : band.ins]
    there = slice(band.group * outs, (band.group + band.groups) * outs)
    part = it.replace(batch=1, groups=band.groups, channels_in=band.ins * band.groups, channels_out=outs * band.groups)
    given = Arrays(x.reshape(part.x_shape), w.reshape(part.w_shape), None if arrays.b is None else arrays.b[there])
    return rows(part, given, band.begin, band.end)


def gradient_w_at(it: Settings, x: Array, g: Array, tap: tuple[int, ...]) -> Array:
    """The kernel's gradient at one tap by the definition, stored without its spatial axes."""
    still, moving = [], []
    for j, n, out, s, d, (lo, _) in zip(tap, it.input, it.output, it.stride, it.dilation, it.crop, strict=True):
        here = np.arange(n if it.transposed else out)
        there = here * s + j * d - lo
        inside = (there >= 0) & (there < (out if it.transposed else n))
        still.append(here[inside])
        moving.append(there[inside])
    at_x, at_g = (still, moving) if it.transposed else (moving, still)
    every = (np.arange(it.batch),)
    met_x = wide(x)[np.ix_(*every, np.arange(it.channels_in), *at_x)]
    met_g = wide(g)[np.ix_(*every, np.arange(it.channels_out), *at_g)]
    flat_x = met_x.reshape(it.batch, it.groups, it.channels_in // it.groups, -1)
    flat_g = met_g.reshape(it.batch, it.groups, it.channels_out // it.groups, -1)
    first, second = (flat_x, flat_g) if it.transposed else (flat_g, flat_x)
    return np.matmul(first, second.swapaxes(2, 3)).sum(axis=0).reshape(it.w_shape[:2])


def _check_w(it: Settings, x: Array, g: Array, found: Array) -> None:
    """OraclesDisagree where the definition says another thing of some taps, or zero insertion of a band, of which
    sum(grad-w v) = sum(g conv(x, v)) for every v."""
    some = np.random.RandomState(8)
    for _ in range(TAPS):
        tap = tuple(int(some.randint(0, k)) for k in it.kernel)
        if not np.array_equal(_without_both(it, gradient_w_at(it, x, g, tap)), found[index(..., *tap)]):
            raise OraclesDisagree(f"two oracles differ on grad-w of {it}")
    v = _without_both(it, wide(np.array([-2, -1, 1, 2])[some.randint(0, 4, it.w_shape)]))
    for band in _bands(it):
        part, numbers = _of_band(it.explicit(), Arrays(x, v), band)
        there = g[band.numbers(it)]
        y = zero_insertion(part, numbers.x, numbers.w)
        # whole numbers below 2^53, and sums of their products modulo 2^64: exact
        mine = np.sum(gradient_w(part, numbers.x, there).astype(np.int64) * numbers.w.astype(np.int64))
        theirs = np.sum(there.astype(np.int64) * y.astype(np.int64))
        if mine != theirs:
            raise OraclesDisagree(f"grad-w and zero insertion differ on {it}")
