"""Surroundings: what is right by luck alone is wrong in them, and what is right stays right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from convt.adapter.backend import Probe
from convt.adapter.stress import STRESS, environment, own_mode
from convt.conv.data import exact
from convt.conv.settings import Settings
from convt.host.pool import Pool
from convt.host.registry import parse_target
from convt.results.targets import TargetError
from tests.suite.host.fakes import AnswersWell, TrustsFreshMemory, backends

LUCKY = "trusts-fresh-memory"
FAKES = backends(TrustsFreshMemory, AnswersWell)
LARGE = Settings(input=(7_000,), kernel=(3,))
SMALL = Settings(input=(700,), kernel=(3,))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    names = [*(f"{LUCKY}/{mode}" for mode in ("", "hostile", "poisoned")), "answers-well/hostile"]
    # a backend from outside says its modes in its own process; surroundings are known here
    with Pool([parse_target(name.rstrip("/"), FAKES) for name in names], backends=FAKES) as started:
        yield started


def wrong(pool: Pool, target: str, settings: Settings) -> bool:
    arrays = exact(settings)
    asked = Probe(settings, arrays.x, arrays.w, arrays.b)
    outcome = pool.submit(target, [asked]).result()[0]
    right = AnswersWell("eager", "cpu").call(asked)
    assert outcome.value is not None, outcome.reason
    return not np.array_equal(outcome.value, right)


def test_luck_holds_where_fresh_memory_is_zero(pool: Pool) -> None:
    assert not wrong(pool, LUCKY, LARGE)


@pytest.mark.parametrize(("mode", "settings"), [("hostile", LARGE), ("poisoned", SMALL)])
def test_a_read_of_memory_that_nobody_wrote_shows(pool: Pool, mode: str, settings: Settings) -> None:
    assert wrong(pool, f"{LUCKY}/{mode}", settings)


def test_what_is_right_stays_right(pool: Pool) -> None:
    assert not wrong(pool, "answers-well/hostile", LARGE)


def test_the_header_says_what_was_set(pool: Pool) -> None:
    infos = pool.infos
    assert infos[f"{LUCKY}/hostile"].flags["MALLOC_PERTURB_"] == "128"
    assert infos[f"{LUCKY}/poisoned"].flags["CONVT_POISON"] == "1"
    assert "MALLOC_PERTURB_" not in infos[LUCKY].flags
    assert infos[f"{LUCKY}/hostile"].mode == "hostile"


def test_every_surroundings_changes_the_environment_and_no_mode_of_its_own() -> None:
    for name, variables in STRESS.items():
        assert variables
        assert environment(name) == variables
        assert own_mode(name) == ""
    assert (environment("jit"), own_mode("jit")) == ({}, "jit")


def test_a_surroundings_that_is_none_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(TargetError, match="hostile"):
        parse_target("pytorch/hostil")
