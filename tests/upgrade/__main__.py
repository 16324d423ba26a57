"""`python -m tests.upgrade`: what computes differently after an upgrade, case by case.

Exit 0 the same or better, 1 worse, 2 no answer: an environment cannot be had, or the two are not comparable.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from backends.asking import NoRequirement
from backends.environments import EnvironmentFailed
from backends.registry import BACKENDS, Entry, register_external
from backends.targets import TargetError
from reports.changes import CLASSES, NotComparable, compare_sides
from reports.runfile import RunFileError
from tests.options import LARGEST_SEED, REPORT, ROOT
from tests.upgrade.asked import upgrade
from tests.upgrade.installing import Options, install
from tests.upgrade.report import Told
from tests.upgrade.session import SessionFailed, run_cases, search_each

NO_ANSWER = (EnvironmentFailed, NoRequirement, NotComparable, RunFileError, SessionFailed, TargetError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare two versions, and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    at = given.index("--") if "--" in given else len(given)
    options = _parser().parse_args(given[:at])
    try:
        return _run(options, given[at + 1 :])
    except NO_ANSWER as error:
        _complain(str(error))
    except KeyboardInterrupt:
        _complain("interrupted")
    except Exception:
        traceback.print_exc()
        _complain("the suite itself failed, as the lines above tell")
    return 2


def _run(options: argparse.Namespace, more: Sequence[str]) -> int:
    entries: dict[str, Entry] = BACKENDS | dict(register_external(path) for path in options.backend)
    asked = upgrade(options.before, options.after, options.beside, _targets(options), entries)
    began = time.monotonic()
    pair = install(asked, Options(options.python, options.pre, tuple(options.installer)), _say)
    for line in pair.lines():
        _say(line)
    built = time.monotonic()
    run = run_cases(pair, options.report, options.seed, options.backend, more)
    comparison = compare_sides(run, fail_on=options.fail_on)
    ran = time.monotonic()
    told = Told(pair, comparison, search_each(pair, entries, options.budget, options.seed, _say))
    _say(told.text())
    ended = time.monotonic()
    took = f"environments {built - began:.0f} s, cases {ran - built:.0f} s, search {ended - ran:.0f} s"
    _say(f"{took}; seed {options.seed}")
    for path in told.write(options.report):
        _say(f"wrote {os.path.relpath(path)}")
    return int(told.worse)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(f"no answer: {text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.upgrade",
        description="What computes differently after an upgrade: two versions side by side, case by case.",
        epilog="Exit 0 the same or better, 1 worse, 2 no answer. After --: options of pytest, such as -k gap.",
    )
    add, env = parser.add_argument, os.environ.get
    words = "requirements with spaces between, or paths of wheels"
    add("--before", default=env("BEFORE", ""), metavar="REQUIREMENTS", help=f"{words} (default: $BEFORE)")
    add("--after", default=env("AFTER", ""), metavar="REQUIREMENTS", help=f"{words} (default: $AFTER)")
    add("--with", dest="beside", default=env("WITH", ""), metavar="REQUIREMENTS",
        help="what stands beside them on both sides (default: $WITH, then constraints.txt)")  # fmt: skip
    add("--target", action="append", default=[], metavar="NAME",
        help="ask this target; repeatable (default: $TARGETS, then all that are made of what is asked)")  # fmt: skip
    add(
        "--backend", action="append", default=[], metavar="PATH", help="add a backend, package.module:Class; repeatable"
    )
    add("--python", metavar="VERSION", help="make the environments of this Python, 3.12 or a path (default: this one)")
    add("--pre", action="store_true", help="pre-releases and nightly builds too")
    add("--installer", action="append", default=[], metavar="OPTION",
        help="a further option of pip, --installer=--extra-index-url=URL; repeatable")  # fmt: skip
    add("--budget", type=_seconds, default=env("BUDGET", "60s"), metavar="TIME",
        help="time to search for further cases, 90s or 5m; 0 for none (default: $BUDGET, then 60s)")  # fmt: skip
    add("--seed", type=_seed, default=random.SystemRandom().randint(0, LARGEST_SEED), metavar="N",
        help="seed of the search (default: a new one each time, printed)")  # fmt: skip
    add("--report", type=Path, default=ROOT / REPORT, metavar="DIR", help=f"where the results go (default: {REPORT})")
    add("--fail-on", action="append", default=[], choices=CLASSES[:-1], metavar="CLASS",
        help="count this class of change as worse too; repeatable")  # fmt: skip
    return parser


def _targets(options: argparse.Namespace) -> list[str]:
    """The targets that were named; none for every one that is concerned."""
    return options.target or re.findall(r"[^\s,]+", os.environ.get("TARGETS", ""))


def _seconds(text: str) -> float:
    """`90`, `90s` or `5m` in seconds."""
    matched = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)?", text.strip())
    if matched is None:
        raise argparse.ArgumentTypeError(f"found {text!r}, accepted a time such as 90s or 5m, or 0")
    return float(matched[1]) * {"s": 1, "m": 60, "h": 3600}[matched[2] or "s"]


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"found {text!r}, accepted 0 to {LARGEST_SEED}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
