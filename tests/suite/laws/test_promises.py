"""What is promised of an answer, as judgements keep it: dtype, accumulation, and the convention of gradients."""

from __future__ import annotations

import numpy as np
import pytest

from convt.adapter.backend import Outcome, Probe
from convt.conv.bounds import accumulation
from convt.conv.operands import operands
from convt.conv.settings import Settings
from convt.laws.blame import call_went
from convt.laws.promises import CONJUGATES, PROMISES, Promise, conjugates, table
from convt.laws.truth import promised, truth
from tests.suite.conv.reference import Honest

IT = Settings((4,), (3,), stride=(2,), batch=2, channels_in=2, channels_out=3, bias=True)


def probe_of(want: str, dtype: str, it: Settings = IT) -> Probe:
    x, w, b, g, t = operands(it, want, dtype)
    return Probe(it, x, w, b, want, g=g, t=t)  # type: ignore[arg-type]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: f"{promise.dtypes[0]}: {promise.wants}")
def test_what_is_judged_is_what_is_promised(promise: Promise) -> None:
    assert promise.source
    sums, wants, result = promise.accumulation, promise.wants, promise.result
    for dtype in promise.dtypes:
        if sums == "float32" != dtype and dtype != "float64":
            assert accumulation(dtype) == "float32" != dtype
        else:
            assert accumulation(dtype) == dtype
        if wants == "value under mixed precision":
            mixed = Probe(IT, *operands(IT, "value", "float32")[:3], f"mixed-{dtype}")  # type: ignore[arg-type]
            assert promised(mixed) == dtype
        elif result.startswith("that of the arrays"):
            assert promised(Probe(IT, *(np.zeros(1, np.float32).astype(_numpy(dtype)),) * 2)) == dtype


def _numpy(dtype: str) -> np.dtype:
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


def test_the_table_has_a_row_a_promise() -> None:
    lines = table()
    assert len(lines) == len(PROMISES) + 2
    assert all(line.count("|") == 6 for line in lines)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("want", ["value", "grad-x", "only-w", "grad-b", "grad-xw", "jvp-w"])
def test_another_dtype_than_the_promised_one_is_a_difference(want: str, dtype: str) -> None:
    probe = probe_of(want, dtype)
    right = Honest("eager", "cpu").run(probe)
    assert call_went(probe, right).verdict == "pass"
    assert right.value is not None
    other = right.value.astype(np.float64 if dtype != "float64" else np.float32)
    assert call_went(probe, Outcome("value", other)).kind == "dtype"


def test_complex_gradients_are_conjugated_where_the_framework_says_so() -> None:
    """The gradient of a real loss has the conjugate; a cotangent that is pulled back has not."""
    assert conjugates("pytorch", "grad-x", "complex64")
    assert conjugates("keras-tensorflow", "only-w", "complex128")
    assert not conjugates("jax", "grad-x", "complex64")
    assert not conjugates("pytorch", "jvp-x", "complex64")
    assert not conjugates("pytorch", "grad-x", "float32")
    probe = probe_of("grad-x", "complex64")
    plain, conjugated = truth(probe), truth(probe, conjugate=True)
    assert not np.array_equal(plain, conjugated)
    for backend in (*CONJUGATES, "jax"):
        right, wrong = (conjugated, plain) if backend in CONJUGATES else (plain, conjugated)
        assert call_went(probe, Outcome("value", right.astype(np.complex64)), "", backend).verdict == "pass"
        assert call_went(probe, Outcome("value", wrong.astype(np.complex64)), "", backend).verdict == "differs"


def test_the_loss_behind_a_conjugated_gradient() -> None:
    """PyTorch's convention, by finite differences: the loss is Re(sum(conj(g) y)), its gradient dL/da + i dL/db."""
    it = IT.replace(bias=False)
    probe = probe_of("grad-x", "complex64", it)
    assert probe.g is not None
    x, w, g = (np.asarray(each, np.complex128) for each in (probe.x, probe.w, probe.g))
    honest, found = Honest("eager", "cpu"), np.zeros(x.shape, np.complex128)

    def loss(x: np.ndarray) -> float:
        return float(np.sum(np.conj(g) * honest.answer(it, x, w, None)).real)

    for at in np.ndindex(*x.shape):
        for nudge in (1, 1j):
            there = x.copy()
            there[at] += nudge
            found[at] += nudge * (loss(there) - loss(x))
    assert np.array_equal(found, truth(probe, conjugate=True))
