"""Memory layouts: equal numbers in the strides that their name says, and every change of the memory is seen."""

from __future__ import annotations

import numpy as np
import pytest
from convt.content.tests.laws.layouts import LAYOUTS

from convt.adapter.backend import Layout
from convt.adapter.layouts import InputChanged, Laid, statement

ARRAY = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (2, 3, 2, 2, 2), (0, 3, 4), (3,)])
def test_the_numbers_are_the_same(layout: Layout, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    laid = Laid(array, layout)
    assert np.array_equal(laid.view, array)
    laid.check("x")


@pytest.mark.parametrize(
    ("layout", "strides"),
    [
        ("contiguous", (240, 80, 20, 4)),
        ("channels-last", (240, 4, 60, 12)),
        ("strided", (480, 160, 40, 8)),
        ("transposed", (4, 8, 24, 96)),
        ("flipped", (240, 80, -20, -4)),
    ],
)
def test_the_strides_are_what_the_name_says(layout: Layout, strides: tuple[int, ...]) -> None:
    assert Laid(ARRAY, layout).view.strides == strides


def test_an_item_that_repeats_is_broadcast_with_stride_zero() -> None:
    repeated = np.repeat(ARRAY[:1], 4, axis=0)
    assert Laid(repeated, "broadcast").view.strides[0] == 0
    assert Laid(ARRAY, "broadcast").view.strides[0] != 0


def test_read_only_memory_is() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Laid(ARRAY, "read-only").view[...] = 0


@pytest.mark.parametrize("layout", ["contiguous", "channels-last", "strided", "transposed", "flipped"])
def test_a_written_number_is_seen(layout: Layout) -> None:
    laid = Laid(ARRAY, layout)
    laid.view[1, 2, 3, 4] = -1
    with pytest.raises(InputChanged, match=f"of x, laid out {layout}"):
        laid.check("x")


def test_a_write_between_the_numbers_is_seen() -> None:
    laid = Laid(ARRAY, "strided")
    np.lib.stride_tricks.as_strided(laid.view, (2 * ARRAY.size,), (4,))[1] = 0
    with pytest.raises(InputChanged):
        laid.check("x")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (16, 2, 1), (2, 3, 2, 1, 2), (0, 3, 4), (3,)])
@pytest.mark.parametrize("same", [True, False])
def test_a_scripts_line_lays_the_array_out_as_the_target_is_given_it(
    layout: Layout, shape: tuple[int, ...], same: bool
) -> None:
    """Strides too, of extents of 1 as well, by which PyTorch tells channels-last memory."""
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    array = np.repeat(array[:1], len(array), axis=0) if same else array
    names = {"np": np, "x": array.copy()}
    exec(statement("x", array, layout), names)  # noqa: S102  what a person pastes
    view, made = Laid(array, layout).view, names["x"]
    assert isinstance(made, np.ndarray)
    np.testing.assert_array_equal(made, view)
    if array.size:
        assert made.strides == view.strides
    assert view.flags.writeable or not made.flags.writeable
