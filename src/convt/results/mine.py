"""What a run, or a comparison, says of the user's own layers: first, and apart from the suite's own cases."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from convt.results.records import CaseRecord, Run, VerdictRecord
from convt.results.tally import case_standing, plural
from convt.results.targets import TargetInfo
from convt.results.vocabulary import NOTABLE, standing

Is = str
"""What became of a layer on a target: `right`, or one of `SAID`."""
SAID: Mapping[Is, tuple[str, str]] = {
    "differs": ("differs", "differ"),
    "fails": ("fails", "fail"),
    "not-judged": ("cannot be judged, for the oracles disagree,", "cannot be judged, for the oracles disagree,"),
    "not-run": ("was not executed", "were not executed"),
    "inexpressible": ("cannot be expressed", "cannot be expressed"),
}
"""In words, of one layer and of several; the worst first."""
WRONG = ("differs", "fails")
MOST_NAMES = 3
"""Layers that a sentence names; the others are counted."""
MOST_ABOUT = 60
"""Characters of what a layer says about itself."""


@dataclass(frozen=True)
class Layer:
    """One of the user's layers on one target."""

    case: str
    target: str
    is_: Is
    known: str = ""
    """The known difference that explains it, where one does."""
    laws: tuple[str, ...] = ()
    """Those that do not hold."""


@dataclass(frozen=True)
class Mine:
    """The user's own layers in a run."""

    cases: Mapping[str, CaseRecord]
    """By id, those with a verdict."""
    labels: Mapping[str, str]
    """Target to its name with the framework's version, of the targets that ran."""
    layers: tuple[Layer, ...]
    partial: bool = False
    """Whether the run was interrupted, so that these are those judged until then."""

    @property
    def says(self) -> str:
        """`Your 14 cases: all right on pytorch 2.13.0; 2 differ on keras-jax 3.15.1: up-1 (decoder.up1), up-2.`"""
        return f"{'; '.join(self.parts)}."

    @property
    def parts(self) -> list[str]:
        """The sentence in its parts: where all are right, then what is not, the worst first."""
        wrong = {it.target for it in self.layers if it.is_ != "right"}
        right = self._right()
        parts = right + (self.troubles() or ([] if right else ["no target ran"]))
        others = any(it.is_ == "right" and it.target in wrong for it in self.layers)
        parts += ["all others right"] if others else []
        return [f"{self._whose}: {parts[0]}", *parts[1:]]

    @property
    def _whose(self) -> str:
        return yours(len(self.cases)) + (", judged before the interruption" if self.partial else "")

    @property
    def headline(self) -> str:
        """The sentence without the names of layers: where all are right, and where not."""
        wrong = {it.target for it in self.layers if it.is_ != "right"}
        labels = [label for name, label in self.labels.items() if name in wrong]
        parts = [*self._right(), *([f"not {self._every} on {joined(labels)}"] if labels else [])]
        return f"{self._whose}: {'; '.join(parts) or 'no target ran'}."

    def _right(self) -> list[str]:
        wrong = {it.target for it in self.layers if it.is_ != "right"}
        labels = [label for name, label in self.labels.items() if name not in wrong]
        return [f"{self._every} on {joined(labels)}"] if labels else []

    @property
    def _every(self) -> str:
        return "all right" if len(self.cases) > 1 else "right"

    def briefly(self, among: Iterable[str]) -> list[str]:
        """Which of these layers differ or fail anywhere, in a few words."""
        names, said = set(among), []
        for kind in WRONG:
            those = [it for it in self.layers if it.is_ == kind and it.case in names]
            cases = list(dict.fromkeys(it.case for it in those))
            labels = [label for target, label in self.labels.items() if target in {it.target for it in those}]
            if those:
                said.append(f"{len(cases):,} {SAID[kind][len(cases) > 1]} on {joined(labels)}: {listed(cases)}")
        return said

    def troubles(self) -> list[str]:
        """What is not right, the worst first; targets of which the same is to be said stand together."""
        found: dict[tuple[Is, tuple[tuple[str, str], ...]], list[str]] = {}
        for kind in SAID:
            for target, label in self.labels.items():
                those = [it for it in self.layers if (it.target, it.is_) == (target, kind)]
                if those:
                    found.setdefault((kind, tuple((it.case, it.known) for it in those)), []).append(label)
        return [self._trouble(kind, those, labels) for (kind, those), labels in found.items()]

    def _trouble(self, kind: Is, those: Sequence[tuple[str, str]], labels: Sequence[str]) -> str:
        names = [
            ", ".join([self.named(case), *self._laws(kind, case, known), *([f"known: {known}"] if known else [])])
            for case, known in those
        ]
        return f"{len(those):,} {SAID[kind][len(those) > 1]} on {joined(labels)}: {listed(names)}"

    def _laws(self, kind: Is, case: str, known: str) -> list[str]:
        """Which laws do not hold: of a number type or of an empty batch it may be, which the model never meets."""
        those = (it for it in self.layers if (it.case, it.is_, it.known) == (case, kind, known))
        laws = list(dict.fromkeys(law for it in those for law in it.laws))
        more = f" and {len(laws) - 1} more" if len(laws) > 1 else ""
        return [f"law {laws[0]}{more}"] if laws else []

    def named(self, case: str) -> str:
        """The layer's name, with what it says about itself where no other of them says the same."""
        about = self.cases[case].about
        alone = Counter(it.about for it in self.cases.values())[about] == 1
        return f"{case} ({textwrap.shorten(about, MOST_ABOUT, placeholder='...')})" if about and alone else case

    def data(self) -> dict[str, Any]:
        """As plain data: `cases` (how many), `says`, and `targets`: name to each word of `right`, `differs`, `fails`,
        `not-judged`, `not-run`, `inexpressible` with the layers of which it is true, `known`: layer to the known
        difference that explains what is not right, and `laws`: layer to the laws that do not hold."""
        words = ("right", *SAID)
        targets: dict[str, Any] = {}
        for name in self.labels:
            those = [it for it in self.layers if it.target == name]
            targets[name] = {word: [it.case for it in those if it.is_ == word] for word in words}
            targets[name]["known"] = {it.case: it.known for it in those if it.known}
            targets[name]["laws"] = {it.case: list(it.laws) for it in those if it.laws}
        return {"cases": len(self.cases), "says": self.says, "targets": targets}


