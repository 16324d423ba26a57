"""The law of memory: equal numbers in another layout give the same, and are left as they were."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from convt.adapter.backend import LAYOUTS, Layout, Outcome, Probe
from convt.cases.case import Case
from convt.laws.comparison import equal
from convt.laws.law import PASS, Finding, Law, without_value
from convt.laws.probes import asked, hash_index, inhabited, sampled, valued, whole
from convt.laws.truth import truth


class Memory(Law):
    """Strided, transposed, flipped, broadcast, read-only and channels-last memory gives the same, and stays unchanged.

    Budget: the case's own settings with x in one layout and w in another, twice; the content hash picks them; every
    second case.
    """

    id = "layout"
    over_cover = "everywhere"
    source = "section 4; numpy.ndarray.strides, torch.memory_format"

    def applies(self, case: Case) -> bool:
        return inhabited(case.settings) and sampled(case, 2)

    def probes(self, case: Case) -> dict[str, Probe]:
        first = hash_index(case, 2 * len(LAYOUTS)) // 2
        second = hash_index(case, 2 * len(LAYOUTS) ** 2) // (2 * len(LAYOUTS))
        pairs = ((LAYOUTS[first], LAYOUTS[second]), (LAYOUTS[second - 3], LAYOUTS[first - 2]))
        return {f"{x} x, {w} w": _laid(case, x, w) for x, w in pairs}

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        """A layout that the framework does not take does not hide the other."""
        came = {name: outcome for name, outcome in got.items() if outcome.kind != "unsupported"}
        return without_value(came or got) or self.judge(case, came)

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        probes = asked(self, case)
        for name, outcome in got.items():
            judged = equal(valued(outcome), truth(probes[name]).astype(np.float32), f"out of {name}", name)
            if judged is not PASS:
                return judged
        return PASS


def _laid(case: Case, x: Layout, w: Layout) -> Probe:
    """The case's integers in these layouts; what is broadcast repeats its first item."""
    arrays = whole(case)
    numbers = [
        np.repeat(a[:1], len(a), axis=0) if how == "broadcast" else a for a, how in ((arrays.x, x), (arrays.w, w))
    ]
    return Probe(case.settings, numbers[0], numbers[1], arrays.b, layout=(x, w))
