"""What further tests of the Keras adapter ask: gradients, mixed precision, dtypes, memory layouts, modes, attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from convt.content.backends.keras.adapter import Keras
from convt.content.backends.keras.calls import FIRST, LAST, OPS, refusal
from convt.content.backends.keras.engines import chosen
from convt.content.backends.keras.gradients import FORWARD
from convt.content.backends.keras.programs import through_file

from convt.adapter.backend import MIXED, Layout, Outcome, Probe, Want
from convt.adapter.form import Form
from convt.conv.data import exact
from convt.conv.oracles import reference
from convt.conv.settings import Op, Settings
from tests.suite.adapter import adapters
from tests.suite.backends.gradient_forms import is_gradient, probe_for, same_bits, script_answer, wants
from tests.suite.backends.xla import aborts
from tests.suite.conv.random_settings import random_settings

Report = tuple[list[str], int]
ENGINE = chosen()
OPERATIONS: tuple[Op, ...] = ("conv_transpose", "conv")
COUNT = 4
"""Settings of each operation: JAX compiles each, and TensorFlow a grouped convolution anew for each call."""
PLAIN = Settings(input=(4, 3), kernel=(3, 2), stride=(2, 2), padding="same", channels_in=2, channels_out=3, bias=True)
LAYOUTS: tuple[Layout, ...] = (
    "contiguous",
    "channels-last",
    "strided",
    "transposed",
    "flipped",
    "broadcast",
    "read-only",
)
MODES = ("functional", "compiled", "saved", "cloned")


def probe(it: Settings, **changes: Any) -> Probe:
    data = exact(it)
    return replace(Probe(it, data.x, data.w, data.b), **changes)


def drawn(seed: int, count: int = COUNT) -> list[Settings]:
    """Settings that the layer can say, none of them grouped on TensorFlow, which compiles each for seconds."""
    found = []
    for op in OPERATIONS:
        for it in random_settings(6 * count, op, seed):
            dear = ENGINE == "tensorflow" and (it.groups > 1 or it.rank == 3)
            if refusal(it, "value", LAST, ENGINE) is None and not aborts(it) and not dear and not unmapped(it):
                found.append(it)
    return found[: 2 * count] if len(found) < 2 * count else found[:count] + found[-count:]


def unmapped(it: Settings) -> bool:
    """Whether TensorFlow refuses the size, which is known."""
    axes = zip(it.output, it.stride, it.input, strict=True)
    return ENGINE == "tensorflow" and it.transposed and any(-(-out // s) != n for out, s, n in axes)


def known(asked: Probe, outcome: Outcome, mode: str = "eager") -> bool:
    """Whether a wrong outcome is the framework's own.

    TensorFlow adds a channels-first bias to columns: see `keras_checks`. Its forward mode does not go through
    what Keras compiles there, grouped and channels-first convolutions. PyTorch wants a contiguous gradient of a kernel
    that Keras hands over transposed, where it falls back to im2col. The op of a model passes its output_padding where
    conv_transpose takes the padding; that of the forward convolution has no groups.
    """
    it, op = asked.settings, asked.call_form == OPS
    if op and mode in ("functional", "saved", "cloned") and (it.transposed or it.groups > 1):
        return outcome.kind == "raised" and ("lower" if it.transposed else "number of input channels") in outcome.reason
    if ENGINE == "tensorflow" and asked.call_form == FIRST and it.bias and it.output[-1] == it.channels_out:
        return True
    if ENGINE == "tensorflow" and asked.want in FORWARD:
        return outcome.kind == "raised" and ("InternalError" in outcome.reason or "StagingError" in outcome.reason)
    return ENGINE == "torch" and "contiguous" in outcome.reason


def gradients(seed: int, call_forms: tuple[int, ...]) -> Iterator[Probe]:
    for it in drawn(seed):
        for call_form in call_forms:
            for want in wants(it):
                if refusal(it, want, call_form, ENGINE) is None:
                    yield probe_for(it, want, call_form=call_form)


def answers(adapter: Keras, probes: list[Probe]) -> Iterator[tuple[Probe, Outcome]]:
    yield from zip(probes, adapter.run_many(probes) or [adapter.run(one) for one in probes], strict=True)


def said(asked: Probe, outcome: Outcome) -> str:
    return f"{asked.want} {outcome.kind} {outcome.reason} [{asked.call_form}] {asked.settings}"


def wrong_gradients(adapter: Keras) -> Report:
    """Gradients that are not the closed form's."""
    probes = list(gradients(11, (LAST, FIRST, OPS, 3)))
    pairs = list(answers(adapter, probes))
    wrong = [said(one, out) for one, out in pairs if not is_gradient(one, out) and not known(one, out)]
    return wrong, len(probes)