def mine_of(run: Run) -> Mine | None:
    """The user's own layers in a run; None where it has none."""
    cases = {name: case for name, case in run.cases.items() if case.mine}
    return mine_in(cases, run.header.targets, run.verdicts, run.footer.partial) if cases else None


def mine_in(
    cases: Mapping[str, CaseRecord],
    targets: Iterable[TargetInfo],
    verdicts: Iterable[VerdictRecord],
    partial: bool = False,
) -> Mine | None:
    """The same of these layers, where some of them have a verdict; None where none has."""
    found: dict[tuple[str, str], dict[str, VerdictRecord]] = {}
    for record in verdicts:
        if record.case in cases:
            found.setdefault((record.case, record.target), {})[record.law] = record
    if not found:
        return None
    order = {name: place for place, name in enumerate(cases)}
    judged = {case for case, _ in found}
    labels = {it.name: _label(it) for it in targets if it.missing is None}
    in_order = sorted((key for key in found if key[1] in labels), key=lambda key: order[key[0]])
    layers = [_layer(case, target, found[case, target]) for case, target in in_order]
    return Mine({name: case for name, case in cases.items() if name in judged}, labels, tuple(layers), partial)


def _layer(case: str, target: str, laws: dict[str, VerdictRecord]) -> Layer:
    """What became of a layer, from its verdicts by law: a known difference is one all the same."""
    stands = case_standing(laws) or "not-run"
    broken = tuple(law for law, it in laws.items() if standing(it) in NOTABLE)
    if stands == "known":
        explained = [it for it in laws.values() if standing(it) == "known"]
        first = next((it for it in explained if it.verdict == "differs"), explained[0])
        return Layer(case, target, "differs" if first.verdict == "differs" else "fails", first.known or "", broken)
    words = {"pass": "right", "error": "fails", "suite-bug": "not-judged", "unsupported": "inexpressible"}
    return Layer(case, target, words.get(stands, stands), laws=broken)


def _label(info: TargetInfo) -> str:
    return " ".join([info.name, *list(info.versions.values())[:1]])


def yours(number: int) -> str:
    """`Your 14 cases`."""
    return f"Your {plural(number, 'case')}"


def joined(names: Sequence[str]) -> str:
    """`a, b and c`; nothing of none."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """The first names; the others are counted."""
    more = len(names) - most
    return f"{', '.join(names[:most])} and {more:,} more" if more > 1 else ", ".join(names)
