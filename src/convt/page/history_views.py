"""What the history page shows: a series a framework and target, its releases in order, and the cases that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import InvalidVersion, Version

from convt.results.features import short
from convt.results.matching import comparable_laws
from convt.results.records import RunFileError, VerdictRecord
from convt.results.releases import JudgedCase, Release, read_release
from convt.results.tally import case_standing
from convt.results.vocabulary import FAILING, standing

MOST_LINKS = 60
"""Cases of one row that are named."""


@dataclass(frozen=True)
class Cell:
    """A case at a release: its worst standing, how many laws do not hold, and whether a verdict changed here."""

    standing: str
    wrong: int = 0
    moved: bool = False


@dataclass(frozen=True)
class Turn:
    """What changed at one release: (verdict before, verdict now, laws), and what the first failing law says."""

    before: str
    """The version before."""
    version: str
    laws: tuple[tuple[str, str, tuple[str, ...]], ...]
    says: str = field(default="", compare=False)


@dataclass(frozen=True)
class Row:
    """Cases with the same history: the first one by name, and the others."""

    case: JudgedCase
    others: tuple[JudgedCase, ...]
    cells: tuple[Cell, ...]
    turns: tuple[Turn, ...]

    @property
    def short(self) -> str:
        return short(self.case.settings)

    @property
    def count(self) -> int:
        return 1 + len(self.others)


@dataclass(frozen=True)
class Column:
    """A release: its verdicts by standing, and the cases that changed since the judged release before it."""

    release: Release
    counts: Counter[str]
    changed: int = 0
    bits: int = 0
    """Cases with the same verdicts and other numbers, within the bound."""
    since: str = ""


@dataclass(frozen=True)
class SeriesView:
    """The releases of one package on one target."""

    package: str
    target: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    cases: int

    @property
    def title(self) -> str:
        return self.package if self.package == self.target else f"{self.package} on {self.target}"

    @property
    def changed(self) -> int:
        return sum(row.count for row in self.rows)

    @property
    def judged(self) -> int:
        return sum(column.release.missing is None for column in self.columns)


def read_history(folder: Path) -> list[Release]:
    """Every release in a folder's folders; RunFileError where there is none, or one cannot be read."""
    releases = [read_release(path) for path in sorted(folder.glob("*/*.jsonl.gz"))]
    if not releases:
        todo = "make some with convt history --judge all"
        raise RunFileError(folder, None, "no release", "folders with files PACKAGE-VERSION.jsonl.gz", todo)
    return releases


def series_of(releases: Iterable[Release]) -> list[SeriesView]:
    """The series by package and target, each with its releases from old to new."""
    found: dict[tuple[str, str], list[Release]] = {}
    for release in releases:
        found.setdefault((release.package, release.target), []).append(release)
    return [_series(*key, sorted(those, key=_age)) for key, those in sorted(found.items())]


def _age(release: Release) -> Version:
    try:
        return Version(release.version)
    except InvalidVersion:
        return Version("0")


def _series(package: str, target: str, releases: list[Release]) -> SeriesView:
    judged = [release for release in releases if release.missing is None]
    histories = {case.id: _history(case, judged) for case in _newest_cases(judged).values()}
    columns, previous = [], None
    for release in releases:
        counts = Counter(standing(record) for case in release.cases for record in release.records(case).values())
        if release.missing is not None or previous is None:
            columns.append(Column(release, counts))
        else:
            moved = sum(any(turn.version == release.version for turn in one.turns) for one in histories.values())
            columns.append(Column(release, counts, moved, _other_bits(previous, release), previous.version))
        previous = release if release.missing is None else previous
    changed = [history for history in histories.values() if history.turns]
    return SeriesView(package, target, tuple(columns), _rows(changed, releases), len(histories))


def _newest_cases(releases: list[Release]) -> dict[str, JudgedCase]:
    """Each case as the newest release knows it; one of another content under the same name is another case."""
    return {case.id: case for release in releases for case in release.cases.values()}


@dataclass(frozen=True)
class _History:
    """One case through the releases."""

    case: JudgedCase
    cells: Mapping[str, Cell]
    """By version; none where the release does not have the case."""
    turns: tuple[Turn, ...]


def _history(case: JudgedCase, judged: list[Release]) -> _History:
    cells: dict[str, Cell] = {}
    turns: list[Turn] = []
    before: Release | None = None
    for release in judged:
        if case.id not in release.cases or release.cases[case.id].digest != case.digest:
            continue
        records = release.records(case.id)
        turn = None if before is None else _turn(case.id, before, release)
        wrong = sum(record.verdict in FAILING for record in records.values())
        cells[release.version] = Cell(case_standing(records) or "nothing", wrong, turn is not None)
        turns += [] if turn is None else [turn]
        before = release
    return _History(case, cells, tuple(turns))


def _turn(case: str, before: Release, after: Release) -> Turn | None:
    """What changed between two releases, over the laws that both asked in one version; None where nothing did."""
    old, new = before.records(case), after.records(case)
    moved: dict[tuple[str, str], list[str]] = {}
    for law in old.keys() & new.keys() & comparable_laws(before.header, after.header):
        if old[law].verdict != new[law].verdict:
            moved.setdefault((old[law].verdict, new[law].verdict), []).append(law)
    if not moved:
        return None
    laws = tuple((was, now, tuple(sorted(names))) for (was, now), names in sorted(moved.items()))
    return Turn(before.version, after.version, laws, _says(moved, old, new))


def _says(
    moved: Mapping[tuple[str, str], list[str]], old: Mapping[str, VerdictRecord], new: Mapping[str, VerdictRecord]
) -> str:
    """The message of the first law that fails on either side of the change."""
    laws = sorted(law for names in moved.values() for law in names)
    told = [side[law] for side in (new, old) for law in laws if side[law].message]
    return f"{told[0].law}: {told[0].message}" if told else ""


def _other_bits(before: Release, after: Release) -> int:
    """How many cases have the same verdicts and other bits."""
    both = [(before.cases[name], case) for name, case in after.cases.items() if name in before.cases]
    return sum(
        old.digest == new.digest and old.bits != new.bits and before.verdicts(new.id) == after.verdicts(new.id)
        for old, new in both
    )


def _rows(histories: list[_History], releases: list[Release]) -> tuple[Row, ...]:
    """The changed cases; those that went the same way share a row. The earliest change first, then the most cases."""
    alike: dict[tuple[tuple[Cell, ...], tuple[Turn, ...]], list[JudgedCase]] = {}
    absent = {release.version: Cell("not-run" if release.missing else "nothing") for release in releases}
    for history in histories:
        cells = tuple(history.cells.get(version, cell) for version, cell in absent.items())
        alike.setdefault((cells, history.turns), []).append(history.case)
    order = list(absent)
    rows = []
    for (cells, turns), cases in alike.items():
        first, *others = sorted(cases, key=lambda case: case.id)
        rows.append(Row(first, tuple(others), cells, turns))
    rows.sort(key=lambda row: (order.index(row.turns[0].version), -row.count, row.case.id))
    return tuple(rows)
