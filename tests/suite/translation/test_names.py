"""Whose a name is that several libraries share."""

from __future__ import annotations

import re

import pytest

from convt.translation.layer import LayerError
from convt.translation.translating import read

WHOSE = {
    "nn.ConvTranspose2d(1, 8, 3)": "torch.nn.ConvTranspose2d",
    "ConvTranspose2d(1, 8, 3)": "torch.nn.ConvTranspose2d",
    "nn.ConvTranspose2d(1, 8, 3, key=key)": "equinox.nn.ConvTranspose2d",
    "eqx.nn.ConvTranspose2d(1, 8, 3, key=key)": "equinox.nn.ConvTranspose2d",
    "nn.ConvTranspose(8, (3, 3))": "flax.linen.ConvTranspose",
    "nn.ConvTranspose(2, 1, 8, 3, key=key)": "equinox.nn.ConvTranspose",
    "nnx.ConvTranspose(1, 8, (3, 3), rngs=rngs)": "flax.nnx.ConvTranspose",
    "ConvTranspose(1, 8, (3, 3), rngs=rngs)": "flax.nnx.ConvTranspose",
    "ConvTranspose(features=8, kernel_size=(3, 3))": "flax.linen.ConvTranspose",
    "ConvTranspose(w=(1, 8, 3, 3), strides=[2, 2])": "onnx.ConvTranspose",
    "Conv(kernel_shape=[3], strides=[2])": "onnx.Conv",
    "lax.conv(x, (8, 1, 3), (1,), 'SAME')": "jax.lax.conv",
    "make_node('Conv', ['x', 'w'], ['y'], kernel_shape=[3])": "onnx.Conv",
}


@pytest.mark.parametrize("text", WHOSE)
def test_arguments_and_use_decide_whose_a_name_is(text: str) -> None:
    assert read(text).form == WHOSE[text]


def test_a_name_that_nothing_decides_is_refused_with_all_that_it_may_be() -> None:
    names = "flax.linen.ConvTranspose or flax.nnx.ConvTranspose or equinox.nn.ConvTranspose or onnx.ConvTranspose"
    with pytest.raises(LayerError, match=re.escape(f"ConvTranspose may be {names}; write the whole name")):
        read("ConvTranspose(stride=[2, 2])")


def test_the_usual_library_says_what_is_wrong() -> None:
    with pytest.raises(LayerError, match=re.escape("torch.nn.ConvTranspose2d has no argument use_bias; it says bias")):
        read("nn.ConvTranspose2d(1, 8, 3, use_bias=False)")
