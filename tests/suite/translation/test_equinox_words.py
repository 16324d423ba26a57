"""Equinox's layers as their users write them: what a text says, what is refused, and what Equinox computes of it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from convt.conv.settings import Settings
from convt.translation.dialect import dialects
from convt.translation.kernels import KernelLayout
from convt.translation.layer import LayerError
from convt.translation.translating import port, read, translate

from .installed import in_order, installed
from .truth import answers, missing, wrong
from .written import written

ONE = "eqx.nn.ConvTranspose1d(2, 4, 4, 3, "
READ: dict[str, dict[str, Any]] = {
    "eqx.nn.ConvTranspose2d(3, 8, 3, 2, 1, key=key)": {
        "channels_in": 3, "channels_out": 8, "kernel": (3, 3), "stride": (2, 2), "padding": ((0, 0), (0, 0)),
        "output_padding": (1, 1), "bias": True,
    },
    "eqx.nn.ConvTranspose2d(3, 8, 3, 2, 0, 1, key=key)": {"padding": ((1, 1), (1, 1)), "output_padding": None},
    "equinox.nn.ConvTranspose(2, 3, 8, 3, 2, 1, key=key)": {"padding": ((1, 1), (1, 1)), "output_padding": None},
    f"{ONE}padding='same', key=key)": {"padding": "same", "output_padding": None},
    f"{ONE}padding='SAME_LOWER', key=key)": {"padding": ((1, 0),), "output_padding": None},
    f"{ONE}padding='SAME', output_padding=1, key=key)": {"padding": ((1, 1),), "output_padding": None},
    "eqx.nn.ConvTranspose1d(2, 4, 1, 4, padding='SAME', output_padding=1, key=key)": {
        "padding": ((0, 0),), "output_padding": (2,),
    },
    "eqx.nn.ConvTranspose1d(2, 4, 1, 3, padding='VALID', key=key)": {"padding": ((0, 0),), "output_padding": None},
    "eqx.nn.ConvTranspose2d(4, 8, 3, padding=((1, 0), (0, 2)), groups=2, use_bias=False, key=key)": {
        "padding": ((1, 0), (0, 2)), "groups": 2, "bias": False,
    },
    "eqx.nn.Conv2d(3, 8, 3, 2, (1, 2), 2, key=key)": {
        "op": "conv", "padding": ((1, 1), (2, 2)), "dilation": (2, 2),
    },
    "eqx.nn.Conv1d(3, 8, 4, 2, 'SAME_LOWER', key=key)": {"padding": "same", "halves": "larger first"},
    "nn.ConvTranspose2d(3, 8, 3, 2, use_bias=False, key=key)": {"bias": False},
}  # fmt: skip
REFUSED = {
    "eqx.nn.ConvTranspose2d(3, 8, 3)": "key missing",
    "eqx.nn.ConvTranspose2d(3, 8, 3, 2, 2, 1, key=key)": "output_padding: found 2 on axis 0, accepted less than the",
    "eqx.nn.ConvTranspose2d(3, 8, (3,), key=key)": "kernel_size: found (3,), accepted 2 whole numbers",
    "eqx.nn.ConvTranspose2d(3, 8, 3, padding='FULL', key=key)": "padding: found 'FULL'",
    "eqx.nn.ConvTranspose2d(3, 8, 3, padding=-1, key=key)": "padding: found -1, accepted 0 or more",
    "eqx.nn.ConvTranspose2d(3, 8, 3, padding=((1, 1), 1), key=key)": "accepted a (before, after) pair",
    "eqx.nn.ConvTranspose2d(3, 8, 3, padding_mode='CIRCULAR', key=key)": "convolutions over zeros",
    "eqx.nn.ConvTranspose2d(3, 8, 3, bias=False, key=key)": "no argument bias; it says use_bias",
    "eqx.nn.ConvTranspose(4, 3, 8, 3, key=key)": "num_spatial_dims: found 4, accepted 1 to 3",
    "eqx.nn.Conv2d(3, 8, 3, output_padding=1, key=key)": "no argument output_padding",
}
RUN = {
    "eqx.nn.ConvTranspose2d(2, 4, 3, 2, 1, 1, key=key)": (4, 5),
    "eqx.nn.ConvTranspose2d(2, 4, (3, 2), (2, 3), (0, 2), ((1, 0), (0, 1)), (2, 1), 2, False, key=key)": (4, 5),
    "eqx.nn.ConvTranspose(1, 2, 4, 3, 2, 1, 1, key=key)": (4,),
    f"{ONE}padding='same_lower', key=key)": (4,),
    f"{ONE}padding='SAME', key=key)": (4,),
    f"{ONE}output_padding=2, padding='SAME', key=key)": (4,),
    f"{ONE}output_padding=1, padding='SAME_LOWER', key=key)": (4,),
    "eqx.nn.ConvTranspose1d(2, 4, 1, 4, output_padding=1, padding='SAME', key=key)": (4,),
    "eqx.nn.ConvTranspose1d(2, 4, 1, 3, padding='VALID', key=key)": (4,),
    "eqx.nn.ConvTranspose3d(2, 4, (1, 2, 3), 2, padding=(0, 1, 1), key=key)": (2, 3, 2),
    "eqx.nn.Conv2d(2, 4, 3, 2, 1, 1, 2, key=key)": (4, 5),
    "eqx.nn.Conv1d(2, 4, 4, 2, 'SAME_LOWER', key=key)": (5,),
}


@pytest.mark.parametrize("text", READ)
def test_a_call_says_its_layer(text: str) -> None:
    layer = read(text).layer
    assert {field: getattr(layer, field) for field in READ[text]} == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_a_call_that_says_none_is_refused(text: str) -> None:
    with pytest.raises(LayerError, match=re.escape(REFUSED[text])):
        read(text)


def test_a_text_says_what_equinox_computes_of_it() -> None:
    if missing("equinox"):
        pytest.skip("Equinox is not installed")
    jobs = [written("equinox", call, extents) for call, extents in RUN.items()]
    assert wrong(jobs, answers("equinox", jobs)) == []


def test_the_order_of_positions_is_noted_where_it_matters() -> None:
    [note] = read("eqx.nn.ConvTranspose2d(3, 8, 3, 2, 1, key=key)").notes
    assert "output_padding=1, padding=0" in note
    assert not read("eqx.nn.ConvTranspose2d(3, 8, 3, 2, key=key)").notes
    assert not read("eqx.nn.ConvTranspose(2, 3, 8, 3, 2, 0, 1, key=key)").notes


def test_the_kernel_is_that_of_a_forward_convolution() -> None:
    assert read("eqx.nn.ConvTranspose2d(3, 8, 3, key=key)").kernel == KernelLayout("OIHW", "O", mirrored=True)
    assert read("eqx.nn.Conv2d(3, 8, 3, key=key)").kernel == KernelLayout("OIHW", "O")


def test_a_bias_with_axes_of_its_own_is_ported() -> None:
    it = Settings((4,), (3,), channels_in=2, channels_out=4, bias=True)
    weights = {"weight": np.ones((4, 2, 3)), "bias": np.arange(4.0).reshape(4, 1)}
    state = port(weights, "eqx.nn.ConvTranspose1d(2, 4, 3, key=key)", translate(it, dialects()["torch"]))
    assert state["bias"].tolist() == [0, 1, 2, 3]


def test_what_the_layer_cannot_add_is_done_otherwise() -> None:
    it = Settings((4,), (3,), dilation=(3,), output_padding=(2,))
    translation = translate(it, dialects()["equinox"])
    assert translation.why == "output_padding must be smaller than the stride; it is 2 on axis 0"
    assert not translation.direct


def test_the_signatures_are_those_of_the_installed_equinox() -> None:
    if missing("equinox"):
        pytest.skip("Equinox is not installed")
    equinox = dialects()["equinox"]
    found = {form: [name for name, _ in given] for form, given in installed("equinox", equinox, {}).items()}
    assert {form: in_order(signature) for form, signature in equinox.forms.items()} == found


def test_a_layer_is_written_short() -> None:
    it = Settings((4, 4), (3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), output_padding=(1, 1), bias=True)
    call = translate(it, dialects()["equinox"]).said.call
    assert call == "eqx.nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1, output_padding=1, key=jax.random.key(0))"
