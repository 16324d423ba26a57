"""The formula of a convolution, position by position: slow, and with nothing in it that could be wrong for speed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from convt.conv.settings import Settings

Index = tuple[int, ...]


def operands(it: Settings, x: np.ndarray, w: np.ndarray) -> Iterator[tuple[Index, np.ndarray, np.ndarray]]:
    """(index into y, its inputs, its taps) for each element of y; the sum of their products is the element."""
    per_in, per_out = it.channels_in // it.groups, it.channels_out // it.groups
    for position in product(*map(range, it.output)):
        pairs = list(_landing(it, position))
        for item, out in product(range(it.batch), range(it.channels_out)):
            group, place = divmod(out, per_out)
            inputs, taps = [], []
            for channel, (source, tap) in product(range(per_in), pairs):
                inputs.append(x[(item, group * per_in + channel, *source)])
                taps.append(w[(group * per_in + channel, place, *tap) if it.transposed else (out, channel, *tap)])
            yield (item, out, *position), np.array(inputs, x.dtype), np.array(taps, w.dtype)


def _landing(it: Settings, position: Index) -> Iterator[tuple[Index, Index]]:
    """(input position, tap) pairs that meet at an output position."""
    for tap in product(*map(range, it.kernel)):
        source = []
        for o, j, s, d, (lo, _), n in zip(position, tap, it.stride, it.dilation, it.crop, it.input, strict=True):
            # transposed: i*s + j*d - lo = o; forward: i = o*s + j*d - lo
            i, rest = divmod(o + lo - j * d, s) if it.transposed else (o * s + j * d - lo, 0)
            if rest or not 0 <= i < n:
                break
            source.append(i)
        else:
            yield tuple(source), tap


def by_definition(it: Settings, x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
    """y as (batch, channels_out, *output), float64."""
    y = np.zeros(it.y_shape)
    for index, inputs, taps in operands(it, x.astype(np.float64), w.astype(np.float64)):
        y[index] = inputs @ taps + (0 if b is None else b[index[1]])
    return y
