"""A comparison for a terminal: what got worse on top, three lines each, and the rest folded to counts."""

from __future__ import annotations

import textwrap

from convt.results.changes import Comparison
from convt.results.compare_view import (
    Group,
    by_target,
    cause_lines,
    facts,
    groups,
    how_many,
    mine_first,
    origin,
    pair_told,
    sentences,
    target_lines,
)
from convt.results.kinds import CLASSES, MEANINGS
from convt.results.tally import plural

WIDTH = 120
MOST = 20
"""Groups of one class that are told in full; the rest are counted."""
MOST_LAWS = 3
MOST_CAUSES = 6


def text(comparison: Comparison, most: int = MOST) -> str:
    """Lines of at most 120 columns; what is left out is counted."""
    first, rest = sentences(comparison)
    lines = [line for says in (*mine_first(comparison), first) for line in _wrap(f"convt: {says}", "")]
    for says, shown in cause_lines(comparison, MOST_CAUSES):
        lines += _wrap(says) if says else []
        lines += [f"    {shown}"] if shown else []
    lines += [*_wrap(rest), *_sides(comparison)]
    remarks = [f"! {alert}" for alert in comparison.alerts]
    remarks += [
        *(f"left out: {it.says}" for it in comparison.left_out),
        *(f"note: {note}" for note in comparison.notes),
    ]
    lines += [line for remark in remarks for line in _wrap(remark)]
    told = groups(comparison)
    for kind in CLASSES:
        worse = [group for group in told if group.kind == kind and group.worse]
        if worse:
            lines += ["", *_class(comparison, kind, worse, most)]
    lines += ["", *_rest(comparison, [group for group in told if not group.worse])]
    return "\n".join(_cut(line) for line in lines)


def _sides(comparison: Comparison) -> list[str]:
    told = facts(comparison)
    heads = ("run", "") if len(told) == 1 else ("before", "after")
    lines = [line for head, fact in zip(heads, told, strict=False) for line in _wrap(f"{head:<8} {fact}")]
    shown = target_lines(comparison)
    wide = max((len(line.name) for line in shown), default=0)
    for line in shown:
        if line.before == line.after:
            lines.append(f"  {line.name:<{wide}}  {line.before}, on both sides")
        else:
            lines += [f"  {line.name:<{wide}}  before  {line.before}", f"  {'':<{wide}}  after   {line.after}"]
    return lines


def _class(comparison: Comparison, kind: str, told: list[Group], most: int) -> list[str]:
    verdicts = sum(group.verdicts for group in told)
    lines = [f"{kind}: {plural(verdicts, 'verdict')}, {how_many(told)}; {MEANINGS[kind]}"]
    for group in told[:most]:
        lines += _group(comparison, group)
    if len(told) > most:
        left = [change for group in told[most:] for change in group.changes]
        counts = ", ".join(f"{target} {number:,}" for target, number in by_target(left))
        lines.append(f"  and {how_many(told[most:])} more ({counts} verdicts): see --format html or json")
    return lines


def _group(comparison: Comparison, group: Group) -> list[str]:
    """The case with its laws and target, then what stood before and after."""
    place = origin(comparison, group.first)
    more = len(group.laws) - MOST_LAWS
    laws = ", ".join(group.laws[:MOST_LAWS]) + (f" and {plural(more, 'more law')}" if more > 0 else "")
    head = " | ".join(part for part in (group.case, laws, group.target) if part) + (f"  [{place}]" if place else "")
    before, after = pair_told(group.first)
    lines = [f"  {head}"] + ([f"    before  {before}"] if before else [])
    return [*lines, f"    after   {after}" if before else f"    {after}"]


def _rest(comparison: Comparison, told: list[Group]) -> list[str]:
    """One line for each class that makes nothing worse: counts by target, and the first cases."""
    lines = []
    for kind in CLASSES:
        those = [group for group in told if group.kind == kind]
        if not those:
            continue
        counts = ", ".join(f"{name} {number:,}" for name, number in by_target(c for g in those for c in g.changes))
        lines.append(f"{kind}: {sum(group.verdicts for group in those):,} ({counts})")
        if kind in ("new-warning", "slower"):
            lines += [f"  {group.target}: {group.first.says}" for group in those[:MOST]]
        elif kind != "bits":
            names = list(dict.fromkeys(group.case for group in those if group.case))
            more = f", and {len(names) - 4:,} more" if len(names) > 4 else ""
            lines += [f"  {', '.join(names[:4])}{more}"] if names else []
    return [*lines, f"unchanged: {comparison.unchanged:,} of {plural(comparison.compared, 'verdict')} compared"]


def _wrap(remark: str, indent: str = "  ") -> list[str]:
    """A remark in full: what did not run, or was forced, is never cut."""
    return textwrap.wrap(remark, WIDTH, initial_indent=indent, subsequent_indent="    ", break_on_hyphens=False)


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."
