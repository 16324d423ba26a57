"""The error bound holds for honest sums in any order, and a wrong rounding or a misplaced error exceeds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

from convt.conv.bounds import bound, terms
from convt.conv.data import Arrays, real
from convt.conv.oracles import reference, scatter
from convt.conv.settings import Settings
from tests.suite.conv.definition import operands

SETTINGS = {
    "line": Settings((6,), (4,), (2,), padding=((1, 0),), channels_in=5, channels_out=2, bias=True),
    "line-without-bias": Settings((6,), (3,), channels_in=8, channels_out=2),
    "gap": Settings((4,), (2,), (3,), channels_in=2, channels_out=2, bias=True),
    "grouped-picture": Settings((4, 3), (3, 2), (1, 2), channels_in=6, channels_out=4, groups=2, bias=True, batch=2),
    "dilated-volume": Settings((3, 2, 2), (2, 3, 1), dilation=(2, 1, 1), channels_in=2, channels_out=2, bias=True),
    "forward": Settings((7,), (3,), (2,), padding="same", op="conv", channels_in=4, channels_out=2, bias=True),
}
EVERY = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)


def _left_to_right(addends: np.ndarray) -> np.ndarray:
    total = addends.dtype.type(0)
    for addend in addends:
        total = addends.dtype.type(total + addend)
    return total


def _pairwise(addends: np.ndarray) -> np.ndarray:
    if len(addends) < 2:
        return _left_to_right(addends)
    half = len(addends) // 2
    return addends.dtype.type(_pairwise(addends[:half]) + _pairwise(addends[half:]))


ORDERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "left-to-right": _left_to_right,
    "right-to-left": lambda addends: _left_to_right(addends[::-1]),
    "smallest-first": lambda addends: _left_to_right(addends[np.argsort(np.abs(addends))]),
    "largest-first": lambda addends: _left_to_right(addends[np.argsort(-np.abs(addends))]),
    "positive-first": lambda addends: _left_to_right(np.sort(addends)[::-1]),
    "pairwise": _pairwise,
}


def _summed(settings: Settings, arrays: Arrays, order: str, dtype: type = np.float32) -> np.ndarray:
    """y by products and sums that round to `dtype` every time; the bias is the last addend before ordering."""
    y: np.ndarray = np.zeros(settings.y_shape, dtype)
    for index, inputs, taps in operands(settings, arrays.x.astype(dtype), arrays.w.astype(dtype)):
        bias = [] if arrays.b is None else [arrays.b.astype(dtype)[index[1]]]
        y[index] = ORDERS[order](np.append(inputs * taps, bias).astype(dtype))
    return y


def _double(settings: Settings, arrays: Arrays) -> np.ndarray:
    """y in float64, where the error is too small to count."""
    b = None if arrays.b is None else arrays.b.astype(np.float64)
    return scatter(settings, arrays.x.astype(np.float64), arrays.w.astype(np.float64), b)


@EVERY
def test_terms_counts_the_products_of_each_element(settings: Settings) -> None:
    arrays = real(settings)
    counts = terms(settings)
    assert counts.shape == (1, *settings.y_shape[1:])
    for (_, *place), inputs, _ in operands(settings, arrays.x, arrays.w):
        assert counts[(0, *place)] == len(inputs)


@EVERY
@pytest.mark.parametrize("order", ORDERS)
def test_the_bound_holds_for_float32_sums_in_any_order(settings: Settings, order: str) -> None:
    for seed in range(3):
        arrays = real(settings, seed)
        expected = _double(settings, arrays)
        error = np.abs(_summed(settings, arrays, order) - expected)
        assert np.all(error <= bound(settings, arrays, expected))


@EVERY
def test_the_bound_holds_for_a_sum_in_float64_rounded_once(settings: Settings) -> None:
    arrays = real(settings)
    expected = _double(settings, arrays)
    limit = bound(settings, arrays, expected, accumulation="float64", out="float32")
    assert np.all(np.abs(expected.astype(np.float32) - expected) <= limit)


@EVERY
@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.float16], ids=["bfloat16", "float16"])
def test_rounded_inputs_exceed_the_bound(settings: Settings, dtype: type) -> None:
    arrays = real(settings)
    expected = _double(settings, arrays)
    limit = bound(settings, arrays, expected)
    for wide in ("x", "w"):
        rounded = replace(arrays, **{wide: getattr(arrays, wide).astype(dtype).astype(np.float32)})
        error = np.abs(_double(settings, rounded) - expected)
        landed = np.broadcast_to(terms(settings) > 0, error.shape)
        assert np.mean((error > limit)[landed]) > 0.9


@EVERY
def test_sums_in_float16_exceed_the_bound_of_float32(settings: Settings) -> None:
    arrays = real(settings)
    expected = _double(settings, arrays)
    error = np.abs(_summed(settings, arrays, "left-to-right", np.float16).astype(np.float64) - expected)
    assert np.any(error > bound(settings, arrays, expected))


def test_an_error_of_a_large_element_is_too_much_for_a_small_one() -> None:
    settings = Settings((2,), (1,))
    large, small = 4096.0, 1.5
    arrays = Arrays(np.array([[[large, small]]], np.float32), np.array([[[1.25]]], np.float32))
    expected = _double(settings, arrays)
    limit = bound(settings, arrays, expected)[0, 0]
    one_ulp = float(np.spacing(np.float32(large * 1.25)))
    assert one_ulp <= limit[0]
    assert one_ulp > limit[1]


def test_the_bound_follows_the_terms_where_they_cancel() -> None:
    settings = Settings((1,), (1,), channels_in=3)
    x = np.array([[[2.0**20], [-(2.0**20)], [3.0]]], np.float32)
    arrays = Arrays(x, np.full((3, 1, 1), 1 + 2.0**-20, np.float32))
    expected = _double(settings, arrays)
    limit = float(bound(settings, arrays, expected).item())
    # the sum is about 3, and one ulp of the terms that cancel is an honest error of it
    assert abs(expected.item()) < 4
    assert float(np.spacing(np.float32(2.0**20))) <= limit
    assert limit < 1.0


def test_more_elements_do_not_loosen_the_bound() -> None:
    few, many = (Settings((n,), (2,), channels_in=3) for n in (4, 64))
    w = real(few).w
    limits = []
    for settings in (few, many):
        arrays = Arrays(np.ones(settings.x_shape, np.float32), w)
        limits.append(np.max(bound(settings, arrays, _double(settings, arrays))))
    assert limits[0] == limits[1]


def test_the_bound_is_zero_where_nothing_lands_and_no_bias_is() -> None:
    settings = Settings((2,), (1,), (3,))
    arrays = real(settings)
    limit = bound(settings, arrays, _double(settings, arrays))[0, 0]
    assert limit[1] == limit[2] == 0
    assert np.all(limit[[0, 3]] > 0)


def test_integers_leave_no_error_to_bound() -> None:
    settings = SETTINGS["line"]
    generator = np.random.default_rng(1)
    x, w, b = (
        generator.integers(-3, 4, s).astype(np.float32) for s in (settings.x_shape, settings.w_shape, settings.b_shape)
    )
    expected = reference(settings, x, w, b)
    for order in ORDERS:
        assert np.array_equal(_summed(settings, Arrays(x, w, b), order), expected)
