"""Which values of the crossed dimensions meet in what targets were asked: counted while a run goes on.

Visited is what a target answered, with a value, a shape or an error of its own. What the adapter says the framework
cannot express is told apart. These visit nothing: calls that ended a process, hung or were never made; calls that an
adapter's claim is tested by; invalid calls; what is timed and not looked at; the framework's own resize.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import permutations, product
from typing import Any

import numpy as np

from convt.adapter.probe import RESIZES, Outcome, Probe
from convt.conv.settings import Settings
from convt.results.coverage import Coverage, Dimensions, combinations, met
from convt.session.crossing import FACTORS, NONE, PAIRS, REALISTIC, SYMMETRIC, VECTOR, Row, excluded

Factors = Mapping[str, Sequence[Any]]
Rows = tuple[set[int], set[int]]
"""The rows, as numbers, that a target answered, and those that its adapter says the framework cannot express."""
ANSWERED = ("value", "raised")
ROWS = 4096
"""Rows whose combinations are counted at a time."""
_PLACES = {name: {value: place for place, value in enumerate(values)} for name, values in FACTORS.items()}
_SHIFTS: dict[str, int] = {}
for _name, _values in FACTORS.items():
    _SHIFTS[_name] = sum(len(FACTORS[earlier]).bit_length() for earlier in _SHIFTS)


class Visited:
    """What every target was asked so far. Each target's answers come from one thread of its own."""

    def __init__(self) -> None:
        self.rows: defaultdict[str, Rows] = defaultdict(lambda: (set(), set()))

    def take(self, target: str, probe: Probe, outcome: Outcome) -> None:
        """Count one answer."""
        kind = outcome.kind
        if kind in ANSWERED or kind == "unsupported":
            number = number_of(probe)
            if number:
                self.rows[target][kind == "unsupported"].add(number)

    def told(self) -> dict[str, tuple[list[int], list[int]]]:
        """All of it as plain data, for another process."""
        return {target: (sorted(answered), sorted(refused)) for target, (answered, refused) in self.rows.items()}

    def hear(self, told: Mapping[str, tuple[Iterable[int], Iterable[int]]]) -> None:
        """Add what another process tells."""
        for target, kinds in told.items():
            for rows, more in zip(self.rows[target], kinds, strict=True):
                rows.update(more)

    def coverage(self, target: str) -> Coverage:
        """What the target visited, of all that is possible."""
        can = possible()
        answered, refused = (_met(rows) for rows in self.rows[target])
        missing = {name: can[name] & ~bits for name, bits in answered.items()}
        return Coverage(
            dimensions_of(FACTORS),
            {name: int(bits.sum()) for name, bits in can.items()},
            missing,
            {name: missing[name] & bits for name, bits in refused.items()},
        )


def row_of(probe: Probe) -> Row | None:
    """The row of the covering array that a probe is, without the factors of which it has none of the values; None: it
    visits nothing."""
    number = number_of(probe)
    return {name: FACTORS[name][place] for name, place in _unpacked(number).items()} if number else None


def number_of(probe: Probe) -> int:
    """The row of a probe as a number, with some bits for the place of each factor's value, from 1; 0: it visits
    nothing."""
    if probe.force or probe.invalid is not None or probe.timing is not None or probe.want in RESIZES:
        return 0
    x, w = probe.x, probe.w
    call = (probe.want, probe.call_form, x.dtype.num, w.dtype.num, probe.layout)
    found = _calls.get(call)
    if found is None:
        found = _calls[call] = _packed(_call_row(probe))
    return _settings_number(probe.settings) | found | (_INTEGERS if _whole(w) and _whole(x) else _REAL)


_calls: dict[Any, int] = {}
"""The numbers of what is asked beside the settings, by all that says it: what is met once is met thousands of times."""


