"""The ONNX models of a target, made on the host with the onnx package: the target's process has the runtime alone.

A model comes in parts, between which the weights' bytes belong: `b"".join` of them, with `w` and `b` in place, is the
file. So one model serves every probe with the same settings, and the numbers travel once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from convt.adapter.backend import Unsupported, describe
from convt.adapter.form import Form
from convt.conv.dtypes import numpy_dtype

from .nodes import INPUTS, SYMBOLIC, attributes, operator, raw_attributes

if TYPE_CHECKING:
    import onnx

Parts = tuple[bytes | str, ...]
"""Bytes of a model, and the names of the weights whose bytes belong between them."""
Weights = dict[str, tuple[tuple[int, ...], str]]
"""Name to shape and dtype."""

TAKES = {
    (1, 14): (18, 8),
    (1, 15): (19, 9),
    (1, 17): (20, 9),
    (1, 18): (21, 10),
    (1, 21): (22, 10),
    (1, 23): (23, 11),
    (1, 24): (25, 13),
    (1, 27): (26, 13),
}
"""ONNX Runtime's release to the newest opset and IR version that it takes, as found by asking it; a release that is not
here takes those of the one before. Source: onnxruntime.ai/docs/reference/compatibility.html, from 1.14 to 1.17."""
OLDEST = (11, 6)
"""The opset that gave the operators their attributes' present meaning, and an IR version that suits it."""
_MARKS: tuple[Mapping[str, bytes], ...] = (
    {"w": b"\xa5\xc3\x96\x5a", "b": b"\x5a\x96\xc3\xa5"},
    *({"w": bytes([at, at ^ 85]), "b": bytes([at ^ 170, at ^ 255])} for at in range(256)),
)
"""Patterns that hold the places of w and b, the first that stands nowhere else in a model: a weight may be one byte."""


def prepare(form: Form, mode: str, versions: Mapping[str, str]) -> Parts | str:
    """The model for a probe, as old as the runtime of that target needs it; words where onnx writes no such model."""
    import onnx

    versions_of_it = versions_for(versions.get("onnxruntime", ""), onnx.defs.onnx_opset_version())
    if form.call_form == SYMBOLIC and form.want not in ("nearest", "bilinear"):
        versions_of_it = OLDEST
    if form.invalid is None:
        return _parts(form, versions_of_it)
    try:
        return _parts(form, versions_of_it)
    except Unsupported as error:
        return str(error)
    except Exception as error:  # what means nothing may be no model either: onnx itself says so
        return f"onnx writes no such model: {describe(error)}"


def _parts(form: Form, versions: tuple[int, int]) -> Parts:
    """The model's bytes before, between and after its weights, found by bytes that stand nowhere else in it."""
    import onnx

    opset, ir = versions
    resizes = form.want in ("nearest", "bilinear")
    weights = {} if resizes or form.call_form == INPUTS else _weights(form)
    for marks in _MARKS:
        raws = {name: _raw(marks[name], *weight) for name, weight in weights.items()}
        graph = _resize(form) if resizes else _convolution(form, raws)
        opsets = [onnx.helper.make_opsetid("", opset)]
        made = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=ir, producer_name="convt")
        model = made.SerializeToString()
        if all(model.find(raw) == model.rfind(raw) for raw in raws.values() if raw):
            return _cut(model, raws)
    raise AssertionError("every pattern stands twice in the model")


def versions_for(release: str, newest: int) -> tuple[int, int]:
    """(opset, IR version) for a release of ONNX Runtime, `newest` being the last opset that the host can write."""
    numbers = tuple(int(part) for part in release.split(".")[:2] if part.isdigit())
    opset, ir = TAKES[max((row for row in TAKES if row <= numbers), default=min(TAKES))]
    return min(opset, newest), ir


def _weights(form: Form) -> Weights:
    """The shapes and dtypes of w and b."""
    it = form.settings
    if form.arrays:
        return {name: (shape, dtype) for name, shape, dtype in form.arrays if name != "x"}
    return {"w": (it.w_shape, form.dtype)} | ({"b": (it.b_shape, form.dtype)} if it.bias else {})


def _convolution(form: Form, raws: Mapping[str, bytes]) -> onnx.GraphProto:
    """One node, its weights as initializers of these bytes, or as inputs where there are none."""
    import onnx

    it, helper, weights = form.settings, onnx.helper, _weights(form)
    said = attributes(it, form.call_form) if form.invalid is None else raw_attributes(it, form.call_form, form.invalid)
    node = helper.make_node(operator(it), ["x", *weights], ["y"], **said)
    inputs = [helper.make_tensor_value_info("x", _element(form.dtype), _x_shape(form))]
    initializers = []
    for name, (shape, dtype) in weights.items():
        if name in raws:
            initializers.append(helper.make_tensor(name, _element(dtype), shape, raws[name], raw=True))
        else:
            inputs.append(helper.make_tensor_value_info(name, _element(dtype), shape))
    y_shape = None if form.arrays else _open(len(_x_shape(form)))
    y = helper.make_tensor_value_info("y", _element(form.dtype), y_shape)
    return helper.make_graph([node], "convt", inputs, [y], initializers)


def _x_shape(form: Form) -> list[int | str]:
    """The input's extents as the model declares them."""
    it = form.settings
    shape: list[int | str] = list(form.arrays[0][1] if form.arrays else it.x_shape)
    if form.call_form == SYMBOLIC and not form.arrays:
        shape = ["batch", it.channels_in, *(f"extent_{axis}" for axis in range(it.rank))]
    return shape[1:] if form.want == "unbatched" else shape


def _resize(form: Form) -> onnx.GraphProto:
    """ONNX's own resize by the strides, with half-pixel centres."""
    import onnx

    it, helper = form.settings, onnx.helper
    dtype = _element(form.dtype)
    mode = {"mode": "linear"} if form.want == "bilinear" else {"mode": "nearest", "nearest_mode": "round_prefer_floor"}
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], coordinate_transformation_mode="half_pixel", **mode)
    scales = helper.make_tensor("scales", onnx.TensorProto.FLOAT, [2 + it.rank], [1.0, 1.0, *map(float, it.stride)])
    x = helper.make_tensor_value_info("x", dtype, it.x_shape)
    y = helper.make_tensor_value_info("y", dtype, _open(2 + it.rank))
    return helper.make_graph([node], "convt", [x], [y], [scales])


def _open(axes: int) -> list[str]:
    """Extents that are left to be inferred."""
    return [f"y_{axis}" for axis in range(axes)]


def _raw(mark: bytes, shape: tuple[int, ...], dtype: str) -> bytes:
    """As many bytes as the weights have, of a pattern."""
    count = math.prod(shape) * numpy_dtype(dtype).itemsize
    return (mark * (count // len(mark) + 1))[:count]


def _cut(model: bytes, raws: Mapping[str, bytes]) -> Parts:
    parts: list[bytes | str] = []
    for name, raw in raws.items():
        if raw:
            before, model = model.split(raw)
            parts += [before, name]
    return (*parts, model)


def _element(dtype: str) -> int:
    """ONNX's number of an element type."""
    import onnx

    return int(onnx.helper.np_dtype_to_tensor_dtype(numpy_dtype(dtype)))
