"""Three oracles agree with each other, with the definition and with ONNX's vectors; the failure of one shows."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from convt.conv import oracles
from convt.conv.data import exact
from convt.conv.settings import Settings, SettingsError
from tests.suite.conv.definition import by_definition

CONFIGURATIONS = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["conv_transpose", "conv"]),
        "padding": st.sampled_from(["same", "valid", "pairs"]),
        "batch": st.integers(0, 2),
        "groups": st.integers(1, 3),
        "per_group": st.tuples(st.integers(1, 2), st.integers(1, 2)),
        "bias": st.booleans(),
        "ask": st.sampled_from(["", "output_padding", "output_size"]),
        "axes": st.lists(
            st.fixed_dictionaries(
                {
                    "input": st.integers(0, 4),
                    "kernel": st.integers(1, 4),
                    "stride": st.integers(1, 4),
                    "dilation": st.integers(1, 3),
                    "pair": st.tuples(st.integers(0, 3), st.integers(0, 3)),
                    "extra": st.integers(0, 3),
                }
            ),
            min_size=1,
            max_size=3,
        ),
    }
)


def _settings(drawn: dict[str, Any]) -> Settings:
    """The settings of a drawn configuration; SettingsError where they mean nothing."""
    axes, groups = drawn["axes"], drawn["groups"]
    fields = {name: tuple(axis[name] for axis in axes) for name in ("input", "kernel", "stride", "dilation")}
    padding = tuple(axis["pair"] for axis in axes) if drawn["padding"] == "pairs" else drawn["padding"]
    plain = Settings(
        **fields, padding=padding, op=drawn["op"], batch=drawn["batch"], groups=groups, bias=drawn["bias"],
        channels_in=groups * drawn["per_group"][0], channels_out=groups * drawn["per_group"][1],
    )  # fmt: skip
    extra = tuple(axis["extra"] for axis in axes)
    if not plain.transposed or not drawn["ask"]:
        return plain
    if drawn["ask"] == "output_padding":
        return plain if drawn["padding"] == "same" else plain.replace(output_padding=extra)
    sign = -1 if drawn["padding"] == "same" else 1
    return plain.replace(output_size=tuple(out + sign * more for out, more in zip(plain.output, extra, strict=True)))


@given(CONFIGURATIONS)
@profile(max_examples=400, deadline=None)
def test_three_oracles_agree_on_random_settings(drawn: dict[str, Any]) -> None:
    try:
        settings = _settings(drawn)
    except SettingsError:
        assume(False)
    arrays = exact(settings)
    answer = oracles.reference(settings, arrays.x, arrays.w, arrays.b)
    assert answer.shape == settings.y_shape
    assert answer.dtype == np.float64


def _spread() -> list[Settings]:
    plain: list[dict[str, Any]] = [
        {"input": (4,), "kernel": (3,), "stride": (2,), "padding": ((1, 0),), "bias": True},
        {"input": (3,), "kernel": (2,), "stride": (4,), "padding": "valid", "bias": True},
        {"input": (3,), "kernel": (5,), "stride": (2,), "padding": "same", "dilation": (2,)},
        {"input": (0,), "kernel": (3,), "bias": True},
        {"input": (3, 2), "kernel": (2, 3), "stride": (2, 1), "padding": ((0, 1), (1, 0)), "dilation": (1, 2)},
        {"input": (3, 0), "kernel": (2, 2), "bias": True},
        {"input": (2, 3, 2), "kernel": (3, 1, 2), "stride": (1, 2, 3), "padding": "same", "bias": True},
    ]
    channels: list[dict[str, Any]] = [{}, {"channels_in": 4, "channels_out": 6, "groups": 2, "batch": 2}]
    forward = [fields | {"op": "conv"} for fields in plain]
    transposed = [*plain, {"input": (3,), "kernel": (4,), "stride": (3,), "padding": ((2, 1),), "output_padding": (2,)}]
    return [Settings(**fields, **more) for fields in transposed + forward for more in channels]


def _name(settings: Settings) -> str:
    spelled = settings.padding if isinstance(settings.padding, str) else "pairs"
    return f"{settings.op}-{settings.rank}d-n{min(settings.input)}-{spelled}-g{settings.groups}"


@pytest.mark.parametrize("name", oracles.ORACLES)
@pytest.mark.parametrize("settings", _spread(), ids=_name)
def test_each_oracle_follows_the_definition(settings: Settings, name: str) -> None:
    arrays = exact(settings, seed=1)
    expected = by_definition(settings, arrays.x, arrays.w, arrays.b)
    actual = oracles.ORACLES[name](settings, arrays.x, arrays.w, arrays.b)
    assert actual.shape == settings.y_shape
    assert np.array_equal(actual, expected)


@pytest.mark.parametrize("name", oracles.ORACLES)
def test_each_oracle_takes_real_numbers_in_double_precision(name: str) -> None:
    settings = Settings((4,), (3,), (2,), padding="same", channels_in=2, channels_out=2, bias=True)
    generator = np.random.default_rng(3)
    arrays = [generator.uniform(-1, 1, shape) for shape in (settings.x_shape, settings.w_shape, settings.b_shape)]
    actual = oracles.ORACLES[name](settings, *arrays)
    assert actual.dtype == np.float64
    assert np.allclose(actual, by_definition(settings, *arrays), rtol=0, atol=1e-14)


@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_blocks_of_the_dense_matrix_are_its_rows(step: int) -> None:
    settings = Settings((4, 3), (3, 2), (2, 1), padding=((1, 0), (0, 1)), channels_in=4, channels_out=4, groups=2)
    w = exact(settings).w
    rows = settings.output[0]
    whole = oracles.dense_matrix(settings, w, 1).reshape(2, rows, -1)
    parts = [slice(at, min(at + step, rows)) for at in range(0, rows, step)]
    blocks = [oracles.dense_matrix(settings, w, 1, part).reshape(2, part.stop - part.start, -1) for part in parts]
    assert np.array_equal(np.concatenate(blocks, axis=1), whole)


def test_the_matrix_oracle_in_blocks_equals_the_whole_matrix() -> None:
    settings = Settings((2100,), (1,), channels_in=1, channels_out=1, padding=((0, 3),), bias=True)
    arrays = exact(settings)
    # more entries than one block holds, so that the oracle has to work in two
    assert settings.output[0] * settings.input[0] > 4_000_000
    whole = oracles.dense_matrix(settings, arrays.w.astype(np.int64))
    expected = whole @ arrays.x.astype(np.int64).ravel() + np.array(arrays.b, np.int64)
    assert np.array_equal(oracles.matrix(settings, arrays.x, arrays.w, arrays.b).ravel(), expected)


def _off_by_one(y: np.ndarray) -> np.ndarray:
    y = y.copy()
    y.flat[-1] += 1
    return y


FAULTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "adds one to the last element": _off_by_one,
    "flips the result": lambda y: np.flip(y, -1),
    "leaves the last position out": lambda y: y[..., :-1],
    "drops the batch axis": lambda y: y[0],
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", oracles.ORACLES)
def test_the_failure_of_any_one_oracle_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, fault: str) -> None:
    settings = Settings((4,), (3,), (2,), padding=((1, 0),), bias=True)
    arrays = exact(settings)
    right = oracles.ORACLES[name]
    oracles.reference(settings, arrays.x, arrays.w, arrays.b)
    monkeypatch.setitem(oracles.ORACLES, name, lambda *given: FAULTS[fault](right(*given)))
    with pytest.raises(oracles.OraclesDisagree, match="differ on"):
        oracles.reference(settings, arrays.x, arrays.w, arrays.b)


ONNX_VECTORS = {
    "convtranspose": (
        "test_convtranspose", "test_convtranspose_1d", "test_convtranspose_3d", "test_convtranspose_output_shape",
        "test_convtranspose_pad", "test_convtranspose_kernel_shape", "test_convtranspose_pads",
        "test_convtranspose_dilations", "test_convtranspose_autopad_same", "test_convtranspose_group_2",
        "test_convtranspose_group_2_image_3",
    ),
    "conv": (
        "test_basic_conv_with_padding", "test_basic_conv_without_padding", "test_conv_with_strides_padding",
        "test_conv_with_strides_no_padding", "test_conv_with_strides_and_asymmetric_padding",
        "test_conv_with_autopad_same",
    ),
}  # fmt: skip
"""The node tests of ConvTranspose and Conv in the onnx package: 11 and 6."""


def _onnx_vectors() -> dict[str, Any]:
    """Name to test case; importing a module of onnx's node tests collects its vectors, and no framework is needed."""
    node = pytest.importorskip("onnx.backend.test.case.node")
    for module in ONNX_VECTORS:
        importlib.import_module(f"onnx.backend.test.case.node.{module}")
    operations = {"ConvTranspose", "Conv"}
    vectors = [case for case in node._NodeTestCases if case.model.graph.node[0].op_type in operations]
    return {case.name: case for case in vectors if len(case.model.graph.node) == 1}


