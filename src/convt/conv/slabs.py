"""The right answer of a convolution whose result no memory holds: in slabs, each by the oracles, in C order.

A slab is some items, some channels of an item, or some rows of a channel. It is a convolution of its own, of a part of
x and of w, so that the oracles answer it. `numbers_at` is another oracle: the definition, at single places.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np

from convt.conv.block_sums import marks, sum_blocks
from convt.conv.data import Arrays
from convt.conv.oracles import OraclesDisagree, reference, wide
from convt.conv.settings import Settings

SLAB = 1 << 22
"""About how many numbers a slab has: 32 MB of float64."""
MOST_IN_A_ROW = 1 << 24
"""The most numbers that one position of the first spatial axis may stand for: a slab is not cut smaller."""
EDGES = tuple(1 << power for power in range(16, 34))
"""Counts at which something may wrap around: a slab with one of them is asked of two oracles."""


def right_block_sums(it: Settings, arrays: Arrays, block: int) -> np.ndarray:
    """The right block sums; OraclesDisagree where two oracles differ."""
    size = prod(it.y_shape)
    right = sum_blocks(_checked(it, arrays), size, block)
    at = marks(size)
    if not np.array_equal(right[len(right) - len(at) :], numbers_at(it, arrays, at)):
        raise OraclesDisagree(f"the slabs and the definition differ on {it}")
    return right


def _checked(it: Settings, arrays: Arrays) -> Iterator[np.ndarray]:
    """The flat numbers of each slab."""
    at = 0
    for settings, part in slabs(it.explicit(), arrays):
        end = at + prod(settings.y_shape)
        telling = at == 0 or end == prod(it.y_shape) or any(at <= edge < end for edge in EDGES)
        oracles = ("scatter", "zero-insertion") if telling else ("scatter",)
        yield reference(settings, part.x, part.w, part.b, oracles).reshape(-1)
        at = end


def slabs(it: Settings, arrays: Arrays, size: int = SLAB) -> Iterator[tuple[Settings, Arrays]]:
    """The convolutions whose answers, one after the other, are that of `it`, whose padding is spelled out in pairs."""
    items = size // max(prod(it.y_shape[1:]), 1)
    for at in range(0, it.batch, max(items, 1)):
        x = arrays.x[at : at + max(items, 1)]
        part = it.replace(batch=len(x))
        if items:
            yield part, Arrays(x, arrays.w, arrays.b)
        else:
            yield from _of_channels(part, Arrays(x, arrays.w, arrays.b), size)


def _of_channels(it: Settings, arrays: Arrays, size: int) -> Iterator[tuple[Settings, Arrays]]:
    """One item: whole groups, or some of the channels of one."""
    ins, outs = it.channels_in // it.groups, it.channels_out // it.groups
    count = max(size // max(prod(it.output), 1), 1)
    together = max(count // outs, 1)
    for group in range(0, it.groups, together):
        groups = min(together, it.groups - group)
        x = arrays.x[:, group * ins : (group + groups) * ins]
        for first in range(0, outs, count):
            given = min(count, outs - first) if groups == 1 else outs
            channels = slice(group * outs + first, group * outs + first + groups * given)
            if it.transposed:
                w = arrays.w[group * ins : (group + groups) * ins, first : first + given]
            else:
                w = arrays.w[channels]
            b = None if arrays.b is None else arrays.b[channels]
            part = it.replace(groups=groups, channels_in=groups * ins, channels_out=groups * given)
            if prod(it.output) <= size:
                yield part, Arrays(x, w, b)
            else:
                yield from _of_rows(part, Arrays(x, w, b), size)


def _of_rows(it: Settings, arrays: Arrays, size: int) -> Iterator[tuple[Settings, Arrays]]:
    """One channel of one item: some positions of the first spatial axis."""
    step = max(size // max(prod(it.output[1:]), 1), 1)
    for begin in range(0, it.output[0], step):
        yield rows(it, arrays, begin, min(begin + step, it.output[0]))


def rows(it: Settings, arrays: Arrays, begin: int, end: int) -> tuple[Settings, Arrays]:
    """The convolution whose answer is that of `it` from `begin` to `end` of the first spatial axis; the padding of `it`
    is spelled out in pairs."""
    low, high, (lo, hi), extra = (_stamped if it.transposed else _seen)(it, begin, end)
    changes: dict[str, Any] = {"input": (high - low, *it.input[1:]), "padding": ((lo, hi), *it.crop[1:])}
    if it.transposed:
        changes["output_padding"] = (extra, *it.extra[1:]) if extra or any(it.extra[1:]) else None
    return it.replace(**changes), Arrays(arrays.x[:, :, low:high], arrays.w, arrays.b)


def _stamped(it: Settings, begin: int, end: int) -> tuple[int, int, tuple[int, int], int]:
    """Which inputs may reach the outputs from `begin` to `end`, and the crop and output padding that leave just these.

    The first is one that begins where the slab does or before, so that no crop is negative.
    """
    n, s, e, (lo, _) = it.input[0], it.stride[0], it.effective[0], it.crop[0]
    low = min(max((begin + lo - e + 1) // s, 0), n - 1)
    high = min((end - 1 + lo) // s, n - 1) + 1
    cut = lo + begin - low * s
    rest = (high - low - 1) * s + e - cut - (end - begin)
    return low, high, (cut, max(rest, 0)), max(-rest, 0)


def _seen(it: Settings, begin: int, end: int) -> tuple[int, int, tuple[int, int], int]:
    """Which inputs the windows of the outputs from `begin` to `end` cover, and the zeros around them."""
    n, s, e, (lo, _) = it.input[0], it.stride[0], it.effective[0], it.crop[0]
    first, last = begin * s - lo, (end - 1) * s + e - lo
    low, high = min(max(first, 0), n), min(max(last, 0), n)
    before = min(max(-first, 0), last - first)
    return low, high, (before, last - first - (high - low) - before), 0


def index(*parts: Any) -> Any:
    """What stands between the brackets of an array: places, lists of them, or slices, one an axis."""
    return parts


def numbers_at(it: Settings, arrays: Arrays, at: np.ndarray) -> np.ndarray:
    """The answer at flat places in C order, by the definition: every tap of every input channel of the group."""
    item, channel, *place = np.unravel_index(at, it.y_shape)
    ins, outs = it.channels_in // it.groups, it.channels_out // it.groups
    group, own = np.divmod(channel, outs)
    x = arrays.x.reshape(it.batch, it.groups, ins, *it.input)
    w = arrays.w.reshape(it.groups, *((ins, outs) if it.transposed else (outs, ins)), *it.kernel)
    y = np.zeros(len(at))
    for tap in product(*map(range, it.kernel)):
        here = np.ones(len(at), bool)
        source = []
        for axis, j in enumerate(tap):
            s, d, (lo, _), n = it.stride[axis], it.dilation[axis], it.crop[axis], it.input[axis]
            moved = place[axis] + lo - j * d if it.transposed else (place[axis] * s - lo + j * d) * s
            here &= (moved % s == 0) & (moved >= 0) & (moved < n * s)
            source.append(np.clip(moved // s, 0, n - 1))
        if here.any():
            met = wide(x[index(item, group, slice(None), *source)])
            weights = (
                w[index(group, slice(None), own, *tap)] if it.transposed else w[index(group, own, slice(None), *tap)]
            )
            y += np.where(here, np.einsum("pi,pi->p", met, wide(weights)), 0)
    return y if arrays.b is None else y + arrays.b[channel]
