"""What every subcommand shares: how it is declared, where its files go by default, and how it speaks."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

OK, WORSE, NO_ANSWER = 0, 1, 2
"""Exit statuses: same or better, worse or broken, not answerable."""

Commands = Any
"""What `argparse.ArgumentParser.add_subparsers` gives; its class has no public name."""


class UsageError(ValueError):
    """What was asked for cannot be; the message says what was found and what is accepted."""


def command(
    commands: Commands,
    name: str,
    does: str,
    run: Callable[[argparse.Namespace], int],
    *,
    examples: Iterable[str] = (),
    more: str = "",
) -> argparse.ArgumentParser:
    """A subcommand's parser: one style of help, with examples of commands at its end."""
    lines = [f"  {line}" for line in examples]
    parts = ([textwrap.fill(more, 100)] if more else []) + (["\n".join(["examples:", *lines])] if lines else [])
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}.",
        epilog="\n\n".join(parts),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run, prog=parser.prog)
    return parser


def say(text: str) -> None:
    """A line for the person at the terminal, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(f"{text}\n")


def chosen(option: str, name: str, accepted: Iterable[str]) -> str:
    """The name, or a UsageError with the near names; all that are accepted where they are few."""
    names = list(accepted)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=4, cutoff=0.5)
    few = ", ".join(names) if len(names) < 40 else f"one of {len(names)} names"
    raise UsageError(f"{option}: found {name!r}, accepted {few}" + (f"; near: {', '.join(near)}" if near else ""))


def given(text: str) -> str:
    """The type of an option that needs a value: an empty one is a variable that is not set, and never meant."""
    if not text.strip():
        raise argparse.ArgumentTypeError("found nothing; accepted a value, or no such option")
    return text


def given_path(text: str) -> Path:
    """The same of a path."""
    return Path(given(text))


def output_file(text: str) -> Path:
    """The type of an option that names a file to be written."""
    path = Path(text)
    if not text.strip() or path.is_dir() or text.endswith(("/", os.sep)):
        found = f"{text!r}, a folder" if text.strip() else "nothing"
        raise argparse.ArgumentTypeError(f"found {found}; accepted the path of a file")
    if path.exists() and not path.is_file():  # a device, which a move to its place would replace
        raise argparse.ArgumentTypeError(f"found {text!r}, a device or pipe; accepted the path of a file")
    return path.resolve() if path.is_symlink() else path  # a link stays one: what it names is written


def output_folder(text: str) -> Path:
    """The type of an option that names a folder for results."""
    if not text.strip():
        raise argparse.ArgumentTypeError("found nothing; accepted the path of a folder")
    return Path(text)


def seconds(text: str) -> float:
    """The type of --deadline."""
    from convt.session.options import BadOption, deadline

    try:
        return deadline(text)
    except BadOption as error:
        raise argparse.ArgumentTypeError(str(error).partition(": ")[2]) from None


@contextlib.contextmanager
def writing(path: Path, option: str = "--out") -> Iterator[None]:
    """UsageError with the path that was asked for, where the body cannot write it."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"{path}: cannot be written ({why}); give {option} another path") from None


def write(path: Path, text: str) -> None:
    """Write beside the place and move there, so that a half-written file is never read; UsageError where none can."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
        part.replace(path)
