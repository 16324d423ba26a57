"""The GitHub action on a pull request of a bot, as a runner would run it, offline: a repository, a branch that moves a
lock file, and the steps of `action.yml`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from convt.cli import parser
from convt.commands.action import COMMENT, MARK, Refused, fetched, harmless, parent, shortened, tell, words
from tests.suite.project.runner import ROOT, Runner, action, value
from tests.suite.upgrade.wheels import frame_wheel, numpy_wheel

GIT = ("-c", "user.name=bot", "-c", "user.email=bot@example.org", "-c", "init.defaultBranch=main")
INPUTS = {
    "before": "", "after": "", "base": "", "lock": "", "targets": "", "spec": "", "budget": "0", "fail-on": "worse",
    "options": "", "report": "out", "default-branch": "", "event-base": "",
}  # fmt: skip


def git(folder: Path, *rest: str) -> str:
    done = subprocess.run(["git", *GIT, *rest], cwd=folder, check=True, capture_output=True, text=True)  # noqa: S607
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> str:
    """A commit of these files, by the names that they have without `.txt`."""
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Bump tinyframe")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository on the server: `main` pins release 1, a bot's branch release 2, and another changes words."""
    folder = tmp_path_factory.mktemp("origin")
    wheels = folder.with_name("wheels")
    for release, does in (("1", {}), ("2", {2: "moved"})):
        frame_wheel(wheels, release, does)
    numpy_wheel(wheels)
    numpy = next(wheels.glob("numpy-*")).name.split("-")[1]
    git(folder, "init", "-q")
    lines = f"import sys\n\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.suite.upgrade.framed import Framed\n"
    (folder / "adapter.py").write_text(lines)
    cases = "about: Ours.\nsource: tests\ncases:\n  - {id: ours, input: 4, kernel: 3, channels: [1, 2]}\n"
    (folder / "cases.yaml").write_text(cases)
    commit(folder, requirements=f"# frameworks\ntinyframe==1\nnumpy=={numpy}\n")
    git(folder, "checkout", "-qb", "bot/tinyframe-2")
    commit(folder, requirements=f"# frameworks\ntinyframe==2\nnumpy=={numpy}\n")
    git(folder, "checkout", "-q", "main")
    git(folder, "checkout", "-qb", "words")
    commit(folder, readme="Words.\n")
    return folder


def made(origin: Path) -> Path:
    """An environment that has convt, made once."""
    folder = origin.with_name("convt")
    if not folder.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        there = [str(ROOT / "src"), *(path for path in sys.path if path.endswith("site-packages"))]
        [site] = folder.glob("lib/python*/site-packages")
        (site / "there.pth").write_text("".join(f"{path}\n" for path in there))
    return folder


def runner(origin: Path, folder: Path, branch: str, **names: str) -> Runner:
    """A runner with a shallow checkout of a branch; its Python 3 makes environments that have convt, offline."""
    git(folder, "clone", "-q", "--depth=1", f"--branch={branch}", f"file://{origin}", str(folder / "work"))
    programs = folder / "programs"
    programs.mkdir()
    (programs / "python3").write_text(f'#!/bin/sh\ntest "$1 $2 $3" = "-I -m venv" && ln -s {made(origin)} "$4"\n')
    (programs / "python3").chmod(0o755)
    variables = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PIP_NO_INDEX": "1",
        "CONVT_ENVIRONMENTS": str(origin.with_name("environments")),
    }  # fmt: skip
    return Runner(folder / "work", folder, variables, {f"github.{name}": text for name, text in names.items()})


def asked(origin: Path, **more: str) -> dict[str, str]:
    """The inputs of a user of tinyframe, who has cases and a backend of their own."""
    wheels = origin.with_name("wheels")
    options = f"--backend=adapter:Framed --package tinyframe --installer=--no-index --installer=--find-links={wheels}"
    return {"convt": "packaging", "spec": "cases.yaml", "budget": "0", "options": options} | more


