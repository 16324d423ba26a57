"""What a run visited: the pairs and triples of values of different dimensions that a target was asked and answered.

A record tells what is missing, as bits over all combinations, so that runs are merged by `and`: a triple that none of
them visits is missing in each. Combinations stand in the order of the dimensions and of their values.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

Dimensions = tuple[tuple[str, tuple[str, ...]], ...]
"""Each dimension's name and values."""
Bits = np.ndarray
"""One bool for each combination, in the order of `combinations`."""
ORDERS = {"pairs": 2, "triples": 3}


@dataclass(frozen=True, slots=True)
class CoverageRecord:
    """What a target visited in a run."""

    kind: ClassVar[str] = "coverage"
    target: str
    dimensions: Dimensions
    counts: dict[str, dict[str, int]]
    """`pairs` and `triples` to `possible`, `visited`, and `refused`: met only in calls that the adapter says the
    framework cannot express. With other values each of these may be expressible."""
    missing: dict[str, list[str]]
    """The possible pairs that were neither visited nor refused: one value, as `want value`, to the others."""
    refused: dict[str, list[str]]
    """The possible pairs that were not visited, and refused."""
    bits: dict[str, str]
    """`pairs missing` (whether refused or not), `pairs refused`, and the same of triples, as `pack` gives them."""


class CoverageError(ValueError):
    """Bits that are none, or runs that count other dimensions."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """The same as arrays: of pairs and triples what is possible, how much of it is missing, and why."""

    dimensions: Dimensions
    possible: Mapping[str, int]
    missing: Mapping[str, Bits]
    """What was not visited, whether refused or not."""
    refused: Mapping[str, Bits]
    """Of the missing, what was met only in calls that the adapter says the framework cannot express."""

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """As `CoverageRecord.counts`."""
        return {
            name: {
                "possible": self.possible[name],
                "visited": self.possible[name] - int(self.missing[name].sum()),
                "refused": int(self.refused[name].sum()),
            }
            for name in ORDERS
        }

    def never(self, name: str) -> dict[str, Any]:
        """The `pairs` or `triples` that nobody asked, by their first value, of triples then by the second."""
        return named(self.dimensions, ORDERS[name], self.missing[name] & ~self.refused[name])

    def only_refused(self, name: str) -> dict[str, Any]:
        """The same of those that were refused and not visited."""
        return named(self.dimensions, ORDERS[name], self.refused[name])

    def record(self, target: str) -> CoverageRecord:
        """As the run file has it."""
        bits = {
            f"{name} {what}": pack(value)
            for name in ORDERS
            for what, value in (("missing", self.missing[name]), ("refused", self.refused[name]))
        }
        pairs = self.never("pairs"), self.only_refused("pairs")
        return CoverageRecord(target, self.dimensions, self.counts, *pairs, bits)


def coverage_of(record: CoverageRecord) -> Coverage:
    """A record's arrays; CoverageError where its bits or counts are none."""
    found: dict[str, dict[str, Bits]] = {"missing": {}, "refused": {}}
    for name, order in ORDERS.items():
        size = len(combinations(record.dimensions, order)[0])
        for what, bits in found.items():
            bits[name] = unpack(record.bits[f"{name} {what}"], size)
    possible = {name: record.counts[name]["possible"] for name in ORDERS}
    return Coverage(record.dimensions, possible, found["missing"], found["refused"])


def merged(parts: Sequence[Coverage]) -> Coverage:
    """What these visit together; CoverageError where they count other dimensions."""
    first, *others = parts
    for other in others:
        if (other.dimensions, other.possible) != (first.dimensions, first.possible):
            raise CoverageError(f"the runs count other dimensions, or other possible values: {_apart(first, other)}")
    missing = {name: np.logical_and.reduce([it.missing[name] for it in parts]) for name in ORDERS}
    refused = {name: missing[name] & np.logical_or.reduce([it.refused[name] for it in parts]) for name in ORDERS}
    return Coverage(first.dimensions, first.possible, missing, refused)


def _apart(one: Coverage, other: Coverage) -> str:
    mine, theirs = dict(one.dimensions), dict(other.dimensions)
    names = [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]
    return ", ".join(names) or "what is possible"


