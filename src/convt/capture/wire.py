"""Files read as data, a few bytes at a time: a bounded window over a file, and protobuf's wire format on it.

Nothing is read but what is asked for, so that weights of gigabytes are stepped over; each field that is looked at
counts against a budget, so that no file takes for ever. Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from convt.capture.seen import Unreadable

WINDOW = 1 << 16
MOST_FIELDS = 4_000_000
"""Fields that are looked at in one file: some ten seconds."""
MOST_TEXT = 4096
MOST_NUMBERS = 1 << 20
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Malformed(Unreadable):
    """A file that breaks its own format."""


def plain_file(path: Path) -> int:
    """The size of a plain file in bytes; Unreadable where there is none to read."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "no such path"
        raise Unreadable(f"{path}: {why}; a file that can be read is accepted") from None
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "no plain file"
        raise Unreadable(f"{path}: found {what}, accepted a file")
    return found.st_size


class Source:
    """A plain file, of which any bytes can be read; at most WINDOW of them are kept."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, plain_file(path)
        self.left = MOST_FIELDS
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise Unreadable(f"{path}: {error.strerror}; a file that can be read is accepted") from None
        self._start, self._window = 0, b""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def read(self, start: int, count: int) -> bytes:
        """`count` bytes from `start` on; Malformed where the file has fewer."""
        if start < 0 or count < 0 or start + count > self.size:
            raise Malformed(f"{self.path}: cut off, or no such file: it ends before byte {start + count:,}")
        at = start - self._start
        if at < 0 or at + count > len(self._window):
            self._file.seek(start)
            self._start, self._window, at = start, b"", 0
            wanted = max(count, min(WINDOW, self.size - start))
            while len(self._window) < wanted:
                more = self._file.read(wanted - len(self._window))
                if not more:
                    raise Malformed(f"{self.path}: cut off while it was read")
                self._window += more
        return self._window[at : at + count]

    def spend(self) -> None:
        """One field more; Unreadable where they were too many."""
        self.left -= 1
        if self.left < 0:
            raise Unreadable(f"{self.path}: found more than {MOST_FIELDS:,} fields, accepted fewer")


Value = int | tuple[int, int]
"""A number, or the place of bytes: (start, end)."""


class Message:
    """A protobuf message in a part of a file; its fields by their numbers."""

    def __init__(self, source: Source, start: int = 0, end: int | None = None) -> None:
        self.source, self.start = source, start
        self.end = source.size if end is None else end
        self.fields: dict[int, list[Value]] = {}
        for number, value in self._fields():
            self.fields.setdefault(number, []).append(value)

    def _fields(self) -> Iterator[tuple[int, Value]]:
        at = self.start
        while at < self.end:
            self.source.spend()
            key, at = self._varint(at)
            number, kind = key >> 3, key & 7
            value: Value
            if kind == VARINT:
                value, at = self._varint(at)
            elif kind == BYTES:
                length, at = self._varint(at)
                value, at = (at, at + length), at + length
            elif kind in (FIXED64, FIXED32):
                length = 8 if kind == FIXED64 else 4
                value, at = (at, at + length), at + length
            else:
                raise Malformed(f"{self.source.path}: not of this format: byte {at - 1:,} begins no field")
            if at > self.end or not 0 < number < 1 << 29:
                raise Malformed(f"{self.source.path}: cut off, or not of this format: a field ends at byte {at:,}")
            yield number, value

    def _varint(self, at: int) -> tuple[int, int]:
        """A number of up to 64 bits and the place behind it."""
        chunk = self.source.read(at, min(10, self.end - at))
        value = 0
        for index, byte in enumerate(chunk):
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value & (1 << 64) - 1, at + index + 1
        raise Malformed(f"{self.source.path}: cut off, or not of this format: no number at byte {at:,}")

    def messages(self, number: int) -> Iterator[Message]:
        """The messages of a repeated field."""
        for start, end in self.places(number):
            yield Message(self.source, start, end)

    def message(self, number: int) -> Message | None:
        return next(self.messages(number), None)

    def places(self, number: int) -> list[tuple[int, int]]:
        """Where the bytes of a repeated field stand."""
        return [value for value in self.fields.get(number, ()) if isinstance(value, tuple)]

    def number(self, number: int, default: int = 0) -> int:
        """A signed number of 64 bits; the last one counts, as protobuf says."""
        found = [value for value in self.fields.get(number, ()) if isinstance(value, int)]
        return _signed(found[-1]) if found else default

    def has(self, number: int) -> bool:
        return number in self.fields

    def texts(self, number: int) -> list[str]:
        """The words of a repeated field."""
        found = []
        for start, end in self.places(number):
            if end - start > MOST_TEXT:
                raise Malformed(f"{self.source.path}: found a name of {end - start:,} bytes, accepted {MOST_TEXT:,}")
            found.append(self.source.read(start, end - start).decode("utf-8", "replace"))
        return found

    def text(self, number: int) -> str:
        found = self.texts(number)
        return found[-1] if found else ""

    def real(self, number: int) -> float:
        """A float of 32 bits."""
        places = self.places(number)
        return float(struct.unpack("<f", self.source.read(places[-1][0], 4))[0]) if places else 0.0

    def numbers(self, number: int) -> list[int]:
        """Signed numbers of a repeated field, packed or not."""
        found: list[int] = []
        for value in self.fields.get(number, ()):
            if isinstance(value, int):
                found.append(_signed(value))
                continue
            at, end = value
            while at < end:
                one, at = self._varint(at)
                found.append(_signed(one))
                if len(found) > MOST_NUMBERS:
                    raise Malformed(f"{self.source.path}: found more than {MOST_NUMBERS:,} numbers in one field")
        return found

    def reals(self, number: int) -> list[float]:
        """Floats of 32 bits of a repeated field, packed or not."""
        raw = b"".join(
            self.source.read(start, min(end - start, 4 * MOST_NUMBERS)) for start, end in self.places(number)
        )
        return [value for (value,) in struct.iter_unpack("<f", raw[: len(raw) // 4 * 4])]


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def same_folder(path: Path, name: str) -> Path:
    """A file named by another one, beside it or below; Unreadable where the name leads elsewhere."""
    folder = path.resolve().parent
    found = Path(os.path.normpath(folder / name))
    if not found.is_relative_to(folder) or not found.resolve().is_relative_to(folder):
        raise Unreadable(f"{path}: its data are said to be in {name!r}, accepted a file beside it")
    return found
