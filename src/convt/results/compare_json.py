"""A comparison as data, in a form that stays."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from convt.results.causes import Cause, case_of, causes
from convt.results.changes import Change, Comparison, Side
from convt.results.compare_view import decision, headline
from convt.results.mine_compared import mine_compared
from convt.results.records import ARRAYS, DetailRecord, VerdictRecord, spell

FORMAT = 1
"""The number of the form; docs/comparing.md describes it. Keys are added, never renamed or removed."""


def as_json(comparison: Comparison) -> str:
    """The comparison as one JSON text; numbers that JSON cannot carry are spelled as text, as in a run file."""
    return json.dumps(as_data(comparison), indent=1, allow_nan=False, ensure_ascii=False)


def as_data(comparison: Comparison) -> dict[str, Any]:
    """The same as plain data."""
    mine = mine_compared(comparison)
    return {
        "format": FORMAT,
        "exit": comparison.exit_status,
        "worse": comparison.worse,
        "decision": decision(comparison),
        "headline": headline(comparison),
        "mine": mine.data() if mine else None,
        "causes": [_cause(cause) for cause in causes(comparison)],
        "before": _side(comparison.before),
        "after": _side(comparison.after),
        "compared": comparison.compared,
        "counts": dict(comparison.counts),
        "left_out": [asdict(it) for it in comparison.left_out],
        "alerts": list(comparison.alerts),
        "notes": list(comparison.notes),
        "changes": [_change(comparison, change) for change in comparison.changes],
    }


def _cause(cause: Cause) -> dict[str, Any]:
    names = ("direction", "target", "before", "after", "where", "verdicts", "cases", "says", "since")
    example = dict(zip(("before", "after"), cause.example, strict=True)) if cause.cases else None
    return {name: getattr(cause, name) for name in names} | {"law": cause.first.law, "example": example}


def _side(side: Side) -> dict[str, Any]:
    header = side.header
    about = {name: getattr(header, name) for name in ("started", "seed", "profile", "command", "platform", "oracles")}
    targets = {
        name: {"ran": info.missing is None, "missing": info.missing, "versions": info.versions, "flags": info.flags}
        for name, info in side.targets.items()
    }
    return {"name": side.name, "path": str(side.run.path), "spec": "", **about, "targets": targets}


def _change(comparison: Comparison, change: Change) -> dict[str, Any]:
    case = case_of(comparison, change)
    told: dict[str, Any] = {
        name: getattr(change, name) for name in ("kind", "case", "law", "target", "says", "verdicts")
    }
    told["worse"] = comparison.is_worse(change)
    told["direction"] = change.direction
    if change.differs_in:
        told["differs_in"] = change.differs_in
    if case is not None:
        told |= {"digest": case.digest, "origin": case.origin}
    for name, side, record in (
        ("before", comparison.before, change.before),
        ("after", comparison.after, change.after),
    ):
        told[name] = None if record is None else _record(record, _detail(side, record, change.target))
    return told


def _detail(side: Side, record: VerdictRecord, target: str) -> DetailRecord | None:
    return side.detail(record.case, record.law, target)


def _record(record: VerdictRecord, detail: DetailRecord | None) -> dict[str, Any]:
    """A verdict with its evidence; what is empty is left out."""
    names = ("case", "law", "target")
    found = {name: value for name, value in asdict(record).items() if name not in names}
    if detail is not None:
        found |= {name: value for name, value in asdict(detail).items() if name not in names}
    found |= {name: spell(found[name]) for name in ARRAYS if found.get(name) is not None}
    found = {name: value for name, value in found.items() if value is not None and value != "" and value != ()}
    return found if record.again else {name: value for name, value in found.items() if name != "again"}
