"""Comparisons that end in a Judgement: exact, within a bound, and of shapes.

The first line of a message is the verdict, `out[0,2]=0.5031, but should be 0.5`; the second one counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convt.laws.law import PASS, Judgement

SIGNIFICAND = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
"""Significant bits; one unit in the last place of v is 2 ** (exponent of v - bits), with |v| < 2 ** exponent."""


def same_shape(actual: tuple[int, ...], expected: tuple[int, ...], what: str = "out.shape") -> Judgement:
    """Pass where two shapes are equal."""
    if tuple(actual) == tuple(expected):
        return PASS
    return Judgement("differs", f"{what}={tuple(actual)}, but should be {tuple(expected)}")


def equal(actual: np.ndarray, expected: np.ndarray, what: str = "out") -> Judgement:
    """Pass where two arrays have one shape, one dtype and equal elements; nan equals nothing."""
    form = _same_form(actual, expected, what)
    if form is not PASS:
        return form
    return _where(actual, expected, ~(actual == expected), what)


def within(
    actual: np.ndarray,
    expected: np.ndarray,
    bound: np.ndarray,
    what: str = "out",
    why: str = "",
    dtype: str = "float32",
) -> Judgement:
    """Pass where |actual - expected| <= bound element by element; says how much of the bound was used.

    `expected` is wider than `actual`, which has `dtype`; `why` says in the message what the bound rests on.
    """
    form = _same_form(actual, expected.astype(dtype), what)
    if form is not PASS:
        return form
    with np.errstate(invalid="ignore"):
        error = np.abs(actual.astype(np.float64) - expected)
    inside = error <= bound
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(error == 0, 0.0, error / bound)
    used = float(np.max(fraction, initial=0.0)) if np.all(np.isfinite(fraction)) else float("inf")
    if bool(np.all(inside)):
        return Judgement("pass", used=used)
    judged = _where(actual, expected, ~inside, what)
    reason = f" ({why})" if why else ""
    return Judgement("differs", f"{judged.message}; {used:,.3g} x the bound{reason}", expected, actual, used)


def _same_form(actual: np.ndarray, expected: np.ndarray, what: str) -> Judgement:
    """Pass where shape and dtype are the same."""
    shapes = same_shape(actual.shape, expected.shape, f"{what}.shape")
    if shapes is not PASS:
        return Judgement("differs", shapes.message, expected, actual)
    if actual.dtype != expected.dtype:
        return Judgement("differs", f"{what}.dtype={actual.dtype}, but should be {expected.dtype}", expected, actual)
    return PASS


def _where(actual: np.ndarray, expected: np.ndarray, wrong: np.ndarray, what: str) -> Judgement:
    """The judgement on the marked elements: the first of them, how many, and the largest difference."""
    count = int(np.count_nonzero(wrong))
    if not count:
        return PASS
    first = tuple(int(index) for index in np.argwhere(wrong)[0])
    place = f"{what}[{','.join(map(str, first))}]={_number(actual[first])}, but should be {_number(expected[first])}"
    counts = f"{count:,} of {actual.size:,} differ; {_largest(actual, expected, wrong)}"
    return Judgement("differs", f"{place}\n{counts}", expected, actual)


def _largest(actual: np.ndarray, expected: np.ndarray, wrong: np.ndarray) -> str:
    """The largest difference, plain and in units in the last place of the larger of the two numbers."""
    got, wanted = actual.astype(np.float64)[wrong], expected.astype(np.float64)[wrong]
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = np.abs(got - wanted)
    finite = np.isfinite(gaps)
    if not np.all(finite):
        return f"{np.count_nonzero(~finite):,} of them not finite"
    at = int(np.argmax(gaps))
    bits = SIGNIFICAND.get(str(actual.dtype))
    if bits is None:
        return f"largest {gaps[at]:.3g}"
    _, exponent = np.frexp(max(abs(got[at]), abs(wanted[at])))
    return f"largest {gaps[at]:.3g} = {gaps[at] / 2.0 ** (int(exponent) - bits):,.0f} ulp"


def _number(value: Any) -> str:
    return f"{value:.9g}"
