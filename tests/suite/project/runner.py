"""A runner of GitHub's for tests: the steps of `action.yml`, one after the other, with the files and variables that a
runner gives them. Actions of others are not run; what they were asked is kept."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
ACTION = ROOT / "action.yml"
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")


def action() -> dict[str, Any]:
    """The action's file; every scalar as text."""
    return dict(yaml.load(ACTION.read_text(), Loader=yaml.BaseLoader))  # noqa: S506  it makes text, lists and mappings


def value(expression: str, names: Mapping[str, str]) -> str | bool:
    """What an expression of GitHub's is: names with dots, text in quotes, `||`, `&&`, `!=`, `==` and `cancelled()`."""
    source = re.sub(r"'[^']*'|[\w-]+(?:\.[\w-]+)+", lambda it: _value(it[0], names), expression)
    source = source.replace("!cancelled()", "True").replace("||", " or ").replace("&&", " and ")
    return eval(source.strip(), {"__builtins__": {}})  # noqa: S307  our own file


def _value(text: str, names: Mapping[str, str]) -> str:
    return text if text.startswith("'") else repr(names.get(text, ""))


def filled(text: str, names: Mapping[str, str]) -> str:
    """A text with the value of each expression in it."""
    return EXPRESSION.sub(lambda it: str(value(it[1], names)), text)


@dataclass
class Runner:
    """Runs the action in a checkout, with a folder of its own for temporary files."""

    workspace: Path
    temporary: Path
    variables: Mapping[str, str]
    """The environment of every step, instead of the tests' own but for the way to programs."""
    names: dict[str, str] = field(default_factory=dict)
    """What expressions know: `inputs.before`, `github.base_ref`, `steps.compare.outputs.status`."""
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """The actions of others that would have run, with what they were given."""
    printed: str = ""
    status: int = 0
    """Of the first step that failed; 0 where none did."""

    @property
    def summary(self) -> str:
        path = self.temporary / "summary"
        return path.read_text() if path.exists() else ""

    def run(self, inputs: Mapping[str, str]) -> Runner:
        """Every step whose condition holds; after one that failed, those that ask for no success."""
        asked = action()
        given = {name: it.get("default", "") for name, it in asked["inputs"].items()} | dict(inputs)
        unknown = set(inputs) - set(asked["inputs"])
        assert not unknown, f"action.yml has no inputs {unknown}"
        self.names |= {f"inputs.{name}": text for name, text in given.items()}
        for step in asked["runs"]["steps"]:
            condition = step.get("if", "")
            wanted = value(EXPRESSION.sub(r"\1", condition), self.names) if condition else True
            if wanted and (not self.status or "cancelled()" in condition):
                self._step(step)
        return self

    def _step(self, step: Mapping[str, Any]) -> None:
        if "uses" in step:
            self.used.append((step["uses"], {key: filled(it, self.names) for key, it in step["with"].items()}))
            return
        assert step["shell"] == "bash"
        assert not EXPRESSION.search(step["run"]), "what comes from outside stands in a command"
        output = self.temporary / "output"
        output.write_text("")
        own = {
            "RUNNER_TEMP": str(self.temporary), "GITHUB_ACTION_PATH": str(ROOT), "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.temporary / "summary"), "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_BASE_REF": self.names.get("github.base_ref", ""),
        }  # fmt: skip
        told = {name: filled(text, self.names) for name, text in step.get("env", {}).items()}
        done = subprocess.run(
            ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env={"PATH": os.environ["PATH"], "HOME": str(self.temporary)} | dict(self.variables) | own | told,
            capture_output=True,
            text=True,
            check=False,
        )
        self.printed += done.stdout + done.stderr
        self.status = self.status or done.returncode
        for line in output.read_text().splitlines():
            name, _, text = line.partition("=")
            self.names[f"steps.{step['id']}.outputs.{name}"] = text
