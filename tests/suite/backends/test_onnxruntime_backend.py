"""The ONNX Runtime adapter against the oracles, its own scripts, its own claims and what it is known to get wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from convt.content.backends.onnxruntime.adapter import LEVELS, OnnxRuntime
from convt.content.backends.onnxruntime.nodes import (
    AUTO_PAD,
    CALL_FORMS,
    INPUTS,
    KEYWORD,
    OUTPUT_SHAPE,
    PADS,
    UNDILATED,
    attributes,
)
from convt.content.tests.laws.layouts import LAYOUTS

from convt.adapter.backend import GRADIENTS, MIXED, Backend, Outcome, Probe, Unsupported, Want
from convt.adapter.form import Form
from convt.adapter.program import Program
from convt.cases.known import load_known
from convt.conv.data import exact
from convt.conv.oracles import reference
from convt.conv.settings import Op, Settings
from convt.host.preparing import Preparer
from convt.host.registry import built_in
from tests.suite.adapter import adapters
from tests.suite.backends.tensorflow_checks import is_right
from tests.suite.conv.random_settings import empty_settings, random_settings

if TYPE_CHECKING:
    from collections import Counter

OPS: tuple[Op, ...] = ("conv_transpose", "conv")
DTYPES = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128", "int8", "int32", "int64", "uint8")
FOOLING = Settings(input=(7,), kernel=(5,), stride=(2,), padding="same")
KNOWN = [entry for entry in load_known(Path(__file__).parents[3] / "backends") if entry.backends == "onnxruntime"]


class WithModels(OnnxRuntime):  # type: ignore[misc]  # content is found by path
    """The adapter with the host's part in the same process."""

    def __init__(self, mode: str) -> None:
        super().__init__(mode, "cpu")
        self.preparer = Preparer(built_in()["onnxruntime"], mode, self.versions(), len(self.call_forms))

    def run(self, probe: Probe) -> Outcome:
        return super().run(replace(probe, prepared=self.preparer.of(probe)))

    def program(self, form: Form, prepared: Any = None) -> Program:
        return super().program(form, self.preparer(form))


@pytest.fixture(scope="module")
def adapter() -> Backend:
    pytest.importorskip("ml_dtypes", reason="numpy's bfloat16 needs ml_dtypes")  # which registers the name
    pytest.importorskip("onnx", reason="onnx, which writes the models, is not installed")
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    return WithModels("all")


def survivors(settings: Iterable[Settings]) -> list[Settings]:
    """Without what is known to end the process: this one."""
    return [it for it in settings if not (it.transposed and it.rank == 3 and it.batch and min(it.input) == 0)]


def short(settings: Settings) -> bool:
    """Where auto_pad SAME gives less than n s, as docs/findings.md tells."""
    axes = zip(settings.stride, settings.effective, strict=True)
    return settings.transposed and any(stride > effective for stride, effective in axes)


def excused(settings: Settings, outcome: Outcome) -> bool:
    """Known differences of the call itself, which `against_known` holds to their predicates."""
    return outcome.kind == "raised" or short(settings)


def run(adapter: Backend, settings: Settings, **changes: Any) -> Outcome:
    data = exact(settings)
    return adapter.run(Probe(settings, data.x, data.w, data.b, **changes))


def value(adapter: Backend, settings: Settings, **changes: Any) -> np.ndarray:
    outcome = run(adapter, settings, **changes)
    assert outcome.value is not None, outcome.reason
    return outcome.value


@pytest.mark.parametrize("op", OPS)
def test_every_spelling_gives_the_oracles_answer_but_for_what_is_known(adapter: Backend, op: Op) -> None:
    settings = survivors([*random_settings(250, op), *empty_settings(150, op)])
    astray, matched = adapters.against_known(adapter, KNOWN, settings)
    assert astray == []
    assert_matched(matched, op)


def assert_matched(matched: Counter[str], op: Op) -> None:
    """The settings reach each known difference of today's release."""
    if op == "conv_transpose":
        assert matched["onnxruntime-same-is-short-of-the-stride"] > 20
        assert matched["onnxruntime-refuses-output-padding-of-the-stride"] > 20
        assert matched["onnxruntime-refuses-output-shape-of-no-input"] > 5
    else:
        assert not matched


@pytest.mark.parametrize("op", OPS)
def test_what_is_called_unsupported_is_refused_or_differs_when_made_anyway(adapter: Backend, op: Op) -> None:
    settings = survivors([*random_settings(250, op, seed=1), *empty_settings(150, op)])
    stale, tried = adapters.stale_claims(adapter, [it for it in settings if not short(it)])
    assert stale == []
    assert min(tried[call_form] for call_form in range(len(CALL_FORMS))) > 20


