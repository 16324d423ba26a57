"""Folded tensors: every number counts in the sums, and the sums of what no memory holds are those of the oracles."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convt.conv import block_sums as folding
from convt.conv.block_sums import LARGEST_BLOCK, block_sums, blocks, marks, pieces
from convt.conv.data import counted
from convt.conv.oracles import reference
from convt.conv.settings import Op, Settings
from convt.conv.slabs import numbers_at, right_block_sums, slabs
from tests.suite.conv.random_settings import random_settings

GENERATOR = np.random.default_rng(5)
LARGER = [
    Settings(input=(40,), kernel=(3,), stride=(7,), padding=((2, 9),), output_padding=(4,), bias=True),
    Settings(input=(50,), kernel=(1,), stride=(9,), padding="valid", bias=True),
    Settings(input=(50,), kernel=(3,), dilation=(5,), padding=((20, 30),), batch=2, channels_out=3),
    Settings(input=(2,), kernel=(1,), stride=(60,), padding=((1, 0),)),
    Settings(input=(9, 8), kernel=(2, 2), stride=(5, 5), padding="same", channels_in=4, channels_out=6, groups=2),
    Settings(input=(9,), kernel=(2,), padding=((70, 80),), op="conv", bias=True),
    Settings(
        input=(90,), kernel=(3,), dilation=(4,), stride=(2,), padding=((7, 0),), op="conv", groups=3, channels_in=3,
        channels_out=9,
    ),
    Settings(input=(5, 4, 3), kernel=(2, 1, 2), stride=(2, 3, 2), padding=((1, 0), (0, 0), (0, 1)), batch=3),
]  # fmt: skip


def by_hand(array: np.ndarray, block: int) -> list[int]:
    """The folded array in Python's own integers."""
    flat = [int(number) for number in array.ravel()]
    parts = [flat[at : at + block] for at in range(0, len(flat), block)]
    placed = [sum(place * number for place, number in enumerate(part, 1)) for part in parts]
    return [*map(sum, parts), *placed, *(flat[at] for at in marks(len(flat)))]


@pytest.mark.parametrize("block", [1, 7, 64, 1000, LARGEST_BLOCK])
@pytest.mark.parametrize("shape", [(1,), (7,), (3, 5, 11), (2, 3, 4, 5), (1, 700)])
def test_a_folded_array_is_what_python_says(shape: tuple[int, ...], block: int) -> None:
    array = GENERATOR.integers(-2048, 2049, shape).astype(np.float16)
    assert block_sums(array, block).tolist() == by_hand(array, block)


@pytest.mark.parametrize("piece", [1, 4, 11, 30, 10**6])
def test_the_order_of_the_memory_changes_nothing(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "PIECE", piece)
    array = GENERATOR.integers(0, 99, (2, 3, 4, 5)).astype(np.float16)
    for other in (array, np.asfortranarray(array), np.moveaxis(np.moveaxis(array, 1, -1).copy(), -1, 1)):
        assert_array_equal(np.concatenate(list(pieces(other))), array.ravel())
        assert_array_equal(block_sums(other, 13), block_sums(array, 13))


def test_two_numbers_that_change_places_show_wherever_they_are() -> None:
    array = GENERATOR.permutation(700).astype(np.float64)
    right = block_sums(array, 50)
    for one, two in GENERATOR.integers(0, 700, (300, 2)):
        array[[one, two]] = array[[two, one]]
        assert (one == two) == np.array_equal(block_sums(array, 50), right)
        array[[one, two]] = array[[two, one]]


def test_a_nan_shows_and_no_warning_is_given(recwarn: pytest.WarningsRecorder) -> None:
    array = np.ones(100, np.float16)
    array[55], array[77], array[78] = np.nan, np.inf, -np.inf
    assert np.isnan(block_sums(array, 50)).any()
    assert not recwarn.list


def test_the_sums_stay_below_what_float64_counts_exactly() -> None:
    assert 2048 * LARGEST_BLOCK * (LARGEST_BLOCK + 1) // 2 < 2**53


def test_marks_stand_on_both_sides_of_what_wraps_around() -> None:
    size = 2**32 + 2**20
    at = marks(size).tolist()
    assert {0, size - 1, 2**15, 2**16 - 1, 2**16, 2**30, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32} <= set(at)
    assert at == sorted(set(at))
    assert marks(3).tolist() == [0, 1, 2]
    assert blocks(7, 3) == 3


@pytest.mark.parametrize("size", [1, 5, 17, 60, 10**6])
@pytest.mark.parametrize("op", ["conv_transpose", "conv"])
def test_slabs_put_together_are_the_answer_of_the_oracles(op: Op, size: int) -> None:
    for it in [*random_settings(60, op), *(it for it in LARGER if it.op == op)]:
        arrays = counted(it, "float64")
        parts = [reference(part, a.x, a.w, a.b).ravel() for part, a in slabs(it.explicit(), arrays, size)]
        assert_array_equal(np.concatenate(parts), reference(it, arrays.x, arrays.w, arrays.b).ravel())
        rows = prod(it.output[1:])
        assert all(len(part) <= max(size, rows) for part in parts)


@pytest.mark.parametrize("op", ["conv_transpose", "conv"])
def test_the_definition_at_single_places_is_the_answer_of_the_oracles(op: Op) -> None:
    for it in [*random_settings(60, op, seed=1), *(it for it in LARGER if it.op == op)]:
        arrays = counted(it)
        right = reference(it, arrays.x, arrays.w, arrays.b)
        assert_array_equal(numbers_at(it, arrays, np.arange(right.size)), right.ravel())


@pytest.mark.parametrize("op", ["conv_transpose", "conv"])
def test_the_folded_answer_is_that_of_the_oracles(op: Op, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convt.conv.slabs.EDGES", tuple(range(0, 2000, 7)))
    for it in [*random_settings(30, op, seed=2), *(it for it in LARGER if it.op == op)]:
        arrays = counted(it)
        assert_array_equal(
            right_block_sums(it, arrays, 16), block_sums(reference(it, arrays.x, arrays.w, arrays.b), 16)
        )


def test_counted_numbers_moved_by_a_power_of_two_are_others() -> None:
    it = Settings(input=(1 << 17,), kernel=(3,), channels_out=1, bias=False)
    x = counted(it).x.ravel()
    for power in range(17):
        assert not np.any(x[1 << power :] == x[: -(1 << power)])
