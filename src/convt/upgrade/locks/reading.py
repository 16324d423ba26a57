"""Any lock file, read: its kind is known by its name and its content."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomllib
from packaging.markers import default_environment

from convt.upgrade.locks import other_locks, requirement_files, toml_locks
from convt.upgrade.locks.lock import Environment, Lock, LockError, Pin, Text, printable

KINDS = (
    "requirements.txt", "uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "environment.yml",
    "conda-lock.yml",
)  # fmt: skip
"""What can be read, as messages say it."""
LARGEST = 64 * 2**20
"""Bytes of a lock file; the largest known have a tenth of it."""


class OtherKind(LockError):
    """A file that is no lock file of a kind that is known."""


OUTSIDE = "leads out of the repository, accepted a file of it, or a link to one"
NO_BASE = "leads out of {root}, accepted a file in there; start convt in a folder that holds both"


def decoded(path: str, data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 with its mark, which PowerShell writes."""
    if len(data) > LARGEST:
        raise LockError(f"{path}: found {len(data):,} bytes, accepted a lock file of {LARGEST:,} at most")
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        if not utf16 and b"\0" not in data:
            at = f"{path}:{data.count(bytes([10]), 0, error.start) + 1}"
            found = f"the byte 0x{data[error.start]:02X}, which is no UTF-8 (it may be Latin-1)"
            raise LockError(f"{at}: found {found}, accepted a text in UTF-8: save it as that") from None
        text = "\0"
    if "\0" in text:
        raise LockError(f"{path}: found no text, accepted {', '.join(KINDS)}")
    return text


@dataclass(frozen=True)
class OnDisk:
    """A file on the disk. `name` is how messages and annotations call it.

    What it includes has to stand under `root`, links followed, and so has itself where it is `inside`: what stands
    elsewhere is nobody's to read, since messages quote lines.
    """

    file: Path
    name: str = ""
    root: Path | None = None
    inside: bool = False

    @property
    def path(self) -> str:
        return printable(self.name or str(self.file))

    @property
    def folder(self) -> str | None:
        return str(self.file.absolute().parent)

    def read(self) -> str:
        if self.inside and self.root is not None and not _stands_in(self.file, self.root):
            told = OUTSIDE if (self.root / ".git").exists() else NO_BASE.format(root=self.root)
            raise LockError(f"{self.path}: {told}")
        try:
            if self.file.exists() and not (self.file.is_file() or self.file.is_dir()):  # nobody may write to a pipe
                raise LockError(f"{self.path}: found no plain file, accepted a lock file: {', '.join(KINDS)}")
            with self.file.open("rb") as stream:
                return decoded(self.path, stream.read(LARGEST + 1))
        except (OSError, RuntimeError) as error:  # RuntimeError: links that lead to each other
            why = getattr(error, "strerror", None) or type(error).__name__
            raise LockError(f"{self.path}: cannot be read ({why}), accepted a lock file: {', '.join(KINDS)}") from None

    def beside(self, name: str) -> OnDisk:
        called = os.path.normpath(Path(self.path).parent / name)
        return OnDisk(self.file.parent / name, Path(called).as_posix(), self.root, inside=True)


def _stands_in(file: Path, root: Path) -> bool:
    """Whether a file is in a folder once links are followed; true of links that lead to each other: reading says so."""
    try:
        return file.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return True


def environment(version: str = "") -> Environment:
    """What markers are evaluated in: this platform, and this Python or one of another version."""
    here: dict[str, str] = {key: str(value) for key, value in default_environment().items()}
    if version:
        here |= {"python_full_version": version, "python_version": ".".join(version.split(".")[:2])}
        here |= {"implementation_version": version}
    return here


def read_lock(file: Text, environment: Environment) -> Lock:
    """The lock that a file is, of any kind; LockError where it is none, or a broken one."""
    found = _read(file, environment)
    pins = {name: _printable(pin) for name, pin in found.pins.items()}
    return replace(found, pins=pins, notes=tuple(map(printable, found.notes)))


