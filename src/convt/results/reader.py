"""Reading a run file: every record is checked, and the first that cannot stand there is refused with its line."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from convt.results import former
from convt.results.coverage import CoverageError, CoverageRecord, coverage_of
from convt.results.finding import FINDING_KINDS
from convt.results.records import (
    AGAIN,
    ARRAYS,
    READABLE,
    SETTINGS,
    CaseRecord,
    Claim,
    DetailRecord,
    Footer,
    Header,
    Key,
    Run,
    RunFileError,
    VerdictRecord,
    describe,
    unspell,
)
from convt.results.releases import read_release
from convt.results.sentences import message_of
from convt.results.vocabulary import VERDICTS


def read_run(path: Path | str) -> Run:
    """The run in a file, of a run or of a released version; RunFileError where it is missing, cut short or damaged."""
    path = Path(path)
    reader = _Reader(path)
    for number, data in _lines(path):
        if number == 1 and data.get("kind") == "release":
            return read_release(path).run
        reader.take(number, data)
    return reader.whole()


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's number and object."""
    what = "a run file, JSON lines from header to footer"
    number = 0
    for number, raw in enumerate(_raw_lines(path, what), start=1):
        try:
            data = json.loads(raw, parse_constant=_no_constant)
        except ValueError:
            if raw.endswith(b"\n"):
                raise RunFileError(path, number, f"no JSON: {_start(raw)}", "one JSON object a line") from None
            raise RunFileError(path, number, "half a line, so the run was cut short", "a footer at the end") from None
        if not isinstance(data, dict):
            raise RunFileError(path, number, f"no object: {_start(raw)}", "one JSON object a line")
        if b'"nan"' in raw or b'inf"' in raw or b'j)"' in raw or b'j"' in raw:
            _unspell_arrays(path, number, data)
        yield number, data
    if not number:
        raise RunFileError(path, None, "an empty file", what)


def _raw_lines(path: Path, what: str) -> Iterator[bytes]:
    """The lines of a file; of a compressed one where the name ends in `.gz`."""
    try:
        with path.open("rb") as file:
            yield from gzip.open(file) if path.suffix == ".gz" else file  # noqa: SIM115  `file` is closed here
    except EOFError:
        raise RunFileError(path, None, "half a compressed file, so its copy was cut short", what) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise RunFileError(path, None, f"a damaged compressed file ({error})", what) from None
    except OSError as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else f"nothing readable ({error.strerror})"
        raise RunFileError(path, None, found, what, "give the path of a run file") from None


def _start(raw: bytes) -> str:
    return repr(raw[:40].decode(errors="replace").rstrip("\n"))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _unspell_arrays(path: Path, number: int, data: dict[str, Any]) -> None:
    for name in ARRAYS:
        if data.get(name) is not None:
            try:
                data[name] = unspell(data[name])
            except ValueError as error:
                raise RunFileError(path, number, f"{name}: {error}", "numbers, 'nan', 'inf', '-inf'") from None


