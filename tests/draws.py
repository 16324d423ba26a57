"""Drawing cases with Hypothesis: the same ones for every target, from the run's seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given

from specs.case import Case
from tests.laws.base import Law
from tests.options import Options
from tests.strategies import batches


def drawn(law: Law, options: Options) -> list[Case]:
    """The cases of a law, each once: as many batches as the profile says."""
    found: dict[str, Case] = {}

    def keep(batch: Sequence[Case]) -> None:
        found.update((case.digest, case) for case in batch)

    examples(batches(law, size=options.profile.size), keep, options.seed, options.profile.batches, Phase.generate)
    return list(found.values())


def examples(strategy: Any, look: Callable[[Any], None], seed: int, count: int, *phases: Phase) -> None:
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