def _from_onnx(node: Any, x: np.ndarray, w: np.ndarray) -> Settings:
    """The settings of an ONNX Conv or ConvTranspose node."""
    onnx = importlib.import_module("onnx")
    given = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    rank = x.ndim - 2
    transposed = node.op_type == "ConvTranspose"
    groups = given.get("group", 1)
    auto = given.get("auto_pad", b"NOTSET").decode()
    pads = given.get("pads", [0] * 2 * rank)
    plain = Settings(
        op="conv_transpose" if transposed else "conv", input=x.shape[2:], kernel=w.shape[2:],
        stride=tuple(given.get("strides", [1] * rank)), dilation=tuple(given.get("dilations", [1] * rank)),
        padding=tuple(zip(pads[:rank], pads[rank:], strict=True)), groups=groups, batch=x.shape[0],
        channels_in=x.shape[1], channels_out=w.shape[1] * groups if transposed else w.shape[0],
        output_padding=tuple(given["output_padding"]) if any(given.get("output_padding", [])) else None,
    )  # fmt: skip
    if "output_shape" in given:
        return plain.replace(output_padding=None, output_size=tuple(given["output_shape"]))
    if auto in ("NOTSET", "VALID"):
        return plain
    same = plain.replace(padding="same")
    # SAME_UPPER is `same`: the smaller half first. SAME_LOWER is its mirror image
    return same if auto == "SAME_UPPER" else same.replace(padding=tuple((hi, lo) for lo, hi in same.crop))


def test_onnx_offers_exactly_the_vectors_that_are_checked() -> None:
    vectors = _onnx_vectors()
    assert sorted(vectors) == sorted(name for names in ONNX_VECTORS.values() for name in names)
    assert len(vectors) == 17


@pytest.mark.parametrize("name", [name for names in ONNX_VECTORS.values() for name in names])
def test_the_oracles_agree_with_the_vectors_of_onnx(name: str) -> None:
    case = _onnx_vectors()[name]
    for inputs, (expected,) in case.data_sets:
        settings = _from_onnx(case.model.graph.node[0], *inputs)
        actual = oracles.reference(settings, *inputs)
        assert actual.shape == expected.shape
        assert np.array_equal(actual, expected)
