"""A whole upgrade from lock files, of a tiny framework from wheels: two files, and a pull request."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.suite.upgrade.test_locks_git import Clone
from tests.suite.upgrade.upgrading import ROOT, Upgrade, run
from tests.suite.upgrade.wheels import frame_wheel, numpy_wheel, wheel

LOCK = "# made by hand\n--pre\nhelper=={helper}\nnumpy=={numpy}\ntinyframe=={frame}  # the framework\n"
CASES = """\
about: One case.
source: tests
cases:
  - {id: tiny, input: 4, kernel: 3, channels: [1, 3]}
"""


def lock(frame: str, helper: str) -> str:
    return LOCK.format(frame=frame, helper=helper, numpy=np.__version__)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of three releases: the second moves every output by one, and the third is the first again."""
    folder = tmp_path_factory.mktemp("locks")
    for release, does in (("1", ""), ("2", "moved"), ("3", "")):
        frame_wheel(folder / "wheels", release, {3: does})
    for release in ("1", "2"):
        wheel(folder / "wheels", "helper", release, {"helper.py": ""})
    numpy_wheel(folder / "wheels")
    (folder / "known").mkdir()
    (folder / "cases.yaml").write_text(CASES)
    clone = Clone(folder / "clone", **{"svc__requirements.txt": lock("1", "1")})
    clone.write(**{"svc__requirements.txt": lock("2", "2")})
    (clone.root / "tests").symlink_to(ROOT / "tests")  # a target from outside is found from the current folder
    (folder / "old.txt").write_text(lock("1", "1"))
    return folder


def upgrade(folder: Path, *options: str, at: Path | None = None) -> Upgrade:
    words = ["--backend=tests.suite.upgrade.framed:Framed", "--package=tinyframe", "--seed=1", "--law=value"]
    words += ["--installer=--no-index", f"--installer=--find-links={folder / 'wheels'}", "--annotate"]
    files = [f"--spec={folder / 'cases.yaml'}", f"--known={folder / 'known'}"]
    clash = {"BEFORE": "torch==1", "AFTER": "torch==2", "WITH": "numpy==9"}
    own = {"CONVT_ENVIRONMENTS": str(folder / "cache"), "BUDGET": "0"} | clash
    return run(folder / "out", "", "", *words, *files, *options, variables=own, folder=at)


@pytest.fixture(scope="module")
def base(folder: Path) -> str:
    """The commit of `main`, as messages have it."""
    words = ["git", "-C", str(folder / "clone"), "rev-parse", "--short", "main"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def worse(folder: Path) -> Upgrade:
    return upgrade(folder, "--from-git=main", at=folder / "clone")


def test_a_pull_request_that_makes_it_worse_ends_with_1(worse: Upgrade, base: str) -> None:
    assert worse.code == 1, worse.text + worse.error
    assert worse.text.startswith("tinyframe 1 -> 2 (svc/requirements.txt:5)\n")
    assert "upgrade: tinyframe 1 -> 2 on framed" in worse.text
    assert f"  before: main ({base}):svc/requirements.txt (requirements.txt)" in worse.text
    assert "  after: svc/requirements.txt (requirements.txt)" in worse.text


def test_both_sides_are_as_the_lock_files_say(worse: Upgrade) -> None:
    for side, frame in (("before", "1"), ("after", "2")):
        told = worse.data["environments"][side]
        assert told["requirements"] == [f"tinyframe=={frame}", f"numpy=={np.__version__}"]
        assert told["versions"]["tinyframe"] == frame
        assert "helper" not in told["versions"]  # it moved too, and nothing needs it


def test_the_annotation_stands_at_the_pin(worse: Upgrade) -> None:
    [said] = [line for line in worse.text.splitlines() if line.startswith("::error")]
    assert said.startswith("::error file=svc/requirements.txt,line=5,title=regressed%3A tiny on framed::")


def test_the_data_tells_the_files_and_where_the_pin_stands(worse: Upgrade, base: str) -> None:
    told = worse.data["lock"]
    assert told["before"] == {
        "file": f"main ({base}):svc/requirements.txt", "kind": "requirements.txt", "python": "", "exact_python": "",
    }  # fmt: skip
    place = {"file": "svc/requirements.txt", "line": 5}
    assert told["moved"] == [{"package": "tinyframe", "before": "1", "after": "2", **place}]
    assert told["places"] == {"framed": place}


def test_two_files_are_compared_with_what_was_built_before(folder: Path, worse: Upgrade) -> None:
    (folder / "new.txt").write_text(lock("3", "2"))
    same = upgrade(folder, "--from-lock", str(folder / "old.txt"), str(folder / "new.txt"))
    assert same.code == 0, same.text + same.error
    assert "::error" not in same.text
    assert "tinyframe 1 -> 3" in same.text
    assert "as built before" in same.text


def test_a_lock_that_cannot_be_installed_is_no_answer(folder: Path) -> None:
    (folder / "gone.txt").write_text(lock("9", "2"))
    failed = upgrade(folder, "--from-lock", str(folder / "old.txt"), str(folder / "gone.txt"))
    assert failed.code == 2, failed.text
    assert "environment after (tinyframe==9 " in failed.error
    assert "what lock files pin is installed as it stands" in failed.error


def test_where_nothing_moved_nothing_is_imported_or_built(folder: Path, tmp_path: Path) -> None:
    """A sentence within a second, which the imports alone of a comparison would take."""
    code = (
        "import sys; from convt.cli import main; code = main(sys.argv[1:]);"
        "print(sorted({'pydantic', 'hypothesis', 'jinja2'} & {*sys.modules})); sys.exit(code)"
    )
    words = ["upgrade", "--from-lock", str(folder / "old.txt"), str(folder / "old.txt"), f"--report={tmp_path / 'out'}"]
    env = os.environ | {"CONVT_ENVIRONMENTS": str(tmp_path / "cache"), "BEFORE": "torch==1"}
    done = subprocess.run([sys.executable, "-c", code, *words], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sentence, imported = done.stdout.splitlines()
    assert sentence.startswith(f"Nothing to compare from {folder}/old.txt to {folder}/old.txt: numpy ")
    assert imported == "[]"
    assert list(tmp_path.iterdir()) == []