class _Reader:
    """Takes one record after the other, and refuses the first that cannot stand there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: Header | None = None
        self.footer: Footer | None = None
        self.cases: dict[str, CaseRecord] = {}
        self.verdicts: dict[Key, VerdictRecord] = {}
        self.details: dict[Key, DetailRecord] = {}
        self.coverage: dict[str, CoverageRecord] = {}
        self.line = 0

    def refuse(self, found: str, accepted: str, todo: str = AGAIN) -> RunFileError:
        return RunFileError(self.path, self.line, found, accepted, todo)

    def take(self, number: int, data: dict[str, Any]) -> None:
        self.line = number
        kind = data.pop("kind", None)
        if number == 1:
            self.header = self._read_header(kind, data)
            self._laws = {law.id for law in self.header.laws}
            self._targets = {target.name for target in self.header.targets}
        elif self.footer is not None:
            raise self.refuse(f"a {kind} after the footer", "nothing after the footer")
        elif kind == "case":
            record = self._build(CaseRecord, data)
            self._add(self.cases, record.id, record)
        elif kind == "verdict":
            self._take_verdict(self._build(VerdictRecord, data))
        elif kind == "detail":
            detail = self._build(DetailRecord, data)
            self._add(self.details, (detail.case, detail.law, detail.target), detail)
        elif kind == "coverage":
            self._take_coverage(self._build(CoverageRecord, data))
        elif kind == "footer":
            self.footer = self._build(Footer, data)
        else:
            found = "a second header" if kind == "header" else f"the kind {kind!r}"
            raise self.refuse(found, "case, verdict, detail, coverage, footer")

    def _read_header(self, kind: Any, data: dict[str, Any]) -> Header:
        if kind != "header":
            raise self.refuse(f"no header, but the kind {kind!r}", "a header on the first line")
        if data.get("format") not in READABLE:
            todo = "read it with the release of convt that wrote it"
            accepted = f"format {' or '.join(map(str, READABLE))}"
            raise self.refuse(f"the format {data.get('format')!r}", accepted, todo)
        return self._build(Header, {name: value for name, value in data.items() if name not in former.FIELDS})

    def _take_verdict(self, record: VerdictRecord) -> None:
        if record.verdict not in VERDICTS:
            raise self.refuse(f"the verdict {record.verdict!r}", ", ".join(VERDICTS))
        for what, name, names in (("law", record.law, self._laws), ("target", record.target, self._targets)):
            if name not in names:
                raise self.refuse(f"the {what} {name!r}, which the header has not", ", ".join(sorted(names)))
        self._add(self.verdicts, (record.case, record.law, record.target), record)

    def _take_coverage(self, record: CoverageRecord) -> None:
        if record.target not in self._targets:
            found = f"the target {record.target!r}, which the header has not"
            raise self.refuse(found, ", ".join(sorted(self._targets)))
        try:
            coverage_of(record)
        except (CoverageError, KeyError, TypeError) as error:
            raise self.refuse(f"{describe(record)} with {error}", "counts, and bits for each combination") from None
        self._add(self.coverage, record.target, record)

    def _add(self, records: dict[Any, Any], key: Any, record: Any) -> None:
        if key in records:
            raise self.refuse(f"{describe(record)} a second time", "each case, and each verdict and detail, once")
        records[key] = record

    def _build(self, cls: type[Any], data: dict[str, Any]) -> Any:
        for name in ("id", "case", "law", "target"):
            if not isinstance(data.get(name, ""), str):
                raise self.refuse(f"{name} {data[name]!r}", "a name")
        try:
            return BUILD[cls](**data)
        except (TypeError, KeyError, AttributeError):
            raise self.refuse(*_misfit(cls, data)) from None
        except ValueError as error:
            raise self.refuse(
                f"a {getattr(cls, 'kind', cls.__name__)} with {error}", f"one of {', '.join(FINDING_KINDS)}"
            ) from None

    def whole(self) -> Run:
        """The run, where the file ends as it ought to."""
        if self.header is None or self.footer is None:
            raise self.refuse("no footer, so the run was cut short", "a footer at the end")
        for what, count, promised in (
            ("verdicts", len(self.verdicts), self.footer.verdicts),
            ("cases", len(self.cases), self.footer.cases),
        ):
            if count != promised:
                raise self.refuse(f"{count} {what}, but {promised} in the footer", "the footer's count")
        for key in (*self.verdicts, *self.details):
            if key[0] not in self.cases:
                self.line = 0
                raise self.refuse(f"a verdict on the case {key[0]!r}, which has no record", "a record for each case")
        verdicts = tuple(self.verdicts.values())
        return Run(self.path, self.header, self.cases, verdicts, self.details, self.footer, self.coverage)


def _misfit(cls: type[Any], data: dict[str, Any]) -> tuple[str, str]:
    """What does not fit between an object and its record."""
    names = {item.name: item for item in fields(cls)}
    unknown = sorted(set(data) - set(names))
    lacking = [name for name in SETTINGS if cls is CaseRecord and name not in data.get("settings", ())]
    if "settings" in data and lacking:
        return f"a case without the setting {lacking[0]!r}", ", ".join(SETTINGS)
    needed = [name for name, item in names.items() if item.default is MISSING and item.default_factory is MISSING]
    missing = [name for name in needed if name not in data]
    found = f"the unknown field {unknown[0]!r}" if unknown else f"no field {missing[0]!r}" if missing else "a misfit"
    return f"a {getattr(cls, 'kind', cls.__name__)} with {found}", ", ".join(names)


def _build_header(**data: Any) -> Header:
    return former.header(data)


def _build_case(**data: Any) -> CaseRecord:
    data["tags"] = tuple(data["tags"]) if "tags" in data else ()
    data["claim"] = Claim(**data["claim"]) if data.get("claim") else None
    for name in SETTINGS:
        data["settings"][name]
    return CaseRecord(**data)


def _build_verdict(**data: Any) -> VerdictRecord:
    data = _of_today(data)
    if data.get("message"):
        data["message"] = former.message(data["message"])
    for name in ("case", "law", "target", "verdict"):
        if isinstance(data.get(name), str):
            data[name] = sys.intern(data[name])
    for name in ("shape", "warnings"):
        if data.get(name) is not None:
            data[name] = tuple(data[name])
    if data.get("finding") is not None and "message" not in data:
        data["message"] = message_of(data["verdict"], data.get("used"), data["finding"])
    return VerdictRecord(**data)


def _build_detail(**data: Any) -> DetailRecord:
    return DetailRecord(**_of_today(data))


def _of_today(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "law": former.law(data["law"])} if data.get("law") in former.LAWS else data


def _build_coverage(**data: Any) -> CoverageRecord:
    data["dimensions"] = tuple((name, tuple(values)) for name, values in data["dimensions"])
    return CoverageRecord(**data)


BUILD: dict[type[Any], Any] = {
    Header: _build_header, CaseRecord: _build_case, VerdictRecord: _build_verdict, DetailRecord: _build_detail,
    CoverageRecord: _build_coverage, Footer: Footer,
}  # fmt: skip
