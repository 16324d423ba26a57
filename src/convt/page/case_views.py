"""What the page says about one case: its row in the list, and its section where there is something to tell."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from convt.page.drawing import drawings
from convt.results.evidence import Evidence, compare
from convt.results.features import formulas, padding_text, short, spatial
from convt.results.refusals import passed
from convt.results.runfile import CaseRecord, Run, TargetInfo, VerdictRecord
from convt.results.sentences import finding_of
from convt.results.tally import Tally, case_standing, worst
from convt.results.vocabulary import LETTERS, NOTABLE, STANDINGS, standing

MOST_TABLES = 2
MOST_SCRIPT = 24_000
"""Characters; a longer script stays in the run file, and the page says how to print it."""
MOST_NUMBERS = 1_500
"""Characters of x, w or b."""


@dataclass(frozen=True)
class RowCell:
    """A case at a target."""

    standing: str
    passed: int
    total: int


@dataclass(frozen=True)
class CaseRow:
    """A case in the list."""

    case: CaseRecord
    short: str
    formulas: list[str]
    cells: list[RowCell]
    codes: str
    has_section: bool


def case_row(case: CaseRecord, run: Run, tally: Tally, has_section: bool) -> CaseRow:
    """The row: where the case stands at every target, and all its verdicts for the filter."""
    targets = tally.by_case[case.id]
    cells, words = [], []
    for target in run.header.targets:
        laws = targets.get(target.name, {})
        passed = sum(record.verdict == "pass" for record in laws.values())
        cells.append(RowCell(case_standing(laws) or "nothing", passed, len(laws)))
        words.append("".join(LETTERS[standing(laws[law.id])] if law.id in laws else "." for law in run.header.laws))
    codes = "" if not words else words[0] if len(set(words)) == 1 else " ".join(words)
    lines = [] if case.reject else formulas(case.settings)
    return CaseRow(case, _short(case), lines, cells, codes, has_section)


@dataclass(frozen=True)
class Table:
    """The numbers of one verdict, and the laws that show the same."""

    laws: list[str]
    evidence: Evidence


@dataclass(frozen=True)
class TargetPart:
    """What one target did with a case, where it is not only passes."""

    target: TargetInfo
    standing: str
    records: list[tuple[str, VerdictRecord]]
    """(standing, record), the worst first."""
    tables: list[Table] = field(default_factory=list)
    more_tables: int = 0
    call: str = ""
    script: str = ""
    script_length: int = 0


@dataclass(frozen=True)
class CaseSection:
    """Everything about one case."""

    case: CaseRecord
    short: str
    standing: str
    settings: list[tuple[str, str]]
    formulas: list[str]
    drawings: list[tuple[str, str]]
    numbers: list[tuple[str, str]]
    parts: list[TargetPart]
    unsupported: list[tuple[str, list[tuple[str, str]]]]
    """(target, (reason, laws)) for every target with an unsupported verdict."""
    passing: list[str]
    missing: list[str]
    brief: bool = False


def case_section(case: CaseRecord, run: Run, tally: Tally, brief: bool = False) -> CaseSection:
    """The section of a case; `brief` leaves out drawings, numbers and scripts."""
    by_target = tally.by_case[case.id]
    parts, unsupported, passing, missing, all_counts = [], [], [], [], Counter[str]()
    for target in run.header.targets:
        laws = by_target.get(target.name, {})
        counts = Counter(standing(record) for record in laws.values())
        all_counts += counts
        reasons = _reasons(laws)
        if reasons:
            unsupported.append((target.name, reasons))
        if any(counts[name] for name in NOTABLE):
            parts.append(_part(case.id, target, laws, run, brief))
        elif counts["not-run"] or target.missing is not None:
            missing.append(target.name)
        elif counts["pass"]:
            passing.append(target.name)
    parts.sort(key=lambda part: STANDINGS.index(part.standing))
    it = case.settings
    if case.reject:  # what could be drawn is the valid operation
        plain = True
        table, lines = [("invalid call", passed(case)), *settings_table(it)], []
    else:
        plain, table, lines = brief, settings_table(it), formulas(it)
    return CaseSection(
        case, _short(case), worst(all_counts) or "nothing", table, lines,
        [] if plain else drawings(it), [] if plain else numbers(case), parts, unsupported, passing,
        missing, brief,
    )  # fmt: skip


def _short(case: CaseRecord) -> str:
    """The settings in a few words, and what an invalid call passes."""
    return short(case.settings) + (f" with {passed(case)}" if case.reject else "")


def _reasons(laws: dict[str, VerdictRecord]) -> list[tuple[str, str]]:
    found: dict[str, list[str]] = {}
    for law, record in laws.items():
        if record.verdict == "unsupported":
            found.setdefault(record.message, []).append(law)
    return [(reason, ", ".join(names)) for reason, names in found.items()]


def _part(case: str, target: TargetInfo, laws: dict[str, VerdictRecord], run: Run, brief: bool) -> TargetPart:
    """One target's verdicts on a case, with the numbers of the first laws and one script."""
    ranked = sorted(((standing(r), r) for r in laws.values()), key=lambda pair: STANDINGS.index(pair[0]))
    records = [(stands, record) for stands, record in ranked if stands in NOTABLE]
    if brief:
        return TargetPart(target, records[0][0], records)
    details = [(record, run.details.get((case, record.law, target.name))) for _, record in records]
    tables: dict[str, Table] = {}
    for record, detail in details:
        if detail is not None and (detail.expected is not None or detail.actual is not None):
            key = json.dumps([detail.expected, detail.actual], default=str)
            if key in tables:
                tables[key].laws.append(record.law)
            else:
                tables[key] = Table([record.law], compare(detail.expected, detail.actual, finding_of(record).index))
    script = next((detail.script for _, detail in details if detail is not None and detail.script), "")
    call = next((detail.call for _, detail in details if detail is not None and detail.call), "")
    shown = list(tables.values())[:MOST_TABLES]
    kept = script if len(script) <= MOST_SCRIPT else ""
    return TargetPart(target, records[0][0], records, shown, len(tables) - len(shown), call, kept, len(script))


