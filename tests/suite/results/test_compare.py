"""The comparisons: what passes, and what a message says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convt.laws.comparison import equal, same_shape, within


def single(numbers: Any) -> np.ndarray:
    return np.array(numbers, np.float32)


def test_equal_arrays_pass() -> None:
    assert equal(single([1, 2]), single([1, 2])).verdict == "pass"
    assert equal(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)).verdict == "pass"


def test_zero_equals_minus_zero() -> None:
    assert equal(single([0.0]), single([-0.0])).verdict == "pass"


def test_nan_equals_nothing() -> None:
    judged = equal(single([np.nan, 1]), single([np.nan, 1]))
    assert judged.verdict == "differs"
    assert judged.message == "out[0]=nan, but should be nan\n1 of 2 differ; 1 of them not finite"


def test_the_first_line_names_the_place_and_both_numbers_and_the_second_counts() -> None:
    actual, expected = single([[0, 4.5], [3, 7]]), single([[0, 4], [3, 5]])
    judged = equal(actual, expected)
    assert judged.message == "out[0,1]=4.5, but should be 4\n2 of 4 differ; largest 2 = 4,194,304 ulp"
    assert judged.expected is expected
    assert judged.actual is actual


@pytest.mark.parametrize(("dtype", "ulps"), [("float32", 1), ("float64", 1), ("float16", 1)])
def test_neighbours_differ_by_one_ulp(dtype: str, ulps: int) -> None:
    one = np.array([1.5], dtype)
    judged = equal(np.nextafter(one, one + 1), one)
    assert judged.message.endswith(f"= {ulps} ulp")


def test_another_dtype_is_a_difference() -> None:
    judged = equal(np.array([1.0]), single([1]))
    assert (judged.verdict, judged.message) == ("differs", "out.dtype=float64, but should be float32")


def test_another_shape_is_a_difference() -> None:
    assert equal(np.zeros((1, 2)), np.zeros((2, 1))).message == "out.shape=(1, 2), but should be (2, 1)"
    assert same_shape((1,), (2,), "abstract shape").message == "abstract shape=(1,), but should be (2,)"
    assert same_shape((1, 2), (1, 2)).verdict == "pass"


def test_within_says_how_much_of_the_bound_is_used() -> None:
    judged = within(single([1.25, 2]), np.array([1.0, 2.0]), np.array([0.5, 0.0]))
    assert (judged.verdict, judged.used) == ("pass", 0.5)


def test_beyond_the_bound_differs_and_says_how_far() -> None:
    judged = within(single([1.25, 2]), np.array([1.0, 2.0]), np.array([0.125, 1.0]), why="9 products in float32")
    assert (judged.verdict, judged.used) == ("differs", 2.0)
    assert judged.message == (
        "out[0]=1.25, but should be 1\n"
        "1 of 2 differ; largest 0.25 = 2,097,152 ulp; 2 x the bound (9 products in float32)"
    )


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_no_bound_admits_a_number_that_is_not_finite(wrong: float) -> None:
    judged = within(single([wrong]), np.array([1.0]), np.array([1e30]))
    assert (judged.verdict, judged.used) == ("differs", float("inf"))


def test_a_bound_of_zero_admits_nothing_else() -> None:
    assert within(single([1]), np.array([1.0]), np.array([0.0])).verdict == "pass"
    assert within(single([2]), np.array([1.0]), np.array([0.0])).used == float("inf")


def test_within_wants_the_dtype_that_it_is_told() -> None:
    assert (
        within(np.array([1.0]), np.array([1.0]), np.array([1.0])).message == "out.dtype=float64, but should be float32"
    )
