"""Shapes of an ONNX file's intermediate tensors, by onnx's own inference; the weights are not read."""

from __future__ import annotations

from typing import Any

from convt.capture.children.common import Answer, Refused


def find(question: dict[str, Any]) -> Answer:
    try:
        import onnx
    except ImportError as error:
        raise Refused("onnx is not installed") from error
    model = onnx.load(question["target"], load_external_data=False)
    names = [value.name for value in model.graph.input]
    for key, shape in question["shapes"].items():
        name = names[int(key)] if key.isdigit() and key not in names else key
        for value in model.graph.input:
            if value.name == name:
                value.type.tensor_type.shape.ClearField("dim")
                for size in shape:
                    value.type.tensor_type.shape.dim.add().dim_value = size
    for value in [*model.graph.value_info, *model.graph.output]:
        for dim in value.type.tensor_type.shape.dim:
            if dim.HasField("dim_param"):
                dim.ClearField("dim_param")
    found = onnx.shape_inference.infer_shapes(model, data_prop=True)
    shapes = {}
    for value in [*found.graph.value_info, *found.graph.output]:
        if value.type.tensor_type.HasField("shape"):
            dims = value.type.tensor_type.shape.dim
            shapes[value.name] = [dim.dim_value if dim.HasField("dim_value") else None for dim in dims]
    answer = Answer()
    answer.more["shapes"] = shapes
    return answer
