"""The two environments of an upgrade: built at once, with companions as equal as they can be, and said in a header."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from convt.upgrade.environments import Environment, EnvironmentFailed, Report, build, check, stands
from convt.upgrade.installer import go_on, stop
from convt.upgrade.offers import Index
from convt.upgrade.request import SIDES, Upgrade

AT_ONCE = 0.5
"""Seconds after which an interruption is heard at the latest."""
TOOLS = ("pip", "setuptools", "wheel")
"""What a fresh environment has anyway, whatever is asked for."""


@dataclass(frozen=True)
class Options:
    """How environments are made."""

    pythons: Mapping[str, str] = field(default_factory=dict)
    """The Python of each side, `before` and `after`, by a version or a program; this process's where there is none."""
    pre: bool = False
    installer: tuple[str, ...] = ()
    cache: Path | None = None

    def index(self) -> Index:
        """Where pip finds files, by these options."""
        return Index(self.installer)


@dataclass(frozen=True)
class Pair:
    """The two environments, and how they differ."""

    before: Environment
    after: Environment
    upgrade: Upgrade

    def differing(self) -> list[str]:
        """The packages of which the two have different versions, without what was asked for."""
        was, is_ = self.before.versions, self.after.versions
        return [name for name in self._beside(set(was) & set(is_)) if was[name] != is_[name]]

    def pythons(self) -> list[str]:
        """`Python 3.11.7 -> 3.12.1` where the two are made of different ones."""
        was, is_ = self.before.made_of.version, self.after.made_of.version
        return [f"Python {was} -> {is_}"] if was != is_ else []

    def lines(self) -> list[str]:
        """The header: what is compared, what stands beside it on both sides, and what of that differs."""
        was, is_ = self.before.versions, self.after.versions
        lines = [
            f"upgrade: {self._changes(self.upgrade.packages)} on {', '.join(t.name for t in self.upgrade.targets)}"
        ]
        for side in (self.before, self.after):
            locked = self.upgrade.locked.get(side.name)
            lines += [f"  {side.name}: {locked.path} ({locked.kind})"] if locked else []
            lines += [f"  {side.name}: {note}" for note in (locked.notes if locked else ())]
            lines += [f"  {side.name}: {side.python}", *(f"  {side.name}: {note}" for note in side.notes)]
        lines += [f"  {note}" for note in self.upgrade.notes]
        differing = self.differing()
        equal = [name for name in self._beside(set(was) & set(is_)) if name not in differing]
        named = [f"{name} {was[name]}" for name in equal if name in self.upgrade.beside]
        more = f"{len(equal) - len(named)} more"
        lines.append(f"  the same on both sides: {', '.join([*named, more])}")
        if moved := [*self.pythons(), *([self._changes(differing)] if differing else [])]:
            lines.append(f"  NOT the same on both sides: {', '.join(moved)}")
        for side, other in ((self.before, is_), (self.after, was)):
            alone = [f"{name} {side.versions[name]}" for name in self._beside(set(side.versions) - set(other))]
            lines += [f"  {side.name} alone: {', '.join(alone)}"] if alone else []
        return lines

    def _beside(self, names: set[str]) -> list[str]:
        return sorted(names - {*self.upgrade.packages, *TOOLS})

    def _changes(self, names: Sequence[str]) -> str:
        was, is_ = self.before.versions, self.after.versions
        return ", ".join(f"{name} {was.get(name, 'none')} -> {is_.get(name, 'none')}" for name in names)


def install(upgrade: Upgrade, options: Options, report: Report) -> Pair:
    """Both environments; EnvironmentFailed with the messages of all that cannot be built.

    Where a pin gave way on one side, the companions of the two are other versions: then the side after is built again
    with those of the side before, as far as pip can keep them.
    """
    lock = threading.Lock()

    def told(text: str) -> None:
        with lock:
            report(text)

    go_on()
    _check(upgrade, options, told)
    make = partial(_build, upgrade, options, told)
    with ThreadPoolExecutor(2) as pool:
        sides = [pool.submit(make, name, upgrade.constraints(name)) for name in ("before", "after")]
        try:
            while wait(sides, timeout=AT_ONCE).not_done:
                pass  # a wait without end would not hear of every interruption
        except BaseException:  # else it would wait for pip
            stop()
            raise
    pair = Pair(*_results(sides), upgrade)
    locked = upgrade.locked.values()  # each side has what its lock file says
    held = {name for it in locked for name, line in it.pins.items() if "==" in line}
    beside = upgrade.beside - held
    apart = [name for name in pair.differing() if name in beside and name in pair.before.versions]
    if not apart:
        return pair
    told(f"after: trying the versions of the side before: {', '.join(apart)}")
    closer = upgrade.constraints("after") | {name: f"{name}=={pair.before.versions[name]}" for name in apart}
    try:
        again = Pair(pair.before, make("after", closer), upgrade)
    except EnvironmentFailed:
        return pair
    return again if len(again.differing()) < len(pair.differing()) else pair


def standing(upgrade: Upgrade, options: Options) -> dict[str, bool]:
    """Of each side whether its environment stands there already; EnvironmentFailed where it cannot be asked for."""
    how = {name: _how(upgrade, options, lambda _: None, name, upgrade.constraints(name)) for name in SIDES}
    return {name: stands(*_side(upgrade, name), **its) for name, its in how.items()}


def _build(upgrade: Upgrade, options: Options, report: Report, name: str, pins: Mapping[str, str]) -> Environment:
    return build(*_side(upgrade, name), **_how(upgrade, options, report, name, pins))


def _side(upgrade: Upgrade, name: str) -> tuple[Sequence[str]]:
    return (upgrade.before if name == "before" else upgrade.after,)


def _how(upgrade: Upgrade, options: Options, report: Report, name: str, pins: Mapping[str, str]) -> dict[str, Any]:
    """How one side's environment is made."""
    locked = upgrade.locked[name].options if name in upgrade.locked else ()
    return {
        "name": name,
        "constraints": pins,
        "cache": options.cache,
        "python": options.pythons.get(name),
        "option": f"--{name}-python",
        "pre": options.pre,
        "installer": (*options.installer, *locked),
        "report": report,
    }


def _check(upgrade: Upgrade, options: Options, report: Report) -> None:
    """EnvironmentFailed where the index has nothing for the Python of a side, before anything is built."""
    failed = []
    for name in ("before", "after"):
        try:
            index = Index((*options.installer, *(upgrade.locked[name].options if name in upgrade.locked else ())))
            check(*_side(upgrade, name), index, **_how(upgrade, options, report, name, upgrade.constraints(name)))
        except EnvironmentFailed as error:
            failed.append(error)
    if failed:
        raise failed[0] if len(failed) == 1 else BothFailed("\n".join(map(str, failed)))


def _results(sides: Sequence[Future[Environment]]) -> tuple[Environment, Environment]:
    """What was built; the failures of both sides in one message."""
    failed = [error for side in sides if isinstance(error := side.exception(), EnvironmentFailed)]
    if len(failed) > 1:
        raise BothFailed("\n".join(map(str, failed)))
    before, after = (side.result() for side in sides)
    return before, after


class BothFailed(EnvironmentFailed):
    """Both environments cannot be had; the message is that of each."""

    def __init__(self, text: str) -> None:
        RuntimeError.__init__(self, text)
