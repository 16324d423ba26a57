"""`convt upgrade` as a user starts it, and what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


class Upgrade:
    """What an upgrade printed, returned and left behind."""

    def __init__(self, done: subprocess.CompletedProcess[str], report: Path) -> None:
        self.code, self.text, self.error, self.report = done.returncode, done.stdout, done.stderr, report

    @property
    def data(self) -> dict[str, Any]:
        return dict(json.loads((self.report / "compare.json").read_text()))

    @property
    def counts(self) -> dict[str, int]:
        """Class of change to how many verdicts, of the classes that there are."""
        return {kind: count for kind, count in self.data["counts"].items() if count}

    def kinds(self, case: str) -> set[str]:
        """The classes of change on a case."""
        return {change["kind"] for change in self.data["changes"] if change["case"] == case}


def run(
    report: Path,
    before: str,
    after: str,
    *options: str,
    seconds: float = 1200,
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Upgrade:
    """An upgrade with these options, and these variables beside the environment's, in a folder; an empty side has no
    option."""
    sides = [f"--{name}={text}" for name, text in (("before", before), ("after", after)) if text]
    words = [sys.executable, "-m", "convt", "upgrade", *sides, f"--report={report}"]
    done = subprocess.run(
        [*words, *options],
        cwd=folder or ROOT,
        env=os.environ | dict(variables or {}),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Upgrade(done, report)
