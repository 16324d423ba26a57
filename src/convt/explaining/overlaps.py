"""How many taps land on each position of a result (transposed), or how often each input is read (forward)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from convt.conv.settings import Settings, Sizes, effective_kernel
from convt.page.drawing import LONGEST, Axis, axis_of
from convt.results.features import recorded

MOST_TAPS = 2_000_000
"""Stamps times taps of one axis up to which they are counted: a second."""


@dataclass(frozen=True)
class Overlaps:
    """The counts of every axis; those of a position are the product of its axes'."""

    it: Settings
    axes: tuple[Axis, ...]
    cycles: tuple[tuple[int, ...], ...]
    """What repeats along each axis away from the borders, as long as its stride."""

    @cached_property
    def counts(self) -> tuple[list[int], ...]:
        """Along each axis, of the positions that are not cropped: of the output, or of a forward input."""
        return tuple(axis.counts()[axis.lo : axis.full - axis.hi] for axis in self.axes)

    @property
    def range(self) -> tuple[int, int]:
        """The fewest and the most of any position."""
        return prod(map(min, self.counts)), prod(map(max, self.counts))

    @property
    def cycle_range(self) -> tuple[int, int]:
        """The fewest and the most, away from the borders."""
        return prod(map(min, self.cycles)), prod(map(max, self.cycles))

    @property
    def even(self) -> bool:
        """Whether every position away from the borders gets as many."""
        return self.cycle_range[0] == self.cycle_range[1]

    @property
    def missed(self) -> int:
        """Positions on which nothing lands: there the bias stands alone. Forward: inputs that nothing reads."""
        return prod(map(len, self.counts)) - prod(sum(map(bool, counts)) for counts in self.counts)

    @property
    def missed_places(self) -> tuple[list[int], ...]:
        """Along each axis the places on which nothing lands, wherever the others are."""
        return tuple([place for place, count in enumerate(counts) if not count] for counts in self.counts)

    @property
    def kept_products(self) -> int:
        """Multiplications of one item whose results are part of the output, or that are of the input, not of zeros."""
        return self.it.channels_in * self.it.channels_out // self.it.groups * prod(map(sum, self.counts))

    def map(self) -> list[list[int]] | None:
        """The counts of a plane, row by row; None where there are not two axes."""
        if len(self.counts) != 2:
            return None
        down, across = self.counts
        return [[row * column for column in across] for row in down]


def overlaps(it: Settings) -> Overlaps | None:
    """The overlaps; None where there is nothing to count, or too much to count one by one."""
    axes = [axis_of(recorded(it), place) for place in range(it.rank)]
    found = tuple(axis for axis in axes if axis is not None and _countable(axis))
    repeated = pattern(it)
    return None if len(found) < it.rank or repeated is None else replace(repeated, axes=found)


def pattern(it: Settings) -> Overlaps | None:
    """What repeats away from the borders, without the counts of any axis; None where that is too much to count."""
    cycles = [cycle(*numbers) for numbers in zip(it.kernel, it.stride, it.dilation, strict=True)]
    known = tuple(counts for counts in cycles if counts is not None)
    return Overlaps(it, (), known) if len(known) == it.rank else None


def _countable(axis: Axis) -> bool:
    return axis.full <= LONGEST and axis.stamps * axis.taps <= MOST_TAPS


def cycle(k: int, s: int, d: int) -> tuple[int, ...] | None:
    """The counts that repeat away from the borders, `s` of them; None where they are too many to count."""
    reach = effective_kernel(k, d)
    stamps = 2 * (reach // s + 1) + 1  # so many that the middle one meets all its neighbours on both sides
    axis = Axis(True, stamps, k, s, d, 0, 0, (stamps - 1) * s + reach, 0)
    if not _countable(axis):
        return None
    middle = (stamps // 2) * s
    return tuple(axis.counts()[middle : middle + s])


def places(values: Sizes | list[int], most: int = 8) -> str:
    """Places as a short list: `7`, `0, 1, 2`, `0, 2, 4 and 12 more`."""
    shown = ", ".join(map(str, values[:most]))
    return shown + (f" and {len(values) - most:,} more" if len(values) > most else "")
