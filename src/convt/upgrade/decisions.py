"""Every pair of neighbouring releases in the history, with its decision and why that is right, as a person judged it.

The decisions are data, `decisions.yaml` beside the history, and docs/history.md is drawn of them. A test holds each
against the one that is computed. A pair that nobody has judged yet, as of a release of today, is told with the computed
one; only the last pairs of a series may be so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from convt.results.changes import compare
from convt.results.compare_view import Decision, decision
from convt.results.reader import read_run
from convt.results.releases import is_judged
from convt.upgrade.kept import versions_of
from convt.upgrade.series import HISTORY, SERIES

FILE = "decisions.yaml"
WORDS: dict[Decision, str] = {
    "worse": "**worse**", "better": "better", "neither": "neither", "same": "the same", "no answer": "no answer",
}  # fmt: skip
UNREAD = "nobody has read this pair yet; `convt compare {name} {before} {after}` tells what changed"
HEAD = """# What each release changed

Every pair of neighbouring releases in the history, with the decision of `convt compare NAME BEFORE AFTER` and why it
is right: what changed, in how many cases, and why in this direction. The decisions are judged by hand and kept in
`reports/history/decisions.yaml`; a test compares each with the computed one. By [one
order](comparing.md#better-or-worse) an invalid call makes nothing worse but where it ends the process or hangs; two
answers that are wrong alike are neither.
"""


class BadDecisions(ValueError):
    """A file of decisions that cannot be read; the message says where and what."""


class Entry(BaseModel):
    """One pair, judged by hand."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    before: str
    after: str
    decision: Literal["worse", "better", "neither", "same"]
    why: Annotated[str, Field(min_length=20)]


@dataclass(frozen=True)
class Pair:
    """Two neighbouring releases of a series that were both judged."""

    name: str
    before: str
    after: str
    paths: tuple[Path, Path]

    def computed(self) -> Decision:
        """The decision of the comparison."""
        return decision(compare(*map(read_run, self.paths)))


def pairs(folder: Path = HISTORY) -> list[Pair]:
    """Every pair of neighbours, series by series, the oldest first."""
    return [pair for name in SERIES for pair in _pairs(name, folder)]


def _pairs(name: str, folder: Path) -> Iterator[Pair]:
    series = SERIES[name]
    judged = [it for it in versions_of(series, folder) if is_judged(series.path(it, folder))]
    for before, after in pairwise(judged):
        yield Pair(name, before, after, (series.path(before, folder), series.path(after, folder)))


def read_decisions(path: Path = HISTORY / FILE) -> dict[tuple[str, str, str], Entry]:
    """(series, before, after) to the entry; BadDecisions where the file is none, or names a pair twice."""
    try:
        data = TypeAdapter(dict[str, list[Entry]]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise BadDecisions(f"{path}: {error}") from None
    found: dict[tuple[str, str, str], Entry] = {}
    for name, entries in data.items():
        for it in entries:
            if (name, it.before, it.after) in found:
                raise BadDecisions(f"{path}: {name} {it.before} to {it.after} twice, accepted each pair once")
            found[name, it.before, it.after] = it
    return found


def page(folder: Path = HISTORY) -> str:
    """docs/history.md: a table a series."""
    entries = read_decisions(folder / FILE)
    lines = [HEAD]
    for name in SERIES:
        there = list(_pairs(name, folder))
        if there:
            lines += [f"## {name}\n", "| before | after | decision | why |", "|---|---|---|---|"]
            lines += [_row(pair, entries.get((name, pair.before, pair.after))) for pair in there]
            lines.append("")
    return "\n".join(lines)


def _row(pair: Pair, entry: Entry | None) -> str:
    says = entry.decision if entry else pair.computed()
    why = entry.why if entry else UNREAD.format(name=pair.name, before=pair.before, after=pair.after)
    return f"| {pair.before} | {pair.after} | {WORDS[says]} | {why.replace('|', chr(92) + '|')} |"
