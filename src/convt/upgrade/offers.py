"""Which files of a package the index has, and so for which Pythons and platforms a release can be installed.

pip has no command that lists files, but says of each in turn whether it takes it, when asked to tell in detail. So what
is read here is what pip itself would install from: its index, its configuration and its options.
"""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from convt.upgrade.package_index import Runs, run_it
from convt.upgrade.pythons import OLDEST, Python

MINORS = range(31)
"""Minor versions of Python 3 that are asked about; a release for the last of them is for every later one."""
INDEX_OPTIONS = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--trusted-host", "--cert", "--proxy")
"""The options of `pip install` that say where files are; each takes a value."""

_FILE = re.compile(r"([^\s/#]+\.(?:whl|tar\.gz|zip))(?:#\S*)?(?: \(from [^)\s]*\))?(?: \(requires-python:([^)]*)\))?")


@dataclass(frozen=True)
class File:
    """A file of a release: what it is for, and what the release says of the Pythons that it needs."""

    version: Version
    tags: frozenset[Tag] = frozenset()
    """Of a wheel; none of a source archive, which fits wherever it can be built."""
    needs: SpecifierSet = field(default_factory=SpecifierSet)

    def fits(self, release: Sequence[int], platforms: Collection[str]) -> bool:
        """Whether a Python of these numbers, on one of these platforms, can have it."""
        if not self.needs.contains(".".join(map(str, release)), prereleases=True):
            return False
        if not self.tags:
            return True
        version = tuple(release[:2])
        short = f"cp{version[0]}{version[1]}"
        fitting = {*cpython_tags(version, platforms=platforms), *compatible_tags(version, short, platforms)}
        return not fitting.isdisjoint(self.tags)


class Index:
    """What pip's index has; asks it once a package."""

    def __init__(self, options: Sequence[str] = (), runs: Runs = run_it, pip: str = sys.executable) -> None:
        self._options, self._runs, self._pip = index_options(options), runs, pip
        self._known: dict[str, list[File]] = {}

    def files(self, package: str) -> list[File]:
        """Every file of a package; none where pip does not say, as without a network."""
        if package not in self._known:
            command = [self._pip, "-m", "pip", "index", "versions", package, "-vv", *self._options]
            try:
                done = self._runs(command)
                self._known[package] = read(package, f"{done.stdout}\n{done.stderr}")
            except (OSError, subprocess.TimeoutExpired):
                self._known[package] = []
        return self._known[package]

    def refusal(self, requirement: str, python: Python, option: str) -> str:
        """Why a release that is asked for exactly cannot be had for this Python, and what to do; empty where it can, or
        where nobody knows. `option` names the Python of its side."""
        if requirement.endswith(".whl") and "@" not in requirement:
            _, version, _, tags = parse_wheel_filename(Path(requirement).name)
            return refusal(Path(requirement).name, [File(version, tags)], python, option)
        release = exact(requirement)
        if release is None:
            return ""
        package, wanted = release
        files = [it for it in self.files(package) if it.version == wanted]
        return refusal(f"{package} {wanted}", files, python, option)

    def newest(self, package: str) -> Version | None:
        """The newest release that is no pre-release, for whatever Python; None where nobody knows."""
        released = (it.version for it in self.files(package) if not it.version.is_prerelease)
        return max(released, default=None)


def exact(requirement: str) -> tuple[str, Version] | None:
    """The package and its version where a requirement asks for one by `==`, else None."""
    try:
        found = Requirement(requirement)
    except InvalidRequirement:
        return None
    versions = [it.version for it in found.specifier if it.operator == "==" and not it.version.endswith(".*")]
    return (canonicalize_name(found.name), Version(versions[0])) if len(versions) == 1 else None


def index_options(options: Sequence[str]) -> list[str]:
    """Those of pip's options that say where files are, with their values."""
    kept: list[str] = []
    wants = False
    for option in options:
        name = option.partition("=")[0]
        if wants or name in INDEX_OPTIONS or option == "--no-index":
            kept.append(option)
        wants = not wants and name in INDEX_OPTIONS and "=" not in option
    return kept


def read(package: str, said: str) -> list[File]:
    """The package's files in what pip says in detail."""
    found: dict[str, File] = {}
    for name, needs in _FILE.findall(said):
        file = _file(canonicalize_name(package), unquote(name), html.unescape(needs))
        if file is not None and (name not in found or needs):
            found[name] = file
    return list(found.values())


def _file(package: str, name: str, needs: str) -> File | None:
    try:
        tags: frozenset[Tag] = frozenset()
        if name.endswith(".whl"):
            own, version, _, tags = parse_wheel_filename(name)
        else:
            own, version = parse_sdist_filename(name)
        return File(version, tags, SpecifierSet(needs)) if own == package else None
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidSpecifier):  # older than the rules
        return None


def refusal(what: str, files: Sequence[File], python: Python, option: str) -> str:
    """Why none of the files of a release fits a Python of this machine, and which do; empty where one does."""
    platforms = list(platform_tags())
    if not files or any(it.fits(python.release, platforms) for it in files):
        return ""
    fitting = minors(files, platforms)
    if not fitting:
        return _elsewhere(what, [it for it in files if it.tags] or files, platforms)
    has = f"{what} has wheels for Python {spans(fitting)}"
    usable = [minor for minor in fitting if (3, minor) >= OLDEST]
    if not usable:
        oldest = ".".join(map(str, OLDEST))
        return f"{has}, and a target's process needs {oldest} or newer: ask for a newer release"
    nearest = min(usable, key=lambda minor: abs(minor - python.release[1]))
    return f"{has} and this side is built with {python.minor}: {option} 3.{nearest}"


def minors(files: Sequence[File], platforms: Collection[str]) -> list[int]:
    """The minor versions of Python 3 for which there is a wheel on one of these platforms; of a release without wheels,
    those for which there is a source archive."""
    wheels = [it for it in files if it.tags] or files
    return [minor for minor in MINORS if any(it.fits((3, minor), platforms) for it in wheels)]


def _elsewhere(what: str, wheels: Iterable[File], platforms: Sequence[str]) -> str:
    """That a release has wheels for other platforms alone."""
    others = sorted({tag.platform for it in wheels for tag in it.tags} - {"any"})
    if not others:
        return f"{what} has wheels for no Python 3: ask for a newer release"
    return f"{what} has wheels for {', '.join(others)}, and this machine is {platforms[0]}: no Python here can have it"


def spans(minors: Sequence[int]) -> str:
    """`>=3.12`, `3.9 to 3.12` or `3.9, 3.11`: minor versions of Python 3, in order, as people say them."""
    runs: list[list[int]] = []
    for minor in minors:
        if runs and runs[-1][-1] == minor - 1:
            runs[-1].append(minor)
        else:
            runs.append([minor])
    return ", ".join(_span(run[0], run[-1]) for run in runs)


def _span(first: int, last: int) -> str:
    if last == MINORS[-1]:
        return f">=3.{first}"
    return f"3.{first}" if first == last else f"3.{first} to 3.{last}"
