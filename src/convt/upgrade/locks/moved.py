"""What moved between two lock files that a target computes with, and the upgrade that this is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from convt.host.registry import Entry
from convt.results.targets import Target
from convt.upgrade.environments import CONSTRAINTS
from convt.upgrade.locks.lock import Lock, LockError, Pin
from convt.upgrade.pythons import Python
from convt.upgrade.request import BRINGS, PARTS, Locked, Moved, Place, Upgrade, target_named
from convt.upgrade.requirements import pins

COMPANIONS = {
    "numpy": (),
    "ml-dtypes": ("keras", "jax", "tensorflow"),
    "scipy": ("jax",),
    "opt-einsum": ("jax",),
}
"""Packages that frameworks compute with, and the modules of those that do; empty for every target, whose process needs
it."""
HOST = {"onnx": "convt writes the models of both sides with its own"}
"""Packages that stand in lock files beside frameworks, and that no target's process needs."""


@dataclass(frozen=True)
class Locks:
    """Two lock files, and what they say of the packages that matter."""

    before: Lock
    after: Lock
    backends: Mapping[str, Entry]
    own: tuple[str, ...] = ()
    """Further packages that matter, by canonical name: those of targets from outside."""
    notes: tuple[str, ...] = ()
    relative: Callable[[str], str] = field(default=str)
    """A path of a lock file as the root of its repository knows it."""

    def frameworks(self) -> dict[str, tuple[str, ...]]:
        """Each module of a framework to the packages that bring it or are a part of it."""
        parts = {whole: [part for part, of in PARTS.items() if of == whole] for whole in BRINGS}
        return {module: (*names, *parts[module]) for module, names in BRINGS.items()}

    def has(self, lock: Lock, module: str) -> bool:
        return any(name in lock.pins for name in BRINGS.get(module, (module,)))

    def both(self, module: str) -> bool:
        return self.has(self.before, module) and self.has(self.after, module)

    def alone(self) -> list[str]:
        """What a header says of frameworks that one file alone has."""
        told = []
        for module in BRINGS:
            for lock, other in ((self.before, self.after), (self.after, self.before)):
                if self.has(lock, module) and not self.has(other, module):
                    names = [f"{name} {lock.pins[name].told}" for name in BRINGS[module] if name in lock.pins]
                    told.append(f"{', '.join(names)}: in {lock.path} alone, nothing to compare it with")
        return told

    def differs(self, name: str) -> bool:
        """Whether both files name a package otherwise, or one of them alone does."""
        was, is_ = self.before.pins.get(name), self.after.pins.get(name)
        return not was.same(is_) if was and is_ else was is not is_

    def modules(self) -> dict[str, list[str]]:
        """Each framework that both files have, and its packages that moved."""
        return {
            module: [name for name in names if self.differs(name)]
            for module, names in self.frameworks().items()
            if self.both(module)
        }

    def beside(self, names: Iterable[str]) -> list[str]:
        """Those that moved of some packages beside frameworks; both files have to name them."""
        both = self.before.pins.keys() & self.after.pins.keys()
        return [name for name in names if name in both and self.differs(name)]

    def moves_of(self, target: Target) -> list[str]:
        """The packages that moved and that a target computes with, those of its frameworks first."""
        modules = self.backends[target.backend].packages
        frameworks = [name for module in modules for name in self.modules().get(module, [])]
        own, beside = self.beside(self._own([target])), self.beside(_companions(modules))
        return list(dict.fromkeys([*own, *frameworks, *beside]))

    def concerned(self) -> list[Target]:
        """Every target whose frameworks both files have, and of which something moved; one from outside where packages
        were named for it."""
        found = [target_named(name, self.backends) for name, it in self.backends.items() if self._made(it)]
        return [target for target in found if self.moves_of(target)]

    def _own(self, targets: Sequence[Target]) -> tuple[str, ...]:
        """The packages that were named, where one of the targets comes from outside."""
        return self.own if any(not self.backends[target.backend].built_in for target in targets) else ()

    def _made(self, entry: Entry) -> bool:
        return all(map(self.both, entry.packages)) if entry.built_in else bool(self.own)

    def nothing(self, targets: Sequence[Target]) -> str:
        """The sentence where nothing moved that a target computes with: what was looked at."""
        names = [name for module in self.modules() for name in self.frameworks()[module] if name in self.after.pins]
        names += [name for name in (*COMPANIONS, *self.own) if name in self.after.pins and not self.differs(name)]
        looked = [f"{name} {self.after.pins[name].told}" for name in dict.fromkeys(names)]
        every = self.before.pins.keys() | self.after.pins.keys()
        known = {*HOST, *COMPANIONS, *self.own, *(name for names in self.frameworks().values() for name in names)}
        others = sum(map(self.differs, every - known))
        more = f"{others or 'no'} other package{'s' if others != 1 else ''} moved"
        on = f" on {', '.join(target.name for target in targets)}" if targets else ""
        further = [f"{name}: {why}" for name, why in HOST.items() if self.differs(name)]
        further += [
            f"{name} {self.before.pins[name].told} -> {self.after.pins[name].told}: nothing compared computes with it"
            for name in self.beside(COMPANIONS)
        ]
        told = "; ".join([", ".join(looked) or "found no framework that both have", more, *further, *self.asides()])
        return f"Nothing to compare from {self.before.path} to {self.after.path}{on}: {told}."

    def asides(self) -> list[str]:
        """What a reader has to know beside what moved."""
        return [*self.alone(), *self.notes]

    def upgrade(self, names: Sequence[str]) -> Upgrade | str:
        """The upgrade on the targets of these names, or on all that are concerned; the sentence where nothing moved.

        LockError where what moved is not one exact version on each side.
        """
        targets = [target_named(name, self.backends) for name in names]
        asked = [target for target in targets if self.moves_of(target)] if targets else self.concerned()
        if not asked:
            return self.nothing(targets)
        moved = list(dict.fromkeys(name for target in asked for name in self.moves_of(target)))
        first, second = (self._requirements(lock, asked) for lock in (self.before, self.after))
        locked = {"before": self._locked(self.before, self.after), "after": self._locked(self.after, self.before)}
        rows = tuple(self._moved(name) for name in moved)
        places = {target.name: self._moved(self.moves_of(target)[0]).place for target in asked}
        named = {it.name for lock in (self.before, self.after) for it in lock.pins.values() if it.text != it.name}
        return Upgrade(
            first, second, tuple(moved), tuple(asked), pins(CONSTRAINTS, without=named), locked, rows, places,
            tuple(self.asides()),
        )  # fmt: skip

    def _requirements(self, lock: Lock, targets: Sequence[Target]) -> tuple[str, ...]:
        """What a side installs: the packages of its targets' modules, their parts and companions, as its file pins
        them; a package of the usual name where it has none."""
        modules = dict.fromkeys(module for target in targets for module in self.backends[target.backend].packages)
        names: list[str] = []
        for module in modules:
            there = [name for name in self.frameworks().get(module, (module,)) if name in lock.pins]
            names += there or [BRINGS.get(module, (module,))[0]]
        names += [name for name in (*self._own(targets), *_companions(modules)) if name in lock.pins]
        return tuple(self._text(lock, name) for name in dict.fromkeys([*names, "numpy"]))

    def _text(self, lock: Lock, name: str) -> str:
        """What the installer is told of one package; LockError where that is not what the file says."""
        pin = lock.pins.get(name)
        if pin is None:
            return name
        if pin.problem:
            raise LockError(f"{pin.place}: {pin.problem}")
        if not pin.version and "@" not in pin.text and not pin.text.endswith(".whl") and self.differs(name):
            sides = [it.pins[name].text if name in it.pins else name for it in (self.before, self.after)]
            raise LockError(
                f"{pin.place}: found {pin.text}, accepted one exact version: {name}==VERSION, as a lock file has it; "
                f'ranges are compared by --before "{sides[0]}" --after "{sides[1]}"'
            )
        return pin.text

    def _locked(self, lock: Lock, other: Lock) -> Locked:
        """A side's lock file; a package that it does not name follows the other side's."""
        alone = [pin for name, pin in other.pins.items() if name not in lock.pins]
        held = {pin.name: pin.constraint for pin in (*alone, *lock.pins.values()) if pin.constraint}
        wanted = {"numpy", *COMPANIONS, *self.own, *PARTS, *(name for names in BRINGS.values() for name in names)}
        named = dict.fromkeys(pin.index for name, pin in lock.pins.items() if name in wanted and pin.index)
        plain = [url for url in named if re.match(r"\w+://[^@/]+(?:/|$)", url)]
        options = tuple(dict.fromkeys([*lock.indexes, *(f"--extra-index-url={url}" for url in plain)]))
        left = "an index with a secret, or a folder, is left to you: --installer=--extra-index-url=URL"
        notes = (*lock.notes, *([left] if len(plain) < len(named) else []))
        return Locked(lock.path, lock.kind, lock.python, lock.exact_python, held, options, notes)

    def _moved(self, name: str) -> Moved:
        was, is_ = self.before.pins.get(name), self.after.pins.get(name)
        pin: Pin | None = is_ or was
        place = Place(self.relative(pin.where), pin.line) if pin else Place("", 0)
        return Moved(name, was.told if was else None, is_.told if is_ else None, place)


