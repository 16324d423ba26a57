"""How two outcomes of one probe differ: in value, bits, shape, dtype, outcome, message, or abstract shape."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.conv.bounds import accumulation, bound
from convt.conv.data import Arrays
from convt.conv.oracles import scatter
from convt.laws.probes import integral_arrays

KINDS = {
    "outcome": "the outcome changed (value, refusal, exception, crash)",
    "value": "the numbers differ, on fractions by more than the a-priori bound",
    "shape": "the results have other shapes",
    "dtype": "the results have other dtypes",
    "abstract-shape": "evaluation of the shape alone gives another shape",
    "message": "both refuse, and say why in other words",
    "bits": "the numbers differ within the a-priori bound",
    "unsteady": "one side gives the same probe other answers from one time to the next",
}
"""What a person hears of each kind, in the order in which they are told."""
ENDS = ("crashed", "timed-out")
SOME = "on some numbers"
"""The detail of a difference that depends on the numbers, not on the settings alone."""


@dataclass(frozen=True)
class Mark:
    """One way in which two outcomes differ; `detail` tells apart differences of one kind."""

    kind: str
    detail: str = ""


def marks(probe: Probe, before: Outcome, after: Outcome) -> tuple[Mark, ...]:
    """Every way in which two outcomes differ; none where one of the two did not run."""
    if "not-run" in (before.kind, after.kind):
        return ()
    if before.kind != after.kind:
        return (Mark("outcome", f"{_said(before)} -> {_said(after)}"),)
    if before.kind in ENDS:
        return ()
    if before.kind != "value":
        return () if _said(before) == _said(after) else (Mark("message", f"{_said(before)} -> {_said(after)}"),)
    if before.value is None or after.value is None:
        return () if before.shape == after.shape else (Mark("abstract-shape"),)
    found = []
    if before.value.dtype != after.value.dtype:
        found.append(Mark("dtype", f"{before.value.dtype} -> {after.value.dtype}"))
    if before.value.shape != after.value.shape:
        found.append(Mark("shape"))
    else:
        kind = _numbers(probe, before.value, after.value)
        if kind == "value" or (kind == "bits" and not found):  # other dtypes have other bits
            found.append(Mark(kind))
    return tuple(found)


def normalised(reason: str) -> str:
    """A message without what changes from call to call: numbers, addresses, places in files, quotes, spacing."""
    text = re.sub(r"(?:[A-Za-z]:)?(?:[\w.+-]*[/\\])+([\w.+-]+)", r"\1", reason)  # a path: its last part
    text = re.sub(r"0x[0-9a-fA-F]+", "#", text)
    text = re.sub(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?", "#", text)
    text = re.sub(r"#(?:\s*[,x]\s*#)*,?", "#", text)  # a shape of any length
    return " ".join(re.sub(r"[\"'`]", "", text).split())


def _said(outcome: Outcome) -> str:
    """An outcome in words; what a dying process says last is not compared."""
    return (
        f"{outcome.kind}: {normalised(outcome.reason)}" if outcome.kind in ("raised", "unsupported") else outcome.kind
    )


def _numbers(probe: Probe, before: np.ndarray, after: np.ndarray) -> str | None:
    if before.dtype == after.dtype and before.tobytes() == after.tobytes():
        return None
    if np.array_equal(before, after, equal_nan=True):
        return "bits"
    special = not all(a is None or np.all(np.isfinite(a)) for a in (probe.x, probe.w, probe.b))
    if special or not fractional(probe) or probe.want not in ("value", "unbatched"):
        return "value"
    reference, tolerance = allowed(probe)
    with np.errstate(invalid="ignore", over="ignore"):
        wide = (before.astype(np.float64), after.astype(np.float64))
        near = bool(np.all(np.abs(wide[0] - wide[1]) <= 2 * tolerance))
        inside = [bool(np.all(np.abs(side - reference) <= tolerance)) for side in wide]
    return "bits" if near and inside[0] == inside[1] else "value"


def fractional(probe: Probe) -> bool:
    """Whether a number of the probe is no integer."""
    return not integral_arrays(probe.x, probe.w, probe.b)


@lru_cache(maxsize=256)
def allowed(probe: Probe) -> tuple[np.ndarray, np.ndarray]:
    """(what the oracle gives in float64, how far honest float32 may be from it), in the shape of the answer."""
    x, w = probe.x.astype(np.float64), probe.w.astype(np.float64)
    reference = scatter(probe.settings, x, w, None if probe.b is None else probe.b.astype(np.float64))
    dtype = str(probe.x.dtype)
    tolerance = bound(probe.settings, Arrays(probe.x, probe.w, probe.b), reference, accumulation(dtype), dtype)
    if probe.want == "unbatched":
        return reference[0], tolerance[0]
    return reference, tolerance


def says(mark: Mark, before: Outcome, after: Outcome) -> str:
    """The difference in one sentence, its kind first."""
    if mark.kind in ("outcome", "message"):
        return f"{mark.kind}: {_told(before)} before, {_told(after)} after"
    if mark.kind == "abstract-shape":
        return f"abstract-shape: {before.shape} before, {after.shape} after"
    if before.value is None or after.value is None:
        return f"{mark.kind}: {_told(before)} before, {_told(after)} after"
    if mark.kind in ("dtype", "shape"):
        return f"{mark.kind}: {getattr(before.value, mark.kind)} before, {getattr(after.value, mark.kind)} after"
    if before.value.shape != after.value.shape:
        return f"{mark.kind}: {before.value.shape} before, {after.value.shape} after"
    some = ", and not with all numbers" if mark.detail == SOME else ""
    return f"{mark.kind}: {_where(mark, before.value, after.value)}{some}"


def _told(outcome: Outcome) -> str:
    if outcome.kind == "value":
        return "a value" if outcome.value is not None else f"{outcome.shape}"
    return f"{outcome.kind} ({outcome.reason})" if outcome.reason else outcome.kind


def _where(mark: Mark, before: np.ndarray, after: np.ndarray) -> str:
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    if mark.kind == "bits":
        same &= np.signbit(before) == np.signbit(after)
    count = int(np.count_nonzero(~same))
    if not count:
        return "other bits of the same numbers"
    first = tuple(int(at) for at in np.argwhere(~same)[0])
    place = f"({','.join(map(str, first))})"
    pair = f"first at {place}: {before[first]:.9g} before, {after[first]:.9g} after"
    return f"{count:,} of {before.size:,} numbers, {pair}" + (", within the bound" if mark.kind == "bits" else "")