@pytest.fixture(scope="module")
def worse(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    found = runner(origin, tmp_path_factory.mktemp("worse"), "bot/tinyframe-2", base_ref="main", job="convt")
    return found.run(asked(origin))


def test_a_bots_branch_that_makes_it_worse_is_red_and_told_in_the_summary_and_a_comment(worse: Runner) -> None:
    assert worse.status == 1, worse.printed
    assert worse.names["steps.compare.outputs.status"] == "1"
    assert "tinyframe 1 -> 2" in worse.summary
    comment = (worse.workspace / worse.names["steps.compare.outputs.comment"]).read_text()
    assert comment == f"{MARK}\n{worse.summary}"
    assert "orse" in worse.names["steps.compare.outputs.decision"]


def test_what_got_worse_is_told_at_the_line_of_the_lock_file(worse: Runner) -> None:
    annotations = [line for line in worse.printed.splitlines() if line.startswith("::error file")]
    assert annotations
    assert all("file=requirements.txt,line=2" in line for line in annotations)


def test_the_results_are_kept_before_the_job_ends(worse: Runner) -> None:
    [kept] = [given for name, given in worse.used if name.startswith("actions/upload-artifact@")]
    assert kept["path"] == "convt-out"
    assert {"compare.md", "compare.json", "upgrade.html", "comment.md"} <= {
        path.name for path in (worse.workspace / kept["path"]).iterdir()
    }


def test_who_wants_no_red_job_has_the_outputs_alone(origin: Path, tmp_path: Path) -> None:
    found = runner(origin, tmp_path, "bot/tinyframe-2", base_ref="main")
    found.run(asked(origin, **{"fail-on": "never"}))
    assert (found.status, found.names["steps.compare.outputs.status"]) == (0, "1"), found.printed


def test_a_branch_that_moves_no_framework_is_one_sentence_and_green(origin: Path, tmp_path: Path) -> None:
    found = runner(origin, tmp_path, "words", base_ref="main")
    (found.workspace / "json.py").write_text("raise SystemExit('the repository stands before Python')\n")
    found.run({"convt": "packaging"})
    assert (found.status, found.names["steps.compare.outputs.status"]) == (0, "0"), found.printed
    assert len(found.summary.strip().splitlines()) == 3, "a sentence, shown as it is"


def test_versions_that_are_named_need_no_lock_file(origin: Path, tmp_path: Path) -> None:
    found = runner(origin, tmp_path, "words")
    options = asked(origin)["options"].replace("--package tinyframe ", "")
    wheel = next(origin.with_name("wheels").glob("numpy-*"))
    given = asked(origin, before="tinyframe==1", after="tinyframe==1", options=f"{options} --with={wheel}")
    assert found.run(given).status == 0, found.printed
    assert "he same" in found.names["steps.compare.outputs.decision"]


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, "an event without a base"),
        ({"options": "--pre 'open"}, "No closing quotation"),
        ({"base": "no-such-branch"}, "no-such-branch"),
        ({"before": "tinyframe==1"}, "--after: found nothing"),
        ({"base": "main", "fail-on": "wrose"}, "wrose"),
        ({"base": "+main:other"}, "accepted a branch, a tag or a commit"),
        ({"base": "main", "options": "--help"}, "accepted options of convt upgrade"),
        ({"base": "main", "options": "--report elsewhere"}, "found --report"),
        ({"base": "main", "options": "--from-g HEAD"}, "found --from-git"),
        ({"base": "main", "report": "requirements.txt"}, "accepted the path of a folder"),
        ({"base": "main", "report": "out\nstatus=0"}, "accepted the path of a folder"),
        ({"base": "main", "fail-on": "never bits"}, "accepted never alone"),
        ({"base": "main", "lock": "no-such.lock"}, "found no file no-such.lock that git tracks"),
        ({"before": "tinyframe==1", "after": "tinyframe==1", "lock": "requirements.txt"}, "found it beside versions"),
    ],
    ids=[
        "no-base",
        "quotes",
        "unknown-base",
        "one-side",
        "class",
        "refspec",
        "help",
        "report",
        "abbreviation",
        "file",
        "outputs",
        "never-and",
        "no-lock",
        "lock-and-versions",
    ],
)
def test_what_cannot_be_understood_is_red_with_the_reason(
    inputs: dict[str, str], says: str, origin: Path, tmp_path: Path
) -> None:
    found = runner(origin, tmp_path, "bot/tinyframe-2").run({"convt": "packaging"} | inputs)
    assert found.status == 2, found.printed
    assert says in found.summary
    assert "Traceback" not in found.printed
    assert found.names["steps.compare.outputs.status"] == "2"
    assert [line for line in found.printed.splitlines() if line.startswith("::error title=convt::")]


