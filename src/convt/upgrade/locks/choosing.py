"""Which two lock files are compared: those that a user names, or what changed in a git repository."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from convt.host.registry import Entry
from convt.upgrade.locks.git import Repository, in_repository, named, none_found, repository
from convt.upgrade.locks.lock import Environment, Lock, LockError, Text, printable
from convt.upgrade.locks.moved import Locks
from convt.upgrade.locks.reading import OtherKind, environment, read_lock
from convt.upgrade.locks.requirement_files import includes
from convt.upgrade.request import BRINGS, PARTS, SIDES, Upgrade


@dataclass(frozen=True)
class Wanted:
    """What is asked of lock files: by which targets, which packages beside the known ones, and for which Python.

    `sides` has the environment of a side whose Python is named; `fitting` gives the version of another Python, where
    there is one here that a lock file of a side is for, or nothing.
    """

    backends: Mapping[str, Entry]
    environment: Environment
    targets: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    sides: Mapping[str, Environment] = field(default_factory=dict)
    fitting: Callable[[str, Lock], str] = lambda side, lock: ""

    def read(self, file: Text, side: str) -> Lock:
        """The lock file of a side, for the Python of that side, or for the one that the file is for."""
        found = read_lock(file, self.sides.get(side, self.environment))
        version = self.fitting(side, found)
        return read_lock(file, environment(version)) if version else found

    @property
    def own(self) -> tuple[str, ...]:
        return tuple(canonicalize_name(name) for name in self.packages)


def from_lock(old: str, new: str, wanted: Wanted) -> Upgrade | str:
    """The upgrade from one lock file to another, or the sentence where nothing moved; LockError where there is none."""
    files = [named(path) for path in (old, new)]
    before, after = (wanted.read(file, side) for file, side in zip(files, SIDES, strict=True))
    return Locks(before, after, wanted.backends, wanted.own, relative=in_repository).upgrade(wanted.targets)


def from_git(base: str, wanted: Wanted, folder: Path | None = None, only: Sequence[str] = ()) -> Upgrade | str:
    """The upgrade that the lock files of a repository make since a commit, or the sentence where nothing moved.

    `only`: these files alone, by their paths from the folder or from the root of the repository. LockError where there
    is no repository, no such commit, no lock file, or where several files move other things.
    """
    found = repository(base, folder or Path.cwd())
    now, then = found.named_files(only, folder or Path.cwd()) if only else found.lock_files()
    if not now and not then:
        raise none_found(found.root)
    readable, notes, failed = _read(found, _pairs(found, now, then), wanted)
    asides = [*notes, *_one_sided(found, now, then)]
    moving, read = [], []
    for it in readable:
        try:
            asked = it.upgrade(wanted.targets)
        except LockError as error:
            failed.append((str(error), any(map(it.differs, _frameworks(wanted)))))
            continue
        read.append(it)
        if isinstance(asked, Upgrade):
            moving.append((it, asked))
    _answered(moving, failed, wanted)
    asides += [f"not compared: {why}" for why, _ in failed]
    if not moving:
        return _nothing(found, now, [it for it in read if _touched(it)] or read, asides, wanted)
    return _taken(found, moving, read, asides)


def _taken(
    found: Repository, moving: Sequence[tuple[Locks, Upgrade]], read: Sequence[Locks], asides: Sequence[str]
) -> Upgrade:
    """The upgrade of the lock file that moves most, with what a reader has to know of the others."""
    locks, asked = max(moving, key=lambda one: len(one[1].moved))
    others = [(it, other) for it, other in moving if it is not locks]
    _agree(found, asked, others)
    notes = [f"{it.after.path} moves the same{_builds(asked, other)}" for it, other in others]
    notes += [f"{it.after.path} changed too, and moves nothing that is compared" for it in read
              if it is not locks and it not in [other for other, _ in others] and _touched(it)]  # fmt: skip
    return replace(asked, notes=(*asked.notes, *asides, *notes))


def _builds(asked: Upgrade, other: Upgrade) -> str:
    """What another file has in another build of the same version; empty where it has none."""
    mine = {it.package: it.after for it in asked.moved}
    told = [f"{it.package} {it.after}" for it in other.moved if it.after != mine.get(it.package)]
    return f", in another build: {', '.join(told)}" if told else ""


def _frameworks(wanted: Wanted) -> set[str]:
    """The packages that bring a framework or are a part of it, and those that were named."""
    return {*(name for names in BRINGS.values() for name in names), *PARTS, *wanted.own}


def _answered(moving: Sequence[tuple[Locks, Upgrade]], failed: Sequence[tuple[str, bool]], wanted: Wanted) -> None:
    """LockError where a file that gives no answer is the only one that may move a framework, or anything."""
    frameworks = _frameworks(wanted)
    if any(it.package in frameworks for _, asked in moving for it in asked.moved):
        return
    if serious := [why for why, framework in failed if framework or not moving]:
        raise LockError(*serious)


def _pairs(found: Repository, now: Sequence[str], then: Sequence[str]) -> list[tuple[str, str, bool]]:
    """(path before, path after, whether it changed) of what may say something else; the one that is gone and the one
    that is new, where it is one each."""
    both = [path for path in now if path in set(then)]
    told = set(found.changed(both))
    pairs = [(path, path, path in told) for path in both if path in told or found.leads_on(path)]
    gone, new = (sorted({*one} - {*other}) for one, other in ((then, now), (now, then)))
    return [*pairs, *([(gone[0], new[0], True)] if len(gone) == len(new) == 1 else [])]


def _one_sided(found: Repository, now: Sequence[str], then: Sequence[str]) -> list[str]:
    gone, new = (sorted({*one} - {*other}) for one, other in ((then, now), (now, then)))
    if len(gone) == len(new) == 1:
        return []
    rows = [*((path, "gone") for path in gone), *((path, "new") for path in new)]
    return [f"{printable(path)} is {how} since {found.called}, nothing to compare it with" for path, how in rows]


def _read(
    found: Repository, pairs: Sequence[tuple[str, str, bool]], wanted: Wanted
) -> tuple[list[Locks], list[str], list[tuple[str, bool]]]:
    """The lock files in pairs; what a reader has to know of those that are none; and why others that may move a
    framework are no answer. A file that is unchanged never fails, unless what it leads to is readable on one side
    alone."""
    read, notes = [], []
    failed: list[tuple[str, bool]] = []
    for old, new, changed in pairs:
        files: list[Text] = [found.then(old), found.now(new)]
        sides = [_side(file, side, wanted) for file, side in zip(files, SIDES, strict=True)]
        before, after = sides
        errors = [it for it in sides if isinstance(it, LockError)]
        if isinstance(before, Lock) and isinstance(after, Lock):
            read.append(Locks(before, after, wanted.backends, wanted.own))
        elif (changed or len(errors) == 1) and _may_move(files, sides, wanted):
            failed.append((str(errors[0]), True))
        else:
            notes.append(f"not read: {errors[0]}")
    return read, notes, failed


def _side(file: Text, side: str, wanted: Wanted) -> Lock | LockError:
    try:
        return wanted.read(file, side)
    except LockError as error:
        return error


def _may_move(files: Sequence[Text], sides: Sequence[Lock | LockError], wanted: Wanted) -> bool:
    """Whether a file of which a side was not read may be a lock file that moves a framework: it is no template and
    no file of another kind, and it names a framework or other files, or nobody can tell."""
    names = "|".join(re.escape(name) for name in sorted(_frameworks(wanted)))
    told = False
    for file, side in zip(files, sides, strict=True):
        if isinstance(side, OtherKind):
            return False
        try:
            text = file.read()
        except LockError:
            told = True
            continue
        if isinstance(side, LockError) and file.path.endswith((".txt", ".yml", ".yaml")) and re.search(r"\{[{%]", text):
            return False
        named = re.search(rf"(?<![\w-])(?:{names})(?![\w-])", text.lower().replace("_", "-"))
        told = told or named is not None or includes(text)
    return told


def _touched(locks: Locks) -> bool:
    """Whether any package moved at all; a requirements file that includes others may be unchanged."""
    return any(map(locks.differs, locks.before.pins.keys() | locks.after.pins.keys()))


def _public(asked: Upgrade) -> set[tuple[str, ...]]:
    """What moved, by public versions: `2.7.1+cpu` and `2.7.1+cu126` are builds of one."""
    rows = ((it.package, it.before or "", it.after or "") for it in asked.moved)
    return {tuple(re.sub(r"^(\d[^+\s]*)\+\S+$", r"\1", word) for word in row) for row in rows}


def _agree(found: Repository, asked: Upgrade, others: Sequence[tuple[Locks, Upgrade]]) -> None:
    """LockError where another file moves what this one does not, or to another version."""
    differ = [(it, other) for it, other in others if _public(other) - _public(asked)]
    if not differ:
        return
    every = [(asked.locked["after"].path, asked), *((it.after.path, other) for it, other in differ)]
    lines = [f"{path}: {', '.join(f'{m.package} {m.before} -> {m.after}' for m in it.moved)}" for path, it in every]
    named = shlex.join(["--lock", every[0][0]])
    told = f"--from-git: found {len(every)} lock files that move different things"
    raise LockError(told, *lines, f"accepted one of them: {named}")


def _nothing(
    found: Repository, now: Sequence[str], read: Sequence[Locks], asides: Sequence[str], wanted: Wanted
) -> str:
    """The sentence where nothing moved in any file."""
    if len(read) == 1:
        return str(replace(read[0], notes=(*read[0].notes, *asides)).upgrade(wanted.targets))
    if not read:
        files = f"{', '.join(map(printable, now[:5]))}{f' and {len(now) - 5} more' if len(now) > 5 else ''}"
        told = [f"no lock file changed, of {files}"] if files else []
        return f"Nothing to compare since {found.called}: {'; '.join([*told, *asides])}."
    whole = [str(replace(read[0], notes=(*read[0].notes, *asides)).upgrade(wanted.targets))]
    return "\n".join([*whole, *(str(it.upgrade(wanted.targets)) for it in read[1:])])
