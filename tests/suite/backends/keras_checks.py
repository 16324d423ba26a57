"""What the tests of the Keras adapter ask of it, for the one backend that this process has.

KERAS_BACKEND=torch python -m tests.suite.backends.keras_checks     prints {check: {"failures": [...], "asked": number}}
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from convt.content.backends.keras.adapter import Keras
from convt.content.backends.keras.calls import FIRST, LAST, OPS
from convt.content.backends.keras.engines import chosen

from convt.adapter.backend import Outcome, Probe
from convt.adapter.form import Form
from convt.conv.data import exact, real
from convt.conv.oracles import reference
from convt.conv.settings import Op, Settings
from tests.suite.adapter import adapters
from tests.suite.backends.keras_wide_checks import WIDE_CHECKS
from tests.suite.backends.xla import aborts
from tests.suite.conv.random_settings import random_settings

ENGINE = chosen()
OPERATIONS: tuple[Op, ...] = ("conv_transpose", "conv")
COUNT = 40
"""Settings of each operation; JAX compiles each, and TensorFlow a grouped convolution anew for each call."""

Report = tuple[list[str], int]


def known(it: Settings, call_form: int, outcome: Outcome) -> bool:
    """Whether a wrong outcome is TensorFlow's or its backend's own.

    `keras.ops.add` takes a bias shaped (1, C, 1) for one along the last axis where that has C positions too:
        keras.ops.add(np.zeros((1, 2, 2)), np.array([[[10], [20]]]))      # [[[10, 20], [10, 20]]]
    A `same` crop that leaves `(n-1)s` positions is what the other backends give, and no SAME forward convolution maps
    them to `n`:
        keras.layers.Conv1DTranspose(1, 4, strides=2, padding="same", output_padding=0)(np.ones((1, 3, 1)))
    """
    if ENGINE != "tensorflow":
        return False
    if outcome.kind == "value":
        return call_form == FIRST and it.bias and it.output[-1] == it.channels_out > 1
    unmapped = any(-(-out // s) != n for out, s, n in zip(it.output, it.stride, it.input, strict=True))
    return outcome.kind == "raised" and it.transposed and unmapped


def settings(op: Op, seed: int, count: int = COUNT) -> list[Settings]:
    drawn = random_settings(count, op, seed)
    return [it for it in drawn if not (ENGINE == "jax" and aborts(it))]


def outcomes(adapter: Keras, probes: Sequence[Probe]) -> Iterator[tuple[Probe, Outcome, np.ndarray]]:
    """Each probe with its outcome, fused where that is possible, and the oracles' answer."""
    answers = adapter.run_many(probes) or [adapter.run(probe) for probe in probes]
    for probe, outcome in zip(probes, answers, strict=True):
        yield probe, outcome, reference(probe.settings, probe.x, probe.w, probe.b)


def in_every_spelling(drawn: Iterable[Settings]) -> list[Probe]:
    call_forms = range(len(Keras.call_forms))
    return [Probe(it, (d := exact(it)).x, d.w, d.b, call_form=call_form) for it in drawn for call_form in call_forms]


def said(adapter: Keras, probe: Probe, outcome: Outcome) -> str:
    return f"{outcome.kind} {outcome.reason} [{adapter.call_forms[probe.call_form]}] {probe.settings}"


def wrong_answers(adapter: Keras) -> Report:
    """Outcomes that are neither the oracles' answer nor unsupported nor known."""
    wrong, answered = [], 0
    for op in OPERATIONS:
        for probe, outcome, expected in outcomes(adapter, in_every_spelling(settings(op, seed=0))):
            answered += outcome.kind != "unsupported"
            if outcome.kind == "unsupported" or adapters.is_answer(outcome, expected):
                continue
            if not known(probe.settings, probe.call_form, outcome):
                wrong.append(said(adapter, probe, outcome))
    return wrong, answered


def stale_claims(adapter: Keras) -> Report:
    """Claims that the call refutes; every reason is asked."""
    stale = []
    claims: dict[str, Probe] = {}
    for op in OPERATIONS:
        for probe in in_every_spelling(settings(op, seed=1, count=200)):
            reason = adapter.unsupported(probe.settings, "value", probe.call_form)
            if reason is not None:
                it = probe.settings
                claims.setdefault(f"{reason[:40]} {probe.call_form} {op} {it.rank} {it.batch}", probe)
    forced = [Probe(it.settings, it.x, it.w, it.b, call_form=it.call_form, force=True) for it in claims.values()]
    for probe, outcome, expected in outcomes(adapter, forced):
        if adapters.is_answer(outcome, expected):
            stale.append(said(adapter, probe, outcome))
    unbatched = [Probe(it, (d := exact(it)).x, d.w, d.b, "unbatched", force=True) for it in settings("conv", 2, 5)]
    stale += [str(probe.settings) for probe in unbatched if adapter.run(probe).kind == "value"]
    return stale, len(forced) + len(unbatched)


