"""A comparison as Markdown, for the summary of a CI job: within the limit of 1 MiB that GitHub sets for a step."""

from __future__ import annotations

import html
import re

from convt.results.causes import case_of
from convt.results.changes import Comparison
from convt.results.compare_evidence import Called, evidence_of
from convt.results.compare_view import (
    Group,
    by_target,
    cause_lines,
    facts,
    groups,
    how_many,
    law_lines,
    mine_first,
    origin,
    sentences,
    target_lines,
)
from convt.results.evidence import Grid
from convt.results.features import short
from convt.results.kinds import CLASSES, MEANINGS
from convt.results.tally import plural

BUDGET = 900_000
"""Bytes; GitHub drops a summary of more than 1 MiB whole."""
MOST_LISTED = 200
"""Cases of one class that makes nothing worse that are listed by name."""
MOST_CAUSES = 12
MOST_MESSAGE = 1_000
"""Characters of one message."""


def markdown(comparison: Comparison, budget: int = BUDGET) -> str:
    """The comparison; cases that do not fit into the budget are counted."""
    blocks = [_top(comparison)]
    spent = len(blocks[0].encode())
    told = groups(comparison)
    folded = [_folded(kind, [g for g in told if g.kind == kind and not g.worse]) for kind in CLASSES]
    spent += sum(len(block.encode()) for block in folded)
    for kind in CLASSES:
        worse = [group for group in told if group.kind == kind and group.worse]
        if not worse:
            continue
        blocks.append(f"## {kind}: {plural(sum(g.verdicts for g in worse), 'verdict')}\n\n{_text(MEANINGS[kind])}.\n")
        spent += len(blocks[-1].encode()) + 200
        for place, group in enumerate(worse):
            block = _group(comparison, group)
            if spent + len(block.encode()) > budget:
                left = [change for other in worse[place:] for change in other.changes]
                blocks.append(f"And {how_many(worse[place:])} more ({_counts(left)}): see the page or the JSON.\n")
                break
            spent += len(block.encode())
            blocks.append(block)
    blocks += [block for block in folded if block]
    return "\n".join([*blocks, f"{comparison.unchanged:,} of {plural(comparison.compared, 'verdict')} unchanged."])


def _top(comparison: Comparison) -> str:
    """The headline, what did not run, who stands on each side, and the counts."""
    first, rest = sentences(comparison)
    mine = mine_first(comparison)
    lines = [f"# convt: {_text((mine or [first])[0])}", "", *([f"**{_text(first)}**", ""] if mine else [])]
    for says, shown in cause_lines(comparison, MOST_CAUSES):
        told = [_text(part[:MOST_MESSAGE]) for part in (says, shown) if part]
        lines += [f"- {'<br>'.join(told)}"] if told else []
    lines += ["", _text(rest), ""]
    lines += [f"**{_text(alert)}**\n" for alert in comparison.alerts]
    lines += ["| target | before | after |", "|---|---|---|"]
    lines += [f"| {_text(it.name)} | {_text(it.before)} | {_text(it.after)} |" for it in target_lines(comparison)]
    lines += ["", "| class | verdicts | what it means |", "|---|---:|---|"]
    lines += [f"| {kind} | {n:,} | {_text(MEANINGS[kind])} |" for kind, n in comparison.counts.items() if n]
    if comparison.left_out:
        lines += ["", "Left out, for they have no counterpart:", ""]
        lines += [f"- {_text(it.says)}" for it in comparison.left_out]
    remarks = [*(f"- {_text(fact)}" for fact in facts(comparison)), *(f"- {_text(note)}" for note in comparison.notes)]
    return "\n".join(
        [*lines, "", "<details><summary>The runs, and what else differs</summary>", "", *remarks, "", "</details>", ""]
    )


def _group(comparison: Comparison, group: Group) -> str:
    """One case and target, folded: every law before and after, the numbers, the calls."""
    case = case_of(comparison, group.first)
    laws = ", ".join(group.laws)
    title = " · ".join(_html(part) for part in (laws, group.target, short(case.settings) if case else "") if part)
    lines = [f"<details><summary><b>{_html(group.case or group.target)}</b> · {title}</summary>", ""]
    place = origin(comparison, group.first)
    lines += [f"{_text(place)}\n"] if place else []
    for line in law_lines(group):
        said = [f"before  {line.before}"[:MOST_MESSAGE]] * bool(line.before) + [f"after   {line.after}"[:MOST_MESSAGE]]
        named = ", ".join(line.laws) or group.kind
        lines += [f"**{_text(named)}**{': ' if line.says else ''}{_text(line.says)}\n", _fence("\n".join(said))]
    evidence = evidence_of(comparison, group)
    for table in evidence.tables:
        lines += [f"{_text(', '.join(table.laws))}: {_text(table.evidence.note)}\n", *map(_grid, table.evidence.grids)]
    lines += [line for called in evidence.called for line in _called(called)]
    return "\n".join([*lines, "</details>", ""])


def _called(called: Called) -> list[str]:
    lines = [f"The call, {_text(called.side)}{f' ({_text(called.note)})' if called.note else ''}:\n"]
    lines += [_fence(called.call, "python")] if called.call else []
    if called.script:
        lines += [
            "<details><summary>The same without the suite</summary>\n",
            _fence(called.script, "python"),
            "</details>\n",
        ]
    return lines


def _grid(grid: Grid) -> str:
    """A table of numbers; those that differ are bold and marked."""
    head = f"| {_text(grid.caption)} | {' | '.join(grid.columns)} |"
    rows = [
        f"| {_text(name)} | {' | '.join(f'**≠ {cell.text}**' if cell.differs else cell.text for cell in cells)} |"
        for name, cells in grid.rows
    ]
    return "\n".join([head, f"|---|{'---:|' * len(grid.columns)}", *rows, ""])


def _folded(kind: str, told: list[Group]) -> str:
    """A class that makes nothing worse: its cases by name."""
    if not told:
        return ""
    changes = [change for group in told for change in group.changes]
    title = f"{kind}: {sum(group.verdicts for group in told):,} ({_html(_counts(changes))})"
    lines = [f"<details><summary>{title}</summary>", "", f"{_text(MEANINGS[kind])}.", ""]
    for group in told[:MOST_LISTED]:
        laws = f": {_text(', '.join(group.laws))}" if kind not in ("new-warning", "slower") else ""
        says = f"; {_text(group.first.says[:MOST_MESSAGE])}" if kind != "bits" else ""
        lines.append(f"- **{_text(group.case or group.target)}** on {_text(group.target)}{laws}{says}")
    if len(told) > MOST_LISTED:
        lines.append(f"- and {len(told) - MOST_LISTED:,} more: see the page or the JSON")
    return "\n".join([*lines, "", "</details>", ""])


def _counts(changes: list) -> str:
    return ", ".join(f"{target} {number:,}" for target, number in by_target(changes))


def _html(text: str) -> str:
    """Text inside an HTML element; on one line."""
    return html.escape(" ".join(text.split()))


def _text(text: str) -> str:
    """Text that Markdown shows as it stands: no markup, no table border and no HTML."""
    escaped = re.sub(r"([\\`*_{}\[\]|~#$])", r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fence(text: str, language: str = "text") -> str:
    """A block of code, behind a fence longer than any in the text."""
    ticks = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text)), 3)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}\n"
