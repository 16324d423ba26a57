"""The walk over released versions: which of them to judge next, and which is the first that changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from convt.results.vocabulary import FAILING


class NothingToFind(RuntimeError):
    """There is no first version to find between these ends; the message says why and what to do."""


@dataclass(frozen=True)
class Seen:
    """What a version did with the case: `state` is its worst verdict, None where it could not be judged."""

    version: str
    state: str | None
    says: str = ""
    """The law and what it says; where there is no state, why not."""
    seconds: float = 0.0

    @property
    def word(self) -> str:
        """`good`, `bad`, the verdict where it is neither, or `not judged`."""
        if self.state is None:
            return "not judged"
        return "bad" if self.state in FAILING else "good" if self.state == "pass" else self.state


@dataclass(frozen=True)
class Change:
    """One change of state: `first` holds the versions of which one is the first that has the new state."""

    before: Seen
    """The last version that still has the old state."""
    after: Seen
    """The first version that was seen with the new state."""
    first: tuple[str, ...]
    """`after` alone, or with the versions before it that could not be judged."""

    @property
    def what(self) -> str:
        """`first bad`, `first good`, or the two verdicts where both or neither of them are wrong."""
        wrong = [tested.state in FAILING for tested in (self.before, self.after)]
        if wrong[0] == wrong[1]:
            return f"first {self.after.state} after {self.before.state}"
        return "first bad" if wrong[1] else "first good"


@dataclass
class Walk:
    """Versions in order, judged one at a time; `test` is asked once a version, `hear` is told of each."""

    versions: Sequence[str]
    test: Callable[[str], Seen]
    hear: Callable[[Seen], None] = lambda tested: None
    tested: dict[str, Seen] = field(default_factory=dict)

    def bisect(self) -> Change:
        """The first version whose state is not that of the old end, by halving.

        NothingToFind where no two versions can be judged, or both ends have the same state.
        """
        low = self._end(range(len(self.versions)))
        high = self._end(range(len(self.versions) - 1, low, -1), low)
        old = self._at(low).state
        if self._at(high).state == old:
            raise NothingToFind(self._same(low, high))
        while (middle := self._middle(low, high)) is not None:
            state = self._at(middle).state
            if state == old:
                low = middle
            elif state is not None:
                high = middle
        return self._change(low, high)

    def everything(self) -> list[Change]:
        """Every change of state, each version judged. NothingToFind where no two versions can be judged."""
        for place in range(len(self.versions)):
            self._at(place)
        judged = [place for place in range(len(self.versions)) if self._at(place).state is not None]
        if len(judged) < 2:
            raise NothingToFind(self._too_few())
        pairs = itertools.pairwise(judged)
        return [self._change(low, high) for low, high in pairs if self._at(low).state != self._at(high).state]

    def others(self, change: Change) -> list[Seen]:
        """The tested versions that have neither the old state nor the new one: this change was not the only one."""
        known = (None, change.before.state, change.after.state)
        return [
            self.tested[name] for name in self.versions if name in self.tested and self.tested[name].state not in known
        ]

    def _at(self, place: int) -> Seen:
        name = self.versions[place]
        if name not in self.tested:
            self.tested[name] = self.test(name)
            self.hear(self.tested[name])
        return self.tested[name]

    def _end(self, places: range, other: int | None = None) -> int:
        """The first of these places that can be judged; `other` is the opposite end, where that is known."""
        for place in places:
            if self._at(place).state is not None:
                return place
        raise NothingToFind(self._too_few() if other is None else self._too_few(self.versions[other]))

    def _middle(self, low: int, high: int) -> int | None:
        """The place nearest to the middle that may still be judged; None where there is none between the two."""
        holes = {name for name, tested in self.tested.items() if tested.state is None}
        open_places = [place for place in range(low + 1, high) if self.versions[place] not in holes]
        return min(open_places, key=lambda place: (abs(2 * place - low - high), place), default=None)

    def _change(self, low: int, high: int) -> Change:
        return Change(self._at(low), self._at(high), tuple(self.versions[low + 1 : high + 1]))

    def _same(self, low: int, high: int) -> str:
        ends = f"{self.versions[low]} and {self.versions[high]}"
        word = self._at(low).word
        return (
            f"{ends} are both {word}{_colon(self._at(high).says)}\n"
            "  name ends that differ, a --law that tells them apart, or another --case; "
            "--all tests every version between them"
        )

    def _too_few(self, only: str = "") -> str:
        holes = [name for name, tested in self.tested.items() if tested.state is None]
        left = f"only {only} can be judged" if only else "no version can be judged"
        return (
            f"{left}; {len(holes)} could not: {', '.join(holes)}\n"
            "  read why above; --with 'numpy<2' and the like gives old releases the companions that they need"
        )


def _colon(text: str) -> str:
    return f": {text}" if text else ""