def _companions(modules: Iterable[str]) -> list[str]:
    """The packages that some modules of frameworks compute with."""
    there = set(modules)
    return [name for name, of in COMPANIONS.items() if not of or there.intersection(of)]


def python_taken(asked: Upgrade, pythons: Mapping[str, Python]) -> Upgrade:
    """The upgrade with the Pythons that were found for its lock files, by side, and a note for each."""
    told = [f"{it.path} is for Python {it.exact_python or it.python}: {side} is made of {pythons[side]}"
            for side, it in asked.locked.items() if side in pythons]  # fmt: skip
    programs = {side: it.program for side, it in pythons.items()}
    return replace(asked, notes=(*told, *asked.notes), pythons=programs)


def python_notes(asked: Upgrade, versions: Mapping[str, str]) -> Upgrade:
    """The upgrade with a note for each lock file that is for another Python than its side has, by `versions`."""
    told = [
        f"{note}: --{side}-python names another"
        for side, locked in asked.locked.items()
        if (note := python_note(locked, versions[side]))
    ]
    return replace(asked, notes=(*dict.fromkeys(told), *asked.notes))


def python_note(locked: Locked, version: str) -> str:
    """That a lock file is for another Python than this version; empty where it is for this one, or says none."""
    exact = locked.exact_python
    if exact:
        other = exact.split(".")[:2] != version.split(".")[:2]
    else:
        other = not Lock("", "", {}, locked.python).admits(version)
    if not other:
        return ""
    wanted = exact or locked.python
    return f"{locked.path} is for Python {wanted}, and this is {version}"
