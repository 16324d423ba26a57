"""The search for the first released version that does a case otherwise: over fake versions, without a network."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from convt.cases.errors import SpecErrors
from convt.cli import parser
from convt.commands.bisect import Outside
from convt.commands.bisect import run as bisect
from convt.commands.parts import UsageError
from convt.host.registry import built_in, parse_target
from convt.results.targets import TargetError
from convt.session.options import BadOption
from convt.upgrade.bisect_question import BadRequest, beside, target_of
from convt.upgrade.package_index import NoReleases, between, newest_of_each_minor, released
from convt.upgrade.walk import NothingToFind, Seen, Walk
from tests.suite.upgrade.versioned import SPEC, environ, installer, listing

ROOT = Path(__file__).parents[3]
STATES = {"g": "pass", "b": "differs", "e": "error", "u": "unsupported", "-": None}


def walk(history: str) -> Walk:
    """Versions 0, 1, 2, ... whose states are spelled by letters; `-` cannot be judged."""
    versions = [str(number) for number in range(len(history))]
    return Walk(versions, lambda version: Seen(version, STATES[history[int(version)]]))


@pytest.mark.parametrize(
    ("history", "what", "first"),
    [
        ("ggggbbb", "first bad", ["4"]),
        ("gb", "first bad", ["1"]),
        ("gbbbbbbb", "first bad", ["1"]),
        ("bbbbbbbg", "first good", ["7"]),
        ("uuuug", "first pass after unsupported", ["4"]),
        ("bbee", "first error after differs", ["2"]),
        ("ggee", "first bad", ["2"]),
        ("eeeggg", "first good", ["3"]),
        ("g-g-g-bbb", "first bad", ["5", "6"]),
        ("gg---bbb", "first bad", ["2", "3", "4", "5"]),
        ("g-gg-gbb-b", "first bad", ["6"]),
        ("--gggbbb", "first bad", ["5"]),
        ("gggbb--", "first bad", ["3"]),
        ("g-------b", "first bad", list("12345678")),
    ],
)
def test_the_first_version_of_the_new_state_is_found(history: str, what: str, first: list[str]) -> None:
    change = walk(history).bisect()
    assert (change.what, list(change.first)) == (what, first)


@pytest.mark.parametrize("place", range(1, 40))
def test_it_halves(place: int) -> None:
    walked = walk("g" * place + "b" * (40 - place))
    assert walked.bisect().first == (str(place),)
    assert len(walked.tested) <= 2 + math.ceil(math.log2(39))


def test_no_version_is_tested_twice() -> None:
    asked: list[str] = []
    walked = walk("ggg-b")
    test = walked.test
    walked.test = lambda version: asked.append(version) or test(version)  # type: ignore[func-returns-value]
    walked.bisect()
    walked.everything()
    assert sorted(asked) == list(walked.versions)


@pytest.mark.parametrize(
    ("history", "says"),
    [
        ("ggggg", "0 and 4 are both good"),
        ("b-b", "0 and 2 are both bad"),
        ("uu", "0 and 1 are both unsupported"),
        ("--g-", "only 2 can be judged; 3 could not: 0, 1, 3"),
        ("---", "no version can be judged; 3 could not"),
    ],
)
def test_where_there_is_nothing_to_find_it_says_why_and_what_to_do(history: str, says: str) -> None:
    with pytest.raises(NothingToFind, match=says) as raised:
        walk(history).bisect()
    assert "--" in str(raised.value)


def test_a_third_state_on_the_way_is_told() -> None:
    walked = walk("gggeeebbb")
    change = walked.bisect()
    assert change.first == ("3",)
    assert [(tested.version, tested.state) for tested in walked.others(change)] == [("8", "differs")]
    assert {tested.state for tested in walked.tested.values()} == {"pass", "error", "differs"}


def test_everything_tells_every_change_of_a_history_that_went_back_and_forth() -> None:
    changes = walk("ggb-gbb").everything()
    assert [(change.what, change.first) for change in changes] == [
        ("first bad", ("2",)),
        ("first good", ("3", "4")),
        ("first bad", ("5",)),
    ]


def answer(stdout: str, code: int = 0, stderr: str = "") -> Sequence[str]:
    """What `released` makes of an installer's answer."""
    done = subprocess.CompletedProcess[str]([], code, stdout, stderr)
    return released("fake", run=lambda command: done, pre="--pre" in stderr)


