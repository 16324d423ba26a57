"""How the JAX adapter runs a call: its modes, devices, memory layouts and dtypes, and calls that mean nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from convt.content.backends.jax.adapter import Jax
from convt.content.backends.jax.programs import mapped_over

from convt.adapter.backend import MIXED, Probe
from convt.adapter.form import Form
from convt.adapter.fusing import Part
from convt.adapter.jit_programs import JitPrograms
from convt.adapter.layouts import Laid, Sent
from convt.conv.data import exact
from convt.conv.oracles import reference
from convt.conv.settings import Op, Settings
from tests.suite.adapter import adapters
from tests.suite.backends.gradient_forms import same_bits, script_answer
from tests.suite.backends.xla import aborts
from tests.suite.conv.random_settings import random_settings

pytest.importorskip("jax", reason="JAX is not installed")

ROOT = Path(__file__).parents[3]
OPS: tuple[Op, ...] = ("conv_transpose", "conv")
PLAIN = Settings(input=(5, 4), kernel=(3, 2), stride=(2, 1), padding="same", channels_in=2, channels_out=3, bias=True)
LAYOUTS = ("contiguous", "channels-last", "strided", "transposed", "flipped", "broadcast", "read-only")


@cache
def adapter(mode: str) -> Jax:
    return Jax(mode, "cpu")


def probe(it: Settings, **changes: Any) -> Probe:
    data = exact(it)
    return replace(Probe(it, data.x, data.w, data.b), **changes)


@pytest.mark.parametrize("op", OPS)
def test_item_by_item_gives_the_oracles_answer(op: Op) -> None:
    drawn = [it for it in random_settings(24, op, 8) if not aborts(it)]
    probes = [probe(it, call_form=call_form) for it in drawn for call_form in (0, 1, 4)]
    outcomes = adapter("vmap").run_many(probes)
    assert outcomes is not None
    answered = [(one, out) for one, out in zip(probes, outcomes, strict=True) if out.kind != "unsupported"]
    wrong = [
        (out.kind, out.reason, one.settings)
        for one, out in answered
        if not adapters.is_answer(out, reference(one.settings, one.x, one.w, one.b))
    ]
    assert wrong == []
    assert {mapped_over(one.settings) for one, _ in answered} == {"x", "w", "xw"}


@pytest.mark.parametrize(("batch", "size", "over"), [(1, 5, "w"), (2, 4, "x"), (2, 5, "xw")])
def test_what_is_mapped_is_seen_in_the_program(batch: int, size: int, over: str) -> None:
    it = Settings(input=(size,), kernel=(3,), batch=batch, channels_out=2)
    asked, vmap = probe(it), adapter("vmap")
    assert mapped_over(it) == over
    given = vmap._part(asked).send(asked).arrays
    plain, mapped = (str(vmap.jax.make_jaxpr(each._part(asked).function)(*given)) for each in (adapter("jit"), vmap))
    assert plain.count("\n") < mapped.count("\n")


@pytest.mark.parametrize("op", OPS)
def test_what_is_exported_and_read_back_gives_the_oracles_answer(op: Op) -> None:
    drawn = [it for it in random_settings(12, op, 8) if not aborts(it)]
    probes = [probe(it) for it in drawn]
    outcomes = adapter("exported").run_many(probes)
    assert outcomes is not None
    right = [
        adapters.is_answer(out, reference(one.settings, one.x, one.w, one.b))
        for one, out in zip(probes, outcomes, strict=True)
        if out.kind != "unsupported"
    ]
    assert len(right) > 3
    assert all(right)


def test_the_exported_program_stands_in_the_text_which_runs() -> None:
    exported, asked = adapter("exported"), probe(PLAIN)
    assert "jax.export.deserialize(data)" in exported.script_of(Form.of(asked)).text
    assert same_bits(exported.run(asked).value, script_answer(exported, asked))


SURROUNDED = """
import json, sys
import numpy as np
from convt.content.backends.jax.adapter import Jax
from tests.suite.backends.gradient_forms import same_bits, script_answer
from tests.suite.backends.test_jax_modes import PLAIN, probe
from convt.adapter.backend import Outcome

x64 = Jax("x64", "cpu:1")
said = {"devices": Jax.devices(), "place": str(x64.place), "flags": x64.flags(), "dtypes": {}}
for name in ("float32", "float64", "complex128", "int64", "float16"):
    asked = probe(PLAIN)
    asked = probe(PLAIN, x=asked.x.astype(name), w=asked.w.astype(name), b=asked.b.astype(name))
    alone = x64.run(asked)
    [fused] = x64.run_many([asked])
    script = script_answer(x64, asked)
    same = same_bits(alone.value, script) and fused.digest == alone.digest
    said["dtypes"][name] = [str(alone.value.dtype), bool(same)]
with x64.jax.default_device(x64.place):
    said["on"] = str(next(iter(x64.jax.numpy.ones(3).devices())))
