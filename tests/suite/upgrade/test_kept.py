"""`convt compare NAME A B`: released versions from the history, as two run files, and what is said where one lacks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from convt.cli import main
from convt.commands import upgrade as upgrade_command
from convt.page.compare_forms import FORMATS
from convt.results.releases import write_release
from convt.upgrade.environments import EnvironmentFailed
from convt.upgrade.kept import both_kept, series_named, versions_of
from convt.upgrade.series import HISTORY, SERIES, Series
from tests.suite.results.two_runs import SAME, made
from tests.suite.upgrade.test_history import release

FAKE = Series("fake", "fake-engine", versions=("1.9", "1.10", "1.11", "1.12.0"), distribution="fake-cpu")
NONE = "no wheel for this Python"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A history: 1.9 is wrong, 1.10 right, 1.11 wrong once more by other laws, 1.12.0 could not be judged."""
    monkeypatch.setitem(SERIES, "fake", FAKE)
    releases = [
        release("1.9", {"one": "dp.", "two": "ppp"}), release("1.10", {"one": "pp.", "two": "ppp"}),
        release("1.11", {"one": "dp.", "two": "dpp", "three": "ppp"}), release("1.12.0", {}, missing=NONE),
    ]  # fmt: skip
    laws = tuple(replace(law, version=2) if law.id == "value" else law for law in releases[2].header.laws)
    releases[2] = replace(releases[2], header=replace(releases[2].header, laws=laws))
    for it in releases:
        write_release(it, FAKE.path(it.version, tmp_path))
    return tmp_path


def compare(folder: Path, *words: object) -> int:
    return main(["compare", "--from", str(folder), *map(str, words)])


