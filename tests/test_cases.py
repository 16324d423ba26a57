"""The YAML cases: each on each target, by every law that applies to it."""

from __future__ import annotations

import pytest

from convt.plugin.items import Pair, conclude
from convt.session.run import Run


def test_case(pair: Pair, run: Run, request: pytest.FixtureRequest) -> None:
    """Every law that applies to the case holds on the target."""
    conclude(run, request.node, run.verdicts(pair))