def test_the_base_of_a_first_push_is_the_default_branch(origin: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--branch=bot/tinyframe-2", f"file://{origin}", "work")
    found = fetched("0" * 40, "main", tmp_path / "work")
    assert found == git(origin, "rev-parse", "main")
    assert git(tmp_path / "work", "rev-list", "--count", "HEAD") == "2", "a whole clone stays whole"


def test_a_base_that_looks_like_an_option_is_none(origin: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", f"file://{origin}", "work")
    with pytest.raises(Refused):
        fetched("--upload-pack=touch seen", "", tmp_path / "work")
    assert not (tmp_path / "work" / "seen").exists()


def test_a_pull_request_is_held_against_what_it_is_merged_into(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "clone", "-q", f"file://{origin}", "server")
    server = tmp_path / "server"
    base = git(server, "rev-parse", "origin/main")
    git(server, "checkout", "-qb", "merge", "origin/main")
    git(server, "merge", "-q", "--no-ff", "-m", "Merge", "origin/words")
    git(server, "checkout", "-qB", "main", "origin/main")
    commit(server, requirements="tinyframe==9\n")  # somebody else's, later
    git(tmp_path, "clone", "-q", "--depth=1", "--branch=merge", f"file://{server}", "work")
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    monkeypatch.setenv("GITHUB_REF", "refs/heads/merge")
    assert parent(tmp_path / "work") == base
    assert fetched(base, "", tmp_path / "work") == base
    git(server, "checkout", "-q", "main")
    assert parent(server) == "", "no merge is checked out"


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("::add-mask::torch", "| ::add-mask::torch"),
        ("  ::warning::no", "|   ::warning::no"),
        ("##[error]no", "| ##[error]no"),
        ("::error file=a.txt,line=1,title=worse::why", "::error file=a.txt,line=1,title=worse::why"),
        ("convt: ::no", "convt: ::no"),
    ],
)
def test_the_runner_obeys_annotations_and_nothing_that_a_file_name_says(line: str, seen: str) -> None:
    assert harmless(line) == seen


def test_what_a_file_says_is_shown_in_a_comment_and_not_obeyed(tmp_path: Path) -> None:
    text, outputs = tell(2, ["no answer: ``` <img src=x> @everyone"], tmp_path)
    assert text.splitlines() == ["````text", "no answer: ``` <img src=x> @everyone", "````"]
    assert "\n" not in outputs["decision"]


def test_every_input_becomes_options_that_there_are() -> None:
    given = INPUTS | {
        "before": "keras==3.14.1", "after": "keras", "targets": "keras-torch keras-jax", "spec": "a.yaml b",
        "fail-on": "worse bits, slower", "options": "--pre -k 'gap and not 3d'",
    }  # fmt: skip
    found = parser().parse_args(["upgrade", *words(given)])
    assert (found.before, found.after, found.target) == ("keras==3.14.1", "keras", ["keras-torch", "keras-jax"])
    assert (found.fail_on, found.k, found.pre, found.annotate) == (["bits", "slower"], ["gap and not 3d"], True, True)
    locked = parser().parse_args(["upgrade", *words(INPUTS | {"base": "HEAD", "lock": "a.lock b/uv.lock"})])
    assert (locked.lock, bool(locked.from_git)) == (["a.lock", "b/uv.lock"], True)
    with pytest.raises(Refused, match="accepted one of these"):
        words(given | {"lock": "a.lock"})
    with pytest.raises(Refused):
        words(INPUTS)


def test_a_comment_fits_and_says_where_the_rest_is() -> None:
    assert shortened("short\n") == "short\n"
    cut = shortened("a line of words\n" * 6000)
    assert len(cut) < COMMENT + 200
    assert cut.endswith("words\n\nMore stands in the summary of the run, and in its artefact.\n")


def test_an_end_without_a_comparison_tells_its_last_lines(tmp_path: Path) -> None:
    text, outputs = tell(2, ["before: installing", "convt: no answer: no such release"], tmp_path)
    assert outputs["decision"] == "convt: no answer: no such release"
    assert "before: installing" in text


def test_the_action_says_what_it_takes_and_pins_what_it_uses() -> None:
    found = action()
    text = (ROOT / "action.yml").read_text()
    for name, it in found["inputs"].items():
        assert it["description"], name
        assert f"inputs.{name} " in text or f"inputs.{name} }}" in text, f"nothing uses {name}"
    for step in found["runs"]["steps"]:
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/none@v1"))
    assert value(" inputs.a || github.b ", {"github.b": "main"}) == "main"
