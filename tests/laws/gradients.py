"""Laws of derivatives, exactly on integers: first order, second order, and one convolution's as the other's value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from convt.adapter.backend import Outcome, Probe, Want
from convt.cases.case import Case
from convt.conv import data
from convt.conv.settings import Settings
from convt.laws.blame import blamed
from convt.laws.comparison import equal
from convt.laws.derivatives import EVERY, LIKE, numbers
from convt.laws.law import PASS, Finding, Law, without_value
from convt.laws.probes import asked, forward_of, hash_index, sampled, valued, whole
from convt.laws.truth import truth

FROZEN: tuple[Want, ...] = ("only-x", "only-w", "only-b")
SECOND: tuple[Want, ...] = ("grad-xw", "grad-wx", "jvp-x", "jvp-w", "jvp-grad-x")


class Derivative(Law):
    """Answers that are each held against their closed form."""

    def applies(self, case: Case) -> bool:
        return numbers(case) is not None

    def ask(self, case: Case, want: Want) -> Probe:
        """The probe for one derivative, with a direction where it needs one."""
        it, arrays = case.settings, numbers(case)
        if arrays is None:
            raise ValueError(f"{case.id} has no numbers whose derivatives are exact")
        t = data.direction(it, LIKE[want], case.seed) if want in LIKE else None
        g = None if want in ("jvp-x", "jvp-w") else data.cotangent(it, case.seed)
        return Probe(it, arrays.x, arrays.w, arrays.b, want=want, g=g, t=t)

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        """Every answer that came is judged, so that a missing one does not hide a wrong one."""
        came = {name: outcome for name, outcome in got.items() if outcome.value is not None}
        judged = self.judge(case, came)
        if judged is not PASS:
            return judged
        missing = {name: outcome for name, outcome in got.items() if outcome.kind != "unsupported" or not came}
        return without_value(missing) or PASS

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        probes = asked(self, case)
        for name, outcome in got.items():
            judged = equal(valued(outcome), truth(probes[name]).astype(np.float32), name, name)
            if judged is not PASS:
                return judged
        return PASS


class Gradients(Derivative):
    """The gradients of x, w and b equal their closed forms, wanted together or one alone, in shape, dtype and number.

    Budget: the case's own settings, differentiated by x, by w and by b, and by one of them alone; every fourth case.
    """

    id = "gradients"
    over_cover = "everywhere"
    apart = "dear"
    source = "section 5; y is linear in each of x, w and b"

    def applies(self, case: Case) -> bool:
        return sampled(case, EVERY) and super().applies(case)

    def probes(self, case: Case) -> dict[str, Probe]:
        biased = case.settings.bias
        wants: list[Want] = ["grad-x", "grad-w", *(["grad-b"] if biased else [])]  # type: ignore[list-item]
        wants.append(FROZEN[hash_index(case, EVERY * (2 + biased)) // EVERY])
        return {name: self.ask(case, name) for name in wants}


class SecondOrder(Derivative):
    """Gradients of gradients, forward mode, and forward over reverse equal their closed forms.

    Budget: one of the five, which the content hash picks; every fourth case.
    """

    id = "second-order"
    over_cover = "everywhere"
    apart = "dear"
    source = "section 5; y is bilinear in x and w"

    def applies(self, case: Case) -> bool:
        return sampled(case, 4) and super().applies(case)

    def probes(self, case: Case) -> dict[str, Probe]:
        want = SECOND[hash_index(case, 4 * len(SECOND)) // 4]
        return {want: self.ask(case, want)}


class GradientTranspose(Law):
    """The input gradient of the forward convolution is the transposed one, inside a target and across all of them.

    Budget: one more settings, the forward convolution, differentiated; every fourth case.
    """

    id = "gradient-transpose"
    over_cover = "everywhere"
    source = "arXiv:1603.07285, section 4: the transposed convolution is the gradient of the forward one"
    crosses = True

    def applies(self, case: Case) -> bool:
        return case.settings.transposed and _forward(case.settings) is not None and sampled(case, 4)

    def probes(self, case: Case) -> dict[str, Probe]:
        it, arrays = case.settings.replace(bias=False), whole(case)
        forward = _forward(it)
        if forward is None:
            raise ValueError(f"no forward convolution has {it} as its transpose")
        zeros = np.zeros(forward.x_shape, np.float32)  # the gradient does not depend on the input
        return {
            "transposed": Probe(it, arrays.x, arrays.w),
            "gradient": Probe(forward, zeros, arrays.w, want="only-x", g=arrays.x),
        }

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        judged = equal(valued(got["gradient"]), valued(got["transposed"]), "the forward one's gradient")
        return blamed(judged, asked(self, case), got, ("gradient", "transposed"))

    def judge_pair(self, case: Case, mine: Mapping[str, Outcome], theirs: Mapping[str, Outcome]) -> Finding:
        """My gradient against their value; who is right is what the oracle says."""
        gradient, value = mine["gradient"].value, theirs["transposed"].value
        if gradient is None or value is None:
            return PASS
        judged = equal(gradient, value, "the forward one's gradient", "gradient")
        right = truth(asked(self, case)["gradient"]).astype(np.float32)
        return PASS if judged is PASS or equal(gradient, right) is PASS else judged


def _forward(it: Settings) -> Settings | None:
    return forward_of(it.replace(bias=False))
