"""Generated cases: each law on each target, on settings that nobody wrote down, shrunk where it breaks."""

from __future__ import annotations

import pytest

from convt.plugin.items import conclude
from convt.session.session import LawOn, Session


def test_law(law_on: LawOn, conformance: Session, request: pytest.FixtureRequest) -> None:
    """The law holds on the target for whatever Hypothesis draws."""
    from convt.session.search import search  # with Hypothesis, which takes half a second, and no case needs it

    conclude(conformance, request.node, search(conformance, law_on))
