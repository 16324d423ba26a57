"""Which two lock files are compared: those that a user names, or what changed in a git repository."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from convt.host.registry import Entry
from convt.upgrade.locks.git import Repository, in_repository, none_found, repository
from convt.upgrade.locks.lock import Environment, LockError
from convt.upgrade.locks.moved import Locks
from convt.upgrade.locks.reading import OnDisk, OtherKind, read_lock
from convt.upgrade.request import Upgrade


@dataclass(frozen=True)
class Wanted:
    """What is asked of lock files: by which targets, which packages beside the known ones, and for which Python."""

    backends: Mapping[str, Entry]
    environment: Environment
    targets: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def own(self) -> tuple[str, ...]:
        return tuple(canonicalize_name(name) for name in self.packages)


def from_lock(old: str, new: str, wanted: Wanted) -> Upgrade | str:
    """The upgrade from one lock file to another, or the sentence where nothing moved; LockError where there is none."""
    before, after = (read_lock(OnDisk(Path(path), path), wanted.environment) for path in (old, new))
    return Locks(before, after, wanted.backends, wanted.own, relative=in_repository).upgrade(wanted.targets)


def from_git(base: str, wanted: Wanted, folder: Path | None = None) -> Upgrade | str:
    """The upgrade that the lock files of a repository make since a commit, or the sentence where nothing moved.

    LockError where there is no repository, no such commit, no lock file, or where several files move other things.
    """
    found = repository(base, folder or Path.cwd())
    now, then = found.lock_files()
    if not now and not then:
        raise none_found(found.root)
    read, notes = _read(found, _pairs(found, now, then), wanted)
    asides = [*notes, *_one_sided(found, now, then)]
    moving = [(it, asked) for it in read if isinstance(asked := it.upgrade(wanted.targets), Upgrade)]
    if not moving:
        return _nothing(found, now, read, asides, wanted)
    locks, asked = max(moving, key=lambda one: len(one[1].moved))
    others = [(it, other) for it, other in moving if it is not locks]
    _agree(found, asked, others)
    asides += [f"{it.after.path} moves the same" for it, _ in others]
    asides += [f"{it.after.path} changed too, and moves nothing that is compared" for it in read
               if it is not locks and it not in [other for other, _ in others] and _touched(it)]  # fmt: skip
    return replace(asked, notes=(*asked.notes, *asides))


def _pairs(found: Repository, now: Sequence[str], then: Sequence[str]) -> list[tuple[str, str]]:
    """(path before, path after) of what changed; the one that is gone and the one that is new, where it is one each."""
    pairs = [(path, path) for path in found.changed([path for path in now if path in set(then)])]
    gone, new = (sorted({*one} - {*other}) for one, other in ((then, now), (now, then)))
    return [*pairs, *([(gone[0], new[0])] if len(gone) == len(new) == 1 else [])]


def _one_sided(found: Repository, now: Sequence[str], then: Sequence[str]) -> list[str]:
    gone, new = (sorted({*one} - {*other}) for one, other in ((then, now), (now, then)))
    if len(gone) == len(new) == 1:
        return []
    return [*(f"{path} is gone since {found.called}, nothing to compare it with" for path in gone),
            *(f"{path} is new since {found.called}, nothing to compare it with" for path in new)]  # fmt: skip


def _read(found: Repository, pairs: Sequence[tuple[str, str]], wanted: Wanted) -> tuple[list[Locks], list[str]]:
    """The lock files in pairs, and what a reader has to know of those that are none."""
    read, notes = [], []
    for old, new in pairs:
        try:
            sides = [read_lock(file, wanted.environment) for file in (found.then(old), found.now(new))]
        except OtherKind as error:
            notes.append(f"not read: {error}")
            continue
        read.append(Locks(sides[0], sides[1], wanted.backends, wanted.own))
    return read, notes


def _touched(locks: Locks) -> bool:
    """Whether any package moved at all; a requirements file that includes others may be unchanged."""
    return any(map(locks.differs, locks.before.pins.keys() | locks.after.pins.keys()))


def _agree(found: Repository, asked: Upgrade, others: Sequence[tuple[Locks, Upgrade]]) -> None:
    """LockError where another file moves what this one does not, or to another version."""
    mine = {(it.package, it.before, it.after) for it in asked.moved}
    differ = [(it, other) for it, other in others if {(m.package, m.before, m.after) for m in other.moved} - mine]
    if not differ:
        return
    every = [(asked.locked["after"].path, asked), *((it.after.path, other) for it, other in differ)]
    lines = [f"{path}: {', '.join(f'{m.package} {m.before} -> {m.after}' for m in it.moved)}" for path, it in every]
    path = every[0][0]
    named = (
        f"git show {found.called}:{path} > old && convt upgrade --from-lock old {os.path.relpath(found.root / path)}"
    )
    told = "\n  ".join([f"--from-git: found {len(every)} lock files that move different things", *lines])
    raise LockError(f"{told}\n  accepted one of them, for example: {named}")


def _nothing(
    found: Repository, now: Sequence[str], read: Sequence[Locks], asides: Sequence[str], wanted: Wanted
) -> str:
    """The sentence where nothing moved in any file."""
    if len(read) == 1:
        return str(replace(read[0], notes=(*read[0].notes, *asides)).upgrade(wanted.targets))
    if not read:
        files = f"{', '.join(now[:5])}{f' and {len(now) - 5} more' if len(now) > 5 else ''}"
        told = [f"no lock file changed, of {files}"] if files else []
        return f"Nothing to compare since {found.called}: {'; '.join([*told, *asides])}."
    whole = [str(replace(read[0], notes=(*read[0].notes, *asides)).upgrade(wanted.targets))]
    return "\n".join([*whole, *(str(it.upgrade(wanted.targets)) for it in read[1:])])
