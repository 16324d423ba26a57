"""The a-priori error bound of a sum of products, per element; it survives cancellation and never grows with array size.

    |y - ref| <= gamma_m (|x| conv |w| + |b|) + u_out |ref|,      gamma_m = m u / (1 - m u)

`m` is the number of roundings on the longest path to that element, `u` the unit roundoff of the accumulation dtype.
Source: Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.1.
"""

from __future__ import annotations

import numpy as np

from convt.conv.data import Arrays
from convt.conv.oracles import scatter
from convt.conv.settings import Settings

UNIT_ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
SMALLEST = {"float64": 2.0**-1074, "float32": 2.0**-149, "float16": 2.0**-24, "bfloat16": 2.0**-133}
"""The smallest subnormal number: below the smallest normal one, half of it is what a rounding can cost."""


def accumulation(dtype: str) -> str:
    """The dtype in which the sums of a result of this dtype are due: float32 for those of 16 bits, else its own."""
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def terms(settings: Settings) -> np.ndarray:
    """How many products land on each element of one item's output, (1, channels_out, *output)."""
    one = settings.replace(batch=1, bias=False)
    return scatter(one, np.ones(one.x_shape, np.int64), np.ones(one.w_shape, np.int64))


def bound(
    settings: Settings, arrays: Arrays, reference: np.ndarray, accumulation: str = "float32", out: str = "float32"
) -> np.ndarray:
    """The largest |y - reference| that honest arithmetic can leave, per element of y.

    Each of the m products rounds once and joins by at most m further additions (bias included); both counted, 2m covers
    any order of summation and fused or separate multiplication.
    """
    b = None if arrays.b is None else np.abs(arrays.b.astype(np.float64))
    magnitude = scatter(settings, np.abs(arrays.x.astype(np.float64)), np.abs(arrays.w.astype(np.float64)), b)
    m = terms(settings) + 1
    u = UNIT_ROUNDOFF[accumulation]
    gamma = m * u / (1 - m * u)
    return gamma * magnitude + UNIT_ROUNDOFF[out] * np.abs(reference) + np.where(reference != 0, SMALLEST[out] / 2, 0)
