"""Equal numbers in other memory: what a framework is given, and whether it left that memory as it was.

Runs in the target's process, so it needs Python 3.10+ and numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from convt.adapter.heap import copied
from convt.adapter.heap import memory as fresh
from convt.adapter.probe import Layout, Probe

CANARY = 0xA5
"""Every byte of the memory around and between the numbers."""


class InputChanged(Exception):
    """The framework wrote into an array that it was given to read."""


class Laid:
    """An array in a layout: `view` is for the framework, of which `check` says afterwards whether it is unchanged.

    contiguous      C order, as numpy makes them
    channels-last   channels innermost in memory, the spatial axes in between; for arrays with channels second
    strided         every second number of a row, canaries between them
    transposed      Fortran order, the first axis innermost
    flipped         backwards along the spatial axes, with negative strides
    broadcast       one item with stride 0 where the first axis repeats itself; else as it is
    read-only       C order, which numpy refuses to write to
    """

    def __init__(self, array: np.ndarray, layout: Layout) -> None:
        self.layout = layout
        self._memory, self.view = _laid(np.array(array, order="C"), layout or "contiguous")
        self._before = self._memory.tobytes()
        if self.view.shape != array.shape:
            raise ValueError(f"found the shape {self.view.shape} laid out {layout}, accepted {array.shape}")
        if layout == "read-only":
            self.view.flags.writeable = False

    def check(self, name: str) -> None:
        """Raise InputChanged where any byte of the memory is another than before."""
        after = self._memory.tobytes()
        if after != self._before:
            count = sum(a != b for a, b in zip(after, self._before, strict=True))
            raise InputChanged(f"{count} bytes of {name}, laid out {self.layout}, are other ones after the call")


class Sent(NamedTuple):
    """What the framework is given for a probe, and the memory to look at afterwards."""

    arrays: tuple[Any, ...]
    """Of numpy, or the framework's own; None where there is none."""
    laid: tuple[tuple[str, Laid], ...] = ()
    """By the name of the array."""

    def check(self) -> None:
        """Raise InputChanged where the framework wrote into x, w or g."""
        for name, each in self.laid:
            each.check(name)


def in_memory(probe: Probe, names: Sequence[str]) -> Sent:
    """The probe's arrays of these names, x, w and g in the memory that it wants; the rest as copies in C order.

    KeyError where it lacks one.
    """
    there = {name: array for name, array in zip("xwbgt", probe.arrays, strict=True) if array is not None}
    wanted = zip("xwg", probe.layout, strict=False)
    laid = {name: Laid(there[name], how) for name, how in wanted if how and name in names}
    arrays = (laid[name].view if name in laid else copied(there[name]) for name in names)
    return Sent(tuple(arrays), tuple(laid.items()))


def statement(name: str, array: np.ndarray, layout: Layout) -> str:
    """A line of numpy that lays the C-ordered array of this name out so; empty where it is already.

    The copies are `copy`'s, which gives extents of 1 the strides of their place, where `ascontiguousarray` leaves
    theirs: by these a framework may tell layouts apart.
    """
    spatial = tuple(range(2, array.ndim))
    if layout == "read-only":
        return f"{name}.flags.writeable = False"
    if array.ndim < 2 or not array.size or (layout == "broadcast" and not _repeats(array)):
        return ""
    if layout == "channels-last":
        there, back = (0, *spatial, 1), (0, array.ndim - 1, *range(1, array.ndim - 1))
        return f"{name} = {name}.transpose{there}.copy().transpose{back}  # channels-last memory"
    return {
        "strided": f"{name} = np.repeat({name}, 2, axis=-1)[..., ::2]  # every second number of its memory",
        "transposed": f"{name} = {name}.T.copy().T  # the first axis innermost in memory",
        "flipped": f"{name} = np.flip(np.flip({name}, {spatial}).copy(), {spatial})  # backwards in memory",
        "broadcast": f"{name} = np.lib.stride_tricks.as_strided({name}, strides=(0, *{name}.strides[1:]))  # one item",
    }.get(layout, "")


def _laid(array: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """(the whole memory as bytes, the view)."""
    spatial = tuple(range(2, array.ndim))
    if layout in ("contiguous", "read-only") or array.ndim < 2 or not array.size:
        return _placed(array, tuple(range(array.ndim)))
    if layout == "channels-last":
        return _placed(array, (0, *spatial, 1))
    if layout == "transposed":
        return _placed(array, tuple(reversed(range(array.ndim))))
    if layout == "flipped":
        memory, view = _placed(np.flip(array, spatial), tuple(range(array.ndim)))
        return memory, np.flip(view, spatial)
    if layout == "strided":
        memory = fresh(2 * array.nbytes)
        memory[...] = CANARY
        view = memory.view(array.dtype).reshape(*array.shape[:-1], 2 * array.shape[-1])[..., ::2]
        view[...] = array
        return memory, view
    if layout == "broadcast" and _repeats(array):
        memory, view = _placed(array[:1], tuple(range(array.ndim)))
        strides = (0, *view.strides[1:])
        return memory, np.lib.stride_tricks.as_strided(view, array.shape, strides)
    return _placed(array, tuple(range(array.ndim)))


def _repeats(array: np.ndarray) -> bool:
    """Whether all items along the first axis are equal."""
    return all(np.array_equal(array[:1], array[at : at + 1]) for at in range(len(array)))


def _placed(array: np.ndarray, order: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The array with its axes in this order in memory, the last one innermost."""
    memory = fresh(array.nbytes)
    view = memory.view(array.dtype).reshape([array.shape[axis] for axis in order])
    view = view.transpose(np.argsort(order)) if order else view
    view[...] = array
    return memory, view