def drifting_gradient_scripts(adapter: Keras) -> Report:
    """Scripts of gradients, of mixed precision and of other modes, whose `y` has other bits than the call."""
    drifting, ran = [], 0
    spoken: list[Want] = ["value", *MIXED, *wants(PLAIN)]
    for mode in adapter.modes:
        keras = Keras(mode, "cpu")
        for op in OPERATIONS:
            for want in spoken if mode == "eager" else ("value", "grad-w", "jvp-w"):
                for call_form in (LAST, OPS):
                    it = PLAIN.replace(op=op, stride=(1, 1))
                    if keras.unsupported(it, want, call_form):
                        continue
                    asked = probe(it) if want in spoken[:3] else probe_for(it, want)
                    asked = replace(asked, call_form=call_form, want=want)
                    outcome = keras.run(asked)
                    if outcome.value is None:
                        drifting += [] if known(asked, outcome, mode) else [f"{mode} {said(asked, outcome)}"]
                        continue
                    ran += 1
                    if not same_bits(outcome.value, script_answer(keras, asked)):
                        drifting.append(f"{mode} {keras.script_of(Form(it, want, call_form)).text}")
    return drifting, ran


def wrong_mixed(adapter: Keras) -> Report:
    """Results of mixed precision that are not of the narrow dtype, or not exact on small integers."""
    probes = [probe(it, want=want) for it in drawn(12) for want in MIXED]
    wrong = []
    for one, out in answers(adapter, probes):
        expected = reference(one.settings, one.x, one.w, one.b)
        narrow = out.value is not None and str(out.value.dtype) == one.want.removeprefix("mixed-")
        if not narrow or not np.array_equal(out.value.astype(np.float64), expected):  # type: ignore[union-attr]
            wrong.append(said(one, out))
    return wrong, len(probes)


def wrong_layouts(adapter: Keras) -> Report:
    """Memory in which the same numbers give other bits, or which is written to."""
    wrong, asked = [], 0
    for it in (PLAIN, PLAIN.replace(op="conv", batch=2, stride=(1, 1))):
        plain = probe(it)
        plain.x[:] = plain.x[:1]
        expected = adapter.run(plain)
        for layout in LAYOUTS:
            one, asked = replace(plain, layout=(layout, layout)), asked + 1
            out = adapter.run(one)
            if out.value is None or out.digest != expected.digest:
                wrong.append(f"{layout} {said(one, out)}")
    return wrong, asked


def wrong_dtype_claims(adapter: Keras) -> Report:
    """Dtypes that are neither kept nor claimed, or claimed although the call keeps them."""
    wrong = []
    dtypes = ("float64", "complex64", "complex128", "int8", "int32", "int64", "uint8")
    for op in OPERATIONS:
        it = PLAIN.replace(op=op, bias=False, stride=(1, 1))
        for dtype in dtypes:
            x, w = np.ones(it.x_shape, dtype), np.ones(it.w_shape, dtype)
            one = Probe(it, x, w, force=adapter.unsupported_dtype(dtype, it) is not None)
            out = adapter.run(one)
            kept = out.value is not None and out.value.dtype == x.dtype
            right = kept and np.array_equal(out.value, reference(it, x.real, w.real))
            if right == one.force:
                wrong.append(f"{dtype} {said(one, out)} {out.value}")
    return wrong, 2 * len(dtypes)


