# PYTHON_ARGCOMPLETE_OK
"""The command `convt`. Exit 0 the same or better, 1 worse or broken, 2 not answerable, whatever the subcommand."""

from __future__ import annotations

import argparse
import contextlib
import sys
import traceback
from collections.abc import Sequence

from convt.commands import baseline, bisect, check, compare, history, page, run, show, upgrade
from convt.commands.parts import NO_ANSWER, UsageError, complain

GROUPS = (run, upgrade, compare, bisect, history, baseline, show, page, check)
"""Each declares its subcommands, in the order of the help."""


def parser() -> argparse.ArgumentParser:
    """The one parser of every subcommand."""
    top = argparse.ArgumentParser(
        prog="convt",
        description="The conformance suite for transposed convolution: one specification, every framework, one report.",
        epilog="Exit 0 the same or better, 1 worse or broken, 2 not answerable. `convt COMMAND --help` has examples.",
    )
    top.add_argument("--version", action="version", version=f"convt {_version()}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for group in GROUPS:
        group.configure(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status; bad input is one line on standard error, never a traceback."""
    from convt.cases.errors import SpecErrors
    from convt.laws.catalogue import BadLaw
    from convt.results.records import RunFileError
    from convt.results.sides import NotComparable
    from convt.results.targets import TargetError
    from convt.session.options import BadOption

    given = list(sys.argv[1:] if arguments is None else arguments)
    at = given.index("--") if "--" in given else len(given)
    top = parser()
    with contextlib.suppress(ImportError):  # the extra `completion`
        import argcomplete

        argcomplete.autocomplete(top)
    options = top.parse_args(given[:at])
    options.more = given[at + 1 :]
    try:
        return int(options.run(options))
    except SpecErrors as error:
        complain("\n".join(error.errors))
    except (UsageError, BadLaw, BadOption, RunFileError, NotComparable, TargetError, OSError) as error:
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
