"""`convt run` in a project with layers of its own: they are found, told first, and asked alone where that is wanted."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.suite.plugin.test_pytest_run import FLIPS, HONEST, ROOT, Result

LAYERS = """
about: Layers of a project.
source: tests
cases:
  - {id: dec-1, about: decoder.up1, input: 4, kernel: 3, padding: 1, bias: true}
  - {id: dec-2, about: decoder.up2, input: 7, kernel: 5, stride: 2, padding: same}
  - {id: large, about: encoder, input: [28, 28], kernel: 3, channels: [32, 16], stride: 2, laws: [realistic]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository with layers of its own."""
    (tmp_path / ".convt").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "known").mkdir()
    (tmp_path / ".convt" / "model.yaml").write_text(LAYERS)
    return tmp_path


def run(folder: Path, project: Path, *words: str) -> Result:
    """`convt run` in a folder of the project, on an honest backend and one that flips the kernel."""
    own = [f"--known={project / 'known'}", f"--report={project / 'out'}", f"--backend=honest={HONEST.split('=')[1]}"]
    done = subprocess.run(
        [sys.executable, "-m", "convt", "run", *words, *own, f"--backend={FLIPS}", "--target=honest,flips"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    return Result(done, project / "out")


SAYS = (
    r"Your 3 cases: all right on honest [\d.]+; 3 differ on flips [\d.]+: dec-1 \(decoder.up1\), law value and \d+"
    r" more, dec-2 \(decoder.up2\), law \w+ and \d+ more, large \(encoder\), law realistic\."
)


def test_they_are_asked_alone_from_a_folder_below(project: Path) -> None:
    result = run(project / "src", project, "--only", "mine")
    assert result.code == 1, result.text
    assert "your 3 cases, from ../.convt/model.yaml" in result.text
    assert re.search(SAYS, " ".join(result.text.split())), result.text
    cases = result.of_kind("case")
    assert [(it["id"], it["mine"]) for it in cases] == [("dec-1", True), ("dec-2", True), ("large", True)]
    assert {law for case, law, _ in result.verdicts() if case == "large"} == {"realistic"}
    assert "Your 3 cases: all right on honest" in (result.report / "index.html").read_text()
    repeat = next(it for it in re.findall(r"repeat: (convt run .*)$", result.text, re.MULTILINE) if "dec-1" in it)
    assert "--only=mine" in shlex.split(repeat)
    told = json.loads(convt("summary", str(result.report / "run.jsonl"), "--json"))["mine"]
    assert told["targets"]["flips"]["differs"] == ["dec-1", "dec-2", "large"]


def convt(*words: str, folder: Path = ROOT) -> str:
    command = [sys.executable, "-m", "convt", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    return done.stdout + done.stderr


def test_other_commands_know_them_too(project: Path) -> None:
    assert "near: dec-1, dec-2" in convt("bisect", "keras", "3.14.1", "3.15.1", "--case", "dec-11", folder=project)
    (project / ".convt" / "model.yaml").write_text(LAYERS.replace("stride: 2", "stride: 0", 1))
    assert convt("check", folder=project).startswith(".convt/model.yaml:6:66: cases[1].stride: found 0")


def test_they_are_asked_beside_the_suite_and_left_out_where_that_is_wanted(project: Path) -> None:
    words = ["-k", "dec-1 or gap-1d", "--law", "value"]
    both = run(project, project, *words, "-n", "2")
    assert "your 3 cases, from .convt/model.yaml" in both.text
    assert "Your 1 case: right on honest" in both.text
    assert {it["id"]: it.get("mine", False) for it in both.of_kind("case")} == {"dec-1": True, "gap-1d": False}
    suite = run(project, project, *words, "--only=suite")
    assert "layer" not in suite.text
    assert [it["id"] for it in suite.of_kind("case")] == ["gap-1d"]


def test_files_that_are_named_are_ones_own_and_nothing_is_generated_beside_them(project: Path) -> None:
    named = project / "named.yaml"
    (project / ".convt" / "model.yaml").rename(named)
    result = run(project, project, f"--spec={named}", "--law", "value")
    assert "your 3 cases, from named.yaml" in result.text
    assert "Your 2 cases: all right on honest" in result.text, "the law says nothing about the third"
    assert not any(it["generated"] for it in result.of_kind("case"))


@pytest.mark.parametrize(
    ("words", "text", "says"),
    [
        ([], "cases: [{id: x, input: 3}]", ".convt/model.yaml:1:1: about: missing required field"),
        (
            ["--only=mine"],
            LAYERS.replace("kernel: 3", "kernel: 0", 1),
            ".convt/model.yaml:5:55: cases[0].kernel: found 0",
        ),
        ([], LAYERS.replace("dec-1", "gap-1d"), "cases[0].id: found 'gap-1d', which"),
        (["--only=both"], LAYERS, "--only: found 'both', accepted mine, suite"),
        (["--only=suite", "--spec=.convt"], LAYERS, "--only suite excludes --spec"),
    ],
    ids=["no-about", "no-kernel", "a-name-of-the-suite", "only-both", "suite-and-spec"],
)
def test_what_is_wrong_is_said_before_anything_runs(project: Path, words: list[str], text: str, says: str) -> None:
    (project / ".convt" / "model.yaml").write_text(text)
    result = run(project, project, *words)
    assert result.code == 2, result.text
    assert says in result.text
    assert "Traceback" not in result.text
