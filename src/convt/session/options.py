"""What a session is asked to do, as values; who declares options on a command line makes these of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from convt.content import PACKED, ROOT
from convt.session.profiles import PROFILES, Profile

DEADLINE = 60.0
"""Seconds for one evaluation, by default."""
LARGEST_SEED = 2**32 - 1
KNOWN = ROOT / "backends"
"""Where the known differences stand by default."""
OUT = Path("convt-out") if PACKED else Path("reports/out")
"""Where results go by default: in a checkout to a folder that git ignores."""


class BadOption(ValueError):
    """An option that names what there is not; the message says what was found and what is accepted."""


@dataclass(frozen=True)
class Options:
    """What is asked for; empty tuples mean everything there is."""

    targets: tuple[str, ...] = ()
    environments: Mapping[str, str] = field(default_factory=dict)
    """Name to Python, for targets such as `keras-torch#before`."""
    devices: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()
    specs: tuple[Path, ...] = ()
    """Files of cases; empty for those of the profile."""
    backends: tuple[str, ...] = ()
    """From outside, as `package.module:Class`."""
    profile: Profile = PROFILES["default"]
    seed: int = 0
    deadline: float = DEADLINE
    report: Path = OUT
    known: Path = KNOWN
    baseline: Path | None = None
    update_baseline: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of cases: of a profile with a folder those in it, and the file of its name beside it, which holds
        the slice of them that every run asks."""
        if self.specs:
            return self.specs
        folder = ROOT / "specs" / self.profile.folder
        slices = [folder.with_suffix(".yaml")] if self.profile.folder else []
        return tuple(path for path in (*slices, *sorted(folder.glob("*.yaml"))) if path.is_file())


def known(option: str, name: str, accepted: Iterable[str]) -> str:
    """The name; BadOption with the near names, and with all that are accepted where they are few."""
    names = list(accepted)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"; near: {', '.join(near)}" if near else ""
    raise BadOption(f"{option}: found {name!r}, accepted {', '.join(names)}{hint}")
