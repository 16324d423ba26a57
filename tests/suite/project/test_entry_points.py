"""Backends and laws of installed packages, by entry points."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BACKEND = """
from convt.adapter import Backend

class Mine(Backend):
    name = "mine"
    def versions(self): return {"mine": "1.0"}
"""
LAW = """
from convt import Law

class Positive(Law):
    \"\"\"Every answer is above zero.\"\"\"
    id = "{id}"
    source = "a test"

class Needs(Positive):
    def __init__(self, argument): ...
"""


def installed(folder: Path, *lines: str, law: str = "positive") -> None:
    """A package of these entry points, as an installer leaves it."""
    info = folder / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    (folder / "mine_backend.py").write_text(BACKEND)
    (folder / "mine_law.py").write_text(LAW.format(id=law))


def convt(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); from convt.cli import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_backend_and_a_law_of_an_installed_package_are_there(tmp_path: Path) -> None:
    installed(tmp_path, "[convt.backends]", "mine = mine_backend:Mine", "[convt.laws]", "positive = mine_law:Positive")
    laws = convt(tmp_path, "laws")
    assert laws.stdout.splitlines()[-1].split() == [
        "positive",
        "Every",
        "answer",
        "is",
        "above",
        "zero.",
        "[a",
        "test]",
    ]
    unknown = convt(tmp_path, "run", "mnie", "--require", "all")
    assert "near: mine" in unknown.stderr + unknown.stdout


@pytest.mark.parametrize(
    ("lines", "law", "says"),
    [
        (
            ["[convt.backends]", "jax = mine_backend:Mine"],
            "positive",
            "found 'jax', which is taken, as the entry point of mine",
        ),
        (["[convt.laws]", "again = mine_law:Positive"], "value", "found the law value, which is there"),
        (
            ["[convt.backends]", "mine = mine_backend"],
            "positive",
            "convt.backends: found 'mine_backend', the entry point",
        ),
        (
            ["[convt.laws]", "gone = nomod:X"],
            "positive",
            "ModuleNotFoundError: No module named 'nomod'; accepted a law",
        ),
        (["[convt.laws]", "gone = mine_law:Nobody"], "positive", "AttributeError"),
        (["[convt.laws]", "needs = mine_law:Needs"], "positive", "TypeError: Needs.__init__() missing 1 required"),
        (["[convt.laws]", "bare = convt.laws.law:Law"], "positive", "AttributeError"),
        (["[convt.laws]", "nothing = mine_law:__doc__"], "positive", "found None; accepted a law"),
    ],
    ids=[
        "a-name-that-is-taken",
        "a-law-that-is-there",
        "no-class",
        "no-module",
        "no-name",
        "arguments",
        "bare",
        "no-law",
    ],
)
def test_what_cannot_be_added_is_said(lines: list[str], law: str, says: str, tmp_path: Path) -> None:
    installed(tmp_path, *lines, law=law)
    done = convt(tmp_path, "targets" if "backends" in lines[0] else "laws")
    assert done.returncode == 2
    assert says in done.stderr


COMMANDS = (
    ["laws"],
    ["run", "onnxruntime"],
    ["upgrade", "--before", "jax==0.9.0", "--after", "jax==0.9.1"],
    ["bisect", "keras", "3.0.5", "3.15.1", "--case", "same-k5-s2-picture"],
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_faulty_law_of_a_package_is_one_line_of_every_command(words: list[str], tmp_path: Path) -> None:
    installed(tmp_path, "[convt.laws]", "gone = nomod:X")
    done = convt(tmp_path, *words)
    assert done.returncode == 2, done.stdout
    assert "entry point gone = nomod:X of convt.laws, in the package mine" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
