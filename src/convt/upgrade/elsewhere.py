"""Why both sides of an upgrade may be one version: a newer one is released for another Python."""

from __future__ import annotations

from packaging.version import Version

from convt.upgrade.installing import Pair
from convt.upgrade.offers import Index
from convt.upgrade.pythons import Python
from convt.upgrade.request import PARTS


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


def newer_for_another_python(package: str, version: str, python: Python, index: Index) -> str:
    """`jax 0.12.0 has wheels for Python >=3.12 and this side is built with 3.11: --after-python 3.12`, where the index
    has a newer release, and no file of it is for this Python; empty where there is none, or where nobody can say."""
    newest = index.newest(package)
    if newest is None or newest <= Version(Version(version).public):
        return ""
    return index.refusal(f"{package}=={newest}", python, "--after-python") or f"{package} {newest} is released"
