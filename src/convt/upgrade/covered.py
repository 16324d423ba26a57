"""Which releases targets are made for, and what the host needs for them: refused before environments are built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from convt.host.preparing import absent
from convt.host.registry import Entry
from convt.upgrade.offers import exact
from convt.upgrade.request import BRINGS
from convt.upgrade.requirements import NoRequirement


def covered(requirements: Iterable[str], backends: Sequence[Entry], floors: Mapping[str, SpecifierSet]) -> None:
    """NoRequirement where a release is older than any that a target of it is made for, or where the host lacks what it
    needs for a target. `floors`: the releases that are covered, by package."""
    modules = {module for entry in backends for module in entry.packages}
    known = {name: floors[module] for module in modules & set(floors) for name in BRINGS.get(module, (module,))}
    for text in requirements:
        release = _release(text)
        if release is not None and release[0] in known and not _within(release[1], known[release[0]]):
            package, version = release
            raise NoRequirement(
                f"found {package} {version}, accepted {package}{known[package]}: older ones are not covered"
            )
    for entry in backends:
        _host(entry, floors)


def extras(package: str = "convt") -> dict[str, SpecifierSet]:
    """What the extras of convt ask for, by package; nothing where it is not installed."""
    try:
        asked = [Requirement(text) for text in metadata.requires(package) or ()]
    except metadata.PackageNotFoundError:
        return {}
    of_extras = [it for it in asked if it.marker is not None and "extra" in str(it.marker) and it.specifier]
    return {canonicalize_name(it.name): it.specifier for it in of_extras}


def _release(text: str) -> tuple[str, Version] | None:
    """The package and version that a requirement asks for exactly; None where it leaves it open."""
    if text.endswith(".whl") and "@" not in text:
        name, version, *_ = parse_wheel_filename(Path(text).name)
        return name, version
    return exact(text)


def _within(version: Version, floor: SpecifierSet) -> bool:
    """Whether a release is covered; a pre-release counts as the release that it comes before."""
    return floor.contains(Version(version.base_version), prereleases=True)


def _host(entry: Entry, floors: Mapping[str, SpecifierSet]) -> None:
    """NoRequirement where the host cannot prepare the calls of a backend."""
    todo = f"pip install 'convt[{entry.extra}]' there" if entry.extra else "install it there"
    if lacks := absent(entry):
        raise NoRequirement(f"{lacks}: {todo}")
    for package in entry.host_packages:
        try:
            version = Version(metadata.version(package))
        except metadata.PackageNotFoundError:
            continue
        if package in floors and not _within(version, floors[package]):
            found = f"found {package} {version} where the run itself runs, accepted {package}{floors[package]}"
            raise NoRequirement(f"{found}: {todo}")
