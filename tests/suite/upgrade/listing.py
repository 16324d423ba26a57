"""What pip says in detail of the files that its index has, for tests without a network."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence


class Pip:
    """A `pip index versions -vv` of an index with these files: name to the Pythons that it requires, or nothing."""

    def __init__(self, files: Mapping[str, str], status: int = 0) -> None:
        self.files, self.status = files, status
        self.asked: list[Sequence[str]] = []

    def __call__(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.asked.append(command[3:])
        if self.status:
            return subprocess.CompletedProcess(command, self.status, "", "no network")
        said = "\n".join(line(name, needs) for name, needs in self.files.items())
        return subprocess.CompletedProcess(command, 0, said, "")


def line(name: str, needs: str) -> str:
    """Lines of pip 23 to 26, of files that it takes and of files that it passes over."""
    url = f"https://files.example.org/packages/a7/92/{name.replace('+', '%2B')} (from https://pypi.org/simple/it/)"
    requires = f" (requires-python:{needs})" if needs else ""
    if "cp39" in name:
        return f"  Skipping link: none of the wheel's tags (cp39-cp39-win32) are compatible: {url}{requires}"
    if needs == ">=3.12":
        return f"  Link requires a different Python (3.11.7 not in: '>=3.12'): {url}{requires}"
    return f"  Found link {url}{requires}, version: 1.0"
