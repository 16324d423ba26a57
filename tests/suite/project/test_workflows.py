"""The workflows are what they say: every command in them is one that there is, with options that it has."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from convt.cli import parser as convt_parser
from convt.plugin.options import add_options

ROOT = Path(__file__).parents[3]
OWN = ROOT / ".github" / "workflows" / "ci.yml"
COPY = ROOT / "docs" / "ci" / "baseline.yml"
SHORT = ROOT / "docs" / "ci" / "convt.yml"
GITLAB = ROOT / "docs" / "ci" / "gitlab.yml"
GUIDE = ROOT / "docs" / "ci.md"
WORKFLOWS = [OWN, COPY]
DAILY = ROOT / ".github" / "workflows" / "history.yml"
"""Judges what is released; what it may is in test_history_workflow.py."""
PLAIN = ("cat", "echo", "git", "test")
"""Commands of every shell that need no look."""
RESULTS = {"run.jsonl", "index.html", "upgrade.html"}


def parsed(path: Path) -> dict[str, Any]:
    """The workflow; every scalar as text, so that `on` stays a word."""
    return dict(yaml.load(path.read_text(), Loader=yaml.BaseLoader))  # noqa: S506  it makes text, lists and mappings


def jobs() -> list[Any]:
    return [
        pytest.param(path, job, id=f"{path.stem}-{name}")
        for path in WORKFLOWS
        for name, job in parsed(path)["jobs"].items()
    ]


def legs(job: dict[str, Any]) -> list[dict[str, str]]:
    """Every combination of a job's matrix."""
    matrix = job.get("strategy", {}).get("matrix", {"include": [{}]})
    assert set(matrix) == {"include"}
    return list(matrix["include"])


def filled(text: str, leg: dict[str, str]) -> str:
    """A command with the values of its leg; AssertionError for any other expression."""
    done = re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda found: leg[found[1]], text)
    assert "${{" not in done, f"an expression inside a command: {text}"
    return done


def commands(script: str) -> list[list[str]]:
    """The words of every command of a script, without redirections."""
    found: list[list[str]] = []
    for line in script.strip().splitlines():
        reader = shlex.shlex(line, posix=True, punctuation_chars=True)
        reader.whitespace_split = True
        words = list(reader)
        found.append([])
        for at, word in enumerate(words):
            if word in ("||", "&&", ";"):
                found.append([])
            elif word not in (">", ">>") and (at == 0 or words[at - 1] not in (">", ">>")):
                found[-1].append(word)
    return [words for words in found if words]


def scripts() -> list[Any]:
    """Every script of every job, on every leg."""
    return [
        pytest.param(filled(step["run"], leg), id=f"{path.stem}-{name}-{step['name']}-{at}")
        for path in [*WORKFLOWS, DAILY]
        for name, job in parsed(path)["jobs"].items()
        for at, leg in enumerate(legs(job))
        for step in job["steps"]
        if "run" in step
    ]


