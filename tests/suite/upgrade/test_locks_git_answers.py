"""Which files of a repository answer, where others are broken, only look like lock files, or have hostile names."""

from __future__ import annotations

from pathlib import Path

import pytest

from convt.upgrade.locks.lock import LockError
from tests.suite.upgrade.test_locks_git import Clone, clone, no_configuration

__all__ = ["clone", "no_configuration"]

BAD = {
    "not text": ("torch==2.6.0\n", b"torch==2.7.1\n\xff\xfe\x00"),
    "broken": ("torch==2.6.0\n", b"torch==2.7.1\n<<<<<<< HEAD\n"),
    "gone include": ("torch==2.6.0\n", b"-r gone.txt\n"),
    "not pinned": ("torch>=2.6\n", b"torch>=2.7\n"),
}
"""Requirements files that may move a framework, and are no answer."""


@pytest.mark.parametrize("why", BAD)
def test_a_file_that_is_no_answer_is_a_note_beside_one_that_is(why: str, tmp_path: Path) -> None:
    before, after = BAD[why]
    clone = Clone(tmp_path / "clone", **{"a__requirements.txt": before, "requirements.txt": "torch==2.6.0\n"})
    (clone.root / "a" / "requirements.txt").write_bytes(after)
    with pytest.raises(LockError, match=r"a/requirements.txt"):
        clone.moved()
    clone.write(**{"requirements.txt": "torch==2.6.0\nflask==3\n"})
    with pytest.raises(LockError, match=r"a/requirements.txt"):
        clone.moved()
    clone.write(**{"requirements.txt": "torch==2.7.1\n"})
    found = clone.upgrade()
    assert found.after == ("torch==2.7.1", "numpy")
    [note] = found.notes
    assert note.startswith("not compared: ")
    assert "a/requirements.txt" in note


@pytest.mark.parametrize("why", BAD)
def test_an_unchanged_file_never_fails(why: str, tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone", **{"requirements.txt": "flask==2\n", "a__requirements.txt": "x"})
    (clone.root / "a" / "requirements.txt").write_bytes(BAD[why][1])
    clone.commit()
    clone.git("branch", "--force", "main")
    assert str(clone.moved()).startswith("Nothing to compare since main")
    clone.write(**{"requirements.txt": "flask==3\n"})
    assert str(clone.moved()).startswith("Nothing to compare from main")


LOOKS = {
    "{{cookiecutter.name}}__requirements.txt": ("{% if torch %}\ntorch==2.6.0\n{% endif %}\n", "{{ torch }}==2.7.1\n"),
    "chart__templates__env.yaml": ("{{- if .Values.torch }}\nkind: A\n{{- end }}\n", "{{- if .Values.jax }}\n"),
    "doc__requirements.txt": ("flask==1\n", "flask is a framework\n"),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_file_that_only_looks_like_a_lock_file_is_a_note(name: str, tmp_path: Path) -> None:
    before, after = LOOKS[name]
    clone = Clone(tmp_path / "clone", **{name: before, "requirements.txt": "torch==2.6.0\n"})
    clone.write(**{name: after})
    assert "; not read: " in str(clone.moved())
    clone.write(**{"requirements.txt": "torch==2.7.1\n"})
    assert clone.upgrade().notes[0].startswith("not read: ")


def test_two_builds_of_one_version_agree(tmp_path: Path) -> None:
    names = ("cpu", "cu126")
    clone = Clone(tmp_path / "clone", **{f"requirements-{name}.txt": f"torch==2.6.0+{name}\n" for name in names})
    clone.write(**{f"requirements-{name}.txt": f"torch==2.7.1+{name}\n" for name in names})
    found = clone.upgrade()
    assert found.after[0] == "torch==2.7.1+cpu"
    assert found.notes == ("requirements-cu126.txt moves the same, in another build: torch 2.7.1+cu126",)
    clone.write(**{"requirements-cu126.txt": "torch==2.7.0+cu126\n"})
    with pytest.raises(LockError, match="found 2 lock files that move different things"):
        clone.moved()


HOSTILE = "requirements\n::warning::pwned\n.txt"
POETRY = '[[package]]\nname = "torch"\nversion = "{}"\n[metadata]\nlock-version = "2.1"\n'


@pytest.mark.parametrize(
    "files",
    [
        {},
        {HOSTILE: "flask==2\n"},
        {HOSTILE: "torch<3<\n"},
        {HOSTILE: "torch<3<\n", "b__requirements.txt": "torch==2.7.1\n"},
        {HOSTILE: "torch==2.7.0\n", "b__requirements.txt": "torch==2.7.1\n"},
        {HOSTILE: "torch==2.7.1\n", "b__requirements.txt": "torch==2.7.1\n"},
        {"poetry.lock": POETRY.format("2\\n::error::pwned\\n")},
        {HOSTILE: "-r a/gone.txt\n"},
    ],
)
def test_no_name_and_no_text_of_a_file_begins_a_line(files: dict[str, str], tmp_path: Path) -> None:
    both = {"b__requirements.txt": "torch==2.6.0\n", "poetry.lock": POETRY.format("2.6.0")}
    clone = Clone(tmp_path / "clone", **{HOSTILE: "torch==2.6.0\n"}, **both)
    clone.write(**files)
    try:
        found = clone.moved()
    except LockError as error:
        found = str(error)
    told = found if isinstance(found, str) else "\n".join([found.locked["after"].path, *found.notes])
    assert "\\n::" in told
    assert not [line for line in told.splitlines() if line.lstrip().startswith("::")]


def test_a_hostile_name_that_is_new_begins_no_line(clone: Clone) -> None:
    clone.write(**{HOSTILE: "torch==2.7.1\n"})
    clone.git("add", "--all")
    assert "; requirements\\n::warning::pwned\\n.txt is new since main" in str(clone.moved())
