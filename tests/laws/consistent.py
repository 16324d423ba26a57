"""The law of one answer by every road: what one way to ask the same refuses, no other way computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.dtypes import numpy_dtype
from convt.conv.settings import Settings
from convt.laws.law import PASS, Finding, Law
from convt.laws.probes import ask, cast, plain, sampled
from convt.results.finding import ended, unanswered
from convt.results.targets import Target

from .symmetries import in_the_rank_above

DTYPES = ("float64", "float16", "bfloat16")
FORMS = tuple(f"call form {form}" for form in range(1, 4))
"""Where a backend has fewer they begin again with its first further one."""
FORCED = ", in spite of the claim"


class Consistent(Law):
    """What a framework computes it refuses in no other dtype, rank, call form or engine.

    A refusal is the framework's own: it raised, or the adapter's claim is what it says when the call is made all the
    same. An argument that a call does not have is none. Of dtypes those count in which it computes the plainest
    operation of the same rank. Budget: in every 32nd case, and in each of specs/roads.yaml, each dtype, the rank above
    and each call form, and once more what a claim refuses.
    """

    id = "consistent"
    source = "section 6; the arithmetic of section 3 knows neither dtypes nor ranks nor call forms"
    crosses = True

    def applies(self, case: Case) -> bool:
        return sampled(case, 32)

    def probes(self, case: Case) -> dict[str, Probe]:
        it = plain(case)
        forms = {name: replace(it, call_form=form) for form, name in enumerate(FORMS, 1)}
        roads = {"call": it, **_in_dtypes(case), **_in_rank(case), **forms}
        forced = {f"{name}{FORCED}": replace(probe, force=True) for name, probe in roads.items()}
        simple = {f"{dtype}, plainest": _plainest(case.settings, dtype) for dtype in DTYPES}
        return roads | forced | simple

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        for name, outcome in got.items():
            if outcome.kind == "not-run":
                return unanswered("not-run", name, outcome.kind, outcome.reason)
        for name in (*DTYPES, "rank", *FORMS):
            if name not in got or (name in DTYPES and got[f"{name}, plainest"].kind != "value"):
                continue
            judged = _pair(got, "call", name) or _pair(got, name, "call")
            if judged is not None:
                return judged
        return PASS

    def peer(self, mine: str, other: str) -> bool:
        """Another engine of the same library: of Keras."""
        here, there = Target.of(mine), Target.of(other)
        family = here.backend.partition("-")[0]
        same = here == replace(there, backend=here.backend)
        return family != here.backend != there.backend and family == there.backend.partition("-")[0] and same

    def judge_pair(self, case: Case, mine: Mapping[str, Outcome], theirs: Mapping[str, Outcome]) -> Finding:
        """The other engine computes what this one refuses; the other way round it has its own verdict."""
        reason = refusal(mine, "call")
        if reason is None or theirs["call"].kind != "value":
            return PASS
        return _refused("call", reason, "another engine")


def refusal(got: Mapping[str, Outcome], name: str) -> str | None:
    """The framework's own words where it refuses a call; None where it does not, or has no words for the call."""
    outcome, forced = got[name], got[f"{name}{FORCED}"]
    if outcome.kind == "raised":
        return outcome.reason
    if outcome.kind == "unsupported" and forced.kind == "raised" and _quotes(outcome.reason, forced.reason):
        return forced.reason
    return None


def _quotes(claim: str, said: str) -> bool:
    """Whether a claim is in the framework's own words, whatever their case."""
    return claim.lower() in said.lower()


def _pair(got: Mapping[str, Outcome], refuses: str, computes: str) -> Finding | None:
    """The finding where the one refuses what the other computes."""
    reason = refusal(got, refuses)
    return _refused(refuses, reason, computes) if reason is not None and got[computes].kind == "value" else None


def _refused(name: str, reason: str, against: str) -> Finding:
    return Finding(
        "differs", "outcome", name, outcome="raised", exception=ended("raised", reason), words=reason, other="value",
        against=against,
    )  # fmt: skip


def _in_dtypes(case: Case) -> dict[str, Probe]:
    """The same call in the other floating-point dtypes."""
    return {dtype: ask(case.settings, cast(case.data(), dtype)) for dtype in DTYPES}


def _in_rank(case: Case) -> dict[str, Probe]:
    """The same call with a unit axis, where there is a rank above."""
    return {} if case.settings.rank == 3 else {"rank": in_the_rank_above(case)}


def _plainest(it: Settings, dtype: str) -> Probe:
    """The plainest operation of the same rank: one number through one tap."""
    one = Settings(op=it.op, input=(1,) * it.rank, kernel=(1,) * it.rank)
    number = np.ones(one.x_shape, numpy_dtype(dtype))
    return Probe(one, number, number)
