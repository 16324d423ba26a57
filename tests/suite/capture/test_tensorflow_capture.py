"""TensorFlow's SavedModels and LiteRT files: settings and weights give the numbers that the models give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convt.capture.seen import Unreadable
from tests.suite.capture.captures import captured, close, first, last, numbers, through

SHAPE = (2, 9, 8, 4)


@pytest.fixture(scope="module")
def tf() -> Any:
    return pytest.importorskip("tensorflow", reason="TensorFlow is not installed")


def module(tf: Any, shape: tuple[int | None, ...], engine: str) -> Any:
    """A chain of TensorFlow's own operators, as a function of one input."""
    kernels = [numbers(s, at) * 0.5 for at, s in enumerate(
        [(3, 2, 2, 6), (3, 3, 6, 2), (3, 3, 5, 12), (2, 4, 3, 5)])]  # fmt: skip

    class Chain(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.kernels = [tf.Variable(kernel) for kernel in kernels]

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            grouped, deep, up, odd = self.kernels
            if engine == "lite":  # it has no groups here
                x = x[..., :2]
            x = tf.nn.conv2d(x, grouped, (2, 1), "SAME")
            x = tf.nn.depthwise_conv2d(x, deep, (1, 1, 1, 1), "VALID")
            size = tf.shape(x)
            x = tf.nn.conv2d_transpose(x, up, [size[0], 2 * size[1] - 1, 2 * size[2], 5], 2, "SAME")
            return tf.nn.conv2d_transpose(x, odd, [size[0], 6 * size[1] - 4, 6 * size[2] + 2, 3], 3, "VALID")

    return Chain()


@pytest.fixture(scope="module")
def folder(tf: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("saved")
    for name, shape in (("known", (None, *SHAPE[1:])), ("open", (None, None, None, 4))):
        model = module(tf, shape, "tf")
        tf.saved_model.save(model, str(where / name), signatures=model.__call__)
    return where


def test_a_saved_model_is_read_as_data_where_it_tells_its_extents(folder: Path) -> None:
    found = captured(folder / "known")
    assert [one.settings.transposed for one in found.seen] == [False, False, True, True]
    assert not found.left
    assert [one.settings.x_shape for one in found.seen][:3] == [(1, 4, 9, 8), (1, 6, 5, 8), (1, 12, 3, 6)]
    assert [(one.settings.groups, one.settings.padding) for one in found.seen][:2] == [(2, "same"), (6, "valid")]


def test_a_dilation_that_tensorflow_spreads_over_items_is_told(tf: Any, tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 2), tf.float32)])  # type: ignore[untyped-decorator]
    def deep(x: Any) -> Any:
        return tf.nn.depthwise_conv2d(x, tf.constant(numbers((3, 3, 2, 1))), (1, 1, 1, 1), "VALID", dilations=(2, 2))

    holder = tf.Module()
    holder.call = deep
    tf.saved_model.save(holder, str(tmp_path / "deep"), signatures=deep)
    found = captured(tmp_path / "deep")
    assert [(one.settings.batch, one.settings.input) for one in found.seen] == [(4, (4, 4))]
    assert any("SpaceToBatchND" in note for note in found.notes)


def test_open_extents_need_tensorflow_which_loads_the_model(folder: Path) -> None:
    found = captured(folder / "open")
    assert not found.seen
    assert any("--input-shape" in note for note in found.notes)
    with pytest.raises(Unreadable, match="add --trust"):
        captured(folder / "open", shapes={"x": SHAPE})


def test_a_loaded_model_gives_its_settings_and_weights(tf: Any, folder: Path) -> None:
    found = captured(folder / "open", shapes={"x": SHAPE}, weights=True, trust=True)
    x = numbers((2, 4, 9, 8))
    assert close(first(module(tf, SHAPE, "tf")(tf.constant(last(x)))), through(found, x))


def test_a_litert_file_is_read_as_data(tf: Any, tmp_path: Path) -> None:
    model = module(tf, SHAPE, "lite")
    converter = tf.lite.TFLiteConverter.from_concrete_functions([model.__call__.get_concrete_function()], model)
    path = tmp_path / "m.tflite"
    path.write_bytes(converter.convert())
    found = captured(path, weights=True)
    assert [one.settings.transposed for one in found.seen] == [False, False, True, True]
    x = numbers((2, 4, 9, 8))
    interpreter = tf.lite.Interpreter(model_content=path.read_bytes())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], last(x))
    interpreter.invoke()
    y = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert close(first(y), through(found, x[:, :2]))


def test_quantized_and_three_dimensional_layers_of_litert(tf: Any, tmp_path: Path) -> None:
    kernel, back = tf.constant(numbers((2, 3, 2, 2, 4))), tf.constant(numbers((2, 2, 3, 3, 4)))

    @tf.function(input_signature=[tf.TensorSpec((1, 5, 6, 7, 2), tf.float32)])  # type: ignore[untyped-decorator]
    def volumes(x: Any) -> Any:
        y = tf.nn.conv3d(x, kernel, (1, 1, 2, 1, 1), "SAME")
        return tf.nn.conv3d_transpose(y, back, (1, 10, 6, 14, 3), (1, 2, 2, 2, 1), "SAME")

    path = tmp_path / "v.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([volumes.get_concrete_function()]).convert())
    found = captured(path, weights=True)
    assert not found.left
    x = numbers((1, 2, 5, 6, 7))
    assert close(first(volumes(tf.constant(last(x)))), through(found, x))
    assert np.prod([one.settings.rank for one in found.seen]) == 9
