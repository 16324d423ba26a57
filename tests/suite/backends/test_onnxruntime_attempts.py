"""Calls of ONNX Runtime that mean nothing: the node's attributes as they are, refused by the runtime or by onnx."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from convt.content.backends.onnxruntime.nodes import PADS

from convt.adapter.backend import Outcome, Probe
from convt.adapter.form import Form
from convt.conv.data import exact
from convt.conv.settings import Settings
from convt.host.pool import Pool
from convt.host.registry import parse_target
from tests.suite.backends.tensorflow_checks import is_right

TARGET = "onnxruntime"
PLAIN = Settings(input=(4, 3), kernel=(3, 2), stride=(2, 1), padding=((1, 0), (0, 1)), channels_in=2, channels_out=2)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pytest.importorskip("onnx", reason="onnx, which writes the models, is not installed")
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    with Pool([parse_target(TARGET)]) as started:
        yield started


def invalid_call(pool: Pool, invalid: Mapping[str, Any], it: Settings = PLAIN, **arrays: np.ndarray) -> Outcome:
    """The outcome of a call in a process of its own, with models from the host."""
    data = exact(it)
    given: dict[str, Any] = {"x": data.x, "w": data.w, "b": data.b} | arrays
    [outcome] = pool.submit(TARGET, [Probe(it, invalid=invalid, **given)]).result(600)
    return outcome


@pytest.mark.parametrize(
    "invalid",
    [
        pytest.param({"stride": 2}, id="a-number"),
        pytest.param({"stride": [0, 1]}, id="no-stride"),
        pytest.param({"stride": [2, 1, 1]}, id="too-many"),
        pytest.param({"stride": "2"}, id="text"),
        pytest.param({"stride": [2.5, 1.0]}, id="fractions"),
        pytest.param({"padding": "sideways"}, id="a-word"),
        pytest.param({"padding": [1]}, id="too-few-pads"),
        pytest.param({"groups": 3}, id="groups"),
        pytest.param({"groups": "2"}, id="groups-as-text"),
        pytest.param({"kernel_size": [2, 2]}, id="another-kernel"),
    ],
)
def test_an_attribute_that_means_nothing_is_passed_as_it_is_and_refused(pool: Pool, invalid: dict[str, Any]) -> None:
    outcome = invalid_call(pool, invalid)
    assert outcome.kind == "raised"
    assert "ONNXRuntimeError" in outcome.reason


def test_what_is_said_instead_and_means_something_is_answered(pool: Pool) -> None:
    for invalid, other in (
        ({"stride": [1, 1]}, PLAIN.replace(stride=(1, 1))),
        ({"padding": [[0, 1], [1, 0]]}, PLAIN.replace(padding=((0, 1), (1, 0)))),
        ({"padding": [0, 1, 1, 0]}, PLAIN.replace(padding=((0, 1), (1, 0)))),
        ({"padding": "SAME_UPPER", "output_size": [8, 3]}, PLAIN.replace(padding="same")),
        ({"stride": None}, PLAIN.replace(stride=(1, 1))),
    ):
        data = exact(PLAIN)
        outcome = invalid_call(pool, invalid)
        assert is_right(Probe(other, data.x, data.w), outcome), outcome.reason


@pytest.mark.parametrize("invalid", [{"stride": [2**70, 1]}, {"stride": [1, None]}, {"padding": [1, "x"]}])
def test_what_onnx_itself_writes_no_model_of_is_unsupported(pool: Pool, invalid: dict[str, Any]) -> None:
    outcome = invalid_call(pool, invalid)
    assert outcome.kind == "unsupported"
    assert outcome.reason.startswith("onnx writes no such model: ")


@pytest.mark.parametrize("setting", ["channels_in", "data_format", "output_padding", "output_size"])
def test_a_node_without_such_an_attribute_makes_no_such_call(pool: Pool, setting: str) -> None:
    outcome = invalid_call(pool, {setting: 1}, PLAIN.replace(op="conv"))
    assert (outcome.kind, outcome.reason) == ("unsupported", f"Conv has no attribute for {setting}")


def test_arrays_are_declared_in_the_shapes_and_dtypes_that_they_have(pool: Pool) -> None:
    data = exact(PLAIN)
    refused = {
        "an input without a batch": invalid_call(pool, {}, x=data.x[0]),
        "a kernel of another rank": invalid_call(pool, {}, w=data.w[..., 0]),
        "a kernel of another dtype": invalid_call(pool, {}, w=data.w.astype(np.float16)),
        "a kernel of other channels": invalid_call(pool, {}, w=np.ones((3, 2, 3, 2), np.float32)),
        "a bias of another length": invalid_call(pool, {}, b=np.ones(5, np.float32)),
    }
    assert {what: outcome.kind for what, outcome in refused.items()} == dict.fromkeys(refused, "raised")


def test_a_script_says_what_is_said_instead(pool: Pool) -> None:
    from convt.content.backends.onnxruntime.adapter import OnnxRuntime

    from convt.host.preparing import Preparer
    from convt.host.registry import built_in

    invalid = {"stride": [1, 1], "groups": 2}
    it = PLAIN.replace(channels_out=4)
    adapter = OnnxRuntime("all", "cpu")
    preparer = Preparer(built_in()["onnxruntime"], "all", adapter.versions(), len(adapter.call_forms))
    data = exact(it)
    probe = Probe(it, data.x, data.w, call_form=PADS, invalid=invalid)
    [outcome] = pool.submit(TARGET, [probe]).result(600)
    text = adapter.script_of(Form(it, call_form=PADS, invalid=invalid), preparer.of(probe)).text
    assert "group=2" in text
    scope = {"np": np, "x": data.x, "w": data.w}
    exec(f"{adapter.script_imports}\n{text}", scope)  # noqa: S102  (our own, as a person pastes it)
    np.testing.assert_array_equal(np.asarray(scope["y"]), outcome.value)
