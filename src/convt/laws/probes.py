"""How laws ask: the probes that many of them share, the answers of the oracles, and the check of an answer's form."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case, Regime
from convt.conv import data
from convt.conv.bounds import bound, terms
from convt.conv.data import Arrays
from convt.conv.dtypes import numpy_dtype
from convt.conv.oracles import OraclesDisagree, matrix, reference, scatter, zero_insertion
from convt.conv.settings import Settings, SettingsError
from convt.laws.comparison import same_shape
from convt.laws.law import Law, without_value
from convt.results.finding import PASS, Finding

HEADROOM = 2**20
"""Literal data with larger partial sums leave a law no room to add or scale them and stay exact."""


def plain(case: Case, regime: Regime = "exact") -> Probe:
    """The case itself: the one probe that nearly every law shares."""
    arrays = case.data(regime)
    return Probe(case.settings, arrays.x, arrays.w, arrays.b)


def whole(case: Case) -> Arrays:
    """Integers for laws that compare a target with itself: the case's own, where they are small integers."""
    literal = case.literal
    if literal is None:
        return case.data()
    if integral(literal) and data.largest_partial_sum(case.settings, literal) <= HEADROOM:
        return literal
    return drawn(case, "exact")


@lru_cache(maxsize=64)
def drawn(case: Case, use: str) -> Arrays:
    """Integers of the exact regime, another set for each `use`."""
    return data.exact(case.settings, case.seed, use=use)


def ask(settings: Settings, arrays: Arrays) -> Probe:
    """A probe for a value."""
    return Probe(settings, arrays.x, arrays.w, arrays.b)


def cast(arrays: Arrays, dtype: str) -> Arrays:
    """The arrays in another dtype."""
    to = numpy_dtype(dtype)
    b = None if arrays.b is None else arrays.b.astype(to)
    return Arrays(arrays.x.astype(to), arrays.w.astype(to), b)


def integral(arrays: Arrays) -> bool:
    """Whether every number is a whole one."""
    return integral_arrays(arrays.x, arrays.w, arrays.b)


def integral_arrays(*arrays: np.ndarray | None) -> bool:
    """The same of any arrays, of which some may not be there."""
    return all(a is None or _whole(a) for a in arrays)


def _whole(a: np.ndarray) -> bool:
    if a.dtype.kind in "iu":
        return True
    if a.dtype.kind == "c":
        return _whole(a.real) and _whole(a.imag)
    return bool(np.all(np.isfinite(a) & (a == np.trunc(a))))


def hash_index(case: Case, count: int) -> int:
    """Whose turn it is among `count`, by the case's content: what is too dear for every case is asked in turn."""
    return int(case.digest, 16) % count


def sampled(case: Case, every: int) -> bool:
    """Whether a law that is dear takes this case: one in `every` by content, and each that names its laws."""
    return bool(case.laws) or hash_index(case, every) == 0


def inhabited(settings: Settings) -> bool:
    """Whether there is an input to answer from and an output to answer with."""
    return settings.batch > 0 and min(settings.input) > 0 and min(settings.output) > 0


def meaningful(settings: Settings, **changes: object) -> Settings | None:
    """The changed settings, or None where they mean nothing."""
    try:
        return settings.replace(**changes)
    except SettingsError:
        return None


def forward_of(settings: Settings) -> Settings | None:
    """The forward convolution of which this is the transpose, by the same keyword where that says the same padding."""
    forward = settings.adjoint()
    if forward is None or not isinstance(settings.padding, str):
        return forward
    spelled = forward.replace(padding=settings.padding)
    return spelled if spelled.crop == forward.crop else forward


@lru_cache(maxsize=64)
def expected(case: Case, regime: Regime = "exact") -> np.ndarray:
    """The oracles' answer: in the data's dtype where it is exact, in float64 elsewhere. May raise OraclesDisagree.

    The matrix, which is dear, speaks on the exact regime: other numbers in the same settings need no third oracle.
    """
    arrays, it = case.data(regime), case.settings
    if integral(arrays):
        oracles = () if regime == "exact" else ("scatter", "zero-insertion")
        return reference(it, arrays.x, arrays.w, arrays.b, oracles).astype(arrays.x.dtype)
    x, w = arrays.x.astype(np.float64), arrays.w.astype(np.float64)
    b = None if arrays.b is None else arrays.b.astype(np.float64)
    answer = scatter(it, x, w, b)
    tolerance = 2 * bound(it, arrays, answer, "float64", "float64")
    for other in (matrix, zero_insertion) if regime == "exact" else (zero_insertion,):
        if not np.all(np.abs(other(it, x, w, b) - answer) <= tolerance):
            raise OraclesDisagree(f"scatter and {other.__name__} differ on {it}")
    return answer


@lru_cache(maxsize=64)
def allowed(case: Case, regime: Regime) -> tuple[np.ndarray, str]:
    """The error bound of each element, and the words that say what it rests on."""
    arrays = case.data(regime)
    products = int(np.max(terms(case.settings), initial=0))
    name = str(arrays.x.dtype)
    return bound(case.settings, arrays, expected(case, regime), name, name), f"{products:,} products in {name}"


def valued(outcome: Outcome | None) -> np.ndarray:
    """The value of an outcome that is known to have one."""
    if outcome is None or outcome.value is None:
        raise ValueError(f"no value to judge: {outcome}")
    return outcome.value


def inner(*places: Any) -> tuple[Any, ...]:
    """The index of every item and channel at these spatial places."""
    return (..., *places)


@lru_cache(maxsize=256)
def asked(law: Law, case: Case) -> dict[str, Probe]:
    """The probes of a law, once more, for its judgement: made once for all targets."""
    return law.probes(case)


class Relation(Law):
    """A law between answers of one target: every answer must first have the shape that its settings promise."""

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        needed = {name: it for name, it in got.items() if it.kind != "unsupported" or self.needs(name)}
        return without_value(needed) or self.misshapen(case, needed) or self.judge(case, needed)

    def misshapen(self, case: Case, got: Mapping[str, Outcome]) -> Finding | None:
        """The judgement on the first answer whose shape is not the one that was asked for."""
        probes = asked(self, case)
        for name, outcome in got.items():
            probe = probes[name]
            if outcome.value is not None and probe.want == "value":
                judged = same_shape(outcome.value.shape, probe.settings.y_shape, f"{name}.shape", name)
                if judged is not PASS:
                    return judged
        return None
