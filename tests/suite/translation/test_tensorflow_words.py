"""Layers in TensorFlow's words: what is read, what is refused with which words, and what is written."""

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

UP = {
    "op": "conv_transpose", "kernel": (3, 3), "stride": (2, 2), "dilation": (1, 1), "padding": "same", "input": (4, 4),
    "output_size": (8, 8), "batch": 1, "channels_in": 2, "channels_out": 3, "groups": 1, "bias": False,
}  # fmt: skip
DOWN = {"op": "conv", "kernel": (3, 3), "stride": (2, 2), "padding": "same", "channels_in": 2, "channels_out": 3}
PAIRS = "[[0, 0], [1, 2], [1, 2], [0, 0]]"

READ: list[tuple[str, dict[str, Any]]] = [
    ("tf.nn.conv2d_transpose(x, (3, 3, 3, 2), [1, 8, 8, 3], 2)", UP),
    ("tf.nn.conv2d_transpose(x, tf.zeros((3, 3, 3, 2)), [1, 8, 8, 3], [2, 2])", UP),
    ("tf.nn.conv2d_transpose(x, (3, 3, 3, 2), (1, 8, 8, 3), strides=[1, 2, 2, 1], padding='SAME', name='up')", UP),
    ("tensorflow.nn.conv2d_transpose(x, (3, 3, 3, 2), [1, 8, 8, 3], 2)", UP),
    ("conv2d_transpose(x, (3, 3, 3, 2), [1, 8, 8, 3], 2)", UP),
    ("tf.nn.conv_transpose(x, (3, 3, 3, 2), [1, 8, 8, 3], 2)", UP),
    ("tf.nn.conv2d_transpose((1, 4, 4, 2), (3, 3, 3, 2), [1, 8, 8, 3], 2)", UP),
    ("tf.nn.conv2d_transpose(x, (3, 3, 3, 2), [batch, 8, 8, 3], 2)", UP | {"batch": None}),
    ("tf.nn.conv2d_transpose(x, (3, 3, 3, 2), [1, 7, 8, 3], 2)", UP | {"output_size": (7, 8)}),
    ("tf.nn.conv2d_transpose(x, (3, 3, 3, 2), [1, 9, 10, 3], 2, 'VALID')",
     UP | {"padding": "valid", "output_size": (9, 10)}),
    (f"tf.nn.conv2d_transpose(x, (3, 3, 3, 2), [1, 6, 6, 3], 2, {PAIRS})",
     UP | {"padding": ((1, 2), (1, 2)), "output_size": (6, 6)}),
    ("tf.nn.conv2d_transpose(x, (3, 3, 3, 2), [1, 3, 8, 8], [1, 1, 2, 2], data_format='NCHW')", UP),
    ("tf.nn.conv2d_transpose(x, (3, 3, 3, 4), [1, 8, 8, 6], 2)",
     UP | {"channels_in": 4, "channels_out": 6, "groups": 2}),
    ("tf.nn.bias_add(tf.nn.conv2d_transpose(x, (3, 3, 3, 2), [1, 8, 8, 3], 2), b)", UP | {"bias": True}),
    ("y = tf.nn.conv2d_transpose(x, (3, 3, 3, 2), [1, 8, 8, 3], 2) + bias", UP | {"bias": True}),
    ("tf.nn.conv2d_transpose(x, (3, 3, 3, 2), [1, 8, 8, 3], 1, dilations=[1, 2, 2, 1])",
     UP | {"stride": (1, 1), "dilation": (2, 2), "input": (8, 8)}),
    ("tf.nn.conv1d_transpose(x, (3, 3, 2), [1, 8, 3], 2)", {"kernel": (3,), "input": (4,), "output_size": (8,)}),
    ("tf.nn.conv3d_transpose(x, (3, 3, 3, 3, 2), [1, 8, 8, 8, 3], 2)", {"stride": (2, 2, 2), "input": (4, 4, 4)}),
    ("tf.compat.v1.nn.conv2d_transpose(value=x, filter=(3, 3, 3, 2), output_shape=[1, 8, 8, 3], strides=2)", UP),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), 2, 'SAME')", DOWN | {"groups": 1, "input": None, "bias": False}),
    ("tf.nn.conv2d((5, 9, 8, 4), (3, 3, 2, 6), 2, 'SAME')",
     DOWN | {"groups": 2, "input": (9, 8), "batch": 5, "channels_in": 4, "channels_out": 6}),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), 2, padding='VALID', dilations=[1, 3])",
     DOWN | {"padding": "valid", "dilation": (1, 3)}),
    (f"tf.nn.conv2d(x, (3, 3, 2, 3), 2, {PAIRS})", DOWN | {"padding": ((1, 2), (1, 2))}),
    ("tf.nn.conv1d(x, (3, 2, 3), 2, 'SAME')", {"op": "conv", "kernel": (3,), "stride": (2,)}),
    ("tf.nn.conv1d((1, 2, 9), (3, 2, 3), [1, 1, 2], 'SAME', 'NCW')", {"stride": (2,), "input": (9,)}),
    ("tf.nn.conv3d(x, (3, 3, 3, 2, 3), [1, 1, 2, 2, 1], 'SAME')", {"stride": (1, 2, 2)}),
    ("tf.nn.convolution(x, (3, 3, 2, 3))", DOWN | {"stride": (1, 1), "padding": "valid"}),
    ("tf.nn.convolution(x, (3, 3, 2, 3), [2, 2], 'SAME')", DOWN),
    # TensorFlow 1 takes the padding before the strides
    ("tf.compat.v1.nn.convolution(x, (3, 3, 2, 3), 'SAME', [2, 2])", DOWN),
    ("tf.compat.v1.nn.conv2d(x, (3, 3, 2, 3), [1, 2, 2, 1], 'SAME', False)", DOWN),
    ("tf.nn.depthwise_conv2d(x, (3, 3, 2, 3), [1, 2, 2, 1], 'SAME')", DOWN | {"channels_out": 6, "groups": 2}),
    ("tf.nn.depthwise_conv2d(x, (3, 3, 2, 3), [1, 1, 1, 1], 'SAME', None, [2, 2])",
     DOWN | {"stride": (1, 1), "dilation": (2, 2), "channels_out": 6}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READ, ids=[text for text, _ in READ])