def drifting_scripts(adapter: Keras) -> Report:
    """Scripts whose `y` has other bits than the call."""
    drifting, ran = [], 0
    for op in OPERATIONS:
        for probe in in_every_spelling(settings(op, seed=3, count=16)):
            outcome = adapter.run(probe)
            if outcome.value is None:
                continue
            script = adapter.script_of(Form.of(probe)).text
            y, ran = adapters.run_script(adapter, script, probe.settings), ran + 1
            if Outcome("value", y).digest != outcome.digest:
                drifting.append(f"{script} {probe.settings}")
    return drifting, ran


def wrong_shapes(adapter: Keras) -> Report:
    """Shapes by `compute_output_shape` that are not the settings'."""
    drawn = [it for op in OPERATIONS for it in settings(op, seed=4)]
    wrong = adapters.wrong_shapes(adapter, drawn)
    return [f"{outcome.kind} {outcome.shape} {outcome.reason} {it}" for it, outcome in wrong], len(drawn)


def stale_layers(adapter: Keras) -> Report:
    """Answers to other numbers in the same settings that are not the oracles', first and second time."""
    stale, asked = [], 0
    drawn = [it for op in OPERATIONS for it in settings(op, seed=5, count=20) if not adapter.unsupported(it)]
    for it in drawn:
        for seed in (1, 2, 1):
            data = exact(it, seed)
            outcome, asked = adapter.run(Probe(it, data.x, data.w, data.b)), asked + 1
            if not adapters.is_answer(outcome, reference(it, data.x, data.w, data.b)) and not known(it, LAST, outcome):
                stale.append(f"{outcome.kind} {outcome.reason} {it}")
    return stale, asked


def other_bits_when_fused(adapter: Keras) -> Report:
    """Real numbers whose answer depends on whether the call is fused; only JAX fuses."""
    drawn = [it for op in OPERATIONS for it in settings(op, seed=6, count=12)]
    probes = [Probe(it, (d := real(it, seed)).x, d.w, d.b, call_form=OPS) for it in drawn for seed in range(2)]
    probes += [Probe(it, (d := real(it)).x, d.w, d.b) for it in drawn]
    fused = adapter.run_many(probes)
    if fused is None:
        return ([] if ENGINE != "jax" else ["JAX does not fuse"]), len(probes)
    alone = [adapter.run(probe) for probe in probes]
    pairs = zip(alone, fused, strict=True)
    differing = [one for one, other in pairs if (one.kind, one.digest) != (other.kind, other.digest)]
    return [f"{one.kind} {one.reason}" for one in differing], len(probes)


def wrong_resizes(adapter: Keras) -> Report:
    """Resizes that are not repetition, or not linear interpolation between half-pixel centres."""
    wrong, asked = [], 0
    for n, stride in (((3,), (2,)), ((2, 3), (3, 2)), ((2, 2, 3), (1, 2, 3))):
        it = Settings(input=n, kernel=(1,) * len(n), stride=stride, channels_in=2, channels_out=2)
        x = exact(it).x
        repeated = x
        for axis, times in enumerate(stride):
            repeated = np.repeat(repeated, times, axis + 2)
        outcome, asked = adapter.run(Probe(it, x, x, want="nearest")), asked + 1
        if outcome.value is None or not np.array_equal(outcome.value, repeated):
            wrong.append(f"nearest {outcome.kind} {outcome.reason} {it}")
    it = Settings(input=(1, 3), kernel=(1, 1), stride=(1, 2))
    x = np.array([[[[0, 4, 12]]]], np.float32)
    outcome, asked = adapter.run(Probe(it, x, x, want="bilinear")), asked + 1
    if outcome.value is None or outcome.value.ravel().tolist() != [0, 1, 3, 6, 10, 12]:
        wrong.append(f"bilinear {outcome.kind} {outcome.reason} {outcome.value}")
    return wrong, asked


def wrong_dtypes(adapter: Keras) -> Report:
    """Dtypes that do not come back as they went in."""
    import ml_dtypes

    it = Settings(input=(4,), kernel=(3,), stride=(2,), channels_out=2, bias=True)
    wrong, dtypes = [], (np.float16, np.float32, ml_dtypes.bfloat16)
    for dtype in dtypes:
        data = exact(it)
        x, w = data.x.astype(dtype), data.w.astype(dtype)
        b = None if data.b is None else data.b.astype(dtype)
        outcome = adapter.run(Probe(it, x, w, b))
        same = outcome.value is not None and outcome.value.dtype == dtype
        if not same or not np.array_equal(outcome.value, reference(it, data.x, data.w, data.b)):
            wrong.append(f"{np.dtype(dtype).name}: {outcome.kind} {outcome.reason} {outcome.value}")
    return wrong, len(dtypes)


CHECKS = {
    check.__name__: check
    for check in (
        wrong_answers,
        stale_claims,
        drifting_scripts,
        wrong_shapes,
        stale_layers,
        other_bits_when_fused,
        wrong_resizes,
        wrong_dtypes,
        *WIDE_CHECKS,
    )
}


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    adapter = Keras("eager", "cpu")
    result = {"name": adapter.name, "versions": adapter.versions(), "flags": adapter.flags()}
    checks = {}
    for name, check in CHECKS.items():
        failures, asked = check(adapter)
        checks[name] = {"failures": failures, "asked": asked}
    json.dump(result | {"checks": checks}, sys.stdout)


if __name__ == "__main__":
    main()
