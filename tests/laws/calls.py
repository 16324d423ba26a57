"""Laws of the framework's call: the same twice, the same by every call form, and no false refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.bounds import UNIT_ROUNDOFF, bound
from convt.conv.oracles import scatter
from convt.laws.blame import blamed
from convt.laws.comparison import equal, same_shape, within
from convt.laws.law import PASS, Finding, Law, without_value
from convt.laws.probes import Relation, asked, hash_index, inhabited, integral, plain, sampled, valued

from .values import against_oracles

FURTHER = 60
"""A case tries one further call form, so that many cases try all. A multiple of how many a backend may have."""


class Determinism(Relation):
    """The same probe twice gives the same bits.

    Budget: the case's own settings, on the real data of `accuracy`, where another order of summation shows.
    """

    id = "determinism"
    over_cover = "everywhere"
    source = "section 4; torch.use_deterministic_algorithms"

    def probes(self, case: Case) -> dict[str, Probe]:
        it = plain(case, "real")
        return {"once": it, "again": Probe(it.settings, it.x, it.w, it.b, repeat=1)}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        if got["once"].digest == got["again"].digest:
            return PASS
        judged = equal(valued(got["again"]), valued(got["once"]), "again")
        if judged is PASS:
            return Finding("differs", "bits", "again", "")
        return blamed(judged, asked(self, case), got, ("again", "once"))


class CallForm(Relation):
    """Every way in which the framework's call can say the same settings gives the same answer.

    One that says what the first does not is held against the oracles. Budget: the case's own settings in one further
    call form, which its content hash picks; every second case. Whole numbers, whose sums are the same in any order: two
    forms may be two kernels.
    """

    id = "call-form"
    over_cover = "everywhere"
    version = 2
    source = "section 6; the frameworks' own documentation of equal arguments"

    def applies(self, case: Case) -> bool:
        return sampled(case, 2)

    def probes(self, case: Case) -> dict[str, Probe]:
        it = plain(_whole(case))
        other = 1 + hash_index(case, FURTHER)
        return {"first": it, "another call form": Probe(it.settings, it.x, it.w, it.b, call_form=other)}

    def needs(self, name: str) -> bool:
        return False

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        if all(outcome.kind == "unsupported" for outcome in got.values()):
            return without_value(got) or PASS
        return super().assess(case, got)

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        if "first" not in got:  # what the first does not say, another may: then the oracles alone can judge it
            return against_oracles(_whole(case), valued(got["another call form"])).about("another call form")
        if "another call form" not in got:
            note = "no other call form says these settings"
            return Finding("unsupported", "unsupported", "another call form", "", outcome="unsupported", note=note)
        judged = equal(valued(got["another call form"]), valued(got["first"]), "out by another call form")
        return blamed(judged, asked(self, case), got, ("another call form", "first"))


def _whole(case: Case) -> Case:
    """The case, or where its own numbers are fractions the same settings with whole ones."""
    return case if case.literal is None or integral(case.literal) else replace(case, literal=None)


class Resize(Relation):
    """Where the case names one, the framework's own resize equals the convolution away from the border.

    Budget: the case's own settings, and one resize.
    """

    id = "resize"
    source = "Odena, Dumoulin and Olah, 'Deconvolution and Checkerboard Artifacts', Distill 2016"

    def applies(self, case: Case) -> bool:
        it = case.settings
        return case.resize is not None and it.transposed and inhabited(it) and it.channels_in == it.channels_out

    def probes(self, case: Case) -> dict[str, Probe]:
        it = plain(case)
        if case.resize is None:
            raise ValueError(f"{case.id} names no resize")
        return {"convolution": it, "resize": Probe(it.settings, it.x, it.w, it.b, want=case.resize)}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        it, arrays = case.settings, case.data()
        inner: list[range] = []
        for n, s, e, (lo, _), out in zip(it.input, it.stride, it.effective, it.crop, it.output, strict=True):
            inner.append(range(max(e - s - lo, 0), max(min(n * s - lo, out), 0)))
        keep = np.ix_(range(it.batch), range(it.channels_out), *inner)
        convolved, resized = valued(got["convolution"]), valued(got["resize"])
        size = (it.batch, it.channels_out, *(n * s for n, s in zip(it.input, it.stride, strict=True)))
        shape = same_shape(resized.shape, size, "resize.shape", "resize")
        if shape is not PASS:
            return replace(shape, actual=resized)
        tolerance = bound(it, arrays, scatter(it, arrays.x, arrays.w, arrays.b))
        # both round as the convolution does; a resize also rounds its coordinates, which go up to n
        slope = 2 * float(np.max(np.abs(arrays.x)))
        tolerance = 2 * tolerance + it.rank * slope * max(it.input) * UNIT_ROUNDOFF["float32"]
        why = "twice the convolution's, and n u a coordinate"
        judged = within(
            convolved[keep], resized[keep].astype(np.float64), tolerance[keep], "away from the border, out", why
        )
        return blamed(judged, asked(self, case), got, ("convolution",), "resize")


class Support(Law):
    """What an adapter calls unsupported, the framework refuses or computes differently.

    Budget: the case's own settings, asked in spite of the refusal, with fractions: a kernel of ones, as a draw may have
    it, gives the right numbers wherever it is cropped.
    """

    id = "support"
    version = 2
    over_cover = "everywhere"
    source = "section 6: a claim is tested"

    def probes(self, case: Case) -> dict[str, Probe]:
        it = plain(_fractional(case), "real")
        return {"plain": plain(case), "forced": Probe(it.settings, it.x, it.w, it.b, force=True)}

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        unanswered = {name: outcome for name, outcome in got.items() if outcome.kind == "not-run"}
        return without_value(unanswered) or self.judge(case, got)

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        if got["plain"].kind != "unsupported" or got["forced"].value is None:
            return PASS
        judged = against_oracles(_fractional(case), got["forced"].value, "real")
        if judged.verdict != "pass":
            return judged if judged.verdict == "suite-bug" else PASS
        return Finding("differs", "claim", "plain", words=got["plain"].reason)


def _fractional(case: Case) -> Case:
    """The same settings with fractions, no two of which are likely to be equal."""
    return replace(case, literal=None)
