"""The evidence behind the changes of one case: before and after side by side, and each side's call and script."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from convt.results.changes import Change, Comparison, Side
from convt.results.classes import standing
from convt.results.compare_view import Group
from convt.results.evidence import Evidence, pairs, shape_of, side_by_side, unequal, within
from convt.results.records import DetailRecord, VerdictRecord
from convt.results.sentences import finding_of

MOST_TABLES = 2
MOST_SCRIPT = 12_000
"""Characters; a longer script stays in the run file, and `convt script` prints it."""


@dataclass(frozen=True)
class Table:
    """The numbers of the laws that show the same ones."""

    laws: list[str]
    evidence: Evidence


@dataclass(frozen=True)
class Called:
    """The framework's own call on one side; the texts are empty where the run file has none."""

    side: str
    call: str = ""
    script: str = ""
    note: str = ""


@dataclass(frozen=True)
class GroupEvidence:
    """What there is to show of a group."""

    tables: list[Table]
    more_tables: int
    called: list[Called]


def evidence_of(comparison: Comparison, group: Group) -> GroupEvidence:
    """Tables, calls and scripts of a group's laws."""
    tables: dict[str, Table] = {}
    for change in group.changes:
        before, after = _details(comparison, change)
        found = _numbers(change, before, after)
        if found is not None:
            key = json.dumps(found, default=str)
            if key in tables:
                tables[key].laws.append(change.law)
            else:
                tables[key] = Table([change.law], _tables(*found, change))
    shown = list(tables.values())[:MOST_TABLES]
    return GroupEvidence(shown, len(tables) - len(shown), _calls(comparison, group))


def _details(comparison: Comparison, change: Change) -> tuple[DetailRecord | None, DetailRecord | None]:
    return _detail(comparison.before, change.before, change.target), _detail(
        comparison.after, change.after, change.target
    )


def _detail(side: Side, record: VerdictRecord | None, target: str) -> DetailRecord | None:
    return None if record is None else side.detail(record.case, record.law, target)


Numbers = tuple[Any, Any, Any]
"""(expected, before, after): nested lists, or None where the run file has none."""


def _numbers(change: Change, before: DetailRecord | None, after: DetailRecord | None) -> Numbers | None:
    """The numbers of both sides; a side that passed gave what was expected."""
    expected = next((it.expected for it in (after, before) if it is not None and it.expected is not None), None)
    was, is_ = _given(change.before, before, expected), _given(change.after, after, expected)
    return None if was is None and is_ is None else (expected, was, is_)


def _given(record: VerdictRecord | None, detail: DetailRecord | None, expected: Any) -> Any:
    if standing(record) == "pass":
        return expected
    return None if detail is None else detail.actual


def _tables(expected: Any, before: Any, after: Any, change: Change) -> Evidence:
    """Before and after with the numbers marked that differ; what was expected too, where neither side gave it."""
    notes = _passed(change)
    if before is None or after is None:
        side, array = ("after", after) if before is None else ("before", before)
        grids, cut = side_by_side([("expected", expected), (side, array)], None) if _alike(expected, array) else (
            side_by_side([(side, array)], None))  # fmt: skip
        return Evidence(" ".join([*notes, f"The other side has no numbers. {cut}"]).strip(), grids)
    if not _alike(before, after):
        notes.append(f"The shapes differ: {shape_of(before)} before, {shape_of(after)} after.")
        alone = [side_by_side([pair], None)[0] for pair in (("before", before), ("after", after))]
        return Evidence(" ".join(notes), [grid for found in alone for grid in found])
    differing = [index for index, a, b in pairs(before, after) if unequal(a, b)]
    total = sum(1 for _ in pairs(before, after))
    index = () if change.after is None else finding_of(change.after).index
    around = (differing[0] if differing else None) or within(index, shape_of(after))
    arrays: list[tuple[str, Any]] = [("before", before), ("after", after)]
    neither = "pass" not in (standing(change.before), standing(change.after)) and _alike(expected, after)
    if neither:
        arrays.insert(0, ("expected", expected))
    grids, cut = side_by_side(arrays, around, (None, None, 1) if neither else (None, 0))
    notes.append(f"{len(differing):,} of {total:,} numbers differ between before and after, marked ≠. {cut}")
    return Evidence(" ".join(notes).strip(), grids)


def _passed(change: Change) -> list[str]:
    """What stands for the numbers of a side that passed, since the run file keeps only those of failures."""
    notes = []
    for side, record in (("Before", change.before), ("After", change.after)):
        if record is not None and record.verdict == "pass":
            exact = record.used is None
            notes.append(f"{side} it passed: {'it gave' if exact else 'it was within the bound of'} what is expected.")
    return notes


def _alike(a: Any, b: Any) -> bool:
    return a is not None and b is not None and shape_of(a) == shape_of(b)


def _calls(comparison: Comparison, group: Group) -> list[Called]:
    """The call and script of each side: of the first law that has one."""
    found = []
    for at, (name, side) in enumerate((("before", comparison.before), ("after", comparison.after))):
        details = [_details(comparison, change)[at] for change in group.changes]
        detail = next((it for it in details if it is not None and it.script), None)
        if detail is None:
            found.append(Called(name))
        elif len(detail.script) > MOST_SCRIPT:
            full = side.names.get(group.target, group.target)
            command = f"convt script {side.run.path.name} {detail.case} {full}"
            found.append(Called(name, detail.call, "", f"{len(detail.script):,} characters: {command}"))
        else:
            found.append(Called(name, detail.call, detail.script))
    return _shared(found)


def _shared(called: list[Called]) -> list[Called]:
    """Where only one side has a script, or both have the same one, say so: it is run in both environments."""
    before, after = called
    if before.script == after.script and before.call == after.call:
        return [] if not after.script and not after.note else [
            Called("both sides", after.call, after.script, after.note or "the same in both environments")]  # fmt: skip
    if not before.script and not before.note:
        return [Called(after.side, after.call, after.script, f"the same script shows {before.side} in its environment")]
    if not after.script and not after.note:
        return [
            Called(before.side, before.call, before.script, f"the same script shows {after.side} in its environment")
        ]
    return called
