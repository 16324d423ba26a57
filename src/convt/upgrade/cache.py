"""Where environments are kept: a folder for each, named by a digest of everything that decides what is installed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from packaging.requirements import InvalidRequirement, Requirement

from convt.content import PACKED, ROOT
from convt.upgrade.pythons import Python
from convt.upgrade.requirements import Asked

WHOLE = "environment.json"
"""The last file of an environment that is written."""
INDEX = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_PRE", "PIP_ONLY_BINARY")
"""The variables by which pip finds other files under the same names."""


def place(cache: Path | None) -> Path:
    """The folder of all environments, made where it is not there; OSError where it cannot be."""
    found = cache or Path(os.environ.get("CONVT_ENVIRONMENTS") or _own())
    found.mkdir(parents=True, exist_ok=True)
    return found.absolute()


def _own() -> Path:
    """Where environments are kept by default: in a checkout a folder that git ignores, else the user's cache."""
    if not PACKED:
        return ROOT / ".tox" / "environments"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "convt" / "environments"


def slug(asked: Sequence[Asked]) -> str:
    """The beginning of a folder's name, for people."""
    text = Path(asked[0].text).name.removesuffix(".whl") if asked else "nothing"
    return "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in text)[:40].strip("-")


def key(
    asked: Sequence[Asked], held: Mapping[str, str], base: Python, options: Sequence[str], exactly: bool = False
) -> str:
    """A digest of everything that decides what is installed, 16 hex digits; of the day too where it is not exact.

    A package that is asked for by its name and pinned is the same as one that is asked for as the pin has it, so that
    whoever asks for the same content has the same environment. `exactly`: of what is asked for, no pin gave way.
    """
    day = "" if all(it.exact for it in asked if it.name not in held) else datetime.now(UTC).date().isoformat()
    wanted = {it.name: it.digest or _one_spelling(held.get(it.name, it.text)) for it in asked}
    pinned = {name: _one_spelling(line) for name, line in held.items() if name not in wanted}
    said = {
        "asked": sorted(wanted.items()),
        "pins": sorted(pinned.items()),
        "python": base.identity,
        "options": list(options),
        "index": {name: os.environ[name] for name in INDEX if name in os.environ},
        "day": day,
        "exactly": exactly,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _one_spelling(text: str) -> str:
    try:
        return str(Requirement(text))
    except InvalidRequirement:
        return text


def satisfied(asked: Sequence[Asked], versions: Mapping[str, str]) -> bool:
    """Whether the versions of an environment are what is asked for: a pin of the same version may have given way."""
    for it in asked:
        if it.digest or it.bare:
            continue
        specifier = Requirement(it.text).specifier
        if it.name not in versions or not specifier.contains(versions[it.name], prereleases=True):
            return False
    return True


@contextlib.contextmanager
def locked(folder: Path, waits: Callable[[], None]) -> Iterator[None]:
    """One builder of a folder at a time, threads and processes alike; the system frees it however they end."""
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        waits()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def python_in(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def read(folder: Path) -> dict[str, Any] | None:
    """What a whole environment says of itself; None where it is not whole, or its Python is gone."""
    if not python_in(folder).exists():  # a link to nothing does not exist
        return None
    try:
        return dict(json.loads((folder / WHOLE).read_text()))
    except (OSError, ValueError):
        return None
