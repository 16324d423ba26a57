"""The judgement of an answer of real size: by its sums along the channels, and where one is wrong by the definition."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.build import MOST_STEPS, steps
from convt.conv.data import EXACT_LIMIT, Arrays
from convt.conv.gradients import gradient_b
from convt.conv.layers import inexact
from convt.conv.oracles import OraclesDisagree
from convt.conv.projections import (
    backwards,
    gradient_w_at,
    project_value,
    project_w,
    project_x,
    right_gradient_w,
    right_gradient_x,
    right_value,
)
from convt.conv.slabs import index as at
from convt.conv.slabs import numbers_at
from convt.laws.comparison import equal, number, same_dtype, same_shape
from convt.laws.probes import integral_arrays
from convt.results.finding import PASS, Finding

WANTS = ("value", "grad-x", "grad-w", "grad-b")
Index = tuple[int, ...]


def is_projected(probe: Probe) -> bool:
    """Whether a probe is one of which every number by every oracle takes too long, and sums tell enough: of whole
    numbers in float32."""
    large = probe.want in WANTS and not probe.block and steps(probe.settings) > MOST_STEPS
    return large and probe.x.dtype == np.float32 and integral_arrays(*probe.arrays)


def judged_projected(probe: Probe, outcome: Outcome, name: str = "") -> Finding:
    """Equal shape, dtype, sums along the channels; `name` is what the law calls the probe.

    May raise OraclesDisagree.
    """
    got = outcome.value
    if got is None:
        raise ValueError(f"no value to judge: {outcome}")
    form = same_shape(got.shape, _shape(probe), f"{name}.shape", name)
    if form is PASS:
        form = same_dtype(str(got.dtype), str(probe.x.dtype), f"{name}.dtype", name)
    if form is not PASS:
        return form
    right = right_of(probe)
    if probe.want == "grad-b":
        return equal(got, right.astype(got.dtype), name, name)
    with np.errstate(invalid="ignore"):
        whole = (got == np.trunc(got)) & (np.abs(got) <= EXACT_LIMIT["float32"])
    if not whole.all():  # no sum says anything of it
        return _wrong(probe, got, ~whole, name, "are not whole, or too large for the sum of these products")
    sums = _project(probe, got)
    if np.array_equal(sums, right):
        return PASS
    return _wrong_sums(probe, got, sums != right, name)


@lru_cache(maxsize=16)
def right_of(probe: Probe) -> np.ndarray:
    """The right sums of a probe; kept for the targets to come. ValueError where they need not be exact."""
    it, x, w, b, g = probe.settings, probe.x, probe.w, probe.b, _cotangent(probe)
    if said := inexact(it, x, w, b, g):
        raise ValueError(f"float32 holds no sums of {it} with these numbers: {said}")
    if probe.want == "value":
        return right_value(it, x, w, b)
    if probe.want == "grad-x":
        return right_gradient_x(it, w, g)
    return right_gradient_w(it, x, g) if probe.want == "grad-w" else gradient_b(g)


def _cotangent(probe: Probe) -> np.ndarray:
    return np.zeros(0, np.float32) if probe.g is None else probe.g


def _shape(probe: Probe) -> Index:
    it = probe.settings
    return {"value": it.y_shape, "grad-x": it.x_shape, "grad-w": it.w_shape, "grad-b": it.b_shape}[probe.want]


def _project(probe: Probe, got: np.ndarray) -> np.ndarray:
    project = {"value": project_value, "grad-x": project_x, "grad-w": project_w}[probe.want]
    return project(probe.settings, got)


def _wrong(probe: Probe, got: np.ndarray, wrong: np.ndarray, name: str, says: str) -> Finding:
    """The finding on the marked numbers."""
    index = tuple(int(one) for one in np.argwhere(wrong)[0])
    due = _due(probe, index[0], *_group_of(probe, index), index[2:])[_in_group(probe, index)]
    count = int(np.count_nonzero(wrong))
    lines = (f"{count:,} numbers {says}",)
    return Finding("differs", "value", name, name, index, number(got[index]), number(due), lines=lines,
                   differing=count, of=got.size)  # fmt: skip


def _wrong_sums(probe: Probe, got: np.ndarray, wrong: np.ndarray, name: str) -> Finding:
    """The finding on the first place of which a sum is wrong, and how many such places there are."""
    if probe.want == "grad-w":
        return _wrong_taps(probe, got, wrong, name)
    it = probe.settings
    by_group = wrong.reshape(wrong.shape[0], it.groups, -1, *wrong.shape[2:]).any(axis=2)
    item, group, *place = (int(one) for one in np.argwhere(by_group)[0])
    per = got.shape[1] // it.groups
    due = _due(probe, item, group, per, tuple(place))
    mine = got[at(item, slice(group * per, (group + 1) * per), *place)]
    different = np.flatnonzero(mine != due)
    if not len(different):
        raise OraclesDisagree(f"the sums and the definition differ on {probe.want} of {it}")
    first = int(different[0])
    last = group * per + int(different[-1])
    lines = (
        f"{int(np.count_nonzero(by_group)):,} of {by_group.size:,} sums over a group's channels at a place differ",
        f"{len(different):,} of {per:,} channels differ at the first of these places, {group * per + first} to {last}",
    )
    index = (item, group * per + first, *place)
    return Finding("differs", "value", name, name, index, number(mine[first]), number(due[first]), lines=lines)


def _wrong_taps(probe: Probe, got: np.ndarray, wrong: np.ndarray, name: str) -> Finding:
    """The finding on the first tap of which a sum is wrong, and how many such taps there are."""
    it = probe.settings
    taps = wrong.any(axis=(0, 1))
    tap = tuple(int(one) for one in np.argwhere(taps)[0])
    due = gradient_w_at(it, probe.x, _cotangent(probe), tap)
    mine = got[at(..., *tap)]
    different = np.argwhere(mine != due)
    if not len(different):
        raise OraclesDisagree(f"the sums and the definition differ on grad-w of {it}")
    first = tuple(int(one) for one in different[0])
    ends = f"{_pair(different[0])} to {_pair(different[-1])}"
    lines = (
        f"{int(np.count_nonzero(taps)):,} of {taps.size:,} taps have a wrong sum over channels",
        f"{len(different):,} of {due.size:,} pairs of channels differ at the first of these taps, {ends}",
    )
    return Finding("differs", "value", name, name, (*first, *tap), number(mine[first]), number(due[first]), lines=lines)


def _pair(index: np.ndarray) -> str:
    return f"[{','.join(map(str, index))}]"


def _group_of(probe: Probe, index: Index) -> tuple[int, int]:
    """The group that a number of y or of the input's gradient is in, and how many channels that has."""
    it = probe.settings
    per = (it.channels_out if probe.want == "value" else it.channels_in) // it.groups
    return index[1] // per, per


def _in_group(probe: Probe, index: Index) -> Index:
    return index[:2] if probe.want == "grad-w" else (index[1] % _group_of(probe, index)[1],)


def _due(probe: Probe, item: int, group: int, per: int, place: Index) -> np.ndarray:
    """By the definition: the channels of a group at one place, or of the kernel's gradient all numbers of one tap."""
    it = probe.settings
    if probe.want == "grad-w":
        return gradient_w_at(it, probe.x, _cotangent(probe), place)
    if probe.want == "value":
        settings, arrays = it, Arrays(probe.x, probe.w, probe.b)
    else:
        settings, arrays = backwards(it), Arrays(_cotangent(probe), probe.w)
    channels = np.arange(group * per, (group + 1) * per)
    flat = np.ravel_multi_index((np.full(per, item), channels, *(np.full(per, one) for one in place)), settings.y_shape)
    return numbers_at(settings, arrays, flat)