def by_target(runs: Iterable[Mapping[str, CoverageRecord]]) -> dict[str, Coverage]:
    """Each target's coverage over all runs that have it."""
    found: dict[str, list[Coverage]] = {}
    for records in runs:
        for name, record in records.items():
            found.setdefault(name, []).append(coverage_of(record))
    return {name: merged(parts) for name, parts in found.items()}


@lru_cache(maxsize=16)
def combinations(dimensions: Dimensions, order: int) -> tuple[np.ndarray, ...]:
    """The places of the values, counted over all dimensions, of every combination: `order` arrays of one length."""
    of = np.repeat(np.arange(len(dimensions)), [len(values) for _, values in dimensions])
    later = of[:, None] < of[None, :]
    if order == 2:
        return tuple(np.nonzero(later))
    return tuple(np.nonzero(later[:, :, None] & later[None, :, :]))


def met(rows: np.ndarray, dimensions: Dimensions) -> dict[str, Bits]:
    """The pairs and triples that occur in rows: (rows, values) bools, whether a row has the value."""
    # 64 rows to a word, so that three values meet in some row where the three columns have a bit in common
    padded = np.zeros((rows.shape[1], -(-len(rows) // 64) * 64), bool)
    padded[:, : len(rows)] = rows.T
    columns = np.packbits(padded, axis=1).view(np.uint64)
    first, second = combinations(dimensions, 2)
    pairs = (columns[first] & columns[second]).any(axis=1)
    start, after, last = combinations(dimensions, 3)
    ends = np.searchsorted(start, np.arange(len(columns) + 1))
    triples = np.zeros(len(start), bool)
    for value, (begin, end) in enumerate(pairwise(ends)):
        mine = columns & columns[value]
        triples[begin:end] = (mine[after[begin:end]] & columns[last[begin:end]]).any(axis=1)
    return {"pairs": pairs, "triples": triples}


def named(dimensions: Dimensions, order: int, bits: Bits) -> dict[str, Any]:
    """Combinations by name: the first value to the second ones, of triples each to the third ones."""
    names = [f"{name} {value}" for name, values in dimensions for value in values]
    found: dict[str, Any] = {}
    for places in zip(*(each[bits].tolist() for each in combinations(dimensions, order)), strict=True):
        *outer, last = (names[place] for place in places)
        level = found
        for name in outer[:-1]:
            level = level.setdefault(name, {})
        level.setdefault(outer[-1], []).append(last)
    return found


def listed(dimensions: Dimensions, bits: Bits) -> list[tuple[str, str]]:
    """Pairs for people: a value, and in words those that it was not met with, by dimension."""
    names = [(name, value) for name, values in dimensions for value in values]
    every = {name: len(values) for name, values in dimensions}
    found: dict[int, dict[str, list[str]]] = {}
    for first, second in zip(*(each[bits].tolist() for each in combinations(dimensions, 2)), strict=True):
        name, value = names[second]
        found.setdefault(first, {}).setdefault(name, []).append(value)
    return [
        (" ".join(names[first]), "; ".join(_of(name, values, every[name]) for name, values in others.items()))
        for first, others in found.items()
    ]


def _of(name: str, values: Sequence[str], every: int) -> str:
    return f"any {name}" if len(values) == every else f"{name} {', '.join(values)}"


def pack(bits: Bits) -> str:
    """Bits as text: packed eight to a byte, compressed, in base 64."""
    return base64.b64encode(zlib.compress(np.packbits(bits).tobytes(), 9)).decode()


def unpack(text: str, size: int) -> Bits:
    """The inverse of `pack`; CoverageError where the text is no such many bits."""
    try:
        data = zlib.decompress(base64.b64decode(text, validate=True))
    except (binascii.Error, zlib.error, ValueError) as error:
        raise CoverageError(f"bits that cannot be read ({error})") from None
    if len(data) != -(-size // 8):
        raise CoverageError(f"{8 * len(data)} bits for {size} combinations")
    return np.unpackbits(np.frombuffer(data, np.uint8), count=size).astype(bool)
