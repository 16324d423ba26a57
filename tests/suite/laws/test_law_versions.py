"""A law that judges otherwise says so by its version: what each version catches is pinned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convt.conv import oracles
from convt.laws.catalogue import law_by_id
from convt.laws.law import PASS
from tests.suite.laws.kills import PAGE, kills, page
from tests.suite.laws.law_versions import PINS, Pin, Row, complaints, pinned, renewed, rows, versions, write
from tests.suite.laws.liars import ANSWERING


def test_what_each_law_catches_is_what_its_version_is_pinned_to() -> None:
    found = complaints(pinned(), rows(PAGE.read_text(encoding="utf-8")), versions())
    assert not found, "\n".join(found.values())


def test_a_law_and_the_oracles_have_whole_versions() -> None:
    assert all(isinstance(version, int) and version >= 1 for version in (*versions().values(), oracles.VERSION))


def judged_now() -> dict[str, Row]:
    """What the laws catch of two liars."""
    return rows(page(kills({name: ANSWERING[name] for name in ("DropsBias", "FlipsKernel")})))


def test_a_judgement_that_changes_asks_for_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = judged_now()
    pins = {law: Pin(version, before[law]) for law, version in versions().items()}
    assert complaints(pins, before, versions()) == {}
    law = law_by_id("bias")
    monkeypatch.setattr(law, "assess", lambda case, got: PASS)
    after = judged_now()
    assert after["bias"] == {}
    found = complaints(pins, after, versions())
    assert list(found) == ["bias"]
    assert "raise `version` of law bias and run python -m tests.suite.laws.law_versions; or" in found["bias"]
    with pytest.raises(ValueError, match="raise `version` of law bias"):
        renewed(pins, after, versions(), [])
    monkeypatch.setattr(law, "version", 2, raising=False)
    assert complaints(pins, after, versions()) == {
        "bias": "bias: has version 2, and is pinned as 1; run python -m tests.suite.laws.law_versions"
    }
    assert complaints(renewed(pins, after, versions(), []), after, versions()) == {}


def test_a_new_liar_renews_a_pin_only_where_the_law_is_named() -> None:
    pins, today = {"value": Pin(1, {"FlipsKernel": 23})}, {"value": 1}
    now = {"value": {"FlipsKernel": 23, "NewLiar": 4}}
    assert "NewLiar on 0 cases then, 4 now" in complaints(pins, now, today)["value"]
    for named in (["value"], ["all"]):
        assert renewed(pins, now, today, named) == {"value": Pin(1, now["value"])}
    with pytest.raises(ValueError, match="NewLiar"):
        renewed(pins, now, today, ["bias"])


def test_a_law_without_a_pin_and_a_pin_without_a_law_are_told() -> None:
    found = complaints({"old": Pin(1, {})}, {}, {"new": 1})
    assert found == {
        "old": "old: pinned, and no law any more; run python -m tests.suite.laws.law_versions",
        "new": "new: has no pin; run python -m tests.suite.laws.law_versions",
    }


def test_pins_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "pins.json"
    write(pinned(), path)
    assert path.read_bytes() == PINS.read_bytes()
    raised = {law: replace(pin, version=2) for law, pin in pinned().items()}
    write(raised, path)
    assert pinned(path) == raised
