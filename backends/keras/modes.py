"""The ways in which Keras runs a layer: by itself, in a functional model, through Model.predict, or from a file.

What comes back is called with x, has `set_weights`, and gives `trainable_variables` and `stateless_call` for gradients.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from .calls import Call

MODES = ("eager", "functional", "compiled", "saved")


def layer_of(keras: Any, call: Call, dtype: str, start: Any) -> Any:
    """A layer that is not built. `start` makes its variables, which drawing at random would make slower."""
    options = {"dtype": dtype, call.kernel_initializer: start, "bias_initializer": start}
    return getattr(keras.layers, call.name)(**call.options, **options)


def model_of(keras: Any, layer: Any, shape: tuple[int | None, ...], dtype: str) -> Any:
    """A functional model of one layer; `shape` with the batch axis, `dtype` that of the input."""
    inputs = keras.Input(batch_shape=shape, dtype=dtype)
    return keras.Model(inputs, layer(inputs))


def op_model_of(keras: Any, call: Call, shapes: tuple[tuple[int, ...], ...], dtype: str) -> Any:
    """A functional model of an op on x and the kernel."""
    inputs = [keras.Input(batch_shape=shape, dtype=dtype) for shape in shapes]
    return keras.Model(inputs, getattr(keras.ops, call.name)(*inputs, **call.options))


def through_config(layer: Any) -> Any:
    """The layer that its own configuration describes."""
    return type(layer).from_config(layer.get_config())


def through_file(keras: Any, model: Any) -> Any:
    """The model that comes back from a file, its weights with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "convolution.keras"))
        model.save(path)
        return keras.models.load_model(path)


class Predicts:
    """A model whose call is `Model.predict`."""

    def __init__(self, model: Any) -> None:
        model.compile(jit_compile="auto")
        self.model = model

    def __call__(self, x: Any) -> Any:
        return self.model.predict(x, verbose=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)
