"""What an upgrade asks: the packages of each side, the targets that they concern, and what is installed beside them."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from convt.host.registry import Entry, parse_target
from convt.results.targets import Target, TargetError
from convt.upgrade.environments import CONSTRAINTS
from convt.upgrade.requirements import Asked, NoRequirement, all_asked, asked, pins

SIDES = ("before", "after")
"""The names of the two environments."""
BRINGS = {
    "torch": ("torch",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu"),
    "keras": ("keras", "keras-nightly"),
    "jax": ("jax",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "ort-nightly", "ort-nightly-gpu"),
}
"""The packages that bring a module, the usual one first. A module that is not here is brought by one of its name."""
PARTS = {"jaxlib": "jax"}
"""Packages that are a part of a framework: they change with it, and its targets are concerned by them."""


@dataclass(frozen=True)
class Locked:
    """What the lock file of one side says, where the sides are two lock files."""

    path: str
    kind: str
    python: str
    """The Pythons that it is for, as a version specifier; empty where it says none."""
    exact_python: str
    """`3.12` or `3.12.4` where it is for one Python alone, else empty."""
    pins: Mapping[str, str]
    """By canonical name what stands in the constraints of its side."""
    options: tuple[str, ...] = ()
    """Options of pip: the indexes that it names."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a pin stands: a file, as its repository's root knows it, and a line from 1, or 0 for an unknown one."""

    file: str
    line: int


@dataclass(frozen=True)
class Moved:
    """A package of which two lock files say two versions; None on a side that has it not."""

    package: str
    before: str | None
    after: str | None
    place: Place
    """Where the lock file after pins it; the one before, where that alone has it."""

    @property
    def told(self) -> str:
        where = f" ({self.place.file}:{self.place.line})" if self.place.line else ""
        return f"{self.package} {self.before or 'none'} -> {self.after or 'none'}{where}"


@dataclass(frozen=True)
class Upgrade:
    """Two sides of requirements, the targets that are asked on both, and the pins of what stands beside them."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    packages: tuple[str, ...]
    """What may differ: the packages that either side asks for, and their parts, by canonical names."""
    targets: tuple[Target, ...]
    pins: Mapping[str, str]
    """What stands beside them on both sides, as lines of constraints."""
    locked: Mapping[str, Locked] = field(default_factory=dict)
    """By side, `before` and `after`, what its lock file says; empty where the sides are requirements."""
    moved: tuple[Moved, ...] = ()
    """What moved between two lock files; those of frameworks first."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """By target where the pin stands that moved for it."""
    notes: tuple[str, ...] = ()
    """What a header says beside: what only one lock file has, and which files were not taken."""
    pythons: Mapping[str, str] = field(default_factory=dict)
    """By side the program of the Python that its lock file is for, where that is another one than is running."""

    def constraints(self, side: str) -> dict[str, str]:
        """The lines of constraints of one side, by canonical name: what its lock file says goes before."""
        return dict(self.pins) | (dict(self.locked[side].pins) if side in self.locked else {})

    def pointed(self) -> dict[str, tuple[str, int]]:
        """By target the file and the line to which an annotation points."""
        return {target: (place.file, place.line) for target, place in self.places.items() if place.line}

    @property
    def beside(self) -> set[str]:
        """The companions that ought to be equal on both sides, by canonical names."""
        named = {asked(text).name for text in self.before + self.after}
        return (named | set(self.pins)) - set(self.packages)


def upgrade(before: str, after: str, beside: str, targets: Sequence[str], backends: Mapping[str, Entry]) -> Upgrade:
    """What is meant by BEFORE, AFTER, WITH (requirements with spaces between them) and the names of targets.

    NoRequirement or TargetError where they mean nothing; the message says what was found and what is accepted.
    """
    sides = [all_asked(_words(name, text)) for name, text in (("--before", before), ("--after", after))]
    companions = all_asked(_words("--with", beside)) if beside.strip() else []
    packages = dict.fromkeys(it.name for side in sides for it in side)
    chosen = [target_named(name, backends) for name in targets] or _concerned(list(packages), backends)
    parts = [part for part, whole in PARTS.items() if whole in packages]
    packages |= dict.fromkeys(parts)
    modules = dict.fromkeys([*(package for target in chosen for package in backends[target.backend].packages), "numpy"])
    first, second = (_whole(side, companions, list(modules)) for side in sides)
    newest = {it.name for side in sides for it in side if it.bare}  # a bare name asks for the newest, not for its pin
    held = pins(CONSTRAINTS, without={*newest, *parts})
    return Upgrade(first, second, tuple(packages), tuple(chosen), held)


def _words(option: str, text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise NoRequirement(f"{option}: found {text!r} ({error}), accepted requirements with spaces between") from None
    if not words:
        raise NoRequirement(f"{option}: found nothing, accepted requirements such as keras==3.15.1, or paths of wheels")
    return words


def target_named(name: str, backends: Mapping[str, Entry]) -> Target:
    """The target that a user names for both sides; TargetError where it says a side itself."""
    target = parse_target(name, backends)
    if target.environment:
        raise TargetError("target", name, [target.plain.name])
    return target


def _concerned(packages: Sequence[str], backends: Mapping[str, Entry]) -> list[Target]:
    """Every target that is made of one of the packages, in its default mode; those from outside always are."""
    modules = {module for module, names in BRINGS.items() if set(names) & set(packages)}
    modules |= {PARTS[name] for name in packages if name in PARTS} | {name.replace("-", "_") for name in packages}
    found = [name for name, entry in backends.items() if not entry.built_in or modules & set(entry.packages)]
    if not found:
        frameworks = [*(name for names in BRINGS.values() for name in names), *PARTS]
        near = difflib.get_close_matches(packages[0], frameworks, n=1, cutoff=0.5)
        hint = f" (near: {near[0]})" if near else ""
        raise NoRequirement(
            f"found {', '.join(packages)}{hint}, of which no target is made; accepted {', '.join(frameworks)}; for any"
            " other package, name the targets that it concerns with --target"
        )
    return [parse_target(name, backends) for name in found]


def _whole(side: Sequence[Asked], companions: Sequence[Asked], modules: Sequence[str]) -> tuple[str, ...]:
    """A side's requirements with those beside it: what `--with` names, and a package for each module without one."""
    own = {it.name for it in side}
    texts = [it.text for it in side] + [it.text for it in companions if it.name not in own]
    there = own | {it.name for it in companions}
    lacking = [names[0] for module in modules if not there & set(names := BRINGS.get(module, (module,)))]
    return (*texts, *lacking)
