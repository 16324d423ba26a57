"""Claims that a call harms: too wide a claim and too narrow a one are both seen, in processes that may die of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from convt.adapter import heap
from convt.adapter.backend import NOTHING_UNSAFE, Outcome
from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.content import ROOT
from convt.conv.settings import Settings
from convt.host.pool import Pool
from convt.host.registry import parse_target
from convt.laws.catalogue import law_by_id
from convt.results.finding import Finding
from convt.session.cover import cover
from tests.suite.host import fakes

LAW = law_by_id("unsafe-claims")
LIARS = ("claims-what-harms", "claims-too-much", "claims-too-little", "claims-nothing")
FAKES = fakes.backends(fakes.ClaimsWhatHarms, fakes.ClaimsTooMuch, fakes.ClaimsTooLittle, fakes.ClaimsNothing)
BATCHES = {"harms": 3, "just-outside": 2, "further-out": 1}
"""Items of a batch: `fakes.HARMS` of them and more harm."""
REASON = heap.lacks()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool([parse_target(f"{name}/heap-check", FAKES) for name in LIARS], backends=FAKES) as started:
        yield started


def case_of(items: int) -> Case:
    return Case(f"of-{items}", Settings(input=(4,), kernel=(1,), stride=(2,), batch=items), laws=(LAW.id,))


def answered(pool: Pool, name: str, items: int) -> tuple[Finding, Mapping[str, Outcome]]:
    """What the law says of a backend, and what came back."""
    case = case_of(items)
    probes = LAW.probes(case)
    outcomes = pool.submit(f"{name}/heap-check", list(probes.values())).result(600)
    got = dict(zip(probes, outcomes, strict=True))
    return LAW.assess(case, got), got


@pytest.mark.parametrize("where", BATCHES)
def test_a_claim_of_just_what_harms_holds(pool: Pool, where: str) -> None:
    finding, got = answered(pool, "claims-what-harms", BATCHES[where])
    assert finding.verdict == "pass"
    assert (got["unsafe value"].kind == "crashed") == (where == "harms")
    assert (got["value"].kind == "unsupported") == (where == "harms")


@pytest.mark.parametrize(
    ("where", "verdict"), [("harms", "pass"), ("just-outside", "differs"), ("further-out", "pass")]
)
def test_a_claim_that_is_too_wide_is_stale_just_outside(pool: Pool, where: str, verdict: str) -> None:
    finding, _ = answered(pool, "claims-too-much", BATCHES[where])
    assert finding.verdict == verdict
    assert verdict == "pass" or (finding.kind, finding.probe) == ("claim", "unsafe value")


@pytest.mark.parametrize("name", ["claims-too-little", "claims-nothing"])
def test_a_claim_that_is_too_narrow_lets_the_process_die_and_is_wrong(pool: Pool, name: str) -> None:
    finding, got = answered(pool, name, BATCHES["harms"])
    assert (finding.verdict, finding.probe) == ("error", "value")
    assert got["unsafe value"].reason == NOTHING_UNSAFE
    assert answered(pool, name, BATCHES["just-outside"])[0].verdict == "pass"


def test_each_call_that_is_said_to_harm_is_the_first_of_its_process(pool: Pool) -> None:
    """The backend counts its calls, and harms with the first one alone."""
    case = case_of(BATCHES["harms"])
    named = LAW.probes(case)
    probes = [named["value"], named["unsafe value"]] * 3
    outcomes = pool.submit("claims-what-harms/heap-check", probes).result(600)
    forced = [outcome.kind for probe, outcome in zip(probes, outcomes, strict=True) if probe.force]
    assert forced == ["crashed"] * 3


def test_many_expected_ends_in_a_row_do_not_give_a_target_up(pool: Pool) -> None:
    [forced] = [probe for name, probe in LAW.probes(case_of(3)).items() if name == "unsafe value"]
    outcomes = pool.submit("claims-what-harms/heap-check", [forced] * 25).result(600)
    assert [outcome.kind for outcome in outcomes] == ["crashed"] * 25
    assert pool.info("claims-what-harms/heap-check").failed is None


def test_every_case_of_a_claim_names_the_law_and_stays_in_every_cover() -> None:
    cases = load_cases([ROOT / "specs" / "unsafe.yaml"])
    assert cases
    assert {case.laws for case in cases} == {(LAW.id,)}
    assert [case.id for case in cover(cases)] == [case.id for case in cases]


@pytest.mark.parametrize(
    ("target", "asked"), [("pytorch", False), ("pytorch/hostile", False), ("jax/heap-check", True)]
)
def test_the_law_is_asked_where_the_heap_is_checked_alone(target: str, asked: bool) -> None:
    assert LAW.on(target) == asked
