"""Settings of calls that have a framework's own words: ONNX's attributes and Keras's arguments, read by its dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convt.capture.seen import NotACase
from convt.conv.settings import Settings
from convt.translation.dialect import dialects
from convt.translation.layer import Layer, LayerError
from convt.translation.parsing import Name

LAYERS = "keras.layers"


def read(dialect: str, form: str, given: Mapping[str, Any]) -> Layer:
    """The layer that a call says, what is not given being the default; NotACase with the reason where it says none."""
    words = dialects()[dialect]
    signature = words.forms[form]
    known = {**signature.parameters, **signature.keyword_only}
    try:
        return words.read(form, {**known, **{key: value for key, value in given.items() if key in known}}).layer
    except LayerError as error:
        raise NotACase(str(error)) from None


def settled(layer: Layer) -> Settings:
    """Its settings, the input being said by the layer; NotACase where they are impossible."""
    try:
        return layer.settings()
    except LayerError as error:
        raise NotACase(str(error)) from None


def onnx_call(op: str, attributes: Mapping[str, Any], x: Sequence[int], w: Sequence[int], bias: bool) -> Settings:
    """ONNX's Conv or ConvTranspose, of an input (batch, channels, ...) with a kernel in ONNX's order, which is ours."""
    given = {key: value for key, value in attributes.items() if key not in ("x", "w", "b")}
    if given.get("auto_pad", "NOTSET") != "NOTSET":
        given.pop("pads", None)  # exporters write zeros there, which count for nothing
    elif not given.get("pads", True):
        given.pop("pads")
    rank = len(w) - 2
    if given.get("output_shape"):
        given["output_shape"] = given["output_shape"][-rank:]  # old exporters wrote batch and channels too
    arrays = {"x": tuple(x), "w": tuple(w), "b": Name("b") if bias else None}
    return settled(read("onnx", f"onnx.{op}", given | arrays))


def keras_layer(word: str, said: Mapping[str, Any], shape: Sequence[int]) -> Settings:
    """A layer such as Conv2D by its configuration, for an input of this shape in the layer's own order."""
    given = {key: value for key, value in said.items() if key not in ("input_shape", "batch_input_shape")}
    return settled(read("keras", f"{LAYERS}.{word}", given | {"batch_input_shape": list(shape)}))


def keras_op(name: str, inputs: Sequence[int], kernel: Sequence[int], bias: bool = False, **how: Any) -> Settings:
    """A call of `keras.ops`, by the shapes of its arrays in Keras's order."""
    said = {key: value for key, value in how.items() if value is not None}
    arrays = {"inputs": tuple(inputs), "kernel": tuple(kernel)}
    return settled(read("keras", f"keras.ops.{name}", said | arrays).replace(bias=bias))
