"""Flax's layers as their users write them: what a text says, what is refused, and what Flax itself computes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from convt.conv.settings import Settings
from convt.translation.dialect import dialects
from convt.translation.kernels import KernelLayout
from convt.translation.layer import LayerError
from convt.translation.translating import read, translate

from .installed import in_order, installed
from .truth import answers, missing, wrong
from .written import written

RNGS = "rngs=nnx.Rngs(0)"
READ: dict[str, dict[str, Any]] = {
    "nn.ConvTranspose(8, (3, 3), (2, 2))": {
        "kernel": (3, 3), "stride": (2, 2), "padding": "same", "channels_in": None, "channels_out": 8, "bias": True,
    },
    "nn.ConvTranspose(8, (3, 3), (2, 2), 'VALID', use_bias=False)": {"padding": "valid", "bias": False},
    "nn.ConvTranspose(features=8, kernel_size=(3, 3), strides=2, padding=0)": {"padding": ((2, 2), (2, 2))},
    "nn.ConvTranspose(8, 3, 2, padding=1)": {"kernel": (3,), "padding": ((1, 1),)},
    "nn.ConvTranspose(8, (3, 5), padding=(1, (2, 3)))": {"stride": (1, 1), "padding": ((1, 1), (2, 1))},
    "nn.ConvTranspose(8, (3, 3), (2, 2), ((2, 3), (2, 2)))": {
        "padding": ((0, 0), (0, 0)), "output_padding": (1, 0),
    },
    "flax.linen.ConvTranspose(8, (3, 3), kernel_dilation=(2, 1), padding=2)": {
        "padding": ((2, 2), (0, 0)), "dilation": (2, 1),
    },
    "nnx.ConvTranspose(3, 8, (4, 4), (2, 2), padding='SAME', rngs=rngs)": {
        "channels_in": 3, "channels_out": 8, "kernel": (4, 4), "padding": "same",
    },
    "nnx.Conv(3, 6, (3, 3), feature_group_count=3, rngs=rngs)": {"op": "conv", "groups": 3, "padding": "same"},
    "nn.Conv(8, (3,), padding='CAUSAL', kernel_dilation=2)": {"op": "conv", "padding": ((4, 0),)},
    "nn.Conv(8, (3,), padding='SAME_LOWER')": {"padding": "same", "halves": "larger first"},
    "nn.Conv(8, (3, 3), input_dilation=2, padding=1)": {"op": "conv_transpose", "padding": ((1, 1), (1, 1))},
    "ConvTranspose(features=8, kernel_size=(3, 3))": {"channels_out": 8},
}  # fmt: skip
REFUSED = {
    "nn.ConvTranspose(8, (3, 3), (2, 2), 'CIRCULAR')": "convolutions over zeros",
    "nn.ConvTranspose(8, 3, 2, 'CAUSAL')": "ConvTranspose has none",
    "nn.Conv(8, (3, 3), padding='CAUSAL')": "it is of one axis, and the kernel has 2",
    "nn.Conv(8, (3, 3), padding='REFLECT')": "convolutions over zeros",
    "nn.ConvTranspose(8, (3, 3), (2, 2), [[1, 1], [1, 1]])": "Flax takes no lists for pairs",
    "nn.ConvTranspose(8, (3, 3), (2, 2), 3)": "found 3 zeros before the input on axis 0, accepted up to d(k-1) = 2",
    "nn.ConvTranspose(8, (3, 3), (2,))": "strides: found (2,), accepted 2 whole numbers",
    "nn.ConvTranspose(8, (3, 3), 2, (1,))": "accepted a (before, after) pair for each of 2 axes",
    "nn.ConvTranspose(8, (3, 3, 3, 3))": "accepted 1 to 3 numbers",
    "nn.ConvTranspose(8, '3')": "kernel_size: found '3'",
    "nn.ConvTranspose(8, (3, 3), stride=2)": "it says strides",
    "nn.ConvTranspose(8, (3, 3), feature_group_count=2)": "no argument feature_group_count",
    "nn.ConvTranspose(8, (3, 3), mask=mask)": "mask: found one",
    "nn.ConvTranspose(in_features=3, out_features=8, kernel_size=(3, 3))": "no argument in_features",
    "nnx.ConvTranspose(3, 8, (3, 3))": "rngs missing",
    "nnx.ConvTranspose(3, 8, (3, 3), 2, 'SAME', rngs=rngs)": "accepted 4 at most",
    "nn.Conv(8, (3, 3), strides=2, input_dilation=2, padding=0)": "one of the two above 1",
    "nn.Conv(8, (3, 3), input_dilation=2)": "only in conv_transpose",
}
LINEN = {
    "nn.ConvTranspose(3, (3, 2), (2, 1))": (4, 5),
    "nn.ConvTranspose(3, (3, 2), (2, 1), 0)": (4, 5),
    "nn.ConvTranspose(3, 3, 2, [1])": (4,),
    "nn.ConvTranspose(3, (3, 2), 2, padding=((2, 3), 1), kernel_dilation=(1, 2), use_bias=False)": (4, 5),
    "nn.ConvTranspose(3, (3, 2), 2, padding='VALID', transpose_kernel=True)": (4, 5),
    "nn.Conv(4, (3,), padding='CAUSAL', kernel_dilation=2)": (5,),
    "nn.Conv(4, (3, 2), input_dilation=(2, 3), padding=(2, (1, 2)), feature_group_count=2)": (4, 5),
    "nn.Conv(4, (3, 2), (2, 2), 'SAME_LOWER')": (4, 5),
}
NNX = {
    f"nnx.ConvTranspose(2, 3, (3, 2), (2, 1), {RNGS})": (4, 5),
    f"nnx.ConvTranspose(2, 3, 3, 2, padding=1, {RNGS})": (4,),
    f"nnx.ConvTranspose(2, 3, (3, 2), 2, padding=((2, 3), 1), transpose_kernel=True, {RNGS})": (4, 5),
    f"nnx.Conv(2, 4, (3, 2), input_dilation=(2, 3), padding=1, feature_group_count=2, use_bias=False, {RNGS})": (4, 5),
}


@pytest.mark.parametrize("text", READ)
def test_a_call_says_its_layer(text: str) -> None:
    layer = read(text).layer
    assert {field: getattr(layer, field) for field in READ[text]} == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_a_call_that_says_none_is_refused(text: str) -> None:
    with pytest.raises(LayerError, match=re.escape(REFUSED[text])):
        read(text)


@pytest.mark.parametrize(("how", "texts"), [("linen", LINEN), ("nnx", NNX)], ids=["linen", "nnx"])
def test_a_text_says_what_flax_computes_of_it(how: str, texts: dict[str, tuple[int, ...]]) -> None:
    if missing("flax"):
        pytest.skip("Flax is not installed; it brings a checkpoint library of a hundred megabytes to the suite")
    jobs = [written(how, call, extents) for call, extents in texts.items()]
    assert wrong(jobs, answers("flax", jobs)) == []


def test_the_kernel_is_mirrored_unless_it_is_transposed() -> None:
    assert read("nn.ConvTranspose(8, (3, 3))").kernel == KernelLayout("HWIO", "O", mirrored=True)
    assert read("nn.ConvTranspose(8, (3, 3), transpose_kernel=True)").kernel == KernelLayout("HWOI", "O")
    assert read("nn.Conv(8, (3, 3))").kernel == KernelLayout("HWIO", "O")


def test_what_is_easily_mistaken_is_noted_where_it_applies() -> None:
    unsaid, zero = (read(f"nn.ConvTranspose(8, (3, 3), 2{more})").notes for more in ("", ", padding=0"))
    assert any("'SAME' where nothing is said" in note for note in unsaid)
    assert not any("it crops" in note for note in unsaid)
    assert any("it crops ((2, 2), (2, 2))" in note for note in zero)
    assert not any("where nothing is said" in note for note in zero)
    assert any("mirrored" in note for note in zero)
    assert not read("nn.Conv(8, (3, 3), padding='SAME')").notes


def test_the_signatures_are_those_of_the_installed_flax() -> None:
    if missing("flax"):
        pytest.skip("Flax is not installed")
    flax = dialects()["flax"]
    found = {form: [name for name, _ in given] for form, given in installed("flax.nnx", flax, {}).items()}
    assert {form: in_order(signature) for form, signature in flax.forms.items()} == found


def test_both_libraries_of_flax_are_written() -> None:
    it = Settings((4, 4), (3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), channels_in=3, channels_out=8, bias=True)
    words = "kernel_size=(3, 3), strides=(2, 2), padding=((1, 1), (1, 1))"
    linen, nnx = (translate(it, dialects()["flax"], kind) for kind in ("flax.linen", "flax.nnx"))
    assert linen.said.call == f"nn.ConvTranspose(features=8, {words})"
    assert 'y = layer.apply({"params": state}, x)' in linen.program()
    assert nnx.said.call == f"nnx.ConvTranspose(in_features=3, out_features=8, {words}, rngs=nnx.Rngs(0))"
    assert "nnx.update(layer, state)\ny = layer(x)" in nnx.program()