@pytest.mark.parametrize("op", OPS)
def test_a_script_gives_the_same_bits_as_the_call(adapter: Backend, op: Op) -> None:
    drifting, ran = adapters.drifting_scripts(adapter, random_settings(60, op, seed=2), excused)
    assert drifting == []
    assert ran > 80


def test_inferred_shapes_are_those_of_the_settings_but_for_what_is_known(adapter: Backend) -> None:
    settings = [*random_settings(200, "conv_transpose", seed=3), *empty_settings(100, "conv_transpose")]
    astray, matched = adapters.against_known(adapter, KNOWN, settings, "shape")
    assert astray == []
    assert matched["onnxruntime-same-is-short-of-the-stride"] > 5
    forward = [it for it in empty_settings(200, "conv") if min(it.output) > 0]
    assert len(forward) > 20
    assert adapters.wrong_shapes(adapter, [*random_settings(200, "conv", seed=3), *forward]) == []


@pytest.mark.parametrize("mode", LEVELS)
def test_every_level_of_optimization_gives_the_oracles_answer_but_for_what_is_known(
    adapter: Backend, mode: str
) -> None:
    it = WithModels(mode)
    assert it.flags()["graph_optimization_level"] == LEVELS[mode]
    settings = [*random_settings(60, "conv_transpose", seed=4), *random_settings(60, "conv", seed=4)]
    assert adapters.against_known(it, KNOWN, settings)[0] == []


def test_optimization_lays_out_wide_channels_in_blocks_and_gives_the_same_numbers(adapter: Backend) -> None:
    it = Settings(op="conv", input=(6, 5), kernel=(3, 3), channels_in=32, channels_out=32, padding="same", bias=True)
    np.testing.assert_array_equal(value(adapter, it), value(WithModels("disabled"), it))


def test_same_is_auto_pad_and_the_fooling_pair_is_its_mirror(adapter: Backend) -> None:
    assert FOOLING.crop == ((1, 2),)
    assert attributes(FOOLING, KEYWORD)["auto_pad"] == attributes(FOOLING, AUTO_PAD)["auto_pad"] == "SAME_UPPER"
    mirrored = FOOLING.replace(padding=((2, 1),))
    assert attributes(mirrored, KEYWORD)["pads"] == (2, 1)
    assert attributes(mirrored, AUTO_PAD)["auto_pad"] == "SAME_LOWER"
    assert "auto_pad" not in attributes(mirrored, OUTPUT_SHAPE)
    for it in (FOOLING, mirrored):
        data = exact(it)
        for call_form in range(len(CALL_FORMS)):
            np.testing.assert_array_equal(value(adapter, it, call_form=call_form), reference(it, data.x, data.w))


def test_a_plain_node_says_nothing_that_is_a_default() -> None:
    assert attributes(Settings(input=(4,), kernel=(3,)), PADS) == {}
    assert attributes(Settings(input=(4,), kernel=(3,), stride=(2,), op="conv"), PADS) == {"strides": (2,)}


def test_a_dilated_forward_same_is_refused_as_auto_pad_and_computed_by_pads(adapter: Backend) -> None:
    it = Settings(op="conv", input=(5,), kernel=(3,), dilation=(2,), padding="same")
    data = exact(it)
    np.testing.assert_array_equal(run(adapter, it, call_form=PADS).value, reference(it, data.x, data.w))
    assert attributes(it, PADS)["pads"] == (2, 2)
    for call_form in (KEYWORD, AUTO_PAD):
        claim = run(adapter, it, call_form=call_form)
        assert (claim.kind, claim.reason) == ("unsupported", UNDILATED)
        assert UNDILATED in run(adapter, it, call_form=call_form, force=True).reason


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_an_input_without_a_batch_axis_is_refused(adapter: Backend, op: Op, rank: int) -> None:
    it = Settings(op=op, input=(3,) * rank, kernel=(2,) * rank)
    assert run(adapter, it, want="unbatched").reason.endswith("takes an input with a batch axis")
    assert run(adapter, it, want="unbatched", force=True).kind == "raised"


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_nearest_resize_repeats_every_position(adapter: Backend, rank: int) -> None:
    it = Settings(input=(2, 3, 4)[:rank], kernel=(2,) * rank, stride=(2, 3, 2)[:rank])
    expected = exact(it).x
    for axis, stride in enumerate(it.stride):
        expected = np.repeat(expected, stride, axis + 2)
    np.testing.assert_array_equal(value(adapter, it, want="nearest"), expected)


def test_a_bilinear_resize_has_half_pixel_centres(adapter: Backend) -> None:
    it = Settings(input=(1, 2), kernel=(1, 4), stride=(1, 2))
    x = np.array([[[[0, 4]]]], np.float32)
    outcome = adapter.run(Probe(it, x, exact(it).w, want="bilinear"))
    assert outcome.value is not None
    assert outcome.value.tolist() == [[[[0, 1, 3, 4]]]]


