"""The closed forms of derivatives: two voices agree, and both agree with what the value's own oracle implies."""

from __future__ import annotations

import numpy as np
import pytest

from convt.conv import gradients, oracles
from convt.conv.gradients import DERIVATIVES, Sides, check_oracles, derivative
from convt.conv.oracles import OraclesDisagree, scatter
from convt.conv.settings import Op, Settings
from tests.suite.conv.random_settings import empty_settings, random_settings

OPS: tuple[Op, ...] = ("conv_transpose", "conv")


def sides(it: Settings, like: str = "x", seed: int = 0) -> Sides:
    generator = np.random.default_rng(seed)

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        return generator.integers(-4, 5, shape).astype(np.float64)

    t = draw(it.x_shape if like == "x" else it.w_shape)
    return draw(it.x_shape), draw(it.w_shape), None, draw(it.y_shape), t


def direction(want: str) -> str:
    return "x" if want in ("grad-xw", "jvp-x") else "w"


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("want", [want for want in DERIVATIVES if want != "grad-b"])
def test_the_voices_agree_on_random_settings(want: str, op: Op) -> None:
    for it in [*random_settings(60, op, seed=5), *empty_settings(20, op, seed=5)]:
        arrays = sides(it, direction(want))
        check_oracles(it, want, arrays, derivative(it, want, arrays))


@pytest.mark.parametrize("op", OPS)
def test_a_gradient_is_the_coefficient_of_a_small_change(op: Op) -> None:
    """y is linear in each number of x, w and b: one more there moves sum(g y) by exactly the gradient."""
    for it in random_settings(25, op, seed=7):
        x, w, _, g, _ = sides(it)
        assert g is not None
        base = np.sum(g * scatter(it.replace(bias=False), x, w))
        for want, array in (("grad-x", x), ("grad-w", w)):
            found = derivative(it, want, (x, w, None, g, None))
            at = np.unravel_index(int(np.random.default_rng(len(found.flat)).integers(array.size)), array.shape)
            moved = array.copy()
            moved[at] += 1
            y = scatter(it.replace(bias=False), *((moved, w) if want == "grad-x" else (x, moved)))
            assert np.sum(g * y) - base == found[at]
        by_channel = g.swapaxes(0, 1).reshape(it.channels_out, -1)
        assert np.array_equal(derivative(it, "grad-b", (x, w, None, g, None)), by_channel.sum(axis=1))


@pytest.mark.parametrize("op", OPS)
def test_the_input_gradient_of_one_is_the_other(op: Op) -> None:
    for it in random_settings(200, op, seed=9):
        forward = it.adjoint()
        if forward is None:
            continue
        _, w, _, g, _ = sides(it)
        assert g is not None
        assert np.array_equal(gradients.gradient_x(it, w, g), scatter(forward, g, w))


@pytest.mark.parametrize("block", [oracles.BLOCK, 0], ids=["second-voice", "adjoint-identity"])
@pytest.mark.parametrize("want", ["grad-x", "grad-w"])
@pytest.mark.parametrize("op", OPS)
def test_a_wrong_voice_is_heard(op: Op, want: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "BLOCK", block)
    it = random_settings(1, op, seed=3)[0]
    arrays = sides(it)
    arrays[0].flat[0] = arrays[1].flat[0] = 3  # else the changed number may be multiplied by zero
    right = derivative(it, want, arrays)
    check_oracles(it, want, arrays, right)
    right.flat[0] += 1
    with pytest.raises(OraclesDisagree, match=want):
        check_oracles(it, want, arrays, right)


def test_what_is_missing_is_named() -> None:
    it = Settings(input=(3,), kernel=(2,))
    with pytest.raises(ValueError, match="needs g"):
        derivative(it, "grad-x", (np.zeros((1, 1, 3)), np.zeros((1, 1, 2)), None, None, None))
