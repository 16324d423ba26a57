"""A layer's text and what it is read as, held against what its framework computes when it runs that very text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convt.conv.data import exact
from convt.conv.oracles import reference
from convt.conv.settings import Settings
from convt.translation.dialect import dialects
from convt.translation.kernels import own_layout
from convt.translation.said import Plan, Said
from convt.translation.translating import read

RUNS = {
    "keras": "import keras\ny = {call}\n",
    "keras.layers": (
        "import keras\nlayer = {call}\nlayer.build(x.shape)\nlayer.set_weights(list(state.values()))\ny = layer(x)\n"
    ),
    "tensorflow": "import tensorflow as tf\ny = {call}\n",
    "jax": "import jax\ny = {call}\n",
    "linen": "import flax.linen as nn\nimport jax.numpy as jnp\ny = {call}.apply({{'params': state}}, x)\n",
    "nnx": "from flax import nnx\nlayer = {call}\nnnx.update(layer, state)\ny = layer(x)\n",
    "equinox": (
        "import equinox as eqx\nimport jax\nkey = jax.random.key(0)\nlayer = {call}\n"
        "layer = eqx.tree_at(lambda layer: layer.weight, layer, state['kernel'])\n"
        "if 'bias' in state:\n"
        "    layer = eqx.tree_at(lambda layer: layer.bias, layer, state['bias'].reshape(layer.bias.shape))\n"
        "y = jax.vmap(layer)(x)\n"
    ),
}
"""Programs that run a text as it is written, whatever translations know of it."""


@dataclass(frozen=True)
class Written:
    """One text to be run, with what it is read as and what must come out; as `truth.Job`."""

    it: Settings
    words: str
    text: str
    names: dict[str, Any]
    expected: np.ndarray


def written(how: str, call: str, extents: Sequence[int], channels: tuple[int, int] = (2, 3)) -> Written:
    """The text for an input of these extents; `kernel` in it stands for a kernel with its shape behind, `kernel(3,2)`.

    `channels`: what to take where the text does not say them.
    """
    shape = re.search(r"kernel(\([\d, ]+\))", call)
    spoken = read(call.replace(shape[0], shape[1]) if shape else call)
    layer = spoken.layer
    layer = layer if layer.channels_out else layer.replace(channels_out=channels[1])
    it = layer.settings(extents, channels_in=layer.channels_in or channels[0], batch=2)
    arrays = exact(it)
    y = reference(it, arrays.x, arrays.w, arrays.b)
    kernel = spoken.kernel.gather(own_layout(it).spread(arrays.w, it.groups))
    x = np.ascontiguousarray(np.moveaxis(arrays.x, 1, -1)) if spoken.channels_last else arrays.x
    y = np.moveaxis(y, 1, -1) if spoken.channels_last else y
    state: Any = {"kernel": kernel} | ({} if arrays.b is None else {"bias": arrays.b})
    if how == "onnx":
        said = Said(spoken.form, call, spoken.kernel, False, (), "arrays")
        text, state = dialects()["onnx"].program(it, Plan(it), said), list(state.values())
    else:
        text = RUNS[how].format(call=call.replace(shape[0], "kernel") if shape else call)
    return Written(it, call, text, {"x": x, "state": state, "kernel": kernel, "bias": arrays.b}, y)
