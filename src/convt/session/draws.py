"""Drawing cases with Hypothesis: the same ones for every target, from the run's seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given
from hypothesis.strategies import SearchStrategy

from convt.cases.case import Case
from convt.laws.law import Law
from convt.session.strategies import cases


def drawn(law: Law, seed: int, count: int) -> list[Case]:
    """The cases of a law, each once: that many draws, of which few are equal."""
    return different(cases(applies=law), seed, count)


def different(strategy: SearchStrategy[Case], seed: int, count: int) -> list[Case]:
    """The different ones of that many cases. They are drawn one by one: of lists, Hypothesis repeats parts."""
    found: dict[str, Case] = {}
    examples(strategy, lambda case: found.setdefault(case.digest, case), seed, count, Phase.generate)
    return list(found.values())


def examples(strategy: Any, look: Callable[[Any], object], seed: int, count: int, *phases: Phase) -> None:
    """Show that many examples to `look`, and what it raises to Hypothesis; equal seeds draw equal ones."""
    tuned = hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        print_blob=False,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )

    def test(example: Any) -> None:
        look(example)

    drawing: Any = given(strategy)(test)  # type: ignore[no-untyped-call]  # untyped for a strategy of Any
    hypothesis.seed(seed)(tuned(drawing))()
