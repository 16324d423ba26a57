"""What one pytest item is about, and how its verdicts become pass, fail, xfail or skip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from convt.cases.case import Case
from convt.laws.law import Law
from convt.plugin.baseline import hold
from convt.results.changes import Change
from convt.results.targets import Target
from convt.results.vocabulary import FAILING
from convt.session.strategies import as_yaml
from convt.session.verdicts import Matched, case_record, detail_record, failure, said_once, verdict_record

if TYPE_CHECKING:
    from convt.session.run import Run

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


def conclude(run: Run, item: pytest.Item, verdicts: Sequence[Matched]) -> None:
    """Keep the records of the item's verdicts, and end the item as they say."""
    item.stash[VERDICTS] = records = list(_records(run, verdicts))
    held = hold(run, verdicts, records)
    failing = [matched for matched in verdicts if matched.fails]
    unheard = [matched for matched in failing if held is None or matched.found.law.id in held.unheard]
    if unheard:
        _fail([_text(run, item, matched) for matched in unheard[:SHOWN]], len(unheard))
    if held is not None and held.worse:
        by_law = {matched.found.law.id: matched for matched in verdicts}
        _fail([_changed(run, item, it, by_law.get(it.law)) for it in held.worse[:SHOWN]], len(held.worse))
    kinds = {matched.found.judgement.verdict for matched in verdicts}
    first = next((w.found.judgement.message for w in verdicts if w.found.judgement.verdict != "pass"), "")
    if "not-run" in kinds and run.requires(verdicts[0].found.target):
        pytest.fail(f"not-run, and --require names it: {first}", pytrace=False)
    broken = sorted({f"{it.found.judgement.verdict} {it.found.law.id}" for it in failing if it.broken})
    if held is not None and broken:
        pytest.xfail(f"{held.excused}: {', '.join(broken)}")
    explained = [matched.explained for matched in verdicts if matched.explained]
    if explained:
        pytest.xfail("; ".join(sorted({f"{entry.id}: {entry.reason}" for entry in explained})))
    if kinds and kinds <= {"not-run", "unsupported"}:
        pytest.skip(f"{' and '.join(sorted(kinds))}: {first.splitlines()[0] if first else ''}")


def _fail(texts: Sequence[str], count: int) -> None:
    more = count - len(texts)
    pytest.fail("\n\n".join([*texts, *([f"and {more} more laws"] if more else [])]), pytrace=False)


def _changed(run: Run, item: pytest.Item, change: Change, matched: Matched | None) -> str:
    """The text of one change for the worse since the baseline."""
    first = f"{change.kind} {change.law}, against the baseline: {change.says}"
    return f"{first}\n{_text(run, item, matched)}" if matched is not None and matched.broken else first


def _records(run: Run, verdicts: Sequence[Matched]) -> Sequence[dict[str, Any]]:
    records = []
    for matched in verdicts:
        records.append(verdict_record(matched))
        if not matched.found.case.origin:
            records.append(case_record(matched.found.case))
        if matched.explained:
            run.owe(matched.found)
            records.append(detail_record(matched, "", ""))
        elif matched.found.judgement.verdict in FAILING:
            records.append(detail_record(matched, *run.script(matched.found)))
    said_once([record for record in records if record["kind"] == "verdict"])
    return records


def _text(run: Run, item: pytest.Item, matched: Matched) -> str:
    found = matched.found
    case, asked = found.case, Target.of(found.target)
    target = replace(asked, device="cpu", environment="").name
    script, there = run.script(found)[1], run.repeats(found.target)
    if case.origin:
        repeat = f'pytest -k "{case.id} and {target}" --law {found.law.id}{there}'
        return failure(matched, run.label(found.target), repeat, script)
    repeat = f'pytest tests/test_generated.py -k "{found.law.id} and {target}" --seed {run.options.seed}{there}'
    named = "\n".join(["", "  as a named case:", *(f"    {line}" for line in as_yaml(case).splitlines())])
    return failure(matched, run.label(found.target), repeat, script) + named
