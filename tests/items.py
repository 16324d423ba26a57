"""What one pytest item is about, and how its verdicts become pass, fail, xfail or skip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from reports.changes import Change
from specs.case import Case
from tests.baseline import hold
from tests.laws.base import Law
from tests.strategies import as_yaml
from tests.verdicts import Weighed, case_record, detail_record, failure, said_once, verdict_record

if TYPE_CHECKING:
    from tests.run import Run

VERDICTS = pytest.StashKey[list[dict[str, Any]]]()
"""The run file's records of an item."""
SHOWN = 6
"""How many failing laws of one item are told at length."""


@dataclass(frozen=True, eq=False)
class Pair:
    """An item of the YAML cases: every law on one case and target."""

    case: Case
    target: str


@dataclass(frozen=True, eq=False)
class LawOn:
    """An item of the generated cases: one law on one target."""

    law: Law
    target: str


def conclude(run: Run, item: pytest.Item, verdicts: Sequence[Weighed]) -> None:
    """Keep the records of the item's verdicts, and end the item as they say."""
    item.stash[VERDICTS] = records = list(_records(run, verdicts))
    held = hold(run, verdicts, records)
    failing = [weighed for weighed in verdicts if weighed.fails]
    if failing and held is None:
        _fail([_text(run, item, weighed) for weighed in failing[:SHOWN]], len(failing))
    if held is not None and held.worse:
        by_law = {weighed.found.law.id: weighed for weighed in verdicts}
        _fail([_changed(run, item, it, by_law.get(it.law)) for it in held.worse[:SHOWN]], len(held.worse))
    kinds = {weighed.found.judgement.verdict for weighed in verdicts}
    first = next((w.found.judgement.message for w in verdicts if w.found.judgement.verdict != "pass"), "")
    if "not-run" in kinds and run.requires(verdicts[0].found.target):
        pytest.fail(f"not-run, and --require names it: {first}", pytrace=False)
    broken = sorted({f"{it.found.judgement.verdict} {it.found.law.id}" for it in failing if it.broken})
    if held is not None and broken:
        pytest.xfail(f"{held.excused}: {', '.join(broken)}")
    explained = [weighed.explained for weighed in verdicts if weighed.explained]
    if explained:
        pytest.xfail("; ".join(sorted({f"{entry.id}: {entry.reason}" for entry in explained})))
    if kinds and kinds <= {"not-run", "unsupported"}:
        pytest.skip(f"{' and '.join(sorted(kinds))}: {first.splitlines()[0] if first else ''}")


def _fail(texts: Sequence[str], count: int) -> None:
    more = count - len(texts)
    pytest.fail("\n\n".join([*texts, *([f"and {more} more laws"] if more else [])]), pytrace=False)


def _changed(run: Run, item: pytest.Item, change: Change, weighed: Weighed | None) -> str:
    """The text of one change for the worse since the baseline."""
    first = f"{change.kind} {change.law}, against the baseline: {change.says}"
    return f"{first}\n{_text(run, item, weighed)}" if weighed is not None and weighed.broken else first


def _records(run: Run, verdicts: Sequence[Weighed]) -> Sequence[dict[str, Any]]:
    records = []
    for weighed in verdicts:
        records.append(verdict_record(weighed))
        if not weighed.found.case.origin:
            records.append(case_record(weighed.found.case))
        if weighed.explained:
            run.owe(weighed.found)
            records.append(detail_record(weighed, "", ""))
        elif weighed.found.judgement.verdict in ("differs", "error", "suite-bug"):
            records.append(detail_record(weighed, *run.script(weighed.found)))
    said_once([record for record in records if record["kind"] == "verdict"])
    return records


def _text(run: Run, item: pytest.Item, weighed: Weighed) -> str:
    found = weighed.found
    case, target = found.case, found.target.split("@")[0].split("#")[0]
    script, there = run.script(found)[1], run.repeats(found.target)
    if case.origin:
        repeat = f'pytest -k "{case.id} and {target}" --law {found.law.id}{there}'
        return failure(weighed, run.label(found.target), repeat, script)
    repeat = f'pytest tests/test_generated.py -k "{found.law.id} and {target}" --seed {run.options.seed}{there}'
    named = "\n".join(["", "  as a named case:", *(f"    {line}" for line in as_yaml(case).splitlines())])
    return failure(weighed, run.label(found.target), repeat, script) + named
