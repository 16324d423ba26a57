"""The convolutions that a Keras model computes: what reaches `keras.backend.nn` when it is called without numbers."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator
from typing import Any

from convt.capture.children.common import Answer, Refused, inputs_of, made

ENGINES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}
OPS = ("conv", "conv_transpose", "depthwise_conv", "separable_conv")


def keras_here() -> Any:
    """Keras with an engine that is installed."""
    if "KERAS_BACKEND" not in os.environ:
        here = [name for name, module in ENGINES.items() if importlib.util.find_spec(module)]
        if here:
            os.environ["KERAS_BACKEND"] = here[0]
    try:
        import keras
    except ImportError as error:
        raise Refused(f"Keras is not installed here ({error}); --python names a Python that has it") from error
    if keras.__version__.startswith("2."):
        raise Refused(f"Keras {keras.__version__} found, accepted 3 or newer; --python names a Python that has it")
    return keras


def capture(found: Any, question: dict[str, Any]) -> Answer:
    keras = keras_here()
    model = made(found, question["target"], lambda it: isinstance(it, keras.layers.Layer), "a Keras model")
    answer = Answer()
    answer.more["trains"] = True
    arrays = _inputs(keras, model, question)
    with _watched(keras, answer, question["weights"]):
        try:
            if question["weights"]:
                raise NotImplementedError  # what has no numbers has no weights
            keras.backend.compute_output_spec(lambda *given: _called(model, given), *arrays)
        except Exception:  # what asks for numbers: then it gets some
            answer.calls.clear()
            zeros = [keras.ops.zeros(array.shape, array.dtype) for array in arrays]
            _called(model, zeros)
    return answer


def _called(model: Any, given: Any) -> Any:
    """The model's outputs; a functional model of several inputs takes them as one list."""
    many = getattr(model, "inputs", None)
    if many is None and len(given) > 1:
        return model(*given)
    return model(list(given) if len(given) > 1 else given[0], training=False)


def _inputs(keras: Any, model: Any, question: dict[str, Any]) -> list[Any]:
    own = getattr(model, "inputs", None) or []
    names = [tensor.name for tensor in own]
    if question["shapes"]:
        given = inputs_of(question, names)
        by_key = {key: keras.KerasTensor(tuple(shape), dtype) for key, shape, dtype in given}
        unknown = [key for key in by_key if not key.isdigit() and key not in names]
        if unknown:
            raise Refused(
                f"--input-shape: found the input {unknown[0]!r}, accepted {', '.join(names) or 'places alone'}"
            )
        return [by_key[key] for key in sorted(by_key, key=lambda key: names.index(key) if key in names else int(key))]
    if not own:
        inputs_of(question, names)
    found = []
    for tensor in own:
        shape = [1 if axis == 0 and size is None else size for axis, size in enumerate(tensor.shape)]
        if None in shape:
            words = ",".join(str(size or 224) for size in shape)
            raise Refused(
                f"the input {tensor.name} has open extents, {tuple(tensor.shape)}: give --input-shape {words}"
            )
        found.append(keras.KerasTensor(tuple(shape), tensor.dtype))
    return found


@contextlib.contextmanager
def _watched(keras: Any, answer: Answer, weights: bool) -> Iterator[None]:
    """See every call of an engine's convolutions, and which layer makes it."""
    from keras.src import backend
    from keras.src.layers.layer import Layer

    running: list[Any] = []
    inside: list[bool] = []
    call, ops = Layer.__call__, {name: getattr(backend.nn, name) for name in OPS}

    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        running.append(self)
        try:
            return call(self, *args, **kwargs)
        finally:
            running.pop()

    def watched(name: str) -> Any:
        def convolve(*args: Any, **kwargs: Any) -> Any:
            if not inside:  # an engine may make one of these of others
                said = dict(zip(PARAMETERS[name], args)) | kwargs  # noqa: B905  those that were given by position
                _see(keras, answer, name, running, said, weights)
            inside.append(True)
            try:
                return ops[name](*args, **kwargs)
            finally:
                inside.pop()

        return convolve

    Layer.__call__ = called
    for name in OPS:
        setattr(backend.nn, name, watched(name))
    try:
        yield
    finally:
        Layer.__call__ = call
        for name in OPS:
            setattr(backend.nn, name, ops[name])


HOW = ("strides", "padding", "data_format", "dilation_rate")
PARAMETERS = {
    "conv": ("inputs", "kernel", *HOW), "depthwise_conv": ("inputs", "kernel", *HOW),
    "conv_transpose": ("inputs", "kernel", "strides", "padding", "output_padding", "data_format", "dilation_rate"),
    "separable_conv": ("inputs", "depthwise_kernel", "pointwise_kernel", *HOW),
}  # fmt: skip


def _see(keras: Any, answer: Answer, name: str, running: list[Any], said: dict[str, Any], weights: bool) -> None:
    inputs, layer = said["inputs"], running[-1] if running else None
    bias = bool(getattr(layer, "use_bias", False))
    offset = keras.ops.convert_to_numpy(layer.bias) if weights and bias and layer is not None else None
    path = "/".join(str(it.name) for it in running[1:]) or str(getattr(layer, "name", name))
    form = said.get("data_format") or keras.config.image_data_format()
    how = {key: _plain(said.get(key)) for key in (*HOW, "output_padding")} | {"data_format": form}
    given = {"inputs": _sizes(inputs), "dtype": keras.backend.standardize_dtype(inputs.dtype)}
    if name != "separable_conv":
        call = {"name_of_op": name, "kernel": _sizes(said["kernel"]), "bias": bias, **given, **how}
        answer.call(path, "keras", call, _numbers(keras, said["kernel"], name, weights), offset)
        return
    deep, point = said["depthwise_kernel"], said["pointwise_kernel"]
    call = {"name_of_op": "depthwise_conv", "kernel": _sizes(deep), "bias": False, **given, **how}
    answer.call(path, "keras", call, _numbers(keras, deep, "depthwise_conv", weights))
    call = {"name_of_op": "conv", "kernel": _sizes(point), "bias": bias, **given, "inputs": None}
    answer.call(path, "keras", call, _numbers(keras, point, "conv", weights), offset)


def _sizes(array: Any) -> list[int]:
    return [int(size) for size in array.shape]


def _plain(value: Any) -> Any:
    return [int(item) for item in value] if isinstance(value, (list, tuple)) else value


def _numbers(keras: Any, kernel: Any, name: str, weights: bool) -> Any:
    """The numbers in the order of a case's kernel, where they are wanted."""
    if not weights:
        return None
    import numpy as np

    numbers = np.asarray(keras.ops.convert_to_numpy(kernel), np.float32)
    if name == "depthwise_conv":
        return np.moveaxis(numbers.reshape(*numbers.shape[:-2], -1), -1, 0)[:, None]
    return np.moveaxis(numbers, (-1, -2), (0, 1))