def settings_table(it: dict[str, Any]) -> list[tuple[str, str]]:
    """Every setting by name, as the specification spells it."""
    explicit = " ".join(f"({lo}, {hi})" for lo, hi in it["crop"])
    rows = [
        ("op", it["op"]),
        ("input", "x".join(map(str, it["input"]))),
        ("kernel", spatial(it["kernel"])),
        ("stride", spatial(it["stride"])),
        ("dilation", spatial(it["dilation"])),
        ("padding", padding_text(it["padding"])),
        ("crop" if it["op"] == "conv_transpose" else "zeros", explicit),
        ("output padding", spatial(it["output_padding"]) if it["output_padding"] else "not given"),
        ("output size", "x".join(map(str, it["output_size"])) if it["output_size"] else "not given"),
        ("batch", str(it["batch"])),
        ("channels", f"{it['channels_in']} → {it['channels_out']}"),
        ("groups", str(it["groups"])),
        ("bias", "yes" if it["bias"] else "no"),
        ("output", "x".join(map(str, it["output"]))),
    ]
    return rows if it["op"] == "conv_transpose" else [row for row in rows if not row[0].startswith("output ")]


def numbers(case: CaseRecord) -> list[tuple[str, str]]:
    """x, w and b as text, cut where they are long."""
    found = []
    for name, array in (("x", case.x), ("w", case.w), ("b", case.b)):
        if array is not None:
            text = json.dumps(array).replace(".0,", ",").replace(".0]", "]")
            found.append((name, text if len(text) <= MOST_NUMBERS else f"{text[:MOST_NUMBERS]} ... (cut)"))
    return found
