"""The laws themselves: their form, what they do without an answer, and that they agree with the arithmetic."""

from __future__ import annotations

from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, given

from convt.adapter.backend import Kind, Outcome, Probe, Unsupported, Want
from convt.cases.case import Case
from convt.conv import oracles
from convt.conv.data import Arrays
from convt.conv.settings import Settings
from convt.laws.catalogue import all_laws, law_by_id
from convt.laws.law import Law
from convt.laws.probes import plain, valued
from convt.session.strategies import cases
from tests.suite.conv.reference import Honest
from tests.suite.laws.kills import asked, judged

REPORTED = (
    "output-shape preimages same-size valid-size same-crop padding-crops value accuracy low-precision matrix "
    "zero-insertion adjoint linearity bias groups dilation shift symmetry batch rank gradients second-order "
    "gradient-transpose crossed dtype mixed-precision layout special footprint determinism mode device call-form "
    "resize support unsafe-claims consistent conv-shape conv-value conv-same large realistic rejects abstract cost"
)
STRIDED = Case("strided", Settings(input=(4,), kernel=(3,), stride=(2,), padding=((1, 1),), batch=2, bias=True))
SAME = Case("same", Settings(input=(4,), kernel=(5,), stride=(2,), padding="same"))
FORWARD = Case("forward", Settings(op="conv", input=(6,), kernel=(3,), stride=(2,), padding="same"))
QUICK = hypothesis.settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


ALONE = [law for law in all_laws() if not law.needs_peers]
"""Laws that judge a target by itself."""
OF_REFUSALS = ("support", "unsafe-claims", "consistent", "rejects", "abstract")
"""Laws to which a refusal is an answer."""


def answers(law: Law, case: Case, backend: Honest | None = None) -> dict[str, Outcome]:
    backend = backend or Honest("eager", "cpu")
    return {name: backend.run(probe) for name, probe in law.probes(case).items()}


def test_the_laws_stand_in_report_order() -> None:
    assert " ".join(law.id for law in all_laws()) == REPORTED


@pytest.mark.parametrize("law", all_laws(), ids=lambda law: law.id)
def test_a_statement_is_one_sentence_that_says_what_is(law: Law) -> None:
    assert law.statement.endswith(".")
    assert "should" not in law.statement
    assert len(law.statement) <= 120
    assert law.source
    assert "Budget:" in (law.__doc__ or "")


def test_a_law_is_found_by_its_id_and_an_unknown_one_names_those_that_there_are() -> None:
    assert law_by_id("bias").id == "bias"
    with pytest.raises(KeyError, match="output-shape, preimages"):
        law_by_id("gravity")


@pytest.mark.parametrize("law", [law for law in all_laws() if law.draws], ids=lambda law: law.id)
def test_the_honest_backend_passes_what_is_drawn(law: Law) -> None:
    honest = Honest("eager", "cpu")

    @hypothesis.settings(QUICK, max_examples=30)
    @given(cases(applies=law))
    def each(case: Case) -> None:
        judgement = law.assess(case, answers(law, case, honest))
        assert judgement.verdict == "pass", judgement.message

    each()


@pytest.mark.parametrize("law", all_laws(), ids=lambda law: law.id)
def test_a_law_asks_few_settings(law: Law) -> None:
    most = 6 if law.id == "preimages" else 3
    for case in (STRIDED, SAME, FORWARD):
        if law.applies(case):
            assert len({probe.settings for probe in law.probes(case).values()}) <= most


@pytest.mark.parametrize("case", [STRIDED, SAME, FORWARD], ids=lambda case: case.id)
def test_all_laws_together_ask_at_most_two_dozen_settings(case: Case) -> None:
    assert len({probe.settings for of_law in asked(case).values() for probe in of_law.values()}) <= 24


