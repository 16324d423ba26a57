"""The line that the page shows as a framework's own call."""

from __future__ import annotations

import pytest

from convt.session.verdicts import call_line

KERAS = """layer = keras.layers.Conv2DTranspose(
    filters=2,
    padding='same',
)
layer.set_weights([np.moveaxis(w, (0, 1), (-1, -2)), a_name_that_makes_this_the_longest_line_of_them_all])
y = layer(np.moveaxis(x, 1, -1))
"""
JAX = """@jax.jit
def convolve(lhs, rhs):
    return jax.lax.conv_transpose(
        lhs,
        rhs,
        strides=(1, 3),
    )

y = np.transpose(np.asarray(convolve(lhs, rhs)), (0, 3, 1, 2))
"""
ONNX = """options.intra_op_num_threads = int("1")
y = session.run(None, {"x": x})[0]  # ConvTranspose, strides=[5]
"""


@pytest.mark.parametrize(
    ("body", "call"),
    [
        pytest.param(KERAS, "keras.layers.Conv2DTranspose(filters=2, padding='same')", id="a-layer-over-several-lines"),
        pytest.param(JAX, "jax.lax.conv_transpose(lhs, rhs, strides=(1, 3))", id="not-the-function-around-it"),
        pytest.param(ONNX, ONNX.splitlines()[1], id="a-comment-says-what-runs"),
        pytest.param("y = f(x", "y = f(x", id="no-python"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_it_is_the_convolution_with_all_its_arguments(body: str, call: str) -> None:
    assert call_line(body) == call
