"""Where a side computes nothing of what it is asked: its answer, where it computes a plain call, and else no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.suite.upgrade.upgrading import Upgrade, run
from tests.suite.upgrade.wheels import frame_wheel, numpy_wheel

NUMBER = 6
CASES = [f"  - {{id: case-{n}, input: 4, kernel: 3, channels: [1, {n}]}}" for n in range(2, 2 + NUMBER)]
RAISES = dict.fromkeys(range(2, 2 + NUMBER), "raises")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release 1 is right, 2 raises in every case but computes a plain call, 3 computes nothing at all."""
    folder = tmp_path_factory.mktemp("no-answer")
    (folder / "cases.yaml").write_text("\n".join(["about: Some cases.", "source: tests", "cases:", *CASES, ""]))
    for release, does in (("1", {}), ("2", RAISES), ("2.1", RAISES), ("3", RAISES | {1: "raises"})):
        frame_wheel(folder / "wheels", release, does)
    numpy_wheel(folder / "wheels")
    (folder / "known").mkdir()
    return folder


def upgrade(folder: Path, before: str, after: str) -> Upgrade:
    wheels = folder / "wheels"
    words = [f"--with={next(wheels.glob('numpy-*'))}", "--backend=tests.suite.upgrade.framed:Framed", "--budget=0"]
    words += ["--installer=--no-index", f"--installer=--find-links={wheels}", "--law=value"]
    words += [f"--spec={folder / 'cases.yaml'}", f"--known={folder / 'known'}"]
    cache = {"CONVT_ENVIRONMENTS": str(folder / "cache")}
    return run(folder / "out", f"tinyframe=={before}", f"tinyframe=={after}", *words, variables=cache)


def test_what_raised_and_is_right_is_better_and_the_way_back_is_worse(folder: Path) -> None:
    there = upgrade(folder, "2", "1")
    assert there.code == 0, there.text + there.error
    assert "better. Raises ValueError before, right after: " in there.text
    assert f"framed raises most of what it is asked: {NUMBER} of {NUMBER} answers are errors" in there.text
    assert there.counts == {"fixed": NUMBER}
    back = upgrade(folder, "1", "2")
    assert back.code == 1, back.text + back.error
    assert back.counts == {"regressed": NUMBER}


def test_what_raises_on_both_sides_alike_is_no_answer(folder: Path) -> None:
    found = upgrade(folder, "2", "2.1")
    assert found.code == 2, found.text + found.error
    assert "no answer on framed: most of what is asked is an error on both sides" in found.text


def test_a_side_that_computes_no_call_at_all_is_no_answer(folder: Path) -> None:
    found = upgrade(folder, "3", "1")
    assert found.code == 2, found.text + found.error
    assert "framed#before answered no call at all: value: raised: ValueError: these channels" in found.error
