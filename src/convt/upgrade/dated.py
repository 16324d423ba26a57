"""Since which release each cause of a comparison is so: what the history knows of the versions between both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import InvalidVersion, Version

from convt.results.causes import Cause, case_of, causes, did
from convt.results.changes import Change, Comparison
from convt.results.matching import comparable_laws
from convt.results.records import RunFileError
from convt.results.releases import Release, read_release
from convt.results.tally import plural
from convt.upgrade.kept import versions_of
from convt.upgrade.series import HISTORY, SERIES, Series

PASSED = ("right", "answered right", "refused clearly", "refused or answered right")
"""What a pass is called; the history does not tell how an invalid call ended that passes."""
MOST = 3
"""Steps that are named where the cases of one cause changed in several."""


@dataclass(frozen=True, eq=False)
class Between:
    """The released versions from one side of a comparison to the other, the oldest first."""

    series: Series
    up: bool
    """Whether the version after is the newer one."""
    ends: tuple[str, str]
    """The older and the newer version that are compared."""
    releases: Sequence[Release]

    def step(self, comparison: Comparison, change: Change) -> tuple[str, str] | None:
        """(the last release that does as the older side, the first that does as the newer one); None where the history
        does not know, or knows no better than the two sides."""
        case = case_of(comparison, change)
        words = [_plain(did(it, change)) for it in (change.before, change.after)]
        older, newer = words if self.up else reversed(words)
        asking = [it for it in self.releases if change.law in comparable_laws(it.header, comparison.after.header)]
        found = [(it.version, _does(it, case.digest, change)) for it in asking] if case is not None else []
        known = [(version, told) for version, told in found if told is not None]
        others = [at for at, (_, told) in enumerate(known) if told != newer]
        if not others or others[-1] + 1 == len(known) or known[others[-1]][1] != older:
            return None
        step = known[others[-1]][0], known[others[-1] + 1][0]
        return None if tuple(map(Version, step)) == tuple(map(Version, self.ends)) else step


def dated(comparison: Comparison, folder: Path = HISTORY) -> Comparison:
    """The comparison, with the release of each cause where the history knows it."""
    told: dict[tuple[str, ...], str] = {}
    between: dict[str, Between | None] = {}
    for cause in causes(comparison):
        if cause.cases:
            if cause.target not in between:
                between[cause.target] = _between(comparison, cause.target, folder)
            its = between[cause.target]
            told |= {cause.key: since} if its is not None and (since := _since(comparison, cause, its)) else {}
    return replace(comparison, since=told)


def _since(comparison: Comparison, cause: Cause, between: Between) -> str:
    """`since keras 3.15.1, not in 3.14.1`; where its cases changed in several steps, each with how many."""
    steps = Counter(step for it in cause.changes if (step := between.step(comparison, it)) is not None)
    ordered = sorted(steps.items(), key=lambda it: (-it[1], Version(it[0][1])))
    counts = [f" ({plural(number, 'case')})" if len(steps) > 1 else "" for _, number in ordered]
    told = [f"{_words(between, step)}{count}" for (step, _), count in zip(ordered, counts, strict=True)]
    more = f" and {plural(len(told) - MOST, 'step')} more" if len(told) > MOST else ""
    return "; ".join(told[:MOST]) + more


def _words(between: Between, step: tuple[str, str]) -> str:
    first, last = (step[1], step[0]) if between.up else step
    return f"{'since' if between.up else 'up to'} {between.series.package} {first}, not in {last}"


def _between(comparison: Comparison, target: str, folder: Path) -> Between | None:
    """The releases between the two sides of a target; None where its framework is the same, or is in no series."""
    sides = [side.targets[target] for side in (comparison.before, comparison.after) if side.ran(target)]
    framework = next(iter(sides[0].versions), "") if len(sides) == 2 else ""
    series = next((it for it in SERIES.values() if (it.target, it.package) == (target, framework)), None)
    if series is None:
        return None
    try:
        was, is_ = (Version(Version(it.versions[framework]).public) for it in sides)
    except (KeyError, InvalidVersion):
        return None
    low, high = min(was, is_), max(was, is_)
    names = [name for name in versions_of(series, folder) if low <= Version(name) <= high]
    if low == high or len(names) < 2:
        return None
    releases = [it for name in names if (it := _read(series.path(name, folder))) is not None and it.missing is None]
    return Between(series, was < is_, (str(low), str(high)), releases)


def _read(path: Path) -> Release | None:
    try:
        return read_release(path)
    except RunFileError:
        return None


def _does(release: Release, digest: str, change: Change) -> str | None:
    """What a release does to the case and law of a change, in words; None where it was not asked that."""
    name = next((it.id for it in release.cases.values() if it.digest == digest), None)
    record = release.records(name).get(change.law) if name is not None else None
    return None if record is None or record.verdict == "not-run" else _plain(did(record, change))


def _plain(words: str) -> str:
    return "pass" if words in PASSED else words
