"""The models that the host writes for ONNX Runtime: what they say, and for which release."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from convt.content.backends.onnxruntime.models import Parts, prepare, versions_for
from convt.content.backends.onnxruntime.nodes import CALL_FORMS, INPUTS, PADS, SYMBOLIC

from convt.adapter.form import Form
from convt.conv.settings import Settings

GROUPED = Settings(
    input=(4, 3), kernel=(3, 2), stride=(2, 1), channels_in=4, channels_out=6, groups=2, bias=True, padding="same"
)


@pytest.fixture(scope="module")
def onnx() -> Any:
    return pytest.importorskip("onnx", reason="onnx, which writes the models, is not installed")


def weights(settings: Settings) -> dict[str, np.ndarray]:
    """Numbers whose bytes stand for themselves."""
    shapes = {"w": settings.w_shape, "b": settings.b_shape}
    return {name: np.arange(np.prod(shape), dtype=np.float32).reshape(shape) for name, shape in shapes.items()}


def joined(parts: Parts | str, settings: Settings) -> bytes:
    assert not isinstance(parts, str)
    given = {name: array.tobytes() for name, array in weights(settings).items()}
    return b"".join(given[part] if isinstance(part, str) else part for part in parts)


def model(onnx: Any, settings: Settings, call_form: int = 0, release: str = "1.31.1") -> Any:
    parts = prepare(Form(settings, call_form=call_form), "all", {"onnxruntime": release})
    return onnx.load_model_from_string(joined(parts, settings))


@pytest.mark.parametrize("call_form", range(len(CALL_FORMS)))
@pytest.mark.parametrize("release", ["1.14.0", "1.17.3", "1.20.1", "1.31.1"])
def test_a_model_is_valid_and_has_the_weights_in_their_places(onnx: Any, call_form: int, release: str) -> None:
    made = model(onnx, GROUPED, call_form, release)
    onnx.checker.check_model(made, full_check=True)
    found = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    assert set(found) == (set() if call_form == INPUTS else {"w", "b"})
    for name, array in found.items():
        np.testing.assert_array_equal(array, weights(GROUPED)[name])


def test_the_weights_travel_apart_so_that_a_large_kernel_makes_no_large_model(onnx: Any) -> None:
    large = Settings(input=(2, 2), kernel=(4, 4), channels_in=256, channels_out=256)
    parts = prepare(Form(large), "all", {"onnxruntime": "1.31.1"})
    assert parts[1] == "w"
    assert sum(len(part) for part in parts) < 600
    onnx.checker.check_model(joined(parts, large))


def test_one_tap_is_found_among_the_attributes(onnx: Any) -> None:
    """The pattern that holds a weight's place is no other bytes of the model, however short the weight."""
    for extent in (1, 0xA5, 0xC3A5, 0x5A96C3A5):
        parts = prepare(Form(Settings(input=(extent,), kernel=(1,), bias=True)), "all", {"onnxruntime": "1.31.1"})
        assert [part for part in parts if isinstance(part, str)] == ["w", "b"]


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("1.14.1", (18, 8)), ("1.15.0", (19, 9)), ("1.16.3", (19, 9)), ("1.17.3", (20, 9)), ("1.20.1", (21, 10)),
        ("1.22.0", (22, 10)), ("1.23.2", (23, 11)), ("1.26.0", (25, 13)), ("1.31.1", (26, 13)), ("2.0.0", (26, 13)),
        ("1.8.0", (18, 8)), ("1.32.0.dev20261101", (26, 13)), ("", (18, 8)),
    ],
)  # fmt: skip
def test_opset_and_ir_version_are_those_that_the_release_takes(release: str, expected: tuple[int, int]) -> None:
    assert versions_for(release, 28) == expected


def test_no_opset_is_newer_than_the_host_can_write(onnx: Any) -> None:
    assert versions_for("1.31.1", 21) == (21, 13)
    written = model(onnx, GROUPED).opset_import[0].version
    assert written == min(26, onnx.defs.onnx_opset_version())


def test_symbolic_extents_are_those_of_batch_and_space_in_the_oldest_operator(onnx: Any) -> None:
    made = model(onnx, GROUPED, SYMBOLIC)
    assert [d.dim_param or d.dim_value for d in made.graph.input[0].type.tensor_type.shape.dim] == [
        "batch", 4, "extent_0", "extent_1",
    ]  # fmt: skip
    assert (made.opset_import[0].version, made.ir_version) == (11, 6)


def test_a_plain_node_has_the_attributes_that_differ_from_their_defaults(onnx: Any) -> None:
    [node] = model(onnx, Settings(input=(4,), kernel=(3,), stride=(2,), op="conv"), PADS).graph.node
    assert (node.op_type, [attribute.name for attribute in node.attribute]) == ("Conv", ["strides"])


def test_a_model_of_raw_attributes_says_them_as_they_are(onnx: Any) -> None:
    it = Settings(input=(4, 3), kernel=(3, 2))
    raw: dict[str, Any] = {"stride": 2, "padding": [[1, 2], [3, 4]], "groups": "two", "output_size": [-1]}
    parts = prepare(Form(it, call_form=PADS, invalid=raw), "all", {"onnxruntime": "1.31.1"})
    [node] = onnx.load_model_from_string(joined(parts, it)).graph.node
    said = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    assert said == {"strides": 2, "pads": [1, 3, 2, 4], "group": b"two", "output_shape": [-1]}


def test_a_model_of_other_arrays_declares_them(onnx: Any) -> None:
    it = Settings(input=(4,), kernel=(3,))
    arrays = (("x", (1, 2), "float64"), ("w", (0, 1, 3), "int8"), ("b", (), "float32"))
    parts = prepare(Form(it, invalid={}, arrays=arrays), "all", {"onnxruntime": "1.31.1"})
    graph = onnx.load_model_from_string(joined(parts, it)).graph
    assert [len(graph.input[0].type.tensor_type.shape.dim), *(list(w.dims) for w in graph.initializer)] == [
        2,
        [0, 1, 3],
        [],
    ]


def test_what_onnx_refuses_to_write_comes_as_words(onnx: Any) -> None:
    form = Form(Settings(input=(4,), kernel=(3,)), invalid={"stride": [1, None]})
    said = prepare(form, "all", {"onnxruntime": "1.31.1"})
    assert isinstance(said, str)
    assert said.startswith("onnx writes no such model: ")


def test_a_weight_of_one_byte_finds_its_place() -> None:
    pytest.importorskip("onnx", reason="onnx, which writes the models, is not installed")
    for extent in range(1, 256):
        form = Form(Settings(input=(extent,), kernel=(1,), bias=True), dtype="int8")
        parts = prepare(form, "all", {"onnxruntime": "1.31.1"})
        assert [part for part in parts if isinstance(part, str)] == ["w", "b"]
