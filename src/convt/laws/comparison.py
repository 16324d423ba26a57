"""Comparisons that end in a Finding: exact, within a bound, and of shapes.

Each names the probe that it is about, where the caller says which, and says with `what` what it compared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from convt.conv.oracles import wide
from convt.results.finding import PASS, Finding, FindingKind

SIGNIFICAND = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
"""Significant bits; one unit in the last place of v is 2 ** (exponent of v - bits), with |v| < 2 ** exponent."""


def same_shape(
    actual: tuple[int, ...], expected: tuple[int, ...], what: str = "out.shape", probe: str = "", abstract: bool = False
) -> Finding:
    """Pass where two shapes are equal; `abstract` where the first was not computed but derived."""
    if tuple(actual) == tuple(expected):
        return PASS
    kind: FindingKind = "abstract-shape" if abstract else "shape"
    return Finding("differs", kind, probe, what, got=_extents(actual), due=_extents(expected))


def _extents(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(extent) for extent in shape)


def same_dtype(actual: str, expected: str, what: str = "out.dtype", probe: str = "") -> Finding:
    """Pass where two dtypes have one name."""
    return PASS if actual == expected else Finding("differs", "dtype", probe, what, got=actual, due=expected)


def equal(actual: np.ndarray, expected: np.ndarray, what: str = "out", probe: str = "") -> Finding:
    """Pass where two arrays have one shape, one dtype and equal elements; nan equals nothing."""
    form = _same_form(actual, expected, what, probe)
    if form is not PASS:
        return form
    return _where(actual, expected, ~(actual == expected), what, probe)


def within(
    actual: np.ndarray,
    expected: np.ndarray,
    bound: np.ndarray,
    what: str = "out",
    why: str = "",
    dtype: str = "float32",
    probe: str = "",
) -> Finding:
    """Pass where |actual - expected| <= bound element by element; says how much of the bound was used.

    `expected` is wider than `actual`, which has `dtype`; `why` says in the message what the bound rests on.
    """
    form = _same_form(actual, expected.astype(dtype), what, probe)
    if form is not PASS:
        return form
    with np.errstate(invalid="ignore"):
        error = np.abs(wide(actual) - expected)
    inside = error <= bound
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(error == 0, 0.0, error / bound)
    used = float(np.max(fraction, initial=0.0)) if np.all(np.isfinite(fraction)) else float("inf")
    if bool(np.all(inside)):
        return Finding("pass", used=used)
    return replace(_where(actual, expected, ~inside, what, probe), used=used, why=why)


def _same_form(actual: np.ndarray, expected: np.ndarray, what: str, probe: str) -> Finding:
    """Pass where shape and dtype are the same."""
    form = same_shape(actual.shape, expected.shape, f"{what}.shape", probe)
    if form is PASS:
        form = same_dtype(str(actual.dtype), str(expected.dtype), f"{what}.dtype", probe)
    return PASS if form is PASS else replace(form, expected=expected, actual=actual)


def _where(actual: np.ndarray, expected: np.ndarray, wrong: np.ndarray, what: str, probe: str) -> Finding:
    """The finding on the marked elements: the first of them, how many, and the largest difference."""
    count = int(np.count_nonzero(wrong))
    if not count:
        return PASS
    first = tuple(int(index) for index in np.argwhere(wrong)[0])
    not_finite, largest, ulps = _largest(actual, expected, wrong)
    return Finding(
        "differs", "value", probe, what, index=first, got=number(actual[first]), due=number(expected[first]),
        differing=count, of=actual.size, not_finite=not_finite, largest=largest, ulps=ulps,
        expected=expected, actual=actual,
    )  # fmt: skip


def _largest(actual: np.ndarray, expected: np.ndarray, wrong: np.ndarray) -> tuple[int, float | None, float | None]:
    """How many differences are not finite; else the largest, plain and in units in the last place of the larger one of
    the two numbers."""
    got, wanted = wide(actual)[wrong], wide(expected)[wrong]
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = np.abs(got - wanted)
    finite = np.isfinite(gaps)
    if not np.all(finite):
        return int(np.count_nonzero(~finite)), None, None
    at = int(np.argmax(gaps))
    bits = SIGNIFICAND.get(str(actual.dtype))
    if bits is None:
        return 0, float(gaps[at]), None
    _, exponent = np.frexp(max(abs(got[at]), abs(wanted[at])))
    return 0, float(gaps[at]), float(gaps[at] / 2.0 ** (int(exponent) - bits))


def number(value: Any) -> int | float | complex:
    """A numpy number, of whatever dtype, as Python's own."""
    kind = np.asarray(value).dtype.kind
    return int(value) if kind in "iub" else complex(value) if kind == "c" else float(value)
