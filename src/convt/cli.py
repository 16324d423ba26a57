# PYTHON_ARGCOMPLETE_OK
"""The command `convt`. Exit 0 the same or better, 1 worse or broken, 2 not answerable, whatever the subcommand."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import shlex
import sys
import traceback
from collections.abc import Sequence

from convt.commands.parts import NO_ANSWER, UsageError, complain
from convt.streams import secure

GROUPS = {
    "run": ("run",), "upgrade": ("upgrade",), "compare": ("compare",), "bisect": ("bisect",), "history": ("history",),
    "baseline": ("baseline",), "show": ("summary", "show", "script"), "page": ("page", "open"),
    "check": ("check", "targets", "laws"), "explain": ("explain",), "translate": ("translate",), "solve": ("solve",),
    "capture": ("capture",),
}  # fmt: skip
"""Each module of `convt.commands` with the subcommands that it declares, in the order of the help."""


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """The one parser; of `command` and its neighbours only where it is one: importing all costs half a second."""
    groups = [group for group, names in GROUPS.items() if command in names] or GROUPS
    top = argparse.ArgumentParser(
        prog="convt",
        description="The conformance suite for transposed convolution: one specification, every framework, one report.",
        epilog="Exit 0 the same or better, 1 worse or broken, 2 not answerable. `convt COMMAND --help` has examples.",
    )
    top.add_argument("--version", action="version", version=f"convt {_version()}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for group in groups:
        importlib.import_module(f"convt.commands.{group}").configure(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status; bad input is one line on standard error, never a traceback."""
    try:
        secure()
        return _main(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:  # also while it is imported, which takes the longest of a short command
        complain("convt: interrupted")
    return NO_ANSWER


def _main(given: list[str]) -> int:
    from convt.cases.errors import SpecErrors
    from convt.laws.catalogue import BadLaw
    from convt.results.records import RunFileError
    from convt.results.sides import NotComparable
    from convt.results.targets import TargetError
    from convt.session.options import BadOption
    from convt.translation.layer import LayerError

    at = given.index("--") if "--" in given else len(given)
    top = parser(given[0] if given else None)
    with contextlib.suppress(ImportError):  # the extra `completion`
        import argcomplete

        argcomplete.autocomplete(top)
    for word in given[:at]:
        if word.startswith("-") and word.endswith("=--"):  # argparse makes a list of it, or drops it
            complain(f"convt {given[0]}: {word[:-3]}: found --, accepted a value after =")
            return NO_ANSWER
    options = top.parse_args(given[:at])
    options.more, options.typed = given[at + 1 :], shlex.join(["convt", *given])
    try:
        os.getcwd()  # noqa: PTH109  whether there is one
    except FileNotFoundError:
        complain(f"convt {options.command}: the current folder is gone; change to one that there is")
        return NO_ANSWER
    try:
        if options.more and options.command != "run":
            words = shlex.join(options.more)
            raise UsageError(f"found `-- {words}`, accepted nothing after --: only `convt run` has options of pytest")
        return int(options.run(options))
    except SpecErrors as error:
        complain("\n".join(error.errors))
    except (UsageError, BadLaw, BadOption, RunFileError, NotComparable, TargetError, LayerError, OSError) as error:
        complain(f"convt {options.command}: {error}")
    except KeyboardInterrupt:
        complain(f"convt {options.command}: interrupted")
    except Exception:
        traceback.print_exc()
        complain(f"convt {options.command}: a fault of convt's own, as the lines above tell")
    return NO_ANSWER


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("convt")
    except PackageNotFoundError:  # a checkout that is not installed
        return "of a checkout"


if __name__ == "__main__":
    sys.exit(main())
