"""Why both sides of an upgrade may be one version: a newer one is released for another Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from packaging.version import Version

from convt.upgrade.installing import Pair
from convt.upgrade.package_index import NoReleases, Runs, interpreter, listed, run_it


def one_version(pair: Pair, python: str | None, runs: Runs = run_it) -> str:
    """That both sides are one version although they were asked for in other words, and which newer one there is for
    which Python.

    Empty where they differ, where one thing was asked for twice, as who compares a version with itself does, and where
    a side is a wheel or an address, which may be another build of that version.
    """
    asked, names = pair.upgrade, pair.upgrade.packages
    was, is_ = ({name: side.versions.get(name) for name in names} for side in (pair.before, pair.after))
    built = any(text.endswith(".whl") or "@" in text for text in asked.before + asked.after)
    if was != is_ or built or set(asked.before) == set(asked.after):
        return ""
    told = ", ".join(f"{name} {version}" for name, version in was.items() if version)
    newer = [newer_for_another_python(name, version, python, runs) for name, version in was.items() if version]
    more = "; ".join(filter(None, newer)) or "name another version, or --pre for what is not released yet"
    return f"{told} on both sides: nothing to compare; {more}"


def newer_for_another_python(package: str, version: str, python: str | None, runs: Runs = run_it) -> str:
    """`jax 0.12.0 is released and needs Python >=3.12: name one with --python`, where the installer knows of a newer
    one that this Python is not offered; empty where there is none, or where nobody can say."""
    try:
        found = interpreter(python or sys.executable)
        every = listed([found, "-m", "pip", "index", "versions", package, "--ignore-requires-python"], runs)
    except NoReleases:
        return ""
    newest = max(every, key=Version, default=version)
    if Version(newest) <= Version(Version(version).public):
        return ""
    needs = _needs(found, f"{package}=={newest}", runs)
    return f"{package} {newest} is released" + (f" and needs Python {needs}: name one with --python" if needs else "")


def _needs(python: str | Path, requirement: str, runs: Runs) -> str:
    """What a release says of the Pythons that it is for; empty where it says nothing, or cannot be had here."""
    words = ["--dry-run", "--quiet", "--ignore-installed", "--ignore-requires-python", "--no-deps", "--report", "-"]
    try:
        return _requires(runs([str(python), "-m", "pip", "install", *words, requirement]).stdout)
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _requires(report: str) -> str:
    try:
        return str(json.loads(report)["install"][0]["metadata"]["requires_python"])
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
