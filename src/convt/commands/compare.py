"""`convt compare`: what changed between two runs, between the two sides of one, or between two released versions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from packaging.version import InvalidVersion, Version

from convt.commands.parts import Commands, UsageError, command, output_file, say, write
from convt.commands.reading import read
from convt.page.compare_forms import FORMATS, render
from convt.results.changes import CLASSES, Comparison, compare, compare_sides
from convt.results.compare_annotations import annotations as github_annotations
from convt.results.compare_view import headline
from convt.upgrade.dated import dated
from convt.upgrade.kept import NotKept, file_of, pair_of, series_named, spelled_as
from convt.upgrade.series import HISTORY, SERIES

EXAMPLES = (
    "convt compare keras 3.14.1 3.15.1                    two released versions, from the history: no environments",
    "convt compare keras 3.14.1                           the same, with the newest version in the history",
    "convt compare before.jsonl after.jsonl               two runs that were made apart",
    "convt compare run.jsonl                              the sides X#before and X#after of one run",
    "convt compare jax==0.10.2 run.jsonl                  a released version and a run of your own",
    "convt compare A B --format html --out compare.html   as a page",
)


def configure(commands: Commands) -> None:
    parser = command(
        commands, "compare", "tell what changed between two runs or two released versions, case by case", run,
        examples=EXAMPLES,
        more="A file is a run file, or NAME==VERSION of a released version that the history holds. Exit 0: the same or "
        "better; 1: worse; 2: they cannot be compared, or not be read.",
    )  # fmt: skip
    add = parser.add_argument
    add("before", metavar="BEFORE", help="a run file; alone, one with targets X#before and X#after; or a series of the "
        f"history ({', '.join(SERIES)}) with one or two versions after it")  # fmt: skip
    add("after", metavar="AFTER", nargs="?", help="the run file to compare with it; of a series, the version before")
    add("version", metavar="VERSION", nargs="?", help="of a series, the version after (default: its newest one)")
    add("--from", type=Path, default=HISTORY, dest="folder", metavar="DIR", help="read released versions here "
        "(default: those that convt brings)")  # fmt: skip
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
    words = [it for it in (options.before, options.after, options.version) if it is not None]
    try:
        paths = _paths(words, options.folder)
    except NotKept as error:
        raise UsageError(str(error)) from None
    if options.sides and len(paths) > 1:
        raise UsageError("--sides names two environments of one run; give one run file")
    comparison = dated(_compared(paths, options), options.folder)
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


def _paths(words: Sequence[str], folder: Path) -> list[Path]:
    """The files that are meant: run files, and released versions of the history."""
    alone = spelled_as(words[0]) if len(words) == 1 and not Path(words[0]).exists() else None
    first, *versions = alone or words
    series = None if Path(first).is_file() else series_named(first)
    if series is not None and versions:
        return list(pair_of(series, versions, folder))
    if series is not None:
        raise UsageError(f"found {first} alone, accepted it with one or two versions: convt compare {first} A B")
    if len(words) > 2 or alone or (versions and not Path(first).exists() and _is_version(versions[0])):
        raise UsageError(f"found {' '.join(words)}, accepted run files, or one of {', '.join(SERIES)} with versions")
    return [_file(word, folder) for word in words]


def _file(word: str, folder: Path) -> Path:
    """A run file, or `NAME==VERSION` of the history."""
    found = None if Path(word).exists() else spelled_as(word)
    if found is None:
        return Path(word)
    series = series_named(found[0])
    if series is None:
        raise UsageError(f"found {word!r}, accepted a run file, or NAME==VERSION with one of {', '.join(SERIES)}")
    return file_of(series, found[1], folder)


def _is_version(word: str) -> bool:
    try:
        return bool(Version(word))
    except InvalidVersion:
        return False


def _compared(paths: Sequence[Path], options: argparse.Namespace) -> Comparison:
    before = read(paths[0])
    if len(paths) == 1:
        sides = options.sides or ("before", "after")
        return compare_sides(before, *sides, force=options.force, fail_on=options.fail_on)
    return compare(before, read(paths[1]), force=options.force, fail_on=options.fail_on)
