"""What is released is judged every day and committed: by a job that may write and runs no framework."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.suite.project.test_workflows import DAILY, ROOT, parsed

SCRIPT = ROOT / ".ci" / "keep-history"
JOBS: dict[str, Any] = parsed(DAILY)["jobs"]


def steps(job: str) -> str:
    """Every command of a job."""
    return "\n".join(step["run"] for step in JOBS[job]["steps"] if "run" in step)


def test_it_runs_every_day_and_one_at_a_time() -> None:
    workflow = parsed(DAILY)
    [schedule] = workflow["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", schedule["cron"])
    assert workflow["concurrency"]["cancel-in-progress"] == "false"


def test_what_runs_a_framework_may_not_write_and_what_may_write_runs_none() -> None:
    assert parsed(DAILY)["permissions"] == {"contents": "read"}
    assert "permissions" not in JOBS["judge"]
    assert JOBS["keep"]["permissions"] == {"contents": "write", "pull-requests": "write"}
    checkout = next(step for step in JOBS["judge"]["steps"] if "checkout" in step.get("uses", ""))
    assert checkout["with"]["persist-credentials"] == "false"
    assert "convt " not in steps("keep")
    assert re.findall(r"pip install (.*)", steps("keep")) == ["--editable ."], "no extra brings a framework"
    assert "GH_TOKEN" not in str(JOBS["judge"])
    for action in re.findall(r"uses: (\S+)", DAILY.read_text()):
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", action)


def test_what_was_judged_before_the_time_is_over_is_kept() -> None:
    judge = next(step for step in JOBS["judge"]["steps"] if "--judge all" in step.get("run", ""))
    assert judge["run"] == "convt history --judge all --retry || test $? -eq 1"
    assert int(judge["timeout-minutes"]) < int(JOBS["judge"]["timeout-minutes"]) <= 120
    keeps = JOBS["judge"]["steps"][-1]
    assert (keeps["if"], keeps["with"]["path"]) == ("${{ !cancelled() }}", "reports/history")
    [brings] = [step for step in JOBS["keep"]["steps"] if "download-artifact" in step.get("uses", "")]
    assert brings["with"] == {"name": keeps["with"]["name"], "path": "reports/history"}
    assert (JOBS["keep"]["needs"], JOBS["keep"]["if"]) == ("judge", "${{ !cancelled() }}")


class Repository:
    """A clone with a history, and the bare repository that it pushes to; `gh` writes down what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.origin, self.clone, self.bin = (folder / name for name in ("origin.git", "clone", "bin"))
        tools = {it: shutil.which(it) for it in ("git", "bash", "sed", "paste", "grep")}
        if not all(tools.values()):
            pytest.skip(f"needs {', '.join(name for name, path in tools.items() if path is None)}")
        self.bin.mkdir()
        self.asked = folder / "gh.txt"
        (self.bin / "gh").write_text(f'#!/bin/sh\necho "$@" >> {self.asked}\ntest "$2" = create\n')
        (self.bin / "gh").chmod(0o755)
        self.git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.origin))
        self.git(folder, "clone", "--quiet", str(self.origin), str(self.clone))
        self.git(self.clone, "checkout", "--quiet", "-B", "main")
        self.put("reports/history/keras-torch/keras-3.15.1.jsonl.gz", "docs/history.md", "README.md")
        self.git(self.clone, "add", ".")
        self.git(self.clone, "commit", "--quiet", "-m", "As it was")
        self.git(self.clone, "push", "--quiet", "origin", "main")

    def put(self, *names: str, text: str = "as it was") -> None:
        for name in names:
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def git(self, where: Path, *words: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=True)
        return done.stdout

    def keep(self) -> str:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [str(SCRIPT)], cwd=self.clone, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def log(self, branch: str) -> list[str]:
        return self.git(self.origin, "log", "--format=%s", branch).splitlines()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def released(repository: Repository) -> None:
    names = ("keras-torch/keras-3.16.0", "jax/jax-0.11.0")
    repository.put(*(f"reports/history/{name}.jsonl.gz" for name in names), text="new")
    repository.put("docs/history.md", "README.md", text="new")


def test_new_files_are_committed_to_main_and_nothing_else_is(repository: Repository) -> None:
    assert repository.keep() == "the history has every release"
    released(repository)
    assert repository.keep() == "Keep what jax 0.11.0, keras 3.16.0 did: on main"
    assert repository.log("main") == ["Keep what jax 0.11.0, keras 3.16.0 did", "As it was"]
    changed = repository.git(repository.origin, "show", "--name-only", "--format=", "main").split()
    assert changed == [
        "docs/history.md", "reports/history/jax/jax-0.11.0.jsonl.gz",
        "reports/history/keras-torch/keras-3.16.0.jsonl.gz",
    ]  # fmt: skip
    assert repository.keep() == "the history has every release"
    assert not repository.asked.exists()


def test_where_main_takes_no_push_a_pull_request_is_opened(repository: Repository) -> None:
    hook = repository.origin / "hooks" / "update"
    hook.write_text('#!/bin/sh\ntest "$1" != refs/heads/main\n')
    hook.chmod(0o755)
    released(repository)
    repository.keep()
    assert repository.log("main") == ["As it was"]
    assert repository.log("history") == ["Keep what jax 0.11.0, keras 3.16.0 did", "As it was"]
    asked = repository.asked.read_text().splitlines()
    assert asked[-1].startswith("pr create --base main --head history --title Keep what jax 0.11.0, keras 3.16.0 did")
