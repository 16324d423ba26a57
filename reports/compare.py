"""`python -m reports compare`: what changed between two runs, or between the two sides of one.

Exit 0 the same or better, 1 worse, 2 not comparable or not readable.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from reports.changes import CLASSES, Comparison, NotComparable, compare, compare_sides
from reports.compare_annotations import annotations
from reports.compare_view import headline
from reports.runfile import RunFileError, read_run

__all__ = ["FORMATS", "annotations", "main", "render"]

FORMATS = {
    "text": ("reports.compare_text", "text"),
    "markdown": ("reports.compare_markdown", "markdown"),
    "json": ("reports.compare_json", "as_json"),
    "html": ("reports.compare_page", "render_comparison"),
}
"""Form -> module and function; only the one that is asked for is imported."""


def render(comparison: Comparison, form: str = "text") -> str:
    """The comparison as text, markdown, json or html."""
    module, name = FORMATS[form]
    function: Callable[[Comparison], str] = getattr(importlib.import_module(module), name)
    return function(comparison)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, tell, and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.sides and options.after is not None:
        parser.error("--sides names two environments of one run; give one run file")
    try:
        comparison = _compared(options)
    except (NotComparable, RunFileError) as error:
        print(error, file=sys.stderr)
        return 2
    told = render(comparison, options.format)
    if options.out is None:
        print(told)
    else:
        try:
            _write(options.out, told)
        except OSError as error:
            print(f"{options.out}: cannot be written ({error.strerror}); give --out another path", file=sys.stderr)
            return 2
        print(headline(comparison))
        print(options.out)
    if options.annotate:
        print("\n".join(annotations(comparison)))
    return comparison.exit_status


def _compared(options: argparse.Namespace) -> Comparison:
    before = read_run(options.before)
    if options.after is None:
        sides = options.sides or ("before", "after")
        return compare_sides(before, *sides, force=options.force, fail_on=options.fail_on)
    return compare(before, read_run(options.after), force=options.force, fail_on=options.fail_on)


def _write(path: Path, told: str) -> None:
    """Write beside the place and move there, so that a half-written file is never read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(told if told.endswith("\n") else told + "\n", encoding="utf-8")
    part.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports compare",
        description="What changed between two runs, or between the two sides of one, case by case.",
        epilog="Exit 0 same or better, 1 worse, 2 not comparable or not readable. docs/comparing.md tells the classes.",
    )
    parser.add_argument(
        "before", type=Path, metavar="BEFORE", help="a run file; alone, one with targets X#before and X#after"
    )
    parser.add_argument("after", type=Path, metavar="AFTER", nargs="?", help="the run file to compare with it")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write there; standard output then has the headline")
    parser.add_argument(
        "--force", action="store_true", help="compare other specifications, seeds, dtypes or laws all the same"
    )
    parser.add_argument("--sides", nargs=2, metavar=("A", "B"), help="the two environments of one run (before after)")
    parser.add_argument(
        "--fail-on", action="append", default=[], choices=CLASSES[:-1], metavar="CLASS",
        help="count this class as worse too, such as new-warning, slower or bits; may be given more than once",
    )  # fmt: skip
    parser.add_argument(
        "--annotate", action="store_true", help="also print GitHub's annotations of what got worse, 10 at most"
    )
    return parser
