"""The law of real layers: at real extents and channels, where libraries choose other kernels, every number is right."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from convt.adapter.backend import Outcome, Probe, Want
from convt.cases.case import Case
from convt.conv.layers import layer
from convt.laws.law import PASS, Finding, Law, without_value
from convt.laws.projected import judged_projected

WANTS: tuple[Want, ...] = ("value", "grad-x", "grad-w", "grad-b")


class Realistic(Law):
    """A layer of real size gives the right number in every channel and place, and so do its gradients.

    Judged exactly, by sums along the channels at each place and tap. Budget: the case's own settings, for the value and
    differentiated by x, by w and by b where there is one.
    """

    id = "realistic"
    source = "section 11; libraries choose their kernels by channels and extents"
    draws = False

    def applies(self, case: Case) -> bool:
        return self.id in case.laws

    def probes(self, case: Case) -> dict[str, Probe]:
        return _probes(case)

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        """Every answer that came is judged, so that a missing one does not hide a wrong one."""
        came = {name: outcome for name, outcome in got.items() if outcome.value is not None}
        for name, outcome in came.items():
            judged = judged_projected(_probes(case)[name], outcome, name)
            if judged is not PASS:
                return judged
        missing = {name: outcome for name, outcome in got.items() if outcome.kind != "unsupported" or not came}
        return without_value(missing) or PASS


@lru_cache(maxsize=64)
def _probes(case: Case) -> dict[str, Probe]:
    """The probes of a case; they share its arrays, of which a chunk of cases is kept."""
    it, numbers = case.settings, layer(case.settings)
    return {
        want: Probe(it, numbers.x, numbers.w, numbers.b, want=want, g=None if want == "value" else numbers.g)
        for want in WANTS
        if want != "grad-b" or it.bias
    }
