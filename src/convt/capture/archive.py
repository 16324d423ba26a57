"""Zip files and JSON read with bounds: how much is unpacked, how deep it nests, how many members there are."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convt.capture.seen import Unreadable

MOST_TEXT = 64_000_000
"""Bytes of a description, unpacked; that of a network of a thousand layers has three million."""
MOST_MEMBERS = 100_000


@contextmanager
def opened(path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """The zip file; Unreadable where it is none, also where that shows only inside."""
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) > MOST_MEMBERS:
                raise Unreadable(f"{path}: found {len(archive.infolist()):,} members, accepted {MOST_MEMBERS:,}")
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"{path}: found no {what}, or one that is damaged ({error}); accepted a zip file") from None


def text_of(archive: zipfile.ZipFile, member: str, path: Path) -> bytes:
    """A member's bytes, unpacked up to MOST_TEXT whatever the archive says of their number."""
    with archive.open(member) as file:
        found = file.read(MOST_TEXT + 1)
    if len(found) > MOST_TEXT:
        raise Unreadable(f"{path}: {member} unpacks to more than {MOST_TEXT:,} bytes, accepted fewer")
    return found


def parsed(text: bytes | str, path: Path, member: str) -> Any:
    """The value of a JSON text; Unreadable where it is none, or nests too deep."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        why = "it nests too deep" if isinstance(error, RecursionError) else error
        raise Unreadable(f"{path}: {member} is no JSON that can be read: {why}") from None
