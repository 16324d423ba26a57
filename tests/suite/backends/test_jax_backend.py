"""The JAX adapter against the oracles, its own scripts and its own claims, in both modes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from convt.content.backends.jax.adapter import Jax
from convt.content.backends.jax.calls import call_for

from convt.adapter.backend import Outcome, Probe
from convt.adapter.form import Form
from convt.adapter.jit_programs import PROGRAM
from convt.conv.data import exact, real
from convt.conv.oracles import reference
from convt.conv.settings import Op, Settings
from tests.suite.adapter import adapters
from tests.suite.backends.xla import aborts
from tests.suite.conv.random_settings import random_settings

pytest.importorskip("jax", reason="JAX is not installed")

OPS: tuple[Op, ...] = ("conv_transpose", "conv")
CALL_FORMS = range(len(Jax.call_forms))
ROOT = Path(__file__).parents[3]


@cache
def adapter(mode: str) -> Jax:
    return Jax(mode, "cpu")


def settings(count: int, op: Op, seed: int) -> list[Settings]:
    return [it for it in random_settings(count, op, seed) if not aborts(it)]


def probe(it: Settings, seed: int = 0, **changes: object) -> Probe:
    data = exact(it, seed)
    return replace(Probe(it, data.x, data.w, data.b), **changes)  # type: ignore[arg-type]


def fused(probes: Sequence[Probe]) -> list[Outcome]:
    outcomes = adapter("jit").run_many(probes)
    assert outcomes is not None
    return outcomes


def is_right(probe: Probe, outcome: Outcome) -> bool:
    return adapters.is_answer(outcome, reference(probe.settings, probe.x, probe.w, probe.b))


@pytest.mark.parametrize("op", OPS)
def test_every_spelling_gives_the_oracles_answer_or_says_unsupported(op: Op) -> None:
    probes = [probe(it, call_form=call_form) for it in settings(50, op, 0) for call_form in CALL_FORMS]
    outcomes = fused(probes)
    wrong = [
        (outcome.kind, outcome.reason, asked.call_form, asked.settings)
        for asked, outcome in zip(probes, outcomes, strict=True)
        if outcome.kind != "unsupported" and not is_right(asked, outcome)
    ]
    assert wrong == []
    assert sum(outcome.kind == "value" for outcome in outcomes) > 90


@pytest.mark.parametrize("op", OPS)
def test_eager_gives_the_same_bits_as_jit(op: Op) -> None:
    probes = [probe(it, call_form=call_form) for it in settings(12, op, 1) for call_form in (0, 1)]
    for asked, outcome in zip(probes, fused(probes), strict=True):
        eager = adapter("eager").run(asked)
        assert (eager.kind, eager.reason, eager.digest) == (outcome.kind, outcome.reason, outcome.digest)


def test_only_jit_fuses() -> None:
    assert adapter("eager").run_many([probe(Settings(input=(3,), kernel=(2,)))]) is None


def test_fusing_gives_the_same_bits_on_real_numbers() -> None:
    drawn = [it for op in OPS for it in settings(15, op, 2)]
    probes = [Probe(it, (d := real(it, seed)).x, d.w, d.b) for it in drawn for seed in range(3)]
    outcomes = fused(probes)
    alone = [adapter("jit").run(one) for one in probes]
    assert [(one.kind, one.digest) for one in outcomes] == [(one.kind, one.digest) for one in alone]


def test_more_configurations_than_a_program_holds_are_all_answered() -> None:
    drawn = [Settings(input=(size,), kernel=(3,), stride=(2,)) for size in range(5, 5 + PROGRAM + 20)]
    probes = [probe(it, seed) for it in drawn for seed in range(1 + it.input[0] % 3)]
    assert all(is_right(asked, outcome) for asked, outcome in zip(probes, fused(probes), strict=True))


def test_settings_that_make_the_same_call_share_its_part_and_keep_their_own_bias(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare = Settings(input=(7,), kernel=(5,), stride=(2,), padding="same", channels_out=2)
    asked = [probe(bare), probe(bare.replace(bias=True), 1), probe(bare.replace(bias=True), 2)]
    lone = Jax("jit", "cpu")
    made = Mock(side_effect=lone._part)
    monkeypatch.setattr(lone, "_part", made)
    outcomes = lone.run_many(asked)
    assert outcomes is not None
    assert all(is_right(one, outcome) for one, outcome in zip(asked, outcomes, strict=True))
    assert made.call_count == 1


def test_a_call_that_raises_while_it_is_traced_takes_no_other_along() -> None:
    plain = Settings(input=(4,), kernel=(3,), channels_in=2, channels_out=2)
    grouped = plain.replace(groups=2)
    asked = [probe(plain), probe(grouped, force=True), probe(plain, 1), probe(grouped)]
    outcomes = fused(asked)
    assert [outcome.kind for outcome in outcomes] == ["value", "raised", "value", "unsupported"]
    assert "feature_group_count" in outcomes[1].reason
    assert is_right(asked[0], outcomes[0])
    assert is_right(asked[2], outcomes[2])


def test_a_program_that_cannot_run_is_asked_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    lone = Jax("jit", "cpu")
    monkeypatch.setattr(lone, "jax", _RefusesPrograms(lone.jax))
    asked = [probe(Settings(input=(4,), kernel=(3,), stride=(stride,))) for stride in (1, 2)]
    outcomes = lone.run_many(asked)
    assert outcomes is not None
    assert all(is_right(one, outcome) for one, outcome in zip(asked, outcomes, strict=True))


class _RefusesPrograms:
    """JAX, but for its compiler, which takes one call and no list of them."""

    def __init__(self, jax: object) -> None:
        self._jax = jax

    def __getattr__(self, name: str) -> object:
        return getattr(self._jax, name)

    def jit(self, function: object) -> object:
        if getattr(function, "__name__", "") == "program":
            raise RuntimeError("too large")
        return self._jax.jit(function)  # type: ignore[attr-defined]


@pytest.mark.parametrize("op", OPS)
def test_what_is_called_unsupported_is_refused_or_differs_when_made_anyway(op: Op) -> None:
    jax = adapter("jit")
    probes = [probe(it, call_form=call_form, force=True) for it in settings(60, op, 3) for call_form in CALL_FORMS]
    claims = [one for one in probes if jax.unsupported(one.settings, "value", one.call_form)]
    stale = [one.settings for one, outcome in zip(claims, fused(claims), strict=True) if is_right(one, outcome)]
    assert stale == []
    assert {one.call_form for one in claims} >= ({0, 1, 2, 3, 4} if op == "conv_transpose" else {3, 4})


@pytest.mark.parametrize("op", OPS)
def test_an_input_without_a_batch_axis_is_refused(op: Op) -> None:
    for it in settings(10, op, 4):
        forced = adapter("jit").run(probe(it, want="unbatched", force=True))
        assert forced.kind == "raised"
        assert adapter("jit").run(probe(it, want="unbatched")).kind == "unsupported"


@pytest.mark.parametrize("mode", ["jit", "eager", "vmap"])  # x64 is for a whole process: see test_jax_modes
@pytest.mark.parametrize("op", OPS)
def test_a_script_gives_the_same_bits_as_the_call(op: Op, mode: str) -> None:
    ran = 0
    for it in settings(8, op, 5):
        for call_form in CALL_FORMS:
            outcome = adapter(mode).run(probe(it, call_form=call_form))
            if outcome.value is None:
                continue
            y = adapters.run_script(adapter(mode), adapter(mode).script_of(Form(it, call_form=call_form)).text, it)
            assert Outcome("value", y).digest == outcome.digest
            ran += 1
    assert ran > 10


@pytest.mark.parametrize("op", OPS)
def test_abstract_evaluation_gives_the_shape_of_the_settings(op: Op) -> None:
    assert adapters.wrong_shapes(adapter("jit"), settings(100, op, 6)) == []


def test_a_script_reads_as_a_person_writes_it() -> None:
    it = Settings(input=(4, 4), kernel=(3, 3), stride=(2, 2), padding="same", channels_out=2, bias=True)
    assert adapter("jit").script_of(Form(it)).text.splitlines() == [
        "@jax.jit",
        "def convolve(lhs, rhs):",
        "    return jax.lax.conv_transpose(",
        "        lhs,",
        "        rhs,",
        "        strides=(2, 2),",
        "        padding='SAME',",
        "        dimension_numbers=('NHWC', 'HWIO', 'NHWC'),",
        "        precision='highest',",
        "    )",
        "",
        "",
        "def answer(x, w, b):",
        "    lhs = np.transpose(x, (0, 2, 3, 1))",
        "    rhs = np.flip(np.transpose(w, (2, 3, 0, 1)), (0, 1))",
        "    return np.transpose(np.asarray(convolve(lhs, rhs)), (0, 3, 1, 2)) + b.reshape(-1, 1, 1)",
        "",
        "",
        "y = answer(x, w, b)",
    ]


@pytest.mark.parametrize(
    ("call_form", "padding"),
    [
        pytest.param(0, ((3, 2),), id="around-the-stuffed-input"),
        pytest.param(2, ((1, 2),), id="of-the-forward-convolution"),
        pytest.param(4, "SAME", id="by-keyword"),
    ],
)
def test_both_meanings_of_explicit_padding_and_the_keyword_say_one_crop(call_form: int, padding: object) -> None:
    it = Settings(input=(7,), kernel=(5,), stride=(2,), padding=((1, 2),))
    assert call_for(it, call_form).options["padding"] == padding


def test_output_padding_is_less_crop_at_the_end() -> None:
    it = Settings(input=(7,), kernel=(5,), stride=(2,), padding=((1, 2),), output_padding=(1,))
    assert [call_for(it, call_form).options["padding"] for call_form in (0, 2)] == [((3, 3),), ((1, 1),)]


def test_nearest_repeats_and_bilinear_interpolates_between_centres() -> None:
    it = Settings(input=(3,), kernel=(1,), stride=(2,))
    x = np.array([[[0, 4, 12]]], np.float32)
    nearest, bilinear = (adapter("jit").run(Probe(it, x, x, want=want)).value for want in ("nearest", "bilinear"))
    assert nearest is not None and bilinear is not None  # noqa: PT018
    assert nearest.ravel().tolist() == [0, 0, 4, 4, 12, 12]
    assert bilinear.ravel().tolist() == [0, 1, 3, 6, 10, 12]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_a_dtype_comes_back_as_it_went_in(dtype: str) -> None:
    import ml_dtypes  # noqa: F401  (gives numpy the name bfloat16)

    it = Settings(input=(4,), kernel=(3,), stride=(2,), channels_out=2, bias=True)
    plain = probe(it)
    narrow = replace(plain, x=plain.x.astype(dtype), w=plain.w.astype(dtype), b=plain.b.astype(dtype))  # type: ignore[union-attr]
    value = adapter("jit").run(narrow).value
    assert value is not None
    assert value.dtype == np.dtype(dtype)
    assert np.array_equal(value, reference(it, plain.x, plain.w, plain.b))


def test_an_answer_has_its_own_memory() -> None:
    it = Settings(input=(64,), kernel=(1,))
    asked = probe(it)
    outcome = adapter("jit").run(asked)
    before = outcome.digest
    assert outcome.value is not None
    asked.x[:] = 0
    assert replace(outcome).digest == before
    assert outcome.value.flags.owndata
    assert outcome.value.flags.writeable


def test_xla_aborts_where_it_mistakes_an_axis_for_a_group() -> None:
    it = Settings(input=(3, 1), kernel=(2, 3), stride=(2, 1), padding=((1, 1), (1, 1)))
    assert aborts(it)
    assert not aborts(it.replace(input=(2, 1)))
    data = "import numpy as np\nx, w = np.ones((1, 1, 3, 1), 'f'), np.ones((1, 1, 2, 3), 'f')"
    command = [sys.executable, "-c", f"{data}\n{Jax.script_imports}\n{adapter('jit').script_of(Form(it)).text}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        pytest.skip("this jaxlib compiles it")
    assert done.returncode < 0
    assert "Window dimensions do not match RHS shape" in done.stderr