def accepts(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """What the parser makes of the words; fails the test where it refuses them."""
    try:
        return parser.parse_args(words)
    except SystemExit:
        raise AssertionError(f"{parser.prog} refuses {words}") from None


def check(words: list[str]) -> None:
    """Fail where a command is not one of ours, or has options that it does not take."""
    program, *rest = words
    if program in PLAIN:
        return
    if program.startswith(".ci/"):
        assert (ROOT / program).stat().st_mode & 0o100
    elif program == "pytest":
        _pytest(rest)
    elif program.rpartition("/")[2] == "convt":
        accepts(convt_parser(), rest[: rest.index("--")] if "--" in rest else rest)
    elif program == "tox":
        _tox(rest)
    elif program.rpartition("/")[2] == "python" and rest[0] == "-m":
        _module(rest[1], rest[2:])
    else:
        raise AssertionError(f"nobody checks the command {words}")


def _pytest(words: list[str]) -> None:
    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    _, unknown = parser.parse_known_and_unknown_args(words)
    own = {"-k", "-m", "-n", "-x", "-q", "--lf"}
    assert not [word for word in unknown if word.startswith("-") and word not in own], unknown


def _tox(words: list[str]) -> None:
    tox = ConfigParser()
    tox.read(ROOT / "tox.ini")
    assert words[:2] == ["run", "-e"]
    for name in words[2].split(","):
        assert f"testenv:{name}" in tox.sections(), f"tox.ini has no environment {name}"


def _module(module: str, words: list[str]) -> None:
    if module == "convt":
        accepts(convt_parser(), words)
    elif module == "pip":
        _pip(words)
    elif module == "pytest":
        assert words
        assert all((ROOT / word).is_file() for word in words)
    elif module.startswith("tests."):
        assert Path(ROOT, *module.split(".")).with_suffix(".py").is_file()
        assert not words
    else:
        raise AssertionError(f"nobody checks python -m {module}")


def _pip(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="pip")
    parser.add_argument("command", choices=["install"])
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("-r", action="append")
    parser.add_argument("--editable", action="append")
    parser.add_argument("packages", nargs="*")
    assert parser.parse_intermixed_args(words).packages or {"-r", "--editable"} & set(words)


@pytest.mark.parametrize("script", scripts())
def test_every_command_is_one_that_there_is_with_options_that_it_has(script: str) -> None:
    done = subprocess.run(["/bin/bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for words in commands(script):
        check(words)


@pytest.mark.parametrize(
    "command",
    [
        "pytest --base-line=b.jsonl",
        "tox run -e updates",
        "convt compare a.jsonl b.jsonl --format pdf",
        "python -m convt run --lwa value",
        "convt summary a.jsonl --brief",
        "convt upgrade --budget soon",
        "python -m pip install --gruop convt",
        "python -m pytest tests/suite/project/test_decision.py",
        "python -m tests.suite.project.document",
        ".ci/keep-histories",
        "curl https://example.org",
    ],
)
def test_a_command_that_there_is_not_is_seen(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((AssertionError, pytest.UsageError, SystemExit, FileNotFoundError)):
        check(commands(command)[0])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_read_the_contents_and_nothing_else(path: Path) -> None:
    workflow = parsed(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert not [name for name, job in workflow["jobs"].items() if "permissions" in job]
    assert "secrets." not in path.read_text()
    assert "pull_request_target" not in workflow["on"]
    [schedule] = workflow["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \d", schedule["cron"]), "once a week"


@pytest.mark.parametrize(("path", "job"), jobs())
def test_a_job_ends_in_time_and_pins_its_actions(path: Path, job: dict[str, Any]) -> None:
    assert 5 <= int(job["timeout-minutes"]) <= 120
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@(v\d+|[0-9a-f]{40})", action), action
    assert [name for name in used if name.startswith("actions/upload-artifact@")]
    for step in job["steps"]:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"
    assert len({tuple(sorted(leg.items())) for leg in legs(job)}) == len(legs(job))


@pytest.mark.parametrize(("path", "job"), jobs())
def test_what_a_job_keeps_is_what_its_commands_write(path: Path, job: dict[str, Any]) -> None:
    [keeps] = [step["with"] for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    kept = [Path(line) for line in keeps["path"].split()]
    folder = Path("convt-out" if path == COPY else "reports/out")
    assert {it.parent for it in kept} == {folder}
    compares = "upgrade" in " ".join(step.get("run", "") for step in job["steps"])
    assert {it.name for it in kept} <= RESULTS
    assert "run.jsonl" in {it.name for it in kept}
    assert ("upgrade.html" in {it.name for it in kept}) == compares
    names = {
        keeps["name"].replace(f"${{{{ matrix.{key} }}}}", value) for leg in legs(job) for key, value in leg.items()
    }
    assert len(legs(job)) == 1 or len([name for name in names if "${{" not in name]) == len(legs(job))


@pytest.mark.parametrize(("path", "job"), jobs())
def test_a_job_tells_in_its_summary_and_stays_within_the_limits_of_annotations(path: Path, job: dict[str, Any]) -> None:
    told = [step["run"] for step in job["steps"] if "GITHUB_STEP_SUMMARY" in step.get("run", "")]
    assert len(told) == 1
    for step in job["steps"]:
        script = step.get("run", "")
        assert script.count("--annotate") <= 1, "10 annotations are shown of a step, so many does one command print"
        for line in script.splitlines():
            assert not ("--annotate" in line and "GITHUB_STEP_SUMMARY" in line), "annotations go to the log"
            assert "compare " not in line or line.endswith("|| test $? -eq 1"), "worse has been said before"


def test_the_weekly_upgrade_starts_from_the_versions_that_are_pinned() -> None:
    pins = (ROOT / "constraints.txt").read_text().split()
    pairs = [(leg["before"], leg["after"]) for leg in legs(parsed(OWN)["jobs"]["upgrade"])]
    assert len(pairs) >= 5
    for before, after in pairs:
        assert before in pins
        assert before.split("==")[0] == after


def test_the_workflow_to_copy_runs_pinned_and_newest_versions_and_nightly_builds() -> None:
    workflow = parsed(COPY)
    assert [leg["versions"] for leg in legs(workflow["jobs"]["baseline"])] == ["pinned", "newest"]
    nightly = workflow["jobs"]["nightly"]
    assert nightly["if"] == "${{ github.event_name != 'pull_request' }}"
    assert {leg["framework"] for leg in legs(nightly)} == {"torch", "keras", "tensorflow", "jax"}
    assert all("--pre" in leg["options"] for leg in legs(nightly))


def test_the_short_workflow_uses_the_action_on_pull_requests_and_nothing_else() -> None:
    workflow = parsed(SHORT)
    assert list(workflow["on"]) == ["pull_request"]
    assert workflow["permissions"] == {"contents": "read"}
    [job] = workflow["jobs"].values()
    assert [step["uses"].partition("@")[0] for step in job["steps"]] == [
        "actions/checkout", "your-organization/convt",
    ]  # fmt: skip
    assert len(SHORT.read_text().splitlines()) <= 15


def test_the_template_for_gitlab_runs_commands_that_there_are_and_keeps_their_results() -> None:
    [job] = parsed(GITLAB).values()
    for line in job["script"]:
        [words] = commands(line)
        if words[0] == "git":
            assert words[-1] == "$CI_MERGE_REQUEST_DIFF_BASE_SHA"
        elif "venv" not in words and "pip" not in words:
            check(words)
    assert job["artifacts"]["paths"] == ["convt-out/"]
    assert job["variables"]["CONVT_ENVIRONMENTS"].endswith(job["cache"]["paths"][0])


def test_every_line_to_edit_is_named_in_the_guide_and_every_command_of_the_guide_works() -> None:
    guide = GUIDE.read_text()
    marked = [line for line in COPY.read_text().splitlines() if "# EDIT" in line]
    assert len(marked) == 5
    for word in ("CONVT", "paths", "requirements.txt", "newest", "nightly"):
        assert f"`{word}`" in guide, word
    lines = re.findall(r"^ {4}(\S.*)$", guide, re.MULTILINE)
    assert lines
    for line in lines:
        for words in commands(line):
            check(words)
