"""The options of a conformance run, in one pytest group, and what they say together."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convt.session.mine import ONLY, Only, chosen
from convt.session.options import (
    DEADLINE,
    KNOWN,
    LARGEST_SEED,
    OUT,
    BadOption,
    Options,
    deadline,
    folder_of_known,
    known,
    listed,
    spec_files,
)
from convt.session.profiles import PROFILES, Profile

NARROWING = ("keyword", "markexpr", "--law", "--spec", "lf", "failedfirst")
"""Options that leave out cases or laws."""


def add_options(parser: pytest.Parser) -> None:
    """Declare the group `convt` of pytest's options."""
    declare(parser.getgroup("convt", "conformance of transposed convolution").addoption)


def declare(add: Callable[..., Any]) -> None:
    """Declare the options of a run: of `pytest` and of `convt run` alike."""
    add(
        "--target",
        action="append",
        default=[],
        metavar="NAME",
        help="run this target, backend[/mode][@device][#environment]; commas between several, repeatable (default: "
        "every framework in its default mode)",
    )
    add(
        "--environment",
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help="name another Python, for targets that end in #NAME; repeatable (default: the host's own alone)",
    )
    add(
        "--device",
        action="append",
        default=[],
        metavar="NAME",
        help="run on this device, such as cpu or cuda:0; repeatable (default: every device that a framework lists)",
    )
    add(
        "--require",
        action="append",
        default=[],
        metavar="NAMES",
        help="fail where one of these targets does not run; commas between them, or 'all' (default: none)",
    )
    add(
        "--law",
        action="append",
        default=[],
        metavar="ID",
        help="judge this law; commas between several, repeatable (default: every law)",
    )
    add(
        "--spec",
        action="append",
        default=[],
        metavar="FILE",
        help="take the cases of this YAML file or folder alone, --spec=FILE, and generate none unless --profile is "
        "named; repeatable (default: all that convt brings, and your own layers of .convt/*.yaml here; the folders "
        "specs/large, specs/realistic and specs/cost under the profiles of these names)",
    )
    add(
        "--only",
        default=None,
        metavar="WHICH",
        help="mine: the layers of .convt/*.yaml, or of --spec, alone, with nothing generated; suite: all but these "
        "(default: both)",
    )
    add(
        "--backend",
        action="append",
        default=[],
        metavar="PATH",
        help="add a backend from outside, package.module:Class; repeatable (docs/adding-a-backend.md)",
    )
    add(
        "--profile",
        default=None,
        metavar="NAME",
        help="default; ci: the same seed each time; quick: as ci, over few of the cases, which cover pairs of their "
        "properties; nightly: 1,000 generated cases a law; modes: every mode; hostile: every stress environment; "
        "large: results of more than 2^31 numbers; realistic: layers of real size; cost: ratios of times "
        "(default: default)",
    )
    add(
        "--seed",
        default=None,
        metavar="N",
        help="seed of the generated cases (default: a new one each run, printed; 0 under the profiles ci and quick); "
        "the covering array takes it under nightly alone",
    )
    add(
        "--deadline",
        default=str(DEADLINE),
        metavar="SECONDS",
        help="how long one evaluation may take before it counts as hanging (default: %(default)s)",
    )
    add(
        "--known",
        default=str(KNOWN),
        metavar="DIR",
        help="where the known differences stand, a file a backend (default: %(default)s)",
    )
    add(
        "--baseline",
        default=None,
        metavar="FILE",
        help="fail on what got worse against this file, --baseline=FILE, and on nothing else: a baseline (.jsonl,"
        " .jsonl.gz) or the run file of another run (default: none)",
    )
    add(
        "--update-baseline",
        action="store_true",
        help="write the file that --baseline names, or renew in it what runs; nothing fails that goes into it",
    )
    add("--report", default=str(OUT), metavar="DIR",
        help="where run.jsonl and index.html go (default: %(default)s)")  # fmt: skip


