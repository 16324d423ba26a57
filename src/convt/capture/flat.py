"""A LiteRT (TFLite) file as data: the tables of its flatbuffer. Source: tensorflow/lite/schema/schema.fbs."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from convt.capture.wire import MOST_TEXT, Malformed, Source

MOST_ITEMS = 1 << 20
SIZES = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8}


class Table:
    """One table; its fields by their numbers in the schema."""

    def __init__(self, source: Source, at: int) -> None:
        self.source, self.at = source, at
        source.spend()
        self._table = at - self._number("i", at)
        self._length = self._number("H", self._table)

    def _number(self, kind: str, at: int) -> int:
        return int(struct.unpack(f"<{kind}", self.source.read(at, SIZES[kind]))[0])

    def _field(self, number: int) -> int | None:
        """The place of a field; None where the table has it not, which means its default."""
        slot = 4 + 2 * number
        if slot + 2 > self._length:
            return None
        offset = self._number("H", self._table + slot)
        return self.at + offset if offset else None

    def _followed(self, number: int) -> int | None:
        at = self._field(number)
        return None if at is None else at + self._number("I", at)

    def number(self, field: int, kind: str = "i", default: int = 0) -> int:
        at = self._field(field)
        return default if at is None else self._number(kind, at)

    def table(self, field: int) -> Table | None:
        at = self._followed(field)
        return None if at is None else Table(self.source, at)

    def span(self, field: int, size: int = 1) -> tuple[int, int]:
        """Where the items of a vector begin and how many there are; (0, 0) without one."""
        at = self._followed(field)
        if at is None:
            return 0, 0
        count = self._number("I", at)
        if at + 4 + count * size > self.source.size:
            raise Malformed(f"{self.source.path}: cut off: a vector of {count:,} items ends behind the file")
        return at + 4, count

    def numbers(self, field: int, kind: str = "i") -> list[int]:
        start, count = self.span(field, SIZES[kind])
        if count > MOST_ITEMS:
            raise Malformed(f"{self.source.path}: found a vector of {count:,} numbers, accepted {MOST_ITEMS:,}")
        return list(struct.unpack(f"<{count}{kind}", self.source.read(start, count * SIZES[kind]))) if count else []

    def tables(self, field: int) -> Iterator[Table]:
        start, count = self.span(field, 4)
        for at in range(start, start + 4 * count, 4):
            yield Table(self.source, at + self._number("I", at))

    def text(self, field: int) -> str:
        start, count = self.span(field)
        if count > MOST_TEXT:
            raise Malformed(f"{self.source.path}: found a name of {count:,} bytes, accepted {MOST_TEXT:,}")
        return self.source.read(start, count).decode("utf-8", "replace") if count else ""


def root(source: Source, mark: bytes) -> Table | None:
    """The first table of a file with this mark; None where it has another."""
    if source.size < 8 or source.read(4, 4) != mark:
        return None
    return Table(source, struct.unpack("<I", source.read(0, 4))[0])
