"""`convt run`: the conformance run, by pytest on the two files of tests that stand in the content."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from convt.commands.parts import NO_ANSWER, OK, WORSE, Commands, command
from convt.content import ROOT
from convt.plugin.options import declare
from convt.session.options import OUT

FILES = ("tests/test_cases.py", "tests/test_generated.py")
SETTINGS = (
    "--import-mode=importlib", "-p", "convt.pytest_plugin", "--no-header",
    "-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning",  # Hypothesis, by this very command
)  # fmt: skip
"""How pytest is told to run; the settings of a pyproject.toml around are the user's own tests', and not read."""

EXAMPLES = (
    "convt run                              every framework that is installed here",
    "convt run pytorch jax/eager -k gap     two targets, the cases with 'gap' in their name",
    "convt run --law adjoint -m models      one law on the layers of published models",
    "convt run --require pytorch,jax        fail where one of them did not run",
    "convt run -n 2 -- --durations=5        two processes of pytest; after -- any option of pytest",
)


def configure(commands: Commands) -> None:
    parser = command(
        commands, "run", "run the conformance suite; leaves run.jsonl and index.html", run, examples=EXAMPLES,
        more="Exit 0: every law holds, or a known difference explains why not; 1: a law is broken, or a target that is "
        "required did not run; 2: nothing could be run.",
    )  # fmt: skip
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="as --target")
    declare(parser.add_argument)
    add = parser.add_argument_group("of pytest").add_argument
    add("-k", metavar="WORDS", help="run what has these words in its name: 'gap and not jax' (default: everything)")
    add("-m", metavar="MARKS", help="run what has these marks: a file's name, rank2, conv (default: everything)")
    add("-x", action="store_true", help="stop at the first failure (default: go on)")
    add("--lf", action="store_true", help="run what failed last time (default: everything)")
    add("-n", metavar="COUNT", help="use so many processes of pytest-xdist (default: this one)")
    add("-v", action="store_true", help="print a line for each item (default: how far the run is)")


def run(options: argparse.Namespace) -> int:
    """The run's exit status."""
    import pytest

    from convt.plugin.recorder import Typed

    code = pytest.main(words(options), plugins=[Typed(options.typed)])
    return {pytest.ExitCode.OK: OK, pytest.ExitCode.TESTS_FAILED: WORSE}.get(code, NO_ANSWER)  # type: ignore[call-overload]


def words(options: argparse.Namespace) -> list[str]:
    """The words of pytest's command line for these options."""
    out = Path(options.report or OUT)
    told = [*SETTINGS, "-c", os.devnull, f"--rootdir={ROOT}", "-o", f"cache_dir={out.absolute() / 'pytest_cache'}"]
    for name in options.targets:
        told.append(f"--target={name}")
    for name in ("target", "environment", "device", "require", "law", "spec", "backend"):
        told += [f"--{name}={value}" for value in getattr(options, name)]
    for name in ("profile", "seed", "deadline", "known", "baseline", "report"):
        value = getattr(options, name)
        told += [] if value is None else [f"--{name}={value}"]
    told += ["--update-baseline"] if options.update_baseline else []
    for name in ("k", "m", "n"):
        value = getattr(options, name)
        told += [] if value is None else [f"-{name}", value]
    told += [flag for flag, name in (("-x", "x"), ("--lf", "lf"), ("-v", "v")) if getattr(options, name)]
    return [*told, *options.more, *(str(ROOT / file) for file in FILES)]
