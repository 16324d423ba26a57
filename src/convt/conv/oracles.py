"""Three ways to compute a convolution that share no code: scatter, dense matrix, zero insertion.

Each takes settings and arrays in the stored shapes and returns y as (batch, channels_out, *output) in float64. On
integers below 2^53 any order of summation gives the same bits: the three agree exactly, or one is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from convt.conv.settings import Settings

Array = np.ndarray
VERSION = 1
"""Raised where the oracles begin to say something else: verdicts by two versions are not compared."""
BLOCK = 2_000_000
"""How many numbers an intermediate array may hold: 16 MB of them."""


class OraclesDisagree(AssertionError):
    """Two oracles gave different numbers: the suite is wrong, not the framework."""


def scatter(it: Settings, x: Array, w: Array, b: Array | None = None) -> Array:
    """Each input value stamps its kernel onto the output (transposed); each output gathers its window (forward)."""
    xg, wg = _grouped(it, wide(x), wide(w))
    y = (_stamp if it.transposed else _gather)(it, xg, wg).reshape(it.y_shape)
    return y if b is None else y + wide(b).reshape((1, -1) + (1,) * it.rank)


def _stamp(it: Settings, xg: Array, wg: Array) -> Array:
    axes = zip(it.input, it.stride, it.effective, it.extra, strict=True)
    full = [max((n - 1) * s, 0) + e + a for n, s, e, a in axes]
    canvas = np.zeros((it.batch, it.groups, wg.shape[2], *full), np.result_type(xg, wg))
    for tap in product(*map(range, it.kernel)):
        target = _spatial(canvas, _positions(it, tap, it.input))
        if target.size:
            target += _mix(xg, _spatial(wg, tap))
    return _spatial(canvas, [slice(lo, lo + out) for (lo, _), out in zip(it.crop, it.output, strict=True)])


def _gather(it: Settings, xg: Array, wg: Array) -> Array:
    canvas = np.zeros((it.batch, it.groups, wg.shape[2], *it.output), np.result_type(xg, wg))
    padded = np.pad(xg, [(0, 0)] * 3 + list(it.crop))
    if canvas.size:
        for tap in product(*map(range, it.kernel)):
            canvas += _mix(_spatial(padded, _positions(it, tap, it.output)), _spatial(wg, tap))
    return canvas


def _positions(it: Settings, tap: Sequence[int], count: Sequence[int]) -> list[slice]:
    """Where tap `j` meets the `count` inputs or outputs of each axis: j*d, j*d + s, j*d + 2s, .."""
    axes = zip(tap, it.dilation, count, it.stride, strict=True)
    return [slice(j * d, j * d + n * s, s) for j, d, n, s in axes]


def _spatial(array: Array, index: Sequence[Any]) -> Array:
    """The array indexed behind its first three axes."""
    return array[(slice(None), slice(None), slice(None), *index)]


def _mix(x: Array, weights: Array) -> Array:
    """(batch, groups, in, ...) times (groups, in, out) to (batch, groups, out, ...)."""
    flat = x.reshape(*x.shape[:3], int(np.prod(x.shape[3:])))
    return np.matmul(weights.transpose(0, 2, 1)[None], flat).reshape(
        x.shape[0], x.shape[1], weights.shape[2], *x.shape[3:]
    )


def dense_matrix(it: Settings, w: Array, group: int = 0, first: slice = slice(None)) -> Array:
    """The matrix of one group: rows (out channel, output position), columns (in channel, input position).

    `first` keeps only those output positions of the first spatial axis, so that a large matrix can be built in blocks.
    """
    axes = [_selection(it, axis, first if axis == 0 else slice(None)) for axis in range(it.rank)]
    per = it.channels_in // it.groups
    w = w[group * per : (group + 1) * per].swapaxes(0, 1) if it.transposed else _rows(it, w, group)
    letters = ("adg", "beh", "cfi")[: it.rank]
    taps, outs, ins = ("".join(letter[at] for letter in letters) for at in (2, 0, 1))
    spelled = ",".join([f"yx{taps}", *letters]) + f"->y{outs}x{ins}"
    blocks = np.einsum(spelled, w, *axes, optimize=True)
    rows = w.shape[0] * int(np.prod([axis.shape[0] for axis in axes]))
    return blocks.reshape(rows, w.shape[1] * int(np.prod(it.input)))


def dense_selection(it: Settings, axis: int) -> Array:
    """T[o, i, j] = 1 where tap j of an axis carries input i to output o."""
    return _selection(it, axis, slice(None))


def _rows(it: Settings, w: Array, group: int) -> Array:
    per = it.channels_out // it.groups
    return w[group * per : (group + 1) * per]


def _selection(it: Settings, axis: int, rows: slice) -> Array:
    """T[o, i, j] = 1 where tap j carries input i to output o, for the outputs of `rows`."""
    o = np.arange(it.output[axis])[rows, None, None]
    i = np.arange(it.input[axis])[None, :, None]
    j = np.arange(it.kernel[axis])[None, None, :] * it.dilation[axis]
    lo, s = it.crop[axis][0], it.stride[axis]
    return ((i * s + j - lo == o) if it.transposed else (i == o * s + j - lo)).astype(np.float64)


def matrix(it: Settings, x: Array, w: Array, b: Array | None = None) -> Array:
    """The dense matrix of each group times the flattened input, in blocks of at most BLOCK entries."""
    x, w = wide(x), wide(w)
    columns = x.reshape(it.batch, it.groups, it.channels_in // it.groups * int(np.prod(it.input)))
    per_out = it.channels_out // it.groups
    rest = int(np.prod(it.output[1:]))
    entries = per_out * rest * max(columns.shape[2], it.input[0] * it.kernel[0], 1)
    step = max(BLOCK // max(entries, 1), 1)
    y = np.zeros((it.batch, it.groups, per_out, it.output[0], rest), np.result_type(x, w))
    for group in range(it.groups):
        for at in range(0, it.output[0], step):
            block = slice(at, at + step)
            rows = dense_matrix(it, w, group, block)
            y[:, group, :, block] = (columns[:, group] @ rows.T).reshape(
                it.batch, per_out, len(range(it.output[0])[block]), rest
            )
    y = y.reshape(it.y_shape)
    return y if b is None else y + wide(b)[None, :].reshape((1, -1) + (1,) * it.rank)


def zero_insertion(it: Settings, x: Array, w: Array, b: Array | None = None) -> Array:
    """A stride-1 correlation with an explicit kernel: over the zero-stuffed input with the flipped kernel (transposed),
    or with zeros between the taps and every stride-th answer kept (forward)."""
    x, w = wide(x), wide(w)
    stuffed_kernel = _stuff(w, it.dilation)
    answers = []
    for group in range(it.groups):
        per_in, per_out = it.channels_in // it.groups, it.channels_out // it.groups
        part = x[:, group * per_in : (group + 1) * per_in]
        if it.transposed:
            kernel = stuffed_kernel[group * per_in : (group + 1) * per_in]
            kernel = np.flip(kernel, tuple(range(2, 2 + it.rank))).swapaxes(0, 1)
            part = _stuff(part, it.stride)
            margins = [(e - 1, e - 1 + a) for e, a in zip(it.effective, it.extra, strict=True)]
            y = _correlate(np.pad(part, [(0, 0), (0, 0), *margins]), kernel, it.effective)
            # a crop and an output padding both act on the finished result
            keep = [slice(lo, lo + out) for (lo, _), out in zip(it.crop, it.output, strict=True)]
        else:
            kernel = stuffed_kernel[group * per_out : (group + 1) * per_out]
            y = _correlate(np.pad(part, [(0, 0), (0, 0), *it.crop]), kernel, it.effective)
            keep = [slice(0, (out - 1) * s + 1 if out else 0, s) for out, s in zip(it.output, it.stride, strict=True)]
        answers.append(y[(slice(None), slice(None), *keep)])
    y = np.concatenate(answers, axis=1)
    return y if b is None else y + np.expand_dims(wide(b), tuple(range(1, 1 + it.rank)))


def _stuff(array: Array, step: tuple[int, ...]) -> Array:
    """`step - 1` zeros between neighbours on each spatial axis."""
    shape = array.shape[:2] + tuple(max((n - 1) * s + 1, 0) for n, s in zip(array.shape[2:], step, strict=True))
    out = np.zeros(shape, array.dtype)
    out[(slice(None), slice(None), *(slice(None, None, s) for s in step))] = array
    return out


def _correlate(x: Array, kernel: Array, extent: tuple[int, ...]) -> Array:
    """Stride-1 valid correlation of (n, i, ...) with (o, i, ...)."""
    if any(n < e for n, e in zip(x.shape[2:], extent, strict=True)):
        sizes = tuple(max(n - e + 1, 0) for n, e in zip(x.shape[2:], extent, strict=True))
        return np.zeros((x.shape[0], kernel.shape[0], *sizes), np.result_type(x, kernel))
    rank = len(extent)
    windows = sliding_window_view(x, extent, axis=tuple(range(2, 2 + rank)))
    over = ([0, *range(1 + rank, 1 + 2 * rank)], [1, *range(2, 2 + rank)])
    y = np.zeros((x.shape[0], *windows.shape[2 : 2 + rank], kernel.shape[0]), np.result_type(x, kernel))
    # in blocks of rows: tensordot copies its windows, as many times the input as the kernel has taps
    step = max(BLOCK // max(int(np.prod(windows.shape[3:])) * x.shape[1], 1), 1)
    for item, answer in zip(windows, y, strict=True):
        for at in range(0, answer.shape[0], step):
            answer[at : at + step] = np.tensordot(item[:, at : at + step], kernel, axes=over)
    return np.moveaxis(y, -1, 1)


def wide(array: Array) -> Array:
    """float64, where integers and sums below 2^53 are exact and products are fast; complex128 of complex numbers."""
    return np.asarray(array, np.complex128 if array.dtype.kind == "c" else np.float64)


def _grouped(it: Settings, x: Array, w: Array) -> tuple[Array, Array]:
    """x as (batch, groups, in, ...), w as (groups, in, out, ...)."""
    xg = x.reshape(it.batch, it.groups, it.channels_in // it.groups, *it.input)
    if it.transposed:
        return xg, w.reshape(it.groups, it.channels_in // it.groups, it.channels_out // it.groups, *it.kernel)
    wg = w.reshape(it.groups, it.channels_out // it.groups, it.channels_in // it.groups, *it.kernel)
    return xg, wg.swapaxes(1, 2)


ORACLES = {"scatter": scatter, "matrix": matrix, "zero-insertion": zero_insertion}


def reference(it: Settings, x: Array, w: Array, b: Array | None = None, oracles: Sequence[str] = ()) -> Array:
    """The answer on integers, by all three oracles or the named ones; OraclesDisagree where they are not the same."""
    answers = {name: oracle(it, x, w, b) for name, oracle in ORACLES.items() if not oracles or name in oracles}
    first = answers["scatter"]
    for name, answer in answers.items():
        if answer.shape != first.shape or not np.array_equal(answer, first):
            raise OraclesDisagree(f"scatter and {name} differ on {it}")
    return first
