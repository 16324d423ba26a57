"""Generated cases: each law on each target, on settings that nobody wrote down, shrunk where it breaks."""

from __future__ import annotations

import pytest

from convt.plugin.items import LawOn, conclude
from convt.session.run import Run
from convt.session.search import search


def test_law(law_on: LawOn, run: Run, request: pytest.FixtureRequest) -> None:
    """The law holds on the target for whatever Hypothesis draws."""
    conclude(run, request.node, search(run, law_on))
