"""ONNX files: every attribute has the meaning that onnx's reference evaluation gives it, and shapes are found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convt.capture.onnx_file import capture_onnx
from convt.capture.seen import Wanted
from tests.suite.capture.captures import captured, close, numbers, through

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

CALLS: list[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ("Conv", (2, 4, 9, 8), (6, 4, 3, 2), {"pads": [1, 0, 2, 1], "strides": [2, 1]}),
    ("Conv", (1, 4, 9), (6, 2, 3), {"group": 2, "dilations": [2]}),
    ("Conv", (1, 2, 7, 8), (3, 2, 4, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 3]}),
    ("Conv", (1, 2, 7, 8), (3, 2, 4, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 3]}),
    ("Conv", (1, 2, 7, 8), (3, 2, 4, 3), {"auto_pad": "VALID"}),
    ("Conv", (1, 2, 4, 5, 6), (3, 2, 2, 3, 1), {}),
    ("ConvTranspose", (2, 4, 5, 4), (4, 3, 3, 2), {"strides": [2, 3], "pads": [1, 0, 0, 1]}),
    ("ConvTranspose", (1, 4, 5, 4), (4, 3, 3, 3), {"strides": [2, 2], "output_padding": [1, 0], "group": 2}),
    ("ConvTranspose", (1, 2, 5), (2, 3, 4), {"strides": [2], "dilations": [2], "auto_pad": "SAME_UPPER"}),
    ("ConvTranspose", (1, 2, 5), (2, 3, 5), {"strides": [2], "auto_pad": "SAME_LOWER"}),
    ("ConvTranspose", (1, 2, 5, 5), (2, 3, 3, 3), {"strides": [2, 2], "output_shape": [10, 9]}),
]  # fmt: skip


def made(graph: Any, opset: int = 17) -> Any:
    """A model in the format that runtimes of today and of some years ago read."""
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def node_model(op: str, x: tuple[int, ...], w: tuple[int, ...], given: dict[str, Any], bias: bool) -> Any:
    """A model of one node, its kernel and bias in the file."""
    kernel = numpy_helper.from_array(numbers(w, 1), "w")
    outputs = w[0] if op == "Conv" else w[1] * given.get("group", 1)
    held = [kernel, *([numpy_helper.from_array(numbers((outputs,), 2), "b")] if bias else [])]
    node = helper.make_node(op, ["x", "w", *(["b"] if bias else [])], ["y"], name="layer", **given)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], held,
    )  # fmt: skip
    return made(graph)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("op", "x", "w", "given"), CALLS)
def test_settings_and_weights_give_the_numbers_of_the_model(
    tmp_path: Path, op: str, x: tuple[int, ...], w: tuple[int, ...], given: dict[str, Any], bias: bool
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / "one.onnx"
    onnx.save(node_model(op, x, w, given, bias), path)
    found = captured(path, weights=True)
    assert [seen.name for seen in found.seen] == ["layer"]
    assert not found.left
    data = numbers(x)
    [expected] = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": data})
    assert close(expected, through(found, data))


def test_external_data_is_stepped_over_and_read_where_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "big.onnx"
    model = node_model("Conv", (1, 4, 9), (6, 4, 3), {}, True)
    onnx.save_model(model, path, save_as_external_data=True, location="big.bin", size_threshold=0)
    found = captured(path, weights=True)
    assert found.seen[0].weights is not None
    assert np.array_equal(found.seen[0].weights[0], numbers((6, 4, 3), 1))
    (tmp_path / "big.bin").unlink()
    assert [seen.settings.w_shape for seen in captured(path).seen] == [(6, 4, 3)]


def test_data_outside_of_the_folder_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "big.onnx"
    model = node_model("Conv", (1, 4, 9), (6, 4, 3), {}, False)
    onnx.save_model(model, path, save_as_external_data=True, location="big.bin", size_threshold=0)
    (tmp_path / "in" / "big.bin").rename(tmp_path / "big.bin")
    path.write_bytes(path.read_bytes().replace(b"big.bin", b"../b.bi"))
    with pytest.raises(ValueError, match="accepted a file beside it"):
        captured(path, weights=True)


def network(batch: int | str, size: int | str) -> Any:
    """Layers between the convolutions, and the way in which exporters compute shapes."""

    def tensor(name: str, values: Any, dtype: Any = np.int64) -> Any:
        return numpy_helper.from_array(np.array(values, dtype), name)

    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], name="down", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        helper.make_node("Shape", ["b"], ["s"]),
        helper.make_node("Slice", ["s", "two", "four"], ["hw"]),
        helper.make_node("Slice", ["s", "zero", "two"], ["nc"]),
        helper.make_node("Concat", ["nc", "hw"], ["sizes"], axis=0),
        helper.make_node("Resize", ["c", "", "", "sizes"], ["d"], mode="nearest"),
        helper.make_node("Concat", ["b", "d"], ["e"], axis=1),
        helper.make_node("Split", ["e"], ["f", "g"], axis=1, num_outputs=2),
        helper.make_node("Add", ["f", "g"], ["h"]),
        helper.make_node("Pad", ["h", "pads"], ["i"]),
        helper.make_node("ConvTranspose", ["i", "w2"], ["j"], name="up", strides=[2, 2]),
        helper.make_node("Transpose", ["j"], ["k"], perm=[0, 1, 3, 2]),
        helper.make_node("Unsqueeze", ["k", "two"], ["l"]),
        helper.make_node("Reshape", ["l", "flat"], ["m"]),
        helper.make_node("Conv", ["m", "w3"], ["y"], name="line"),
    ]  # fmt: skip
    held = [
        numpy_helper.from_array(numbers(shape, at), f"w{at}")
        for at, shape in enumerate([(8, 3, 3, 3), (8, 4, 2, 2), (2, 4, 3)], 1)
    ]
    held += [tensor("zero", [0]), tensor("two", [2]), tensor("four", [4]), tensor("pads", [0, 0, 1, 0, 0, 0, 0, 2])]
    held += [tensor("flat", [0, 4, -1])]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], held,
    )  # fmt: skip
    return made(graph, 18)


@pytest.mark.parametrize("size", [16, 17, 23])
def test_shapes_are_carried_through_the_graph_as_the_runtime_computes_them(tmp_path: Path, size: int) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / "net.onnx"
    onnx.save(network("n", "s"), path)
    found = capture_onnx(path, Wanted({"x": (1, 3, size, size)}), lambda *_: {})  # onnx's own inference is not asked
    assert [seen.name for seen in found.seen] == ["down", "up", "line"]
    model = onnx.load(path)
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "ihjm")
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    shapes = {out.name: value.shape for out, value in zip(session.get_outputs(), session.run(None, {
        "x": numbers((1, 3, size, size))}), strict=True)}  # fmt: skip
    ins, outs = [seen.settings.x_shape for seen in found.seen], [seen.settings.y_shape for seen in found.seen]
    assert ins[1:] == [shapes["i"], shapes["m"]]
    assert outs[1:] == [shapes["j"], shapes["y"]]


def test_open_extents_are_told_with_the_option_that_gives_them(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(network("n", "s"), path)
    found = captured(path)
    assert not found.seen
    assert {left.name for left in found.left} == {"down", "up", "line"}
    assert any("--input-shape x=1,3,224,224" in note for note in found.notes)


def test_functions_and_subgraphs_are_looked_into(tmp_path: Path) -> None:
    inner = helper.make_function(
        "own", "Block", ["x", "w"], ["y"], [helper.make_node("Conv", ["x", "w"], ["y"], name="inner")],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    body = helper.make_graph(
        [helper.make_node("ConvTranspose", ["a", "w2"], ["z"], name="maybe")], "then", [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)],
    )  # fmt: skip
    graph = helper.make_graph(
        [
            helper.make_node("Block", ["x", "w"], ["a"], domain="own", name="block"),
            helper.make_node("If", ["c"], ["y"], name="if", then_branch=body, else_branch=body),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 8]),
         helper.make_tensor_value_info("c", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(numbers((4, 2, 3)), "w"), numpy_helper.from_array(numbers((4, 1, 3)), "w2")],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    path = tmp_path / "f.onnx"
    onnx.save(helper.make_model(graph, functions=[inner], opset_imports=opsets), path)
    found = captured(path)
    assert {(seen.name, seen.settings.input) for seen in found.seen} == {
        ("block.inner", (8,)), ("if.then_branch.maybe", (6,)), ("if.else_branch.maybe", (6,))
    }  # fmt: skip


def test_an_input_that_the_model_does_not_take_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(network(1, 16), path)
    with pytest.raises(ValueError, match="the model takes 1,3,16,16"):
        captured(path, shapes={"x": (1, 4, 16, 16)})
    with pytest.raises(ValueError, match="accepted x"):
        captured(path, shapes={"z": (1, 4, 16, 16)})


def test_half_precision_is_seen(tmp_path: Path) -> None:
    model = node_model("Conv", (1, 4, 9), (6, 4, 3), {}, False)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(numbers((6, 4, 3)).astype(np.float16), "w"))
    path = tmp_path / "half.onnx"
    onnx.save(model, path)
    found = captured(path, weights=True)
    assert [seen.dtype for seen in found.seen] == ["float16"]
    assert found.seen[0].weights is not None


def test_typed_fields_of_tensors_are_read_as_raw_ones(tmp_path: Path) -> None:
    values = [0.5, -1.25, 3.0, 2.0, 0.0, 7.5]
    for kind, dtype in ((TensorProto.FLOAT, np.float32), (TensorProto.DOUBLE, np.float64),
                        (TensorProto.FLOAT16, np.float16), (TensorProto.BFLOAT16, np.float32)):  # fmt: skip
        model = node_model("Conv", (1, 2, 9), (1, 2, 3), {}, False)
        model.graph.initializer[0].CopyFrom(helper.make_tensor("w", kind, (1, 2, 3), values))
        model.graph.input[0].type.tensor_type.elem_type = kind
        path = tmp_path / "typed.onnx"
        onnx.save(model, path)
        weights = captured(path, weights=True).seen[0].weights
        assert weights is not None
        assert weights[0].ravel().tolist() == np.array(values, dtype).tolist(), kind
