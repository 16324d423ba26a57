"""An upgrade to a liar is caught, for every liar: honest in release 1 of a tiny framework, itself in release 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from convt.cases.writer import as_yaml
from convt.host.registry import kebab
from convt.results.directions import INVALID
from tests.suite.laws.liars import LIARS
from tests.suite.laws.lies_of_modes import MODES
from tests.suite.laws.sample import FOLDED, REJECTED, SAMPLE
from tests.suite.upgrade.upgrading import Upgrade, run
from tests.suite.upgrade.wheels import frame_wheel, numpy_wheel

SPECS = Path(__file__).parents[2] / "specs"
AT_ONCE = 16
"""Liars in one session; each is two processes."""
HERE = [name for name in LIARS if name not in {liar.__name__ for liar in MODES}]
"""Liars in their first mode, on their first device; the others are honest there."""
GROUPS = [HERE[at : at + AT_ONCE] for at in range(0, len(HERE), AT_ONCE)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("liars")
    lines = ["about: The cases on which liars are caught.", "source: tests", "cases:"]
    lines += [as_yaml(case, case.id).rstrip() for case in SAMPLE if case not in (*REJECTED, *FOLDED)]
    (folder / "sample.yaml").write_text("\n".join([*lines, ""]))
    (folder / "known").mkdir()
    for release in ("1", "2"):
        frame_wheel(folder / "wheels", release, {})
    numpy_wheel(folder / "wheels")
    return folder


def upgraded(folder: Path, before: str, after: str, names: list[str]) -> Upgrade:
    """One release against another, of these liars."""
    wheels = folder / "wheels"
    options = [f"--with={next(wheels.glob('numpy-*'))}", "--installer=--no-index"]
    options += [f"--installer=--find-links={wheels}", "--budget=0", "--seed=1"]
    options += [f"--backend=tests.suite.upgrade.framed:{name}" for name in names]
    options += [f"--target={kebab(name)}" for name in names]
    files = [folder / "sample.yaml", SPECS / "rejects.yaml", SPECS / "folded.yaml"]
    options += [*(f"--spec={file}" for file in files), f"--known={folder / 'known'}", "--deadline=3"]
    cache = {"CONVT_ENVIRONMENTS": str(folder / "cache")}
    return run(folder / "out", f"tinyframe=={before}", f"tinyframe=={after}", *options, seconds=1800, variables=cache)


def towards(found: Upgrade, direction: str) -> set[str]:
    """The targets with a change in that direction; those of which only invalid calls changed are told, and neither."""
    changes = found.data["changes"]
    valid = {change["target"] for change in changes if change["law"] != INVALID}
    told = {change["target"] for change in changes if change["target"] not in valid}
    return told | {change["target"] for change in changes if change["direction"] == direction}


@pytest.mark.parametrize("names", GROUPS, ids=[names[0] for names in GROUPS])
def test_every_liar_is_caught_and_worse_than_an_honest_release(folder: Path, names: list[str]) -> None:
    found = upgraded(folder, "1", "2", names)
    assert found.code == 1, found.text + found.error
    assert towards(found, "worse") == {kebab(name) for name in names}


@pytest.mark.parametrize("names", GROUPS, ids=[names[0] for names in GROUPS])
def test_an_honest_release_is_better_than_every_liar(folder: Path, names: list[str]) -> None:
    found = upgraded(folder, "2", "1", names)
    assert found.code == 0, found.text + found.error
    assert towards(found, "better") == {kebab(name) for name in names}


def test_nobody_is_caught_who_does_not_lie(folder: Path) -> None:
    found = upgraded(folder, "1", "1", GROUPS[0])
    assert found.code == 0, found.text + found.error
    assert found.counts.keys() == {"unchanged"}