def read_options(config: pytest.Config) -> Options:
    """The options of this run; BadOption names what was found and what is accepted."""
    get = config.getoption
    named = get("--profile")
    profile = PROFILES["default" if named is None else known("--profile", named, PROFILES)]
    only: Only = "" if get("--only") is None else known("--only", get("--only"), ONLY)  # type: ignore[assignment]
    here = config.invocation_params.dir
    specs = spec_files(Path(here, name) for name in get("--spec"))
    return Options(
        targets=listed("--target", get("--target")),
        environments=dict(_environment(config, text) for text in get("--environment")),
        devices=listed("--device", get("--device")),
        required=listed("--require", get("--require")),
        laws=listed("--law", get("--law")),
        specs=specs,
        mine=chosen(only, specs, here),
        alone=only == "mine",
        draws=only != "mine" and (not specs or named is not None),
        backends=tuple(get("--backend")),
        profile=profile,
        narrowed=narrowed(config),
        seed=_seed(config, profile),
        deadline=deadline(get("--deadline")),
        report=_report(config),
        known=folder_of_known(Path(config.invocation_params.dir, get("--known"))),
        baseline=_baseline(config),
        update_baseline=get("--update-baseline"),
    )


def narrowed(config: pytest.Config) -> bool:
    """Whether the command line chooses among cases and laws, so that not all of them are judged."""
    shared = getattr(config, "workerinput", {}).get("convt_narrowed")
    if shared is not None:  # a worker of pytest-xdist
        return bool(shared)
    files = {Path(argument.partition("::")[0]).name for argument in config.args}
    picked = config.args_source.name == "ARGS" and not files >= {"test_cases.py", "test_generated.py"}
    mine = config.getoption("--only") == "mine"
    return picked or mine or any(config.getoption(name, None) for name in NARROWING)


def _seed(config: pytest.Config, profile: Profile) -> int:
    """The seed that was asked for, else the controller's when a worker of pytest-xdist, else a new one."""
    asked = config.getoption("--seed")
    if asked is not None:
        seed = _number("--seed", asked, int)
        if not 0 <= seed <= LARGEST_SEED:
            raise BadOption(f"--seed: found {seed}, accepted 0 to {LARGEST_SEED}")
        return seed
    shared = getattr(config, "workerinput", {}).get("convt_seed")
    if shared is not None:
        return int(shared)
    return 0 if profile.derandomized else random.SystemRandom().randint(0, LARGEST_SEED)


def _environment(config: pytest.Config, text: str) -> tuple[str, str]:
    """NAME=PYTHON, where there is such a program."""
    name, _, python = text.partition("=")
    if not re.fullmatch(r"[\w.-]+", name) or not python:
        accepted = "NAME=PYTHON, a name of letters, digits, '.', '-' and the path of a Python"
        raise BadOption(f"--environment: found {text!r}, accepted {accepted}")
    found = Path(config.invocation_params.dir, Path(python).expanduser())
    if not os.access(found, os.X_OK) or found.is_dir():
        raise BadOption(f"--environment {name}: found no program {found}, accepted the path of a Python")
    return name, str(found)


def _baseline(config: pytest.Config) -> Path | None:
    """Where the baseline stands, or is to stand."""
    name = config.getoption("--baseline")
    if name is None and config.getoption("--update-baseline"):
        raise BadOption("--update-baseline: found no --baseline, accepted --baseline=FILE, the file to write")
    if name is None:
        return None
    path = Path(config.invocation_params.dir, name)
    if path.is_dir():
        raise BadOption(f"--baseline: found {name!r}, a folder; accepted the path of a file, such as base.jsonl.gz")
    return path


def _report(config: pytest.Config) -> Path:
    """The folder of the results, as a path without `..`."""
    name = config.getoption("--report")
    if not name:
        raise BadOption("--report: found nothing, accepted the path of a folder")
    return Path(config.invocation_params.dir, name).resolve()


def _number(option: str, text: str, kind: type[Any]) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise BadOption(f"{option}: found {text!r}, accepted a number") from None
