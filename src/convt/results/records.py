"""What a run file is made of: header, cases, verdicts, details, coverage, footer. Frozen, and plain data throughout."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar

from convt.results.coverage import CoverageRecord
from convt.results.targets import TargetInfo

__all__ = [
    "FORMAT", "READABLE", "CaseRecord", "Claim", "CoverageRecord", "DetailRecord", "Footer", "Header", "KnownInfo",
    "LawInfo", "Record", "Run", "RunFileError", "TargetInfo", "VerdictRecord",
]  # fmt: skip

FORMAT = 2
"""The number of the file format that is written."""
READABLE = (1, 2)
"""The formats that are read: verdicts of format 1 have a message and no finding (`convt.results.sentences`)."""


@dataclass(frozen=True, slots=True)
class LawInfo:
    """A law as the header tells it."""

    id: str
    statement: str
    source: str = ""
    version: int = 1
    """Of its judgement: verdicts of two versions are not compared."""
    cover: int = 0
    """Where the run asked it of a cover of its YAML cases: how many of their properties, wherever they occur together,
    do so in the cover. 0: it was asked of every case."""
    cover_above: int = 0
    """The same on targets that stand above another target's engine, as Keras does."""


@dataclass(frozen=True, slots=True)
class KnownInfo:
    """A known difference as the header tells it; `origin` is its file:line."""

    id: str
    reason: str = ""
    issue: str = ""
    since: str = ""
    origin: str = ""
    intermittent: str = ""
    """Why it comes and goes by itself; empty where it is there in every run."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement as people learn it, and whether it holds."""

    says: str
    holds: bool
    correction: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """What ran, where, on what."""

    kind: ClassVar[str] = "header"
    started: str
    """ISO 8601."""
    seed: int
    profile: str
    platform: dict[str, Any]
    command: str
    targets: tuple[TargetInfo, ...]
    laws: tuple[LawInfo, ...]
    packages: dict[str, Any] = field(default_factory=dict)
    """Package to version, on the host."""
    known: tuple[KnownInfo, ...] = ()
    oracles: int = 1
    """The version of the oracles: verdicts by two versions are not compared."""
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A case: its settings with their arithmetic (output, crop, extra), and its numbers where they are few."""

    kind: ClassVar[str] = "case"
    id: str
    digest: str
    origin: str
    """file:line; empty for a generated case."""
    about: str
    source: str
    tags: tuple[str, ...]
    settings: dict[str, Any]
    claim: Claim | None = None
    x: Any = None
    w: Any = None
    b: Any = None
    generated: bool = False
    reject: dict[str, Any] | None = None
    """Of settings that mean nothing: `kind`, the settings at `fault`, and what is passed `invalid` of the settings and
    as other `arrays`; `means` and `either` where an answer may be right. The settings are the valid ones."""
    asked: dict[str, Any] | None = None
    """Of a case that is there for one evaluation: `want`, `dtype`, `memory` (of x, w and g), `call_form`, `numbers`."""
    mine: bool = False
    """Whether it is one of the user's own layers, and no case of the suite's. A file leaves it out where it is not."""


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """One law's verdict on one case and target; `known` names the known difference that explains it."""

    kind: ClassVar[str] = "verdict"
    case: str
    law: str
    target: str
    verdict: str
    known: str | None = None
    message: str = ""
    """The finding in words; a file leaves it out where these follow from the finding."""
    used: float | None = None
    """The largest fraction of the error bound that was used."""
    bits: str = ""
    """A digest of the exact output."""
    outcome: str = ""
    """The worst outcome among the law's evaluations: value, unsupported, not-run, raised, timed-out, crashed."""
    shape: tuple[int, ...] | None = None
    """Of the answer to the case itself, at the first law that asks for it; `dtype` likewise."""
    dtype: str = ""
    warnings: tuple[str, ...] = ()
    """The Python warnings of the law's evaluations, each at the first law of the case that met it."""
    finding: dict[str, Any] | None = None
    """The fields of `convt.results.finding.Finding` that say something, as plain data; None where the verdict says it
    all. `convt.results.sentences.finding_of` gives them for records of every format."""
    unsteady: str = ""
    """What else the target answers when it is asked again, where that is another verdict or are other numbers: told of
    what changed between the two sides of an upgrade."""
    again: int = 0
    """How often it was asked again and always answered so: told of what a known difference says to come and go."""


