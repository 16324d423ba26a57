"""A lock file as a value: the version of each package on this platform, and the Python that the file is for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from convt.upgrade.requirements import NoRequirement

Environment = Mapping[str, str]
"""What markers are evaluated in: `packaging.markers.default_environment()` of the Python that was chosen."""


def printable(text: str) -> str:
    """A text without control characters, which stand as their escapes: what a file says begins no line of its own."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


class LockError(NoRequirement):
    """A lock file that cannot be read; the message says where, what was found and what is accepted, a line each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n  ".join(map(printable, lines)))


class Text(Protocol):
    """A file of text, on a disk or in a commit."""

    @property
    def path(self) -> str:
        """How messages and annotations call it."""

    @property
    def folder(self) -> str | None:
        """The folder on the disk from which its relative paths are meant; None where it stands on no disk."""

    def read(self) -> str:
        """LockError where it is not there, or no text."""

    def beside(self, name: str) -> Text:
        """The file that it calls `name`."""


@dataclass(frozen=True)
class Pin:
    """What a lock file says of one package.

    `text` is what an installer is told, without extras. `version` is empty where it names no exact one: a range, an
    address, a path. `problem` says why it cannot be installed as the file says, where that is so. `where` is the file,
    which another may include, and `line` counts from 1; 0 where it is not known.
    """

    name: str
    text: str
    version: str = ""
    where: str = ""
    line: int = 0
    index: str = ""
    """The index that the file names for it, where that is not PyPI."""
    problem: str = ""

    @property
    def told(self) -> str:
        """`onnxruntime 1.24.1`, or the text where there is no version."""
        return self.version or self.text

    @property
    def constraint(self) -> str:
        """What stands in a constraints file for it; empty for an address, a path, and a name without a version."""
        elsewhere = "@" in self.text or self.text.endswith(".whl")
        return "" if self.problem or elsewhere or self.text == self.name else self.text

    @property
    def place(self) -> str:
        return f"{self.where}:{self.line}" if self.line else self.where

    def same(self, other: Pin) -> bool:
        """Whether both mean one version: `2.0` is `2.0.0`. Of two with a problem that is to be the same too."""
        if self.version and other.version and self.problem == other.problem:
            try:
                return Version(self.version) == Version(other.version)
            except InvalidVersion:
                return self.version == other.version
        return (self.text, self.problem) == (other.text, other.problem)


@dataclass(frozen=True)
class Lock:
    """One lock file, resolved for one platform and Python."""

    path: str
    kind: str
    pins: Mapping[str, Pin]
    """By canonical name."""
    python: str = ""
    """The Pythons that the file is for, as a version specifier; empty where it says none."""
    indexes: tuple[str, ...] = ()
    """Further indexes and folders that the file names for all of its packages, as options of pip."""
    notes: tuple[str, ...] = ()
    """What of the file was not read."""

    @property
    def exact_python(self) -> str:
        """`3.12` or `3.12.4` where the file is for one Python alone, else empty."""
        return exact_python(self.python)

    def admits(self, version: str) -> bool:
        """Whether the file is for this version of Python; true where it does not say."""
        return not self.python or SpecifierSet(self.python).contains(version, prereleases=True)


def pinned(name: str, version: str, where: str, line: int, index: str = "") -> Pin:
    """A pin of one exact version; what is none, as conda has some, is its problem."""
    try:
        Version(version)
    except InvalidVersion:
        problem = f"found {name} {version!r}, accepted a version as PyPI has it"
        return Pin(name, f"{name}==={version}", where=where, line=line, problem=problem)
    return Pin(name, f"{name}=={version}", version, where, line, index)


def package(name: object, where: str) -> str:
    """The canonical name of a package; LockError where it is none: it becomes a line of a constraints file."""
    if not isinstance(name, str) or re.fullmatch(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?", name, re.ASCII) is None:
        raise LockError(f"{where}: found {str(name)[:60]!r}, accepted the name of a package")
    return canonicalize_name(name)


def of_requirement(found: Requirement, name: str) -> tuple[str, str]:
    """(text without extras and marker, the exact version or nothing) of a requirement."""
    if found.url:
        return f"{name} @ {found.url}", ""
    versions = [it.version for it in found.specifier if it.operator in ("==", "===") and "*" not in it.version]
    exact = versions[0] if len(set(versions)) == 1 and len(found.specifier) == len(versions) else ""
    return f"{name}{found.specifier}", exact


def holds(marker: str, environment: Environment, where: str, **more: str) -> bool:
    """Whether an environment marker, or none, is true; LockError where it is none."""
    if not marker:
        return True
    try:
        return Marker(marker).evaluate({"extra": "", **environment, **more})
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName) as error:
        reason = str(error).splitlines()[0]
        raise LockError(f"{where}: found the marker {marker!r} ({reason}), accepted an environment marker") from None


def specifier(text: object) -> str:
    """What a file says of Python as a version specifier; Poetry's `^3.11`, `~3.11` and a bare `3.11` are meant too.

    Empty where it says nothing that bounds it, or what no specifier can say.
    """
    words = [word for word in re.split(r"\s*,\s*|\s+(?=[<>=!~^])", str(text or "").strip()) if word and word != "*"]
    try:
        return ",".join(sorted(map(str, SpecifierSet(",".join(map(_word, words)))), reverse=True))
    except (InvalidSpecifier, InvalidVersion):
        return ""


def _word(word: str) -> str:
    if re.fullmatch(r"\d+(\.\d+)*(\.\*)?", word):
        numbers = word.removesuffix(".*")
        return f"=={numbers}" if numbers.count(".") > 1 and not word.endswith("*") else f"=={numbers}.*"
    caret = re.fullmatch(r"\^\s*(\d+)((?:\.\d+)*)", word)
    if caret:
        return f">={caret[1]}{caret[2]},<{int(caret[1]) + 1}"
    tilde = re.fullmatch(r"~\s*(\d+)(?:\.(\d+))?(?:\.\d+)*", word)
    if tilde:
        above = f"{tilde[1]}.{int(tilde[2]) + 1}" if tilde[2] else f"{int(tilde[1]) + 1}"
        return f">={word.lstrip('~ ')},<{above}"
    return word


def exact_python(python: str) -> str:
    """`3.12` where a specifier admits one minor version alone, `3.12.4` where it admits one release; else empty."""
    if not python:
        return ""
    found = SpecifierSet(python)
    minors = {minor for minor in range(60) for patch in range(40) if found.contains(f"3.{minor}.{patch}")}
    if len(minors) != 1 or found.contains("4.0"):
        return ""
    [minor] = minors
    patches = [patch for patch in range(40) if found.contains(f"3.{minor}.{patch}")]
    return f"3.{minor}.{patches[0]}" if len(patches) == 1 else f"3.{minor}"


Candidate = tuple[int, str, Pin]
"""A rank (what is installed by default is 0), what it belongs to (an extra, a group), and the pin."""


def chosen(candidates: Iterable[Candidate]) -> dict[str, Pin]:
    """One pin a package. What is installed by default goes before extras and groups; of several builds of one version
    that of the CPU goes before others. Where versions differ, the pin has that as its problem."""
    of_name: dict[str, list[Candidate]] = {}
    for one in candidates:
        of_name.setdefault(one[2].name, []).append(one)
    return {name: _one(those) for name, those in of_name.items()}


def _one(those: list[Candidate]) -> Pin:
    least = min(rank for rank, _, _ in those)
    of_text = {pin.text: (label, pin) for rank, label, pin in reversed(those) if rank == least}
    pins = [pin for _, pin in of_text.values()]
    first = pins[-1]
    if len(pins) == 1:
        return first
    cpu = [pin for pin in pins if pin.version.endswith("+cpu")]
    if len({pin.version.partition("+")[0] for pin in pins}) == 1 and first.version:
        return cpu[0] if cpu else first
    told = ", ".join(f"{pin.told}{f' ({label})' if label else ''}" for label, pin in reversed(of_text.values()))
    return replace(first, problem=f"found several versions of {first.name} for this platform: {told}; accepted one")
