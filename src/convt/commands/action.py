"""`convt upgrade` as a step of a GitHub action: inputs from `INPUT_*`, and summary, outputs and comment for the runner.

`action.yml` runs it as `python -P -m convt.commands.action`. It ends with 0 whatever is found; the action's last step
decides.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from convt.commands import upgrade
from convt.commands.parts import say

COMMENT = 60_000
"""Characters of a comment; GitHub takes 65,536."""
MARK = "<!-- convt -->"
"""The first line of a comment, by which a later run finds it again."""
REF = re.compile(r"\w[\w./@~^{}-]*")
COMMIT = re.compile(r"[0-9a-f]{40,64}")
LAST_LINES = 30
"""What is shown of the output where there is no comparison."""


class Refused(ValueError):
    """Inputs that ask for nothing; the message says what was found and what is accepted."""


def words(inputs: Mapping[str, str], folder: Path | None = None) -> list[str]:
    """The options of `convt upgrade` for the action's inputs, by their names in `action.yml`; Refused where they ask
    for nothing. The base is fetched into the git repository in `folder`, where lock files are compared."""
    report = inputs["report"] or "convt-out"
    if not report.isprintable() or (Path(report).exists() and not Path(report).is_dir()):
        raise Refused(f"report: found {report!r}, accepted the path of a folder")
    found = ["--annotate", f"--report={report}", f"--budget={inputs['budget'] or '0'}"]
    found += [f"--target={name}" for name in inputs["targets"].split()]
    found += [f"--spec={name}" for name in inputs["spec"].split()]
    classes = inputs["fail-on"].replace(",", " ").split()
    if "never" in classes and len(classes) > 1:
        raise Refused(f"fail-on: found {inputs['fail-on']!r}, accepted never alone, or worse and further classes")
    found += [f"--fail-on={name}" for name in classes if name not in ("worse", "never")]
    more, locks = _options(inputs["options"])
    found += [*more, *(f"--lock={name}" for name in inputs["lock"].split())]
    if inputs["lock"] and (inputs["before"] or inputs["after"] or locks):
        raise Refused("lock: found it beside versions, or beside --from-lock, accepted one of these")
    if inputs["before"] or inputs["after"]:
        return [*found, f"--before={inputs['before']}", f"--after={inputs['after']}"]
    if locks:
        return found
    base = inputs["base"] or parent(folder) or inputs["event-base"]
    return [*found, f"--from-git={fetched(base, inputs['default-branch'], folder)}"]


def _options(text: str) -> tuple[list[str], bool]:
    """The words of the input `options`, and whether they name lock files; Refused where `convt upgrade` would refuse
    them, and where the action has an input for it."""
    try:
        found = shlex.split(text)
    except ValueError as error:
        raise Refused(f"options: found {text!r} ({error}), accepted words as a shell splits them") from None
    heard = io.StringIO()
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            given, plain = _parsed(found), _parsed([])
    except SystemExit:
        last = (heard.getvalue().strip().splitlines() or [""])[-1]
        raise Refused(f"options: found {text!r}, accepted options of convt upgrade ({last[:200]})") from None
    for name in ("before", "after", "from_git", "lock", "report"):
        if getattr(given, name) != getattr(plain, name):
            raise Refused(f"options: found --{name.replace('_', '-')}, which is what an input of the action is for")
    return found, given.from_lock is not None


def _parsed(options: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="convt")
    upgrade.configure(parser.add_subparsers())
    return parser.parse_args(["upgrade", *options])


def _git(folder: Path | None, *rest: str) -> subprocess.CompletedProcess[str]:
    words = ["git", *rest]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def parent(folder: Path | None = None) -> str:
    """The commit that a pull request is merged into, where what is checked out is that merge; else empty. The branch
    may have gone on since: what others changed there is not this pull request's."""
    if not os.environ.get("GITHUB_BASE_REF"):
        return ""
    if _git(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        _git(folder, "fetch", "--quiet", "--deepen=1", "origin", os.environ.get("GITHUB_REF", "HEAD"))
    merged = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD^2").returncode == 0
    return _git(folder, "rev-parse", "HEAD^1").stdout.strip() if merged else ""


def fetched(base: str, default: str, folder: Path | None = None) -> str:
    """The commit of a branch, tag or commit of the remote, fetched; as it stands where the remote has no such: it may
    be there already, and if not, `convt upgrade` says so."""
    if base and not base.strip("0"):  # the first push of a branch has no commit before it
        base = default
    if not base:
        raise Refused("found an event without a base, accepted inputs: base, or before and after")
    if not REF.fullmatch(base):
        raise Refused(f"base: found {base!r}, accepted a branch, a tag or a commit")
    if _git(folder, "cat-file", "-e", f"{base}^{{commit}}").returncode == 0 and COMMIT.fullmatch(base):
        return base
    shallow = _git(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"
    if _git(folder, "fetch", "--quiet", *(["--depth=1"] if shallow else []), "--", "origin", base).returncode:
        return base
    return _git(folder, "rev-parse", "FETCH_HEAD").stdout.strip() or base


def run(options: Sequence[str]) -> tuple[int, list[str]]:
    """The exit status of `convt upgrade`, and the lines that it printed, which are passed on as they come."""
    command = [sys.executable, "-P", "-m", "convt", "upgrade", *options]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            say(harmless(lines[-1]))
    return process.returncode if process.returncode in (0, 1) else 2, lines


def harmless(line: str) -> str:
    """A line of output as the runner may see it: it obeys what begins with `::` or `##[`, and file names are anybody's.
    Only annotations of a file are meant."""
    obeyed = line.lstrip().startswith(("::", "##["))
    return f"| {line}" if obeyed and not line.startswith(("::error file=", "::warning file=")) else line


def tell(status: int, lines: Sequence[str], report: Path) -> tuple[str, dict[str, str]]:
    """Write the comment into the report's folder; the summary as Markdown, and the action's outputs, a line each."""
    markdown, data = report / "compare.md", report / "compare.json"
    said = [line for line in lines if line and not line.startswith("::")]
    if status != 2 and markdown.is_file() and data.is_file():
        text, decision = markdown.read_text(encoding="utf-8"), json.loads(data.read_text(encoding="utf-8"))["headline"]
    else:
        decision = next((line for line in said if "no answer: " in line), said[-1] if said else "no answer")
        text = fenced([decision] if status == 0 else said[-LAST_LINES:])
    outputs = {"status": str(status), "decision": decision}
    try:
        report.mkdir(parents=True, exist_ok=True)
        (report / "comment.md").write_text(f"{MARK}\n{shortened(text)}", encoding="utf-8")
        outputs["comment"] = str(report / "comment.md")
    except OSError as error:
        say(f"{report}: cannot be written ({error.strerror})")
    return text, {name: " ".join(value.split()) for name, value in outputs.items()}


def fenced(lines: Sequence[str]) -> str:
    """Lines as Markdown that shows them as they are, whatever stands in them."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *lines, fence, ""])


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
        "before", "after", "base", "lock", "event-base", "targets", "spec", "budget", "fail-on", "options", "report",
        "default-branch",
    )  # fmt: skip
    inputs = {name: os.environ.get(f"INPUT_{name.upper().replace('-', '_')}", "") for name in names}
    report = Path("convt-out")
    try:
        options = words(inputs)
        report = Path(inputs["report"] or report)
        for stale in ("compare.md", "compare.json", "comment.md"):
            with contextlib.suppress(OSError):
                (report / stale).unlink(missing_ok=True)
        status, lines = run(options)
    except Refused as error:
        status, lines = 2, [f"no answer: {error}"]
        say(harmless(lines[0]))
    summary, outputs = tell(status, lines, report)
    _into("GITHUB_STEP_SUMMARY", summary)
    _into("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
