"""The law of special values: what one inf, nan, -0, subnormal or largest number reaches, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.data import SPECIAL_VALUES as VALUES
from convt.conv.data import Arrays
from convt.conv.oracles import scatter
from convt.conv.settings import Settings
from convt.laws.comparison import number, same_shape
from convt.laws.law import PASS, Finding
from convt.laws.probes import Relation, ask, cast, hash_index, inhabited, sampled, valued, whole

Place = Literal["x", "w", "b"]
NAMES = tuple(VALUES)


@dataclass(frozen=True)
class Planted:
    """One special value at one place, with the numbers around it."""

    place: Place
    name: str
    at: tuple[int, ...]
    arrays: Arrays

    @property
    def value(self) -> float:
        return VALUES[self.name]


class Special(Relation):
    """One inf, nan, -0, subnormal or largest number reaches exactly the outputs that its footprint says, and no others.

    In x or b it reaches what its products reach. In w a non-finite tap may also turn an output of its own channel into
    nan where it meets nothing: frameworks document that they convolve an input with zeros around and between its
    numbers, and 0 inf is nan. A subnormal may be flushed to 0 before or after its product, as processors and frameworks
    may be set to; the sign of a zero is not judged. Budget: the case's own settings with three sets of data; every
    second case.
    """

    id = "special"
    over_cover = "everywhere"
    source = "IEEE 754-2019, sections 6 and 7; section 3: an output is a sum of its own products and no others"

    def applies(self, case: Case) -> bool:
        return inhabited(case.settings) and sampled(case, 2)

    def probes(self, case: Case) -> dict[str, Probe]:
        return {f"{each.name} in {each.place}": ask(case.settings, each.arrays) for each in _planted(case)}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        for each in _planted(case):
            name = f"{each.name} in {each.place}"
            judged = _judged(case.settings, each, valued(got[name]), name)
            if judged is not PASS:
                return judged
        return PASS


class Footprint(Relation):
    """What is not finite reaches the same outputs of one item and of several, in each dtype and by each call form.

    What exactly it reaches, the law of special values says, and leaves frameworks a choice; each has one of its own.
    The first number of the kernel is infinite. Budget: every 32nd case, and some of specs/roads.yaml, with one item and
    three, in four dtypes and three call forms.
    """

    id = "footprint"
    over_cover = "everywhere"
    source = "IEEE 754-2019, section 6; section 3: an item's outputs are sums of its own products, whatever the dtype"

    def applies(self, case: Case) -> bool:
        return inhabited(case.settings) and sampled(case, 32)

    def probes(self, case: Case) -> dict[str, Probe]:
        one, several = (case.settings.replace(batch=batch) for batch in (1, 3))
        arrays = _with_infinite_tap(case)
        probes: dict[str, Probe] = {}
        for dtype in ("float32", "float64", "float16", "bfloat16"):
            a = cast(arrays, dtype)
            probes[f"one item in {dtype}"] = ask(one, a)
            probes[f"three items in {dtype}"] = ask(several, replace(a, x=np.concatenate([a.x, a.x, a.x])))
        plain = probes[FIRST]
        return probes | {f"one item by call form {form}": replace(plain, call_form=form) for form in (1, 2, 3)}

    def needs(self, name: str) -> bool:
        return name == FIRST

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        """What raises elsewhere than in the first is no footprint; other laws say so."""
        kept = {name: it for name, it in got.items() if name == FIRST or it.kind in ("value", "not-run")}
        return super().assess(case, kept)

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        first = valued(got[FIRST])[0]
        for name, outcome in got.items():
            if outcome.value is None:
                continue
            actual = outcome.value[0]
            wrong = _is_finite(actual) != _is_finite(first)
            if bool(np.any(wrong)):
                if not _may_be(case.settings, _is_finite(first)):
                    name, actual, first = FIRST, first, actual
                at = tuple(int(index) for index in np.argwhere(wrong)[0])
                against = FIRST if name != FIRST else "that of another dtype, batch or call form"
                return Finding(
                    "differs", "footprint", name, f"{name}: out", (0, *at), number(actual[at]), number(first[at]),
                    against=against, differing=int(np.count_nonzero(wrong)), of=actual.size,
                )  # fmt: skip
        return PASS


FIRST = "one item in float32"


def _with_infinite_tap(case: Case) -> Arrays:
    """One item of the case's integers, and its kernel with the first number infinite."""
    arrays = whole(case)
    w = arrays.w.astype(np.float32)
    w.flat[0] = np.inf
    return Arrays(arrays.x[:1], w, arrays.b)