@pytest.mark.parametrize("law", [law for law in ALONE if law.id not in OF_REFUSALS], ids=lambda law: law.id)
@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("raised", "error"),
        ("crashed", "error"),
        ("timed-out", "error"),
        ("unsupported", "unsupported"),
        ("not-run", "not-run"),
    ],
)
def test_without_an_answer_there_is_a_verdict_and_a_reason(law: Law, kind: Kind, verdict: str) -> None:
    nearest = Case("nearest", Settings(input=(3,), kernel=(2,), stride=(2,)), resize="nearest")
    grouped = Case("grouped", Settings(input=(3,), kernel=(2,), dilation=(2,), groups=2, channels_in=2, channels_out=2))
    valid = Case("valid", Settings(input=(3,), kernel=(2,), stride=(2,), padding="valid"))
    sums = Case("sums", Settings(input=(3,), kernel=(2,)), laws=("large",), block=2)
    wide = Case("wide", Settings(input=(3,), kernel=(2,)), laws=("realistic",))
    timed = Case("timed", Settings(input=(3,), kernel=(2,)), laws=("cost",), cost="float64")
    several = (STRIDED, SAME, FORWARD, nearest, grouped, valid, sums, wide, timed)
    case = next(case for case in several if law.applies(case))
    judgement = law.assess(case, {name: Outcome(kind, reason="no such thing") for name in law.probes(case)})
    assert judgement.verdict == verdict
    assert "no such thing" in judgement.message


@pytest.mark.parametrize("law", ALONE, ids=lambda law: law.id)
def test_an_answer_of_no_shape_is_a_difference_and_no_fault_of_the_suite(law: Law) -> None:
    for case in (STRIDED, SAME, FORWARD):
        if not law.applies(case) or law.id in ("support", "determinism"):
            continue
        for shape in ((), (1,), (1, 1, 1, 1), (2, 1, 3)):
            got = {name: Outcome("value", np.zeros(shape, np.float32)) for name in law.probes(case)}
            assert law.assess(case, got).verdict == "differs"


class SaysLittle(Honest):
    """says only what a plain explicit call says: no shapes, no unbatched items, no forward convolution"""

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        if call_form or want == "unbatched" or not settings.transposed or not settings.batch or settings.rank > 1:
            return "it cannot"
        return None

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        raise Unsupported("it cannot")


def test_what_remains_is_judged_where_a_part_cannot_be_said() -> None:
    case = Case("plain", Settings(input=(4,), kernel=(3,), stride=(2,), padding=((1, 1),), bias=True))
    verdicts = judged(SaysLittle("eager", "cpu"), case, asked(case))
    unsupported = {law_id for law_id, verdict in verdicts.items() if verdict == "unsupported"}
    assert unsupported == {"adjoint", "rank", "call-form"}
    assert {verdict for law_id, verdict in verdicts.items() if law_id not in unsupported} == {"pass"}
    assert (
        law_by_id("call-form").assess(case, answers(law_by_id("call-form"), case, SaysLittle("", ""))).message
        == "no other call form says these settings"
    )


def test_a_batch_of_none_that_raises_does_not_hide_a_wrong_item() -> None:
    law, got = law_by_id("batch"), answers(law_by_id("batch"), STRIDED)
    got["batch 0"] = Outcome("raised", reason="no items")
    assert law.assess(STRIDED, got).message == "batch 0: raised: no items"
    got["item 1"] = got["item 0"]
    assert law.assess(STRIDED, got).verdict == "differs"


def test_oracles_that_disagree_are_a_fault_of_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(oracles.ORACLES, "matrix", lambda it, x, w, b=None: oracles.scatter(it, x, w, b) + 1)
    case = Case("plain", Settings(input=(4,), kernel=(3,)))
    judgement = law_by_id("value").assess(case, answers(law_by_id("value"), case))
    assert judgement.verdict == "suite-bug"
    assert judgement.message.startswith("scatter and matrix differ")


def test_literal_fractions_are_compared_within_the_bound() -> None:
    x, w = (np.array([[numbers]], np.float32) for numbers in ([0.1, 0.7, -0.3], [0.3, 0.9]))
    case = Case("fractions", Settings(input=(3,), kernel=(2,)), literal=Arrays(x, w))
    law = law_by_id("value")
    got = answers(law, case)
    used = law.assess(case, got).used
    assert used is not None
    assert 0 < used <= 1
    for law_id, verdict in judged(Honest("eager", "cpu"), case, asked(case)).items():
        assert verdict == "pass", law_id
    got["value"] = Outcome("value", valued(got["value"]) + np.float32(1e-6))
    judgement = law.assess(case, got)
    assert judgement.verdict == "differs"
    assert "x the bound (2 products in float32)" in judgement.message


