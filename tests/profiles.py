"""How much the generated tests look at: three profiles."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """A law on a target sees `batches` draws of `size` cases each; `derandomized` repeats the same draws.

    Hypothesis's first draw is the plainest case alone.
    """

    name: str
    batches: int
    size: int
    derandomized: bool = False


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("default", batches=2, size=12),
        Profile("ci", batches=2, size=12, derandomized=True),
        Profile("nightly", batches=40, size=25),
    )
}