def test_what_a_text_says(text: str, expected: dict[str, Any]) -> None:
    layer = read(text).layer
    assert {name: getattr(layer, name) for name in expected} == expected


WEIGHT = "(3, 3, 3, 2)"
REFUSED = [
    ("tf.nn.conv2d(x, (3, 3, 2, 3), 2, 'same')", "padding: found 'same', accepted 'SAME' or 'VALID', in capitals"),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), 2, 1)", "padding: found 1, accepted 'SAME', 'VALID' or a pair"),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), 2, [[1, 1], [1, 1]])", "a pair for each of the 4 axes of the input"),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), 2, [[1, 1], [1, 1], [1, 1], [0, 0]])", "(0, 0) for items and channels"),
    ("tf.nn.conv1d(x, (3, 2, 3), 2, [[0, 0], [1, 1], [0, 0]])", "accepted 'SAME' or 'VALID': a list is for"),
    ("tf.nn.convolution(x, (3, 3, 2, 3), padding=[[0, 0], [1, 1], [1, 1], [0, 0]])", "accepted 'SAME' or 'VALID'"),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), [2, 2, 2, 1], 'SAME')", "strides: found (2, 1) for items and channels"),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), [1, 2, 2, 1], 'SAME', 'NCHW')", "strides: found (1, 2) for items and channels"),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), '2', 'SAME')", "strides: found '2', accepted a whole number"),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), 0, 'SAME')", "strides: found 0, accepted 1 or more"),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), 'SAME')", "padding missing"),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), 2, 'SAME', 'NWC')", "data_format: found 'NWC', accepted 'NHWC' or 'NCHW'"),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), stride=2, padding='SAME')", "no argument stride; it says strides"),
    ("tf.nn.conv2d(x, w, 2, 'SAME')", "filters: found w, accepted their shape of 4 numbers"),
    ("tf.nn.conv2d(x, (3, 2, 3), 2, 'SAME')", "filters: found (3, 2, 3), accepted their shape of 4 numbers"),
    ("tf.compat.v1.nn.conv2d(x, strides=2, padding='SAME')", "filters: found none"),
    ("tf.nn.conv2d((1, 9, 2), (3, 3, 2, 3), 2, 'SAME')", "input: found 3 axes, accepted 4"),
    ("tf.nn.conv2d((1, 9, 9, 3), (3, 3, 2, 3), 2, 'SAME')", "input: found 3 channels, accepted a multiple"),
    ("tf.nn.conv3d(x, (3, 3, 3, 2, 3), 2, 'SAME')", "strides: found 2, accepted a number for each of the input's 5"),
    ("tf.nn.conv3d(x, (3, 3, 3, 2, 3), [1] * 5, 'SAME')", "strides: found the name [1] * 5"),
    ("tf.nn.depthwise_conv2d(x, (3, 3, 2, 3), 1, 'SAME')", "accepted a number for each of the input's 4 axes"),
    ("tf.nn.separable_conv2d(x, a, b, 1, 'SAME')", "as tf.nn.depthwise_conv2d and tf.nn.conv2d"),
    (f"tf.nn.conv2d_transpose(x, {WEIGHT}, shape, 2)", "output_shape: found the name shape, accepted a value that is"),
    (f"tf.nn.conv2d_transpose(x, {WEIGHT}, [1, n, 8, 3], 2)", "output_shape: extents: found (n, 8), accepted"),
    (f"tf.nn.conv2d_transpose(x, {WEIGHT}, [8, 8], 2)", "output_shape: found [8, 8], accepted 4 numbers"),
    (f"tf.nn.conv2d_transpose(x, {WEIGHT}, 2, [1, 8, 8, 3])", "strides: found (1, 3) for items and channels"),
    (f"tf.nn.conv2d_transpose(x, {WEIGHT}, 8, 2)", "output_shape: found 8, accepted 4 numbers"),
    (f"tf.nn.conv2d_transpose(x, {WEIGHT}, [1, 8, 8, 4], 2)", "output_shape: found 4 channels, accepted a multiple"),
    (f"tf.nn.conv2d_transpose((2, 4, 4, 2), {WEIGHT}, [1, 8, 8, 3], 2)", "found 1 items, and the input has 2"),
    (f"tf.nn.conv2d_transpose((1, 5, 4, 2), {WEIGHT}, [1, 8, 8, 3], 2)", "maps to (4, 4); the input has (5, 4)"),
    (f"tf.nn.conv2d_transpose((1, 4, 4, 4), {WEIGHT}, [1, 8, 8, 3], 2)", "input: found 4 channels"),
    (f"tf.nn.conv2d_transpose(x, {WEIGHT}, [1, 2, 8, 3], 2, 'VALID')", "which the kernel does not fit into"),
    (f"tf.nn.conv2d_transpose(x, {WEIGHT}, [1, 8, 8, 3], 2, output_padding=1)", "no argument output_padding"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_a_text_cannot_say(text: str, words: str) -> None:
    with pytest.raises(LayerError) as error:
        read(text)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


RUN = {
    "tf.nn.conv2d_transpose(x, kernel(5, 4, 3, 2), [2, 8, 7, 3], 2)": (4, 4),
    "tf.nn.conv2d_transpose(x, kernel(3, 2, 3, 2), [2, 10, 8, 3], [1, 2, 2, 1], 'VALID')": (4, 4),
    f"tf.nn.conv2d_transpose(x, kernel(3, 3, 3, 2), [2, 6, 6, 3], 2, {PAIRS})": (4, 4),
    "tf.nn.conv2d_transpose(x, kernel(3, 2, 3, 2), [2, 3, 8, 5], [1, 1, 2, 1], data_format='NCHW')": (4, 5),
    "tf.nn.conv2d_transpose(x, kernel(3, 2, 3, 4), [2, 8, 8, 6], 2) + bias": (4, 4),
    "tf.nn.conv2d_transpose(x, kernel(3, 2, 3, 2), [2, 5, 4, 3], 1, dilations=[1, 2, 3, 1])": (5, 4),
    "tf.nn.conv1d_transpose(x, kernel(4, 3, 2), [2, 9, 3], 2)": (5,),
    "tf.nn.conv3d_transpose(x, kernel(3, 2, 4, 3, 2), [2, 6, 4, 8, 3], [1, 2, 1, 2, 1])": (3, 4, 4),
    "tf.nn.conv_transpose(x, kernel(4, 3, 2), [2, 8, 3], 2, 'SAME')": (4,),
    "tf.compat.v1.nn.conv2d_transpose(x, kernel(3, 2, 3, 2), [2, 8, 8, 3], 2, 'SAME')": (4, 4),
    "tf.nn.conv2d(x, kernel(3, 2, 1, 4), [1, 2, 1, 1], 'SAME')": (5, 4),
    "tf.nn.bias_add(tf.nn.conv2d(x, kernel(3, 2, 2, 4), 1, 'VALID', dilations=[1, 3]), bias)": (5, 6),
    f"tf.nn.conv2d(x, kernel(3, 2, 2, 4), 2, {PAIRS})": (5, 6),
    "tf.nn.conv1d(x, kernel(3, 2, 4), [1, 1, 2], 'SAME', 'NCW')": (6,),
    "tf.nn.conv3d(x, kernel(3, 2, 2, 2, 4), [1, 2, 1, 2, 1], 'SAME')": (4, 5, 6),
    "tf.compat.v1.nn.convolution(x, kernel(3, 2, 2, 4), 'SAME', [2, 1])": (5, 4),
    "tf.nn.convolution(x, kernel(3, 2, 2, 2, 4), padding='SAME', dilations=[1, 2, 1])": (4, 5, 3),
    "tf.nn.depthwise_conv2d(x, kernel(3, 2, 2, 3), [1, 2, 2, 1], 'SAME')": (5, 4),
    "tf.nn.depthwise_conv2d(x, kernel(3, 2, 2, 3), [1, 1, 1, 1], 'VALID', None, [1, 2])": (5, 4),
}
"""Texts and the extents of an input, to be run as they are written."""


def test_a_text_says_what_tensorflow_computes_of_it() -> None:
    if missing("tensorflow"):
        pytest.skip("TensorFlow is not installed")
    asked = [written("tensorflow", call, extents) for call, extents in RUN.items()]
    assert wrong(asked, answers("tensorflow", asked)) == []


def test_an_input_of_other_extents_contradicts_the_output_shape() -> None:
    layer = read("tf.nn.conv2d_transpose(x, (3, 3, 3, 2), [1, 8, 8, 3], 2)").layer
    assert layer.settings().output == (8, 8)
    with pytest.raises(LayerError, match=r"the layer itself says \(4, 4\), and \(5, 4\) was given"):
        layer.settings((5, 4))


NOTES = [
    ("tf.nn.conv2d_transpose(x, (5, 5, 3, 2), [1, 8, 8, 3], 2)", "padding='SAME' crops (1, 2) at the (begin, end)"),
    ("tf.nn.conv2d_transpose(x, (5, 5, 3, 2), [1, 8, 8, 3], 2)", "output_padding=1 has the same size and crops (2, 1)"),
    ("tf.nn.conv2d_transpose(x, (4, 4, 3, 2), [1, 7, 8, 3], 2)", "crops (1, 2) at the (begin, end) of axis 0"),
    ("tf.nn.conv2d((1, 9, 8, 2), (3, 3, 2, 3), 2, 'SAME')", "pads by the input"),
    ("tf.nn.conv2d(x, (3, 3, 2, 3), 2, 'VALID')", "one group is assumed"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), NOTES, ids=[f"{text} {words}" for text, words in NOTES])
def test_what_is_easily_taken_for_something_else_is_said(text: str, words: str) -> None:
    assert words in " ".join(read(text).notes)


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    assert read("tf.nn.conv2d_transpose(x, (4, 4, 3, 2), [1, 8, 8, 3], 2)").notes == ()
    assert read("tf.nn.conv2d((1, 9, 8, 2), (3, 3, 2, 3), 1, 'SAME')").notes == ()


def test_the_arrays_of_each_form() -> None:
    up = read("tf.nn.conv2d_transpose(x, (3, 3, 3, 2), [1, 8, 8, 3], 2)")
    assert (up.channels_last, up.kernel.describe()) == (True, "(kernel H, kernel W, out/groups, in)")
    assert not read("tf.nn.conv2d(x, (3, 3, 2, 3), 2, 'SAME', 'NCHW')").channels_last
    depthwise = read("tf.nn.depthwise_conv2d(x, (3, 3, 2, 3), [1, 1, 1, 1], 'SAME')")
    assert depthwise.kernel.describe() == "(kernel H, kernel W, in, out/groups)"


def up(**changes: Any) -> Settings:
    plain: dict[str, Any] = {"input": (4, 4), "kernel": (3, 3), "stride": (2, 2), "channels_in": 2, "channels_out": 6}
    return Settings(**plain | changes)


WRITTEN = [
    (up(padding="same"), "tf.nn.conv2d_transpose(x, kernel, output_shape=[1, 8, 8, 6], strides=2, padding='SAME')"),
    (up(batch=5, bias=True),
     "tf.nn.conv2d_transpose(x, kernel, output_shape=[5, 9, 9, 6], strides=2, padding='VALID') + bias"),
    (up(padding=((2, 0), (2, 0))),
     "tf.nn.conv2d_transpose(x, kernel, output_shape=[1, 7, 7, 6], strides=2, padding=[[0, 0], [2, 0], [2, 0], [0, 0]])"
     ),
    (up(input=(4,), kernel=(3,), stride=(2,)),
     "tf.nn.conv1d_transpose(x, kernel, output_shape=[1, 9, 6], strides=2, padding='VALID')"),
    (up(input=(4,) * 3, kernel=(3,) * 3, stride=(1, 2, 2)),
     "tf.nn.conv3d_transpose(x, kernel, output_shape=[1, 6, 9, 9, 6], strides=[1, 2, 2], padding='VALID')"),
    (up(op="conv", groups=2, dilation=(1, 2), input=(9, 9)),
     "tf.nn.conv2d(x, kernel, strides=2, padding='VALID', dilations=[1, 2])"),
    (up(op="conv", input=(9,) * 3, kernel=(3,) * 3, stride=(2,) * 3),
     "tf.nn.conv3d(x, kernel, strides=[1, 2, 2, 2, 1], padding='VALID')"),
    (up(op="conv", input=(9,) * 3, kernel=(3,) * 3, stride=(1,) * 3, dilation=(2,) * 3),
     "tf.nn.convolution(x, kernel, strides=1, padding='VALID', dilations=2)"),
]  # fmt: skip


@pytest.mark.parametrize(("it", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_what_is_written(it: Settings, text: str) -> None:
    translation = translate(it, dialects()["tensorflow"])
    assert translation.direct
    assert translation.said.call == text


UNSAYABLE = [
    (up(groups=2), "Gradients for grouped convolutions are not supported on CPU"),
    (up(dilation=(2, 2)), "do not yet support dilation rates larger than 1"),
    (up(input=(4,), kernel=(3,), stride=(2,), padding=((2, 0),)), "takes padding 'SAME' or 'VALID' and no list"),
    (up(input=(4,) * 3, kernel=(3,) * 3, stride=(2,) * 3, groups=2), "tf.nn.conv3d_transpose takes no groups"),
    (up(op="conv", input=(2, 2)), "Negative dimension size"),
    # a plane that no tap reaches, of rows of one column
    (up(op="conv", input=(2, 3, 1), kernel=(2, 1, 1), stride=(1, 1, 1), padding=((0, 4), (0, 0), (0, 0))), "no list"),
]  # fmt: skip


@pytest.mark.parametrize(("it", "words"), UNSAYABLE, ids=[words for _, words in UNSAYABLE])
def test_why_no_op_says_it(it: Settings, words: str) -> None:
    with pytest.raises(Unsayable, match=r".*") as reason:
        dialects()["tensorflow"].say(it, "tf.nn")
    assert words in str(reason.value)
    assert "\n" not in str(reason.value)


def test_memory_that_onednn_would_overwrite_is_not_asked_of_it() -> None:
    """`conv3d_transpose` to one column, a plane of which no tap reaches; the finding dilated-conv3d-writes-beyond."""
    it = Settings(input=(1, 3, 1), kernel=(2, 1, 1), dilation=(2, 1, 1), padding="same")
    with pytest.raises(Unsayable, match="on tensorflow: oneDNN writes beyond"):
        dialects()["keras"].say(it, "keras.layers")
    with pytest.raises(Unsayable):
        dialects()["tensorflow"].say(it, "tf.nn")


def test_what_is_done_around_a_call() -> None:
    translation = translate(up(groups=2, dilation=(2, 2), bias=True), dialects()["tensorflow"])
    assert translation.plan.sentences() == [
        "split the channels of input, kernel and bias: one call for each of the 2 groups, the results joined",
        "put the kernel's taps 2 apart, zeros between them, and give no dilation",
    ]
    assert translation.program() == (
        "import tensorflow as tf\n"
        "parts = []\n"
        "for group in range(2):\n"
        "    own = x[:, :, :, group : group + 1]\n"
        "    kernel, bias = state[group]\n"
        "    part = tf.nn.conv2d_transpose(own, kernel, output_shape=[1, 11, 11, 3], strides=2, padding='VALID')"
        " + bias\n"
        "    parts.append(part)\n"
        "y = tf.concat(parts, axis=3)\n"
    )


def test_the_signatures_are_those_of_the_installed_tensorflow() -> None:
    if missing("tensorflow"):
        pytest.skip("TensorFlow is not installed")
    tensorflow = dialects()["tensorflow"]
    found = installed("tensorflow", tensorflow, {"TF_CPP_MIN_LOG_LEVEL": "3"})
    assert {form: by_heart(signature) for form, signature in tensorflow.forms.items()} == found
