"""Laws of dtypes: the promised dtype and its numbers, and the framework's own mixed precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from convt.adapter.backend import MIXED, Outcome, Probe, Want
from convt.cases.case import Case
from convt.conv import data
from convt.conv.bounds import UNIT_ROUNDOFF, bound
from convt.conv.data import Arrays
from convt.conv.dtypes import numpy_dtype
from convt.conv.oracles import wide
from convt.laws.comparison import equal, within
from convt.laws.law import Finding, Law, without_value
from convt.laws.probes import asked, hash_index, inhabited, sampled, valued
from convt.laws.truth import promised, truth

NARROW = ("float16", "bfloat16")
OTHER = ("float64", "complex64", "int32", "float64", "int8", "complex128", "int64", "uint8")


class DType(Law):
    """The result has the dtype of the arguments, exactly on integers and within that dtype's bound on real data.

    float16 and bfloat16 accumulate in float32 and round at the end, before a bias and after it. Budget: every fourth
    case, one of the two with two sets of data; every eighth case one further dtype, which the content hash picks among
    float64, complex and integers.
    """

    id = "dtype"
    over_cover = "everywhere"
    apart = "dear"
    source = "section 5; numpy's array API: the dtype of the result is that of the arguments"

    def applies(self, case: Case) -> bool:
        return inhabited(case.settings) and sampled(case, 4)

    def probes(self, case: Case) -> dict[str, Probe]:
        it, name = case.settings, NARROW[hash_index(case, 8) // 4]
        real = data.real_in(it, name, case.seed)
        probes = {f"{name}, real": Probe(it, real.x, real.w, real.b)}
        whole = {name: data.narrow(it, name, case.seed)}
        if hash_index(case, 16) < 8 or case.laws:
            other = OTHER[hash_index(case, 16 * len(OTHER)) // 16]
            whole[other] = data.wide64(it, case.seed) if other == "float64" else data.narrow(it, other, case.seed)
        return probes | {each: Probe(it, a.x, a.w, a.b) for each, a in whole.items() if a is not None}

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        """Every dtype that the target has is judged."""
        came = {name: outcome for name, outcome in got.items() if outcome.kind != "unsupported"}
        return without_value(came or got) or self.judge(case, came)

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        probes, used = asked(self, case), 0.0
        for name, outcome in got.items():
            probe, actual = probes[name], valued(outcome)
            right, dtype = truth(probe), promised(probe)
            judged = _within(probe, actual, right) if name.endswith("real") else _equal(actual, right, dtype, name)
            if judged.verdict != "pass":
                return judged.about(name)
            used = max(used, judged.used or 0.0)
        return Finding("pass", used=used)


def _equal(actual: np.ndarray, right: np.ndarray, dtype: str, what: str) -> Finding:
    return equal(actual, right.astype(numpy_dtype(dtype)), f"out of {what}")


def _within(probe: Probe, actual: np.ndarray, right: np.ndarray) -> Finding:
    """Within the bound of float32 accumulation and one rounding to the narrow dtype."""
    name = str(probe.x.dtype)
    arrays = Arrays(wide(probe.x), wide(probe.w), None if probe.b is None else wide(probe.b))
    tolerance = bound(probe.settings, arrays, right, "float32", name)
    if arrays.b is not None:  # an op of its own adds the bias to what was rounded already
        tolerance += UNIT_ROUNDOFF[name] * np.abs(right - arrays.b.reshape((1, -1) + (1,) * probe.settings.rank))
    tolerance += UNIT_ROUNDOFF[name] * tolerance  # the rounding is of what was accumulated, not of the exact sum
    judged = within(actual, right, tolerance, f"out of {name}", "accumulated in float32, rounded at the end", name)
    return judged if judged.verdict == "pass" else _as_narrow(judged, probe, actual)


def _as_narrow(judged: Finding, probe: Probe, actual: np.ndarray) -> Finding:
    """The judgement, which says so where the error is what accumulation in the narrow dtype explains."""
    name = str(probe.x.dtype)
    arrays = Arrays(wide(probe.x), wide(probe.w), None if probe.b is None else wide(probe.b))
    right = truth(probe)
    tolerance = bound(probe.settings, arrays, right, name, name)
    if actual.shape == right.shape and bool(np.all(np.abs(wide(actual) - right) <= tolerance)):
        return replace(judged, cause="sums-in-float16" if name == "float16" else "sums-in-bfloat16")
    return judged


class Mixed(Law):
    """Under the framework's own mixed precision the result has the narrow dtype, and is exact where that can be.

    Budget: the case's own settings with float32 arrays, in float16 or bfloat16; every fourth case.
    """

    id = "mixed-precision"
    over_cover = "everywhere"
    source = "torch.autocast; keras.dtype_policies: layers compute in the narrow dtype"

    def applies(self, case: Case) -> bool:
        return inhabited(case.settings) and sampled(case, 4) and _small(case) is not None

    def probes(self, case: Case) -> dict[str, Probe]:
        arrays = _small(case)
        if arrays is None:
            raise ValueError(f"{case.id} has no numbers that stay exact in the narrow dtype")
        b = None if arrays.b is None else arrays.b.astype(np.float32)
        x, w = (a.astype(np.float32) for a in (arrays.x, arrays.w))
        return {"mixed": Probe(case.settings, x, w, b, want=_mixed(case))}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        probe = asked(self, case)["mixed"]
        judged = _equal(valued(got["mixed"]), truth(probe), promised(probe), "mixed precision")
        return judged.about("mixed")


def _mixed(case: Case) -> Want:
    return MIXED[hash_index(case, 8) // 4]


def _small(case: Case) -> Arrays | None:
    return data.narrow(case.settings, _mixed(case).removeprefix("mixed-"), case.seed)
