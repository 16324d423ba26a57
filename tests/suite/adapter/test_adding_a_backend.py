"""The guide's adapter runs as it stands there, and does what the guide says of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convt.adapter.backend import Form, Outcome, Probe, Program
from convt.conv.data import exact
from convt.conv.oracles import reference
from convt.conv.settings import Settings
from convt.host.pool import Pool
from convt.host.registry import parse_target, register_external
from docs.examples import numpy_backend

ROOT = Path(__file__).parents[3]
PATH = "docs.examples.numpy_backend:NumpyConvolve"
NAME = "numpy-convolve"

WIDE = Settings(input=(5,), kernel=(3,), batch=2, channels_in=4, channels_out=6, groups=2, bias=True)
SAYS = {
    "plain": Settings(input=(5,), kernel=(3,)),
    "valid": Settings(input=(5,), kernel=(4,), padding="valid"),
    "same": Settings(input=(5,), kernel=(3,), padding="same"),
    "same-even": Settings(input=(5,), kernel=(4,), padding="same"),
    "output-size": Settings(input=(5,), kernel=(3,), output_size=(7,)),
    "kernel-longer-than-input": Settings(input=(2,), kernel=(5,)),
    "grouped": WIDE,
    "grouped-same": WIDE.replace(padding="same"),
}
CANNOT = {
    "forward": Settings(input=(5,), kernel=(3,), op="conv", channels_in=2, channels_out=2),
    "two-axes": Settings(input=(5, 5), kernel=(3, 3)),
    "stride": Settings(input=(5,), kernel=(3,), stride=(2,)),
    "dilation": Settings(input=(5,), kernel=(3,), dilation=(2,)),
    "crop": Settings(input=(5,), kernel=(3,), padding=((1, 0),)),
    "empty": Settings(input=(0,), kernel=(3,)),
}


def asked(settings: Settings, force: bool = False) -> Probe:
    data = exact(settings)
    return Probe(settings, data.x, data.w, data.b, force=force)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    entries = dict([register_external(PATH, ROOT)])
    with Pool([parse_target(NAME, entries)], backends=entries) as pool:
        yield pool


def answer(pool: Pool, probe: Probe) -> Outcome:
    return pool.submit(NAME, [probe]).result(600)[0]


def test_the_guide_holds_the_adapter_that_is_run() -> None:
    guide = (ROOT / "docs" / "adding-a-backend.md").read_text()
    assert (ROOT / "docs" / "examples" / "numpy_backend.py").read_text() in guide
    assert f"convt run {NAME} --backend {PATH}" in guide


@pytest.mark.parametrize("settings", SAYS.values(), ids=SAYS)
def test_the_program_of_the_guide_answers_as_the_call_does(settings: Settings) -> None:
    guide = (ROOT / "docs" / "adding-a-backend.md").read_text()
    _, method = guide.split("In place of both methods above:\n\n```python\n")
    scope: dict[str, Any] = {"textwrap": textwrap, "Program": Program, "Form": Form, "Any": Any} | vars(numpy_backend)
    exec(f"class Programmed(NumpyConvolve):\n{method.split('```')[0]}    call = Backend.call\n", scope)  # noqa: S102
    probe = asked(settings)
    programmed, called = (scope[name]("eager", "cpu") for name in ("Programmed", "NumpyConvolve"))
    assert programmed.run(probe).digest == called.run(probe).digest != ""
    assert programmed.script_of(Form(settings)).text.endswith(
        f"y = convolve({'x, w, b' if settings.bias else 'x, w'})\n"
    )


@pytest.mark.parametrize("settings", SAYS.values(), ids=SAYS)
def test_what_the_call_can_say_is_right(pool: Pool, settings: Settings) -> None:
    probe = asked(settings)
    outcome = answer(pool, probe)
    assert outcome.value is not None, outcome.reason
    np.testing.assert_array_equal(outcome.value, reference(settings, probe.x, probe.w, probe.b))
    assert outcome.value.dtype == np.float32


@pytest.mark.parametrize("settings", SAYS.values(), ids=SAYS)
def test_the_script_makes_the_same_call(pool: Pool, settings: Settings) -> None:
    probe = asked(settings)
    names = {"np": np, "x": probe.x, "w": probe.w, "b": probe.b}
    exec(pool.script(NAME, Form(settings)).text, names)  # noqa: S102  what a person pastes
    np.testing.assert_array_equal(names["y"], answer(pool, probe).value, strict=True)


@pytest.mark.parametrize("settings", CANNOT.values(), ids=CANNOT)
def test_what_the_call_cannot_say_is_unsupported_and_the_claim_holds(pool: Pool, settings: Settings) -> None:
    outcome = answer(pool, asked(settings))
    assert (outcome.kind, outcome.reason[:5]) == ("unsupported", "numpy")
    forced = asked(settings, force=True)
    made = answer(pool, forced)
    if made.value is None:
        assert made.kind == "raised"
    else:
        assert not np.array_equal(made.value, reference(settings, forced.x, forced.w, forced.b))


def test_a_kernel_longer_than_the_input_gives_numpys_own_length(pool: Pool) -> None:
    settings = Settings(input=(2,), kernel=(5,), padding="same")
    outcome = answer(pool, asked(settings))
    assert outcome.value is not None
    assert (outcome.value.shape, settings.y_shape) == ((1, 1, 5), (1, 1, 2))