@pytest.mark.parametrize("form", FORMATS)
def test_two_versions_are_compared_as_their_files_are(
    form: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for pair in (("1.9", "1.10"), ("1.10", "1.9")):
        files = [FAKE.path(version, folder) for version in pair]
        status = compare(folder, *files, "--format", form)
        told = capsys.readouterr().out
        assert (status, "1 fixed" in told or '"fixed": 1' in told) == ((0, True) if pair[0] == "1.9" else (1, False))
        for words in (("fake", *pair), ("Fake_CPU", *pair), [f"fake=={version}" for version in pair]):
            assert compare(folder, *words, "--format", form) == status
            assert capsys.readouterr().out == told


def test_a_law_of_another_version_and_a_case_of_one_side_are_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(folder, "fake", "1.10", "1.11", "--format", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [(it["cause"], it["before"], it["after"]) for it in told["left_out"]] == [
        ("law-version", 2, 3), ("case-absent", 0, 2)
    ]  # fmt: skip
    assert compare(folder, "fake", "1.10", "1.11", "--force") == 1


def test_one_version_is_compared_with_the_newest_that_could_be_judged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(folder, "fake", "1.9") == 0
    one = capsys.readouterr().out
    assert "fake-1.11.jsonl.gz" in one
    assert compare(folder, "fake==1.9") == 0
    assert capsys.readouterr().out == one


def test_a_version_that_could_not_be_judged_is_no_answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(folder, "fake", "1.10", "1.12") == 2
    assert NONE in capsys.readouterr().err


@pytest.mark.parametrize(("adapters", "left"), [(("a", "a"), 0), (("a", "b"), 2), (("", "b"), 2)])
def test_what_only_one_of_two_adapters_can_say_is_no_change_of_the_framework(
    adapters: tuple[str, str], left: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The law `value` is unsupported before and passes after; the claim of that stands before alone."""
    paths = []
    for version, codes, adapter in zip(("1.0", "1.1"), ("upp", "pp."), adapters, strict=True):
        made = release(version, {"one": codes})
        (target,) = made.header.targets
        target = replace(target, flags={"adapter": adapter} if adapter else {})
        paths.append(tmp_path / f"fake-{version}.jsonl.gz")
        write_release(replace(made, header=replace(made.header, targets=(target,))), paths[-1])
    assert compare(tmp_path, *paths, "--format", "json") == (0 if left else 1)
    told = json.loads(capsys.readouterr().out)
    assert sum(it["before"] for it in told["left_out"] if it["cause"] == "adapter") == left
    assert [change["kind"] for change in told["changes"]] == ([] if left else ["accept-refuse", "gone"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("fake", "1.9.5", "1.10"), "has no 1.9.5, but near it 1.9 and 1.10 (of 4 versions from 1.9 to 1.12.0)."),
        (("fake", "1.9.5", "1.10"), "To judge it: convt history --judge fake --version 1.9.5; to compare the two"),
        (("fake", "1.9.5", "1.10"), 'history: convt upgrade --before "fake==1.9.5" --after "fake==1.10"'),
        (("fake", "1.2", "1.10"), "near it 1.9 (of 4"),
        (("fake", "1.9.5", "2.0"), "has no 1.9.5 and no 2.0, but near it 1.9 and 1.10 and 1.12.0 (of 4"),
        (("fake", "1.9.5", "2.0"), 'convt upgrade --before "fake==1.9.5" --after "fake==2.0"'),
        (("fake==2.0", "fake==1.9"), '--before "fake==1.12.0" --after "fake==2.0"'),
        (("fake", "1.9", "newest"), "found the version 'newest', accepted one such as 1.12.0"),
        (("fake", "1.9", "v1.9"), "stands on both sides, accepted two versions of 1.9, 1.10, 1.11, 1.12.0"),
        (("fake", "1.11"), "1.11 is the newest one in the history"),
        (("fake",), "found fake alone"),
        (("fkae", "1.9", "1.10"), "found fkae 1.9 1.10, accepted run files, or one of keras"),
        (("fkae", "1.9"), "found fkae 1.9, accepted run files"),
        (("fkae==1.9", "x.jsonl"), "found 'fkae==1.9', accepted a run file, or NAME==VERSION"),
        (("fkae==1.9",), "found fkae==1.9, accepted run files"),
        (("keras", "3.14.1"), "keras: the history has no version of it"),
        (("fake", "1.9", "1.10", "--sides", "a", "b"), "--sides"),
        (("a.jsonl", "b.jsonl"), "no such file"),
        (("fake", "../../x", "1.10"), "found the version '../../x'"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_in_one_line(
    words: tuple[str, ...], says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(folder, *words) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_file_goes_before_a_series_of_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("fake", "fake==1.9"):
        made(Path(name), SAME)
    (tmp_path / "keras").mkdir()
    assert compare(folder, "fake", "fake==1.9") == 0
    assert "before   fake," in capsys.readouterr().out
    assert compare(folder, "keras", "3.14.1", "3.15.1") == 2, "a folder of that name is no run file"
    assert "the history has no version" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "series"),
    [("torch", "torch"), ("PyTorch", "torch"), ("tensorflow-cpu", "tensorflow"), ("Keras", "keras"),
     ("keras_torch", "keras"), ("ONNX-Runtime", "onnxruntime"), ("JAX", "jax")],
)  # fmt: skip
def test_a_series_goes_by_the_names_that_people_give_it(name: str, series: str) -> None:
    assert series_named(name) is SERIES[series]


def test_the_history_that_convt_brings_answers(capsys: pytest.CaptureFixture[str]) -> None:
    versions = versions_of(SERIES["jax"])
    assert versions.index("0.9.2") < versions.index("0.10.2")
    assert main(["compare", "jax", *versions[:2]]) in (0, 1)
    assert "verdicts compared" in capsys.readouterr().out
    assert all(versions_of(series) for series in SERIES.values() if series.path("x").parent.parent == HISTORY)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("jax==0.9.2", "jax==0.10.2", True), ("keras == 3.14.1", "keras===3.15.1", True),
        ("tensorflow==2.16.2", "tensorflow-cpu==2.21.0", True), ("jax==0.9.2", "jax", False),
        ("jax>=0.9.2", "jax==0.10.2", False), ("jax==0.9.*", "jax==0.10.2", False),
        ("jax==0.10.2", "jax==0.10.2", False), ("jax==0.9.2", "keras==3.15.1", False),
        ("jax==0.9.2 numpy==2.0", "jax==0.10.2", False), ("jax==0.1", "jax==0.10.2", False), ("", "", False),
    ],
)  # fmt: skip
def test_which_upgrades_the_history_answers(before: str, after: str, kept: bool) -> None:
    assert (both_kept(before, after) is not None) == kept


@pytest.mark.parametrize(
    ("more", "said"), [((), True), (("--target", "keras-torch"), True), (("--target", "keras-jax"), False)]
)
def test_an_upgrade_says_before_it_builds_that_the_history_answers(
    more: tuple[str, ...], said: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def install(*_: object) -> None:
        raise EnvironmentFailed("before", "cannot be installed", "no network", "ask for another")

    monkeypatch.setattr(upgrade_command, "install", install)
    sides = ["--before", "keras==3.14.1", "--after", "keras==3.15.1", "--report", str(tmp_path)]
    assert main(["upgrade", *sides, *more]) == 2
    told = [line for line in capsys.readouterr().out.splitlines() if "history" in line]
    line = "in the history: `convt compare keras 3.14.1 3.15.1` answers for keras-torch at once, from what each release"
    assert told == [f"{line} was judged to do"] * said
