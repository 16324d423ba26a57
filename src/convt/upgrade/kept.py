"""The released versions that the history holds, by the names that people give them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from packaging.version import InvalidVersion, Version

from convt.results.releases import is_judged
from convt.upgrade.series import HISTORY, SERIES, Series


class NotKept(ValueError):
    """No such version in the history; the message names the nearest ones, and the commands that judge it."""


def series_named(name: str) -> Series | None:
    """The series that is called so: by its own name, its package, what the installer calls that, or its target."""
    wanted = _spelled(name)
    names = {key: (key, it.package, it.installs, it.target) for key, it in SERIES.items()}
    return next((SERIES[key] for key, those in names.items() if wanted in map(_spelled, those)), None)


def _spelled(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def versions_of(series: Series, folder: Path = HISTORY) -> list[str]:
    """The versions that have a file, the oldest first."""
    pattern = series.path("*", folder)
    names = (path.name[len(series.package) + 1 : -len(".jsonl.gz")] for path in pattern.parent.glob(pattern.name))
    known = {version: name for name in names if (version := _version(name)) is not None}
    return [known[version] for version in sorted(known)]


def file_of(series: Series, version: str, folder: Path = HISTORY) -> Path:
    """The file of a version, however that is spelled (`v3.15.1`, `2.13.0+cpu`); NotKept where there is none."""
    held = versions_of(series, folder)
    wanted = _public(series, version, held)
    for name in held:
        if Version(name) == Version(wanted):
            return series.path(name, folder)
    raise NotKept(_lacks(series, [wanted], held))


def pair_of(series: Series, versions: Sequence[str], folder: Path = HISTORY) -> tuple[Path, Path]:
    """The files of two versions; of one, its own and that of the newest one that could be judged."""
    if len(versions) > 1:
        held = versions_of(series, folder)
        asked = [_public(series, version, held) for version in versions]
        lacking = [it for it in asked if all(Version(name) != Version(it) for name in held)]
        if lacking:
            raise NotKept(_lacks(series, list(dict.fromkeys(lacking)), held, versions))
    before = file_of(series, versions[0], folder)
    after = file_of(series, versions[1], folder) if len(versions) > 1 else _newest(series, folder)
    if before == after:
        ends = "is the newest one in the history" if len(versions) == 1 else "stands on both sides"
        raise NotKept(f"{series.package}: {versions[0]} {ends}, accepted two versions of {_all(series, folder)}")
    return before, after


def both_kept(before: str, after: str) -> tuple[Series, str, str] | None:
    """The series and the two versions where both requirements ask for a version that was judged."""
    was, is_ = _exact(before), _exact(after)
    if was is None or is_ is None or was[0] is not is_[0]:
        return None
    series, versions = was[0], (was[1], is_[1])
    try:
        judged = all(is_judged(path) for path in pair_of(series, versions))
    except ValueError:  # not there, one version alone, or not readable: the environments answer
        return None
    return (series, *versions) if judged else None


def spelled_as(text: str) -> tuple[str, str] | None:
    """(name, version) of `NAME==VERSION`; None of any other text."""
    found = re.fullmatch(r"([\w.-]+)\s*===?\s*([^\s*,;]+)", text.strip())
    return (found[1], found[2]) if found else None


def _exact(text: str) -> tuple[Series, str] | None:
    found = spelled_as(text)
    series = series_named(found[0]) if found else None
    return (series, found[1]) if found and series else None


def _newest(series: Series, folder: Path) -> Path:
    """The file of the newest version that could be judged; of the newest one where none could."""
    paths = [series.path(version, folder) for version in reversed(versions_of(series, folder))]
    return next((path for path in paths if is_judged(path)), paths[0])


def _version(text: str) -> Version | None:
    """The public version; None where the text is none."""
    try:
        return Version(Version(text).public)
    except InvalidVersion:
        return None


def _public(series: Series, version: str, held: Sequence[str]) -> str:
    """The public version that a text spells; NotKept where it spells none."""
    wanted = _version(version)
    if wanted is None:
        near = held[-1] if held else "3.15.1"
        raise NotKept(f"{series.package}: found the version {version!r}, accepted one such as {near}")
    return str(wanted)


def _lacks(series: Series, lacking: Sequence[str], held: Sequence[str], pair: Sequence[str] = ()) -> str:
    """That the history has not these versions, with what it has near them, and the commands that answer: about the
    `pair` that was asked for, else about the version and the one near it."""
    judge = "; ".join(_judge(series, version) for version in lacking)
    if not held:
        return f"{series.package}: the history has no version of it; make some with {judge}"
    near = list(dict.fromkeys(name for version in lacking for name in _near(version, held)))
    two = list(pair) or sorted((lacking[0], near[-1]), key=Version)
    before, after = (f"{series.package}=={version}" for version in two)
    return (
        f"{series.package}: the history has no {' and no '.join(lacking)}, but near it {' and '.join(near)} (of"
        f" {len(held)} versions from {held[0]} to {held[-1]}). To judge it: {judge}; to compare the two without the"
        f' history: convt upgrade --before "{before}" --after "{after}"'
    )


def _near(wanted: str, held: Sequence[str]) -> list[str]:
    """The version before and the one after, of those that there are."""
    older = [name for name in held if Version(name) < Version(wanted)]
    return [*older[-1:], *held[len(older) : len(older) + 1]]


def _judge(series: Series, wanted: str) -> str:
    return f"convt history --judge {next(key for key, it in SERIES.items() if it is series)} --version {wanted}"


def _all(series: Series, folder: Path) -> str:
    return ", ".join(versions_of(series, folder))
