"""The page: a run as one HTML file that works from disk, offline, without JavaScript for its tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from convt.content import ROOT
from convt.page.case_views import CaseRow, case_row, case_section
from convt.page.coverage_views import coverage_rows
from convt.page.glossary import tip
from convt.page.matrices import anchor, covered, feature_groups, filter_link, law_rows, link
from convt.results.mine import mine_of
from convt.results.refusals import MEANINGS as REFUSED
from convt.results.refusals import refusal_groups
from convt.results.runfile import CaseRecord, KnownInfo, Run, TargetInfo, VerdictRecord
from convt.results.sentences import finding_of
from convt.results.tally import Tally, count, headline, plural
from convt.results.vocabulary import FAILING, LETTERS, MEANINGS, STANDINGS, SYMBOLS

BUDGET = 2_200_000
"""Characters for the sections of cases; those beyond it come without drawings, numbers and scripts, and say so."""
BRIEF_BUDGET = 3_200_000
"""Characters at which a section is left out: the case keeps its row."""
MOST_ROWS = 2_000
"""Rows of the list of cases; generated cases that pass everywhere are left out beyond it."""
MOST_LINKS = 24

Render = Callable[..., str]


@dataclass(frozen=True)
class KnownGroup:
    """A known difference and the verdicts that it explains."""

    info: KnownInfo
    count: int
    targets: str
    laws: str
    cases: list[str]
    more: int


@dataclass(frozen=True)
class TargetView:
    """A target's own section."""

    info: TargetInfo
    counts: Counter[str]
    total: int
    laws: list[tuple[str, Counter[str], int]]
    reasons: list[tuple[str, int, str, list[str]]]
    """(reason, verdicts, laws, first cases)."""


def write_page(run: Run, out: Path) -> None:
    """Write the page beside its place and move it there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    part.write_text(render_page(run), encoding="utf-8")
    part.replace(out)


def render_page(run: Run) -> str:
    """The page of a run."""
    tally = count(run)
    environment = page_environment()
    sections, told, brief = _sections(run, tally, environment.get_template("case.html").render)
    rows, left_out = _rows(run, tally, told)
    mine = mine_of(run)
    return environment.get_template("page.html").render(
        run=run, header=run.header, footer=run.footer, tally=tally, headline=headline(run, tally),
        mine=[mine.headline, *mine.troubles()] if mine else [],
        laws=law_rows(run, tally), features=feature_groups(run, tally), articles=_articles(run),
        refusals=refusal_groups(run, tally), refused=REFUSED, coverage=coverage_rows(run),
        known=_known(run, tally), targets=[_target(target, run, tally) for target in run.header.targets],
        sections=sections, brief=brief, files=_files(rows), left_out=left_out, told=told,
        failing=tally.cases_with(*FAILING),
    )  # fmt: skip


def page_environment() -> Environment:
    """jinja with what every page of ours has: symbols, words, links."""
    environment = Environment(
        loader=FileSystemLoader(ROOT / "reports" / "templates"),
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined,
    )  # fmt: skip
    environment.globals.update(
        anchor=anchor, link=link, plural=plural, filter_link=filter_link, symbols=SYMBOLS, standings=STANDINGS,
        meanings=MEANINGS, codes=LETTERS, web=_web, tip=tip, covered=covered,
    )  # fmt: skip
    environment.filters.update(comma=lambda value: f"{value:,}", prose=_prose)
    return environment


def _prose(text: str) -> Markup:
    """Escaped text with `this` set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  escaped just here


def _web(text: str) -> str:
    """The text where it is a web address, else nothing: nothing else becomes a link."""
    return text if re.fullmatch(r"https?://[^\s\"'<>]+", text) else ""