class AnotherKernel(Honest):
    """rounds sums of fractions up in other call forms, as another kernel may; whole numbers are whole numbers"""

    def call(self, probe: Probe) -> np.ndarray:
        y = super().call(probe)
        return np.where(y == np.trunc(y), y, np.nextafter(y, np.float32(np.inf))) if probe.call_form else y


def test_another_call_form_may_round_literal_fractions_otherwise_and_no_whole_number() -> None:
    x, w = (np.array([[numbers]], np.float32) for numbers in ([0.1, 0.7, -0.3], [0.3, 0.9]))
    law, case = law_by_id("call-form"), Case("fractions", Settings(input=(3,), kernel=(2,)), literal=Arrays(x, w))
    assert law.assess(case, answers(law, case, AnotherKernel("eager", "cpu"))).verdict == "pass"
    got = answers(law, case)
    name = "another call form"
    assert law.assess(case, got | {name: Outcome("value", valued(got[name]) + 1)}).verdict == "differs"


def test_modes_are_compared_to_the_bit_on_whole_numbers_alone() -> None:
    law = law_by_id("mode")
    x, w = (np.array([[numbers]], np.float32) for numbers in ([0.1, 0.7, -0.3], [0.3, 0.9]))
    assert [*law.probes(Case("fractions", Settings(input=(3,), kernel=(2,)), literal=Arrays(x, w)))] == ["real"]
    assert [*law.probes(STRIDED)] == ["integers", "real"]


def test_a_mirrored_crop_and_a_silent_rounding_are_called_by_their_names() -> None:
    same = law_by_id("same-crop")
    got = answers(same, SAME)
    got["same"] = Outcome("value", valued(got["valid"])[:, :, 2:10])
    assert "it is the mirrored crop" in same.assess(SAME, got).message
    low = law_by_id("low-precision")
    arrays = STRIDED.data("precision-w")
    y = oracles.scatter(STRIDED.settings, arrays.x, arrays.w.astype(np.float16), arrays.b).astype(np.float32)
    judgement = low.assess(STRIDED, answers(low, STRIDED) | {"wide w": Outcome("value", y)})
    assert "w rounded to float16, or TF32" in judgement.message


def test_a_stale_claim_is_a_difference_and_a_refusal_is_not() -> None:
    law = law_by_id("support")
    computed = plain(STRIDED, "real")
    got = {"forced": Honest("eager", "cpu").run(computed)}
    refused = Outcome("unsupported", reason="it cannot")
    assert law.assess(STRIDED, got | {"plain": refused}).message.startswith("the claim is stale")
    for kind in ("raised", "unsupported", "crashed", "timed-out"):
        assert law.assess(STRIDED, {"plain": refused, "forced": Outcome(kind)}).verdict == "pass"
    wrong = Outcome("value", valued(got["forced"]) + 1)
    assert law.assess(STRIDED, {"plain": refused, "forced": wrong}).verdict == "pass"
    assert law.assess(STRIDED, {"plain": Outcome("not-run"), "forced": refused}).verdict == "not-run"


def test_numbers_that_are_right_wherever_they_are_cropped_make_no_claim_stale() -> None:
    ones = Arrays(np.array([[[-4]], [[4]], [[3]]], np.float32), np.ones((1, 1, 3), np.float32), None)
    cropped = Settings(input=(1,), kernel=(3,), stride=(4,), padding=((1, 1),), output_size=(2,), batch=3)
    case, law = Case("ones", cropped, literal=ones), law_by_id("support")
    forced = law.probes(case)["forced"]
    elsewhere = replace(forced, settings=cropped.replace(padding=((0, 1),)), force=False)
    answer = Honest("eager", "cpu").run(elsewhere)
    assert valued(answer).shape == cropped.y_shape
    assert law.assess(case, {"plain": Outcome("unsupported"), "forced": answer}).verdict == "pass"
