"""The two matrices of the page: laws x targets and settings x targets. Every cell says its count and its total."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from convt.results.features import FEATURES, Feature, has
from convt.results.runfile import LawInfo, Run, TargetInfo
from convt.results.tally import Tally, worst
from convt.results.vocabulary import STANDINGS, SYMBOLS


def anchor(kind: str, name: str) -> str:
    """The id of an element: `case-gap-1d`; it never changes. White space, which an id cannot hold, becomes `-`."""
    return f"{kind}-{re.sub(r'[^!-~]', '-', name)}"


def link(kind: str, name: str) -> str:
    """The fragment that leads to an anchor."""
    return "#" + quote(anchor(kind, name), safe="/@")


@dataclass(frozen=True)
class Part:
    """A count of one standing, and the address that lists what was counted."""

    standing: str
    count: int
    href: str = ""

    @property
    def listed(self) -> bool:
        """Whether the address is a list, not the first case."""
        return self.href.startswith("?")


@dataclass(frozen=True)
class MatrixCell:
    """The worst standing as symbol and word, how many pass of how many, and the other counts, the worst first."""

    standing: str
    word: str
    href: str = ""
    passed: int = 0
    total: int = 0
    parts: list[Part] = field(default_factory=list)

    @property
    def symbol(self) -> str:
        return SYMBOLS.get(self.standing, "·")


SILENT = MatrixCell("nothing", "not asked")


def _cell(counts: Counter[str], href: str, listed: dict[str, str]) -> MatrixCell:
    found = worst(counts)
    if found is None:
        return SILENT
    parts = [Part(name, counts[name], listed.get(name, "")) for name in STANDINGS if counts[name] and name != "pass"]
    return MatrixCell(found, found, href, counts["pass"], sum(counts.values()), parts)


def _silent(target: TargetInfo) -> MatrixCell:
    return SILENT if target.missing is None else MatrixCell("not-run", "not run", link("target", target.name))


def filter_link(**chosen: str) -> str:
    """An address of the list of cases, filtered."""
    return f"?{urlencode(chosen)}#cases"


@dataclass(frozen=True)
class LawRow:
    """A law and its cell at every target."""

    law: LawInfo
    cells: list[MatrixCell]


def law_rows(run: Run, tally: Tally) -> list[LawRow]:
    """Every law, in the header's order."""
    return [LawRow(law, [_law_cell(law, target, tally) for target in run.header.targets]) for law in run.header.laws]


def covered(law: LawInfo) -> str:
    """Of how many of its cases a law was asked, in words; empty where of all."""
    if not law.cover_above:
        return ""
    each = "YAML cases, in which any {} properties occur together that do so in all of them"
    if not law.cover:
        return f"On a target above another's engine asked of some of its {each.format(law.cover_above)}."
    fewer = f"; of fewer (any {law.cover_above}) on a target above another's engine"
    return f"Asked of some of its {each.format(law.cover)}{fewer if law.cover_above < law.cover else ''}."


def _law_cell(law: LawInfo, target: TargetInfo, tally: Tally) -> MatrixCell:
    counts = tally.by_law.get((law.id, target.name), Counter())
    found = worst(counts)
    if found is None:
        return _silent(target)
    if found == "not-run":
        href = link("target", target.name)
    else:
        href = "" if found == "pass" else link("case", tally.first[law.id, target.name, found])
    listed = {name: filter_link(law=law.id, target=target.name, verdict=name) for name in STANDINGS}
    return _cell(counts, href, listed)


@dataclass(frozen=True)
class FeatureRow:
    """A feature of settings, how many cases have it, and its cell at every target; counts are of cases."""

    feature: Feature
    cases: int
    cells: list[MatrixCell]


def feature_groups(run: Run, tally: Tally) -> list[tuple[str, list[FeatureRow]]]:
    """Every feature by group; a feature that no case has keeps its row, with nothing asked."""
    groups: dict[str, list[FeatureRow]] = {}
    for feature in FEATURES:
        cases = [case.id for case in run.cases.values() if not case.reject and has(feature, case.settings)]
        cells = [_feature_cell(cases, target, tally) for target in run.header.targets]
        groups.setdefault(feature.group, []).append(FeatureRow(feature, len(cases), cells))
    return list(groups.items())


def _feature_cell(cases: list[str], target: TargetInfo, tally: Tally) -> MatrixCell:
    stands = {case: tally.case_at(case, target.name) for case in cases}
    counts = Counter(found for found in stands.values() if found is not None)
    found = worst(counts)
    if found is None:
        return _silent(target)
    firsts = {name: next((case for case, at in stands.items() if at == name), "") for name in STANDINGS}
    href = link("target", target.name) if found == "not-run" else link("case", firsts[found])
    listed = {name: link("case", case) for name, case in firsts.items() if case}
    return _cell(counts, "" if found == "pass" else href, listed)
