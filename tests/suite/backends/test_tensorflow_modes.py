"""TensorFlow's graphs and XLA, and many configurations in one program."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from convt.content.backends.onednn import mirrored
from convt.content.backends.tensorflow import programs
from convt.content.backends.tensorflow.adapter import untraced
from convt.content.backends.tensorflow.fused import Graphs

from convt.adapter.backend import Outcome, Probe
from convt.adapter.form import Form
from convt.adapter.program import Compiler
from convt.cases.known import KnownTarget, load_known
from convt.conv.settings import Settings
from tests.suite.backends.gradient_forms import probe_for, same_bits, script_answer, wants
from tests.suite.backends.tensorflow_checks import VERSION, adapter, astray, inhabited, is_right, is_unwritten, stale
from tests.suite.conv.random_settings import empty_settings

GRAPHS = ("function", "xla")
KEYWORD, LISTED, GENERIC = range(3)
PLAIN = Settings(input=(4, 3), kernel=(3, 2), stride=(2, 1), padding="same", channels_in=2, channels_out=3, bias=True)
SWAPPED = [entry for entry in load_known(Path("backends")) if "swap" in entry.id]


def excused(probe: Probe, outcome: Outcome) -> bool:
    """What is known: shapes of volumes inferred with the wrong dilations, and what oneDNN leaves unwritten."""
    asked = KnownTarget("tensorflow", "eager", "cpu", VERSION)
    ops = (probe.settings, mirrored(probe.settings))
    swapped = "Negative dimension size" in outcome.reason and any(
        entry.concerns(it, "shape", 0, asked) for entry in SWAPPED for it in ops
    )
    return swapped or is_unwritten(probe, outcome)


@pytest.mark.parametrize("mode", GRAPHS)
def test_every_answer_of_a_graph_is_the_oracles_or_unsupported(mode: str) -> None:
    settings = inhabited(40, seed=7)
    probes = [probe_for(it, "value", call_form=call_form) for it in settings for call_form in range(3)]
    probes += [probe_for(it, want) for it in settings[::3] for want in wants(it)[::2]]
    wrong, right = astray(adapter(mode), probes, excused)
    assert wrong == []
    assert right > 150


@pytest.mark.parametrize("mode", GRAPHS)
def test_what_a_graph_is_said_not_to_take_is_refused_when_asked_anyway(mode: str) -> None:
    settings = [*inhabited(30, seed=8), *empty_settings(20, "conv", 8), *empty_settings(20, "conv_transpose", 8)]
    probes = [probe_for(it, "value", call_form=call_form) for it in settings for call_form in range(3)]
    wrong, tried = stale(adapter(mode), probes)
    assert wrong == []
    assert tried > 50


def test_xla_takes_what_no_kernel_of_the_cpu_does() -> None:
    grouped = Settings(input=(3, 3, 3), kernel=(2, 2, 2), channels_in=4, channels_out=4, groups=2)
    dilated = Settings(input=(3, 3), kernel=(2, 2), dilation=(2, 2), padding=((1, 0), (0, 1)))
    for it in (grouped, dilated):
        outcomes = [adapter(mode).run(probe_for(it, "value")) for mode in ("eager", *GRAPHS)]
        assert [outcome.kind for outcome in outcomes] == ["unsupported", "unsupported", "value"]


def test_a_kernel_that_does_not_fit_is_refused_by_the_inference_of_a_graph() -> None:
    it = Settings(input=(2,), kernel=(3,), op="conv", stride=(2,))
    assert adapter().run(probe_for(it, "value")).kind == "value"
    outcome = adapter("function").run(probe_for(it, "value"))
    assert (outcome.kind, outcome.reason) == ("unsupported", "Negative dimension size caused by subtracting")


@pytest.mark.parametrize("mode", GRAPHS)
def test_a_script_of_a_graph_gives_the_same_bits(mode: str) -> None:
    for want in ("value", "grad-w", "jvp-grad-x"):
        probe = probe_for(PLAIN, want)
        assert same_bits(adapter(mode).run(probe).value, script_answer(adapter(mode), probe))
    decorator = "@tf.function(jit_compile=True, autograph=False)" if mode == "xla" else "@tf.function(autograph=False)"
    assert decorator in adapter(mode).script_of(Form(PLAIN)).text.splitlines()


def test_a_program_answers_each_of_its_probes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = traces_of(monkeypatch)
    probes = [probe_for(PLAIN.replace(input=(n, 3)), "value", seed) for n in (2, 3, 4) for seed in range(3)]
    outcomes = adapter("function").run_many(probes)
    assert outcomes is not None
    assert all(is_right(probe, outcome) for probe, outcome in zip(probes, outcomes, strict=True))
    assert traced == [3]


def test_what_one_call_raises_costs_no_other_call(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = traces_of(monkeypatch)
    volume = Settings(input=(2, 2, 2), kernel=(2, 2, 2), padding=((1, 0),) * 3)  # TypeError while it is traced
    probes = [probe_for(it, "value") for it in (PLAIN, PLAIN.replace(batch=2))]
    bad = replace(probe_for(volume, "value"), force=True)
    outcomes = adapter("function").run_many([probes[0], bad, probes[1]])
    assert outcomes is not None
    assert [outcome.kind for outcome in outcomes] == ["value", "raised", "value"]
    assert outcomes[1].reason.startswith("TypeError: Expected string for argument 'padding'")
    assert traced == [3]


def test_a_program_that_is_refused_as_a_whole_is_tried_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = traces_of(monkeypatch)
    grouped = Settings(input=(3, 3), kernel=(2, 2), channels_in=2, channels_out=2, groups=2, padding=((1, 0), (0, 1)))
    good = [probe_for(PLAIN.replace(input=(n, 3)), "value") for n in range(1, 8)]
    probes = [*good, replace(probe_for(grouped, "value"), force=True)]  # refused by the kernel, when it runs
    outcomes = adapter("function").run_many(probes)
    assert outcomes is not None
    assert [outcome.kind for outcome in outcomes] == ["value"] * 7 + ["raised"]
    assert "Gradients for grouped convolutions" in outcomes[-1].reason
    assert traced == [8, 4, 4, 2, 2]


def test_a_reason_begins_with_what_tensorflow_says_and_not_with_our_files() -> None:
    said = "{{node conv2d}} The stride must be positive.\n\t [[{{node conv2d}}]]"
    files = 'Detected at node conv2d defined at (most recent call last):\n  File "a.py", line 3, in run\n\n    y = 1\n'
    assert untraced(f"Graph execution error:\n\n{files}\n{said}") == said
    assert untraced(said) == said


def test_what_is_no_call_of_the_convolution_is_asked_alone() -> None:
    it = PLAIN.replace(kernel=(2, 2), stride=(2, 2))
    probes = [probe_for(it, "value")] + [replace(probe_for(it, "value"), want=want) for want in ("shape", "nearest")]
    outcomes = adapter("xla").run_many(probes)
    assert outcomes is not None
    assert (outcomes[1].shape, outcomes[2].kind) == (it.y_shape, "value")


def test_the_eager_mode_fuses_nothing() -> None:
    assert adapter().run_many([probe_for(PLAIN, "value")]) is None


@pytest.mark.parametrize("mode", GRAPHS)
def test_a_program_is_made_of_the_source_that_is_shown(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    it, made = adapter(mode), programs.Text.call
    probes = [probe_for(PLAIN.replace(input=(n, 6)), "value") for n in (1, 2, 3)]
    monkeypatch.setitem(it.__dict__, "compiler", Compiler(it.script_imports))  # which has made no programs yet
    monkeypatch.setattr(programs.Text, "call", lambda *given: [*made(*given), "y = y + 1"])
    outcomes = it.run_many(probes)
    assert outcomes is not None
    assert not any(is_right(probe, outcome) for probe, outcome in zip(probes, outcomes, strict=True))
    for probe, outcome in zip(probes, outcomes, strict=True):
        assert "y = y + 1" in it.script_of(Form.of(probe)).text
        assert same_bits(outcome.value, script_answer(it, probe))


def traces_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many configurations each program that is compiled from now on has."""
    counts: list[int] = []
    plain = Graphs._program

    def program(self: Any, probes: Any, members: Any) -> Any:
        counts.append(len(members))
        return plain(self, probes, members)

    monkeypatch.setattr(Graphs, "_program", program)
    return counts