@dataclass(frozen=True, slots=True)
class DetailRecord:
    """The evidence of a verdict that is not `pass`; arrays are nested lists, or None."""

    kind: ClassVar[str] = "detail"
    case: str
    law: str
    target: str
    expected: Any = None
    actual: Any = None
    call: str = ""
    """One line of the framework's own call."""
    script: str = ""
    """A complete script that needs numpy and the framework alone."""


@dataclass(frozen=True, slots=True)
class Footer:
    """The end of a whole file; the counts are checked against what stands above."""

    kind: ClassVar[str] = "footer"
    verdicts: int
    cases: int
    seconds: float
    exit: int
    target_seconds: dict[str, float] = field(default_factory=dict)
    """Target to the time that it spent inside the framework's calls."""
    target_longest: dict[str, float] = field(default_factory=dict)
    """Target to the longest time of one call among them."""
    partial: bool = False
    """The run was interrupted, and the file has what was judged until then."""
    target_speeds: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    """Target to settings that were timed, by name, to the median and the least seconds of a call."""


Record = Header | CaseRecord | VerdictRecord | DetailRecord | CoverageRecord | Footer


Key = tuple[str, str, str]
SETTINGS = (
    "op", "input", "kernel", "stride", "dilation", "padding", "output_padding", "output_size", "batch", "channels_in",
    "channels_out", "groups", "bias", "output", "crop", "extra",
)  # fmt: skip
"""The settings that every case record has."""

ARRAYS = ("x", "w", "b", "expected", "actual", "used")
"""The fields that hold numbers, spelled as JSON can carry them."""

AGAIN = "run the suite again to write a whole file"


class RunFileError(ValueError):
    """A run file that cannot be trusted. One line: where, what was found, what is accepted, what to do."""

    def __init__(self, path: Path, line: int | None, found: str, accepted: str, todo: str = AGAIN) -> None:
        where = f"{path}:{line}" if line else f"{path}"
        text = f"{where}: found {found}; accepted: {accepted}; {todo}"
        super().__init__(" ".join(text.split()))
        self.path, self.line, self.found, self.accepted, self.todo = path, line, found, accepted, todo


@dataclass(frozen=True, eq=False)
class Run:
    """A whole run, checked."""

    path: Path
    header: Header
    cases: dict[str, CaseRecord]
    """By id, in the file's order."""
    verdicts: tuple[VerdictRecord, ...]
    details: dict[Key, DetailRecord]
    """By (case, law, target)."""
    footer: Footer
    coverage: dict[str, CoverageRecord] = field(default_factory=dict)
    """By target, of those that answered; empty where the run's release counted none."""


def describe(record: Record) -> str:
    """The kind of a record and the names in it."""
    names = (getattr(record, name, None) for name in ("id", "case", "law", "target"))
    return " ".join([record.kind, *(name for name in names if name)])


def plain_data(value: Any) -> Any:
    """A record, or what stands in one, as JSON can carry it; what a file does not keep is left out."""
    if isinstance(value, (str, int, float, dict, list)) or value is None:  # nearly all there is
        return value
    if is_dataclass(value):
        return {name: plain_data(getattr(value, name)) for name in names_of(type(value))}
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return [plain_data(item) for item in value]
    return value


_NAMES: dict[type[Any], tuple[str, ...]] = {}


def names_of(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a kind of record that a file keeps."""
    if kind not in _NAMES:
        _NAMES[kind] = tuple(item.name for item in fields(kind) if item.metadata.get("kept", True))
    return _NAMES[kind]


def spell(value: Any) -> Any:
    """Numbers and nested lists as JSON can carry them: nan, inf and complex ones as text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if hasattr(value, "tolist"):
        return spell(value.tolist())
    if isinstance(value, (list, tuple)):
        return [spell(item) for item in value]
    if isinstance(value, complex):
        return str(value)
    return value


def unspell(value: Any) -> Any:
    """The inverse of `spell`."""
    if isinstance(value, list):
        return [unspell(item) for item in value]
    if isinstance(value, str):
        return complex(value) if "j" in value else float(value)
    return value
