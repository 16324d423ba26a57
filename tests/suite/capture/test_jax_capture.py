"""JAX functions: the equations of their jaxprs, and what of them is no layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convt.capture.calls import xla_call
from convt.capture.seen import NotACase
from convt.conv.oracles import scatter
from tests.suite.capture.captures import captured, close, numbers

HERE = "tests.suite.capture.programs"
CALLS: list[dict[str, Any]] = [
    {"strides": (1, 1), "padding": [(1, 2), (0, 3)], "lhs_dilation": (2, 3), "rhs_dilation": (1, 2)},
    {"strides": (1, 1), "padding": [(2, 2), (2, 3)], "lhs_dilation": (1, 2), "rhs_dilation": (1, 1)},
    {"strides": (1, 1), "padding": [(0, 0), (-1, 1)], "lhs_dilation": (2, 2), "rhs_dilation": (1, 1)},
    {"strides": (2, 3), "padding": [(1, 2), (0, 3)], "lhs_dilation": (1, 1), "rhs_dilation": (2, 1)},
]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("call", CALLS)
def test_a_call_means_what_xla_computes(call: dict[str, Any], groups: int) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    x, w = numbers((2, 4, 5, 6)), numbers((6, 4 // groups, 3, 3), 1)
    y = jax.lax.conv_general_dilated(
        x, w, call["strides"], call["padding"], call["lhs_dilation"], call["rhs_dilation"],
        feature_group_count=groups, precision="highest",
    )  # fmt: skip
    it = xla_call(x.shape, w.shape, feature_group_count=groups, **call)
    assert it.transposed == (max(call["lhs_dilation"]) > 1)
    kernel = w.astype(np.float64)
    if it.transposed:  # XLA does not flip: the same taps in the other direction, with ours ordered (in, out/groups)
        kernel = kernel[:, :, ::-1, ::-1].reshape(groups, 6 // groups, 4 // groups, 3, 3)
        kernel = kernel.transpose(0, 2, 1, 3, 4).reshape(4, 6 // groups, 3, 3)
    assert close(y, scatter(it, x.astype(np.float64), kernel))


def test_a_function_is_traced_with_all_that_is_inside_of_it() -> None:
    pytest.importorskip("jax", reason="JAX is not installed")
    found = captured(
        f"{HERE}:jax_calls", shapes={"0": (2, 6, 7, 4), "1": (3, 3, 4, 4), "2": (3, 2, 2, 8)}, trust=True,
        dtypes={"0": "bfloat16", "1": "bfloat16", "2": "bfloat16"},
    )  # fmt: skip
    assert {one.dtype for one in found.seen} == {"bfloat16"}
    up, *halves = [one.settings for one in found.seen][:3]
    assert (up.transposed, up.stride, up.dilation, up.output) == (True, (2, 3), (1, 2), (12, 21))
    assert [(half.groups, half.stride, half.padding, half.output) for half in halves] == [
        (2, (2, 1), ((0, 1), (0, 1)), (6, 21))
    ] * 2
    assert any("half" in one.name for one in found.seen)
    said = " ".join(left.reason for left in found.left)
    [odd] = [left for left in found.left if left.name.startswith("odd")]
    assert "neither a forward convolution nor a transposed one" in odd.reason
    assert "negative padding ((-1, 0), (0, 0))" in said
    assert "more at the beginning than the kernel reaches" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch_group_count": 2}, "batch_group_count = 2"),
        ({"feature_group_count": 3}, "does not divide"),
        ({"lhs_dilation": (2, 1), "strides": (1, 2)}, "lhs_dilation = (2, 1) with window_strides = (1, 2)"),
        ({"lhs_dilation": (2, 2), "padding": [(0, 9), (0, 0)]}, "output_padding"),
    ],
)
def test_what_no_case_can_say_is_told_with_its_reason(change: dict[str, Any], said: str) -> None:
    call: dict[str, Any] = {
        "strides": (1, 1), "padding": [(0, 0), (0, 0)], "lhs_dilation": (1, 1), "rhs_dilation": (1, 1),
        "feature_group_count": 1,
    }  # fmt: skip
    with pytest.raises(NotACase) as error:
        xla_call((2, 4, 5, 6), (6, 4, 3, 3), **(call | change))
    assert said in str(error.value)
