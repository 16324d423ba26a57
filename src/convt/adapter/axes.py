"""What every adapter that reorders axes needs: the arrays as they are sent, and which array a derivative is like."""

from __future__ import annotations

from typing import Any

import numpy as np

from convt.adapter.layouts import Laid, Sent
from convt.adapter.probe import Probe

LIKE_X = ("grad-x", "only-x", "grad-wx", "jvp-grad-x")
LIKE_W = ("grad-w", "only-w", "grad-xw")
LIKE_B = ("grad-b", "only-b")
ALONG_X = ("grad-xw", "jvp-x")
"""Whose direction t is like x; that of the others is like w."""


def laid_out(probe: Probe, x: np.ndarray, w: np.ndarray, *others: np.ndarray | None) -> Sent:
    """x and w in the memory that the probe wants, which is shared; else each in its own: JAX keeps numpy's memory.

    Both come in the order of axes of the call.
    """
    rest = tuple(None if each is None else np.array(each, order="C") for each in others)
    if probe.layout == ("", ""):
        return Sent((np.array(x, order="C"), np.array(w, order="C"), *rest))
    laid = (Laid(x, probe.layout[0]), Laid(w, probe.layout[1]))
    return Sent((laid[0].view, laid[1].view, *rest), tuple(zip("xw", laid, strict=True)))


def tuples(value: Any) -> Any:
    """Lists, which JSON has, as the tuples that people write."""
    return tuple(map(tuples, value)) if isinstance(value, (list, tuple)) else value
