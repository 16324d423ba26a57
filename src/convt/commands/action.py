"""`convt upgrade` as a step of a GitHub action: inputs from `INPUT_*`, and summary, outputs and comment for the runner.

`action.yml` runs it as `python -m convt.commands.action`. It ends with 0 whatever is found; the action's last step
decides.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from convt.commands.parts import say

COMMENT = 60_000
"""Characters of a comment; GitHub takes 65,536."""
MARK = "<!-- convt -->"
"""The first line of a comment, by which a later run finds it again."""
LAST_LINES = 30
"""What is shown of the output where there is no comparison."""


class Refused(ValueError):
    """Inputs that ask for nothing; the message says what was found and what is accepted."""


def words(inputs: Mapping[str, str], folder: Path | None = None) -> list[str]:
    """The options of `convt upgrade` for the action's inputs, by their names in `action.yml`; Refused where they ask
    for nothing. The base is fetched into the git repository in `folder`, where lock files are compared."""
    found = ["--annotate", "--report", inputs["report"], "--budget", inputs["budget"]]
    found += [f"--target={name}" for name in inputs["targets"].split()]
    found += [f"--spec={name}" for name in inputs["spec"].split()]
    classes = inputs["fail-on"].replace(",", " ").split()
    found += [f"--fail-on={name}" for name in classes if name not in ("worse", "never")]
    try:
        found += shlex.split(inputs["options"])
    except ValueError as error:
        found_text = f"options: found {inputs['options']!r} ({error})"
        raise Refused(f"{found_text}, accepted words as a shell splits them") from None
    if inputs["before"] or inputs["after"]:
        return [*found, f"--before={inputs['before']}", f"--after={inputs['after']}"]
    return [*found, f"--from-git={fetched(inputs['base'], inputs['default-branch'], folder)}"]


def fetched(base: str, default: str, folder: Path | None = None) -> str:
    """The commit of a branch, tag or commit of the remote, fetched; as it stands where the remote has no such: it may
    be there already, and if not, `convt upgrade` says so."""
    if base and not base.strip("0"):  # the first push of a branch has no commit before it
        base = default
    if not base:
        raise Refused("found an event without a base, accepted inputs: base, or before and after")

    def git(*rest: str) -> subprocess.CompletedProcess[str]:
        words = ["git", *rest]
        return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)

    shallow = git("rev-parse", "--is-shallow-repository").stdout.strip() == "true"
    if git("fetch", "--quiet", *(["--depth=1"] if shallow else []), "--", "origin", base).returncode:
        return base
    return git("rev-parse", "FETCH_HEAD").stdout.strip() or base


def run(options: Sequence[str]) -> tuple[int, list[str]]:
    """The exit status of `convt upgrade`, and the lines that it printed, which are passed on as they come."""
    command = [sys.executable, "-m", "convt", "upgrade", *options]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            say(line.rstrip("\n"))
            lines.append(line.rstrip())
    return process.returncode if process.returncode in (0, 1) else 2, lines


def tell(status: int, lines: Sequence[str], report: Path) -> tuple[str, dict[str, str]]:
    """Write the comment into the report's folder; the summary as Markdown, and the action's outputs, a line each."""
    markdown, data = report / "compare.md", report / "compare.json"
    said = [line for line in lines if line and not line.startswith("::")]
    if status != 2 and markdown.is_file() and data.is_file():
        text, decision = markdown.read_text(encoding="utf-8"), json.loads(data.read_text(encoding="utf-8"))["headline"]
    else:
        decision = next((line for line in said if "no answer: " in line), said[-1] if said else "no answer")
        text = decision + "\n" if status == 0 else "\n".join([decision, "", "```", *said[-LAST_LINES:], "```", ""])
    report.mkdir(parents=True, exist_ok=True)
    comment = report / "comment.md"
    comment.write_text(f"{MARK}\n{shortened(text)}", encoding="utf-8")
    return text, {"status": str(status), "decision": " ".join(decision.split()), "comment": str(comment)}


def shortened(text: str) -> str:
    """As much of a text, in whole lines, as a comment takes."""
    if len(text) <= COMMENT:
        return text
    whole_lines = text[: text.rindex("\n", 0, COMMENT)]
    return f"{whole_lines}\n\nMore stands in the summary of the run, and in its artefact.\n"


def _into(variable: str, text: str) -> None:
    """Add to the file that the runner names by a variable; nowhere where there is no runner."""
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def main() -> int:
    """Compare, and tell the runner; 0 whatever is found."""
    names = (
        "before", "after", "base", "targets", "spec", "budget", "fail-on", "options", "report", "default-branch",
    )  # fmt: skip
    inputs = {name: os.environ.get(f"INPUT_{name.upper().replace('-', '_')}", "") for name in names}
    report = Path(inputs["report"])
    for stale in ("compare.md", "compare.json", "comment.md"):
        (report / stale).unlink(missing_ok=True)
    try:
        status, lines = run(words(inputs))
    except Refused as error:
        status, lines = 2, [f"no answer: {error}"]
        say(f"::error::{lines[0]}")
    summary, outputs = tell(status, lines, report)
    _into("GITHUB_STEP_SUMMARY", summary)
    _into("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
