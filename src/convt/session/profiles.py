"""How much is looked at, and of which targets where none is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from convt.adapter.stress import STRESS
from convt.host.registry import Entry

AHEAD = 2400
"""How many cases are asked before their turn, so that no target waits for another: more than a default run has."""


@dataclass(frozen=True)
class Profile:
    """A law on a target sees `cases` draws, of which few are equal; `derandomized` repeats the same draws. A law
    that covers sees a covering array of `strength` instead: each pair (2) or triple (3) of values is in a case.

    Hypothesis's first draw is the plainest case. With `covered`, of the YAML files' cases only so many are asked
    that every pair of their properties occurs. A law for which a cover is enough (`Law.over_cover`) is asked of so many
    that each `cover_of_laws` properties that occur together among its cases do so among these, one property fewer on a
    target whose engine is a target too; 0: of all. With `sparing`, calls that end a framework's process are asked once
    an operation. `targets` says which modes of each backend run where none is named.
    `folder` of `specs` holds the cases, where they are others than those of every day; a file of its name beside it
    holds the slice of them that every day asks too. `ahead` cases are asked before their turn.
    """

    name: str
    cases: int
    strength: int = 0
    derandomized: bool = False
    covered: bool = False
    cover_of_laws: int = 0
    sparing: bool = False
    targets: Literal["default", "modes", "stress"] = "default"
    folder: str = ""
    ahead: int = AHEAD

    def names(self, backends: Mapping[str, Entry]) -> tuple[str, ...]:
        """The targets of these backends that run where none is named."""
        if self.targets == "modes":
            every = {name: [mode for mode in entry.modes() if mode not in STRESS] for name, entry in backends.items()}
            return tuple(f"{name}/{mode}" if mode else name for name, modes in every.items() for mode in modes or [""])
        if self.targets == "stress":
            return tuple(
                f"{name}/{mode}" if mode else name
                for name, entry in backends.items()
                for mode in ["", *(entry.stress if entry.built_in else ())]
            )
        return tuple(backends)


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("default", cases=6, strength=2, cover_of_laws=3, sparing=True),
        Profile("ci", cases=6, strength=2, derandomized=True, cover_of_laws=3, sparing=True),
        Profile("quick", cases=6, strength=2, derandomized=True, covered=True, sparing=True),
        Profile("nightly", cases=1000, strength=3),
        Profile("modes", cases=0, strength=2, covered=True, targets="modes"),
        Profile("hostile", cases=0, strength=2, covered=True, targets="stress"),
        Profile("large", cases=0, folder="large"),
        Profile("realistic", cases=0, folder="realistic", ahead=0),  # its answers take megabytes each
        Profile("cost", cases=0, folder="cost"),
    )
}
