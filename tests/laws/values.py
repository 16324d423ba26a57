"""Laws of numbers: against the oracles, exactly and within the bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import ml_dtypes
import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case, Regime
from convt.conv.data import EXACT_LIMIT
from convt.conv.oracles import OraclesDisagree, scatter
from convt.conv.settings import Op
from convt.laws.comparison import equal, within
from convt.laws.law import PASS, Finding, Law
from convt.laws.probes import allowed, expected, inhabited, integral, plain, valued
from convt.results.finding import Cause


def against_oracles(
    case: Case, actual: np.ndarray, regime: Regime = "exact", what: str = "out", probe: str = ""
) -> Finding:
    """Equal to the oracles on whole numbers, within the bound on others; `suite-bug` where the oracles disagree."""
    try:
        reference = expected(case, regime)
        if integral(case.data(regime)):
            return equal(actual, reference, what, probe)
        bound, why = allowed(case, regime)
        return within(actual, reference, bound, what, why, str(case.data(regime).x.dtype), probe)
    except OraclesDisagree as error:
        return Finding("suite-bug", "suite", note=str(error))


class Value(Law):
    """The result equals the three oracles, exactly on integers.

    Budget: the case's own settings.
    """

    id = "value"
    source = "section 3; arXiv:1603.07285"
    op: Op = "conv_transpose"

    def applies(self, case: Case) -> bool:
        return case.settings.op == self.op

    def probes(self, case: Case) -> dict[str, Probe]:
        return {"value": plain(case)}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        return against_oracles(case, valued(got["value"]), probe="value")


class Accuracy(Law):
    """On real data the error is within the a-priori bound of the sum of products.

    Budget: the case's own settings, with other data.
    """

    id = "accuracy"
    source = "section 5; Higham, Accuracy and Stability of Numerical Algorithms, 3.1"

    def applies(self, case: Case) -> bool:
        return inhabited(case.settings)

    def probes(self, case: Case) -> dict[str, Probe]:
        return {"value": plain(case, "real")}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        return against_oracles(case, valued(got["value"]), "real", probe="value")


class LowPrecision(Law):
    """Inputs of 12 significant bits keep them all: no silent rounding of x or w to bfloat16, float16 or TF32.

    Budget: the case's own settings, with two other sets of data.
    """

    id = "low-precision"
    over_cover = "everywhere"
    source = "section 5; torch.backends.cuda.matmul.allow_tf32"

    def applies(self, case: Case) -> bool:
        it = case.settings
        most = int(np.prod(it.kernel)) * it.channels_in // it.groups * 2 * 4095 + 9
        return inhabited(it) and most < EXACT_LIMIT["float32"]

    def probes(self, case: Case) -> dict[str, Probe]:
        return {"wide x": plain(case, "precision-x"), "wide w": plain(case, "precision-w")}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        regimes: tuple[tuple[Literal["x", "w"], Regime], ...] = (("x", "precision-x"), ("w", "precision-w"))
        for wide, regime in regimes:
            name = f"wide {wide}"
            actual = valued(got[name])
            judged = against_oracles(case, actual, regime, f"out of {name}", name)
            if judged is not PASS:
                return _explained(judged, case, wide, regime, actual)
        return PASS


CAUSED: dict[tuple[str, str], Cause] = {
    ("x", "bfloat16"): "x-in-bfloat16", ("w", "bfloat16"): "w-in-bfloat16",
    ("x", "float16"): "x-in-float16", ("w", "float16"): "w-in-float16",
}  # fmt: skip
ROUNDINGS = {"bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
"""The second one is TF32's too: both have 11 significant bits."""


def _explained(judged: Finding, case: Case, wide: str, regime: Regime, actual: np.ndarray) -> Finding:
    """The judgement with the rounding that makes exactly these numbers, where there is one."""
    arrays = case.data(regime)
    for name, dtype in ROUNDINGS.items():
        x, w = (a.astype(dtype).astype(a.dtype) if wide == at else a for at, a in (("x", arrays.x), ("w", arrays.w)))
        if np.array_equal(scatter(case.settings, x, w, arrays.b), actual):
            return replace(judged, cause=CAUSED[wide, name])
    return judged
