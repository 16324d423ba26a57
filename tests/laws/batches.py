"""The law of independent items."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.data import Arrays
from convt.laws.blame import blamed
from convt.laws.comparison import equal
from convt.laws.law import PASS, Finding
from convt.laws.probes import Relation, ask, asked, drawn, sampled, valued, whole


class Batch(Relation):
    """Each item alone gives the same; unbatched equals a batch of one; a batch of none gives none.

    Budget: one more settings: one item, or two where the case has one, and that in every second case only; no item in
    every fourth case. The items are judged first.
    """

    id = "batch"
    over_cover = "everywhere"
    source = "section 4; the batch axis takes no part in the sum"

    def applies(self, case: Case) -> bool:
        return case.settings.batch > 1 or (case.settings.batch == 1 and sampled(case, 2))

    def probes(self, case: Case) -> dict[str, Probe]:
        it, arrays = case.settings, _items(case)
        together, alone = it.replace(batch=len(arrays.x)), it.replace(batch=1)
        probes = {"together": ask(together, arrays)}
        for item in _asked(len(arrays.x)):
            probes[f"item {item}"] = ask(alone, Arrays(arrays.x[item : item + 1], arrays.w, arrays.b))
        probes["unbatched"] = Probe(alone, arrays.x[:1], arrays.w, arrays.b, want="unbatched")
        if sampled(case, 4):
            probes["batch 0"] = ask(it.replace(batch=0), Arrays(arrays.x[:0], arrays.w, arrays.b))
        return probes

    def needs(self, name: str) -> bool:
        return name not in ("unbatched", "batch 0")

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        """As every relation, but a refused or wrong batch of none does not hide a wrong item."""
        items = super().assess(case, {name: outcome for name, outcome in got.items() if name != "batch 0"})
        if items is not PASS or "batch 0" not in got or got["batch 0"].kind == "unsupported":
            return items
        return super().assess(case, got)

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        together = valued(got["together"])
        for item in _asked(len(together)):
            judged = equal(together[item : item + 1], valued(got[f"item {item}"]), f"item {item} of the batch")
            if judged is not PASS:
                # the item alone first: the whole may be wrong elsewhere
                return blamed(judged, asked(self, case), got, (f"item {item}", "together"), "together")
        if "unbatched" in got:
            unbatched = valued(got["unbatched"])
            if unbatched.ndim == together.ndim:
                unbatched = unbatched[0]
            judged = equal(unbatched, valued(got["item 0"])[0], "unbatched")
            return blamed(judged, asked(self, case), got, ("unbatched", "item 0"))
        return PASS


def _items(case: Case) -> Arrays:
    """The case's items; two of them where it has one."""
    arrays = whole(case)
    if len(arrays.x) > 1:
        return arrays
    return Arrays(np.concatenate([arrays.x, drawn(case, "second").x]), arrays.w, arrays.b)


def _asked(items: int) -> list[int]:
    return sorted({0, 1, items - 1})
