"""Which calls are expected to end a target's process, before it has started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convt.cases.known import load_known
from convt.conv.settings import Settings
from convt.results.targets import Target
from convt.session.differences import KnownDifferences
from tests.suite.host.fakes import probe

ENTRY = """\
known:
  - id: ends
    asked: {dtype: [float32]}
    where: rank == 1 and kernel[0] == 3
    when: {version: ">=9", mode: [jit]}
    wrong: {outcome: crashed}
    reason: It ends.
    issue: none yet
    since: "9"
"""


def refuse(name: str) -> object:
    raise AssertionError(f"{name} was asked what it is before it has started")


@pytest.mark.parametrize(
    ("target", "settings", "dtype", "invalid", "ends"),
    [
        (Target("jax", default_mode="jit"), Settings((7,), (3,)), "float32", None, True),
        (Target("jax", "jit"), Settings((7,), (3,)), "float32", None, True),
        (Target("jax", "eager"), Settings((7,), (3,)), "float32", None, False),
        (Target("torch", default_mode="jit"), Settings((7,), (3,)), "float32", None, False),
        (Target("jax", default_mode="jit"), Settings((7,), (2,)), "float32", None, False),
        (Target("jax", default_mode="jit"), Settings((7,), (3,)), "float64", None, False),
        (Target("jax", default_mode="jit"), Settings((7,), (3,)), "float32", {"stride": 0}, False),
    ],
)
def test_a_known_difference_tells_calls_that_may_end_the_process(
    tmp_path: Path, target: Target, settings: Settings, dtype: str, invalid: dict[str, int] | None, ends: bool
) -> None:
    (tmp_path / "jax.yaml").write_text(ENTRY)
    may_end = KnownDifferences(load_known(tmp_path, ()), refuse, refuse).ending(target)  # type: ignore[arg-type]
    asked = replace(probe(1), settings=settings, x=np.ones(settings.x_shape, dtype), invalid=invalid)
    assert may_end(asked) is ends
    assert may_end(replace(asked, invalid={"stride": 0}, may_end=True))
