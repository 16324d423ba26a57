"""ONNX nodes as their users write them: what a text says, what is refused, and what ONNX Runtime computes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from convt.conv.settings import Settings
from convt.translation.dialect import dialects
from convt.translation.layer import LayerError
from convt.translation.translating import read, translate

from .truth import answers, missing, wrong
from .written import written

W = "ConvTranspose(w=(2, 3, 3, 3), "
MAKE = "onnx.helper.make_node('ConvTranspose', ['x', 'w'], [\"y\"], kernel_shape=[3, 3], strides=[2, 2]"
READ: dict[str, dict[str, Any]] = {
    f"{W}strides=[2, 2], pads=[1, 0, 2, 1], output_padding=[1, 1])": {
        "kernel": (3, 3), "stride": (2, 2), "padding": ((1, 2), (0, 1)), "output_padding": (1, 1), "channels_in": 2,
        "channels_out": 3, "bias": False,
    },
    f"{W}group=2)": {"groups": 2, "channels_in": 2, "channels_out": 6},
    f"{W}x=(5, 2, 7, 9), b=(3,))": {"batch": 5, "input": (7, 9), "bias": True},
    f"{W}auto_pad='SAME_UPPER')": {"padding": "same", "halves": None},
    f"{W}auto_pad='SAME_LOWER')": {"padding": "same", "halves": "larger first"},
    f"{W}auto_pad='VALID', strides=[5, 5])": {"padding": ((0, 0), (0, 0)), "output_padding": None},
    f"{W}output_shape=[8, 8])": {"output_size": (8, 8), "halves": "larger first"},
    f"{W}output_shape=[8, 8], auto_pad='SAME_UPPER')": {"output_size": (8, 8), "halves": "smaller first"},
    "Conv(w=(4, 1, 3, 3), group=2, auto_pad='SAME_LOWER')": {
        "op": "conv", "channels_in": 2, "channels_out": 4, "padding": "same", "halves": "larger first",
    },
    "ConvTranspose(kernel_shape=[3], strides=[2])": {"kernel": (3,), "channels_in": None, "channels_out": None},
    f"{MAKE})": {"kernel": (3, 3), "stride": (2, 2), "bias": False},
    "helper.make_node('Conv', inputs=['x', 'w', 'b'], outputs=['y'], kernel_shape=[3], dilations=[2])": {
        "op": "conv", "bias": True, "dilation": (2,),
    },
}  # fmt: skip
REFUSED = {
    "ConvTranspose(strides=[2, 2])": "kernel_shape: found none, accepted one",
    "ConvTranspose(w=(2, 3, 3, 3), kernel_shape=[3, 2])": "the weight's shape (2, 3, 3, 3) says [3, 3]",
    "ConvTranspose(w=(2, 3, 3, 3), strides=2)": "strides: found 2, accepted 2 whole numbers",
    "ConvTranspose(w=(2, 3, 3, 3), pads=[1, 1])": "pads: found [1, 1], accepted 4 whole numbers",
    "ConvTranspose(w=(2, 3, 3, 3), pads=[1, 1, -1, 1])": "pads: found -1, accepted 0 or more",
    "ConvTranspose(w=(2, 3, 3, 3), auto_pad='same_upper')": "accepted 'SAME_UPPER', in capitals",
    "ConvTranspose(w=(2, 3, 3, 3), auto_pad='SAME')": "auto_pad: found 'SAME'",
    "ConvTranspose(w=(2, 3, 3, 3), auto_pad='VALID', pads=[0, 0, 0, 0])": "accepted one of the two",
    "ConvTranspose(w=(2, 3, 3, 3), output_shape=[1, 3, 8, 8])": "output_shape: found [1, 3, 8, 8]",
    "ConvTranspose(w=(2, 3, 3, 3), x=(1, 4, 7, 7))": "x: found 4 channels, and the weight takes 2",
    "ConvTranspose(w=(2, 3, 3, 3), x=(1, 2, 7))": "x: found 3 axes, accepted 4",
    "ConvTranspose(w=(2, 3), strides=[2, 2])": "w: found 2 axes",
    "onnx.ConvTranspose(w=(2, 3, 3, 3), stride=[2, 2])": "it says strides",
    "onnx.Conv(w=(2, 3, 3, 3), output_padding=[1, 1])": "no argument output_padding",
    "onnx.helper.make_node('Conv', ['x', 'w'], ['y'], kernel_shape=[3], output_shape=[4])": "Conv has no attribute",
    "onnx.helper.make_node('MaxPool', ['x'], ['y'], kernel_shape=[3])": "op_type: found 'MaxPool'",
    "onnx.helper.make_node('Conv', ['x'], ['y'], kernel_shape=[3])": "inputs: found ['x']",
    "onnx.helper.make_node('Conv', names, ['y'], kernel_shape=[3])": "inputs: found names, accepted the names of",
}
RUN = {
    MAKE.replace("[2, 2]", "[2, 1]") + ", pads=[1, 0, 0, 1])": (4, 5),
    f"{MAKE}, auto_pad='SAME_UPPER')": (4, 5),
    f"{MAKE}, auto_pad='SAME_LOWER', dilations=[2, 1])": (4, 5),
    f"{MAKE}, auto_pad='VALID', output_padding=[1, 0])": (4, 5),
    f"{MAKE}, auto_pad='SAME_UPPER', output_padding=[1, 1])": (4, 5),
    f"{MAKE}, output_shape=[8, 9])": (4, 5),
    f"{MAKE}, output_shape=[8, 9], auto_pad='SAME_UPPER')": (4, 5),
    f"{MAKE}, output_shape=[8, 9], auto_pad='SAME_LOWER', output_padding=[1, 1])": (4, 5),
    f"{MAKE}, output_shape=[8, 9], auto_pad='SAME_UPPER', output_padding=[1, 1])": (4, 5),
    f"{MAKE}, output_shape=[5, 6])": (4, 5),
    f"{MAKE}, output_shape=[10, 12])": (4, 5),
    f"{MAKE}, output_shape=[8, 9], pads=[0, 0, 1, 1])": (4, 5),
    MAKE.replace("ConvTranspose", "Conv") + ", pads=[1, 0, 0, 1], dilations=[1, 2])": (4, 5),
    MAKE.replace("ConvTranspose", "Conv") + ", auto_pad='SAME_LOWER', group=2)": (4, 5),
    MAKE.replace("ConvTranspose", "Conv") + ", auto_pad='VALID')": (4, 5),
}


@pytest.mark.parametrize("text", READ)
def test_a_node_says_its_layer(text: str) -> None:
    layer = read(text).layer
    assert {field: getattr(layer, field) for field in READ[text]} == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_a_node_that_says_none_is_refused(text: str) -> None:
    with pytest.raises(LayerError, match=re.escape(REFUSED[text])):
        read(text)


def test_a_text_says_what_onnx_runtime_computes_of_it() -> None:
    if missing("onnx"):
        pytest.skip("ONNX or ONNX Runtime is not installed")
    jobs = [written("onnx", call, extents, (2, 4)) for call, extents in RUN.items()]
    assert wrong(jobs, answers("onnx", jobs)) == []


@pytest.mark.parametrize(
    ("attributes", "crop", "extra"),
    [
        ("output_shape=[8]", ((1, 0),), (0,)),
        ("output_shape=[8], auto_pad='SAME_UPPER'", ((0, 1),), (0,)),
        ("output_shape=[8], output_padding=[1]", ((1, 1),), (1,)),
        ("output_shape=[10]", ((0, 0),), (1,)),
        ("auto_pad='SAME_LOWER'", ((1, 0),), (0,)),
    ],
)
def test_a_size_is_reached_by_halves(attributes: str, crop: tuple[tuple[int, int]], extra: tuple[int]) -> None:
    it = read(f"ConvTranspose(w=(1, 1, 3), strides=[2], {attributes})").layer.settings((4,))
    assert (it.crop, it.extra) == (crop, extra)


def test_what_is_easily_mistaken_is_noted_where_it_applies() -> None:
    def notes(text: str) -> str:
        return "\n".join(read(text).notes)

    assert "larger half at the beginning" in notes(f"{W}output_shape=[8, 8])")
    assert "larger half at the beginning" not in notes(f"{W}output_shape=[8, 8], auto_pad='SAME_UPPER')")
    assert "pads counts for nothing" in notes(f"{W}output_shape=[8, 8], pads=[0, 0, 0, 0])")
    assert "fewer than the n s" in notes(f"{W}auto_pad='SAME_UPPER', strides=[4, 4])")
    assert "fewer than the n s" not in notes(f"{W}auto_pad='SAME_UPPER', strides=[2, 2])")
    assert "crops (0, 1)" in notes(f"{W}auto_pad='SAME_UPPER', strides=[2, 2])")
    assert "pads by the input" in notes("Conv(w=(1, 1, 3), auto_pad='SAME_UPPER', strides=[2])")
    assert not notes(f"{W}strides=[2, 2])")
    assert "refuses" in notes("Conv(w=(1, 1, 3), auto_pad='SAME_UPPER', dilations=[2])")


def _said(it: Settings) -> str:
    return translate(it, dialects()["onnx"]).said.call


def test_a_keyword_is_said_only_where_the_pads_go_by_the_input() -> None:
    strided = Settings((5,), (3,), stride=(2,), padding="same", op="conv")
    assert "auto_pad='SAME_UPPER'" in _said(strided)
    assert "pads=[1, 1]" in _said(strided.replace(stride=(1,)))
    assert "pads=[2, 2]" in _said(strided.replace(dilation=(2,)))
    assert "pads=[0, 1]" in _said(strided.replace(op="conv_transpose"))


def test_positions_beyond_the_stride_are_added_by_a_node() -> None:
    it = Settings((2, 2), (1, 2), dilation=(3, 2), output_padding=(2, 0), padding=((1, 0), (0, 0)), bias=True)
    program = translate(it, dialects()["onnx"]).program()
    assert re.findall(r'make_node\("(\w+)"', program) == ["ConvTranspose", "Slice", "Pad", "Add"]
