"""`convt compare`: what changed between two runs, or between the two sides of one."""

from __future__ import annotations

import argparse
from pathlib import Path

from convt.commands.parts import Commands, UsageError, command, output_file, say, write
from convt.commands.reading import read
from convt.page.compare_forms import FORMATS, render
from convt.results.changes import CLASSES, Comparison, compare, compare_sides
from convt.results.compare_annotations import annotations as github_annotations
from convt.results.compare_view import headline

EXAMPLES = (
    "convt compare before.jsonl after.jsonl               two runs that were made apart",
    "convt compare run.jsonl                              the sides X#before and X#after of one run",
    "convt compare A B --format html --out compare.html   as a page",
)


def configure(commands: Commands) -> None:
    parser = command(
        commands, "compare", "tell what changed between two runs, case by case", run, examples=EXAMPLES,
        more="Exit 0: the same or better; 1: worse; 2: they cannot be compared, or not be read.",
    )  # fmt: skip
    parser.add_argument(
        "before", type=Path, metavar="BEFORE", help="a run file; alone, one with targets X#before and X#after"
    )
    parser.add_argument("after", type=Path, metavar="AFTER", nargs="?", help="the run file to compare with it")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument(
        "--out", type=output_file, metavar="FILE", help="write there; standard output then has the headline"
    )
    parser.add_argument(
        "--force", action="store_true", help="compare the verdicts of laws and oracles of other versions all the same"
    )
    parser.add_argument("--sides", nargs=2, metavar=("A", "B"), help="the two environments of one run (before after)")
    parser.add_argument(
        "--fail-on", action="append", default=[], choices=CLASSES[:-1], metavar="CLASS",
        help="count this class as worse too, such as new-warning, slower or bits; may be given more than once",
    )  # fmt: skip
    parser.add_argument(
        "--annotate", action="store_true", help="also print GitHub's annotations of what got worse, 10 at most"
    )


def run(options: argparse.Namespace) -> int:
    """Compare, tell, and return the exit status."""
    if options.sides and options.after is not None:
        raise UsageError("--sides names two environments of one run; give one run file")
    comparison = _compared(options)
    told = render(comparison, options.format)
    if options.out is None:
        say(told)
    else:
        write(options.out, told)
        say(headline(comparison))
        say(str(options.out))
    if options.annotate:
        say("\n".join(github_annotations(comparison)))
    return comparison.exit_status


def _compared(options: argparse.Namespace) -> Comparison:
    before = read(options.before)
    if options.after is None:
        sides = options.sides or ("before", "after")
        return compare_sides(before, *sides, force=options.force, fail_on=options.fail_on)
    return compare(before, read(options.after), force=options.force, fail_on=options.fail_on)