def _printable(pin: Pin) -> Pin:
    """A pin whose texts begin no line of their own, wherever they are printed; one that they would is a problem."""
    told = {key: printable(getattr(pin, key)) for key in ("text", "version", "index", "where", "problem")}
    if not pin.problem and any(told[key] != getattr(pin, key) for key in ("text", "version", "index")):
        told["problem"] = f"found {pin.text!r}, accepted a version or an address without control characters"
    return replace(pin, **told)  # type: ignore[arg-type]


def _read(file: Text, environment: Environment) -> Lock:
    content = file.read()
    name = Path(file.path).name.lower()
    if name == "pyproject.toml":
        raise LockError(f"{file.path}: found a project, accepted its lock file: {', '.join(KINDS)}")
    try:
        if content.lstrip().startswith("{"):
            return _json(file.path, content, environment)
        plain = name.endswith((".txt", ".in", ".pip")) or name.startswith("requirements")
        if name.endswith(".lock") and (plain or _looks_like_requirements(content)):
            return requirement_files.requirements(file, content, environment)
        if name.endswith((".toml", ".lock")) or re.search(r"^\[\[\s*packages?\s*\]\]", content, re.MULTILINE):
            return _toml(file.path, content, environment)
        if name.endswith((".yml", ".yaml")) or re.search(r"^(dependencies|package):\s*$", content, re.MULTILINE):
            return _yaml(file, content, environment)
        if plain or _looks_like_requirements(content):
            if content.lstrip("\n").startswith("@EXPLICIT") or "\n@EXPLICIT" in content:
                raise OtherKind(f"{file.path}: found conda's list of addresses, accepted {', '.join(KINDS)}")
            return requirement_files.requirements(file, content, environment)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        if isinstance(error, LockError):
            raise
        what = f"{type(error).__name__}: {error}"[:120]
        raise LockError(
            f"{file.path}: found a broken lock file ({what}); make it again with the tool that wrote it"
        ) from None
    raise OtherKind(f"{file.path}: found a file of another kind, accepted {', '.join(KINDS)}")


def _looks_like_requirements(content: str) -> bool:
    first = next((text for _, text in requirement_files.lines(content)), "")
    return re.match(r"-[a-z-]|[A-Za-z0-9][\w.-]*\s*(\[[\w,. -]*\])?\s*(==|>=|<=|~=|@ |;|$)", first) is not None


def _json(path: str, content: str, environment: Environment) -> Lock:
    data = other_locks.load_json(path, content)
    if not isinstance(data, dict) or not isinstance(data.get("_meta"), dict):
        raise OtherKind(f"{path}: found JSON of another kind, accepted Pipfile.lock")
    return other_locks.pipfile(path, content, data, environment)


def _toml(path: str, content: str, environment: Environment) -> Lock:
    try:
        data = tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LockError(f"{path}: found no TOML ({str(error)[:120]})") from None
    metadata = data.get("metadata", {})
    metadata = metadata if isinstance(metadata, Mapping) else {}
    if "packages" in data or "lock-version" in data:
        return toml_locks.pylock(path, content, data, environment)
    if "lock_version" in metadata:
        return toml_locks.pdm(path, content, data, environment)
    if "lock-version" in metadata or "python-versions" in metadata or "content-hash" in metadata:
        return toml_locks.poetry(path, content, data, environment)
    if isinstance(data.get("version"), int) and ("package" in data or "requires-python" in data):
        return toml_locks.uv(path, content, data, environment)
    raise OtherKind(f"{path}: found TOML of another kind, accepted uv.lock, poetry.lock, pdm.lock, pylock.toml")


def _yaml(file: Text, content: str, environment: Environment) -> Lock:
    data: Any = other_locks.load_yaml(file.path, content)
    if isinstance(data, dict) and isinstance(data.get("dependencies"), list):
        return other_locks.conda_environment(file, content, data, environment)
    if isinstance(data, dict) and isinstance(data.get("package"), list) and isinstance(data.get("metadata"), dict):
        return other_locks.conda_lock(file.path, content, data, environment)
    raise OtherKind(f"{file.path}: found YAML of another kind, accepted a conda environment or conda-lock.yml")
