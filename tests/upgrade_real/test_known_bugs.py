"""Upgrades around known changes of released versions are told right, there and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.upgrade_real.known_bugs import CHANGES, Change, decision, upgraded


@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda it: it.name)
def test_the_decision_is_the_one_that_is_due(tmp_path: Path, change: Change, back: bool) -> None:
    found = upgraded(tmp_path / "out", change, back)
    assert decision(found) == (change.back if back else change.forth), found.text + found.error
    assert found.code == int(decision(found) == "worse")
