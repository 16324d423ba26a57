"""The TensorFlow adapter's derivatives, dtypes and layouts against closed forms, its scripts and its claims."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from convt.content.tests.laws.layouts import LAYOUTS

from convt.adapter.backend import GRADIENTS, MIXED, Outcome, Probe
from convt.adapter.layouts import Laid
from convt.conv.settings import Settings
from tests.suite.backends.gradient_forms import probe_for, same_bits, script_answer, wants
from tests.suite.backends.tensorflow_checks import adapter, astray, inhabited, is_right, is_unwritten, stale

KEYWORD, LISTED, GENERIC = range(3)
DTYPES = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128", "int8", "int32", "int64", "uint8")
PLAIN = Settings(input=(4, 3), kernel=(3, 2), stride=(2, 1), padding="same", channels_in=2, channels_out=3, bias=True)


def has_no_data_format(probe: Probe, outcome: Outcome) -> bool:
    """tf.nn.convolution records its data format as None, which its gradients cannot read."""
    return probe.call_form == GENERIC and "'NoneType' object has no attribute 'decode'" in outcome.reason


def excused(probe: Probe, outcome: Outcome) -> bool:
    return has_no_data_format(probe, outcome) or is_unwritten(probe, outcome)


def derivatives(count: int, seed: int) -> list[Probe]:
    settings = inhabited(count, seed)
    return [probe_for(it, want, call_form=call_form) for it in settings for want in wants(it) for call_form in range(3)]


def with_dtype(probe: Probe, dtype: str) -> Probe:
    """The probe in another dtype; unsigned integers are the magnitudes."""

    def wrapped(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else (np.abs(array) if dtype.startswith("u") else array).astype(dtype)

    x, w, b, g, t = map(wrapped, probe.arrays)
    assert x is not None
    assert w is not None
    return replace(probe, x=x, w=w, b=b, g=g, t=t)


def test_every_derivative_is_the_closed_form_or_unsupported() -> None:
    wrong, right = astray(adapter(), derivatives(25, seed=3), excused)
    assert wrong == []
    assert right > 500


def test_a_derivative_that_is_called_unsupported_is_refused_when_asked_anyway() -> None:
    wrong, tried = stale(adapter(), derivatives(25, seed=4))
    assert wrong == []
    assert tried > 150


@pytest.mark.parametrize("want", GRADIENTS)
def test_a_script_of_a_derivative_gives_the_same_bits(want: str) -> None:
    for it in (PLAIN, PLAIN.replace(op="conv"), Settings(input=(3,), kernel=(2,), stride=(2,), bias=want[-1] == "b")):
        probe = probe_for(it, want)  # type: ignore[arg-type]
        assert same_bits(adapter().gradient(probe), script_answer(adapter(), probe))


def test_pairs_of_padding_have_no_gradient_where_oneDNN_has_none() -> None:  # noqa: N802
    dilated = Settings(input=(5, 5), kernel=(2, 2), dilation=(2, 2), padding=((1, 0), (0, 1)), op="conv")
    grouped = dilated.replace(dilation=(1, 1), groups=2, channels_in=2, channels_out=2)
    for it, words in ((dilated, "dilation rates larger than 1"), (grouped, "Gradients for grouped")):
        assert adapter().run(probe_for(it, "jvp-x")).kind == "value"
        for force in (False, True):
            outcome = adapter().run(replace(probe_for(it, "grad-x"), force=force))
            assert outcome.kind == ("raised" if force else "unsupported")
            assert words in outcome.reason


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_dtype_is_taken_exactly_where_it_is_not_called_unsupported(dtype: str) -> None:
    settings = [*inhabited(30, seed=5), *[it for it in inhabited(100, seed=6) if it.rank == 3][:20]]
    probes = [probe_for(it, "value", call_form=call_form) for it in settings for call_form in range(3)]
    probes += [probe_for(it, want) for it in settings[:20] for want in ("grad-x", "grad-w", "jvp-w")]
    probes = [with_dtype(probe, dtype) for probe in probes]
    wrong, right = astray(adapter(), probes, excused)
    assert wrong == []
    assert (right > 50) == (dtype in ("float16", "bfloat16", "float32", "float64", "int32"))
    not_so, tried = stale(adapter(), probes)
    assert not_so == []
    assert tried > 50


@pytest.mark.parametrize("want", MIXED)
def test_there_is_no_mixed_precision(want: str) -> None:
    outcome = adapter().run(replace(probe_for(PLAIN, "value"), want=want))  # type: ignore[arg-type]
    assert (outcome.kind, outcome.reason.startswith("tf.nn has no mixed precision")) == ("unsupported", True)


@pytest.mark.parametrize("mode", ["eager", "function"])
def test_memory_of_every_layout_gives_the_same_and_stays_as_it_was(mode: str) -> None:
    for it in (PLAIN, PLAIN.replace(op="conv", batch=2), Settings(input=(2, 3, 2), kernel=(2, 2, 1), batch=2)):
        for layout in LAYOUTS:
            probe = replace(probe_for(it, "value"), layout=(layout, layout))
            assert is_right(probe, adapter(mode).run(probe))


def test_the_memory_that_is_given_is_the_laid_out_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    seen: list[np.ndarray] = []

    def record(x: np.ndarray, w: np.ndarray, **arguments: object) -> object:
        seen.extend((x, w))
        return tf.zeros((1, 8, 3, 3))

    monkeypatch.setattr(tf.nn, "conv2d_transpose", record)
    adapter().call(replace(probe_for(PLAIN, "value"), layout=("strided", "read-only")))
    x, w = seen
    assert x.shape == (1, 4, 3, 2)
    assert x.strides[2] == 2 * x.itemsize
    assert not w.flags.writeable


def test_memory_that_the_framework_changes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(self: Laid, name: str) -> None:
        self._memory[:1] ^= 1
        checked(self, name)

    checked = Laid.check
    monkeypatch.setattr(Laid, "check", spoil)
    outcome = adapter().run(replace(probe_for(PLAIN, "value"), layout=("contiguous", "")))
    assert outcome.kind == "raised"
    assert outcome.reason.startswith("InputChanged: 1 bytes of x, laid out contiguous")


def test_a_gradient_that_is_none_is_an_error() -> None:
    probe = replace(with_dtype(probe_for(PLAIN, "grad-x"), "int32"), force=True)
    assert adapter().run(probe).reason.startswith("RuntimeError: TensorFlow gives None for grad-x")
