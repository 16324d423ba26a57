"""The GitHub action on a bot's branch with real releases and a bare Python: it installs convt and all that it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.suite.project.runner import Runner

PACKAGES = "onnxruntime=={}\nnumpy==2.2.6\n"
NETWORK = ("PIP_", "SSL_", "REQUESTS_", "HTTP", "http", "NO_PROXY", "no_proxy")
"""Beginnings of the variables by which a machine says how it reaches the package index."""


def git(folder: Path, *rest: str) -> None:
    own = ["git", "-c", "user.name=bot", "-c", "user.email=bot@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run([*own, *rest], cwd=folder, check=True, capture_output=True)


def test_a_bots_branch_is_compared_with_its_base(tmp_path: Path) -> None:
    origin, lock = tmp_path / "origin", tmp_path / "origin" / "requirements.txt"
    origin.mkdir()
    git(origin, "init", "-q")
    for branch, version in (("main", "1.23.2"), ("bot/onnxruntime-1.24.1", "1.24.1")):
        git(origin, "checkout", "-qB", branch)
        lock.write_text(PACKAGES.format(version))
        git(origin, "add", "-A")
        git(origin, "commit", "-qm", f"Bump onnxruntime to {version}")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{origin}", "work")
    bare = tmp_path / "programs"
    bare.mkdir()
    (bare / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    told = {name: text for name, text in os.environ.items() if name.startswith(NETWORK)}
    runner = Runner(tmp_path / "work", tmp_path, told | {"PATH": f"{bare}:/usr/bin:/bin"}, {"github.base_ref": "main"})
    runner.run({"budget": "5s", "options": "-k same-k5-s2 --law value,rejects"})
    assert runner.status in (0, 1), runner.printed
    assert "onnxruntime 1.23.2 -> 1.24.1" in runner.summary, runner.printed
    assert runner.names["steps.compare.outputs.status"] == str(runner.status)
