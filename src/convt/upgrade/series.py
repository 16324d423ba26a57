"""Which released versions the history holds: a series a framework, each on one target with equal companions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet

from convt.content import ROOT
from convt.upgrade.package_index import newest_of_each_minor

HISTORY = ROOT / "reports" / "history"


@dataclass(frozen=True)
class Series:
    """The versions of one framework on one target."""

    package: str
    target: str
    since: str = ""
    """The newest patch of every minor release from this one on belongs to the series."""
    versions: tuple[str, ...] = ()
    """These belong to it too, or alone where there is no `since`."""
    beside: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(versions of the package, what is installed beside them); the first that fits counts."""
    distribution: str = ""
    """What the installer calls the package, where it has another name for it."""

    @property
    def installs(self) -> str:
        return self.distribution or self.package

    def wanted(self, released: Callable[[str], list[str]], named: Sequence[str] = ()) -> list[str]:
        """The versions of the series, the oldest first, or of all that are released those that are named."""
        if not self.since and not named:
            return list(self.versions)
        listed = released(self.installs)
        chosen = set(named) or {*newest_of_each_minor(listed, self.since), *self.versions}
        return [version for version in listed if version in chosen]

    def companions(self, version: str) -> tuple[str, ...]:
        """What is installed beside a version."""
        fits = (names for which, names in self.beside if SpecifierSet(which).contains(version, prereleases=True))
        return next(fits, ())

    def requirements(self, version: str) -> tuple[str, ...]:
        """Everything that is asked of the installer for a version."""
        return (f"{self.installs}=={version}", *self.companions(version))

    def path(self, version: str, folder: Path = HISTORY) -> Path:
        """The version's file."""
        return folder / self.target.replace("/", "-") / f"{self.package}-{version}.jsonl.gz"


SERIES: dict[str, Series] = {
    "keras": Series("keras", "keras-torch", since="3.0", beside=(("", ("torch==2.13.0", "packaging")),)),
    "onnxruntime": Series("onnxruntime", "onnxruntime", since="1.15", beside=(("<1.19", ("numpy<2",)),)),
    "jax": Series("jax", "jax", since="0.10", versions=("0.4.30", "0.5.3", "0.7.2", "0.8.3", "0.9.2", "0.10.2"),
                  beside=(("<0.5", ("numpy<2.2",)),)),
    "tensorflow": Series("tensorflow", "tensorflow", since="2.21", versions=("2.16.2", "2.21.0"),
                         distribution="tensorflow-cpu"),
    "torch": Series("torch", "pytorch", since="2.14", versions=("2.13.0", "2.14.1"),
                    beside=(("", ("numpy==2.4.6",)),)),
}  # fmt: skip
"""By the name that `convt history --judge all` takes."""
