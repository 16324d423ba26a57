"""Which call went wrong: one by itself, held against the oracles, and of several the one that breaks a relation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from convt.adapter.backend import RESIZES, Outcome, Probe
from convt.conv.bounds import accumulation
from convt.conv.dtypes import numpy_dtype
from convt.conv.operands import tolerance
from convt.conv.oracles import wide
from convt.laws.block_sums import judged_block_sums
from convt.laws.comparison import equal, same_shape, within
from convt.laws.probes import integral_arrays
from convt.laws.projected import is_projected, judged_projected
from convt.laws.promises import conjugates
from convt.laws.truth import promised, truth
from convt.results.finding import PASS, Finding, unanswered


def call_went(probe: Probe, outcome: Outcome, name: str = "", backend: str = "") -> Finding:
    """How a backend's call went: `pass` or `differs` by the oracles where it has a value, else `error` or less."""
    if outcome.kind in ("not-run", "unsupported"):
        return unanswered(outcome.kind, name, outcome.kind, outcome.reason, "")
    if outcome.kind != "value":
        return unanswered("error", name, outcome.kind, outcome.reason, "")
    if probe.timing is not None:  # what it computes, others ask
        return PASS
    if probe.block:
        return judged_block_sums(probe, outcome, name)
    if outcome.value is None:
        return same_shape(outcome.shape or (), probe.settings.y_shape, "abstract shape", name, abstract=True)
    if probe.want in RESIZES:  # no convolution, and held against none
        return PASS
    if is_projected(probe):
        return judged_projected(probe, outcome, name)
    value = outcome.value
    if probe.want == "unbatched" and value.ndim < len(probe.settings.y_shape):
        value = value[None]
    return _against_truth(probe, value, name, conjugates(backend, probe.want, str(probe.x.dtype)))


@np.errstate(over="ignore", invalid="ignore")  # sums of special values overflow here, as they may
def _against_truth(probe: Probe, value: np.ndarray, name: str, conjugate: bool) -> Finding:
    """A call's numbers against what they should be: exactly on whole numbers, else within the bound."""
    right, dtype = truth(probe, conjugate), promised(probe)
    if integral_arrays(*probe.arrays):
        return equal(value, right.astype(numpy_dtype(dtype)), probe=name)
    finite = np.isfinite(right)  # what is not, the law of special values judges
    sides = (probe.x, probe.w, probe.b, probe.g, probe.t)
    allowed = tolerance(probe.settings, probe.want, sides, right, accumulation(dtype), dtype)
    allowed = np.where(finite, allowed, np.inf)
    if value.shape == right.shape:
        value, right = np.where(finite, value, 0).astype(value.dtype), np.where(finite, right, 0)
    return in_narrow_sums(within(value, right, allowed, dtype=dtype, probe=name), probe, value, right)


def in_narrow_sums(judged: Finding, probe: Probe, value: np.ndarray, right: np.ndarray) -> Finding:
    """The judgement, which says so where the error is what accumulation in the answer's 16 bits explains."""
    dtype = promised(probe)
    if judged.verdict != "differs" or judged.kind != "value" or accumulation(dtype) == dtype:
        return judged
    sides = (probe.x, probe.w, probe.b, probe.g, probe.t)
    allowed = tolerance(probe.settings, probe.want, sides, right, dtype, dtype)
    within_it = np.abs(wide(value) - right) <= allowed
    if not bool(np.all(within_it | ~np.isfinite(right))):
        return judged
    return replace(judged, cause="sums-in-float16" if dtype == "float16" else "sums-in-bfloat16")


def blamed(
    finding: Finding, probes: Mapping[str, Probe], got: Mapping[str, Outcome], names: Iterable[str], otherwise: str = ""
) -> Finding:
    """The finding on a relation between these probes, about the one of them that is wrong.

    A relation that does not hold says that one of its sides is wrong, and not which. The oracles do: the first of the
    names whose answer is not theirs is to blame. Where none of them is (two roundings of one number, both within the
    bound), it is `otherwise`, which is the first of the names if not said.
    """
    if finding.verdict != "differs":
        return finding
    several = list(names)
    wrong = (name for name in several if call_went(probes[name], got[name]).verdict == "differs")
    return finding.about(next(wrong, otherwise or several[0]))
