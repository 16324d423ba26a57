"""Two small runs, written and read back, that differ in just what a test says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from convt.results.changes import Change, Comparison, compare
from convt.results.runfile import (
    CaseRecord,
    DetailRecord,
    LawInfo,
    Record,
    Run,
    RunWriter,
    TargetInfo,
    VerdictRecord,
    read_run,
)
from tests.suite.results.synthetic_run import STATEMENTS, case_records, header

CASES = {case.id: case for case in case_records()}
CASE = "fools-everybody"
OTHER = "gap-1d"
JAX = TargetInfo("jax", "jax", "jit", "cpu", {"jax": "0.10.2"}, {"threads": "1"})
SAME = VerdictRecord(OTHER, "value", "jax", "pass", bits="1" * 16, outcome="value")
"""A verdict that stands on both sides, so that there is always something to compare."""
LAWS = tuple(LawInfo(law, said) for law, said in STATEMENTS.items())


def verdict(verdict: str = "pass", **changes: Any) -> VerdictRecord:
    """A verdict of the law `value` on the pair that fools people, by jax."""
    outcome = {"pass": "value", "differs": "value", "error": "raised", "unsupported": "unsupported"}.get(verdict, "")
    facts: dict[str, Any] = {"case": CASE, "law": "value", "target": "jax", "verdict": verdict, "outcome": outcome}
    facts["bits"] = "a" * 16 if verdict in ("pass", "differs") else ""
    if verdict == "differs":
        facts["message"] = "out[0,0,0]=3, but should be 4\n14 of 14 differ; largest 27"
    return VerdictRecord(**{**facts, **changes})


Speeds = dict[str, dict[str, tuple[float, float]]]
"""Target to settings to the median and the least seconds of a call."""


def generated(name: str, like: str = CASE, digest: str = "") -> CaseRecord:
    """A case as a search draws it."""
    return replace(
        CASES[like], id=name, digest=digest or name[-16:].rjust(16, "0"), origin="", generated=True, claim=None
    )


def made(path: Path, *records: Record, speeds: Speeds | None = None, **changes: Any) -> Run:
    """A run of the target jax with these records, the cases that they name, and a header with these changes."""
    facts = {"targets": (JAX,), "known": (), "laws": LAWS, **changes}
    given = {record.id: record for record in records if isinstance(record, CaseRecord)}
    others = [record for record in records if not isinstance(record, CaseRecord)]
    named = dict.fromkeys(record.case for record in others if isinstance(record, (VerdictRecord, DetailRecord)))
    with RunWriter(path) as writer:
        writer.write(header(**facts))
        for record in [*(given.get(name) or CASES[name] for name in named), *others]:
            writer.write(record)
        writer.finish(1.0, 0, target_speeds=speeds)
    return read_run(path)


def compared(tmp: Path, before: Any = (), after: Any = (), **options: Any) -> Comparison:
    """The comparison of two runs that have `SAME` and these records each."""
    sides = [[side] if isinstance(side, VerdictRecord) else list(side) for side in (before, after)]
    runs = [made(tmp / f"{name}.jsonl", SAME, *side) for name, side in zip(("before", "after"), sides, strict=True)]
    return compare(*runs, **options)


def only(comparison: Comparison) -> Change:
    """The one change that there is."""
    assert len(comparison.changes) == 1, comparison.changes
    return comparison.changes[0]
