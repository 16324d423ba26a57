"""Calls of TensorFlow that mean nothing, made in a process of their own: some end it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from convt.adapter.backend import Outcome, Probe
from convt.adapter.form import Form
from convt.conv.data import exact
from convt.conv.settings import Settings
from convt.host.pool import Pool
from convt.host.registry import parse_target
from tests.suite.backends.gradient_forms import same_bits, script_answer
from tests.suite.backends.tensorflow_checks import adapter, is_right

EAGER, GRAPH = "tensorflow", "tensorflow/function"
PLAIN = Settings(input=(4, 3), kernel=(3, 2), stride=(2, 1), padding="same", channels_in=2, channels_out=3, bias=True)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    with Pool([parse_target(EAGER), parse_target(GRAPH)]) as started:
        yield started


def invalid_call(
    pool: Pool, invalid: Mapping[str, Any], it: Settings = PLAIN, target: str = EAGER, **arrays: np.ndarray
) -> Outcome:
    [outcome] = pool.submit(target, [probe_with(invalid, it, **arrays)]).result(600)
    return outcome


def probe_with(invalid: Mapping[str, Any], it: Settings = PLAIN, **arrays: np.ndarray) -> Probe:
    data = exact(it)
    given = {"x": data.x, "w": data.w, "b": data.b} | arrays
    return Probe(it, invalid=invalid, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("invalid", "words"),
    [
        pytest.param({"stride": [[2, 1]]}, "stride|int", id="a-list-in-a-list"),
        pytest.param({"stride": [2, 1, 1, 1, 1]}, "stride", id="a-list"),
        pytest.param({"stride": "2"}, "2", id="text"),
        pytest.param({"dilation": [-1, -1]}, "[Dd]ilat", id="negative"),
        pytest.param({"padding": "sideways"}, "sideways", id="a-word"),
        pytest.param({"padding": [[-1, 0], [0, 0]]}, "padding", id="negative-pairs"),
        pytest.param({"output_size": [99, 99]}, "primitive", id="a-size-of-its-own"),
        pytest.param({"channels_out": 7}, "filter|depth|channel|BiasAdd", id="channels"),
        pytest.param({"data_format": "NHCW"}, "NHCW", id="a-format"),
    ],
)
@pytest.mark.parametrize("target", [EAGER, GRAPH])
def test_a_call_that_means_nothing_is_made_as_it_is_and_refused(
    pool: Pool, target: str, invalid: dict[str, Any], words: str
) -> None:
    outcome = invalid_call(pool, invalid, target=target)
    assert outcome.kind == "raised"
    assert re.search(words, outcome.reason)


def test_what_is_said_instead_and_means_something_is_answered(pool: Pool) -> None:
    other = PLAIN.replace(stride=(1, 1), output_size=None)
    outcome = invalid_call(pool, {"stride": 1, "output_size": list(other.output)})
    data = exact(PLAIN)
    assert is_right(Probe(other, data.x, data.w, data.b), outcome)


@pytest.mark.parametrize("setting", ["groups", "kernel_size", "channels_in", "output_padding"])
def test_an_op_without_such_an_argument_makes_no_such_call(pool: Pool, setting: str) -> None:
    outcome = invalid_call(pool, {setting: 1})
    assert (outcome.kind, outcome.reason) == (
        "unsupported", f"tf.nn.conv2d_transpose has no argument for {setting}",
    )  # fmt: skip
    assert invalid_call(pool, {"output_size": [1, 1]}, PLAIN.replace(op="conv")).kind == "unsupported"


def test_arrays_are_passed_in_the_shapes_and_dtypes_that_they_have(pool: Pool) -> None:
    x = exact(PLAIN).x
    assert "rank" in invalid_call(pool, {}, x=x[0]).reason or "dimension" in invalid_call(pool, {}, x=x[0]).reason
    assert invalid_call(pool, {}, w=exact(PLAIN).w[..., 0]).kind == "raised"
    assert invalid_call(pool, {}, w=exact(PLAIN).w.astype(np.float64)).kind == "raised"
    assert invalid_call(pool, {}, b=np.ones(9, np.float32)).kind == "raised"


@pytest.mark.parametrize("mode", ["eager", "function"])
def test_a_script_says_what_is_said_instead(mode: str) -> None:
    it = adapter(mode)
    text = it.script_of(Form(PLAIN, invalid={"stride": [1, 0], "padding": [[1, 2], [0, 0]]})).text
    assert "strides=(1, 0)" in text
    assert "padding=([0, 0], [1, 2], [0, 0], [0, 0])" in text
    probe = probe_with({"stride": [1, 1], "output_size": [4, 3]})
    assert same_bits(it.run(probe).value, script_answer(it, probe))


def test_a_call_that_ends_the_process_is_an_outcome_and_costs_no_other(pool: Pool) -> None:
    crashed = invalid_call(pool, {"stride": 0}, target=GRAPH)
    assert (crashed.kind, crashed.reason.split(";")[0]) == ("crashed", "SIGFPE")
    assert invalid_call(pool, {"stride": 1, "output_size": [4, 3]}, target=GRAPH).kind == "value"
