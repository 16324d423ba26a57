"""The line that the page shows as a framework's own call."""

from __future__ import annotations

import importlib.util

import pytest

from convt.adapter.backend import Form
from convt.conv.settings import Settings
from convt.host.pool import Pool
from convt.host.registry import built_in, parse_target

IT = Settings(input=(4, 3), kernel=(3, 2), stride=(2, 1), padding="valid", channels_out=2)
CALLS = {
    "pytorch": "torch.nn.ConvTranspose2d(in_channels=1, out_channels=2, kernel_size=(3, 2), stride=(2, 1), bias=False)",
    "tensorflow": "tf.nn.conv2d_transpose(x, w, output_shape=[1, 9, 4, 2], strides=[2, 1], padding='VALID')",
    "jax": "jax.lax.conv_transpose(lhs, rhs, strides=(2, 1), padding='VALID', "
    "dimension_numbers=('NHWC', 'HWIO', 'NHWC'), precision='highest')",
    "keras-torch": "keras.layers.Conv2DTranspose(filters=2, kernel_size=(3, 2), strides=(2, 1), padding='valid', "
    "use_bias=False)",
    "onnxruntime": "session.run(None, {\"x\": x})[0]  # ConvTranspose, auto_pad='VALID', dilations=[1, 1], "
    "group=1, kernel_shape=[3, 2], output_padding=[0, 0], strides=[2, 1]",
}


@pytest.mark.parametrize("name", CALLS)
def test_every_backend_says_its_own_call_with_all_its_arguments(name: str) -> None:
    entry = built_in()[name]
    if not all(importlib.util.find_spec(package) for package in (*entry.packages, *entry.host_packages)):
        pytest.skip(f"{name} is not installed")
    with Pool([parse_target(name)]) as pool:
        assert pool.script(name, Form(IT)).call == CALLS[name]
