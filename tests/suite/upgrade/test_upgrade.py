"""A whole upgrade, from requirements to the exit status, of a tiny framework whose releases go wrong in every way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.suite.upgrade.upgrading import ROOT, Upgrade, run
from tests.suite.upgrade.wheels import frame_wheel, numpy_wheel

BECOMES = {
    "regressed": ("", "moved"),
    "newly-failing": ("refuses", "moved"),
    "fails-differently": ("moved", "raises"),
    "accept-refuse": ("refuses", ""),
    "result-type": ("moved", "gives float64, moved"),
    "drifted": ("moved", "doubled"),
    "now-unsupported": ("", "refuses"),
    "new-warning": ("", "warns"),
    "slower": ("", "dawdles"),
    "fixed": ("raises", ""),
    "bits": ("", "rounds"),
    "unchanged": ("moved", "moved"),
    "unsteady": ("", "wavers"),
}
"""Class of change to what the releases before and after do, on a case of that name: see `Framed`."""
CHANNELS = {kind: number for number, kind in enumerate(BECOMES, start=3)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("upgrade")
    lines = [f"  - {{id: {kind}, input: 4, kernel: 3, channels: [1, {n}]}}" for kind, n in CHANNELS.items()]
    timed = "laws: [cost], cost: [two-items], input: 40, kernel: 3"
    lines += [f"  - {{id: timed-{kind}, {timed}, channels: [1, {CHANNELS[kind]}]}}" for kind in ("slower", "bits")]
    (folder / "cases.yaml").write_text("\n".join(["about: One case a class.", "source: tests", "cases:", *lines, ""]))
    for release, does in enumerate(zip(*BECOMES.values(), strict=True), start=1):
        frame_wheel(folder / "wheels", str(release), dict(zip(CHANNELS.values(), does, strict=True)))
    numpy_wheel(folder / "wheels")
    (folder / "known").mkdir()
    return folder


def upgrade(
    folder: Path,
    before: str,
    after: str,
    *options: str,
    chosen: Sequence[str] = (),
    project: Path | None = None,
    **variables: str,
) -> Upgrade:
    """An upgrade of tinyframe, from the wheels of a folder; `chosen` are options that narrow it. In a `project` the
    layers of that."""
    wheels = folder / "wheels"
    words = [f"--with={next(wheels.glob('numpy-*'))}", "--backend=tests.suite.upgrade.framed:Framed", "--seed=1"]
    words += ["--installer=--no-index", f"--installer=--find-links={wheels}"]
    files = [*([] if project else [f"--spec={folder / 'cases.yaml'}"]), f"--known={folder / 'known'}"]
    own = {"CONVT_ENVIRONMENTS": str(folder / "cache"), "BUDGET": "0"} | variables
    return run(folder / "out", before, after, *words, *options, *files, *chosen, variables=own, folder=project)


@pytest.fixture(scope="module")
def worse(folder: Path) -> Upgrade:
    return upgrade(folder, "tinyframe==1", "tinyframe==2")


def test_it_ends_with_1_and_says_what_got_worse(worse: Upgrade) -> None:
    assert worse.code == 1, worse.text + worse.error
    assert "upgrade: tinyframe 1 -> 2 on framed" in worse.text
    assert "the same on both sides: numpy" in worse.text
    assert "seed 1" in worse.text


def test_it_says_first_what_it_will_do_and_how_long_that_may_take(worse: Upgrade) -> None:
    _, first, before, after, estimate, *rest = worse.text.splitlines()
    number = len(BECOMES) + 2
    assert first.startswith(f"to compare: tinyframe==1 -> tinyframe==2 on framed: {number} cases and ")
    assert (before, after) == ("  environment before is to be built", "  environment after is to be built")
    assert estimate.startswith("  about ")
    assert any("installing tinyframe==1" in line for line in rest)


@pytest.mark.parametrize("kind", [kind for kind in BECOMES if kind not in ("slower", "unchanged", "new-warning")])
def test_each_way_of_changing_is_its_class(worse: Upgrade, kind: str) -> None:
    assert kind in worse.kinds(kind)


def test_a_new_warning_is_told_once_for_the_target(worse: Upgrade) -> None:
    [told] = [change for change in worse.data["changes"] if change["kind"] == "new-warning"]
    assert told["says"].startswith("FutureWarning: these channels are deprecated")
    assert told["case"] == "new-warning"


def test_lost_speed_is_told_for_the_target_and_names_the_settings(worse: Upgrade) -> None:
    [told] = [change for change in worse.data["changes"] if change["kind"] == "slower"]
    assert told["says"] == (
        "1 of 2 settings that were timed take longer: timed-slower 1.33 ms before, 5.32 ms after, 4.00 times"
    )


def test_what_is_wrong_on_both_sides_alike_is_no_change(worse: Upgrade) -> None:
    assert worse.kinds("unchanged") == set()


def test_it_leaves_a_page_markdown_and_data_with_the_environments(worse: Upgrade) -> None:
    page = (worse.report / "upgrade.html").read_text()
    assert "tinyframe 1 -&gt; 2 on framed" in page
    assert page.rstrip().endswith("</html>")
    assert "tinyframe 1 -> 2 on framed" in (worse.report / "compare.md").read_text()
    assert worse.data["environments"]["after"]["versions"]["tinyframe"] == "2"
    assert worse.data["worse"] is True
    assert worse.data["search"] == []


def test_an_answer_by_chance_is_no_property_of_the_version(worse: Upgrade) -> None:
    [told] = [it for it in worse.data["changes"] if it["case"] == "unsteady" and it["law"] == "value"]
    assert (told["kind"], told["direction"]) == ("unsteady", "worse")
    assert told["says"].startswith("unsteady after: asked again in a fresh process: differs, ")


def test_a_version_is_the_same_as_itself_and_the_environment_speaks(folder: Path, worse: Upgrade) -> None:
    same = upgrade(folder, "", "", BEFORE="tinyframe==2", AFTER="tinyframe==2")
    assert same.code == 0, same.text + same.error
    assert "as built before" in same.text
    assert same.counts.keys() <= {"unsteady", "bits", "unchanged"}
    assert {(change["case"], change["direction"]) for change in same.data["changes"]} == {("unsteady", "")}


def test_an_answer_that_comes_by_chance_no_longer_is_better(folder: Path, worse: Upgrade) -> None:
    back = upgrade(folder, "tinyframe==2", "tinyframe==1", chosen=["-k", "unsteady"])
    assert back.code == 0, back.text + back.error
    told = {(it["kind"], it["direction"]) for it in back.data["changes"]}
    assert ("unsteady", "better") in told
    assert not any(direction == "worse" for _, direction in told)


def test_a_search_finds_a_smaller_case_and_its_scripts(folder: Path, worse: Upgrade) -> None:
    found = upgrade(folder, "tinyframe==1", "tinyframe==2", "--budget=8s", chosen=["-k", "unchanged"])
    assert found.code == 1, found.text + found.error
    [search] = found.data["search"]
    assert any(difference["right"] == "before" for difference in search["differences"])
    assert "search: framed#before (tinyframe 1) against framed#after (tinyframe 2)" in found.text
    assert 'id="search"' in (found.report / "upgrade.html").read_text()


@pytest.mark.parametrize(
    ("before", "options", "chosen", "says"),
    [
        ("tinyframe==7", [], [], "environment before (tinyframe==7 "),
        ("tinyframe=1", [], [], "found 'tinyframe=1'"),
        ("", [], [], "--before: found nothing"),
        ("tinyframe==1", ["--target=frame"], [], "backend: found 'frame', accepted"),
        ("tinyframe==1", ["--target=framed"], ["-k", "nosuchcase"], "the session on both sides: no case was chosen"),
        ("tinyframe==1", ["--target=framed"], ["--", "-x"], "found `-- -x`, accepted nothing after --"),
        ("tinyframe==1", ["--target=framed"], ["--deadline=0"], "--deadline: found '0', accepted a number"),
        ("tinyframe==1", ["--target=framed"], ["--law=nosuchlaw"], "--law: found 'nosuchlaw', accepted "),
    ],
)
def test_no_answer_is_2_and_a_reason(
    folder: Path, worse: Upgrade, before: str, options: list[str], chosen: list[str], says: str
) -> None:
    failed = upgrade(folder, before, "tinyframe==2", *options, chosen=chosen, BEFORE="", AFTER="")
    assert failed.code == 2, failed.text
    assert "convt upgrade: " in failed.error
    assert says in failed.error
    assert "Traceback" not in failed.error


MINE = """
about: Layers of a project.
source: tests
cases:
  - {id: up-1, about: decoder.up1, input: 4, kernel: 3, channels: [1, %d]}
  - {id: up-2, about: decoder.up2, input: 4, kernel: 3, channels: [1, %d]}
  - {id: up-3, about: decoder.up3, input: 4, kernel: 3, channels: [1, %d]}
