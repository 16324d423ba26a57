"""The run file: JSON lines with a header and a footer. `RunWriter` writes one, `read_run` reads it back.

Every line is an object with `kind`: header, case, verdict, detail, coverage or footer (records.py). A file is written
beside its place and moved there when it is whole; a reader refuses one that is not.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO

from convt.results import records
from convt.results.reader import read_run
from convt.results.records import *  # noqa: F403  whoever reads or writes run files needs the records
from convt.results.records import (
    ARRAYS,
    CaseRecord,
    CoverageRecord,
    Footer,
    Header,
    Record,
    VerdictRecord,
    describe,
    plain_data,
    spell,
)
from convt.results.sentences import message_of

__all__ = ["RunWriter", "read_run"]
__all__ += records.__all__

AFTER_CASES = chr(sys.maxunicode)
"""Sorts behind the name of every case."""


class RunWriter:
    """Writes `path` + `.part` record by record; `finish` puts the records in order and the whole file in its place.

    The header comes first, the others in any order: the finished file is sorted by case, law and target.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.part = self.path.with_name(self.path.name + ".part")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = self.part.open("w+b")
        self._places: dict[tuple[str, int, int, int], int] = {}
        self._laws: dict[str, int] = {}
        self._targets: dict[str, int] = {}

    def write(self, record: Record) -> None:
        """Add one record; ValueError where it names an unknown law or target, or was written before."""
        if isinstance(record, Header):
            self._laws = {law.id: place for place, law in enumerate(record.laws)}
            self._targets = {target.name: place for place, target in enumerate(record.targets)}
        key = self._key(record)
        if key in self._places:
            raise ValueError(f"written before: {describe(record)}")
        if not self._places and not isinstance(record, Header):
            raise ValueError(f"the first record is a {record.kind}; a header is accepted")
        line = encode(record)
        self._places[key] = self._file.tell()
        self._file.write(line)

    def finish(
        self,
        seconds: float,
        exit_status: int,
        target_seconds: dict[str, float] | None = None,
        target_longest: dict[str, float] | None = None,
        partial: bool = False,
        target_speeds: dict[str, dict[str, tuple[float, float]]] | None = None,
    ) -> Footer:
        """Sort, add the footer, and replace `path` in one step; the earlier file stands until then."""
        counts = [sum(rank == wanted for _, rank, _, _ in self._places) for wanted in (1, 0)]
        if ("", -1, 0, 0) not in self._places:
            raise ValueError("nothing was written: no header")
        spent = (target_seconds or {}, target_longest or {})
        footer = Footer(counts[0], counts[1], seconds, exit_status, *spent, partial, target_speeds or {})
        whole = self.path.with_name(self.path.name + ".whole")
        with whole.open("wb") as out:
            for key in sorted(self._places):
                self._file.seek(self._places[key])
                out.write(self._file.readline())
            out.write(encode(footer))
            out.flush()
            os.fsync(out.fileno())
        self.close()
        whole.replace(self.path)
        self.part.unlink()
        return footer

    def close(self) -> None:
        """Stop without finishing: what was written stays in the `.part` file, and the earlier run file in its place."""
        self._file.close()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _key(self, record: Record) -> tuple[str, int, int, int]:
        if isinstance(record, Header):
            return ("", -1, 0, 0)
        if isinstance(record, CaseRecord):
            return (record.id, 0, 0, 0)
        if isinstance(record, Footer):
            raise ValueError("`finish` writes the footer")
        if isinstance(record, CoverageRecord):
            if record.target not in self._targets:
                known = ", ".join(self._targets)
                raise ValueError(f"{describe(record)}: the header has no target {record.target!r}, but {known}")
            return (AFTER_CASES, 3, 0, self._targets[record.target])
        for what, name, names in (("law", record.law, self._laws), ("target", record.target, self._targets)):
            if name not in names:
                raise ValueError(f"{describe(record)}: the header has no {what} {name!r}, but {', '.join(names)}")
        rank = 1 if isinstance(record, VerdictRecord) else 2
        return (record.case, rank, self._laws[record.law], self._targets[record.target])


def encode(record: Record) -> bytes:
    """One line of the file."""
    data = {"kind": record.kind} | plain_data(record)
    if isinstance(record, VerdictRecord):  # there are many: what says nothing is left out
        data = {name: value for name, value in data.items() if value not in (None, "", (), [])}
        said = record.finding
        if said is not None and record.message == message_of(record.verdict, record.used, said):  # type: ignore[arg-type]
            data.pop("message", None)
    if isinstance(record, Footer) and not record.partial:
        del data["partial"]  # earlier releases read no such field
    if isinstance(record, CaseRecord) and not record.mine:
        del data["mine"]
    for name in ARRAYS:
        if data.get(name) is not None:
            data[name] = spell(data[name])
    return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
