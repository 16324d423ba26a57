"""The regimes of numbers: exact stays exact, precision numbers notice a rounding, a seed means the same numbers."""

from __future__ import annotations

from collections.abc import Callable

import ml_dtypes
import numpy as np
import pytest

from convt.cases.case import Case, Regime
from convt.conv.data import EXACT_LIMIT, Arrays, exact, largest_partial_sum, precision, real
from convt.conv.oracles import reference
from convt.conv.settings import Settings
from tests.suite.conv.definition import operands

SETTINGS = {
    "line": Settings((9,), (4,), (2,), padding=((1, 0),), channels_in=3, channels_out=2, bias=True),
    "grouped-picture": Settings((4, 3), (3, 2), (1, 2), channels_in=4, channels_out=6, groups=2, bias=True, batch=2),
    "dilated-volume": Settings((3, 2, 2), (2, 3, 1), dilation=(2, 1, 1), channels_in=2, channels_out=2, bias=True),
    "many-channels": Settings((8, 8), (4, 4), (1, 1), channels_in=512, channels_out=2, bias=True),
    "forward": Settings((7,), (3,), (2,), padding="same", op="conv", channels_in=3, channels_out=2, bias=True),
}
EVERY = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
REGIMES: tuple[Regime, ...] = ("exact", "real", "precision-x", "precision-w")


def round_to_tf32(array: np.ndarray) -> np.ndarray:
    """float32 with 10 explicit bits of mantissa, to nearest, ties to even."""
    bits = array.astype(np.float32).view(np.uint32).astype(np.uint64)
    bits = bits + 0x0FFF + ((bits >> np.uint64(13)) & np.uint64(1))
    return (bits & np.uint64(0xFFFFE000)).astype(np.uint32).view(np.float32)


ROUNDINGS = {
    "bfloat16": lambda array: array.astype(ml_dtypes.bfloat16).astype(np.float32),
    "float16": lambda array: array.astype(np.float16).astype(np.float32),
    "tf32": round_to_tf32,
}


@EVERY
def test_exact_numbers_are_small_integers_and_never_zero(settings: Settings) -> None:
    arrays = exact(settings)
    for array, limit in ((arrays.x, 4), (arrays.w, 3), (arrays.b, 9)):
        assert array is not None
        assert array.dtype == np.float32
        assert np.array_equal(array, np.trunc(array))
        assert np.min(np.abs(array)) >= 1
        assert np.max(np.abs(array)) <= limit


@EVERY
def test_exact_numbers_have_both_signs(settings: Settings) -> None:
    arrays = exact(settings)
    for array in (arrays.x, arrays.w):
        assert np.min(array) < 0 < np.max(array)


@EVERY
def test_every_partial_sum_of_exact_numbers_is_representable_in_float32(settings: Settings) -> None:
    assert largest_partial_sum(settings, exact(settings)) < EXACT_LIMIT["float32"]


@pytest.mark.parametrize("wide", ["x", "w"])
def test_partial_sums_of_precision_numbers_are_representable_up_to_2048_products(wide: str) -> None:
    settings = Settings((2,), (1,), channels_in=2048, bias=True)
    assert largest_partial_sum(settings, precision(settings, wide)) < EXACT_LIMIT["float32"]
    largest = 2 * (2**12 - 1)
    assert 2048 * largest + 9 < EXACT_LIMIT["float32"] < 2049 * largest


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_up_to_the_exact_limit_every_integer_is_representable_and_the_next_is_not(dtype: str) -> None:
    limit = EXACT_LIMIT[dtype]
    below = np.arange(limit - 100, limit + 1)
    assert np.array_equal(below.astype(dtype).astype(np.int64), below)
    assert int(np.array(limit + 1).astype(dtype)) != limit + 1


def test_the_exact_limit_of_bfloat16_is_its_own() -> None:
    every = np.arange(EXACT_LIMIT["bfloat16"] + 1)
    assert np.array_equal(every.astype(ml_dtypes.bfloat16).astype(np.int64), every)
    assert int(np.array(EXACT_LIMIT["bfloat16"] + 1).astype(ml_dtypes.bfloat16)) != EXACT_LIMIT["bfloat16"] + 1


def test_the_largest_partial_sum_bounds_every_order_of_summation() -> None:
    settings = SETTINGS["line"]
    arrays = exact(settings)
    bound = largest_partial_sum(settings, arrays)
    generator = np.random.default_rng(0)
    assert arrays.b is not None
    for index, inputs, taps in operands(settings, arrays.x, arrays.w):
        addends = np.append(inputs * taps, arrays.b[index[1]])
        for _ in range(4):
            partial = np.cumsum(generator.permutation(addends))
            assert np.max(np.abs(partial)) <= bound


