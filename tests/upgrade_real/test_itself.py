"""A version and itself are the same, on every target and under every circumstance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.upgrade_real.itself import CIRCUMSTANCES, TARGETS, Circumstance, compared, run


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The run file of a target as it is, made once."""
    made: dict[str, Path] = {}

    def of(target: str) -> Path:
        if target not in made:
            made[target] = run(tmp_path_factory.mktemp("first"), target, Circumstance("first"))
        return made[target]

    return of


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
@pytest.mark.parametrize("target", TARGETS)
def test_a_version_is_the_same_as_itself(
    tmp_path: Path, first: Callable[[str], Path], target: str, circumstance: str
) -> None:
    found = compared(tmp_path, target, circumstance, first(target))
    assert found.same, found.said
    assert found.verdicts > 500
