"""jax.lax as its users write it: what a text says, what is refused, and what JAX itself computes of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from convt.conv.settings import Settings
from convt.translation.dialect import Spoken, dialects
from convt.translation.kernels import KernelLayout
from convt.translation.layer import LayerError
from convt.translation.translating import read, translate

from .installed import by_heart, installed
from .truth import answers, missing, wrong
from .written import written

LAX = "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), "
READ: dict[str, dict[str, Any]] = {
    f"{LAX}'SAME')": {"kernel": (3, 3), "stride": (2, 2), "padding": "same", "channels_in": 2, "channels_out": 4},
    f"{LAX}padding='VALID')": {"padding": "valid", "output_padding": None, "op": "conv_transpose", "input": None},
    f"{LAX}((1, 1), (2, 0)))": {"padding": ((1, 1), (0, 2)), "output_padding": None},
    f"{LAX}((1, 3), (2, 2)))": {"padding": ((1, 0), (0, 0)), "output_padding": (1, 0)},
    f"{LAX}((0, 0), (-1, 0)))": {"padding": ((2, 2), (3, 2))},
    f"{LAX}((1, 1), (2, 0)), use_consistent_padding=True)": {"padding": ((1, 1), (2, 0)), "output_padding": None},
    f"{LAX}((1, 0), (0, -1)), use_consistent_padding=True)": {"padding": ((1, 0), (0, 0)), "output_padding": (0, 1)},
    f"{LAX}((4, 4), (2, 2)), rhs_dilation=(2, 1))": {"padding": ((0, 0), (0, 0)), "dilation": (2, 1)},
    "jax.lax.conv_transpose(jnp.zeros((5, 7, 9, 2)), jnp.ones((3, 3, 2, 4)), (2, 2), 'SAME')": {
        "input": (7, 9), "batch": 5, "channels_in": 2,
    },
    "lax.conv_transpose(x, (3, 2, 4), (2,), 'SAME', transpose_kernel=True)": {
        "kernel": (3,), "channels_in": 4, "channels_out": 2,
    },
    "lax.conv_transpose(x, (2, 4, 3), (1,), 'same', dimension_numbers=('NCH', 'OIH', 'NCH'))": {
        "kernel": (3,), "channels_in": 4, "channels_out": 2, "padding": ((1, 1),),
    },
    "lax.conv_transpose(x, (2, 3, 4, 1, 1), (2, 2, 1), 'SAME', dimension_numbers=('NHWDC', 'HWDIO', 'NHWDC'))": {
        "kernel": (2, 3, 4), "stride": (2, 2, 1),
    },
    "lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), 'SAME') + bias": {"bias": True},
    "lax.conv_general_dilated(x, (4, 1, 3, 3), (2, 1), 'SAME', feature_group_count=2)": {
        "op": "conv", "stride": (2, 1), "padding": "same", "channels_in": 2, "channels_out": 4, "groups": 2,
    },
    "lax.conv_general_dilated(x, (4, 1, 3, 3), (2, 1), 'same_lower')": {"padding": "same", "halves": "larger first"},
    "lax.conv_general_dilated(x, (4, 1, 3, 3), (1, 1), ((1, 2), (2, 2)), (2, 2), feature_group_count=2)": {
        "op": "conv_transpose", "stride": (2, 2), "padding": ((1, 0), (0, 0)), "channels_in": 2, "groups": 2,
    },
    "jax.lax.conv(x, (4, 1, 3, 3), (2, 1), 'VALID')": {"op": "conv", "padding": "valid"},
    "jax.lax.conv_with_general_padding(x, (4, 1, 3), (2,), ((0, 1),), None, (3,))": {
        "op": "conv", "padding": ((0, 1),), "dilation": (3,),
    },
}  # fmt: skip
REFUSED = {
    "jax.lax.conv_transpose(x, kernel, (2, 2), 'SAME')": "rhs: found kernel, accepted the kernel's shape",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), 2, 'SAME')": "strides: found 2, accepted 2 whole numbers",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2,), 'SAME')": "strides: found (2,), accepted 2 whole numbers",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), 'same')": "'SAME' or 'VALID', in capitals",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), 1)": "padding: found 1, accepted a (before, after) pair",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), ((3, 0), (0, 0)))": "found 3 zeros before the input on axis 0",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), ((0, 4), (0, 0)))": "found 4 zeros behind the input on axis 0",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), ((-1, 0), (0, 0)), use_consistent_padding=True)": "found -1",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), [[1, 0], [0, 0]], use_consistent_padding=True)": "no lists",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), 'SAME', feature_group_count=2)": "no argument feature_group_count",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), stride=(2, 2), padding='SAME')": "it says strides",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2))": "padding missing",
    "jax.lax.conv_transpose((1, 4, 4, 3), (3, 3, 2, 4), (2, 2), 'SAME')": "found 3 channels (NHWC)",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), 'SAME', dimension_numbers=('NHWC', 'HWIO'))": "three words",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), 'SAME', dimension_numbers=('NHWC', 'HWXO', 'NHWC'))": "'HWXO'",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), 'SAME', dimension_numbers=('NWHC', 'HWIO', 'NHWC'))": "order",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), 'SAME', transpose_kernel=1)": "accepted True or False",
    "jax.lax.conv_transpose(x, (3, 3, 2, 4), (2, 2), 'SAME') + x": "a layer: found",
    "jax.lax.conv_transpose(x, (0, 3, 2, 4), (2, 2), 'SAME')": "accepted 1 or more everywhere",
    "jax.lax.conv_general_dilated(x, (4, 2, 3, 3), (2, 2), ((0, 0), (0, 0)), lhs_dilation=(2, 2))": "one of the two",
    "jax.lax.conv_general_dilated(x, (4, 2, 3, 3), (1, 1), 'SAME', lhs_dilation=(2, 2))": "only in conv_transpose",
    "jax.lax.conv_general_dilated(x, (4, 2, 3, 3), (1, 1), 'CIRCULAR')": "'SAME' or 'VALID' or 'SAME_LOWER'",
    "jax.lax.conv_general_dilated(x, (4, 2, 3, 3), (1, 1), ((-1, 0), (0, 0)))": "found -1, accepted 0 or more",
    "jax.lax.conv_general_dilated(x, (4, 2, 3, 3), (1, 1), 'SAME', batch_group_count=2)": "batch_group_count: found 2",
    "jax.lax.conv(x, (4, 2, 3, 3), (1, 1), 'SAME', (2, 2), (2, 2), (2, 2))": "accepted 6 at most",
}
RUN = {
    "jax.lax.conv_transpose(x, kernel(3, 2, 2, 3), (2, 1), 'SAME')": (4, 5),
    "jax.lax.conv_transpose(x, kernel(1, 2, 2, 3), strides=(3, 2), padding='VALID')": (4, 5),
    "jax.lax.conv_transpose(x, kernel(3, 2, 2, 3), (2, 1), ((1, 0), (0, 1)), rhs_dilation=(2, 3))": (4, 5),
    "jax.lax.conv_transpose(x, kernel(3, 2, 2, 3), (2, 1), [(1, 3), (0, 1)]) + bias": (4, 5),
    "jax.lax.conv_transpose(x, kernel(3, 3, 2), (2,), [(1, 3)], transpose_kernel=True)": (5,),
    "jax.lax.conv_transpose(x, kernel(2, 3, 3), (2,), [(1, 3)], None, ('NCH', 'OIH', 'NCH'), True)": (5,),
    "jax.lax.conv_transpose(x, kernel(2, 3, 3), (2,), [(1, 3)], None, ('NCH', 'OIH', 'NCH'))": (5,),
    "jax.lax.conv_transpose(x, kernel(3, 2, 3), (3,), ((1, -1),), use_consistent_padding=True)": (5,),
    "jax.lax.conv_transpose(x, kernel(2, 2, 3), (1,), 'same')": (5,),
    "jax.lax.conv_transpose(x, kernel(4, 2, 3), (1,), 'SAME_LOWER', (2,))": (5,),
    "jax.lax.conv_transpose(x, kernel(2, 3, 1, 2, 3), (2, 1, 3), 'SAME')": (3, 2, 4),
    "jax.lax.conv_general_dilated(x, kernel(4, 1, 3, 2), (2, 2), 'SAME_LOWER', None, (1, 2), None, 2)": (4, 5),
    "jax.lax.conv_general_dilated(x, kernel(4, 1, 3, 2), (1, 1), ((2, 3), (0, 1)), (2, 3), None, None, 2)": (4, 5),
    "jax.lax.conv_general_dilated(x, kernel(3, 2, 1, 4), (1, 1), ((2, 1), (0, 1)), (1, 3), None, "
    "('NHWC', 'HWIO', 'NHWC'), 2)": (4, 5),
    "jax.lax.conv(x, kernel(4, 2, 3, 2), (2, 1), 'valid')": (4, 5),
    "jax.lax.conv_with_general_padding(x, kernel(4, 2, 3, 2), (2, 1), ((1, 0), (0, 2)), (1, 1), (2, 1))": (4, 5),
}


@pytest.mark.parametrize("text", READ)
def test_a_call_says_its_layer(text: str) -> None:
    layer = read(text).layer
    assert {field: getattr(layer, field) for field in READ[text]} == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_a_call_that_says_none_is_refused(text: str) -> None:
    with pytest.raises(LayerError, match=re.escape(REFUSED[text])):
        read(text)


def test_a_text_says_what_jax_computes_of_it() -> None:
    if missing("jax"):
        pytest.skip("JAX is not installed")
    jobs = [written("jax", call, extents) for call, extents in RUN.items()]
    assert wrong(jobs, answers("jax", jobs)) == []


def _layout(text: str) -> KernelLayout:
    return read(text).kernel


def test_the_kernel_is_mirrored_unless_it_is_transposed() -> None:
    assert _layout(f"{LAX}'SAME')") == KernelLayout("HWIO", "O", mirrored=True)
    assert _layout(f"{LAX}'SAME', transpose_kernel=True)") == KernelLayout("HWOI", "O", mirrored=False)
    assert _layout("lax.conv(x, (4, 2, 3), (1,), 'SAME')") == KernelLayout("OIW", "O", mirrored=False)


def _notes(text: str) -> str:
    spoken: Spoken = read(text)
    return "\n".join(spoken.notes)


def test_what_is_easily_mistaken_is_noted_where_it_applies() -> None:
    assert "mirrored" in _notes(f"{LAX}'SAME')")
    assert "mirrored" not in _notes(f"{LAX}'SAME', transpose_kernel=True)")
    assert "mirrored" not in _notes("lax.conv_transpose(x, (1, 1, 2, 4), (2, 2), 'SAME')")
    assert "it crops ((1, 1), (0, 2))" in _notes(f"{LAX}((1, 1), (2, 0)))")
    assert "it crops" not in _notes(f"{LAX}((1, 1), (2, 0)), use_consistent_padding=True)")
    assert "crops (0, 1)" in _notes(f"{LAX}'SAME')")
    assert "crops (0, 1)" not in _notes(f"{LAX}((1, 1), (1, 1)))")
    assert "pads by the input" in _notes("lax.conv(x, (4, 2, 3), (2,), 'SAME')")
    assert "comes as NCHW" in _notes(f"{LAX}'SAME', dimension_numbers=('NHWC', 'HWIO', 'NCHW'))")


def test_the_signatures_are_those_of_the_installed_jax() -> None:
    if missing("jax"):
        pytest.skip("JAX is not installed")
    jax = dialects()["jax"]
    assert {form: by_heart(signature) for form, signature in jax.forms.items()} == installed("jax", jax, {})


def _said(it: Settings) -> str:
    return translate(it, dialects()["jax"]).said.call


def test_a_crop_is_said_as_the_forward_convolutions_padding() -> None:
    it = Settings((4,), (3,), stride=(2,), padding=((1, 1),), output_padding=(1,), bias=True)
    assert _said(it) == (
        "jax.lax.conv_transpose(x, kernel, strides=(2,), padding=((1, 0),), dimension_numbers=('NWC', 'WIO', 'NWC'), "
        "use_consistent_padding=True) + bias"
    )


def test_groups_are_said_by_a_dilated_input() -> None:
    it = Settings((4,), (3,), stride=(2,), padding=((1, 1),), channels_in=2, channels_out=4, groups=2)
    assert _said(it) == (
        "jax.lax.conv_general_dilated(x, kernel, window_strides=(1,), padding=((1, 1),), lhs_dilation=(2,), "
        "dimension_numbers=('NWC', 'WIO', 'NWC'), feature_group_count=2)"
    )


def test_a_crop_beyond_the_kernel_is_done_afterwards() -> None:
    translation = translate(Settings((5,), (2,), padding=((3, 0),)), dialects()["jax"])
    assert "XLA reads beyond" in translation.why
    assert "y = y[:, 3:6, :]" in translation.program()
