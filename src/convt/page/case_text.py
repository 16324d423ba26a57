"""A case of a run as text: its settings, every law's verdict on each target, and the numbers where they are few."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from convt.page.case_views import settings_table
from convt.results.features import formulas
from convt.results.refusals import passed
from convt.results.runfile import CaseRecord, Run, TargetInfo, VerdictRecord
from convt.results.vocabulary import SYMBOLS, standing

WIDTH = 100
MOST_NUMBERS = 600
"""Characters of an array up to which it is printed."""


def case_text(run: Run, case: str, target: str | None = None) -> str:
    """The case on every target, or on one with the script that repeats it. The names have to be the run's."""
    record = run.cases[case]
    parts = [_about(record)]
    parts += [_target(run, record, info) for info in run.header.targets if target in (None, info.name)]
    if target is not None:
        script = script_of(run, case, target)
        parts += [script.rstrip()] if script else []
    return "\n\n".join(parts)


def script_of(run: Run, case: str, target: str) -> str:
    """The first script of the case on the target; empty where there is none."""
    found = (detail.script for (name, _, on), detail in run.details.items() if (name, on) == (case, target))
    return next((script for script in found if script), "")


def _about(case: CaseRecord) -> str:
    """What the case is: name, origin, reason, settings and sizes."""
    lines = [f"{case.id}  {case.origin or 'generated'}"]
    lines += [line for text in (case.about, case.source) if text for line in _wrap(text, "  ")]
    if case.reject:
        lines += _wrap(f"invalid call: {passed(case)}", "  ")
    lines += [f"  {name:<15} {value}" for name, value in settings_table(case.settings)]
    lines += [] if case.reject else [line for text in formulas(case.settings) for line in _wrap(text, "  ")]
    return "\n".join(lines)


def _target(run: Run, case: CaseRecord, info: TargetInfo) -> str:
    """Every verdict of one target: what holds on one line, everything else with its reason."""
    version = next((f"{name} {number}" for name, number in info.versions.items()), "version unknown")
    lines = [f"{info.name}  {version}"]
    if info.missing is not None:
        return "\n".join([*lines, *_wrap(f"did not run: {info.missing}", "  ")])
    records = [record for record in run.verdicts if (record.case, record.target) == (case.id, info.name)]
    holding = [record.law for record in records if record.verdict == "pass"]
    if holding:
        lines += _wrap(f"{SYMBOLS['pass']} pass: {', '.join(holding)}", "  ")
    calls: list[str] = []
    for record in records:
        if record.verdict != "pass":
            lines += _verdict(run, record)
            detail = run.details.get((case.id, record.law, info.name))
            calls += [detail.call] if detail is not None and detail.call else []
    lines += [f"  call: {call}" for call in dict.fromkeys(calls)]
    return "\n".join(lines if records else [*lines, "  not asked"])


def _verdict(run: Run, record: VerdictRecord) -> list[str]:
    """A verdict that is no pass: its sentence, what was expected and what came."""
    stands = standing(record)
    known = f" ({record.known})" if record.known else ""
    lines = _wrap(f"{SYMBOLS[stands]} {stands}: {record.law}{known}: {record.message}", "  ")
    detail = run.details.get((record.case, record.law, record.target))
    if detail is not None:
        lines += array_lines("expected", detail.expected) + array_lines("got", detail.actual)
    return lines


def array_lines(name: str, values: Any, else_where: str = "the page shows those that differ") -> list[str]:
    """Numbers, where they are few."""
    if values is None:
        return []
    text = json.dumps(values, default=str).replace(".0,", ",").replace(".0]", "]")
    if len(text) > MOST_NUMBERS:
        text = f"{len(text):,} characters of numbers: {else_where}"
    return _wrap(f"{name}: {text}", "    ")


def _wrap(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False)
