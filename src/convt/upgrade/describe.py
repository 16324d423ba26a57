"""From a difference that the search keeps to what people read: the sentence, who is right, the YAML, the scripts."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.adapter.form import Form
from convt.adapter.program import Script
from convt.cases.writer import as_yaml
from convt.conv.oracles import OraclesDisagree, reference
from convt.host.jobs import NoScript
from convt.laws.blame import call_went
from convt.results.targets import TargetInfo
from convt.session.verdicts import paste
from convt.upgrade.forms import words
from convt.upgrade.found import Difference, Right
from convt.upgrade.hunt import MinimalExample
from convt.upgrade.kinds import fractional, says
from convt.upgrade.questions import SAYS, Question
from convt.upgrade.sides import Shown, Sides

PATIENCE = 10.0
"""Seconds for one script; a target that is still at a probe when the budget ends may not answer in time."""


class Tells(Protocol):
    """What knows its targets: a Pool."""

    @property
    def infos(self) -> Mapping[str, TargetInfo]:
        raise NotImplementedError

    def script(self, target: str, form: Form) -> Script:
        raise NotImplementedError


class Teller:
    """Puts differences into words, with what the pool says about its targets; without a pool there are no scripts."""

    def __init__(self, pool: Any, before: str, after: str) -> None:
        self._pool: Tells | None = pool if hasattr(pool, "infos") and hasattr(pool, "script") else None
        self._sides = (before, after)

    @property
    def call_forms(self) -> int:
        """How many call forms the backend has; one further one is tried where nobody says."""
        if self._pool is None:
            return 2
        return min(len(self._pool.infos[name].call_forms) for name in self._sides)

    @property
    def versions(self) -> dict[str, str]:
        """The framework and its version, by target."""
        if self._pool is None:
            return {}
        infos = {name: self._pool.infos[name].versions for name in self._sides}
        return {name: " ".join(next(iter(its.items()))) for name, its in infos.items() if its}

    def tell(self, example: MinimalExample, sides: Sides) -> Difference:
        """One difference, with everything that a person needs to check it."""
        shown, *others = example.told
        question = shown.question
        before, after = sides.outcomes(question.probe)
        first, second = (self._script(name, question) for name in self._sides)
        return Difference(
            kind=shown.mark.kind, case=question.case, before=before, after=after,
            says=_unsteady(shown) or says(shown.mark, before, after),
            right="" if shown.mark.kind in ("message", "unsteady") else right(question.probe, before, after),
            needs=words(shown.form), asked=SAYS.get(question.track.name, _spelled(question)),
            call_form=question.probe.call_form, seen=example.seen,
            smallest=example.smallest, also=tuple(words(other.form) for other in others),
            yaml=as_yaml(question.case, f"found-{question.case.digest}"), script_before=first, script_after=second,
            unsteady=shown.mark.detail if shown.mark.kind == "unsteady" else "",
        )  # fmt: skip

    def _script(self, target: str, question: Question) -> str:
        """The plain call on the difference's own numbers; what was asked otherwise stands in its first line."""
        pool, probe = self._pool, question.probe
        if pool is None:
            return ""
        body = _within(PATIENCE, partial(pool.script, target, Form.of(probe)))
        if not body:
            return ""
        script = paste(pool.infos[target].script_imports, body, probe)
        other = (
            "" if probe.want == "value" else f"# the suite asked for {SAYS[question.track.name]}; this is the call\n"
        )
        return other + script


def _within(seconds: float, script: Callable[[], Script]) -> str:
    """A script's text, or an empty text where there is none, or none in time."""
    got: list[str] = []

    def ask() -> None:
        with contextlib.suppress(NoScript, RuntimeError):  # none, or the pool is closed
            got.append(script().text)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return "".join(got[:1])


def _spelled(question: Question) -> str:
    return str(question.track) if question.probe.call_form else ""


def _unsteady(shown: Shown) -> str:
    if shown.mark.kind != "unsteady":
        return ""
    side = shown.mark.detail
    return f"unsteady: {side} gives other answers to the same probe from one time to the next, the other side does not"


def right(probe: Probe, before: Outcome, after: Outcome) -> Right:
    """Which side the oracles agree with; empty where they say nothing about what was asked."""
    if probe.want in ("nearest", "bilinear"):
        return ""
    sides = [_agrees(probe, outcome) for outcome in (before, after)]
    if all(sides):
        return "both"
    if any(sides):
        return "before" if sides[0] else "after"
    return "neither" if None not in sides else ""


def _agrees(probe: Probe, outcome: Outcome) -> bool | None:
    """Whether the oracles give what came back; a process that ends is wrong, a refusal is no answer to judge."""
    if outcome.kind != "value":
        return False if outcome.kind in ("crashed", "timed-out") else None
    if not all(array is None or np.all(np.isfinite(array)) for array in probe.arrays):
        return None  # what special numbers reach, the law of them judges
    plain = probe.want in ("value", "unbatched") and probe.x.dtype == np.float32
    if outcome.value is not None and plain and not fractional(probe):
        try:  # on integers all three oracles have to agree before they say anything
            expected = reference(probe.settings, probe.x, probe.w, probe.b).astype(probe.x.dtype)
        except OraclesDisagree:
            return None
        own = expected[0] if probe.want == "unbatched" else expected
        value = outcome.value
        if probe.want == "unbatched" and value.ndim == expected.ndim:
            value = value[0]
        return bool(value.dtype == own.dtype and np.array_equal(value, own))
    return call_went(probe, outcome).verdict == "pass"
