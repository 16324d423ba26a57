"""The digest of the specification: what it is made of."""

from __future__ import annotations

from convt.content import ROOT
from convt.session.specification import held, specification


def test_the_digest_holds_cases_oracles_and_laws_and_no_known_difference() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in held()}
    assert {"specs/everyday.yaml", "specs/large/large.yaml", "tests/laws/values.py"} <= names
    assert not [name for name in names if name.endswith("known.yaml")]
    assert len(specification()) == 16
