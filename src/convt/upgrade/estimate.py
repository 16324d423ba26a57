"""What an upgrade will take, before it starts: what is downloaded, and how long each part may be. Orders of magnitude.

Sizes are of the files on PyPI for Linux on x86-64 and Python 3.11, with what pip brings along; seconds are those of
`convt upgrade` on two CPU cores (docs/upgrading.md tells how they were measured).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from convt.laws.catalogue import all_laws
from convt.results.tally import plural
from convt.session.progress import course
from convt.upgrade.request import SIDES, Upgrade
from convt.upgrade.requirements import asked

MEGABYTES = {
    "torch": 2_700, "tensorflow": 620, "tf-nightly": 620, "tensorflow-cpu": 320, "tf-nightly-cpu": 320, "jax": 145,
    "onnxruntime": 30, "ort-nightly": 30, "onnxruntime-gpu": 350, "keras": 15, "keras-nightly": 15, "numpy": 17,
    "scipy": 35,
}  # fmt: skip
"""What a package downloads: torch 2.13.0 with CUDA's libraries."""
CPU_TORCH = 190
"""The same of a build of torch for the CPU alone."""
PER_SECOND, UNPACKING = 10.0, 15.0
"""Megabytes that are downloaded and unpacked, and the seconds of an environment beside that."""
PACE = {"pytorch": 0.08, "keras-torch": 0.1, "onnxruntime": 0.08, "jax": 0.25, "keras-jax": 0.25, "tensorflow": 0.25,
        "keras-tensorflow": 0.4}  # fmt: skip
"""Seconds of a case under every law, on both sides."""
OTHERS = 0.2
START = 10.0
"""Seconds until a target answers."""


@dataclass(frozen=True)
class Estimate:
    """What an upgrade will take: seconds of each part, and megabytes of each side that is not built yet."""

    environments: float
    cases: float
    search: float
    download: Mapping[str, int]

    @property
    def seconds(self) -> float:
        return self.environments + self.cases + self.search

    def lines(self, upgrade: Upgrade, cases: int, laws: int) -> list[str]:
        """What will be compared, what is built for it, and how long that may take."""
        on = ", ".join(target.name for target in upgrade.targets)
        sides = " -> ".join(" ".join(_named(upgrade, side)) for side in SIDES)
        lines = [f"to compare: {sides} on {on}: {plural(cases, 'case')} and {plural(laws, 'law')} on both sides"]
        for side in SIDES:
            size = self.download.get(side)
            told = f": about {size:,} MB to download at most" if size else ""
            built = "is built already" if size is None else f"is to be built{told}"
            lines.append(f"  environment {side} {built}")
        parts = {"environments": self.environments, "cases": self.cases, "search": self.search}
        told = ", ".join(f"{name} {_rounded(seconds)}" for name, seconds in parts.items() if seconds)
        return [*lines, f"  about {_rounded(self.seconds)}: {told}"]


def estimate(
    upgrade: Upgrade, cases: int, share: float, built: Mapping[str, bool], budget: float, report: Path
) -> Estimate:
    """What an upgrade will take. `share` is that of the laws that are asked; `built` says of each side whether its
    environment stands there; `report` is the folder of an earlier run, which is the better guess where there is one of
    as many cases."""
    download = {side: _size(upgrade, side) for side in SIDES if not built[side]}
    environments = max((UNPACKING + size / PER_SECOND for size in download.values()), default=0.0)
    earlier = course(report / "cases", 2 * cases * len(upgrade.targets))
    paces = [PACE.get(target.backend, OTHERS) for target in upgrade.targets]
    asking = earlier[-1][1] if earlier else sum(START + pace * cases * share for pace in paces)
    return Estimate(environments, asking, budget, download)


def _named(upgrade: Upgrade, side: str) -> list[str]:
    """The requirements of a side that may differ from the other's."""
    texts = upgrade.before if side == "before" else upgrade.after
    return [text if not text.endswith(".whl") else Path(text).name for text in texts
            if asked(text).name in upgrade.packages]  # fmt: skip


def _size(upgrade: Upgrade, side: str) -> int:
    """Megabytes that a side downloads, where pip has nothing of it in its cache."""
    texts = {asked(text).name: text for text in (upgrade.before if side == "before" else upgrade.after)}
    held = upgrade.constraints(side)
    found = {name: MEGABYTES.get(name, 0) for name, text in texts.items() if not text.endswith(".whl")}
    if "torch" in found and "+cpu" in texts["torch"] + held.get("torch", ""):
        found["torch"] = CPU_TORCH
    inside = {"numpy"} if found.keys() - {"numpy"} else set()
    inside |= {"scipy", "jaxlib"} if "jax" in found else set()
    return sum(size for name, size in found.items() if name not in inside)


def _rounded(seconds: float) -> str:
    """`40 s` or `5 min`, in tens of seconds or minutes."""
    return f"{max(round(seconds, -1), 10):.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def share_of(laws: int) -> float:
    """How much of the work so many laws are; many share a probe, so that few laws are more than their share."""
    return min(1.0, 0.1 + laws / len(all_laws()))
