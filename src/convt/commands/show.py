"""`convt summary`, `convt show`, `convt script`: what a run file says, in the terminal."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from convt.commands.parts import OK, Commands, UsageError, chosen, command, say
from convt.results.runfile import Run, read_run
from convt.results.summary import summary_json, summary_text
from convt.session.options import OUT

RUN = OUT / "run.jsonl"


def configure(commands: Commands) -> None:
    parser = command(
        commands, "summary", "tell a run on one screen", summary,
        examples=("convt summary                           the last run",
                  "convt summary run.jsonl --format json"),
    )  # fmt: skip
    _run(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    parser = command(
        commands, "script", "print the script to paste for one case and target", script,
        examples=("convt script run.jsonl same-k5-s2-picture keras-torch",),
    )  # fmt: skip
    parser.add_argument("run_file", type=Path, metavar="RUN", help="a run file, JSON lines")
    parser.add_argument("case", metavar="CASE", help="the name of a case")
    parser.add_argument("target", metavar="TARGET", help="the target, such as jax/eager")


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_file", nargs="?", type=Path, default=RUN, metavar="RUN", help="a run file, JSON lines "
                        "(default: %(default)s)")  # fmt: skip


def summary(options: argparse.Namespace) -> int:
    """Print the summary; the exit status."""
    run = read_run(options.run_file)
    say(json.dumps(summary_json(run), indent=2) if options.format == "json" else summary_text(run))
    return OK


def script(options: argparse.Namespace) -> int:
    """Print the first script of the case on the target; the exit status."""
    say(_script(read_run(options.run_file), options.case, options.target))
    return OK


def _script(run: Run, case: str, target: str) -> str:
    chosen("CASE", case, run.cases)
    chosen("TARGET", target, [info.name for info in run.header.targets])
    for (name, _, on), detail in run.details.items():
        if (name, on) == (case, target) and detail.script:
            return detail.script
    raise UsageError(f"{run.path}: no script for {case} on {target}: every law holds there, or nothing ran")
