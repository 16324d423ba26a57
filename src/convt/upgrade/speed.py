"""What calls take on both sides: the same settings timed in turns within one session, as the law `cost` times them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median

from convt.adapter.backend import Outcome, Probe
from convt.adapter.probe import Timing
from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.content import ROOT
from convt.laws.probes import plain
from convt.results.comparing import Speed, times_as_long, too_slow
from convt.session.choose import chooses

ROUNDS = 3
"""How often each side is asked in its turn; of each round there are several samples."""
FOLDER = ROOT / "specs" / "cost"

Speeds = dict[str, dict[str, Speed]]
"""Target to name to what its calls take."""
Ask = Callable[[str, Probe], Outcome]
"""The answer of a target, by its name, to a probe."""


def timed_settings(cases: Iterable[Case]) -> dict[str, Case]:
    """Of cases that are timed, one for each settings, by the name without what it is timed beside."""
    found: dict[str, Case] = {}
    for case in cases:
        if case.cost is not None:
            found.setdefault(case.id.removesuffix(f"-{case.cost}"), case)
    return found


def to_be_timed(cases: Sequence[Case], words: str, specs: bool) -> dict[str, Case]:
    """What is timed: of the cases that were chosen where the files were named, else of convt's own with these words."""
    if specs:
        return timed_settings(cases)
    own = load_cases(sorted(FOLDER.glob("*.yaml")))
    return timed_settings(case for case in own if not words or chooses(words, case.id))


def speeds(ask: Ask, before: str, after: str, cases: Mapping[str, Case]) -> Speeds:
    """Target to name to what its calls take, of the settings that both sides answer.

    Where one side is too slow, both are asked once more, and what says less counts.
    """
    found: Speeds = {before: {}, after: {}}
    for name, case in cases.items():
        pair = _pair(ask, before, after, case)
        if pair is not None and too_slow(*pair):
            pair = min([pair, _pair(ask, before, after, case, ROUNDS) or pair], key=lambda both: times_as_long(*both))
        if pair is not None:
            found[before][name], found[after][name] = pair
    return found


def _pair(ask: Ask, before: str, after: str, case: Case, first: int = 0) -> tuple[Speed, Speed] | None:
    """What the calls take on both sides, asked in turns; None where one has no answer."""
    probe = replace(plain(case, "real"), timing=Timing())
    samples: dict[str, list[float]] = {before: [], after: []}
    for turn in range(first, first + ROUNDS):
        for side in (before, after) if turn % 2 == 0 else (after, before):
            outcome = ask(side, replace(probe, repeat=turn))
            if not outcome.times:
                return None
            samples[side] += outcome.times[0][0]
    was, is_ = ((float(f"{median(each):.4g}"), float(f"{min(each):.4g}")) for each in samples.values())
    return was, is_
