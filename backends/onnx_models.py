"""The ONNX models of a target, made on the host with the onnx package: the target's process has the runtime alone.

A model comes in parts, between which the weights' bytes belong: `b"".join` of them, with `w` and `b` in place, is the
file. So one model serves every probe with the same settings, and the numbers travel once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backends.onnx_nodes import INPUTS, SYMBOLIC, attributes, operator
from backends.preparing import Form

if TYPE_CHECKING:
    import onnx

Parts = tuple[bytes | str, ...]
"""Bytes of a model, and the names of the weights whose bytes belong between them."""

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
MARKS = {"w": b"\xa5\xc3\x96\x5a", "b": b"\x5a\x96\xc3\xa5"}


def prepare(form: Form, mode: str, versions: Mapping[str, str]) -> Parts:
    """The model for a probe, as old as the runtime of that target needs it."""
    import onnx

    opset, ir = versions_for(versions.get("onnxruntime", ""), onnx.defs.onnx_opset_version())
    if form.want in ("nearest", "bilinear"):
        graph = _resize(form)
    else:
        if form.spelling == SYMBOLIC:
            opset, ir = OLDEST
        graph = _convolution(form)
    opsets = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=ir, producer_name="convt")
    return _cut(model.SerializeToString(), [tensor.name for tensor in graph.initializer], form)


def versions_for(release: str, newest: int) -> tuple[int, int]:
    """(opset, IR version) for a release of ONNX Runtime, `newest` being the last opset that the host can write."""
    numbers = tuple(int(part) for part in release.split(".")[:2] if part.isdigit())
    opset, ir = TAKES[max((row for row in TAKES if row <= numbers), default=min(TAKES))]
    return min(opset, newest), ir


def _convolution(form: Form) -> onnx.GraphProto:
    """One node, its weights as initializers or as inputs."""
    import onnx

    it, helper = form.settings, onnx.helper
    dtype = helper.np_dtype_to_tensor_dtype(_dtype(form.dtype))
    weights = {"w": it.w_shape, "b": it.b_shape} if it.bias else {"w": it.w_shape}
    node = helper.make_node(operator(it), ["x", *weights], ["y"], **attributes(it, form.spelling))
    inputs = [helper.make_tensor_value_info("x", dtype, _x_shape(form))]
    initializers = []
    for name, shape in weights.items():
        if form.spelling == INPUTS:
            inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        else:
            raw = _raw(name, shape, form.dtype)
            initializers.append(helper.make_tensor(name, dtype, shape, raw, raw=True))
    y = helper.make_tensor_value_info("y", dtype, _open(len(_x_shape(form))))
    return helper.make_graph([node], "convt", inputs, [y], initializers)


def _x_shape(form: Form) -> list[int | str]:
    """The input's extents as the model declares them."""
    it = form.settings
    shape: list[int | str] = list(it.x_shape)
    if form.spelling == SYMBOLIC:
        shape = ["batch", it.channels_in, *(f"extent_{axis}" for axis in range(it.rank))]
    return shape[1:] if form.want == "unbatched" else shape


def _resize(form: Form) -> onnx.GraphProto:
    """ONNX's own resize by the strides, with half-pixel centres."""
    import onnx

    it, helper = form.settings, onnx.helper
    dtype = helper.np_dtype_to_tensor_dtype(_dtype(form.dtype))
    mode = {"mode": "linear"} if form.want == "bilinear" else {"mode": "nearest", "nearest_mode": "round_prefer_floor"}
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], coordinate_transformation_mode="half_pixel", **mode)
    scales = helper.make_tensor("scales", onnx.TensorProto.FLOAT, [2 + it.rank], [1.0, 1.0, *map(float, it.stride)])
    x = helper.make_tensor_value_info("x", dtype, it.x_shape)
    y = helper.make_tensor_value_info("y", dtype, _open(2 + it.rank))
    return helper.make_graph([node], "convt", [x], [y], [scales])


def _open(axes: int) -> list[str]:
    """Extents that are left to be inferred."""
    return [f"y_{axis}" for axis in range(axes)]


def _raw(name: str, shape: tuple[int, ...], dtype: str) -> bytes:
    """As many bytes as the weights have, of a pattern that stands nowhere else in a model."""
    count = math.prod(shape) * _dtype(dtype).itemsize
    return (MARKS[name] * (count // 4 + 1))[:count]


def _cut(model: bytes, names: list[str], form: Form) -> Parts:
    """The model's bytes before, between and after its weights."""
    it, parts = form.settings, []
    for name in (name for name in ("w", "b") if name in names):
        raw = _raw(name, it.w_shape if name == "w" else it.b_shape, form.dtype)
        before, after = model.split(raw)
        parts += [before, name]
        model = after
    return (*parts, model)


def _dtype(name: str) -> Any:
    """numpy's dtype of that name; bfloat16 needs ml_dtypes."""
    import numpy as np

    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))
