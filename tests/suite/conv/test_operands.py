"""The arrays of any evaluation: whole numbers whose sums are exact in the dtype, and the bound of real ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convt.adapter.backend import GRADIENTS, Probe
from convt.conv.bounds import accumulation
from convt.conv.data import EXACT_LIMIT
from convt.conv.dtypes import numpy_dtype
from convt.conv.operands import Numbers, answer, counted, largest, magnitudes, operands, tolerance
from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest

DTYPES = ("float16", "bfloat16", "float32", "float64", "complex64")
WANTS = ("value", *GRADIENTS)
SOME = (
    Settings((5,), (3,), stride=(2,), batch=2, channels_in=2, channels_out=3, bias=True),
    Settings((4, 3), (2, 2), op="conv", padding="same", batch=2, channels_in=4, channels_out=4, groups=2, bias=True),
)
MANY = Settings((28,), (3,), batch=12, channels_in=32, channels_out=32, bias=True)
"""So many products that not all can be there in bfloat16."""


def probe_of(it: Settings, want: Any, dtype: str, numbers: Numbers = "integers", repeated: str = "") -> Probe:
    x, w, b, g, t = operands(it, want, dtype, numbers, 0, repeated)
    return Probe(it, x, w, b, want, g=g, t=t)


def computed(probe: Probe) -> Array:
    """What a backend that adds tap by tap, in the dtype itself, makes of it; numpy cannot sum in bfloat16."""
    honest = Honest("eager", "cpu")
    if str(probe.x.dtype) == "bfloat16":
        return honest.run(probe).value  # type: ignore[return-value]
    if probe.want == "value":
        return honest.answer(probe.settings, probe.x, probe.w, probe.b)
    return honest.derivative(probe)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("want", WANTS)
@pytest.mark.parametrize("it", [*SOME, MANY], ids=["line", "grid", "many"])
def test_whole_numbers_have_exact_sums_in_the_dtype(it: Settings, want: str, dtype: str) -> None:
    probe = probe_of(it, want, dtype)
    assert all(array is None or str(array.dtype) == dtype for array in probe.arrays)
    assert largest(it, want, probe.arrays) <= EXACT_LIMIT[dtype]  # type: ignore[arg-type]
    right = answer(it, want, probe.arrays)  # type: ignore[arg-type]
    assert np.count_nonzero(right) > 0
    assert np.array_equal(right, right.astype(numpy_dtype(dtype)).astype(right.dtype))
    if it is not MANY:
        assert np.array_equal(computed(probe), right.astype(numpy_dtype(dtype)))


def test_whole_numbers_have_both_signs_and_few_are_zero_where_there_is_room() -> None:
    x, w, *_ = operands(SOME[0], "value", "float32")
    for array in (x, w):
        assert array.min() < 0 < array.max()
        assert np.all(array != 0)


def test_where_sums_are_long_only_some_numbers_are_there() -> None:
    x, *_ = operands(MANY, "value", "bfloat16")
    assert np.all(x != 0)
    x, w, _, g, _ = operands(MANY, "grad-w", "bfloat16")
    assert g is not None
    assert 0 < np.count_nonzero(g) < g.size
    assert np.all(w != 0)


def test_each_want_and_seed_has_numbers_of_its_own() -> None:
    first = operands(SOME[0], "grad-x", "float32")[0]
    assert not np.array_equal(first, operands(SOME[0], "grad-w", "float32")[0])
    assert not np.array_equal(first, operands(SOME[0], "grad-x", "float32", seed=1)[0])
    assert np.array_equal(first, operands(SOME[0], "grad-x", "float32")[0])


def test_a_repeated_array_is_one_item_over_and_over() -> None:
    x, w, _, g, _ = operands(SOME[0], "grad-x", "float32", repeated="xg")
    assert g is not None
    assert all(np.array_equal(array[:1], array[1:2]) for array in (x, g))
    assert not np.array_equal(w[:1], w[1:2])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("want", WANTS)
@pytest.mark.parametrize("it", SOME, ids=["line", "grid"])
def test_honest_sums_of_real_numbers_are_within_the_bound_and_wrong_ones_are_not(
    it: Settings, want: str, dtype: str
) -> None:
    probe = probe_of(it, want, dtype, "real")
    run = Honest("eager", "cpu").run(probe).value
    assert run is not None
    right = answer(it, want, probe.arrays)  # type: ignore[arg-type]
    allowed = tolerance(it, want, probe.arrays, right, accumulation(dtype), dtype)  # type: ignore[arg-type]
    assert allowed.shape == right.shape
    error = np.abs(run.astype(right.dtype) - right)
    assert np.all(error <= allowed)
    sides = magnitudes(probe.arrays)  # type: ignore[arg-type]
    shifted = np.abs(right * (1 + 2**-6) - right)
    assert np.any(shifted > allowed), "a factor of 1 + 2^-6 has to show"
    assert np.all(allowed <= answer(it, want, sides)), "the bound is below the sum of the magnitudes"


def test_a_sum_in_16_bits_is_beyond_the_bound_of_one_in_32() -> None:
    it = Settings((64,), (1,), channels_in=1, channels_out=1, batch=8)
    probe = probe_of(it, "grad-w", "float16", "real")
    right = answer(it, "grad-w", probe.arrays)  # type: ignore[arg-type]
    assert probe.g is not None
    total = np.float16(0)
    for product in (probe.x * probe.g).ravel():
        total = np.float16(total + product)
    error = np.abs(float(total) - right)
    assert np.all(error > tolerance(it, "grad-w", probe.arrays, right, "float32", "float16"))  # type: ignore[arg-type]
    assert np.all(error <= tolerance(it, "grad-w", probe.arrays, right, "float16", "float16"))  # type: ignore[arg-type]


def test_the_count_of_products_is_that_of_the_definition() -> None:
    it = Settings((3,), (2,), batch=2, channels_in=3)
    assert counted(it, "value", operands(it, "value", "float32")).max() == 6
    assert counted(it, "grad-w", operands(it, "grad-w", "float32")).max() == 6
    assert counted(it, "grad-x", operands(it, "grad-x", "float32")).max() == 2
