"""What a failing verdict shows: the call that went wrong, in the memory that it was given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from convt.content.tests.laws.layouts import Memory

from convt.adapter.backend import Outcome
from convt.cases.loader import load_cases
from convt.laws.truth import truth
from convt.session.batch import LawVerdict
from convt.session.verdicts import paste

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


def test_the_first_call_stands_where_the_judgement_names_none() -> None:
    assert verdict({name: Outcome("unsupported", reason="no") for name in PROBES}).shown is PROBES[NAMES[0]]


def test_a_script_lays_its_arrays_out() -> None:
    text = paste("", "y = x", PROBES["strided x, channels-last w"])
    assert "x = np.repeat(x, 2, axis=-1)[..., ::2]" in text
    assert "w = w.transpose(0, 2, 1).copy().transpose(0, 2, 1)" in text
    assert "strides" in paste("", "y = x", PROBES["broadcast x, contiguous w"])
    plain = PROBES["broadcast x, contiguous w"]
    assert "transpose" not in paste("", "y = x", plain)
