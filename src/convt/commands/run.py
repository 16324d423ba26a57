"""`convt run`: the conformance run, by pytest on the two files of tests that stand in the content."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from convt.commands.parts import NO_ANSWER, OK, WORSE, Commands, UsageError, command, complain
from convt.content import ROOT
from convt.plugin.options import declare
from convt.session.options import OUT, check_folder

FILES = ("tests/test_cases.py", "tests/test_generated.py")
SETTINGS = (
    "--import-mode=importlib", "-p", "convt.pytest_plugin", "--no-header",
    "-p", "no:hypothesispytest",  # it imports Hypothesis at the end, which takes half a second, and has nothing to tell
)  # fmt: skip
"""How pytest is told to run; the settings of a pyproject.toml around are the user's own tests', and not read."""

EXAMPLES = (
    "convt run                              every framework that is installed here",
    "convt run pytorch jax/eager -k gap     two targets, the cases with 'gap' in their name",
    "convt run --law adjoint -m models      one law on the layers of published models",
    "convt run --require pytorch,jax        fail where one of them did not run",
    "convt run --only mine                  the layers in .convt/*.yaml of your project, alone",
    "convt run -n 2 -- --durations=5        two processes of pytest; after -- any option of pytest",
)


def configure(commands: Commands) -> None:
    parser = command(
        commands, "run", "run the conformance suite; leaves run.jsonl and index.html", run, examples=EXAMPLES,
        more="Exit 0: every law holds, or a known difference explains why not; 1: a law is broken, or a target that is "
        "required did not run; 2: nothing ran, or a target that was named did not.",
    )  # fmt: skip
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="as --target")
    declare(parser.add_argument)
    add = parser.add_argument_group("of pytest").add_argument
    add("-k", action="append", default=[], metavar="WORDS",
        help="run what has these words in its name: 'gap and not jax'; repeatable, all have to hold (default: "
        "everything)")  # fmt: skip
    add("-m", action="append", default=[], metavar="MARKS",
        help="run what has these marks: a file's name, rank2, conv; repeatable, all have to hold (default: "
        "everything)")  # fmt: skip
    add("-x", action="store_true", help="stop at the first failure (default: go on)")
    add("--lf", action="store_true", help="run what failed last time (default: everything)")
    add("-n", type=_processes, metavar="COUNT", help="use so many processes of pytest-xdist (default: this one)")
    add("-v", action="store_true", help="print a line for each item (default: how far the run is)")


def _processes(text: str) -> str:
    """A number of processes, as pytest-xdist takes it."""
    if not (text.isascii() and text.isdecimal()) and text not in ("auto", "logical"):
        raise argparse.ArgumentTypeError(f"found {text!r}, accepted a number of processes, or auto")
    return text


def run(options: argparse.Namespace) -> int:
    """The run's exit status."""
    import pytest

    from convt.plugin.recorder import Typed

    for name in ("k", "m"):
        if getattr(options, name) and any(re.match(f"-{name}(?!-)", word) for word in options.more):
            raise UsageError(
                f"-{name}: found it before and after --, accepted one place: before --, as often as needed"
            )
    out = Path(options.report).resolve()
    if options.report:  # an empty one is refused with the other options
        check_folder("--report", out)
    with surroundings(out):
        code = pytest.main(words(options), plugins=[Typed(options.typed)])
    return {pytest.ExitCode.OK: OK, pytest.ExitCode.TESTS_FAILED: WORSE}.get(code, NO_ANSWER)  # type: ignore[call-overload]


NOT_READ = ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS")
"""Variables by which the user's own tests are set up, and which would change what this command does."""


@contextlib.contextmanager
def surroundings(out: Path) -> Iterator[None]:
    """The environment of a run: nothing of the user's own tests, and Hypothesis's files among the results."""
    before = dict(os.environ)
    found = [name for name in NOT_READ if os.environ.pop(name, "")]
    if found:
        complain(f"convt run: {', '.join(found)} not read, as for your own tests; options of pytest stand after --")
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(out.absolute() / "hypothesis"))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def words(options: argparse.Namespace) -> list[str]:
    """The words of pytest's command line for these options."""
    out = Path(options.report or OUT).resolve()
    told = [*SETTINGS, "-c", os.devnull, f"--rootdir={ROOT}", "-o", f"cache_dir={out / 'pytest_cache'}"]
    for name in options.targets:
        told.append(f"--target={name}")
    for name in ("target", "environment", "device", "require", "law", "spec", "backend"):
        told += [f"--{name}={value}" for value in getattr(options, name)]
    for name in ("only", "profile", "seed", "deadline", "known", "baseline", "report"):
        value = getattr(options, name)
        told += [] if value is None else [f"--{name}={value}"]
    told += ["--update-baseline"] if options.update_baseline else []
    for name in ("k", "m"):
        given = getattr(options, name)
        told += [f"-{name}", given[0] if len(given) == 1 else " and ".join(f"({it})" for it in given)] if given else []
    told += [] if options.n is None else ["-n", options.n]
    told += [flag for flag, name in (("-x", "x"), ("--lf", "lf"), ("-v", "v")) if getattr(options, name)]
    alone = options.only == "mine" or (options.spec and options.profile is None)  # then nothing is generated
    return [*told, *options.more, *(str(ROOT / file) for file in (FILES[:1] if alone else FILES))]
