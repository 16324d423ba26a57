"""The laws of one answer by every road, where no liar of the kill matrix goes."""

from __future__ import annotations

import pytest
from convt.content.tests.laws.abstract import Abstract
from convt.content.tests.laws.consistent import FORCED, Consistent, refusal

from convt.adapter.backend import Outcome
from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.content import ROOT
from convt.conv.settings import Settings
from tests.suite.conv.reference import Honest

LAW = Consistent()
CASE = Case("small", Settings(input=(3,), kernel=(2,)), laws=("consistent",))
REJECTS = {case.id: case for case in load_cases([ROOT / "specs" / "rejects.yaml"])}
ANSWERS = {name: Honest("eager", "cpu").run(probe) for name, probe in LAW.probes(CASE).items()}
REFUSED = Outcome("raised", reason="ValueError: dilation is not supported")


@pytest.mark.parametrize(
    ("claim", "said", "counts"),
    [
        ("Dilation is not supported", "ValueError: dilation is not supported here", True),
        ("the call has no argument dilation", "ValueError: dilation is not supported here", False),
    ],
)
def test_a_claim_counts_where_it_is_what_the_framework_says(claim: str, said: str, counts: bool) -> None:
    got = {"call": Outcome("unsupported", reason=claim), f"call{FORCED}": Outcome("raised", reason=said)}
    assert refusal(got, "call") == (said if counts else None)


def test_a_claim_does_not_count_where_the_call_is_answered_all_the_same() -> None:
    got = {"call": Outcome("unsupported", reason="no dilation"), f"call{FORCED}": ANSWERS["call"]}
    assert refusal(got, "call") is None


def test_an_engine_is_blamed_for_what_another_of_its_library_computes() -> None:
    mine = ANSWERS | {"call": REFUSED}
    found = LAW.judge_pair(CASE, mine, ANSWERS)
    assert (found.verdict, found.other) == ("differs", "value")
    assert found.message == f"call: raised where another engine answers: {REFUSED.reason}"
    assert LAW.judge_pair(CASE, ANSWERS, mine).verdict == "pass"
    assert LAW.judge_pair(CASE, mine, mine).verdict == "pass"


def test_the_engines_of_one_library_are_peers_and_no_others() -> None:
    assert LAW.peer("keras-torch", "keras-jax")
    assert not LAW.peer("keras-torch", "keras-torch/functional")
    assert not LAW.peer("keras-torch", "pytorch")
    assert not LAW.peer("pytorch", "jax")


def test_a_dtype_that_no_operation_has_is_no_inconsistency() -> None:
    got = ANSWERS | {"float16": REFUSED}
    assert LAW.assess(CASE, got).message.startswith("float16: raised where call answers")
    assert LAW.assess(CASE, got | {"float16, plainest": REFUSED}).verdict == "pass"


def abstract(call: Outcome, shape: Outcome, traced: Outcome) -> tuple[str, str]:
    found = Abstract().assess(REJECTS["stride-zero-transposed-2d"], {"call": call, "shape": shape, "traced": traced})
    return found.verdict, found.message


def test_both_roads_are_told_and_one_that_is_not_there_is_none() -> None:
    taken, absent = Outcome("value", shape=(1, 2)), Outcome("unsupported", reason="none")
    verdict, message = abstract(REFUSED, taken, taken)
    assert verdict == "differs"
    assert message.splitlines()[0] == "shape, traced: accepted: shape (1, 2)"
    assert abstract(REFUSED, REFUSED, absent)[0] == "pass"
    assert abstract(REFUSED, absent, absent)[0] == "unsupported"


def test_a_shape_that_no_memory_holds_is_right_although_the_call_refuses_it() -> None:
    huge = Outcome("value", shape=(1, 2, 2**33))
    assert abstract(REFUSED, huge, REFUSED)[0] == "pass"


def test_evaluation_that_ends_the_process_is_an_error_whatever_the_call_does() -> None:
    ended = Outcome("crashed", reason="SIGABRT")
    assert abstract(REFUSED, ended, REFUSED)[0] == "error"
    assert abstract(ended, ended, ended)[0] == "error"
    assert abstract(ended, REFUSED, REFUSED)[0] == "pass"
