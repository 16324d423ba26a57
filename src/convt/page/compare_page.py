"""A comparison as one HTML page that works from disk, offline and without JavaScript."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment

from convt.page.case_views import settings_table
from convt.page.page import page_environment
from convt.results.causes import case_of
from convt.results.changes import Comparison
from convt.results.compare_evidence import GroupEvidence, evidence_of
from convt.results.compare_view import (
    Group,
    LawLine,
    TargetLine,
    cause_lines,
    facts,
    groups,
    how_many,
    law_lines,
    origin,
    sentences,
    target_lines,
)
from convt.results.features import formulas, short
from convt.results.kinds import CLASSES, MEANINGS
from convt.results.mine_compared import mine_compared
from convt.results.records import CaseRecord

BUDGET = 4_000_000
"""Characters for the sections of cases, those that got worse first; what is beyond it is counted."""
MOST_OPEN = 40
"""Cases that stand open; a page of hundreds of open ones tells nothing at a glance."""
MOST_CAUSES = 30
MOST_ROWS = 400
"""Rows of a class that is listed; the others are counted."""
LISTED = ("new-warning", "slower", "new", "bits")
"""The classes of which the run file has no numbers: a table tells them."""

COLOURS = {
    "regressed": "differs", "newly-failing": "differs", "fails-differently": "error", "accept-refuse": "error",
    "result-type": "error", "drifted": "error", "unsteady": "error", "now-unsupported": "unsupported",
    "gone": "not-run", "new-warning": "known", "slower": "known", "fixed": "pass", "new": "pass", "bits": "nothing",
    "unchanged": "nothing",
}  # fmt: skip
"""Class -> the standing of the run's page whose colour it takes; the word always stands beside it."""
SYMBOLS = {
    "regressed": "↓", "newly-failing": "!", "fails-differently": "≠", "accept-refuse": "⇄", "result-type": "□",
    "drifted": "~", "unsteady": "?", "now-unsupported": "○", "gone": "—", "new-warning": "◇", "slower": "»",
    "fixed": "✓", "new": "+", "bits": "·", "unchanged": "=",
}  # fmt: skip


@dataclass(frozen=True)
class Section:
    """One case and target."""

    group: Group
    case: CaseRecord | None
    short: str
    origin: str
    settings: list[tuple[str, str]]
    formulas: list[str]
    laws: list[LawLine]
    evidence: GroupEvidence
    open: bool


@dataclass(frozen=True)
class ClassView:
    """A class: its sections, or its rows."""

    kind: str
    verdicts: int
    groups: int
    many: str
    """`2 cases`, `1 target`."""
    sections: list[str]
    rows: list[tuple[Group, str, str, str]]
    """(group, laws, origin, what it says)."""
    left_out: int


@dataclass(frozen=True)
class TargetRow:
    """A target on both sides, and how many of its verdicts fall into each class."""

    line: TargetLine
    counts: Counter[str]


def render_comparison(comparison: Comparison) -> str:
    """The page of a comparison."""
    env = _environment()
    told = groups(comparison)
    shown = [kind for kind in CLASSES if comparison.counts[kind] and kind != "unchanged"]
    shelf = _Sections(comparison, env)
    worse = [_view(shelf, kind, [g for g in told if g.kind == kind and g.worse]) for kind in CLASSES]
    rest = [_view(shelf, kind, [g for g in told if g.kind == kind and not g.worse]) for kind in CLASSES]
    mine = mine_compared(comparison)
    return env.get_template("compare.html").render(
        comparison=comparison, headline=sentences(comparison), mine=mine.parts if mine else (),
        causes=cause_lines(comparison, MOST_CAUSES), sides=facts(comparison), shown=shown,
        worse=[view for view in worse if view.groups], rest=[view for view in rest if view.groups],
        targets=_targets(comparison),
    )  # fmt: skip


def write_comparison(comparison: Comparison, out: Path) -> None:
    """Write the page beside its place and move it there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    part.write_text(render_comparison(comparison), encoding="utf-8")
    part.replace(out)


def _environment() -> Environment:
    env = page_environment()
    env.globals.update(colours=COLOURS, signs=SYMBOLS, classes=CLASSES, class_meanings=MEANINGS)
    return env


class _Sections:
    """Renders sections for as long as the page has room; the first that got worse stand open."""

    def __init__(self, comparison: Comparison, env: Environment) -> None:
        self.comparison = comparison
        self._template = env.get_template("compare_case.html")
        self._spent = self._opened = 0

    def render(self, those: list[Group]) -> list[str]:
        """The sections of the first groups that still fit."""
        found: list[str] = []
        for group in those:
            if self._spent > BUDGET:
                break
            is_open = group.worse and self._opened < MOST_OPEN
            section = _section(self.comparison, group, is_open)
            found.append(self._template.render(it=section, comparison=self.comparison))
            self._spent, self._opened = self._spent + len(found[-1]), self._opened + is_open
        return found


def _view(shelf: _Sections, kind: str, those: list[Group]) -> ClassView:
    """A class: as sections where its numbers are of use, else as rows."""
    verdicts, many = sum(group.verdicts for group in those), how_many(those)
    if kind not in LISTED or (those and those[0].worse):
        sections = shelf.render(those)
        return ClassView(kind, verdicts, len(those), many, sections, [], len(those) - len(sections))
    rows = [(it, ", ".join(it.laws), origin(shelf.comparison, it.first), it.first.says) for it in those[:MOST_ROWS]]
    return ClassView(kind, verdicts, len(those), many, [], rows, len(those) - len(rows))


def _section(comparison: Comparison, group: Group, is_open: bool) -> Section:
    case = case_of(comparison, group.first)
    it = case.settings if case is not None else None
    return Section(
        group, case, short(it) if it else "", origin(comparison, group.first), settings_table(it) if it else [],
        formulas(it) if it else [], law_lines(group), evidence_of(comparison, group), is_open,
    )  # fmt: skip


def _targets(comparison: Comparison) -> list[TargetRow]:
    counts: dict[str, Counter[str]] = {}
    for change in comparison.changes:
        counts.setdefault(change.target, Counter())[change.kind] += change.verdicts
    return [TargetRow(line, counts.get(line.name, Counter())) for line in target_lines(comparison)]
