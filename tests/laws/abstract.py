"""The law of abstract evaluation: it refuses what the call refuses, and takes what the call takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from convt.adapter.backend import ABSTRACT, Outcome, Probe
from convt.cases.case import Case
from convt.laws.comparison import same_shape
from convt.laws.law import PASS, Finding
from convt.results.finding import ended, unanswered

from .rejects import OfInvalidCalls, invalid_probe, reject_probes, without_dtype

LARGEST = 1 << 32
"""Numbers of a result that a call may refuse for want of memory alone, which abstract evaluation needs none of."""


class Abstract(OfInvalidCalls):
    """Abstract evaluation refuses what the call refuses and takes what it takes, with the shape that comes back.

    Of settings that mean nothing: of those that do, `output-shape` and `conv-shape` ask the shape. A shape that no
    memory holds is right although the call refuses it. Asked in the default mode alone; other modes run the call by
    such evaluation, and `mode` compares them. Budget: one call, its shape, and its shape as a graph is captured.
    """

    id = "abstract"
    source = (
        "section 9; torch's meta tensors and torch.export, jax.eval_shape, concrete functions, compute_output_shape"
    )

    def probes(self, case: Case) -> dict[str, Probe]:
        return reject_probes(case) | {want: invalid_probe(case, want) for want in ABSTRACT}

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        """The worst of what the roads say; none of them may be there."""
        if "valid" in got and got["valid"].kind != "value":
            return without_dtype(got["valid"])
        call, asked = got["call"], {want: got[want] for want in ABSTRACT}
        for name, outcome in (("call", call), *asked.items()):
            if outcome.kind == "not-run":
                return unanswered("not-run", name, outcome.kind, outcome.reason)
        if call.kind == "unsupported" or all(outcome.kind == "unsupported" for outcome in asked.values()):
            name, outcome = ("call", call) if call.kind == "unsupported" else next(iter(asked.items()))
            return unanswered("unsupported", name, outcome.kind, outcome.reason, "")
        judged = [_judged(name, outcome, call) for name, outcome in asked.items()]
        wrong = [each for each in judged if each is not PASS]
        if not wrong:
            return PASS
        alike = [each.probe for each in wrong if each.kind == wrong[0].kind]
        return replace(wrong[0], words=f"{', '.join(alike)}: {wrong[0].words}")


def _judged(name: str, outcome: Outcome, call: Outcome) -> Finding:
    """What one road says, beside what the call does."""
    if outcome.kind == "unsupported":
        return PASS
    if outcome.kind in ("crashed", "timed-out"):
        return unanswered("error", name, outcome.kind, outcome.reason)
    if outcome.kind == call.kind == "value":
        shape = () if call.value is None else call.value.shape
        return same_shape(outcome.shape or (), shape, f"{name} of the call", name, abstract=True)
    if outcome.kind == call.kind or call.kind in ("crashed", "timed-out"):
        return PASS  # the law of refusals says so of the call
    if outcome.kind == "value" and math.prod(outcome.shape or ()) > LARGEST:
        return PASS
    return Finding(
        "differs", "refusal" if outcome.kind == "raised" else "accepted", name, outcome=outcome.kind,
        exception=ended(outcome.kind, outcome.reason), words=outcome.reason or call.reason, other=call.kind,
        got=outcome.shape, against="the call",
    )  # fmt: skip