def _may_be(it: Settings, finite: np.ndarray) -> bool:
    """Whether an infinite first tap may leave these numbers of an item finite: none that it reaches, and all of other
    channels."""
    one = it.replace(batch=1, bias=False)
    alone = np.zeros(one.w_shape)
    alone.flat[0] = 1
    reached = scatter(one, np.ones(one.x_shape), alone)[0] != 0
    return not bool(np.any(finite & reached)) and bool(np.all(finite[1:]))


def _is_finite(array: np.ndarray) -> np.ndarray:
    """Where an array of any floating-point dtype is finite."""
    return np.isfinite(array.astype(np.float64))


@lru_cache(maxsize=64)
def _planted(case: Case) -> list[Planted]:
    """A value in x, another in w, and another in b where there is one; the content hash says which, and where."""
    arrays, found = whole(case), []
    places: tuple[tuple[Place, np.ndarray | None], ...] = (("x", arrays.x), ("w", arrays.w), ("b", arrays.b))
    for order, (place, array) in enumerate(places):
        if array is None:
            continue
        name = NAMES[(hash_index(case, 2 * len(NAMES)) // 2 + 2 * order) % len(NAMES)]
        at = tuple(int(index) for index in np.unravel_index(hash_index(case, 7919 + order) % array.size, array.shape))
        changed = array.copy()
        changed[at] = VALUES[name]
        found.append(Planted(place, name, at, replace(arrays, **{place: changed})))
    return found


def _judged(it: Settings, each: Planted, actual: np.ndarray, what: str) -> Finding:
    base, factor = _parts(it, each)
    shapes = same_shape(actual.shape, base.shape, f"out of {what}, shape", what)
    if shapes is not PASS:
        return shapes
    reached = factor != 0
    with np.errstate(over="ignore", invalid="ignore"):
        right = np.where(reached, base + np.where(reached, factor, 1) * each.value, base).astype(np.float32)
    accepted = (actual == right) | (np.isnan(actual) & np.isnan(right))
    if each.name.startswith("the smallest"):
        with np.errstate(invalid="ignore"):
            accepted |= np.abs(actual - base) <= np.abs(factor) * each.value
    if each.place == "w" and not np.isfinite(each.value):
        own = np.zeros(accepted.shape, bool)
        own[:, _channel(it, each.at)] = True
        accepted |= own & ~reached & np.isnan(actual)
    if bool(np.all(accepted)):
        return PASS
    return _told(actual, right, ~accepted, reached, what)


@lru_cache(maxsize=256)
def _parts(it: Settings, each: Planted) -> tuple[np.ndarray, np.ndarray]:
    """y without the special number, and what that number is multiplied by in each output: 0 where it does not reach."""
    x, w, b = each.arrays.x, each.arrays.w, each.arrays.b
    bare = it.replace(bias=False)
    alone = np.zeros_like({"x": x, "w": w, "b": b}[each.place])
    alone[each.at] = 1
    if each.place == "b" and b is not None:
        return scatter(it, x, w, _without(b, each.at)), np.broadcast_to(_along(alone, it), it.y_shape)
    if each.place == "x":
        return scatter(it, _without(x, each.at), w, b), scatter(bare, alone, w)
    return scatter(it, x, _without(w, each.at), b), scatter(bare, x, alone)


def _without(array: np.ndarray, at: tuple[int, ...]) -> np.ndarray:
    rest = array.copy()
    rest[at] = 0
    return rest


def _along(b: np.ndarray, it: Settings) -> np.ndarray:
    return b.reshape((1, -1) + (1,) * it.rank).astype(np.float64)


def _channel(it: Settings, at: tuple[int, ...]) -> int:
    """The output channel of a kernel's number."""
    if not it.transposed:
        return at[0]
    return at[0] // (it.channels_in // it.groups) * (it.channels_out // it.groups) + at[1]


def _told(actual: np.ndarray, right: np.ndarray, wrong: np.ndarray, reached: np.ndarray, what: str) -> Finding:
    """The first wrong element, and how many lie outside of the footprint."""
    first = tuple(int(index) for index in np.argwhere(wrong)[0])
    outside = int(np.count_nonzero(wrong & ~reached))
    return Finding(
        "differs", "value", what, f"{what}: out", first, number(actual[first]), number(right[first]),
        differing=int(np.count_nonzero(wrong)), of=actual.size, outside=outside, expected=right, actual=actual,
    )  # fmt: skip