def test_a_script_names_the_node_and_carries_the_model(adapter: Backend) -> None:
    lines = adapter.script_of(
        Form(Settings(input=(4,), kernel=(3,), stride=(2,), bias=True), call_form=PADS)
    ).text.splitlines()
    assert '    model = b"".join([' in lines
    assert [line for line in lines if "tobytes" in line] == ["        w.tobytes(),", "        b.tobytes(),"]
    assert '    return session.run(None, {"x": x})[0]  # ConvTranspose, strides=[2]' in lines
    assert lines[-1] == "y = infer(x, w, b)"
    assert '{"x": x, "w": w}' in adapter.script_of(Form(FOOLING, call_form=INPUTS)).text
    assert "ORT_DISABLE_ALL" in WithModels("disabled").script_of(Form(FOOLING)).text


def test_the_arrays_given_are_neither_changed_nor_shared(adapter: Backend) -> None:
    it = Settings(input=(3,), kernel=(1,))
    x, w = exact(it).x, np.ones(it.w_shape, np.float32)
    x.flags.writeable = False
    y = adapter.run(Probe(it, x, w)).value
    assert y is not None
    np.testing.assert_array_equal(y, x)
    assert y.flags.writeable
    assert not np.shares_memory(x, y)


@pytest.mark.parametrize("mode", LEVELS)
def test_a_dtype_is_taken_exactly_where_it_is_not_called_unsupported(adapter: Backend, mode: str) -> None:
    it = WithModels(mode)
    for settings in [*random_settings(12, "conv_transpose", seed=5), *random_settings(12, "conv", seed=5)]:
        for dtype in DTYPES:
            for call_form in (KEYWORD, PADS, INPUTS):
                probe = in_dtype(settings, dtype, call_form)
                outcome = it.run(probe)
                if dtype in ("float16", "float32"):
                    assert is_right(probe, outcome) or excused(settings, outcome) or outcome.kind == "unsupported"
                else:
                    assert outcome.kind == "unsupported"
                    assert it.run(replace(probe, force=True)).kind == "raised"


def in_dtype(it: Settings, dtype: str, call_form: int = KEYWORD) -> Probe:
    """A probe of magnitudes, which every dtype has."""
    data = exact(it)
    x, w, b = (None if array is None else np.abs(array).astype(dtype) for array in (data.x, data.w, data.b))
    assert x is not None
    assert w is not None
    return Probe(it, x, w, b, call_form=call_form)


def test_weights_of_few_bytes_find_their_place_in_the_model(adapter: Backend) -> None:
    for extent in range(1, 40):
        it = Settings(input=(extent,), kernel=(1,), bias=True)
        probe = in_dtype(it, "float16")
        assert is_right(probe, adapter.run(probe))


@pytest.mark.parametrize("want", [*GRADIENTS, *MIXED])
def test_there_are_no_gradients_and_no_mixed_precision(adapter: Backend, want: Want) -> None:
    it = Settings(input=(3,), kernel=(2,), bias=True)
    claim = run(adapter, it, want=want)
    assert (claim.kind, claim.reason.startswith("ONNX Runtime ")) == ("unsupported", True)
    with pytest.raises(Unsupported):
        adapter.script_of(Form(it, want))


def test_memory_of_every_layout_gives_the_same_and_stays_as_it_was(adapter: Backend) -> None:
    for it in (FOOLING, Settings(input=(3, 4), kernel=(2, 3), channels_in=2, op="conv", batch=2)):
        data = exact(it)
        for layout in LAYOUTS:
            for call_form in (KEYWORD, INPUTS):
                y = value(adapter, it, call_form=call_form, layout=(layout, layout))
                np.testing.assert_array_equal(y, reference(it, data.x, data.w))


def test_the_memory_that_is_given_is_the_laid_out_one(adapter: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    fed: dict[str, np.ndarray] = {}

    class Session:
        def __init__(self, *model: object, **providers: object) -> None:
            pass

        def run(self, names: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            fed.update(feed)
            return [feed["x"]]

    monkeypatch.setattr(adapter.onnxruntime, "InferenceSession", Session)  # type: ignore[attr-defined]
    run(adapter, FOOLING, call_form=INPUTS, layout=("strided", "read-only"))
    assert fed["x"].strides[-1] == 8
    assert not fed["w"].flags.writeable


def test_flags_say_that_nothing_is_left_to_chance(adapter: Backend) -> None:
    flags = adapter.flags()
    assert (flags["threads"], flags["provider"]) == ("1", "CPUExecutionProvider")
    assert flags["use_deterministic_compute"] == "True"
    assert next(iter(adapter.versions())) == "onnxruntime"
    assert adapter.devices() == ["cpu"]
