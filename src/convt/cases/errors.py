"""Errors of spec files: one line each, with the place, the field, what was found and what is accepted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Keys = tuple[str | int, ...]
"""The way to a value in a file: ("cases", 3, "stride")."""


class SpecErrors(Exception):
    """Every error found in the files, in their order; `errors` are the lines."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = list(errors)


class Place(NamedTuple):
    """Line and column of a value, both from 1."""

    line: int
    column: int


class Fault(NamedTuple):
    """One error, before it has a file."""

    place: Place
    where: str
    text: str

    def line(self, file: str) -> str:
        return f"{file}:{self.place.line}:{self.place.column}: {self.where}: {self.text}"


def spell(keys: Keys) -> str:
    """`("cases", 3, "stride")` as `cases[3].stride`; the file itself is `file`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".") or "file"


def show(value: Any, most: int = 60) -> str:
    """A value as the file would say it, cut to `most` characters."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (list, tuple)):
        text = f"[{', '.join(show(item) for item in value[:most])}]"
    elif isinstance(value, dict):
        text = f"{{{', '.join(f'{key}: {show(item)}' for key, item in list(value.items())[:most])}}}"
    else:
        text = "nothing" if value is None else repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def near(name: str, names: Iterable[str]) -> str:
    """The names that come nearest to a wrong one, or all of them where none is near."""
    known = sorted(names)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    return " or ".join(repr(one) for one in close) if close else ("one of " + ", ".join(known) if known else "none")


def shown_path(path: Path) -> str:
    """The path as people write it here: relative to the current folder where it is inside."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
