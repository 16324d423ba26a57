"""`python -m reports summary|page|script|history|compare|bisect`: programs that read run files, and a search.

Exit 0; 2 where a file cannot be read, with one line on stderr. `compare` has exit codes of its own.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from reports.runfile import RunFileError, read_run

HISTORY = Path("reports/history")
OUT = Path("reports/out")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["compare"] and (Path(__file__).parent / "compare.py").exists():
        return int(importlib.import_module("reports.compare").main(given[1:]))
    if given[:1] == ["bisect"]:
        return _hand_over("tests.bisect", given[1:])
    options = _parser().parse_args(given)
    try:
        return int(options.command(options))
    except RunFileError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reports", description="Read a run file and tell what it says.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    summary = commands.add_parser("summary", help="a run on one screen")
    summary.add_argument("--json", action="store_true", help="the same as data, in a form that stays")
    page = commands.add_parser("page", help="a run as one HTML file that works from disk")
    page.add_argument("--out", type=Path, help="the file to write (default: index.html beside the run)")
    script = commands.add_parser("script", help="the script to paste for one case and target")
    compare = commands.add_parser("compare", help="two runs, case by case (compare --help)")
    for command, function in ((summary, _summary), (page, _page), (script, _script)):
        command.add_argument("run", type=Path, help="a run file, JSON lines")
        command.set_defaults(command=function)
    history = commands.add_parser("history", help="released versions as one HTML page: which cases ever changed")
    history.add_argument("--from", type=Path, default=HISTORY, dest="folder", metavar="DIR", help="reports/history")
    history.add_argument("--out", type=Path, default=OUT / "history.html", help="the file to write")
    history.set_defaults(command=_history)
    commands.add_parser("bisect", help="the first released version that does a case otherwise (bisect --help)")
    script.add_argument("case")
    script.add_argument("target")
    compare.set_defaults(command=_no_compare)
    return parser


def _summary(options: argparse.Namespace) -> int:
    from reports.summary import summary_json, summary_text

    run = read_run(options.run)
    print(json.dumps(summary_json(run), indent=2) if options.json else summary_text(run))
    return 0


def _page(options: argparse.Namespace) -> int:
    from reports.page import write_page

    out = options.out or options.run.with_name("index.html")
    write_page(read_run(options.run), out)
    print(out)
    return 0


def _history(options: argparse.Namespace) -> int:
    from reports.historypage import write_history

    write_history(options.folder, options.out)
    print(options.out)
    return 0


def _hand_over(module: str, arguments: Sequence[str]) -> int:
    """Run a command of a room that this one does not import, in a process of its own; its exit status."""
    root = str(Path(__file__).parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)}, check=False).returncode
    except KeyboardInterrupt:  # the command has heard it too
        return 130


def _script(options: argparse.Namespace) -> int:
    run = read_run(options.run)
    for (case, _, target), detail in run.details.items():
        if (case, target) == (options.case, options.target) and detail.script:
            print(detail.script)
            return 0
    print(f"{options.run}: no script for {options.case} on {options.target}", file=sys.stderr)
    return 2


def _no_compare(_: argparse.Namespace) -> int:
    print("reports/compare.py is not installed", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
