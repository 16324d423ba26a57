"""What a command refuses: before anything starts, in one line that says what to do, and with exit status 2."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from convt.cli import main
from convt.host.pool import Pool
from convt.host.registry import Entry
from convt.results.targets import Target
from tests.suite.results.synthetic_run import write_synthetic

ROOT = Path(__file__).parents[3]
HONEST = "honest=tests.suite.conv.reference:Honest"
RUN = ["run", "honest", "--backend", HONEST]


def convt(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The command in a folder of its own, in which no earlier one left anything."""
    told = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])} | env
    command = [sys.executable, "-m", "convt", *words]
    return subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, timeout=120, check=False)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is said on standard error by a command that ends with 2, at parsing or later."""
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(words))
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--require", ""], "--require: found an empty name"),
        (["--require", "honest, jax"], "--require: found 'jax', which the targets that were named leave out"),
        (["--law", "value,adjiont"], "--law: found 'adjiont'"),
        (["-n", "-1"], "-n: found '-1', accepted a number of processes"),
        (["-n", "x"], "-n: found 'x', accepted a number of processes"),
        (["--deadline", "1e300"], "--deadline: found '1e300', accepted a number of seconds above 0, 1,000,000 at most"),
        (["--deadline", "nan"], "--deadline: found 'nan'"),
        (["--backend", "other=a.b:C"], "--backend: found 'other=a.b:C', which no target that was named asks for"),
        (["--target", "honest#b"], "found 'b', accepted one that --environment b=PYTHON tells"),
        (["--device", "gpu9"], "--device: found 'gpu9', accepted cpu, cuda, mps"),
        (["--backend", "jax=a.b:C"], "found 'jax', which is taken, accepted another-name=a.b:C"),
        (["--baseline", "."], "--baseline: found '.', a folder; accepted the path of a file"),
        (["--baseline", "", "--update-baseline"], "--baseline: found '', a folder"),
        (["--report", ""], "--report: found nothing"),
        (["--report", "/dev/null"], "/dev/null: cannot be written"),
        (["--report", "/proc/x"], "/proc/x: cannot be written (No such file or directory); give --report another path"),
        (["--baseline", "/proc/x/b", "--update-baseline"], "/proc/x: cannot be written (No such file or directory)"),
        (["--spec", "/dev/null"], "--spec: found /dev/null, which is no plain file"),
        (["-k", "a", "--", "-k", "b"], "-k: found it before and after --"),
        (["--", "--foo"], "unrecognized arguments: --foo; after -- stand options of pytest"),
        (["-k", "nosuchcase", "--", "/nonexistent"], "file or directory not found: /nonexistent"),
    ],
    ids=lambda value: shlex.join(value) if isinstance(value, list) else "",
)
def test_what_a_run_refuses(tmp_path: Path, words: list[str], says: str) -> None:
    done = convt(tmp_path, *RUN, *words)
    assert done.returncode == 2, done.stdout
    assert says in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "usage: python" not in done.stderr


def test_names_have_commas_and_words_are_joined(tmp_path: Path) -> None:
    words = ["--law", "value, adjoint", "--require", " honest , all", "-k", "gap or plain", "-k", "test_case and 1d"]
    done = convt(tmp_path, *RUN, *words, "--report", "../out", "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path.parent / "out" / "run.jsonl").is_file()
    ran = re.findall(r"test_case\[(.*):honest\] PASSED", done.stdout)
    assert ran
    assert all("1d" in name and ("gap" in name or "plain" in name) for name in ran)
    assert not (tmp_path / ".hypothesis").exists()


def test_a_folder_of_cases_is_taken(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "few.yaml").write_text(
        "about: One.\nsource: section 3\ncases:\n  - {id: one-line, input: 4, kernel: 3}\n"
    )
    done = convt(tmp_path, *RUN, "--spec", "mine", "--law", "value", "-k", "test_case")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_advice_where_no_name_is_near_works_when_it_is_pasted(tmp_path: Path) -> None:
    said = convt(tmp_path, *RUN, "-k", "qqqqqqqqqqqq")
    assert said.returncode == 2
    [advised] = re.findall(r"`convt (.*?)` lists what there is", said.stderr)
    listed = convt(tmp_path, *shlex.split(advised))
    assert listed.returncode == 0, listed.stderr
    assert "test_case[gap-1d:pytorch]" in listed.stdout


def test_what_is_set_for_the_users_own_tests_is_not_read(tmp_path: Path) -> None:
    words = [*RUN, "--law", "value", "-k", "test_case and gap-1d", "-n", "1"]
    done = convt(tmp_path, *words, PYTEST_ADDOPTS="--nonsense", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "convt run: PYTEST_ADDOPTS, PYTEST_DISABLE_PLUGIN_AUTOLOAD not read" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--law", "valeu"], "--law: found 'valeu'"),
        (["-k", "not ("], "-k: found 'not ('"),
        (["-k", "nosuchcase"], "no case was chosen by -k 'nosuchcase'"),
        (["--spec", "nosuch.yaml"], "--spec: found no file nosuch.yaml"),
        (["--report", "/proc/x"], "/proc/x: cannot be written"),
        (["--report", ""], "--report: found nothing"),
        (["--known", "nowhere"], "--known: found no folder nowhere"),
        (["--deadline", "1e300"], "--deadline: found '1e300'"),
        (["--backend", "other=a.b:C", "--target", "jax"], "--backend: found 'other=a.b:C', which no target"),
    ],
    ids=lambda value: shlex.join(value) if isinstance(value, list) else "",
)
def test_an_upgrade_refuses_before_it_builds(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def built(*_: object) -> None:
        raise AssertionError("an environment was built")

    monkeypatch.setattr("convt.commands.upgrade.install", built)
    monkeypatch.chdir(tmp_path)
    assert says in refused(capsys, "upgrade", "--before", "jax==0.9.0", "--after", "jax==0.9.1", *words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--from-lock", "a.txt", "b.txt", "--before", "jax"], "found --from-lock and --before, accepted one of"),
        (["--from-git", "main", "--with", ""], "found --from-git and --with, accepted one of --from-lock, --from-git"),
        (["--from-git", "main", "--from-lock", "a", "b"], "found --from-lock and --from-git, accepted one of"),
        (["--before", "jax", "--after", "jax", "--package", "x"], "--package needs --from-lock or --from-git"),
        (["--from-lock", "a.txt", "b.txt"], "a.txt: cannot be read (No such file or directory), accepted a lock file"),
        (["--from-lock", "a.txt"], "expected 2 arguments"),
        (["--from-git=--"], "--from-git: found --, accepted a value after ="),
        (["--from-lock=--"], "--from-lock: found --, accepted a value after ="),
        (["--before=--", "--after", "jax"], "--before: found --, accepted a value after ="),
        (["--from-git", "main"], "--from-git: found no git repository here"),
        (["--from-lock", "a", "b", "--python", "/bin/true"], "--python: found /bin/true: it is no Python"),
    ],
    ids=lambda value: shlex.join(value) if isinstance(value, list) else "",
)
def test_what_an_upgrade_from_lock_files_refuses(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert says in refused(capsys, "upgrade", *words)


@pytest.mark.parametrize("program", ["/bin/true", "/bin/echo"])
def test_a_program_that_is_no_python_makes_no_environment(
    program: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["--before", "jax==0.9.0", "--after", "jax==0.9.1", "--python", program, "--report", str(tmp_path)]
    assert f"found {program}: it is no Python" in refused(capsys, "upgrade", *words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--version", "1"], "--version needs --judge"),
        (["--retry"], "--retry needs --judge"),
        (["--out", ""], "--out: found nothing"),
        (["--out", "/proc/x/y.html"], "/proc/x: cannot be written"),
    ],
    ids=lambda value: shlex.join(value) if isinstance(value, list) else "",
)
def test_what_history_refuses(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert says in refused(capsys, "history", *words)


@pytest.mark.parametrize("out", ["", "FOLDER", "/proc/x/y"])
@pytest.mark.parametrize(
    "words", [["page"], ["baseline"], ["compare", "--format", "html"], ["compare"]], ids=shlex.join
)
def test_a_place_that_cannot_be_written_is_said(
    words: list[str], out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(write_synthetic(tmp_path / "run.jsonl"))
    out = out.replace("FOLDER", str(tmp_path))
    said = refused(capsys, *words, run, *([run] if words[0] == "compare" else []), "--out", out)
    assert (f"{out}: cannot be written (" if "proc" in out else "accepted the path of a file") in said
    assert "Errno" not in said


def test_open_without_a_browser_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    page = tmp_path / "index.html"
    page.write_text("")
    assert main(["open", str(page)]) == 2
    said = capsys.readouterr()
    assert page.as_uri() in said.out
    assert "found no browser here" in said.err


@pytest.mark.parametrize("word", ["and", "or", "not"])
def test_a_case_cannot_be_called_what_k_reads_as_an_operator(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(f"about: One.\nsource: section 3\ncases:\n  - {{id: {word}, input: 4, kernel: 3}}\n")
    assert main(["check", str(path)]) == 1
    assert f"odd.yaml:4:10: cases[0].id: found '{word}', accepted a name that -k" in capsys.readouterr().out


ADAPTERS = {
    "nomod:A": "found no module nomod, accepted package.module:Class",
    "syntax:A": "SyntaxError: invalid syntax (syntax.py, line 1); syntax.py:1",
    "nobase:A": "found nobase:A, a class without that base; accepted package.module:Class, a class that derives from",
    "nobase:B": "found no B in nobase, but A; accepted package.module:Class",
    "raising:A": "RuntimeError: no licence; raising.py:1 in <module>",
}


@pytest.mark.parametrize("path", ADAPTERS)
def test_an_adapter_that_cannot_be_loaded_is_said_in_its_authors_words(path: str, tmp_path: Path) -> None:
    (tmp_path / "syntax.py").write_text("def (")
    (tmp_path / "nobase.py").write_text("class A: pass")
    (tmp_path / "raising.py").write_text("raise RuntimeError('no licence')")
    done = convt(tmp_path, "run", "it", "--backend", f"it={path}", "-k", "test_case and gap-1d", "--law", "value")
    assert done.returncode == 2
    assert ADAPTERS[path] in done.stdout


def test_what_is_missing_is_said_with_the_way_to_install_it() -> None:
    lacking = {"one": Entry("a:B", packages=("nosuchframework",), extra="torch"), "two": Entry("a:C", extra="jax")}
    lacking["two"] = Entry("a:C", packages=("nosuchframework",), extra="jax")
    with Pool([Target("one"), Target("two")], backends=lacking) as pool:
        assert pool.advice() == ["to install what is missing: pip install 'convt[torch,jax]'"]


def test_an_environment_without_frameworks_is_no_answer(tmp_path: Path) -> None:
    """The seven targets, by the host's own requirements, in an interpreter that has numpy and no framework."""
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    done = convt(tmp_path, "run", "jax#bare", "--environment", f"bare={python}", "-k", "test_case and gap-1d")
    assert done.returncode == 2, done.stdout
    assert "No target ran" in done.stdout
