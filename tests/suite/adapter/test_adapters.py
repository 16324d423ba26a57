"""The checks of the adapters catch an adapter that lies."""

from __future__ import annotations

import numpy as np
import pytest

from convt.adapter.backend import UNSAFE, Backend, Outcome, Probe, Want
from convt.cases.known import Known, Wrong
from convt.conv.data import exact
from convt.conv.oracles import scatter
from convt.conv.settings import Op, Settings
from tests.suite.adapter import adapters
from tests.suite.conv.random_settings import random_settings


class Honest(Backend):
    """The scatter oracle behind the interface; claims nothing."""

    name = "honest"
    call_forms = ("as it is", "again")
    script_imports = "from convt.conv.oracles import scatter\nfrom convt.conv.settings import Settings"

    def versions(self) -> dict[str, str]:
        return {"honest": "1.0"}

    def call(self, probe: Probe) -> np.ndarray:
        return scatter(probe.settings, probe.x, probe.w, probe.b).astype(np.float32)

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        return settings.y_shape

    def script(self, settings: Settings, call_form: int = 0) -> str:
        return f"y = scatter(Settings.from_canonical({settings.canonical()}), x, w, b).astype('float32')"


class FlipsKernel(Honest):
    def call(self, probe: Probe) -> np.ndarray:
        flipped = np.flip(probe.w, tuple(range(2, probe.w.ndim)))
        return scatter(probe.settings, probe.x, flipped, probe.b).astype(np.float32)


class Widens(Honest):
    def call(self, probe: Probe) -> np.ndarray:
        return super().call(probe).astype(np.float64)


class GivesUp(Honest):
    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        return "groups are not taken" if settings.groups > 1 and call_form == 1 else None


class Harms(Honest):
    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        return f"{UNSAFE}groups end the process" if settings.groups > 1 else None


class ForgetsBatch(Honest):
    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        return settings.y_shape[1:]


@pytest.fixture
def settings() -> list[Settings]:
    return random_settings(40, "conv_transpose")


def never(settings: Settings, outcome: Outcome) -> bool:
    return False


def test_an_honest_adapter_passes(settings: list[Settings]) -> None:
    adapter = Honest("eager", "cpu")
    assert adapters.wrong_answers(adapter, settings, never) == []
    assert adapters.drifting_scripts(adapter, settings, never) == ([], 80)
    assert adapters.wrong_shapes(adapter, settings) == []


@pytest.mark.parametrize("liar", [FlipsKernel, Widens])
def test_wrong_numbers_and_dtypes_are_answers_that_no_excuse_covers(
    liar: type[Backend], settings: list[Settings]
) -> None:
    wrong = adapters.wrong_answers(liar("eager", "cpu"), settings, never)
    assert len(wrong) > 40
    assert "[again]" in wrong[1]


def test_an_excuse_covers_only_what_it_names(settings: list[Settings]) -> None:
    liar = FlipsKernel("eager", "cpu")
    planar = [it for it in settings if it.rank != 2]
    assert len(adapters.wrong_answers(liar, settings, lambda it, _: it.rank == 2)) == len(
        adapters.wrong_answers(liar, planar, never)
    )


def test_a_claim_that_the_call_refutes_is_stale(settings: list[Settings]) -> None:
    grouped = sum(it.groups > 1 for it in settings)
    stale, tried = adapters.stale_claims(GivesUp("eager", "cpu"), settings)
    assert len(stale) == tried[1] == grouped > 0


def test_a_script_of_another_answer_drifts(settings: list[Settings]) -> None:
    drifting, ran = adapters.drifting_scripts(FlipsKernel("eager", "cpu"), settings, never)
    assert ran == 80
    assert len(drifting) > 40


def test_a_shape_without_its_batch_is_wrong(settings: list[Settings]) -> None:
    assert len(adapters.wrong_shapes(ForgetsBatch("eager", "cpu"), settings)) == 40


@pytest.mark.parametrize("op", ["conv_transpose", "conv"])
def test_random_settings_reach_every_kind(op: Op) -> None:
    drawn = random_settings(250, op)
    assert drawn == random_settings(250, op)
    assert {it.rank for it in drawn} == {1, 2, 3}
    assert {it.groups for it in drawn} == {1, 2, 3}
    assert any(it.padding == "same" for it in drawn)
    assert any(it.padding == "valid" for it in drawn)
    assert any(lo != hi for it in drawn for lo, hi in it.crop)
    assert any(max(it.dilation) > 1 and it.groups > 1 and it.bias for it in drawn)
    assert any(s > e for it in drawn for s, e in zip(it.stride, it.effective, strict=True))
    assert any(it.output_padding for it in drawn) == any(it.output_size for it in drawn) == (op == "conv_transpose")


def test_a_claim_of_harm_is_never_forced() -> None:
    grouped = Settings(input=(3,), kernel=(2,), channels_in=2, channels_out=2, groups=2)
    forced = Probe(grouped, exact(grouped).x, exact(grouped).w, call_form=1, force=True)
    assert GivesUp("eager", "cpu").run(forced).kind == "value"
    assert Harms("eager", "cpu").run(forced).reason == "unsafe: groups end the process"


def known(where: str, intermittent: str = "") -> Known:
    return Known(
        id="flipped", laws=(), backends="honest", wrong=Wrong("differs", ("value",)), reason="It flips.", issue="none",
        since="1", origin="", where=where, intermittent=intermittent,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("where", "intermittent", "astray"),
    [
        pytest.param("rank > 0", "", True, id="too-wide"),
        pytest.param("rank > 0", "by chance", False, id="too-wide-for-what-comes-by-chance"),
        pytest.param("kernel > 100", "", True, id="too-narrow"),
    ],
)
def test_a_known_difference_is_held_against_both_of_its_sides(where: str, intermittent: str, astray: bool) -> None:
    settings = [it for it in random_settings(40, "conv") if it.kernel != (1,) * it.rank]
    settings += [it.replace(kernel=(1,) * it.rank) for it in settings]
    found, matched = adapters.against_known(FlipsKernel("eager", "cpu"), [known(where, intermittent)], settings)
    assert bool(found) == astray
    assert (matched["flipped"] > 0) == ("100" not in where)
