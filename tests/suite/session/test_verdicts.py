"""What a failing verdict shows: the call that went wrong, in the memory that it was given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from convt.content.tests.laws.layouts import Memory

from convt.adapter.backend import Outcome
from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.conv.settings import Settings
from convt.laws.catalogue import law_by_id
from convt.laws.truth import truth
from convt.session.batch import LawVerdict
from convt.session.verdicts import paste
from tests.suite.conv.reference import Honest
from tests.suite.laws.sample import SAMPLE

ROOT = Path(__file__).parents[3]
LAW = Memory()
(CASE,) = (case for case in load_cases([ROOT / "specs" / "findings.yaml"]) if case.id == "line-that-no-tap-reaches")
PROBES = LAW.probes(CASE)
NAMES = tuple(PROBES)


def verdict(answers: dict[str, Outcome]) -> LawVerdict:
    return LawVerdict(CASE, LAW, "x", LAW.assess(CASE, answers), PROBES, answers, "")


@pytest.mark.parametrize("wrong", NAMES)
@pytest.mark.parametrize("kind", ["crashed", "value"])
def test_the_script_is_that_of_the_call_that_went_wrong(wrong: str, kind: str) -> None:
    right = {name: Outcome("value", truth(probe).astype(np.float32)) for name, probe in PROBES.items()}
    value = right[wrong].value
    assert value is not None
    bad = Outcome("crashed", reason="SIGSEGV") if kind == "crashed" else Outcome("value", value + 1)
    found = verdict(right | {wrong: bad})
    assert found.judgement.verdict in ("error", "differs")
    assert found.shown is PROBES[wrong]


WRONG_CALLS = [
    ("bias", "alone"), ("bias", "with"), ("bias", "without"), ("rank", "higher"), ("rank", "plain"),
    ("preimages", "extra (1,)"), ("preimages", "extra (0,)"), ("preimages", "back from extra (1,)"),
    ("dtype", "float16, real"), ("dtype", "float16"), ("linearity", "other x"), ("linearity", "w - other w"),
    ("groups", "group 1"), ("groups", "together"), ("batch", "item 1"), ("batch", "unbatched"), ("shift", "still"),
    ("symmetry", "flipped"), ("call-form", "first"), ("zero-insertion", "forward"), ("adjoint", "forward again"),
]  # fmt: skip
"""Laws, and the one of their calls that is answered wrongly."""


@pytest.mark.parametrize(("law_id", "wrong"), WRONG_CALLS)
def test_of_several_calls_the_one_that_is_wrong_is_shown(law_id: str, wrong: str) -> None:
    law = law_by_id(law_id)
    asked = ((case, law.probes(case)) for case in SAMPLE if law.applies(case))
    case, probes = next((case, probes) for case, probes in (*asked, (None, {})) if wrong in probes or case is None)
    if case is None:
        case = Case("small", Settings((4,), (3,), (2,), batch=2, bias=True), laws=(law_id,))
        probes = law.probes(case)
    answers = {name: Honest("eager", "cpu").run(probe) for name, probe in probes.items()}
    assert law.assess(case, answers).verdict == "pass"
    found = LawVerdict(
        case, law, "x", law.assess(case, answers | {wrong: spoilt(answers[wrong], law_id)}), probes, answers, ""
    )
    assert (found.judgement.verdict, found.judgement.probe) == ("differs", wrong)
    assert found.shown is probes[wrong]


def spoilt(outcome: Outcome, law_id: str) -> Outcome:
    """The same answer with other numbers in it; of the law of sizes, with another shape."""
    if outcome.value is None:
        return Outcome("value", shape=(*(outcome.shape or ()), 2))
    value = outcome.value
    if law_id == "preimages":
        return Outcome("value", value[..., :-1])
    return Outcome("value", value + np.arange(1, value.size + 1).reshape(value.shape).astype(value.dtype))


def test_the_first_call_stands_where_the_judgement_names_none() -> None:
    assert verdict({name: Outcome("unsupported", reason="no") for name in PROBES}).shown is PROBES[NAMES[0]]


def test_a_script_lays_its_arrays_out() -> None:
    text = paste("", "y = x", PROBES["strided x, channels-last w"])
    assert "x = np.repeat(x, 2, axis=-1)[..., ::2]" in text
    assert "w = w.transpose(0, 2, 1).copy().transpose(0, 2, 1)" in text
    assert "strides" in paste("", "y = x", PROBES["broadcast x, contiguous w"])
    plain = PROBES["broadcast x, contiguous w"]
    assert "transpose" not in paste("", "y = x", plain)
