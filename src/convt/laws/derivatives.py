"""The numbers on which derivatives are asked, and of which array a direction has the shape."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from convt.cases.case import Case
from convt.conv import data
from convt.conv.data import EXACT_LIMIT, Arrays
from convt.laws.probes import whole

HEADROOM = EXACT_LIMIT["float32"]
EVERY = 4
"""One in so many cases, by content, is asked for its gradients in float32 by the law `gradients`."""
LIKE = {"grad-xw": "x", "grad-wx": "w", "jvp-x": "x", "jvp-w": "w", "jvp-grad-x": "w"}
"""Of which array the direction has the shape."""


@lru_cache(maxsize=64)
def numbers(case: Case) -> Arrays | None:
    """x and w for gradients: of 12 significant bits where the sums leave room for it, so that a rounding to bfloat16,
    float16 or TF32 in the backward pass shows; else small integers; None where not even their sums are exact."""
    it, small = case.settings, whole(case)
    taps, places = int(np.prod(it.kernel)), it.batch * min(int(np.prod(it.input)), int(np.prod(it.output)))
    most = 3 * max(taps * max(it.channels_in, it.channels_out) // it.groups, places, 1)
    if most * 4095 < HEADROOM:
        return Arrays(data.precision(it, "x", case.seed).x, data.precision(it, "w", case.seed).w, small.b)
    largest = max(float(np.max(np.abs(a), initial=0)) for a in (small.x, small.w))
    return small if most * largest < HEADROOM else None