"""


def test_layers_of_a_project_are_asked_alone_and_told_first(folder: Path, worse: Upgrade, tmp_path: Path) -> None:
    (tmp_path / ".convt").mkdir()
    kinds = ("regressed", "unchanged", "slower")
    (tmp_path / ".convt" / "model.yaml").write_text(MINE % tuple(CHANNELS[kind] for kind in kinds))
    (tmp_path / "tests").symlink_to(ROOT / "tests")  # a backend from outside is found in the current folder
    found = upgrade(folder, "tinyframe==1", "tinyframe==2", chosen=["--only=mine"], project=tmp_path, BUDGET="60s")
    assert found.code == 1, found.text + found.error
    assert found.text.splitlines()[0] == "your 3 cases, from .convt/model.yaml"
    first = "1 of your 3 cases changed: up-1 (decoder.up1) is worse on framed (regressed"
    assert found.text.partition("convt: ")[2].startswith(first)
    assert found.data["search"] == [], "in spite of the budget"
    assert {it["case"] for it in found.data["changes"]} == {"up-1"}
    assert found.data["mine"]["changed"]["up-1"]["framed"]["worse"] is True
    assert (found.report / "compare.md").read_text().startswith("# convt: 1 of your 3 cases changed: up-1")
    assert '<p class="headline">1 of your 3 cases changed: up-1' in (found.report / "upgrade.html").read_text()