TEXT = "fake (2.0)\nAvailable versions: 2.0, 1.10, 1.9.1, 1.9+cpu, 1.9, 1.8rc1, 1.8.dev3, first-try\n  LATEST: 2.0\n"


def test_the_installers_list_comes_in_order_and_without_pre_releases() -> None:
    assert answer(TEXT) == ["1.9", "1.9.1", "1.10", "2.0"]


def test_pre_releases_come_on_request() -> None:
    assert answer(TEXT, stderr="--pre") == ["1.8.dev3", "1.8rc1", "1.9", "1.9.1", "1.10", "2.0"]


def test_the_installers_json_is_read_too() -> None:
    assert answer('{"name": "fake", "versions": ["1.10", "1.9"], "latest": "1.10"}') == ["1.9", "1.10"]


@pytest.mark.parametrize(
    ("stdout", "code"), [("", 1), ("no word of versions", 0), ("Available versions: first-try", 0), ("{}", 0)]
)
def test_an_installer_without_a_list_is_said_with_its_last_lines(stdout: str, code: int) -> None:
    with pytest.raises(NoReleases, match="fake: the installer lists no version") as raised:
        answer(stdout, code, "ERROR: No matching distribution found for fake")
    assert "No matching distribution" in str(raised.value)


def test_an_interpreter_that_is_not_there_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(NoReleases, match=r"--python: found no Python .*, accepted a version"):
        released("fake", python=tmp_path / "python")
    (tmp_path / "python").write_text("#!/nowhere/python\n")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(NoReleases, match=r"cannot start .*/python: .*; accepted a version"):
        released("fake", python=tmp_path / "python")


RELEASES = ["1.9", "1.9.1", "1.10", "2.0rc1", "2.0", "2.1"]


def test_both_ends_belong_to_it_in_either_order() -> None:
    assert between("fake", RELEASES, "2.0", "1.9.1") == ["1.9.1", "1.10", "2.0rc1", "2.0"]
    assert between("fake", RELEASES, "1.9.1", "2.0.0") == ["1.9.1", "1.10", "2.0rc1", "2.0"]


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ("1.9", "2.2", "no release 2.2, near ones: 2.1"),
        ("1.9", "2.1rc1", "--pre accepts pre-releases"),
        ("1.9", "newest", "'newest', accepted one such as 2.1"),
        ("1.9", "1.9", "accepted two versions"),
    ],
)
def test_ends_that_are_no_two_releases_are_refused(first: str, last: str, says: str) -> None:
    with pytest.raises(NoReleases, match=says):
        between("fake", RELEASES, first, last)


def test_the_newest_patch_of_each_minor_leaves_out_pre_releases() -> None:
    assert newest_of_each_minor([*RELEASES, "3.0rc1"], since="1.10") == ["1.10", "2.0", "2.1"]


def test_engines_stand_beside_every_version_as_they_are_pinned() -> None:
    target = parse_target("keras-torch")
    assert beside("keras", target, [], {"torch": "torch==2.13.0"}, built_in()) == ["torch==2.13.0", "numpy"]
    assert beside("keras", target, ["torch==2.12.0", "numpy<2"], {"torch": "torch==2.13.0"}, built_in()) == [
        "torch==2.12.0",
        "numpy<2",
    ]
    assert beside("torch", parse_target("pytorch"), [], {"numpy": "numpy==2.4.6"}, built_in()) == ["numpy"]


@pytest.mark.parametrize("given", ["keras==3.0.5", "Keras", "torch=2", "==3"])
def test_what_cannot_stand_beside_it_is_refused(given: str) -> None:
    with pytest.raises(BadRequest, match="--with"):
        beside("keras", parse_target("keras-torch"), [given], {}, built_in())


