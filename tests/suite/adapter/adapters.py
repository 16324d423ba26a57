"""What an adapter's tests ask of it over many settings, each answer a list of the settings that fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from convt.adapter.backend import UNSAFE, Backend, Form, Outcome, Probe, Want
from convt.cases.known import Known, KnownTarget
from convt.conv.data import exact
from convt.conv.oracles import reference
from convt.conv.settings import Settings
from convt.laws.blame import call_went

Excuse = Callable[[Settings, Outcome], bool]
"""Whether a wrong outcome on these settings is the framework's own, written down beside the reason."""


def answers(adapter: Backend, settings: Iterable[Settings]) -> Iterator[tuple[Settings, int, Outcome, np.ndarray]]:
    """(settings, call form, outcome, the oracles' answer) of each settings in each call form."""
    for it in settings:
        data = exact(it)
        expected = reference(it, data.x, data.w, data.b)
        for call_form in range(len(adapter.call_forms)):
            yield it, call_form, adapter.run(Probe(it, data.x, data.w, data.b, call_form=call_form)), expected


def is_answer(outcome: Outcome, expected: np.ndarray) -> bool:
    """Whether the outcome is the expected float32 array, bit for bit but for the sign of zero."""
    value = outcome.value
    if value is None or value.dtype != np.float32 or value.shape != expected.shape:
        return False
    return np.array_equal(value, expected)


def wrong_answers(adapter: Backend, settings: Iterable[Settings], excused: Excuse) -> list[str]:
    """Where the adapter answers neither with the oracles' numbers nor with unsupported nor with an excused outcome."""
    return [
        f"{outcome.kind} {outcome.reason} [{adapter.call_forms[call_form]}] {it}"
        for it, call_form, outcome, expected in answers(adapter, settings)
        if outcome.kind != "unsupported" and not is_answer(outcome, expected) and not excused(it, outcome)
    ]


def against_known(
    adapter: Backend, known: Sequence[Known], settings: Iterable[Settings], want: Want = "value"
) -> tuple[list[str], Counter[str]]:
    """Where an answer is wrong and no known difference says so, or one says so and it is not; and the matches by id.

    Each predicate is held against both of its sides: it names what goes wrong, all of it and nothing else.
    """
    asked = KnownTarget(adapter.name, adapter.mode, adapter.device, next(iter(adapter.versions().values())))
    astray, matched = [], Counter[str]()
    for it in settings:
        data = exact(it)
        for call_form in range(len(adapter.call_forms) if want == "value" else 1):
            probe = Probe(it, data.x, data.w, data.b, want=want, call_form=call_form)
            outcome = adapter.run(probe)
            if outcome.kind == "unsupported":
                continue
            finding = call_went(probe, outcome)
            entries = [entry for entry in known if entry.concerns(it, want, call_form, asked)]
            explains = [entry for entry in entries if entry.explains(finding)]
            matched.update(entry.id for entry in explains)
            stale = [entry.id for entry in entries if entry not in explains and not entry.intermittent]
            if stale or (finding.verdict != "pass" and not explains):
                first = finding.message.splitlines()[:1]
                astray.append(f"{finding.verdict} {first} {stale} [{adapter.call_forms[call_form]}] {it}")
    return astray, matched


def stale_claims(adapter: Backend, settings: Iterable[Settings]) -> tuple[list[str], Counter[int]]:
    """Where the framework rightly answers what the adapter calls unsupported; and the claims tried, by call form."""
    stale, tried = [], Counter[int]()
    for it, call_form, outcome, expected in answers(adapter, settings):
        if outcome.kind != "unsupported" or outcome.reason.startswith(UNSAFE):
            continue
        data = exact(it)
        tried[call_form] += 1
        made = adapter.run(Probe(it, data.x, data.w, data.b, call_form=call_form, force=True))
        if is_answer(made, expected):
            stale.append(f"{outcome.reason} [{adapter.call_forms[call_form]}] {it}")
    return stale, tried


def drifting_scripts(adapter: Backend, settings: Iterable[Settings], excused: Excuse) -> tuple[list[str], int]:
    """The scripts whose `y` has other bits than the adapter's answer, and how many scripts ran."""
    drifting, ran = [], 0
    for it, call_form, outcome, _ in answers(adapter, settings):
        if outcome.value is None or excused(it, outcome):
            continue
        script = adapter.script_of(Form(it, call_form=call_form)).text
        y, ran = run_script(adapter, script, it), ran + 1
        if y.dtype != outcome.value.dtype or y.shape != outcome.value.shape or y.tobytes() != outcome.value.tobytes():
            drifting.append(f"{script} {it}")
    return drifting, ran


def run_script(adapter: Backend, script: str, settings: Settings) -> np.ndarray:
    """`y` of a script that is given the exact data of the settings."""
    data = exact(settings)
    scope = {"np": np, "x": data.x, "w": data.w, "b": data.b}
    exec(f"{adapter.script_imports}\n{script}", scope)  # noqa: S102  (our own, as a person pastes it)
    return np.asarray(scope["y"])


def wrong_shapes(adapter: Backend, settings: Iterable[Settings]) -> list[tuple[Settings, Outcome]]:
    """Where the abstract evaluation gives another shape than the settings, or none."""
    wrong = []
    for it in settings:
        data = exact(it)
        outcome = adapter.run(Probe(it, data.x, data.w, data.b, want="shape"))
        if outcome.kind != "unsupported" and outcome.shape != it.y_shape:
            wrong.append((it, outcome))
    return wrong
