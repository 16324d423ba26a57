"""What a session is asked to do, as values; who declares options on a command line makes these of them."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from convt.content import PACKED, ROOT
from convt.session.profiles import PROFILES, Profile

DEADLINE = 60.0
"""Seconds for one evaluation, by default."""
LONGEST = 1_000_000.0
"""Seconds that a deadline may be at most, eleven days: the system's clocks take no more than some years."""
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
    """Files of cases that are asked in place of the suite's; empty for those of the profile."""
    mine: tuple[Path, ...] = ()
    """Files of a user's own layers, asked beside the suite's cases; `alone` leaves these out."""
    alone: bool = False
    draws: bool = True
    """Whether cases are generated beside those of the files."""
    backends: tuple[str, ...] = ()
    """From outside, as `package.module:Class`."""
    profile: Profile = PROFILES["default"]
    narrowed: bool = False
    """Whether cases or laws are chosen by name, so that a profile leaves out none of them."""
    seed: int = 0
    deadline: float = DEADLINE
    report: Path = OUT
    known: Path = KNOWN
    baseline: Path | None = None
    update_baseline: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of cases: of a profile with a folder those in it, and the file of its name beside it, which holds
        the slice of them that every run asks; and the user's own, but beside such a folder."""
        if self.specs or self.alone:
            return self.specs or self.mine
        mine = () if self.profile.folder else self.mine
        folder = ROOT / "specs" / self.profile.folder
        slices = [folder.with_suffix(".yaml")] if self.profile.folder else []
        return (*(path for path in (*slices, *sorted(folder.glob("*.yaml"))) if path.is_file()), *mine)


def known(option: str, name: str, accepted: Iterable[str]) -> str:
    """The name; BadOption with the near names, and with all that are accepted where they are few."""
    names = list(accepted)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"; near: {', '.join(near)}" if near else ""
    raise BadOption(f"{option}: found {name!r}, accepted {', '.join(names)}{hint}")


def deadline(text: str) -> float:
    """Seconds for one evaluation; BadOption where the text is no such number."""
    try:
        number = float(text)
    except ValueError:
        raise BadOption(f"--deadline: found {text!r}, accepted a number of seconds above 0") from None
    if not 0 < number <= LONGEST:
        raise BadOption(f"--deadline: found {text!r}, accepted a number of seconds above 0, {LONGEST:,.0f} at most")
    return number


def listed(option: str, values: Iterable[str]) -> tuple[str, ...]:
    """The names in values of an option that may be repeated, commas between them; BadOption where one is empty."""
    names = tuple(name.strip() for value in values for name in value.split(","))
    if "" in names:
        raise BadOption(f"{option}: found an empty name, accepted names with commas between them")
    return names


def spec_files(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Files of cases; of a folder those in it. BadOption where there is no such file."""
    from convt.cases.loader import case_files  # with pydantic, which a command that reads no case does not need

    paths = list(paths)
    for path in paths:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise BadOption(f"--spec: found {path}, which is no plain file; accepted a YAML file of cases, or a folder")
        if not path.exists() or not case_files([path]):
            what = "no YAML file in" if path.is_dir() else "no file"
            raise BadOption(f"--spec: found {what} {path}, accepted a YAML file of cases, or a folder with some")
    return tuple(case_files(paths))


def folder_of_known(path: Path) -> Path:
    """The folder of the known differences; BadOption where there is none."""
    if not path.is_dir():
        raise BadOption(f"--known: found no folder {path}, accepted one with YAML files")
    return path


def check_folder(option: str, folder: Path) -> None:
    """Make a folder for results; BadOption, before anything is computed, where nothing can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadOption(f"{folder}: cannot be written ({error.strerror}); give {option} another path") from None