def test_the_largest_partial_sum_counts_magnitudes_and_the_bias() -> None:
    settings = Settings((2,), (2,), bias=True)
    arrays = Arrays(np.array([[[3.0, -4.0]]]), np.array([[[5.0, -6.0]]]), np.array([-7.0]))
    # the middle element is 3 * -6 + -4 * 5 - 7
    assert largest_partial_sum(settings, arrays) == 18 + 20 + 7


@EVERY
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("wide", ["x", "w"])
def test_precision_numbers_move_under_a_rounding_of_the_inputs(settings: Settings, wide: str, rounding: str) -> None:
    arrays = precision(settings, wide)
    values = getattr(arrays, wide)
    assert np.all(ROUNDINGS[rounding](values) != values)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("wide", ["x", "w"])
@pytest.mark.parametrize("name", ["line", "grouped-picture", "dilated-volume", "forward"])
def test_a_rounding_of_precision_numbers_shows_in_the_result(name: str, wide: str, rounding: str) -> None:
    settings = SETTINGS[name]
    arrays = precision(settings, wide)
    rounded = {"x": arrays.x, "w": arrays.w} | {wide: ROUNDINGS[rounding](getattr(arrays, wide))}
    expected = reference(settings, arrays.x, arrays.w, arrays.b)
    assert np.any(reference(settings, rounded["x"], rounded["w"], arrays.b) != expected)


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_exact_numbers_are_blind_to_a_rounding_of_the_inputs(rounding: str) -> None:
    arrays = exact(SETTINGS["grouped-picture"])
    assert np.array_equal(ROUNDINGS[rounding](arrays.x), arrays.x)
    assert np.array_equal(ROUNDINGS[rounding](arrays.w), arrays.w)


def test_precision_numbers_are_odd_and_of_twelve_bits() -> None:
    values = np.abs(precision(SETTINGS["grouped-picture"], "w").w).astype(np.int64)
    assert np.all(values % 2 == 1)
    assert np.min(values) >= 2**11
    assert np.max(values) < 2**12


@EVERY
def test_real_numbers_are_finite_of_both_signs_and_need_all_their_bits(settings: Settings) -> None:
    arrays = real(settings)
    for array in (arrays.x, arrays.w):
        assert np.all(np.isfinite(array))
        assert np.max(np.abs(array)) < 8
        assert np.min(array) < 0 < np.max(array)
        assert np.mean(ROUNDINGS["tf32"](array) != array) > 0.9


@EVERY
@pytest.mark.parametrize("regime", REGIMES)
def test_a_seed_means_the_same_numbers_every_time(settings: Settings, regime: Regime) -> None:
    first, again = (Case(name, settings, seed=5).data(regime) for name in ("some", "another"))
    for one, other in ((first.x, again.x), (first.w, again.w), (first.b, again.b)):
        assert one is not None
        assert other is not None
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("regime", REGIMES)
def test_another_seed_means_other_numbers(regime: Regime) -> None:
    one, other = (Case("some", SETTINGS["line"], seed=seed).data(regime) for seed in (0, 1))
    assert not np.array_equal(one.x, other.x)
    assert not np.array_equal(one.w, other.w)


def test_other_settings_mean_other_numbers() -> None:
    settings = SETTINGS["line"]
    assert not np.array_equal(exact(settings).x, exact(settings.replace(stride=(3,))).x)


PINNED = [[-3.0, 2.0, 1.0, 2.0], [-1.0, -3.0, -1.0], [1.0]]
"""Drawn once and written down: run files of two machines or numpy versions are compared number by number."""


def test_the_numbers_are_the_same_on_every_machine() -> None:
    arrays = exact(Settings((4,), (3,), (2,), bias=True))
    assert [array.ravel().tolist() for array in (arrays.x, arrays.w, arrays.b) if array is not None] == PINNED


def test_literal_numbers_stand_for_the_exact_regime_alone() -> None:
    settings = Settings((2,), (1,))
    literal = Arrays(np.array([[[5.0, 6.0]]], np.float32), np.array([[[7.0]]], np.float32))
    case = Case("some", settings, literal=literal)
    assert case.data() is literal
    assert not np.array_equal(case.data("real").x, literal.x)
    assert case.data("real") is case.data("real")


@pytest.mark.parametrize("draw", [exact, real], ids=["exact", "real"])
def test_empty_arrays_have_their_shapes(draw: Callable[[Settings], Arrays]) -> None:
    settings = Settings((0, 3), (2, 2), batch=0, bias=True)
    arrays = draw(settings)
    assert arrays.x.shape == (0, 1, 0, 3)
    assert largest_partial_sum(settings, arrays) == 0