def _call_row(probe: Probe) -> Row:
    # what the adapter lays out as it likes is a copy in C order
    memory = [how or "contiguous" for how in (*probe.layout, "", "", "")[:3]]
    return {
        "want": probe.want,
        "call form": probe.call_form,
        "dtype": str(probe.x.dtype) if probe.x.dtype == probe.w.dtype else None,
        **dict(zip(("memory of x", "memory of w", "memory of g"), memory, strict=True)),
    }


_numbers: dict[str, int] = {}
"""The numbers of settings, by their digest: to hash settings takes longer than all the rest."""


def _settings_number(it: Settings) -> int:
    found = _numbers.get(it.digest)
    if found is None:
        found = _numbers[it.digest] = _packed(settings_row(it))
    return found


def settings_row(it: Settings) -> Row:
    """The classes of settings, as `crossing.case_of` makes settings of them; a value of no class is left as it is.

    Depthwise are more than two groups of one channel each, in and out: two are `some` groups.
    """
    depthwise = it.groups > 2 and it.groups == it.channels_in == it.channels_out
    each = 1 if depthwise else it.groups
    side = (it.input if it.transposed else it.output)[-1]
    return {
        "channels in": it.channels_in // each,
        "channels out": it.channels_out // each,
        "last axis": _last_axis(side),
        "padding": _padding(it),
        "batch": it.batch,
        "rank": it.rank,
        "groups": "depthwise" if depthwise else "some" if it.groups > 1 else "1",
        "op": it.op,
        "stride": "1" if set(it.stride) == {1} else "more",
        "dilation": "1" if set(it.dilation) == {1} else "more",
        "bias": it.bias,
    }


def _last_axis(side: int) -> Any:
    return "one vector" if side == VECTOR else "realistic" if REALISTIC[0] <= side < REALISTIC[1] else side


def _padding(it: Settings) -> str:
    if isinstance(it.padding, str):
        return it.padding
    if not any(map(any, it.padding)):
        return NONE
    return SYMMETRIC if all(lo == hi for lo, hi in it.padding) else PAIRS


def _whole(array: np.ndarray) -> bool:
    """Whether the first and the last number are whole: among real ones hardly any is, and to look at all takes long."""
    return array.size == 0 or not (_is_broken(array.item(0)) or _is_broken(array.item(-1)))


def _is_broken(number: Any) -> bool:
    """Whether a number has a fraction; what is not finite has none."""
    if type(number) is complex:
        return number.real % 1 > 0 or number.imag % 1 > 0
    return bool(float(number) % 1 > 0)  # bfloat16 has no modulus of its own


def _packed(row: Row) -> int:
    number = 0
    for name, value in row.items():
        place = _PLACES[name].get(value)
        number |= 0 if place is None else place + 1 << _SHIFTS[name]
    return number


def _unpacked(number: int) -> dict[str, int]:
    """The place of each factor's value, of those that there are."""
    places = {name: int(_places(np.int64(number), name)) - 1 for name in FACTORS}
    return {name: place for name, place in places.items() if place >= 0}


_INTEGERS, _REAL = _packed({"numbers": "integers"}), _packed({"numbers": "real"})


def _places(numbers: Any, name: str) -> Any:
    """Of each row the place of a factor's value, from 1; 0 where it has none."""
    return numbers >> _SHIFTS[name] & (1 << len(FACTORS[name]).bit_length()) - 1


def _met(numbers: Iterable[int]) -> dict[str, np.ndarray]:
    """The pairs and triples in rows that are given as numbers."""
    dimensions = dimensions_of(FACTORS)
    every = np.fromiter(numbers, np.int64)
    found = met(np.zeros((0, sum(len(values) for _, values in dimensions)), bool), dimensions)
    for start in range(0, len(every), ROWS):
        part = every[start : start + ROWS]
        has = [_places(part, name)[:, None] == np.arange(1, len(values) + 1) for name, values in FACTORS.items()]
        for name, bits in met(np.concatenate(has, axis=1), dimensions).items():
            found[name] |= bits
    return found


# what is possible


def dimensions_of(factors: Factors) -> Dimensions:
    """The factors as a run file names them."""
    return tuple((name, tuple(str(value) for value in values)) for name, values in factors.items())


