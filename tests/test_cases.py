"""The YAML cases: each on each target, by every law that applies to it."""

from __future__ import annotations

import pytest

from convt.plugin.items import conclude
from convt.session.session import Pair, Session


def test_case(pair: Pair, conformance: Session, request: pytest.FixtureRequest) -> None:
    """Every law that applies to the case holds on the target."""
    conclude(conformance, request.node, conformance.verdicts(pair))