def test_what_is_compiled_is_forgotten_before_it_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own: what TensorFlow forgets is everything."""
    code = (
        "from convt.content.backends.tensorflow.adapter import TensorFlow\n"
        "from tests.suite.backends.test_tensorflow_modes import PLAIN, probe_for, is_right\n"
        "from tensorflow.python.eager import context\n"
        "TensorFlow.forgets_after = 4\n"
        "it, forgot, reset = TensorFlow('function', 'cpu'), [], context._reset_context\n"
        "context._reset_context = lambda: forgot.append(reset())\n"
        "probes = [probe_for(PLAIN.replace(input=(n, 3)), 'value') for n in range(1, 7)]\n"
        "for _ in range(2):\n"
        "    outcomes = [*it.run_many(probes), *(it.run(probe) for probe in probes)]\n"
        "    assert all(is_right(p, o) for p, o in zip(probes * 2, outcomes)), outcomes\n"
        "assert len(forgot) == 4, len(forgot)\n"
        "assert it.flags()['op_determinism'] == 'True'\n"
    )
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("extents", [(3, 3), (2, 3)], ids=["one kernel", "a kernel each"])
@pytest.mark.parametrize(
    ("mode", "words"), [("vmap", "tf.vectorized_map(convolve_item, "), ("saved", "tf.saved_model.load(folder)")]
)
def test_what_is_mapped_or_read_back_is_right_and_its_text_runs(
    mode: str, words: str, extents: tuple[int, int]
) -> None:
    it = PLAIN.replace(input=extents, batch=2)
    for want in ("value", "grad-x", "grad-w"):
        probe = probe_for(it, want)
        outcome = adapter(mode).run(probe)
        assert is_right(probe, outcome), outcome.reason
        assert same_bits(outcome.value, script_answer(adapter(mode), probe))
    assert words in adapter(mode).script_of(Form(it)).text