def _sections(run: Run, tally: Tally, render: Render) -> tuple[dict[str, list[Markup]], set[str], int]:
    """The sections by kind (wrong, known, claim), the cases that have one, and how many of them are brief."""
    wrong = tally.cases_with(*FAILING)
    known = [case for case in tally.cases_with("known") if case not in set(wrong)]
    claims = [case.id for case in run.cases.values() if case.claim and case.id not in {*wrong, *known}]
    spent, brief = 0, 0
    told: set[str] = set()
    found: dict[str, list[Markup]] = {"wrong": [], "known": [], "claim": []}
    for kind, cases in (("wrong", wrong), ("known", known), ("claim", claims)):
        for case in cases:
            if spent > BRIEF_BUDGET:
                break
            short = spent > BUDGET
            text = render(section=case_section(run.cases[case], run, tally, short), run=run)
            spent, brief = spent + len(text), brief + short
            told.add(case)
            found[kind].append(Markup(text))  # noqa: S704  rendered with autoescape on
    return found, told, brief


def _rows(run: Run, tally: Tally, told: set[str]) -> tuple[list[CaseRow], int]:
    """The list of cases, and how many generated ones that pass everywhere are left out of it."""
    notable = set(tally.cases_with(*STANDINGS[:5]))
    left_out = 0
    rows: list[CaseRow] = []
    for case in run.cases.values():
        if len(rows) >= MOST_ROWS and case.generated and case.id not in notable:
            left_out += 1
        else:
            rows.append(case_row(case, run, tally, case.id in told))
    return rows, left_out


def _files(rows: list[CaseRow]) -> list[tuple[str, list[CaseRow], int]]:
    """The rows by file, those of the user's own layers first, and how many of each file do not pass everywhere."""
    files: dict[str, list[CaseRow]] = {}
    for row in sorted(rows, key=lambda row: not row.case.mine):
        files.setdefault("generated" if row.case.generated else _file(row.case), []).append(row)
    return [(name, those, sum(map(_is_wrong, those))) for name, those in files.items()]


def _is_wrong(row: CaseRow) -> bool:
    return any(cell.standing in FAILING for cell in row.cells)


def _file(case: CaseRecord) -> str:
    return re.sub(r":\d+(:\d+)?$", "", case.origin) or "no file"


def _articles(run: Run) -> list[tuple[str, str, list[CaseRecord]]]:
    """(file, source, cases with a claim) for every file and source that makes claims."""
    found: dict[tuple[str, str], list[CaseRecord]] = {}
    for case in run.cases.values():
        if case.claim:
            found.setdefault((_file(case), case.source), []).append(case)
    return [(file, source, cases) for (file, source), cases in sorted(found.items())]


def _known(run: Run, tally: Tally) -> list[KnownGroup]:
    """The known differences that explain something, then those that the header lists and that explain nothing."""
    infos = {info.id: info for info in run.header.known}
    groups = []
    for name in [*sorted(tally.known), *(info for info in infos if info not in tally.known)]:
        records = tally.known.get(name, [])
        cases = sorted({record.case for record in records})
        groups.append(
            KnownGroup(
                infos.get(name, KnownInfo(name)), len(records), _names(record.target for record in records),
                _names(record.law for record in records), cases[:MOST_LINKS], max(len(cases) - MOST_LINKS, 0),
            )
        )  # fmt: skip
    return groups


def _names(names: Any) -> str:
    return ", ".join(sorted(set(names)))


def _target(target: TargetInfo, run: Run, tally: Tally) -> TargetView:
    laws = [(law.id, tally.by_law.get((law.id, target.name), Counter[str]())) for law in run.header.laws]
    counts = tally.by_target.get(target.name, Counter[str]())
    return TargetView(
        target, counts, sum(counts.values()), [(law, found, sum(found.values())) for law, found in laws],
        _reasons([record for record in run.verdicts if record.target == target.name]),
    )  # fmt: skip


def _reasons(records: list[VerdictRecord]) -> list[tuple[str, int, str, list[str]]]:
    """Why a target cannot, with counts; the most frequent first."""
    found: dict[str, list[VerdictRecord]] = {}
    for record in records:
        if record.verdict == "unsupported":
            finding = finding_of(record)
            found.setdefault(finding.words or finding.note or finding.message, []).append(record)
    return [
        (reason, len(those), _names(record.law for record in those), sorted({record.case for record in those})[:3])
        for reason, those in sorted(found.items(), key=lambda item: -len(item[1]))
    ]
