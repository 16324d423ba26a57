"""Comparisons that end in a Judgement: exact, within a bound, and of shapes."""

from __future__ import annotations

import numpy as np

from tests.laws.base import PASS, Judgement


def same_shape(actual: tuple[int, ...], expected: tuple[int, ...], what: str = "out.shape") -> Judgement:
    """Pass where two shapes are equal."""
    if tuple(actual) == tuple(expected):
        return PASS
    return Judgement("differs", f"{what}={tuple(actual)}, but should be {tuple(expected)}")


def equal(actual: np.ndarray, expected: np.ndarray, what: str = "out") -> Judgement:
    """Pass where two arrays have one shape and are equal element by element; nan equals nothing."""
    shapes = same_shape(actual.shape, expected.shape, f"{what}.shape")
    if shapes is not PASS:
        return Judgement("differs", shapes.message, expected, actual)
    return _where(actual, expected, ~(actual == expected), what)


def within(actual: np.ndarray, expected: np.ndarray, bound: np.ndarray, what: str = "out") -> Judgement:
    """Pass where |actual - expected| <= bound element by element; says how much of the bound was used."""
    shapes = same_shape(actual.shape, expected.shape, f"{what}.shape")
    if shapes is not PASS:
        return Judgement("differs", shapes.message, expected, actual)
    error = np.abs(actual.astype(np.float64) - expected)
    inside = error <= bound
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(error == 0, 0.0, error / bound)
    used = float(np.max(fraction, initial=0.0)) if np.all(np.isfinite(fraction)) else float("inf")
    if bool(np.all(inside)):
        return Judgement("pass", used=used)
    judged = _where(actual, expected, ~inside, what)
    return Judgement("differs", f"{judged.message}; {used:.3g} x the bound", expected, actual, used)


def _where(actual: np.ndarray, expected: np.ndarray, wrong: np.ndarray, what: str) -> Judgement:
    """The judgement on the marked elements: the first of them, how many, and the largest difference."""
    count = int(np.count_nonzero(wrong))
    if not count:
        return PASS
    first = tuple(int(index) for index in np.argwhere(wrong)[0])
    with np.errstate(invalid="ignore"):
        gaps = np.abs(actual.astype(np.float64) - expected.astype(np.float64))[wrong]
    largest = float(np.max(gaps, initial=0.0, where=np.isfinite(gaps)))
    place = f"{what}[{','.join(map(str, first))}]={actual[first]:.9g}, but should be {expected[first]:.9g}"
    return Judgement("differs", f"{place}\n{count} of {actual.size} differ; largest {largest:.3g}", expected, actual)
