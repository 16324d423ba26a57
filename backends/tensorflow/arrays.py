"""A probe's arrays in the order of axes that `tf.nn` takes, and its answer in the stored one.

They are channels last, and kernels are ours reversed: (..., out/groups, in) and (..., in/groups, out).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from convt.adapter.backend import Probe, kept
from convt.adapter.layouts import Laid

LIKE_W = ("grad-w", "only-w", "grad-xw")
"""What is answered in the kernel's axes."""
LIKE_B = ("grad-b", "only-b")
T_LIKE_W = ("grad-wx", "jvp-w", "jvp-grad-x")
"""What wants a direction in the kernel's axes."""


class Tensors(NamedTuple):
    """A probe's arrays, or tensors of them, in TensorFlow's order of axes; None where it has none."""

    x: Any
    w: Any
    b: Any = None
    g: Any = None
    t: Any = None


def sent(probe: Probe) -> Tensors:
    """Copies in C order. What has other axes than the settings say stays as it is."""
    rank = probe.settings.rank
    if probe.want == "unbatched":
        return Tensors(last(probe.x[0], rank), _kernel_last(probe.w, rank), probe.b)
    g, t = probe.g, probe.t
    if g is not None:
        g = last(g, rank)
    if t is not None:
        t = _kernel_last(t, rank) if probe.want in T_LIKE_W else last(t, rank)
    x = last(probe.x, rank) if probe.x.ndim == rank + 2 else np.array(probe.x)
    return Tensors(x, _kernel_last(probe.w, rank), probe.b, g, t)


def received(probe: Probe, y: Any) -> np.ndarray:
    """A tensor as a numpy array of its own, in the stored order of axes."""
    array, rank = np.asarray(memoryview(y)) if probe.block else y.numpy(), probe.settings.rank
    if array.ndim < rank + 1 or probe.want in LIKE_B:
        return np.array(array)
    if probe.want in LIKE_W:
        return np.array(np.moveaxis(array, (-1, -2), (0, 1)))
    return kept(probe, np.moveaxis(array, -1, -1 - rank))


def laid(probe: Probe, arrays: Tensors) -> tuple[Tensors, Callable[[], None]]:
    """The arrays with x and w in the probe's layouts, and what raises InputChanged where either is changed."""
    if probe.layout == ("", ""):
        return arrays, lambda: None
    views = {
        name: Laid(getattr(arrays, name), layout) for name, layout in zip("xw", probe.layout, strict=True) if layout
    }

    def check() -> None:
        for name, view in views.items():
            view.check(name)

    return arrays._replace(**{name: view.view for name, view in views.items()}), check


def last(x: np.ndarray, rank: int) -> np.ndarray:
    """A copy of x, or of what has its axes, with channels, which stand before the spatial axes, last."""
    return np.array(np.moveaxis(x, -1 - rank, -1), order="C")


def _kernel_last(w: np.ndarray, rank: int) -> np.ndarray:
    """A copy of a stored kernel (first, second, ...) as (..., second, first)."""
    return np.array(np.moveaxis(w, (0, 1), (-1, -2)) if w.ndim == rank + 2 else w, order="C")
