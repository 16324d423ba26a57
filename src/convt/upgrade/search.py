"""The search: Hypothesis draws cases, both sides answer them, and each difference is shrunk to its smallest case.

Differences are told apart by how they differ (`kinds`), what was asked (`questions`), the operation, and the features
that their smallest cases need (`attribute`). What a found one explains is counted for it; what is left is shrunk next.
"""

from __future__ import annotations

import time

from convt.host.evaluator import Evaluator, Submits
from convt.upgrade.describe import Teller, Tells
from convt.upgrade.found import Found
from convt.upgrade.hunt import Hunt, Report
from convt.upgrade.sides import Answers, Sides

CASES = 1_000
"""How many cases a search tries where the budget allows."""


def search(
    asked: Answers | Submits,
    before: str,
    after: str,
    *,
    budget: float = 60.0,
    seed: int = 0,
    cases: int = CASES,
    report: Report | None = None,
    pool: Tells | None = None,
) -> Found:
    """Where two targets of one backend differ, each difference once, on its smallest case.

    `asked` is a pool, or an evaluator, that has both targets; scripts and versions come from `pool`, or from `asked`
    where that is one. `budget` is in seconds; where it suffices to try all `cases`, the same seed finds the same.
    `report` hears of each find at once. ValueError where budget or cases are not above 0.
    """
    if not budget > 0:
        raise ValueError(f"budget={budget}; seconds above 0 are accepted")
    if cases < 1:
        raise ValueError(f"cases={cases}; 1 or more is accepted")
    began = time.monotonic()
    evaluator: Answers = Evaluator(asked) if hasattr(asked, "submit") else asked  # type: ignore[arg-type]
    teller = Teller(pool or asked, before, after)
    hunt = Hunt(Sides(evaluator, before, after, budget), evaluator, teller.call_forms, report or (lambda said: None))
    stopped = hunt.run(seed, cases)
    differences = tuple(teller.tell(it, hunt.sides) for it in hunt.examples_found)
    return Found(
        before, after, teller.versions, seed, budget, differences, hunt.tried, hunt.sides.asked,
        time.monotonic() - began, not stopped, stopped, tuple(hunt.notes),
    )  # fmt: skip
