"""What released versions of a framework do: one small file a version, JSON lines in gzip.

    release  format, package, version, requirements, missing (why it was not judged, or null), and an ordinary header
    case     id, digest, about, settings, bits (a digest over all laws' answers), codes (a letter a law, in the
             header's order: p pass, d differs, e error, u unsupported, n not-run, s suite-bug, . not asked),
             says (law to message, where the verdict is differs, error or suite-bug)
    footer   as in a run file

`Release.run` is the same as an ordinary run, without arrays and scripts; `convt.results.reader.read_run` gives that, so
that every command on runs takes these files too.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from convt.results import former
from convt.results.classes import message_class
from convt.results.records import SETTINGS, CaseRecord, Footer, Header, Run, RunFileError, VerdictRecord, plain_data
from convt.results.vocabulary import FAILING, LETTERS
from convt.results.vocabulary import VERDICTS as WORDS

FORMAT = 1
VERDICTS = {LETTERS[verdict]: verdict for verdict in WORDS}
SILENT = "."
HISTORY = "history"
"""The profile in the header of a released version."""
LONGEST = 300
"""Characters of a message."""
WHAT = "a file of one released version, as convt history --judge all writes it"
TODO = "delete it and run convt history --judge all again"


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """A case and its verdicts, a letter a law."""

    id: str
    digest: str
    about: str
    settings: dict[str, Any]
    bits: str
    codes: str
    says: dict[str, str]


@dataclass(frozen=True, eq=False)
class Release:
    """One version of one package, judged on one target, or the reason why it could not be."""

    package: str
    version: str
    requirements: tuple[str, ...]
    """What was installed beside it, as pip takes it."""
    missing: str | None
    header: Header
    cases: Mapping[str, JudgedCase]
    seconds: float
    path: Path = Path()
    """The file that it was read from."""

    @property
    def target(self) -> str:
        return self.header.targets[0].name

    @property
    def laws(self) -> tuple[str, ...]:
        return tuple(law.id for law in self.header.laws)

    def verdicts(self, case: str) -> dict[str, str]:
        """Law to verdict, for the laws that were asked."""
        pairs = zip(self.laws, self.cases[case].codes, strict=True)
        return {law: VERDICTS[code] for law, code in pairs if code != SILENT}

    def records(self, case: str) -> dict[str, VerdictRecord]:
        """Law to record."""
        says = self.cases[case].says
        return {
            law: VerdictRecord(case, law, self.target, verdict, message=plain(says.get(law, "")))
            for law, verdict in self.verdicts(case).items()
        }

    @cached_property
    def run(self) -> Run:
        """The same as a run."""
        records = tuple(record for case in self.cases for record in self.records(case).values())
        cases = {
            case.id: CaseRecord(case.id, case.digest, "", case.about, "", (), case.settings)
            for case in self.cases.values()
        }
        footer = Footer(len(records), len(cases), self.seconds, 0)
        return Run(self.path, self.header, cases, records, {}, footer)


def plain(text: str) -> str:
    """A message without the terminal's colours, which old releases of Keras put into theirs."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def judged_case(case: CaseRecord, verdicts: Mapping[str, VerdictRecord], laws: Sequence[str], bits: str) -> JudgedCase:
    """A case and its verdicts by law, in the form that is kept."""
    codes = "".join(LETTERS[verdicts[law].verdict] if law in verdicts else SILENT for law in laws)
    told = {law: verdicts[law].message for law in laws if law in verdicts and verdicts[law].verdict in FAILING}
    says = {law: plain(message.split("\n")[0])[:LONGEST] for law, message in told.items()}
    return JudgedCase(case.id, case.digest, case.about, case.settings, bits, codes, says)


def condensed(run: Run) -> Run:
    """What the file of a released version would tell of a run: of a failure the kind that its first line tells, no
    numbers, bits or warnings."""
    verdicts = tuple(_condensed(record) for record in run.verdicts)
    return replace(run, header=replace(run.header, packages={}), verdicts=verdicts)


def _condensed(record: VerdictRecord) -> VerdictRecord:
    first = plain(record.message.partition("\n")[0])[:LONGEST]
    kind = message_class(replace(record, message=first)).partition(" / ")[0] if record.verdict in FAILING else ""
    return replace(record, message=kind, used=None, bits="", warnings=())


def write_release(release: Release, path: Path) -> None:
    """Write the file beside its place and move it there; the same release makes the same bytes."""
    head = {
        "kind": "release", "format": FORMAT, "package": release.package, "version": release.version,
        "requirements": release.requirements, "missing": release.missing, "header": plain_data(release.header),
    }  # fmt: skip
    verdicts = sum(len(release.verdicts(case)) for case in release.cases)
    footer = {"kind": "footer", "verdicts": verdicts, "cases": len(release.cases), "seconds": release.seconds}
    lines = [head, *({"kind": "case", **asdict(case)} for case in release.cases.values()), footer]
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    part.replace(path)


def is_judged(path: Path) -> bool:
    """Whether a file tells what a release did, and not why it could not be judged: by its first line alone.

    RunFileError where that line cannot be read.
    """
    try:
        with gzip.open(path) as file:
            return json.loads(file.readline())["missing"] is None
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise RunFileError(path, 1, f"nothing readable ({error})", WHAT, TODO) from None


def read_release(path: Path | str) -> Release:
    """The release in a file; RunFileError where the file is missing, cut short, damaged, or of another format."""
    path = Path(path)
    head, *rest = _lines(path)
    if head.get("kind") != "release" or head.get("format") != FORMAT:
        raise RunFileError(path, 1, f"{head.get('kind')!r} of format {head.get('format')!r}", WHAT, TODO)
    if not rest or rest[-1].get("kind") != "footer":
        raise RunFileError(path, None, "no footer, so it was cut short", WHAT, TODO)
    try:
        header = former.header(head["header"])
        cases = [_case(line) for line in rest[:-1]]
        release = Release(
            head["package"], head["version"], tuple(head["requirements"]), head["missing"], header,
            {case.id: case for case in cases}, rest[-1]["seconds"], path,
        )  # fmt: skip
        found = (sum(len(release.verdicts(case.id)) for case in cases), len(release.cases))
        promised = (rest[-1]["verdicts"], rest[-1]["cases"])
        lacking = [name for case in cases for name in SETTINGS if name not in case.settings]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunFileError(path, None, f"a misfit ({type(error).__name__}: {error})", WHAT, TODO) from None
    if found != promised or lacking:
        what = f"cases without {lacking[0]}" if lacking else f"{found} verdicts and cases, {promised} in the footer"
        raise RunFileError(path, None, what, WHAT, TODO)
    return release


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    except FileNotFoundError:
        raise RunFileError(path, None, "no such file", WHAT, "give the path of such a file") from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise RunFileError(path, None, f"nothing readable ({error})", WHAT, TODO) from None
    if not lines or not all(isinstance(line, dict) for line in lines):
        raise RunFileError(path, None, "no JSON objects", WHAT, TODO)
    return lines


def _case(line: dict[str, Any]) -> JudgedCase:
    case = JudgedCase(**{key: line[key] for key in JudgedCase.__slots__})
    return replace(case, says={former.law(law): former.message(text) for law, text in case.says.items()})
