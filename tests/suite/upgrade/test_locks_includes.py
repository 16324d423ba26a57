"""What a lock file includes: only files of its repository, plain ones, in UTF-8; of no other file is a line shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from convt.upgrade.locks.choosing import from_lock
from convt.upgrade.locks.lock import LockError
from convt.upgrade.request import Upgrade
from tests.suite.upgrade.test_locks_moved import WANTED
from tests.suite.upgrade.upgrading import ROOT

GIT = ("git",)
OTHERS_LINE = "the secret line of somebody else"


def refused(folder: Path, text: str) -> str:
    (folder / "old.txt").write_text("torch==2.6.0\n")
    (folder / "new.txt").write_text(text)
    with pytest.raises(LockError) as caught:
        from_lock(str(folder / "old.txt"), str(folder / "new.txt"), WANTED)
    return str(caught.value)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "outside.txt").write_text(f"{OTHERS_LINE}\n")
    root = tmp_path / "clone"
    (root / "deps").mkdir(parents=True)
    subprocess.run([*GIT, "init", "--quiet"], cwd=root, check=True)
    return root


@pytest.mark.parametrize("how", ["-r", "-c", "--requirement "])
@pytest.mark.parametrize("path", ["/etc/passwd", "../outside.txt", "deps/link.txt"])
def test_a_file_outside_of_the_repository_is_not_read(repository: Path, how: str, path: str) -> None:
    (repository / "deps" / "link.txt").symlink_to(repository.parent / "outside.txt")
    said = refused(repository, f"torch==2.7.1\n{how}{path}\n")
    assert "new.txt:2: " in said
    assert "leads out of the repository, accepted a file of it" in said
    assert OTHERS_LINE not in said
    assert "root:" not in said


def test_without_a_repository_it_is_the_folder_of_the_lock_file(tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text(f"{OTHERS_LINE}\n")
    (tmp_path / "own").mkdir()
    said = refused(tmp_path / "own", "-r ../outside.txt\n")
    assert f"leads out of {tmp_path / 'own'}, accepted a file in there; start convt in a folder that holds both" in said
    assert OTHERS_LINE not in said


def test_from_the_folder_that_holds_both_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "base.txt").write_text("torch==2.7.1\n")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "old.txt").write_text("torch==2.6.0\n")
    (tmp_path / "own" / "new.txt").write_text("-r ../base.txt\n")
    monkeypatch.chdir(tmp_path)
    found = from_lock("own/old.txt", "own/new.txt", WANTED)
    assert isinstance(found, Upgrade)
    assert [it.after for it in found.moved] == ["2.7.1"]


def test_a_pipe_is_refused_and_not_waited_for(repository: Path) -> None:
    os.mkfifo(repository / "pipe.txt")
    assert "new.txt:1: " in refused(repository, "-r pipe.txt\n")
    command = [sys.executable, "-m", "convt", "upgrade", "--from-lock", "old.txt", "pipe.txt"]
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "pipe.txt: found no plain file, accepted a lock file: requirements.txt, " in done.stderr


def test_a_file_in_latin_1_is_one_clear_line(repository: Path) -> None:
    (repository / "deps" / "base.txt").write_bytes("torch==2.7.1\n# caf\u00e9\n".encode("latin-1"))
    said = refused(repository, "-r deps/base.txt\n")
    assert said.endswith(
        "deps/base.txt:2: found the byte 0xE9, which is no UTF-8 (it may be Latin-1), accepted a text in UTF-8: "
        "save it as that"
    )
    assert "\n" not in said


@pytest.mark.parametrize(
    "option", ["--python", "--before-python", "--after-python", "--from-git", "--lock", "--package", "--target",
               "--installer", "--known", "--spec", "--law", "--backend"]
)  # fmt: skip
def test_an_empty_value_is_refused(option: str) -> None:
    command = [
        sys.executable,
        "-m",
        "convt",
        "upgrade",
        "--before=keras==3.14.1",
        "--after=keras==3.15.1",
        f"{option}=",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"argument {option}: found nothing; accepted a value, or no such option" in done.stderr
