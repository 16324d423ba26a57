"""What one pytest item is about, and how its verdicts become pass, fail, xfail or skip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from specs.case import Case
from tests.laws.base import Law
from tests.strategies import as_yaml
from tests.verdicts import Weighed, case_record, detail_record, failure, verdict_record

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
    item.stash[VERDICTS] = list(_records(run, verdicts))
    failing = [weighed for weighed in verdicts if weighed.fails]
    if failing:
        texts = [_text(run, item, weighed) for weighed in failing[:SHOWN]]
        more = len(failing) - len(texts)
        pytest.fail("\n\n".join([*texts, *([f"and {more} more laws"] if more else [])]), pytrace=False)
    kinds = {weighed.found.judgement.verdict for weighed in verdicts}
    first = next((w.found.judgement.message for w in verdicts if w.found.judgement.verdict != "pass"), "")
    if "not-run" in kinds and run.requires(verdicts[0].found.target):
        pytest.fail(f"not-run, and --require names it: {first}", pytrace=False)
    explained = [weighed.explained for weighed in verdicts if weighed.explained]
    if explained:
        pytest.xfail("; ".join(sorted({f"{entry.id}: {entry.reason}" for entry in explained})))
    if kinds and kinds <= {"not-run", "unsupported"}:
        pytest.skip(f"{' and '.join(sorted(kinds))}: {first.splitlines()[0] if first else ''}")


def _records(run: Run, verdicts: Sequence[Weighed]) -> Sequence[dict[str, Any]]:
    records = []
    for weighed in verdicts:
        records.append(verdict_record(weighed))
        if not weighed.found.case.origin:
            records.append(case_record(weighed.found.case))
        if weighed.found.judgement.verdict in ("differs", "error", "suite-bug"):
            records.append(detail_record(weighed, *run.script(weighed.found)))
    return records


def _text(run: Run, item: pytest.Item, weighed: Weighed) -> str:
    found = weighed.found
    case, target = found.case, found.target.split("@")[0].split("#")[0]
    script = run.script(found)[1]
    if case.origin:
        repeat = f'pytest -k "{case.id} and {target}" --law {found.law.id}'
        return failure(weighed, run.label(found.target), repeat, script)
    repeat = f'pytest tests/test_generated.py -k "{found.law.id} and {target}" --seed {run.options.seed}'
    named = "\n".join(["", "  as a named case:", *(f"    {line}" for line in as_yaml(case).splitlines())])
    return failure(weighed, run.label(found.target), repeat, script) + named
