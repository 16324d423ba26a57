"""How a framework keeps a kernel, and the same kernel as another one keeps it.

Between two layouts stands the array with an axis for everything, (groups, input features of one group, output features
of one group, *taps), its taps in the order of this project's arithmetic:

    transposed   y[i*s + j*d - lo] += x[i] w[j]        forward   y[o] = sum over j of x[o*s + j*d - lo] w[j]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from convt.conv.dtypes import numpy_dtype
from convt.conv.settings import Settings, Sizes

TAPS = "DHW"


@dataclass(frozen=True)
class KernelLayout:
    """The order of a kernel's axes and of its taps."""

    axes: str
    """A letter an axis: I input features, O output features, then D, H, W as many as there are spatial axes."""
    grouped: Literal["I", "O"] = "I"
    """Which feature axis counts the features of all groups, group after group; the other counts those of one group."""
    mirrored: bool = False
    """Whether the taps run backwards on every spatial axis, w[k - 1 - j] in place of w[j]."""

    def shape(self, it: Settings) -> Sizes:
        """The shape of the kernel of these settings in this layout."""
        sizes = dict(zip(TAPS[3 - it.rank :], it.kernel, strict=True))
        sizes["I"] = it.channels_in if self.grouped == "I" else it.channels_in // it.groups
        sizes["O"] = it.channels_out if self.grouped == "O" else it.channels_out // it.groups
        return tuple(sizes[letter] for letter in self.axes)

    def spread(self, kernel: np.ndarray, groups: int) -> np.ndarray:
        """(groups, in/groups, out/groups, *taps) of a kernel in this layout."""
        space = [letter for letter in TAPS if letter in self.axes]
        array = kernel.transpose([self.axes.index(letter) for letter in ("I", "O", *space)])
        if self.mirrored:
            array = np.flip(array, tuple(range(2, array.ndim)))
        rows, columns, *taps = array.shape
        if self.grouped == "I":
            return array.reshape(groups, rows // groups, columns, *taps)
        return array.reshape(rows, groups, columns // groups, *taps).swapaxes(0, 1)

    def gather(self, spread: np.ndarray) -> np.ndarray:
        """The inverse of `spread`."""
        groups, rows, columns, *taps = spread.shape
        if self.grouped == "I":
            array = spread.reshape(groups * rows, columns, *taps)
        else:
            array = spread.swapaxes(0, 1).reshape(rows, groups * columns, *taps)
        if self.mirrored:
            array = np.flip(array, tuple(range(2, array.ndim)))
        order = "IO" + "".join(letter for letter in TAPS if letter in self.axes)
        return np.ascontiguousarray(array.transpose([order.index(letter) for letter in self.axes]))

    def describe(self) -> str:
        """The layout in words: `(kernel H, kernel W, out, in/groups), taps mirrored`."""
        names = {"I": "in" if self.grouped == "I" else "in/groups", "O": "out" if self.grouped == "O" else "out/groups"}
        words = ", ".join(names.get(letter, f"kernel {letter}") for letter in self.axes)
        return f"({words})" + (", the taps mirrored" if self.mirrored else "")


def own_layout(it: Settings) -> KernelLayout:
    """How this project and PyTorch keep the kernel of these settings."""
    space = TAPS[3 - it.rank :]
    return KernelLayout(f"IO{space}", "I") if it.transposed else KernelLayout(f"OI{space}", "O")


def expression(source: KernelLayout, target: KernelLayout, it: Settings, name: str = "w") -> str:
    """A numpy expression that gives the array `name`, a kernel of these settings in one layout, in another one.

    The same array as `target.gather(source.spread(w, groups))`, for a person to read; `name` alone where nothing moves.
    """
    if it.groups == 1 or source.grouped == target.grouped:
        order = [source.axes.index(letter) for letter in target.axes]
        moved = "" if order == sorted(order) else f".transpose({', '.join(map(str, order))})"
    else:  # the groups change sides: an axis of their own between the two
        sizes = dict(zip(source.axes, source.shape(it), strict=True))
        sizes[source.grouped] //= it.groups
        sizes["G"] = it.groups
        before = source.axes.replace(source.grouped, f"G{source.grouped}")
        after = target.axes.replace(target.grouped, f"G{target.grouped}")
        shape = ", ".join(str(sizes[letter]) for letter in before)
        order = [before.index(letter) for letter in after]
        moved = f".reshape({shape}).transpose({', '.join(map(str, order))})"
        moved += f".reshape({', '.join(map(str, target.shape(it)))})"
    if source.mirrored != target.mirrored:
        taps = ["::-1" if letter in TAPS else ":" for letter in target.axes]
        while taps[-1] == ":":
            taps.pop()
        moved += f"[{', '.join(taps)}]"
    return f"{name}{moved}"


def channels_last_layout(rank: int, transposed: bool, depthwise: bool = False) -> KernelLayout:
    """How TensorFlow and Keras keep a kernel, whatever the order of the input's axes."""
    space = TAPS[3 - rank :]
    if transposed:
        return KernelLayout(f"{space}OI", "I")
    return KernelLayout(f"{space}IO", "I" if depthwise else "O")


def dilated(spread: np.ndarray, dilation: Sizes) -> np.ndarray:
    """A kernel with the zeros between its taps written out, so that it needs no dilation."""
    sizes = [d * (k - 1) + 1 for k, d in zip(spread.shape[3:], dilation, strict=True)]
    wide = np.zeros((*spread.shape[:3], *sizes), spread.dtype)
    places = tuple(slice(None, None, d) for d in dilation)
    wide[(slice(None),) * 3 + places] = spread
    return wide


def as_array(value: Any) -> np.ndarray:
    """A framework's tensor or variable as a numpy array, its memory its own."""
    for name in ("detach", "cpu", "resolve_conj", "resolve_neg"):
        if not isinstance(value, np.ndarray) and hasattr(value, name):
            value = getattr(value, name)()
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":  # of which PyTorch gives numpy no array
        whole = value.float().numpy()  # every one of them is a float32
        return np.array(whole.astype(numpy_dtype("bfloat16")))
    if not isinstance(value, np.ndarray) and hasattr(value, "numpy"):
        value = value.numpy()
    return np.array(value)