def wrong_modes(adapter: Keras) -> Report:
    """Answers, gradients and shapes of the other modes that are not the oracles'."""
    wrong, asked = [], 0
    for mode in MODES:
        keras = Keras(mode, "cpu")
        for it in drawn(13, 3):
            for call_form in (LAST, FIRST, OPS):
                if keras.unsupported(it, "value", call_form):
                    continue
                one, asked = probe(it, call_form=call_form), asked + 1
                out = keras.run(one)
                right = adapters.is_answer(out, reference(it, one.x, one.w, one.b))
                if not right and not known(one, out, mode):
                    wrong.append(f"{mode} {said(one, out)}")
            for want in ("grad-w", "only-x"):
                one = probe_for(it, want)
                if not is_gradient(one, out := keras.run(one)):
                    wrong.append(f"{mode} {said(one, out)}")
            shape = keras.run(probe(it, want="shape"))
            if shape.shape != it.y_shape:
                wrong.append(f"{mode} {shape}")
    empty = PLAIN.replace(batch=0, bias=False)
    claimed = Keras("compiled", "cpu")
    wrong += [] if claimed.run(probe(empty)).kind == "unsupported" else ["predict without a claim"]
    wrong += [] if claimed.run(probe(empty, force=True)).kind == "raised" else ["predict takes an empty batch"]
    return wrong, asked


def wrong_attempts(adapter: Keras) -> Report:
    """Raw arguments that do not reach Keras, or whose script says something else."""
    wrong = []
    meant = probe(PLAIN, invalid={"stride": 1, "padding": "valid", "channels_out": 3, "kernel_size": [3, 2]})
    out = adapter.run(meant)
    expected = reference(PLAIN.replace(stride=(1, 1), padding="valid"), meant.x, meant.w, meant.b)
    right = adapters.is_answer(out, expected) and same_bits(out.value, script_answer(adapter, meant))
    wrong += [] if right else [said(meant, out)]
    cases: dict[str, dict[str, Any]] = {
        "raised": {"stride": 0, "padding": "half", "data_format": "NCHW", "kernel_size": [3], "channels_out": -1},
        "unsupported": {"groups": 2, "output_size": [9, 9], "channels_in": 4},
    }
    for kind, invalid in cases.items():
        for key, value in invalid.items():
            one = probe(PLAIN, invalid={key: value})
            if (out := adapter.run(one)).kind != kind:
                wrong.append(f"{key}={value} {said(one, out)}")
    flat = probe(PLAIN, invalid={}, x=np.ones((2, 3), np.float32))
    wrong += [] if adapter.run(flat).kind == "raised" else ["an input of rank 2 is taken"]
    return wrong, 10


def lost_settings(adapter: Keras) -> Report:
    """Layers whose configuration is another after a round trip through it and through a file."""
    wrong, asked = [], 0
    keras = Keras("saved", "cpu")
    for it in drawn(14, 3):
        for call_form in (LAST, FIRST):
            made = keras.program(Form(it, call_form=call_form)).above
            text = made.replace("layer = type(layer)", "first = layer\nlayer = type(layer)")
            names: dict[str, Any] = {"np": np, "keras": keras.keras}
            exec("\n".join([text, *through_file("back")]), names)  # noqa: S102  our own
            back, asked = names["back"].layers[-1].get_config(), asked + 1
            wrong += [f"{key} {it}" for key, value in names["first"].get_config().items() if back[key] != value]
    return wrong, asked


WIDE_CHECKS: tuple[Callable[[Keras], Report], ...] = (
    wrong_gradients,
    drifting_gradient_scripts,
    wrong_mixed,
    wrong_layouts,
    wrong_dtype_claims,
    wrong_modes,
    wrong_attempts,
    lost_settings,
)
