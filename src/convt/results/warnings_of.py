"""Warnings that a target gives after and did not give before: each kind once, with where it was first met."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from convt.results.records import VerdictRecord

_CHANGING = re.compile(r"0x[0-9a-fA-F]+|(?:/[\w.+-]+)+(?::\d+)?|\d+")
"""Addresses, paths and numbers: one warning has others from call to call."""


@dataclass(frozen=True)
class Warned:
    """A warning's first place, and what to say of it."""

    case: str
    law: str
    record: VerdictRecord
    says: str


def kind_of(warning: str) -> str:
    """A warning without what changes from call to call."""
    return _CHANGING.sub("#", " ".join(warning.split()))


def new_warnings(before: Iterable[VerdictRecord], after: Iterable[VerdictRecord]) -> Iterator[Warned]:
    """The kinds of warning that only the side after gives, in the order in which they were met."""
    known = {kind_of(warning) for record in before for warning in record.warnings}
    first: dict[str, tuple[VerdictRecord, str]] = {}
    times: dict[str, int] = {}
    for record in after:
        for warning in record.warnings:
            kind = kind_of(warning)
            if kind not in known:
                first.setdefault(kind, (record, " ".join(warning.split())))
                times[kind] = times.get(kind, 0) + 1
    for kind, (record, warning) in first.items():
        said = "once" if times[kind] == 1 else f"{times[kind]:,} times"
        yield Warned(record.case, record.law, record, f"{warning} ({said})")
