"""Layers in Keras's words: what is read, what is refused with which words, and what is written."""

from __future__ import annotations

from typing import Any

import pytest

from convt.conv.settings import Settings
from convt.translation.dialect import Unsayable, dialects
from convt.translation.layer import LayerError
from convt.translation.translating import read, translate

from .installed import by_heart, installed
from .truth import answers, missing, wrong
from .written import written

UP = {"op": "conv_transpose", "kernel": (3, 3), "stride": (2, 2), "dilation": (1, 1), "groups": 1, "bias": True}
DOWN = {**UP, "op": "conv"}

READ: list[tuple[str, dict[str, Any]]] = [
    ("keras.layers.Conv2DTranspose(8, 3, 2)", UP | {"padding": "valid", "channels_out": 8, "channels_in": None}),
    ("keras.layers.Conv2DTranspose(8, 3, strides=2, padding='same')", UP | {"padding": "same", "output_padding": None}),
    ("Conv2DTranspose(8, 3, 2, 'SAME')", UP | {"padding": "same"}),
    ("tf.keras.layers.Conv2DTranspose(8, (3, 3), (2, 2))", UP | {"padding": "valid"}),
    ("tensorflow.keras.layers.Convolution2DTranspose(8, 3, 2)", UP | {"padding": "valid"}),
    ("layers.Convolution2D(8, 3, 2, activation='relu', kernel_initializer=init)", DOWN | {"padding": "valid"}),
    # of one position 0 + output_padding of the effective kernel's parity is left: (5 - 1 - 1) to be cropped
    ("keras.layers.Conv2DTranspose(8, 5, 2, 'same', 1)",
     UP | {"kernel": (5, 5), "padding": ((1, 2), (1, 2)), "output_padding": None}),
    ("keras.layers.Conv2DTranspose(8, 5, 2, 'same', 0)", UP | {"kernel": (5, 5), "padding": ((2, 2), (2, 2))}),
    ("keras.layers.Conv2DTranspose(8, 4, 2, 'same', 0)", UP | {"kernel": (4, 4), "padding": ((2, 2), (2, 2))}),
    ("keras.layers.Conv1DTranspose(8, 2, 4, 'same', output_padding=3)",
     {"kernel": (2,), "stride": (4,), "padding": ((0, 0),), "output_padding": (1,)}),
    ("keras.layers.Conv2DTranspose(8, 3, 2, 'valid', 1)", UP | {"padding": "valid", "output_padding": (1, 1)}),
    ("keras.layers.Conv2DTranspose(8, 3, 2, 'valid', (0, 1))", UP | {"padding": "valid", "output_padding": (0, 1)}),
    ("keras.layers.Conv2DTranspose(8, 3, dilation_rate=2)", UP | {"stride": (1, 1), "dilation": (2, 2)}),
    # Conv3DTranspose alone takes data_format before output_padding
    ("keras.layers.Conv3DTranspose(8, 3, 2, 'valid', 'channels_first', 1)",
     {"kernel": (3, 3, 3), "stride": (2, 2, 2), "output_padding": (1, 1, 1)}),
    ("keras.layers.Conv2DTranspose(8, 3, 2, 'valid', 1, 'channels_first')", UP | {"output_padding": (1, 1)}),
    ("keras.layers.Conv2DTranspose(8, 3, 2, input_shape=(7, 5, 4))", UP | {"input": (7, 5), "channels_in": 4}),
    ("keras.layers.Conv2D(8, 3, 2, data_format='channels_first', input_shape=(4, 7, 5))",
     DOWN | {"input": (7, 5), "channels_in": 4, "batch": None}),
    ("keras.layers.Conv2D(8, 3, 2, input_shape=(None, None, 4))", DOWN | {"input": None, "channels_in": 4}),
    ("keras.layers.Conv2D(8, 3, 2, input_shape=x.shape[1:])", DOWN | {"input": None, "channels_in": None}),
    ("keras.layers.Conv2D(8, 3, 2, batch_input_shape=(6, 7, 5, 4))", DOWN | {"input": (7, 5), "batch": 6}),
    ("keras.layers.Conv2D(8, 3, 2, groups=4, use_bias=False)", DOWN | {"groups": 4, "bias": False}),
    ("keras.layers.Conv1D(8, 3, padding='causal', dilation_rate=2)", {"op": "conv", "padding": ((4, 0),)}),
    ("keras.layers.Conv1D(8, 3, 2, 'causal')", {"op": "conv", "stride": (2,), "padding": ((2, 0),)}),
    ("keras.layers.DepthwiseConv2D(3, 2, 'same', 3)",
     DOWN | {"padding": "same", "depth_multiplier": 3, "channels_out": None}),
    ("keras.layers.DepthwiseConv1D(3, depth_multiplier=3, input_shape=(9, 4))",
     {"kernel": (3,), "channels_in": 4, "channels_out": 12, "groups": 4, "depth_multiplier": None}),
    ("keras.layers.DepthwiseConv2D(3, 2, dilation_rate=2)", DOWN | {"dilation": (2, 2)}),
    ("keras.ops.conv_transpose((2, 7, 5, 4), (3, 3, 8, 4), 2)",
     UP | {"bias": False, "batch": 2, "input": (7, 5), "channels_in": 4, "channels_out": 8}),
    ("ops.conv_transpose(x, np.zeros((3, 3, 8, 4)), 2, 'same') + b", UP | {"padding": "same", "channels_in": 4}),
    ("keras.ops.add(keras.ops.conv_transpose(x, (3, 3, 8, 4), 2), bias)", UP | {"channels_out": 8}),
    ("keras.ops.conv_transpose(x, (3, 3, 8, 4), 2, dilation_rate=3)", UP | {"bias": False, "dilation": (3, 3)}),
    ("keras.ops.conv((2, 7, 5, 4), (3, 3, 2, 8), 2)", DOWN | {"bias": False, "groups": 2, "channels_in": 4}),
    ("keras.ops.conv((2, 4, 7, 5), (3, 3, 2, 8), 2, data_format='channels_first')",
     DOWN | {"bias": False, "groups": 2, "input": (7, 5)}),
    ("keras.ops.conv(x, (3, 2, 8))", {"kernel": (3,), "op": "conv", "groups": 1, "channels_in": 2}),
    ("keras.ops.depthwise_conv(x, (3, 3, 4, 2), 2)", DOWN | {"bias": False, "groups": 4, "channels_out": 8}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READ, ids=[text for text, _ in READ])
def test_what_a_text_says(text: str, expected: dict[str, Any]) -> None:
    layer = read(text).layer
    assert {name: getattr(layer, name) for name in expected} == expected


REFUSED = [
    ("keras.layers.Conv2D(8, 3, stride=2)", "no argument stride; it says strides"),
    ("keras.layers.Conv2DTranspose(8, 3, 2, 1)", "padding: found 1, accepted 'same' or 'valid'"),
    ("keras.layers.Conv2DTranspose(8, 3, padding='causal')", "padding: found 'causal', accepted 'same' or 'valid'"),
    ("keras.layers.Conv2D(8, 3, padding='causal')", "padding: found 'causal', accepted 'same' or 'valid'"),
    ("keras.layers.Conv2D(8, 3, padding=[1, 1])", "padding: found [1, 1], accepted 'same' or 'valid'"),
    ("keras.layers.Conv2D(8, '3')", "kernel_size: found '3', accepted a whole number or 2 of them"),
    ("keras.layers.Conv2D(8, (3,))", "kernel_size: found 1 values (3,), accepted one number for all axes or 2"),
    ("keras.layers.Conv2D(8, 3.0)", "kernel_size: found 3.0"),
    ("keras.layers.Conv2D(0, 3)", "filters: found 0"),
    ("keras.layers.Conv2D(8, size)", "found the name size, accepted a value that is written out"),
    ("keras.layers.Conv2D(8)", "kernel_size missing"),
    ("keras.layers.Conv2DTranspose(8, 3, groups=2)", "no argument groups"),
    ("keras.layers.Conv2D(8, 3, 2, dilation_rate=2)", "accepted one of them above 1"),
    (
        "keras.layers.Conv2DTranspose(8, 3, 2, output_padding=2)",
        "output_padding: found 2, accepted less than the strides",
    ),
    ("keras.layers.Conv2DTranspose(8, 3, 2, 'same', None, 'NHWC')", "data_format: found 'NHWC'"),
    ("keras.layers.Conv3DTranspose(8, 3, 2, 'valid', 1)", "data_format: found 1"),
    ("keras.layers.Conv2D(8, 3, use_bias=1)", "use_bias: found 1, accepted True or False"),
    ("keras.layers.Conv2D(8, 3, input_shape=(7, 5))", "input_shape: found (7, 5), accepted 3 numbers"),
    ("keras.layers.SeparableConv2D(8, 3)", "found two convolutions"),
    ("keras.layers.Conv4D(8, 3)", "found a name that convt does not know"),
    ("keras.ops.conv(x, kernel)", "kernel: found kernel, accepted its shape"),
    ("keras.ops.conv((1, 7, 5, 3), (3, 3, 2, 8))", "inputs: found 3 channels, accepted a multiple of the kernel's 2"),
    ("keras.ops.conv_transpose((1, 7, 5, 3), (3, 3, 8, 4))", "inputs: found 3 channels, and the kernel takes 4"),
    ("keras.ops.conv_transpose((1, 7, 4), (3, 3, 8, 4))", "inputs: found 3 axes, accepted 4"),
    ("keras.ops.depthwise_conv(x, (3, 3, 3, 4, 2))", "accepted 1 or 2"),
    ("keras.layers.Conv2D(8, 3) + bias", "a bias of its own and another"),
    ("keras.layers.Conv2D(8, 3)(x) + skip", "accepted one call"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_a_text_cannot_say(text: str, words: str) -> None:
    with pytest.raises(LayerError) as error:
        read(text)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


NOTES = [
    ("keras.layers.Conv2DTranspose(8, 5, 2, 'same')", "crops (1, 2) at the (begin, end) of each axis; PyTorch's pad"),
    ("keras.layers.Conv2DTranspose(8, 3, 2, 'same')", "padding=1, output_padding=1 has the same size and crops (1, 0)"),
    ("keras.layers.Conv2DTranspose(8, (5, 4), 2, 'same')", "of axis 0; PyTorch's"),
    ("keras.layers.Conv2DTranspose(8, 2, 1, 'same')", "padding='same' crops (0, 1) at the (begin, end) of each axis"),
    ("keras.layers.Conv2DTranspose(8, 2, 3)", "adds 1 at the end"),
    ("keras.layers.Conv2DTranspose(8, 5, 2, 'same', 1)", "chooses the size"),
    ("keras.layers.Conv2DTranspose(8, 4, 2, 'same', 0)", "Keras on TensorFlow refuses output_padding=0"),
    ("keras.layers.Conv2D(8, 3, 2, 'same')", "(0, 1) at the (begin, end) of each axis where the stride 2 divides"),
    ("keras.layers.Conv2D(8, 2, padding='same')", "pads (0, 1)"),
    ("keras.ops.conv(x, (3, 3, 2, 8))", "one group is assumed"),
]
NO_NOTES = [
    "keras.layers.Conv2DTranspose(8, 4, 2, 'same')", "keras.layers.Conv2DTranspose(8, 3, 2)",
    "keras.layers.Conv2DTranspose(8, 3, 2, 'valid', 0)", "keras.layers.Conv2D(8, 3, padding='same')",
    "keras.layers.Conv2D(8, 1, 1, 'same')", "keras.layers.Conv2D(8, 3, 2)",
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), NOTES, ids=[text for text, _ in NOTES])
def test_what_is_easily_taken_for_something_else_is_said(text: str, words: str) -> None:
    assert words in " ".join(read(text).notes)


@pytest.mark.parametrize("text", NO_NOTES)
def test_nothing_is_said_where_there_is_nothing_to_say(text: str) -> None:
    assert read(text).notes == ()


RUN = {
    "keras.layers.Conv2DTranspose(3, 5, 2, 'same')": (3, 4),
    "keras.layers.Conv2DTranspose(3, (5, 4), 2, 'same', 1)": (3, 4),
    "keras.layers.Conv2DTranspose(3, (5, 3), (3, 2), 'same', (2, 0))": (3, 4),
    "keras.layers.Conv2DTranspose(3, 2, 3, 'same', 1)": (3, 4),
    "keras.layers.Conv2DTranspose(3, 2, 3)": (3, 4),
    "keras.layers.Conv2DTranspose(3, (3, 2), 2, 'valid', 1, 'channels_first')": (3, 4),
    "keras.layers.Conv3DTranspose(3, 2, 2, 'valid', 'channels_first', 1)": (3, 4, 2),
    "keras.layers.Conv1DTranspose(3, 3, dilation_rate=2, padding='same')": (5,),
    "keras.layers.Conv2DTranspose(3, (2, 3), dilation_rate=(3, 2), padding='same', use_bias=False)": (5, 4),
    "keras.layers.Conv2D(3, (2, 3), 2, 'same')": (5, 6),
    "keras.layers.Conv2D(4, (2, 3), padding='same', dilation_rate=(1, 2), groups=2)": (5, 6),
    "keras.layers.Conv1D(3, 3, padding='causal', dilation_rate=2)": (6,),
    "keras.layers.Conv1D(3, 4, 3, 'causal')": (7,),
    "keras.layers.DepthwiseConv2D((2, 3), 2, 'same', 3)": (5, 6),
    "keras.layers.DepthwiseConv1D(3, 2, depth_multiplier=2, dilation_rate=2)": (9,),
    "keras.ops.conv_transpose(x, kernel(3, 2, 3, 2), 2, 'same', 1) + bias": (3, 4),
    "keras.ops.conv_transpose(x, kernel(3, 2, 3, 2), 2, 'valid', None, None, (1, 2))": (3, 4),
    "keras.ops.conv(x, kernel(3, 2, 2, 4), (2, 1), 'same')": (5, 4),
    "keras.ops.depthwise_conv(x, kernel(3, 2, 2, 3), 1, 'same', None, (1, 2))": (5, 4),
}
"""Texts and the extents of an input, to be run as they are written."""


@pytest.mark.parametrize("engine", ["keras@torch", "keras@tensorflow"])
def test_a_text_says_what_keras_computes_of_it(engine: str) -> None:
    if missing(engine):
        pytest.skip(f"{engine} needs {' and '.join(missing(engine))}")
    asked = [written("keras.layers" if "layers" in call else "keras", call, extents) for call, extents in RUN.items()]
    assert wrong(asked, answers(engine, asked)) == []


def test_the_arrays_of_each_form() -> None:
    last = read("keras.layers.Conv2DTranspose(8, 3)")
    assert (last.channels_last, last.kernel.describe()) == (True, "(kernel H, kernel W, out/groups, in)")
    assert not read("keras.layers.Conv2D(8, 3, data_format='channels_first')").channels_last
    assert read("keras.layers.Conv1D(8, 3)").kernel.describe() == "(kernel W, in/groups, out)"
    assert read("keras.layers.DepthwiseConv2D(3)").kernel.describe() == "(kernel H, kernel W, in, out/groups)"


def up(**changes: Any) -> Settings:
    plain: dict[str, Any] = {"input": (4, 4), "kernel": (3, 3), "stride": (2, 2), "channels_in": 2, "channels_out": 6}
    return Settings(**plain | changes)


WRITTEN = [
    (up(), "keras.layers.Conv2DTranspose(6, 3, strides=2, use_bias=False)"),
    (up(padding="same", bias=True), "keras.layers.Conv2DTranspose(6, 3, strides=2, padding='same')"),
    (up(padding=((0, 1), (0, 1))), "keras.layers.Conv2DTranspose(6, 3, strides=2, padding='same', use_bias=False)"),
    (up(kernel=(3, 2), stride=(2, 1), bias=True), "keras.layers.Conv2DTranspose(6, (3, 2), strides=(2, 1))"),
    (up(output_padding=(1, 1), bias=True), "keras.layers.Conv2DTranspose(6, 3, strides=2, output_padding=1)"),
    (up(dilation=(2, 2), bias=True),
     "keras.ops.add(keras.ops.conv_transpose(x, kernel, strides=2, dilation_rate=2), bias)"),
    (up(op="conv", groups=2, bias=True), "keras.layers.DepthwiseConv2D(3, depth_multiplier=3, strides=2)"),
    (up(op="conv", channels_in=4, groups=2, bias=True), "keras.layers.Conv2D(6, 3, strides=2, groups=2)"),
    (up(op="conv", channels_in=1, dilation=(2, 2), padding="same", bias=True),
     "keras.layers.DepthwiseConv2D(3, depth_multiplier=6, strides=2, padding='same', dilation_rate=2)"),
    (up(op="conv", input=(7,), kernel=(3,), stride=(2,), padding=((2, 0),), bias=True),
     "keras.layers.Conv1D(6, 3, strides=2, padding='causal')"),
]  # fmt: skip


@pytest.mark.parametrize(("it", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_what_is_written(it: Settings, text: str) -> None:
    translation = translate(it, dialects()["keras"])
    assert translation.direct
    assert translation.said.call == text


UNSAYABLE = [
    (up(groups=2), "has no groups"),
    (up(padding=((1, 0), (1, 0))), "neither 'same' nor 'valid' is the padding ((1, 0), (1, 0))"),
    (up(op="conv", channels_in=4, groups=2, dilation=(2, 2), input=(9, 9)), "not supported in conjunction"),
    # JAX and PyTorch compute it
    (up(kernel=(4, 4), padding=((2, 2), (2, 2)), output_padding=(0, 0)), "on tensorflow: padding='same' is a gradient"),
    (up(op="conv", input=(2, 2)), "Computed output size would be zero or negative"),
]


@pytest.mark.parametrize(("it", "words"), UNSAYABLE, ids=[words for _, words in UNSAYABLE])
def test_why_no_layer_says_it(it: Settings, words: str) -> None:
    with pytest.raises(Unsayable, match=r".*") as reason:
        dialects()["keras"].say(it, "keras.layers")
    assert words in str(reason.value)
    assert "\n" not in str(reason.value)


def test_what_is_done_around_a_call() -> None:
    """Groups are split, and the border is cropped, for no transposed layer of Keras has either."""
    translation = translate(up(groups=2, padding=((2, 0), (2, 0)), bias=True), dialects()["keras"])
    assert translation.said.call == "keras.layers.Conv2DTranspose(3, 3, strides=2)"
    assert translation.program() == (
        "import keras\n"
        "parts = []\n"
        "for group in range(2):\n"
        "    own = x[:, :, :, group : group + 1]\n"
        "    layer = keras.layers.Conv2DTranspose(3, 3, strides=2)\n"
        "    layer.build(own.shape)\n"
        "    layer.set_weights(state[group])\n"
        "    part = layer(own)\n"
        "    parts.append(part)\n"
        "y = keras.ops.concatenate(parts, axis=3)\n"
        "y = y[:, 2:9, 2:9, :]\n"
    )


def test_the_signatures_are_those_of_the_installed_keras() -> None:
    if missing("keras@torch"):
        pytest.skip(f"needs {' and '.join(missing('keras@torch'))}")
    keras = dialects()["keras"]
    found = installed("keras", keras, {"KERAS_BACKEND": "torch"})
    assert {form: by_heart(signature) for form, signature in keras.forms.items()} == found
