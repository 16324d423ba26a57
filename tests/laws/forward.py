"""Laws of the forward convolution, of which the other one is the transpose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.data import Arrays
from convt.laws.blame import blamed
from convt.laws.comparison import equal, same_shape
from convt.laws.law import PASS, Finding
from convt.laws.probes import Relation, ask, asked, inhabited, valued, whole

from .sizes import OutputShape
from .values import Value


class ConvShape(OutputShape):
    """The forward convolution's shape follows floor((n + lo + hi - e)/s) + 1, and abstract evaluation says the same.

    Budget: the case's own settings. Without abstract evaluation, the computed shape alone is judged.
    """

    id = "conv-shape"
    source = "section 3; arXiv:1603.07285, relationship 6"

    def applies(self, case: Case) -> bool:
        return not case.settings.transposed


class ConvValue(Value):
    """The forward convolution equals the three oracles, exactly on integers.

    Budget: the case's own settings.
    """

    id = "conv-value"
    op = "conv"


class ConvSame(Relation):
    """A forward `same` gives ceil(n/s), and is `valid` over the zero-padded input, the smaller half first.

    Budget: one more settings, the `valid` one; without it, the size alone is judged.
    """

    id = "conv-same"
    source = "section 3; tf.nn.convolution, notes on padding"

    def applies(self, case: Case) -> bool:
        return not case.settings.transposed and case.settings.padding == "same" and inhabited(case.settings)

    def probes(self, case: Case) -> dict[str, Probe]:
        it, arrays = case.settings, whole(case)
        margins = [_halves(*axis) for axis in zip(it.input, it.stride, it.effective, strict=True)]
        x = np.pad(arrays.x, [(0, 0), (0, 0), *margins])
        padded = it.replace(padding="valid", input=x.shape[2:])
        return {"same": ask(it, arrays), "valid": ask(padded, Arrays(x, arrays.w, arrays.b))}

    def needs(self, name: str) -> bool:
        return name == "same"

    def misshapen(self, case: Case, got: Mapping[str, Outcome]) -> Finding | None:
        it = case.settings
        size = tuple(-(-n // s) for n, s in zip(it.input, it.stride, strict=True))
        judged = same_shape(valued(got["same"]).shape, (it.batch, it.channels_out, *size), "same.shape", "same")
        return super().misshapen(case, got) if judged is PASS else judged

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        if "valid" not in got:
            return PASS
        judged = equal(valued(got["same"]), valued(got["valid"]), "same")
        return blamed(judged, asked(self, case), got, ("same", "valid"))


def _halves(n: int, s: int, e: int) -> tuple[int, int]:
    """The zeros before and after: what ceil(n/s) windows of e need beyond n, the smaller half first."""
    total = max((-(-n // s) - 1) * s + e - n, 0)
    return total // 2, total - total // 2
