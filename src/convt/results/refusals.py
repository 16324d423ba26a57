"""What targets do with invalid calls: the word of each verdict, and the page's table of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convt.results.directions import INVALID
from convt.results.records import CaseRecord, Run, TargetInfo, VerdictRecord
from convt.results.tally import Tally
from convt.results.vocabulary import STANDINGS, standing

REFUSALS = ("refused", "unclear", "accepted", "hung", "crashed")
"""What a target did, the best first. A record says it by its verdict and its outcome."""

MEANINGS = {
    "refused": "an error that names the setting",
    "unclear": "an error that names no setting at fault, or says that the system failed",
    "accepted": "an answer; right where it passes",
    "hung": "no end",
    "crashed": "the process ended",
    "unsupported": "the call has no such argument",
}


def refusal(record: VerdictRecord | None) -> str:
    """One of REFUSALS; empty where another law judged, or it was not executed."""
    if record is None or record.law != INVALID:
        return ""
    if record.outcome == "raised":
        return "refused" if record.verdict == "pass" else "unclear"
    return {"value": "accepted", "timed-out": "hung", "crashed": "crashed"}.get(record.outcome, "")


def refused_otherwise(before: VerdictRecord | None, after: VerdictRecord | None) -> str:
    """What changed in a refusal, in words; empty where nothing did."""
    was, is_ = refusal(before), refusal(after)
    if not is_ or was == is_:
        return ""
    if not was:
        asked = before is not None and before.verdict == "unsupported"
        return "unsupported before; refused after" if asked and is_ == "refused" else ""
    return f"{_worded(was)} before; {_worded(is_)} after"


def _worded(word: str) -> str:
    return {"unclear": "refused unclearly", "refused": "refused clearly"}.get(word, word)


@dataclass(frozen=True)
class RefusalPart:
    """How many settings of a kind got one word at a target, and the first of them."""

    word: str
    standing: str
    count: int
    case: str


@dataclass(frozen=True)
class RefusalCell:
    """A kind at a target: the worst standing, and every word, the gravest first."""

    standing: str
    parts: list[RefusalPart]


@dataclass(frozen=True)
class RefusalRow:
    """A kind of invalid call."""

    kind: str
    about: str
    invalid: str
    cases: int
    cells: list[RefusalCell]


def refusal_groups(run: Run, tally: Tally) -> list[tuple[str, list[RefusalRow]]]:
    """Every kind, by the setting at fault, in the file's order."""
    kinds: dict[str, list[CaseRecord]] = defaultdict(list)
    for case in run.cases.values():
        if case.reject:
            kinds[case.reject["kind"]].append(case)
    groups: dict[str, list[RefusalRow]] = defaultdict(list)
    for kind, cases in sorted(kinds.items(), key=lambda item: _line(item[1][0])):
        told = cases[len(cases) // 2]
        cells = [_cell(cases, target, tally) for target in run.header.targets]
        row = RefusalRow(kind, told.about, passed(told), len(cases), cells)
        groups[told.reject["fault"][0] if told.reject else ""].append(row)
    return list(groups.items())


def _line(case: CaseRecord) -> tuple[str, int]:
    """Where a kind stands in its file."""
    file, _, line = case.origin.rpartition(":")
    return file, int(line) if line.isdigit() else 0


def passed(case: CaseRecord) -> str:
    """What an invalid call passes, as `stride=[0, 0], w int32`; empty for a valid one."""
    if not case.reject:
        return ""
    said = [f"{name}={value!r}" for name, value in case.reject.get("invalid", {}).items()]
    return ", ".join([*said, *(_array(name, form) for name, form in case.reject.get("arrays", {}).items())])


def _array(name: str, form: dict[str, Any]) -> str:
    shape = form.get("shape")
    parts = [str(tuple(shape)) if shape is not None else "", form.get("dtype", "float32")]
    return " ".join([name, *(part for part in parts if part and part != "float32")])


def _cell(cases: Sequence[CaseRecord], target: TargetInfo, tally: Tally) -> RefusalCell:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for case in cases:
        record = tally.by_case[case.id].get(target.name, {}).get(INVALID)
        if record is not None:
            found[refusal(record) or record.verdict, standing(record)].append(case.id)
    parts = [RefusalPart(word, stands, len(those), those[0]) for (word, stands), those in found.items()]
    parts.sort(key=lambda part: (STANDINGS.index(part.standing), part.word))
    worst = parts[0].standing if parts else "nothing" if target.missing is None else "not-run"
    return RefusalCell(worst, parts)
