"""The two targets, asked at once and in batches, within a time budget; what differs about a form, by track."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.upgrade.forms import Form
from convt.upgrade.kinds import ENDS, Mark, marks
from convt.upgrade.questions import DEEP, FRACTIONS, FURTHER, INTEGERS, RESIZE, SHALLOW, Question, Track, questions

AT_ONCE = 384
"""Probes asked together: fused backends compile them into one program, and the budget is looked at in between."""


class Answers(Protocol):
    """Where answers come from: an Evaluator."""

    def request(self, target: str, probes: Sequence[Probe]) -> None:
        raise NotImplementedError

    def get(self, target: str, probe: Probe, timeout: float | None = None) -> Outcome:
        raise NotImplementedError


class OutOfTime(Exception):
    """The budget is spent."""


@dataclass(frozen=True)
class Shown:
    """One difference on one form: how it differs, and the question that shows it."""

    form: Form
    mark: Mark
    question: Question

    @property
    def sort(self) -> tuple[str, Mark, Track]:
        """What two differences share before anything is said about settings."""
        return (self.form.op, self.mark, self.question.track)

    @property
    def fatal(self) -> bool:
        """Whether one side's process ended or hung."""
        return self.mark.kind == "outcome" and any(end in self.mark.detail for end in ("crashed", "timed-out"))


class Sides:
    """Asks both targets everything at once. A probe counts once, however often it is asked."""

    def __init__(self, evaluator: Answers, before: str, after: str, budget: float) -> None:
        self.before, self.after = before, after
        self.lost = ""
        """Why a side answers no more; empty while both do."""
        self._evaluator = evaluator
        self._ends = time.monotonic() + budget
        self._known: dict[str, tuple[Outcome, Outcome]] = {}
        self._asked = 0

    @property
    def asked(self) -> int:
        """How many probes each side was asked."""
        return self._asked

    def ask(self, probes: Iterable[Probe]) -> None:
        """Have these answered by both sides; OutOfTime where the budget is spent before that."""
        new = list({probe.key: probe for probe in probes if probe.key not in self._known}.values())
        for at in range(0, len(new), AT_ONCE):
            self.check()
            some = new[at : at + AT_ONCE]
            for target in (self.before, self.after):
                self._evaluator.request(target, some)
            for probe in some:
                self._known[probe.key] = self._pair(probe)
                self._asked += 1

    def check(self) -> None:
        """OutOfTime where the budget is spent."""
        if time.monotonic() >= self._ends:
            raise OutOfTime

    def outcomes(self, probe: Probe) -> tuple[Outcome, Outcome]:
        """(before, after) of a probe; asked now where it was not yet."""
        if probe.key not in self._known:
            self.ask([probe])
        return self._known[probe.key]

    def known(self, probe: Probe) -> tuple[Outcome, Outcome] | None:
        """(before, after) of a probe that was asked; None where it was not."""
        return self._known.get(probe.key)

    def forget(self, kept: Collection[str]) -> list[str]:
        """Free every outcome but those of some keys; the keys that were freed."""
        freed = [key for key in self._known if key not in kept]
        for key in freed:
            del self._known[key]
        return freed

    def _pair(self, probe: Probe) -> tuple[Outcome, Outcome]:
        pair = []
        for target in (self.before, self.after):
            left = max(self._ends - time.monotonic(), 0.001)
            try:
                outcome = self._evaluator.get(target, probe, left)
            except TimeoutError:
                raise OutOfTime from None
            if outcome.kind == "not-run":
                self.lost = self.lost or f"{target} answers no more: {outcome.reason}"
            pair.append(outcome)
        return pair[0], pair[1]


class Looker:
    """What differs about forms, each track's own: what the plain call shows as well is no difference of another one."""

    def __init__(self, sides: Sides) -> None:
        self.avoided: list[Form] = []
        """What ends a process: forms with all its features are not asked."""
        self._sides = sides

    def look(self, forms: Sequence[Form], tracks: Collection[Track], depth: int = SHALLOW) -> list[list[Shown]]:
        """The differences of each form on these tracks."""
        needed = {form: () if self.avoids(form) else _with_plain(form, tracks) for form in forms}
        self._ask(needed, depth)
        return [
            [shown for shown in self._shown(form, needed[form], depth) if shown.question.track in tracks]
            for form in forms
        ]

    def look_each(self, wanted: Mapping[Form, Sequence[Track]]) -> list[Shown]:
        """The differences of all forms, each on tracks of its own, the plain call's first."""
        self._ask(wanted, SHALLOW)
        return [shown for form, its in wanted.items() for shown in self._shown(form, its, SHALLOW)]

    def _ask(self, needed: Mapping[Form, Sequence[Track]], depth: int) -> None:
        self._sides.ask(questions(form, its[0])[0].probe for form, its in needed.items() if its)
        self._sides.ask(
            question.probe
            for form, its in needed.items()
            for track in its
            for question in self._questions(form, track, depth)
        )

    def avoids(self, form: Form) -> bool:
        """Whether such a form is not asked, because it would end a process."""
        return any(it.op == form.op and form.contains(it) for it in self.avoided)

    def silent(self, form: Form) -> bool:
        """Whether all numbers of a form are 0 before, so that they tell nothing; where it was asked."""
        pairs = (self._sides.known(question.probe) for question in questions(form, INTEGERS))
        values = [pair[0].value for pair in pairs if pair is not None]
        return all(value is not None and not np.any(value) for value in values)

    def shows(self, forms: Sequence[Form], like: Shown) -> list[Shown | None]:
        """A difference of the same sort on each form, or None."""
        track = like.question.track
        depth = DEEP if track == FRACTIONS else SHALLOW
        found = self.look(forms, [track], depth)
        return [next((shown for shown in its if shown.sort == like.sort), None) for its in found]

    def _questions(self, form: Form, track: Track, depth: int) -> Sequence[Question]:
        """The questions of a track; where the plain call ends a process, that one alone: each further one ends one."""
        plain = questions(form, RESIZE if form.resize else INTEGERS)[0]
        pair = self._sides.known(plain.probe) or ()
        if any(outcome.kind in ENDS for outcome in pair):
            return (plain,) if track == plain.track else ()
        return questions(form, track, depth)

    def _shown(self, form: Form, tracks: Iterable[Track], depth: int) -> Iterable[Shown]:
        heard: set[str] = set()
        for track in tracks:
            if heard and track in FURTHER:  # of a call that differs, its derivatives and other dtypes do too
                continue
            own = {
                mark: Shown(form, mark, question)
                for question in reversed(self._questions(form, track, depth))
                for mark in marks(question.probe, *self._sides.outcomes(question.probe))
            }
            yield from (shown for mark, shown in own.items() if mark.kind not in heard)
            if track in (INTEGERS, FRACTIONS):
                heard |= {mark.kind for mark in own}
                heard |= {"bits"} if "value" in heard else set()
                heard |= {"abstract-shape"} if "shape" in heard else set()


def _with_plain(form: Form, tracks: Collection[Track]) -> Sequence[Track]:
    """The tracks with those of the plain call before them: the integers alone where only they are meant."""
    if form.resize or list(tracks) == [INTEGERS]:
        return list(tracks)
    return list(dict.fromkeys([INTEGERS, FRACTIONS, *tracks]))