json.dump(said, sys.stdout)
"""


def test_wide_numbers_stay_wide_on_a_second_device_with_as_many_threads_as_asked_for() -> None:
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "NPROC": "3"}
    command = [sys.executable, "-c", SURROUNDED]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    assert said["devices"] == ["cpu", "cpu:1"]
    assert said["place"] == said["on"]
    assert said["place"].endswith("1")
    assert said["flags"]["jax_enable_x64"] == "True"
    names = ("float32", "float64", "complex128", "int64", "float16")
    assert said["dtypes"] == {name: [name, True] for name in names}


def test_threads_are_those_of_nproc() -> None:
    command = [
        sys.executable,
        "-c",
        "from convt.content.backends.jax.adapter import Jax; print(Jax('jit', 'cpu').flags()['threads'])",
    ]
    counts = []
    for asked in ("1", "3"):
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"NPROC": asked}, capture_output=True, text=True, check=True
        )
        counts.append(done.stdout.strip())
    assert counts == ["1", "3"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_changes_no_bit_alone_or_fused(layout: Any) -> None:
    for it in (PLAIN, PLAIN.replace(op="conv", batch=2)):
        plain = probe(it)
        plain.x[:] = plain.x[:1]
        laid = replace(plain, layout=(layout, layout))
        alone, expected = adapter("jit").run(laid), adapter("jit").run(plain)
        fused = adapter("jit").run_many([plain, laid])
        assert fused is not None
        assert [alone.digest, fused[1].digest] == [expected.digest, fused[0].digest], alone.reason
        assert expected.value is not None


def test_a_fused_program_tells_that_its_input_was_changed() -> None:
    asked = probe(Settings(input=(4,), kernel=(2,)), layout=("contiguous", "contiguous"))
    laid = (Laid(asked.x, "contiguous"), Laid(asked.w, "contiguous"))

    def receive(_: Probe, answer: Any) -> np.ndarray:
        return np.array(answer)

    def send(_: Probe) -> Sent:
        laid[1].view[...] = 7
        return Sent((laid[0].view, laid[1].view), (("x", laid[0]), ("w", laid[1])))

    part = Part(lambda x, w: x + w.sum(), send, receive)
    fuser = JitPrograms(adapter("jit").jax, key=lambda _: 0, part=lambda _: part, alone=asked_alone)
    [outcome] = fuser.run([asked])
    assert outcome.kind == "raised"
    assert "bytes of w" in outcome.reason


def asked_alone(_: Probe) -> Any:
    raise AssertionError("asked alone")


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [("float64", "unsupported"), ("complex128", "unsupported"), ("int64", "unsupported"), ("complex64", "value"),
     ("int8", "value"), ("int32", "value"), ("uint8", "value")],
)  # fmt: skip
def test_a_dtype_is_kept_or_claimed_and_the_claim_holds(dtype: str, kind: str) -> None:
    it = PLAIN.replace(bias=False)
    small = probe(it, x=np.ones(it.x_shape, dtype), w=np.ones(it.w_shape, dtype))
    outcome = adapter("jit").run(small)
    assert outcome.kind == kind
    if outcome.value is None:
        forced = adapter("jit").run(replace(small, force=True)).value
        assert forced is not None
        assert forced.dtype != np.dtype(dtype)
    else:
        assert outcome.value.dtype == np.dtype(dtype)
        assert np.array_equal(outcome.value, reference(it, small.x.real, small.w.real))


@pytest.mark.parametrize("want", MIXED)
def test_there_is_no_mixed_precision(want: Any) -> None:
    assert adapter("jit").run(probe(PLAIN, want=want)).kind == "unsupported"
    forced = adapter("jit").run(probe(PLAIN, want=want, force=True)).value
    assert forced is not None
    assert str(forced.dtype) == "float32"


BARE = PLAIN.replace(bias=False, padding=((0, 0), (0, 0)))


@pytest.mark.parametrize("mode", ["jit", "eager"])
@pytest.mark.parametrize(
    ("invalid", "said"),
    [
        pytest.param({"stride": 2}, "TypeError", id="a-number"),
        pytest.param({"stride": [0, 0]}, "must be positive", id="no-stride"),
        pytest.param({"padding": "HALF"}, "String padding", id="no-keyword"),
        pytest.param({"data_format": "NHWC"}, "dimension_numbers must be", id="a-word-for-dimension-numbers"),
    ],
)
def test_an_attempt_passes_on_what_means_nothing(invalid: dict[str, Any], said: str, mode: str) -> None:
    asked = probe(BARE, invalid=invalid)
    outcome = adapter(mode).run(asked)
    assert outcome.kind == "raised"
    assert said in outcome.reason
    with pytest.raises(Exception, match=said if said != "TypeError" else "not iterable"):
        script_answer(adapter(mode), asked)


def test_an_attempt_of_what_means_something_is_the_call() -> None:
    asked = probe(BARE, invalid={"padding": "SAME", "stride": [1, 1]})
    outcome = adapter("jit").run(asked)
    same = BARE.replace(padding="same", stride=(1, 1))
    assert adapters.is_answer(outcome, reference(same, asked.x, asked.w))
    assert same_bits(outcome.value, script_answer(adapter("jit"), asked))


def test_an_attempt_takes_arrays_of_another_rank() -> None:
    asked = probe(BARE, invalid={}, x=np.ones((2, 3), np.float32))
    assert adapter("jit").run(asked).kind == "raised"


@pytest.mark.parametrize("key", ["output_padding", "output_size", "groups", "channels_in", "channels_out"])
def test_an_attempt_says_that_there_is_no_such_argument(key: str) -> None:
    outcome = adapter("jit").run(probe(BARE, invalid={key: 2}))
    assert outcome.kind == "unsupported"
    assert key in outcome.reason
