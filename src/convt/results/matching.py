"""Which verdicts of two sides are about the same thing, and what is left out because it has no counterpart.

A verdict's key is the case's content hash, the law and the law's version, under one version of the oracles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from convt.results.directions import CLAIMS
from convt.results.records import Header, VerdictRecord
from convt.results.releases import HISTORY
from convt.results.sides import Matched, Side, match_cases

CAUSES = {
    "oracles": "the oracles have another version",
    "law-version": "the law has another version",
    "law-absent": "only one side asked the law",
    "adapter": "each side has its own adapter, and only one of the two can say the call",
    "generated": "a generated case that only one side drew",
    "case-content": "the case has the same name and another content",
    "case-absent": "only one side has the case",
}
"""Why a verdict has no counterpart, in the order in which it is decided."""

MOST_NAMES = 4
ADAPTER = "adapter"
"""The flag of a released version's target that tells which adapter asked it, by a digest."""


@dataclass(frozen=True)
class LeftOut:
    """Verdicts that are not compared, for one reason."""

    cause: str
    """One of CAUSES."""
    before: int
    """How many verdicts of that side; `after` likewise."""
    after: int
    names: tuple[str, ...]
    """The laws, with their versions, or the cases that it is about; of the oracles, their versions."""

    @property
    def says(self) -> str:
        """In words, with the first names."""
        counts = [f"{number:,} {side}" for number, side in ((self.before, "before"), (self.after, "after")) if number]
        more = f" and {len(self.names) - MOST_NAMES:,} more" if len(self.names) > MOST_NAMES else ""
        return f"{' and '.join(counts)}: {CAUSES[self.cause]} ({', '.join(self.names[:MOST_NAMES])}{more})"


def comparable_laws(before: Header, after: Header) -> set[str]:
    """The laws whose verdicts have a counterpart: of one version on both sides, by one version of the oracles."""
    was, is_ = law_versions(before), law_versions(after)
    return {law for law in was if was[law] == is_.get(law)} if before.oracles == after.oracles else set()


def law_versions(header: Header) -> dict[str, int]:
    """Law to version."""
    return {law.id: law.version for law in header.laws}


class Matching:
    """Pairs the cases and laws of two sides; `forced` takes laws and oracles of two versions for the same."""

    def __init__(self, before: Side, after: Side, forced: bool = False) -> None:
        self._sides: Mapping[str, Side] = {"before": before, "after": after}
        self._versions = {side: law_versions(it.header) for side, it in self._sides.items()}
        self._forced = forced
        self._counts: dict[str, Counter[str]] = {}
        self._names: dict[str, dict[str, None]] = {}

    @cached_property
    def cases(self) -> Matched:
        """Which cases are the same one."""
        return match_cases(self._sides["before"].cases, self._sides["after"].cases)

    @cached_property
    def back(self) -> dict[str, str]:
        """After's name of a case -> before's."""
        return {after: before for before, after in self.cases.after.items()}

    @cached_property
    def other_versions(self) -> list[str]:
        """What both sides have in two versions: the oracles, and laws."""
        was, is_ = self._versions.values()
        oracles = [it.header.oracles for it in self._sides.values()]
        found = [f"oracles {_pair(*oracles)}"] if oracles[0] != oracles[1] else []
        return found + [f"{law} {_pair(was[law], is_[law])}" for law in was if law in is_ and was[law] != is_[law]]

    def law(self, law: str) -> bool:
        """Whether the verdicts of a law on the two sides are comparable."""
        return self._of_law(law) is None

    def leaves_out(self, side: str, case: str, law: str) -> bool:
        """Whether a verdict of that side has no counterpart; such ones are counted by cause."""
        found = self._of_law(law) or self._of_case(side, case)
        if found is None:
            return False
        cause, name = found
        self._counts.setdefault(cause, Counter())[side] += 1
        self._names.setdefault(cause, {})[name] = None
        return True

    def leaves_out_pair(self, target: str, before: VerdictRecord | None, after: VerdictRecord | None) -> bool:
        """Whether it may be the adapter that changed and not the framework: of released versions that two adapters
        asked, what a call cannot say on one side alone."""
        tags = [side.targets[target].flags.get(ADAPTER) for side in self._sides.values()]
        if {side.header.profile for side in self._sides.values()} != {HISTORY}:
            return False
        cannot = [it is not None and it.verdict == "unsupported" for it in (before, after)]
        if tags[0] == tags[1] or not (cannot[0] != cannot[1] or CLAIMS in {it.law for it in (before, after) if it}):
            return False
        for side, record in (("before", before), ("after", after)):
            self._counts.setdefault("adapter", Counter())[side] += record is not None
        self._names.setdefault("adapter", {})[target] = None
        return True

    def left_out(self) -> tuple[LeftOut, ...]:
        """What was left out so far, by cause."""
        found = ((cause, self._counts[cause]) for cause in CAUSES if cause in self._counts)
        return tuple(LeftOut(cause, it["before"], it["after"], tuple(self._names[cause])) for cause, it in found)

    def _of_law(self, law: str) -> tuple[str, str] | None:
        was, is_ = (versions.get(law) for versions in self._versions.values())
        oracles = [it.header.oracles for it in self._sides.values()]
        if oracles[0] != oracles[1] and not self._forced:
            return "oracles", f"version {_pair(*oracles)}"
        if was is None or is_ is None:
            return "law-absent", law
        return ("law-version", f"{law} {_pair(was, is_)}") if was != is_ and not self._forced else None

    def _of_case(self, side: str, case: str) -> tuple[str, str] | None:
        here, there = (self._sides[name].cases for name in (side, "after" if side == "before" else "before"))
        if case in (self.cases.after if side == "before" else self.back):
            return None
        if here[case].generated:
            return "generated", case
        return ("case-content" if case in there else "case-absent"), case


def _pair(before: int, after: int) -> str:
    return f"({before} before, {after} after)"
