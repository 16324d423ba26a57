"""Laws across the targets of one framework: its modes, and its devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.laws.comparison import equal, within
from convt.laws.law import PASS, Finding, Law, without_value
from convt.laws.probes import allowed, expected, inhabited, integral, plain
from convt.results.finding import ended
from convt.results.targets import Target

from .rejects import reject_probes


class Same(Law):
    """Two targets of one framework against each other; there is no verdict where a target has no such peer."""

    crosses = True
    needs_peers = True

    def probes(self, case: Case) -> dict[str, Probe]:
        if case.reject is not None:
            return reject_probes(case)
        # two modes may be two kernels, which need not agree to the bit on what rounds
        probes = {"integers": plain(case)} if integral(case.data()) else {}
        return probes | ({"real": plain(case, "real")} if inhabited(case.settings) else {})

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        """Nothing is held against the oracles here: `value` and `accuracy` do that. Refusals are compared too."""
        missing = {name: outcome for name, outcome in got.items() if outcome.kind in ("not-run", "unsupported")}
        return without_value(missing) or PASS

    def judge_pair(self, case: Case, mine: Mapping[str, Outcome], theirs: Mapping[str, Outcome]) -> Finding:
        if case.reject is not None:
            return _alike(mine["call"], theirs["call"])
        for name in mine:
            judged = self._pair(case, name, mine[name], theirs[name])
            if judged is not PASS:
                return judged
        return PASS

    def _pair(self, case: Case, name: str, mine: Outcome, theirs: Outcome) -> Finding:
        if {mine.kind, theirs.kind} & {"not-run", "unsupported"}:
            return PASS
        if mine.value is None:
            answered = theirs.value is not None
            return replace(without_value({name: mine}) or PASS, verdict="differs", other="value") if answered else PASS
        if theirs.value is None:
            return PASS  # that one says so itself
        right = expected(case, "exact" if name == "integers" else "real")
        if name == "integers":
            judged = equal(mine.value, theirs.value, f"out on {name}", name)
            return PASS if judged is PASS or equal(mine.value, right.astype(np.float32)) is PASS else judged
        tolerance, why = allowed(case, "real")
        other = theirs.value.astype(np.float64)
        if mine.value.shape != right.shape or other.shape != right.shape:
            return PASS if mine.value.shape == right.shape else equal(mine.value, theirs.value, f"out on {name}", name)
        judged = within(mine.value, other, 2 * tolerance, f"out on {name}", f"twice the bound: {why}", probe=name)
        blameless = judged.verdict == "pass" or within(mine.value, right, tolerance).verdict == "pass"
        return PASS if blameless else judged


def _alike(mine: Outcome, theirs: Outcome) -> Finding:
    """Whether settings that mean nothing are refused by both, or taken by both; the words may be others."""
    if mine.kind == theirs.kind or {mine.kind, theirs.kind} & {"not-run", "unsupported"}:
        return PASS
    how = ended(mine.kind, mine.reason)
    return Finding("differs", "refusal", "call", outcome=mine.kind, exception=how, words=mine.reason, other=theirs.kind)


class Mode(Same):
    """Every mode answers as the others: what one computes no other refuses, or computes differently.

    Budget: the case's own settings, on integers and on real data, where two modes of one framework run.
    """

    id = "mode"
    source = "section 4; torch.compile, tf.function, jax.jit: the same function, run in another way"

    def peer(self, mine: str, other: str) -> bool:
        here, there = Target.of(mine), Target.of(other)
        return here != there and here == replace(there, mode=here.mode)


class Device(Same):
    """Every device answers as the others: exactly on integers, within the bound on real data.

    Budget: the case's own settings, on integers and on real data, where a framework runs on two devices.
    """

    id = "device"
    source = "section 4; the arithmetic knows no device"

    def peer(self, mine: str, other: str) -> bool:
        here, there = Target.of(mine), Target.of(other)
        return here != there and here == replace(there, device=here.device)