@lru_cache(maxsize=1)
def possible() -> Mapping[str, np.ndarray]:
    """The pairs and triples that some row has."""
    return possible_of(FACTORS, excluded)


def possible_of(factors: Factors, excludes: Callable[[Row], bool | None]) -> dict[str, np.ndarray]:
    """The pairs and triples of values that some whole row has that is not excluded.

    Exact where each reason to exclude a row is about three factors at most. Some factors, the hubs, are chosen such
    that each reason is about one other factor at most: with the hubs' values given, the others are free of each other.
    So for each choice of the hubs' values, all combinations of the values that go with it are possible.
    """
    dimensions = dimensions_of(factors)
    never = _never(factors, excludes)
    of = np.repeat(np.arange(len(dimensions)), [len(values) for _, values in dimensions])
    spans = [np.flatnonzero(of == factor) for factor in range(len(dimensions))]
    reasons = {frozenset(of[list(places)].tolist()) for places in zip(*np.nonzero(never), strict=True)}
    rows = []
    for hub in product(*(spans[factor].tolist() for factor in _hubs(reasons))):
        free = ~np.any(never[np.ix_(hub, hub)], axis=(0, 1)) if hub else np.ones(len(of), bool)
        for place in hub:
            free &= (of != of[place]) | (np.arange(len(of)) == place)
        if all(free[span].any() for span in spans):
            rows.append(free)
    return met(np.array(rows, bool).reshape(-1, len(of)), dimensions)


class _Watched(Mapping[str, Any]):
    """A row that notes which factors it was asked for."""

    def __init__(self, row: Row, factors: Factors) -> None:
        self._row, self._factors = row, factors
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return self._row[name]

    def __iter__(self) -> Iterator[str]:
        self.asked.update(self._factors)
        return iter(self._row)

    def __len__(self) -> int:
        self.asked.update(self._factors)
        return len(self._row)


def _never(factors: Factors, excludes: Callable[[Row], bool | None]) -> np.ndarray:
    """Which three values exclude a row, in any order; of a pair the one of them stands twice.

    A third value changes nothing where nobody asks two for its factor, so few triples have to be asked.
    """
    dimensions = dimensions_of(factors)
    values = [(name, value) for name, those in factors.items() for value in those]
    place = {name: at for at, name in enumerate(factors)}
    of = np.array([place[name] for name, _ in values], np.int64)
    never = np.zeros((len(values),) * 3, bool)
    asks = np.zeros((len(values), len(values), len(factors)), bool)
    for a, b in zip(*(each.tolist() for each in combinations(dimensions, 2)), strict=True):
        row = _Watched(dict((values[a], values[b])), factors)
        if excludes(row):
            for it in ((a, a, b), (a, b, b)):
                _forbid(never, it)
        asks[a, b, [place[name] for name in row.asked]] = True
    # no triple with such a pair, and none of which a value goes unasked for
    asks &= ~never[:, np.arange(len(values)), np.arange(len(values)), None]
    first, second, third = combinations(dimensions, 3)
    told = asks[first, second, of[third]] & asks[first, third, of[second]] & asks[second, third, of[first]]
    for a, b, c in zip(*(each[told].tolist() for each in (first, second, third)), strict=True):
        if excludes(dict((values[a], values[b], values[c]))):
            _forbid(never, (a, b, c))
    return never


def _forbid(never: np.ndarray, places: tuple[int, int, int]) -> None:
    for order in permutations(places):
        never[order] = True


def _hubs(reasons: Iterable[frozenset[int]]) -> list[int]:
    """Factors without which each reason is about one factor at most: greedily, those of the most reasons first."""
    hubs: list[int] = []
    left = {reason for reason in reasons if len(reason) > 1}
    while left:
        hubs.append(max({factor for reason in left for factor in reason}, key=lambda it: sum(it in r for r in left)))
        left = {reason for reason in (reason - {hubs[-1]} for reason in left) if len(reason) > 1}
    return sorted(hubs)
