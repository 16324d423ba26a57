"""Keras: a program, a saved file as data, and files of Keras 2."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from convt.capture.keras_config import foreign, from_config, without_groups
from convt.capture.seen import Unreadable
from convt.conv.settings import Settings
from tests.suite.capture import programs
from tests.suite.capture.captures import captured, close, first, last, numbers, through

HERE = "tests.suite.capture.programs"
BUILD = {"input_shape": [None, 9, 8, 4]}


def saved(path: Path, *layers: dict[str, Any]) -> Path:
    """A .keras file with a configuration and nothing else."""
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    return path


def layer(word: str, build: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    name = config.pop("name", word.lower())
    return {
        "module": "keras.layers",
        "class_name": word,
        "config": {"name": name, **config},
        "build_config": build or BUILD,
    }


def test_a_file_is_read_without_keras(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "m.keras",
        layer("Conv2D", filters=6, kernel_size=[3, 2], strides=[2, 1], padding="same", groups=2, dtype="mixed_bfloat16",
        ),
        layer("Conv2DTranspose", filters=3, kernel_size=[5, 5], strides=[2, 2], padding="same", output_padding=[1, 0]),
        layer("DepthwiseConv2D", kernel_size=[3, 3], depth_multiplier=2, use_bias=False),
        layer("SeparableConv2D", filters=5, kernel_size=[3, 3], data_format="channels_first"),
        layer("Conv1D", {"input_shape": [None, 9, 4]}, filters=2, kernel_size=[3], dilation_rate=[2], padding="causal"),
        layer("Dense", units=3),
    )  # fmt: skip
    found = captured(path)
    plane: dict[str, Any] = {"input": (9, 8), "channels_in": 4}
    deep: dict[str, Any] = {"op": "conv", "padding": "valid"}
    assert [one.settings.explicit() for one in found.seen] == [it.explicit() for it in (
        Settings(**plane, op="conv", kernel=(3, 2), stride=(2, 1), padding="same", groups=2, channels_out=6, bias=True),
        Settings(
            **plane, kernel=(5, 5), stride=(2, 2), padding="same", output_size=(18, 15), channels_out=3, bias=True
        ),
        Settings(**plane, **deep, kernel=(3, 3), groups=4, channels_out=8),
        Settings(**deep, input=(8, 4), channels_in=9, kernel=(3, 3), groups=9, channels_out=9),
        Settings(**deep, input=(6, 2), channels_in=9, kernel=(1, 1), channels_out=5, bias=True),
        Settings((9,), (3,), (), (2,), ((4, 0),), channels_in=4, channels_out=2, bias=True, op="conv"),
    )]  # fmt: skip
    assert found.seen[0].dtype == "bfloat16"


def test_a_program_is_seen_as_it_computes() -> None:
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    found = captured(f"{HERE}:keras_chain", shapes={"0": (2, 9, 8, 4)}, weights=True, trust=True)
    assert [one.name for one in found.seen] == [
        "conv2d", "depthwise_conv2d", "separable_conv2d", "separable_conv2d", "conv2d_transpose", "conv2d_transpose",
        "conv2d_transpose_1", "conv2d_transpose_2", "inner/point",
    ]  # fmt: skip
    x = numbers((2, 4, 9, 8))
    y = keras.ops.convert_to_numpy(programs.keras_chain()(last(x)))
    assert first(y).shape == found.seen[-1].settings.y_shape
    assert close(first(y), through(found, x))


def test_a_model_without_extents_is_rebuilt_for_those_that_are_given(tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="Keras is not installed")
    path = tmp_path / "chain.keras"
    programs.keras_chain().save(path)
    with pytest.raises(Unreadable, match=r"open extents.*give --input-shape 1,224,224,4"):
        captured(path)
    found = captured(path, shapes={"0": (2, 9, 8, 4)})
    assert [one.settings.input for one in found.seen][:2] == [(9, 8), (5, 8)]
    assert len(found.seen) == 9


KERAS_2 = {
    "class_name": "Sequential",
    "config": {
        "name": "old",
        "layers": [
            {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 7, 7, 4], "dtype": "float32",
                                                    "sparse": False, "ragged": False, "name": "input_1"}},
            {"class_name": "Conv2DTranspose", "config": {
                "name": "up", "trainable": True, "dtype": "float32", "filters": 3, "kernel_size": [3, 3],
                "strides": [2, 2], "padding": "same", "data_format": "channels_last", "groups": 1,
                "activation": "linear", "use_bias": True, "output_padding": None, "dilation_rate": [1, 1]}},
            {"class_name": "DepthwiseConv2D", "config": {
                "name": "deep", "trainable": True, "dtype": "float32", "kernel_size": [3, 3], "strides": [1, 1],
                "padding": "valid", "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1,
                "activation": "linear", "use_bias": False, "depth_multiplier": 1}},
        ],
    },
    "keras_version": "2.15.0",
    "backend": "tensorflow",
}  # fmt: skip


def test_files_of_keras_2_are_read(tmp_path: Path) -> None:
    """Their layers without groups say `groups: 1`, which Keras 3 refuses."""
    pytest.importorskip("keras", reason="Keras is not installed")
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(KERAS_2)
    found = captured(path)
    assert [(one.name, one.settings.input, one.settings.output, one.settings.groups) for one in found.seen] == [
        ("up", (7, 7), (14, 14), 1), ("deep", (14, 14), (12, 12), 3)
    ]  # fmt: skip


def test_groups_are_left_out_of_layers_alone_that_have_none() -> None:
    kept = without_groups({"layers": [layer("Conv2D", groups=1), layer("Conv2DTranspose", groups=2),
                                      layer("Conv3DTranspose", groups=1)]})  # fmt: skip
    assert [item["config"].get("groups") for item in kept["layers"]] == [1, 2, None]


@pytest.mark.parametrize(
    "own",
    [
        {"module": "my.layers", "class_name": "Mine", "config": {}},
        {"module": "keras.layers", "class_name": "Lambda", "config": {}},
        {"module": "keras", "class_name": "Mine", "registered_name": "my>Mine", "config": {}},
        {"module": "os", "class_name": "system", "config": "ls"},
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": "gASV"}},
        {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
    ],
)
def test_code_in_a_configuration_is_refused(tmp_path: Path, own: dict[str, Any]) -> None:
    assert foreign({"layers": [own]})
    with pytest.raises(Unreadable, match="give the program that makes the model"):
        captured(saved(tmp_path / "own.keras", own, layer("Conv2D", filters=1, kernel_size=[1, 1])))


def test_a_shared_layer_is_no_matter_of_the_configuration_alone() -> None:
    config = {"config": {"layers": [{**layer("Conv2D", filters=1, kernel_size=[1, 1]), "inbound_nodes": [{}, {}]}]}}
    with pytest.raises(Exception, match="called 2 times"):
        from_config(config)


def test_code_far_inside_of_a_configuration_is_not_missed(tmp_path: Path) -> None:
    deep: dict[str, Any] = {"module": "os", "class_name": "system", "config": "ls"}
    for _ in range(200):
        deep = {"config": deep}
    with pytest.raises(Unreadable, match="accepted one less deep"):
        captured(saved(tmp_path / "deep.keras", deep))
