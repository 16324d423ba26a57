"""numpy's dtype by its name. A target's process may do without ml_dtypes, which types such as bfloat16 alone need."""

from __future__ import annotations

import numpy as np


def numpy_dtype(name: str) -> np.dtype:
    """The dtype of this name; ModuleNotFoundError where it is one of ml_dtypes', and that is not installed."""
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))
