"""The gradients of the JAX adapter against closed forms and its own scripts, and what their programs are made of."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from convt.content.backends.jax.adapter import Jax
from convt.content.backends.jax.gradients import family

from convt.adapter.backend import GRADIENTS, Outcome
from convt.conv.settings import Op, Settings
from tests.suite.backends.gradient_forms import closed_form, is_gradient, probe_for, same_bits, script_answer, wants
from tests.suite.backends.xla import aborts
from tests.suite.conv.random_settings import empty_settings, random_settings

pytest.importorskip("jax", reason="JAX is not installed")

OPS: tuple[Op, ...] = ("conv_transpose", "conv")
PLAIN = Settings(input=(5, 4), kernel=(3, 2), stride=(2, 1), padding="same", channels_in=2, channels_out=3, bias=True)


@cache
def adapter(mode: str) -> Jax:
    return Jax(mode, "cpu")


def said(outcome: Outcome) -> str:
    return f"{outcome.kind} {outcome.reason}"


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", ["jit", "vmap"])
def test_every_gradient_has_the_numbers_of_its_closed_form(op: Op, mode: str) -> None:
    drawn = [it for it in random_settings(10, op, 1) if not aborts(it)]
    probes = [probe_for(it, want) for it in drawn for want in wants(it)]
    outcomes = adapter(mode).run_many(probes)
    assert outcomes is not None
    pairs = list(zip(probes, outcomes, strict=True))
    wrong = [
        (one.want, said(out), one.settings) for one, out in pairs if out.kind == "value" and not is_gradient(one, out)
    ]
    assert wrong == []
    assert {out.kind for out in outcomes} <= {"value", "unsupported"}
    assert {one.want for one, out in pairs if out.kind == "value"} == set(GRADIENTS)


@pytest.mark.parametrize("call_form", range(len(Jax.call_forms)))
@pytest.mark.parametrize("op", OPS)
def test_every_spelling_has_its_gradients(op: Op, call_form: int) -> None:
    it = PLAIN.replace(op=op)
    for want in ("grad-w", "only-x", "jvp-w"):
        asked = probe_for(it, want, call_form=call_form)
        assert is_gradient(asked, adapter("jit").run(asked))


@pytest.mark.parametrize("op", OPS)
def test_gradients_of_no_items_and_no_output_are_zeros(op: Op) -> None:
    drawn = [it for it in empty_settings(8, op, 2) if not (it.transposed and 0 in it.input)]
    probes = [probe_for(it, want) for it in drawn for want in wants(it)]
    outcomes = adapter("jit").run_many(probes)
    assert outcomes is not None
    answered = [(one, out) for one, out in zip(probes, outcomes, strict=True) if out.kind != "unsupported"]
    assert [said(out) for one, out in answered if not is_gradient(one, out)] == []
    assert len(answered) > 20


def test_the_closed_forms_tell_a_gradient_of_another_thing() -> None:
    for want, other in (("grad-x", "grad-wx"), ("grad-w", "grad-xw"), ("jvp-x", "jvp-w")):
        asked = probe_for(PLAIN, want)  # type: ignore[arg-type]
        outcome = adapter("jit").run(asked)
        elsewhere = replace(probe_for(PLAIN, other), x=asked.x, w=asked.w)  # type: ignore[arg-type]
        assert is_gradient(asked, outcome)
        assert not is_gradient(elsewhere, outcome)
        assert closed_form(asked).any()


@pytest.mark.parametrize("mode", Jax.modes[:3])
def test_a_script_gives_the_same_bits_as_the_call(mode: str) -> None:
    for op in OPS:
        for index, want in enumerate(GRADIENTS):
            it = PLAIN.replace(op=op, batch=1 + index % 2, bias=want.endswith("-b") or index % 3 == 0)
            asked = probe_for(it, want, call_form=(index // 2) % 2)
            assert same_bits(adapter(mode).run(asked).value, script_answer(adapter(mode), asked)), want


def test_the_gradients_of_all_share_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    lone = Jax("jit", "cpu")
    made = Mock(side_effect=lone._part)
    monkeypatch.setattr(lone, "_part", made)
    probes = [probe_for(PLAIN, want) for want in ("grad-x", "grad-w", "grad-b")]
    outcomes = lone.run_many(probes)
    assert outcomes is not None
    assert all(is_gradient(one, out) for one, out in zip(probes, outcomes, strict=True))
    assert made.call_count == 1


@pytest.mark.parametrize("want", [want for want in GRADIENTS if want not in ("grad-w", "grad-b", "only-b")])
def test_a_program_has_no_forward_pass(want: Any) -> None:
    asked = probe_for(PLAIN, want)
    part = adapter("jit")._part(asked)
    text = adapter("jit").jax.jit(part.function).lower(*part.send(asked).arrays).as_text()
    assert text.count("stablehlo.convolution") == (2 if family(want) == "grad" else 1)


def test_integers_have_no_gradients() -> None:
    asked = probe_for(PLAIN, "grad-x")
    cast = {name: getattr(asked, name).astype(np.int32) for name in "xwbg"}
    for want in ("grad-x", "only-w"):
        claimed = adapter("jit").run(replace(asked, want=want, **cast))
        forced = adapter("jit").run(replace(asked, want=want, force=True, **cast))
        assert (claimed.kind, forced.kind) == ("unsupported", "raised")
