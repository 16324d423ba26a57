"""Why a side of an upgrade is not the newest version, and both may be one: that is released for another Python."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import platform_tags
from packaging.version import Version

from convt.upgrade.environments import Environment
from convt.upgrade.installing import Pair
from convt.upgrade.offers import Index, minors, spans
from convt.upgrade.pythons import OLDEST, Python
from convt.upgrade.request import PARTS
from convt.upgrade.requirements import all_asked


def one_version(pair: Pair, index: Index) -> str:
    """That both sides are one version although they were asked for in other words, and which newer one there is for
    which Python.

    Empty where they differ, where one thing was asked for twice, as who compares a version with itself does, where a
    side is a wheel or an address, which may be another build of that version, and where their Pythons differ.
    """
    asked, names = pair.upgrade, pair.upgrade.packages
    was, is_ = ({name: side.versions.get(name) for name in names} for side in (pair.before, pair.after))
    built = any(text.endswith(".whl") or "@" in text for text in asked.before + asked.after)
    if was != is_ or built or set(asked.before) == set(asked.after) or pair.pythons():
        return ""
    told = ", ".join(f"{name} {version}" for name, version in was.items() if version)
    wholes = {name: version for name, version in was.items() if version and name not in PARTS}
    newer = [newer_for_another_python(name, version, pair.after.made_of, index) for name, version in wholes.items()]
    more = "; ".join(filter(None, newer)) or "name another version, or --pre for what is not released yet"
    return f"{told} on both sides: nothing to compare; {more}"


def held_back(pair: Pair, index: Index) -> list[str]:
    """`after: keras 3.12.4 is the newest for Python 3.10; 3.15.1 needs Python >=3.11 (--after-python 3.11)`: a line for
    each package that a side leaves open, where a newer release than it got is there and would be what is asked for."""
    told = []
    for side in (pair.before, pair.after):
        for name, specifier in _open(side.requirements, pair.upgrade.packages):
            newest, version = index.newest(name), side.versions.get(name)
            if newest is not None and version and newest > Version(version) and specifier.contains(newest):
                told.append(f"{side.name}: {_why_older(name, version, newest, side, index)}")
    return told


def _open(requirements: Sequence[str], packages: Sequence[str]) -> list[tuple[str, SpecifierSet]]:
    """The packages, of some, that requirements ask for without one exact version, with what they ask."""
    asked = [it for it in all_asked(requirements) if it.name in packages and not it.exact]
    found = [(it.name, Requirement(it.text)) for it in asked]
    return [(name, it.specifier) for name, it in found if it.url is None]


def _why_older(name: str, version: str, newest: Version, side: Environment, index: Index) -> str:
    python, platforms = side.made_of, list(platform_tags())
    files = [it for it in index.files(name) if it.version == newest]
    if any(it.fits(python.release, platforms) for it in files):
        return f"{name} {version} is taken, though {newest} is released: what stands beside it holds it back"
    told = f"{name} {version} is the newest for Python {python.minor} on this machine"
    usable = [minor for minor in minors(files, platforms) if (3, minor) >= OLDEST]
    if not usable:
        return f"{told}; {newest} has no wheel for it"
    nearest = min(usable, key=lambda minor: abs(minor - python.release[1]))
    return f"{told}; {newest} needs Python {spans(usable)} (--{side.name}-python 3.{nearest})"


def newer_for_another_python(package: str, version: str, python: Python, index: Index) -> str:
    """`jax 0.12.0 has wheels for Python >=3.12 and this side is built with 3.11: --after-python 3.12`, where the index
    has a newer release, and no file of it is for this Python; empty where there is none, or where nobody can say."""
    newest = index.newest(package)
    if newest is None or newest <= Version(Version(version).public):
        return ""
    return index.refusal(f"{package}=={newest}", python, "--after-python") or f"{package} {newest} is released"
