"""Which versions of a package are released: the installer's own list, in order."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from packaging.version import InvalidVersion, Version

from convt.upgrade.pythons import NoPython, find

Runs = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]

PATIENCE = 600
"""Seconds for the installer to answer."""
LAST_LINES = 4


class NoReleases(RuntimeError):
    """No list of releases, or not the releases that were asked for; the message says what to do."""


def released(
    package: str, *, pre: bool = False, python: str | Path = sys.executable, run: Runs | None = None
) -> list[str]:
    """Every version that the installer of `python` offers it, the oldest first; with `pre`, nightly builds as well.

    A local version (`2.13.0+cpu`) counts as its public one. NoReleases where the installer fails or offers nothing.
    """
    found = interpreter(python)
    command = [found, "-m", "pip", "index", "versions", package, *(["--pre"] if pre else [])]
    return listed(command, run or run_it, pre)


def interpreter(python: str | Path) -> str:
    """The path of a Python that is named by its version or its program; NoReleases where there is none."""
    try:
        return find(str(python)).program
    except NoPython as error:
        raise NoReleases(f"--python: {error}") from None


def listed(command: Sequence[str], run: Runs, pre: bool = False) -> list[str]:
    """The versions that `pip index versions PACKAGE` lists, the oldest first; NoReleases where it fails."""
    try:
        done = run(command)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoReleases(f"{' '.join(command)}: {error}; check the interpreter, and the network") from None
    versions = _ordered(_listed(done.stdout), pre)
    if done.returncode or not versions:
        said = (done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:]
        lines = "\n".join(f"  {line}" for line in said)
        raise NoReleases(
            f"{command[5]}: the installer lists no version (exit {done.returncode} of {' '.join(command)})\n{lines}\n"
            "  check the package's name, the network and pip's index options"
        )
    return versions


def between(package: str, versions: Sequence[str], first: str, last: str) -> list[str]:
    """The versions from one end to the other, both included, the oldest first, whichever end was named first.

    NoReleases where an end is no released version, or both are the same one.
    """
    ends = sorted(_end(package, name, versions) for name in (first, last))
    if ends[0] == ends[1]:
        raise NoReleases(f"{package}: found {first} at both ends, accepted two versions")
    return [name for name in versions if ends[0] <= Version(name) <= ends[1]]


def newest_of_each_minor(versions: Iterable[str], since: str) -> list[str]:
    """The newest patch of every minor release from `since` on; no pre-releases."""
    newest: dict[tuple[int, int], str] = {}
    for name in versions:
        version = Version(name)
        if version >= Version(since) and not version.is_prerelease:
            newest[version.major, version.minor] = name
    return list(newest.values())


def run_it(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """What a command says; subprocess.TimeoutExpired where it takes more than ten minutes."""
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def _listed(text: str) -> list[str]:
    """The versions in pip's answer, as JSON or as its line `Available versions: 2.0, 1.9`."""
    try:
        return [str(name) for name in json.loads(text)["versions"]]
    except (ValueError, KeyError, TypeError):
        line = re.search(r"^\s*Available versions:(.*)$", text, re.M)
        return [name.strip() for name in line[1].split(",")] if line else []


def _ordered(names: Iterable[str], pre: bool) -> list[str]:
    found: dict[Version, str] = {}
    for name in names:
        try:
            version = Version(Version(name).public)
        except InvalidVersion:  # uploads older than the version scheme
            continue
        if pre or not version.is_prerelease:
            found[version] = str(version)
    return [found[version] for version in sorted(found)]


def _end(package: str, name: str, versions: Sequence[str]) -> Version:
    try:
        wanted = Version(name)
    except InvalidVersion:
        raise NoReleases(f"{package}: found the version {name!r}, accepted one such as {versions[-1]}") from None
    if str(wanted) not in versions and wanted not in map(Version, versions):
        near = difflib.get_close_matches(name, versions, n=4, cutoff=0.5) or list(versions[-4:])
        hint = "; --pre accepts pre-releases too" if wanted.is_prerelease else ""
        raise NoReleases(f"{package}: found no release {name}, near ones: {', '.join(near)}{hint}")
    return wanted
