"""The law of what a call computes where dimensions meet: want, dtype, memory, call form and settings at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np

from convt.adapter.backend import GRADIENTS, MIXED, Layout, Outcome, Probe, Want
from convt.cases.asked import CROSSED, CROSSED_LAYOUTS, Asked
from convt.cases.case import Case
from convt.conv.operands import operands
from convt.laws.blame import call_went
from convt.laws.derivatives import EVERY, numbers
from convt.laws.law import PASS, Finding, Law, without_value
from convt.laws.probes import asked, hash_index, sampled
from convt.results.targets import Target

REVERSE: tuple[Want, ...] = ("grad-x", "grad-w", "grad-b")
DTYPES = ("float32", "float32", "bfloat16", "float32", "float32", "float16", *["float32"] * 4, "bfloat16", "float32")
"""In turn, by the case's content; more often the one that every framework has for everything, and compiles fastest."""
WIDE = "float64"
"""That of the cases whose gradients the law `gradients` asks for in float32."""
AGAIN = ", again"
"""What the second time is called by."""
TURNS = len(DTYPES) * len(CROSSED_LAYOUTS) ** 3


class Crossed(Law):
    """Every derivative and value is right in each dtype, memory and call form at once, in poisoned memory too.

    A case that says what is asked of it is asked that. Any other is asked for each of its gradients, in the dtype and
    layouts of x, w and the cotangent that its content hash picks, equal for all so that they share a program; in
    float64 where the law `gradients` asks for them in float32. Everything is asked twice, the second time after all
    others and in poisoned memory. Budget: the case's own settings, two or three gradients.
    """

    id = CROSSED
    draws = False
    covers = True
    over_cover = "above"
    apart = "crossed"
    source = "section 5, 'Dimensions are crossed'; convt.laws.promises"

    def applies(self, case: Case) -> bool:
        return case.reject is None and case.block is None and (case.asked is not None or not case.laws)

    def probes(self, case: Case) -> dict[str, Probe]:
        wants = [want for want in REVERSE if want != "grad-b" or case.settings.bias]
        rows = [case.asked] if case.asked else [turn(case, want) for want in wants]
        once = {_name(row): _probe(case, row) for row in rows}
        again = {f"{name}{AGAIN}": replace(it, repeat=1) for name, it in once.items() if it.want != "shape"}
        return once | again

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        return self.assess_at(case, got, "")

    def assess_at(self, case: Case, got: Mapping[str, Outcome], target: str) -> Finding:
        """Every answer that came is judged, so that a missing one does not hide a wrong one."""
        probes, used = asked(self, case), 0.0
        backend = Target.of(target).backend if target else ""
        for name, outcome in got.items():
            first = got.get(name.removesuffix(AGAIN), outcome)
            if (outcome.value is None and outcome.shape is None) or (outcome is not first and _same(outcome, first)):
                continue
            judged = call_went(probes[name.removesuffix(AGAIN)], outcome, name, backend)
            if judged.verdict != "pass":
                return judged
            used = max(used, judged.used or 0.0)
        answered = any(outcome.kind == "value" for outcome in got.values())
        missing = {name: it for name, it in got.items() if it.kind != "unsupported" or not answered}
        return without_value(missing) or (replace(PASS, used=used) if used else PASS)


def _same(outcome: Outcome, first: Outcome) -> bool:
    """Whether what came the second time is, bit for bit, what was judged already."""
    return outcome.kind == first.kind == "value" and outcome.digest == first.digest


def turn(case: Case, want: Want) -> Asked:
    """The dtype and the memory in which a case is asked for a gradient."""
    at, which = divmod(hash_index(case, EVERY * TURNS) // EVERY, len(DTYPES))
    memory = []
    for _ in "xwg":
        at, layout = divmod(at, len(CROSSED_LAYOUTS))
        memory.append(CROSSED_LAYOUTS[layout])
    twice = sampled(case, EVERY) and numbers(case) is not None
    return Asked(want, WIDE if twice else DTYPES[which], (memory[0], memory[1], memory[2]))


def _name(row: Asked) -> str:
    laid = [f"{how} {name}" for name, how in zip("xwg", row.memory, strict=True) if how != "contiguous"]
    form = [f"call form {row.call_form}"] if row.call_form else []
    real = ["real"] if row.numbers == "real" else []
    return ", ".join([row.want, row.dtype, *real, *laid, *form])


def _probe(case: Case, row: Asked) -> Probe:
    it, want = case.settings, cast(Want, row.want)
    memory = cast("tuple[Layout, Layout, Layout]", row.memory)
    narrow = want.removeprefix("mixed-") if want in MIXED else row.dtype
    repeated = "".join(name for name, how in zip("xwg", memory, strict=True) if how == "broadcast")
    x, w, b, g, t = operands(it, want, narrow, row.numbers, case.seed, repeated)
    if want in MIXED:  # float32 goes in, and what comes out is exact in the narrow dtype
        x, w, b = x.astype(np.float32), w.astype(np.float32), None if b is None else b.astype(np.float32)
    layout: tuple[Layout, ...] = memory if want in GRADIENTS else memory[:2]
    return Probe(it, x, w, b, want, row.call_form, g=g, t=t, layout=() if want == "shape" else layout)
