"""What one pytest item is about, and how its verdicts become pass, fail, xfail or skip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import pytest

from convt.plugin.baseline import hold
from convt.results.changes import Change
from convt.session.recording import records_of
from convt.session.repeat import command
from convt.session.session import Session
from convt.session.verdicts import Matched, as_named_case, failure

VERDICTS = pytest.StashKey[list[dict[str, Any]]]()
"""The run file's records of an item."""
SHOWN = 6
"""How many failing laws of one item are told at length."""


def conclude(session: Session, item: pytest.Item, verdicts: Sequence[Matched]) -> None:
    """Keep the records of the item's verdicts, and end the item as they say."""
    item.stash[VERDICTS] = records = list(records_of(session, verdicts))
    held = hold(item.config, session, verdicts, records)
    failing = [matched for matched in verdicts if matched.fails]
    unheard = [matched for matched in failing if held is None or matched.found.law.id in held.unheard]
    if unheard:
        _fail([_text(session, matched) for matched in unheard[:SHOWN]], len(unheard))
    if held is not None and held.worse:
        by_law = {matched.found.law.id: matched for matched in verdicts}
        _fail([_changed(session, it, by_law.get(it.law)) for it in held.worse[:SHOWN]], len(held.worse))
    kinds = {matched.found.judgement.verdict for matched in verdicts}
    first = next((w.found.judgement.message for w in verdicts if w.found.judgement.verdict != "pass"), "")
    if "not-run" in kinds and session.requires(verdicts[0].found.target):
        pytest.fail(f"not-run, and --require names it: {first}", pytrace=False)
    broken = sorted({f"{it.found.judgement.verdict} {it.found.law.id}" for it in failing if it.broken})
    if held is not None and broken:
        _expect(f"{held.excused}: {', '.join(broken)}")
    explained = [matched.explained for matched in verdicts if matched.explained]
    if explained:
        _expect("; ".join(sorted({f"{entry.id}: {entry.reason}" for entry in explained})))
    if kinds and kinds <= {"not-run", "unsupported"}:
        pytest.skip(f"{' and '.join(sorted(kinds))}: {first.splitlines()[0] if first else ''}")


def _expect(reason: str) -> NoReturn:
    """End the item as an expected failure, without a traceback: pytest.xfail's shows every array that led there, which
    took a sixth of the host's time."""
    raise pytest.xfail.Exception(reason, pytrace=False)


def _fail(texts: Sequence[str], count: int) -> None:
    more = count - len(texts)
    pytest.fail("\n\n".join([*texts, *([f"and {more} more laws"] if more else [])]), pytrace=False)


def _changed(session: Session, change: Change, matched: Matched | None) -> str:
    """The text of one change for the worse since the baseline."""
    first = f"{change.kind} {change.law}, against the baseline: {change.says}"
    return f"{first}\n{_text(session, matched)}" if matched is not None and matched.broken else first


def _text(session: Session, matched: Matched) -> str:
    """The text of one failing verdict, with the command that repeats it; a generated case also as a named one."""
    found = matched.found
    targets = [found.target, *([found.judgement.peer] if found.judgement.peer else [])]
    repeat = command(session, found.case, found.law.id, targets)
    text = failure(matched, session.label(found.target), repeat, session.script(found)[1])
    return text if found.case.origin else text + as_named_case(found.case)
