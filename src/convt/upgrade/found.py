"""What a search found: differences, each with its smallest case, as values, as text and as plain data."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from convt.adapter.backend import Outcome
from convt.cases.case import Case
from convt.results.directions import Direction
from convt.results.kinds import KINDS
from convt.session.verdicts import numbers

Right = Literal["before", "after", "both", "neither", ""]
TELLING = ("outcome", "value", "shape", "dtype", "abstract-shape")
"""Kinds of difference that may be for the better or for the worse; others are told."""
RIGHT: dict[Right, str] = {
    "before": "the oracles agree with before, and not with after",
    "after": "the oracles agree with after, and not with before",
    "both": "the oracles agree with both",
    "neither": "the oracles agree with neither",
    "": "no oracle speaks of this",
}


@dataclass(frozen=True, eq=False)
class Difference:
    """One difference between two versions, on the smallest case that the search found for it."""

    kind: str
    case: Case
    before: Outcome
    after: Outcome
    says: str
    """One sentence, such as `value: 3 of 12 numbers, first at (0,0,1): 4 before, 2 after`."""
    right: Right
    needs: tuple[str, ...]
    """What the case has beyond the plainest one, each in a few words."""
    asked: str
    """What was asked where that is not the plain call: `call_form 1`, `a batch of none`; else empty."""
    call_form: int
    seen: int
    """How many of the drawn cases show it."""
    also: tuple[tuple[str, ...], ...]
    """What other smallest cases of the same difference need: in pairs, with `same`, with `valid`."""
    smallest: bool
    """Whether no single or double change makes the case plainer; False where the budget ended first."""
    yaml: str
    """The lines that name the case in a spec file."""
    script_before: str
    script_after: str
    unsteady: str = ""
    """The side, before or after, that answers otherwise from one time to the next, where that is the difference."""

    @property
    def direction(self) -> Direction:
        """Whether it is for the better or the worse, by the oracles and by how the calls end (docs/comparing.md)."""
        if self.unsteady:
            return "worse" if self.unsteady == "after" else "better"
        if self.kind not in TELLING:
            return ""
        if self.right in ("before", "after"):
            return "worse" if self.right == "before" else "better"
        ends = [outcome.kind in ("crashed", "timed-out") for outcome in (self.before, self.after)]
        return "" if ends[0] == ends[1] else "worse" if ends[1] else "better"


@dataclass(frozen=True, eq=False)
class Found:
    """The result of one search."""

    before: str
    after: str
    versions: Mapping[str, str]
    """What runs on each side, by target: the framework and its version; empty where that is not known."""
    seed: int
    budget: float
    differences: tuple[Difference, ...]
    cases: int
    """How many cases were tried on both sides."""
    probes: int
    """How many probes each side was asked, those of shrinking included."""
    seconds: float
    completed: bool
    """Whether every case that the seed stands for was tried: then the same seed finds the same again."""
    stopped: str = ""
    """Why the search ended before that; empty where it did not."""
    notes: tuple[str, ...] = ()


def summary(found: Found) -> str:
    """What was done, in one line."""
    count = len(found.differences)
    said = f"{count or 'no'} difference{'' if count == 1 else 's'} in {found.cases:,} cases"
    end = "the search completed" if found.completed else f"the search did not complete: {found.stopped}"
    return f"{said}, {found.probes:,} probes a side, {found.seconds:.0f} s, seed {found.seed}; {end}"


def render(found: Found, scripts: bool = True) -> str:
    """The result for a terminal: each difference with its case, and the script of each side."""
    sides = [(name, found.versions.get(name, "")) for name in (found.before, found.after)]
    lines = ["search: " + " against ".join(f"{name} ({version})" if version else name for name, version in sides)]
    lines += [summary(found), *(f"note: {note}" for note in found.notes)]
    for number, it in enumerate(found.differences, 1):
        lines += ["", f"{number}. {it.says}", *(f"   {line}" for line in _facts(it, found))]
        lines += textwrap.indent(it.yaml, "   ").splitlines()
        for name, script in _scripts(it, found) if scripts else ():
            lines += [f"   # {name}", *textwrap.indent(script, "   ").splitlines()] if script else []
    return "\n".join(lines) + "\n"


def _scripts(it: Difference, found: Found) -> list[tuple[str, str]]:
    """(whose, the script), once where it is the same on both sides."""
    if it.script_before == it.script_after:
        return [(f"{found.before} and {found.after}", it.script_before)]
    return [(found.before, it.script_before), (found.after, it.script_after)]


def _facts(it: Difference, found: Found) -> list[str]:
    facts = [f"{RIGHT[it.right]}; in {it.seen:,} of {found.cases:,} cases"]
    facts += [f"asked: {it.asked}"] if it.asked else []
    facts += [f"needs: {', '.join(it.needs)}"] if it.needs else ["needs: nothing beyond the plainest case"]
    facts += [f"also: {', '.join(words)}" for words in it.also]
    facts += [] if it.smallest else ["not shrunk to the end: the budget was spent, or a process ended too often"]
    return facts


def to_json(found: Found) -> dict[str, Any]:
    """The result as plain data, for the upgrade page and for programs."""
    return {
        "before": found.before,
        "after": found.after,
        "versions": dict(found.versions),
        "seed": found.seed,
        "budget": found.budget,
        "cases": found.cases,
        "probes": found.probes,
        "seconds": round(found.seconds, 1),
        "completed": found.completed,
        "stopped": found.stopped,
        "notes": list(found.notes),
        "says": summary(found),
        "differences": [_difference(it) for it in found.differences],
    }


def _difference(it: Difference) -> dict[str, Any]:
    data = it.case.data("exact") if it.case.literal else it.case.data("real")
    arrays = {name: numbers(array) for name, array in (("x", data.x), ("w", data.w), ("b", data.b))}
    return {
        "kind": it.kind,
        "means": KINDS[it.kind],
        "says": it.says,
        "right": it.right,
        "oracle": RIGHT[it.right],
        "direction": it.direction,
        "needs": list(it.needs),
        "also": [list(words) for words in it.also],
        "asked": it.asked,
        "call_form": it.call_form,
        "seen": it.seen,
        "smallest": it.smallest,
        "case": {"digest": it.case.digest, "settings": it.case.settings.canonical()} | arrays,
        "before": _outcome(it.before),
        "after": _outcome(it.after),
        "yaml": it.yaml,
        "script_before": it.script_before,
        "script_after": it.script_after,
    }


def _outcome(it: Outcome) -> dict[str, Any]:
    shape = it.value.shape if it.value is not None else it.shape
    value = None if it.value is None else _plain(numbers(it.value))
    return {
        "kind": it.kind,
        "reason": it.reason,
        "shape": None if shape is None else list(shape),
        "dtype": "" if it.value is None else str(it.value.dtype),
        "value": value,
    }


def _plain(value: Any) -> Any:
    """Nested lists that JSON can hold: inf and nan as words."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or np.isfinite(value) else str(float(value))
