"""The search among generated cases, where the target answers otherwise when it is asked again."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from convt.cases.case import Case
from convt.laws.catalogue import all_laws
from convt.session import search as generated
from convt.session.profiles import PROFILES

LAW = next(law for law in all_laws() if law.id == "value")


def failing(case: Case | None) -> Any:
    """What a verdict that fails, on this case, has for the search."""
    return SimpleNamespace(fails=True, case=case, found=SimpleNamespace(judgement=SimpleNamespace(message="wrong")))


def test_a_failure_that_does_not_come_again_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    first = failing(None)
    run: Any = SimpleNamespace(
        generated=lambda _: [first], options=SimpleNamespace(seed=1, profile=PROFILES["default"])
    )
    asked: Counter[str] = Counter()

    def once(_run: Any, _law: Any, case: Case) -> Any:
        """Each case fails when it is asked for the first time."""
        asked[case.digest] += 1
        return failing(case) if asked[case.digest] == 1 else None

    monkeypatch.setattr(generated, "_alone", once)
    law_on: Any = SimpleNamespace(law=LAW, target="x")
    told: Any
    (told,) = generated.search(run, law_on)
    assert told.fails
    assert told.case is not None
    assert max(asked.values()) > 1
