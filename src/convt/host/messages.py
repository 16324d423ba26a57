"""The bookkeeping of a batch: messages of bounded size, groups tried together, and who is to blame for an end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from convt.adapter.backend import Outcome, Probe, describe
from convt.host.memory import weight
from convt.host.worker import LARGEST

MESSAGE_PROBES = 512
MESSAGE_BYTES = 64 << 20
SMALL = 32
"""Probes of a fused program up to which it is asked again one by one at once."""

Answer = Callable[[int, Outcome], None]
Pack = Callable[[Probe], bytes]


@dataclass(frozen=True)
class End:
    """How a process ended in the midst of a message, and what it was at: one probe, a fused program's, or none."""

    outcome: Outcome
    suspects: tuple[int, ...]


class Chunk:
    """The probes of one message, by their place in it: which are open, and in which groups they are asked."""

    def __init__(
        self,
        positions: list[int],
        packed: list[bytes],
        answer: Answer,
        heavy: int = 0,
        seconds: Mapping[int, float] | None = None,
        *,
        unsafe: bool = False,
        timed: bool = False,
    ) -> None:
        """`positions` are the probes' places in the whole batch, which is what `answer` is told; `heavy` is the size of
        a result that takes much of the machine's memory; `seconds` are the deadlines of probes that have their own, by
        their places in the message; `unsafe`: the call is expected to harm its process; of what is `timed` one is asked
        at a time on a machine."""
        self.heavy, self.unsafe, self.timed = heavy, unsafe, timed
        self.seconds = seconds or {}
        self.again = False
        """Whether the worker asks for a process that has made no call yet."""
        self.harmless = False
        """Whether no call was made that may harm."""
        self.packed = packed
        self.open = set(range(len(packed)))
        self.groups = [list(range(len(packed)))]
        self.careful = False
        """Whether every outcome is sent at once, so that a further end loses none."""
        self.fused_end: Outcome | None = None
        """The end of a fused program that no single probe has explained yet."""
        self._positions = positions
        self._answer = answer

    def answer(self, place: int, outcome: Outcome) -> None:
        if place in self.open:
            self.open.remove(place)
            self._answer(self._positions[place], outcome)

    def after(self, end: End) -> None:
        """Blame the one probe that was at work, or break up the fused program that was; keep what is open."""
        self.careful = True
        groups = self.groups
        if len(end.suspects) == 1:
            self.fused_end = None
            self.answer(end.suspects[0], end.outcome)
        elif end.suspects:
            self.fused_end = end.outcome
            groups = [part for group in groups for part in (_split(group) if end.suspects[0] in group else [group])]
        self.groups = [kept for group in groups if (kept := [place for place in group if place in self.open])]


def _split(group: list[int]) -> list[list[int]]:
    """Parts of about the square root of its length, single ones of a small group: two more ends find the culprit."""
    size = math.isqrt(len(group)) if len(group) > SMALL else 1
    return [group[at : at + size] for at in range(0, len(group), size)]


def messages(probes: Sequence[Probe], pack: Pack, answer: Answer) -> Iterator[Chunk]:
    """The probes in messages of bounded size; one that cannot be packed, or carried, is answered `not-run`."""
    positions: list[int] = []
    packed: list[bytes] = []
    seconds: dict[int, float] = {}
    size = 0
    for at, probe in enumerate(probes):
        try:
            one = pack(probe)
        except Exception as error:
            answer(at, Outcome("not-run", reason=f"the host cannot prepare this probe: {describe(error)}"))
            continue
        if len(one) > LARGEST:
            reason = f"the arrays take {len(one):,} bytes; {LARGEST:,} fit into a message"
            answer(at, Outcome("not-run", reason=reason))
            continue
        if heavy := weight(probe):
            yield Chunk([at], [one], answer, heavy)
            continue
        if probe.force == "unsafe":
            yield Chunk([at], [one], answer, unsafe=True)
            continue
        if probe.timing is not None:
            yield Chunk([at], [one], answer, timed=True)
            continue
        if packed and (len(packed) >= MESSAGE_PROBES or size + len(one) > MESSAGE_BYTES):
            yield Chunk(positions, packed, answer, seconds=seconds)
            positions, packed, size, seconds = [], [], 0, {}
        if probe.seconds:
            seconds[len(packed)] = probe.seconds
        positions.append(at)
        packed.append(one)
        size += len(one)
    if packed:
        yield Chunk(positions, packed, answer, seconds=seconds)
