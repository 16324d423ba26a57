"""Sums along the channels: those of the oracles' whole answer, and different wherever a number is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convt.conv import layers, projections
from convt.conv.gradients import gradient_b, gradient_w, gradient_x
from convt.conv.layers import LEAST_X, Layer, inexact, layer, line, most_x, terms
from convt.conv.oracles import OraclesDisagree, scatter, zero_insertion
from convt.conv.projections import (
    backwards,
    gradient_w_at,
    project_value,
    project_w,
    project_x,
    right_gradient_w,
    right_gradient_x,
    right_value,
)
from convt.conv.settings import Settings
from tests.suite.conv.random_settings import random_settings

WIDE = [
    Settings((9, 8), (3, 3), (2, 2), padding="same", channels_in=32, channels_out=48, batch=2, bias=True),
    Settings((20,), (5,), (3,), padding=((2, 1),), channels_in=24, channels_out=40, groups=4),
    Settings((30,), (3,), (2,), padding="same", channels_in=34, channels_out=34, groups=34, op="conv", bias=True),
    Settings((11, 10), (1, 1), (2, 2), channels_in=33, channels_out=17, op="conv", batch=2),
    Settings((6, 5, 7), (2, 3, 2), (1, 2, 2), padding=((0, 0), (1, 1), (1, 0)), channels_in=8, channels_out=16),
    Settings((40,), (3,), dilation=(9,), padding=((9, 9),), channels_in=16, channels_out=20, op="conv"),
    Settings((3, 3), (16, 16), (8, 8), padding=((4, 4), (4, 4)), channels_in=5, channels_out=6),
    Settings((9, 9), (1, 1), (3, 3), channels_in=4, channels_out=4, bias=True, output_padding=(2, 1)),
]
SOME = [
    it
    for it in [*random_settings(40, "conv_transpose", seed=3), *random_settings(40, "conv", seed=3)]
    if 0 not in it.x_shape + it.y_shape and most_x(it) >= LEAST_X and (not it.transposed or it.adjoint() is not None)
]
EVERY = [*WIDE, *SOME]
Whole = tuple[np.ndarray, np.ndarray, np.ndarray]


def whole(it: Settings, a: Layer) -> Whole:
    """y and the gradients of x and of w, every number of them."""
    return scatter(it, a.x, a.w, a.b), gradient_x(it, a.w, a.g), gradient_w(it, a.x, a.g)


def right(it: Settings, a: Layer) -> Whole:
    return right_value(it, a.x, a.w, a.b), right_gradient_x(it, a.w, a.g), right_gradient_w(it, a.x, a.g)


PROJECTS: tuple[Callable[[Settings, np.ndarray], np.ndarray], ...] = (project_value, project_x, project_w)


def test_the_settings_are_of_many_kinds() -> None:
    assert len(SOME) > 40
    assert {it.rank for it in EVERY} == {1, 2, 3}


@pytest.mark.parametrize("it", EVERY, ids=lambda it: it.digest)
def test_the_sums_are_those_of_the_whole_answer(it: Settings) -> None:
    numbers = layer(it)
    for project, answer, sums in zip(PROJECTS, whole(it, numbers), right(it, numbers), strict=True):
        assert_array_equal(project(it, answer), sums)


@pytest.mark.parametrize("it", WIDE, ids=lambda it: it.digest)
def test_one_wrong_number_shows_and_two_at_one_place_do(it: Settings) -> None:
    some = np.random.default_rng(7)
    for project, answer in zip(PROJECTS, whole(it, layer(it)), strict=True):
        sums = project(it, answer)
        for _ in range(40):
            at = tuple(int(some.integers(0, extent)) for extent in answer.shape)
            other = (at[0], int(some.integers(0, answer.shape[1])), *at[2:])
            wrong = answer.copy()
            wrong[at] += some.integers(1, 9)
            assert not np.array_equal(project(it, wrong), sums)
            if other != at:
                wrong[other] -= wrong[at] - answer[at]
                assert not np.array_equal(project(it, wrong), sums)


@pytest.mark.parametrize("it", WIDE, ids=lambda it: it.digest)
def test_a_tap_by_the_definition_is_that_of_the_whole_gradient(it: Settings) -> None:
    a = layer(it)
    gw = gradient_w(it, a.x, a.g)
    for tap in np.ndindex(*it.kernel):
        assert_array_equal(gradient_w_at(it, a.x, a.g, tap), gw[(..., *tap)])


@pytest.mark.parametrize("voice", ["stamped", "numbers_at", "zero_insertion", "gradient_w", "gradient_w_at"])
@pytest.mark.parametrize("it", WIDE, ids=lambda it: it.digest)
def test_no_voice_is_left_out(it: Settings, voice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    says = getattr(projections, voice)

    def lies(*arguments: Any) -> np.ndarray:
        answer = says(*arguments)
        return answer + (answer != 0)

    monkeypatch.setattr(projections, voice, lies)
    a = layer(it)
    ask, given = (right_gradient_w, (a.x, a.g)) if voice.startswith("gradient") else (right_value, (a.x, a.w, a.b))
    with pytest.raises(OraclesDisagree, match="differ"):
        ask(it, *given)


def test_zero_insertion_speaks_of_the_kernels_gradient_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections, "zero_insertion", lambda *given: zero_insertion(*given) + 1)
    a = layer(WIDE[0])
    with pytest.raises(OraclesDisagree, match="grad-w"):
        right_gradient_w(WIDE[0], a.x, a.g)


def test_what_goes_backwards_gives_the_inputs_gradient() -> None:
    for it in WIDE:
        a, back = layer(it), backwards(it)
        assert back.y_shape == it.x_shape
        assert_array_equal(scatter(back, a.g, a.w), gradient_x(it, a.w, a.g))
    with pytest.raises(ValueError, match="transpose"):
        backwards(Settings((3,), (1,), dilation=(4,), output_padding=(3,)))


# the numbers


@pytest.mark.parametrize("it", EVERY, ids=lambda it: it.digest)
def test_no_partial_sum_leaves_the_range_of_float32(it: Settings) -> None:
    a = layer(it)
    assert inexact(it, a.x, a.w, a.b, a.g) == ""
    absolute = Layer(np.abs(a.x), np.abs(a.w), None if a.b is None else np.abs(a.b), np.abs(a.g))
    largest = [float(np.max(each)) for each in (*whole(it, absolute), gradient_b(absolute.g))]
    assert max(largest) <= 2**24
    of = terms(it)
    ones = Layer(np.ones_like(a.x), np.ones_like(a.w), None, np.ones_like(a.g))
    counted = [float(np.max(each)) for each in (*whole(it.replace(bias=False), ones), gradient_b(ones.g))]
    assert all(count <= most for count, most in zip(counted, (of.y, of.x, of.w, of.b), strict=True))


def test_the_numbers_are_as_wide_as_there_is_room_and_never_zero() -> None:
    for it in WIDE:
        a = layer(it)
        assert np.all(np.abs(a.x) % 2 == 1)
        assert np.max(np.abs(a.x)) > 256, "so that a rounding to bfloat16 shows"
        assert 0 not in a.w
        assert 0 not in a.g
        assert {str(each.dtype) for each in (a.x, a.w, a.g)} == {"float32"}


def test_numbers_that_are_too_large_are_told() -> None:
    it = WIDE[0]
    a = layer(it)
    assert "y up to" in inexact(it, a.x * 4096, a.w, a.b, a.g)
    assert "grad-x up to" in inexact(it, a.x, a.w, a.b, a.g * 2**20)
    assert inexact(it, a.x, a.w, a.b, None) == ""


def test_sums_without_room_are_refused() -> None:
    it = Settings((112, 112), (1, 1), channels_in=1, channels_out=1, batch=200)
    assert most_x(it) < LEAST_X
    with pytest.raises(ValueError, match="leave room for numbers up to"):
        layer(it)


@pytest.mark.parametrize("it", WIDE, ids=lambda it: it.digest)
def test_every_array_is_a_line_of_python(it: Settings) -> None:
    a = layer(it)
    for name in layers.SEEDS:
        if name != "b" or it.bias:
            made = eval(line(it, name), {"np": np})  # noqa: S307  a line of ours
            assert_array_equal(made, getattr(a, name))