def test_a_package_that_is_one_backends_own_needs_no_target() -> None:
    assert (target_of("keras", built_in()), target_of("jax", built_in()), target_of("torch", built_in())) == (
        "keras-torch",
        "jax",
        "pytorch",
    )
    with pytest.raises(BadRequest, match="--target: found none for the package numpy"):
        target_of("numpy", built_in())


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(ROOT)
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC)
    return path


VERSIONS = ("1.0", "1.1", "1.2", "1.3", "2.0")


def search(spec: Path, *more: str, wrong: str = "", refused: str = "", broken: str = "") -> int:
    """The whole command, over versions 1.0 to 2.0 of a fake framework."""
    build = installer(spec.parent, wrong.split(), refused.split(), broken.split())
    backend = ["--backend", "versioned=tests.suite.upgrade.versioned:Versioned", "--target", "versioned"]
    words = ["fake", "1.0", "2.0", "--case", "tiny", "--spec", str(spec), *backend, *more]
    return bisect(parser().parse_args(["bisect", *words]), Outside(listing(*VERSIONS), build))


def test_the_first_bad_version_is_named(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert search(spec, "--law", "value", wrong="1.2 1.3 2.0", refused="1.1") == 1
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines() if line.startswith(("  1.", "  2."))]
    assert {line[0]: line[1] for line in lines} == {"1.0": "good", "2.0": "bad", "1.2": "bad", "1.1": "not"}
    assert "first bad: one of fake 1.1, 1.2" in out
    assert "No matching distribution found" in out
    assert '--before "fake==1.0" --after "fake==1.2"' in out


def test_the_first_good_version_is_named_past_one_that_does_not_start(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search(spec, wrong="1.0 1.1", broken="1.3 2.0") == 0
    out = capsys.readouterr().out
    assert "first good: fake 1.2, the release after 1.1" in out
    assert out.count("does not run: did not start") == 2


def test_equal_ends_are_exit_2_and_say_what_to_do(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match=r"1\.0 and 2\.0 are both good: 1 law holds"):
        search(spec, "--law", "value", wrong="1.1")


def test_all_tells_each_change(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert search(spec, "--law", "value", "--all", wrong="1.1") == 1
    out = capsys.readouterr().out
    assert "first bad: fake 1.1" in out
    assert "first good: fake 1.2" in out
    assert "5 of 5 releases tested" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--case", "tny"], "--case: found 'tny', accepted tiny, tiny-with-bias; near: tiny"),
        (["--law", "valu"], "near: value"),
        (["--spec", "nowhere.yaml"], "--spec: found no file nowhere.yaml"),
        (["--target", "keras-torch#before"], "accepted one without #before"),
        (["--target", "keras-toch"], "near: keras-torch"),
        (["--with", "torch=2"], "--with"),
        (["--constraints", "nowhere.txt"], "--constraints: found no file"),
        (["--deadline", "0"], "--deadline: found '0'"),
        (["--deadline", "1e300"], "--deadline: found '1e300', accepted a number of seconds above 0, 1,000,000 at most"),
        (["--backend", "other=a.b:C"], "--backend: found 'other=a.b:C', which no target that was named asks for"),
    ],
)
def test_bad_requests_are_one_message_and_exit_2(
    words: list[str], says: str, spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises((UsageError, TargetError, BadOption), match=re.escape(says)):
        search(spec, *words)


def test_a_broken_spec_file_is_said_with_its_line(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_text(SPEC.replace("stride: 2", "strude: 2"))
    with pytest.raises(SpecErrors, match=r"tiny\.yaml:7:"):
        search(spec)


def test_the_command_works_from_any_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "convt", "bisect", "fake", "1", "2", "--case", "no-such", "--target", "jax"]
    done = subprocess.run(command, cwd=tmp_path, env=environ(os.environ), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--case: found 'no-such', accepted one of" in done.stderr
