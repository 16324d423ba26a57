"""What is asked of an installer: requirements as people type them, and the pins that companions get beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

ACCEPTED = "NAME==VERSION, NAME, NAME @ URL, or the path of a .whl"


class NoRequirement(ValueError):
    """A text that asks for nothing: the message carries what was found and what is accepted."""


@dataclass(frozen=True)
class Asked:
    """One requirement: `name` is the distribution's, in canonical form; `text` is what the installer is told.

    `exact` says that the text means the same files tomorrow, `bare` that it is a name alone. `digest` is of a local
    wheel's content, else empty.
    """

    name: str
    text: str
    exact: bool
    bare: bool = False
    digest: str = ""


def asked(text: str) -> Asked:
    """A requirement; NoRequirement where it is none, or a wheel that is not there."""
    if text.endswith(".whl") and "@" not in text:
        return _wheel(Path(text).expanduser().absolute())
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise NoRequirement(f"found {text!r} ({reason}), accepted {ACCEPTED}") from None
    exact = any(it.operator in ("==", "===") and not it.version.endswith(".*") for it in found.specifier)
    return Asked(canonicalize_name(found.name), text, exact, bare=not (found.specifier or found.url))


def _wheel(path: Path) -> Asked:
    if not path.is_file():
        raise NoRequirement(f"found no wheel {path}, accepted the path of a file")
    try:
        name, *_ = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise NoRequirement(
            f"found {path.name!r} ({error}), accepted a wheel under the name that it was built with"
        ) from None
    return Asked(name, str(path), True, digest=hashlib.sha256(path.read_bytes()).hexdigest())


def all_asked(texts: Iterable[str]) -> list[Asked]:
    """Every requirement; NoRequirement also where one package is asked for twice."""
    found: dict[str, Asked] = {}
    for text in texts:
        one = asked(text)
        if one.name in found:
            raise NoRequirement(
                f"found {one.name} twice ({found[one.name].text!r}, {text!r}), accepted each package once"
            )
        found[one.name] = one
    return list(found.values())


def pins(constraints: Path | None, without: Collection[str] = ()) -> dict[str, str]:
    """The lines of a constraints file by package, but those of some packages; NoRequirement where a line is none."""
    found: dict[str, str] = {}
    if constraints is None:
        return found
    for number, line in enumerate(_lines(constraints), start=1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        try:
            name = canonicalize_name(Requirement(text).name)
        except InvalidRequirement:
            raise NoRequirement(f"{constraints}:{number}: found {text!r}, accepted NAME==VERSION") from None
        if name not in without:
            found[name] = text
    return found


def _lines(path: Path) -> Sequence[str]:
    try:
        return path.read_text().splitlines()
    except OSError as error:
        raise NoRequirement(
            f"constraints: found no file {path} ({error.strerror}), accepted one line a package"
        ) from None
