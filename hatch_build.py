"""The content in a wheel: the files of these folders that git tracks, as `convt/_content`; none when editable."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CONTENT = (
    "backends", "specs", "tests/laws", "tests/__init__.py", "tests/test_cases.py", "tests/test_generated.py",
    "reports/templates", "reports/history", "constraints.txt",
)  # fmt: skip


class Content(BuildHookInterface):
    """Adds the content, file by file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"] |= {
                str(Path(self.root, name)): f"convt/_content/{name}" for name in self.files()
            }

    def files(self) -> list[str]:
        """What git tracks; in an unpacked sdist, which has no git, everything that stands there but caches."""
        root = Path(self.root)
        if (root / ".git").exists():
            listed = subprocess.run(
                ["git", "ls-files", "-z", "--", *CONTENT],  # noqa: S607  git, wherever it is
                cwd=root, capture_output=True, text=True, check=True,
            ).stdout  # fmt: skip
            return [name for name in listed.split("\0") if name and (root / name).is_file()]
        found = [path for name in CONTENT for path in [root / name, *(root / name).rglob("*")] if path.is_file()]
        return [path.relative_to(root).as_posix() for path in found if path.suffix != ".pyc"]
