"""What a known difference says to come and go: asked again, it is told from what a version always does."""

from __future__ import annotations

from pathlib import Path

import pytest

from convt.results.changes import Change
from convt.upgrade.steadiness import OFTEN, AskedAgain
from tests.suite.upgrade.upgrading import Upgrade, run
from tests.suite.upgrade.wheels import frame_wheel, numpy_wheel

KNOWN = """\
known:
  - id: moved-by-chance
    law: value
    where: channels_out == 3 or channels_out == 4
    wrong: {verdict: differs, kind: value}
    reason: It reads memory.
    issue: not reported yet
    since: "1"
    intermittent: it depends on what the memory held
"""
CASES = """\
about: Two cases.
source: tests
cases:
  - {id: moves, input: 4, kernel: 3, channels: [1, 3]}
  - {id: wavers, input: 4, kernel: 3, channels: [1, 4]}
"""
SIDES = ("before", "after")
KEYS = {side: ("one", "value", f"framed#{side}") for side in SIDES}
FLIP = Change("fixed", "one", "value", "framed", None, None, "")


@pytest.mark.parametrize(
    ("unsteady", "times", "told", "steady"),
    [
        ((), (OFTEN, OFTEN), (), SIDES),
        ((), (OFTEN, OFTEN - 1), (), ()),
        (("before",), (OFTEN, OFTEN), (), ()),
        (SIDES, (OFTEN, OFTEN), (), ()),
    ],
    ids=["always", "once", "one-side", "both-sides"],
)
def test_only_what_both_sides_always_answer_stays(
    unsteady: tuple[str, ...], times: tuple[int, int], told: tuple[str, ...], steady: tuple[str, ...]
) -> None:
    again = AskedAgain({KEYS[side]: "else" for side in unsteady}, dict(zip(KEYS.values(), times, strict=True)))
    said, often = again.settled([FLIP], SIDES)
    assert set(said) == {KEYS[side] for side in told}
    assert set(often) == {KEYS[side] for side in steady}


def test_what_is_doubtful_for_no_known_difference_is_called_unsteady() -> None:
    again = AskedAgain({KEYS["after"]: "else"}, dict.fromkeys(KEYS.values(), OFTEN))
    assert again.settled([], SIDES) == ({KEYS["after"]: "else"}, {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release 1 always moves the first case, and wavers in the second; release 2 is right."""
    folder = tmp_path_factory.mktemp("comes-and-goes")
    for release, does in (("1", {3: "moved", 4: "wavers"}), ("2", {})):
        frame_wheel(folder / "wheels", release, does)
    numpy_wheel(folder / "wheels")
    (folder / "known").mkdir()
    (folder / "known" / "framed.yaml").write_text(KNOWN)
    (folder / "cases.yaml").write_text(CASES)
    return folder


def upgrade(folder: Path, before: str, after: str) -> Upgrade:
    wheels = folder / "wheels"
    words = [f"--with={next(wheels.glob('numpy-*'))}", "--backend=tests.suite.upgrade.framed:Framed", "--budget=0"]
    words += ["--installer=--no-index", f"--installer=--find-links={wheels}", "--law=value"]
    words += [f"--spec={folder / 'cases.yaml'}", f"--known={folder / 'known'}"]
    cache = {"CONVT_ENVIRONMENTS": str(folder / "cache")}
    return run(folder / "out", f"tinyframe=={before}", f"tinyframe=={after}", *words, variables=cache)


def test_what_a_version_always_does_is_told_and_what_wavers_is_a_note(folder: Path) -> None:
    for before, after, kind, code in (("1", "2", "fixed", 0), ("2", "1", "regressed", 1)):
        found = upgrade(folder, before, after)
        assert found.code == code, found.text + found.error
        assert found.kinds("moves") == {kind}, found.text
        assert found.kinds("wavers") == set()
        assert "1 verdicts not compared: the known difference moved-by-chance comes and goes by itself" in found.text
