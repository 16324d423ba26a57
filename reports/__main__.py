"""`python -m reports summary|page|script|compare`: programs that read run files.

Exit 0; 2 where a file cannot be read, with one line on stderr. `compare` has exit codes of its own.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from reports.runfile import RunFileError, read_run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["compare"] and (Path(__file__).parent / "compare.py").exists():
        return int(importlib.import_module("reports.compare").main(given[1:]))
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
