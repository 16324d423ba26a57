"""`convt upgrade`: what computes differently after an upgrade, case by case."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import random
import re
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from convt.commands.parts import (
    OK,
    Commands,
    UsageError,
    command,
    given,
    given_path,
    output_folder,
    say,
    seconds,
    writing,
)
from convt.host.registry import Entry, all_used, built_in, register_external
from convt.results.kinds import CLASSES
from convt.session.mine import ONLY, chosen
from convt.session.options import (
    DEADLINE,
    KNOWN,
    LARGEST_SEED,
    OUT,
    folder_of_known,
    listed,
    spec_files,
)
from convt.upgrade.covered import covered, extras
from convt.upgrade.elsewhere import held_back, one_version
from convt.upgrade.environments import EnvironmentFailed
from convt.upgrade.installing import Options as InstallOptions
from convt.upgrade.installing import Pair, install, standing
from convt.upgrade.kept import both_kept
from convt.upgrade.locks.choosing import Wanted, from_git, from_lock
from convt.upgrade.locks.lock import Lock
from convt.upgrade.locks.moved import python_notes, python_taken
from convt.upgrade.locks.reading import environment
from convt.upgrade.pythons import NoPython, Python, find, fitting
from convt.upgrade.request import SIDES, Upgrade, upgrade
from convt.upgrade.requirements import NoRequirement

EXAMPLES = (
    'convt upgrade --before "keras==3.14.1" --after "keras==3.15.1"    two releases side by side',
    'convt upgrade --before "jax==0.9.0" --after jax                   a bare name: the newest release',
    "convt upgrade --before torch==2.13.0 --after torch --pre          nightly builds too",
    "convt upgrade --from-lock old/uv.lock uv.lock                     what moved between two lock files",
    "convt upgrade --from-git origin/main                              what the lock files here moved since main",
    "convt upgrade --before A --after B --after-python 3.12            each side its own Python",
    "convt upgrade --before A --after B -k gap --law value             some cases, one law",
    "convt upgrade --before A --after B --only mine                    the layers in .convt/*.yaml of your project",
)


def configure(commands: Commands) -> None:
    parser = command(
        commands, "upgrade", "compare two versions of a framework side by side", run, examples=EXAMPLES,
        more="Exit 0: the same or better; 1: worse; 2: no answer, for an environment cannot be had, or the two cannot "
        "be compared.",
    )  # fmt: skip
    add, env = parser.add_argument, os.environ.get
    words = "requirements with spaces between, or paths of wheels"
    add("--before", metavar="REQUIREMENTS", help=f"{words} (default: $BEFORE)")
    add("--after", metavar="REQUIREMENTS", help=f"{words} (default: $AFTER)")
    add("--with", dest="beside", metavar="REQUIREMENTS",
        help="what stands beside them on both sides (default: $WITH, then constraints.txt)")  # fmt: skip
    add("--from-lock", nargs=2, type=given, metavar=("OLD", "NEW"),
        help="two lock files, instead of --before and --after: requirements.txt, uv.lock, poetry.lock, pdm.lock, "
        "pylock.toml, Pipfile.lock, a conda environment.yml or conda-lock.yml")  # fmt: skip
    add("--from-git", type=given, metavar="BASE",
        help="the lock files of this git repository as they are where the branch left BASE, which is origin/main, a "
        "tag or a commit, and as they are now")  # fmt: skip
    add("--lock", action="append", type=given, default=[], metavar="FILE",
        help="with --from-git: this lock file alone; repeatable (default: all that are tracked)")  # fmt: skip
    add("--package", action="append", type=given, default=[], metavar="NAME",
        help="this package of the lock files matters too, for a target of --backend; repeatable")  # fmt: skip
    add("--target", action="append", type=given, default=[], metavar="NAME",
        help="ask this target; repeatable (default: $TARGETS, then all that are made of what is asked)")  # fmt: skip
    add("--backend", action="append", type=given, default=[], metavar="PATH",
        help="add a backend, package.module:Class; repeatable")  # fmt: skip
    add(
        "-k",
        action="append",
        default=[],
        metavar="WORDS",
        help="ask the cases with these words in their name: 'gap and not 3d'; repeatable, all have to hold (default: "
        "all)",
    )
    add("--law", action="append", type=given, default=[], metavar="ID",
        help="judge this law; repeatable (default: every law)")  # fmt: skip
    add("--spec", action="append", default=[], type=given_path, metavar="FILE",
        help="take the cases of this YAML file or folder alone; repeatable (default: all that convt brings, and your "
        "own layers of .convt/*.yaml here)")  # fmt: skip
    add("--only", default="", choices=ONLY, help="mine: the layers of .convt/*.yaml, or of --spec, alone, without a "
        "search; suite: all but these (default: both)")  # fmt: skip
    add("--known", default=KNOWN, type=given_path, metavar="DIR",
        help="where the known differences stand, a file a backend (default: %(default)s)")  # fmt: skip
    add("--deadline", type=seconds, default=DEADLINE, metavar="SECONDS",
        help="for one evaluation (default: %(default)g)")  # fmt: skip
    add("--python", type=given, metavar="VERSION",
        help="make the environments of this Python, 3.12 or a path (default: the one that a side's lock file is for, "
        "where there is such a one here, then this one)")  # fmt: skip
    for side in SIDES:
        add(
            f"--{side}-python",
            type=given,
            metavar="VERSION",
            help=f"make the environment {side} of this one (default: --python)",
        )
    add("--pre", action="store_true", help="pre-releases and nightly builds too")
    add("--installer", action="append", type=given, default=[], metavar="OPTION",
        help="a further option of pip, --installer=--extra-index-url=URL; repeatable")  # fmt: skip
    add("--budget", type=_seconds, default=env("BUDGET", "60s"), metavar="TIME",
        help="time to search for further cases, 90s or 5m; 0 for none (default: $BUDGET, then 60s)")  # fmt: skip
    add("--seed", type=_seed, default=random.SystemRandom().randint(0, LARGEST_SEED), metavar="N",
        help="seed of the search (default: a new one each time, printed)")  # fmt: skip
    add("--report", type=output_folder, default=OUT, metavar="DIR", help=f"where the results go (default: {OUT})")
    add(
        "--fresh",
        action="store_true",
        help="ask every case anew, also what these environments have answered already, in an earlier or a stopped try",
    )
    add("--fail-on", action="append", default=[], choices=CLASSES[:-1], metavar="CLASS",
        help="count this class of change as worse too; repeatable")  # fmt: skip
    add("--annotate", action="store_true",
        help="also print GitHub's annotations of what got worse, 10 at most, where a lock file pins it")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Compare two versions, and return the exit status."""
    with contextlib.suppress(ValueError):  # a thread of somebody's program has no signals
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what runs is ended, what is done is kept
    entries: dict[str, Entry] = dict(built_in()) | dict(register_external(path) for path in options.backend)
    try:
        asked = _asked(options, entries)
        if isinstance(asked, str):
            say(asked)
            return OK
        return _compared(options, asked, entries)
    except KeyboardInterrupt:
        kept = "environments that were built and cases that were answered are kept"
        raise UsageError(f"interrupted; {kept}, and the same command goes on from there") from None
    except (EnvironmentFailed, NoRequirement) as error:
        locks = isinstance(error, EnvironmentFailed) and (options.from_lock or options.from_git)
        more = "\n  what lock files pin is installed as it stands; --with does not go with them"
        raise UsageError(f"no answer: {error}{more if locks else ''}") from None


def _asked(options: argparse.Namespace, entries: Mapping[str, Entry]) -> Upgrade | str:
    """What is compared: requirements, or what moved between lock files; a sentence where nothing did."""
    locks = [name for name in ("--from-lock", "--from-git") if getattr(options, name[2:].replace("-", "_")) is not None]
    given = {"--before": options.before, "--after": options.after, "--with": options.beside}
    sides = [name for name, text in given.items() if text is not None]
    if len(locks + sides) > 1 and locks:
        raise UsageError(
            f"found {' and '.join(locks + sides)}, accepted one of --from-lock, --from-git, --before with --after"
        )
    if not locks:
        if options.package:
            raise UsageError("--package needs --from-lock or --from-git")
        if options.lock:
            raise UsageError("--lock needs --from-git")
        return upgrade(*_requirements(options), _targets(options), entries)
    if options.lock and options.from_lock:
        raise UsageError("--lock needs --from-git; --from-lock names both files itself")
    named, running = _pythons(options), platform.python_version()
    fits = cache(lambda specifier: fitting(specifier, running) if specifier else None)

    def version(side: str, lock: Lock) -> str:
        found = None if side in named else fits(lock.python)
        return found.version if found else ""

    environments = {side: environment(python.version) for side, python in named.items()}
    wanted = Wanted(
        entries, environment(running), tuple(_targets(options)), tuple(options.package), environments, version
    )
    old, new = options.from_lock or ("", "")
    found = from_lock(old, new, wanted) if options.from_lock else from_git(options.from_git, wanted, only=options.lock)
    if isinstance(found, str):
        return found
    taken = {side: python for side, it in found.locked.items() if side not in named and (python := fits(it.python))}
    versions = dict.fromkeys(SIDES, running) | {side: it.version for side, it in (named | taken).items()}
    return python_notes(python_taken(found, taken), versions)


def _requirements(options: argparse.Namespace) -> tuple[str, str, str]:
    """BEFORE, AFTER and WITH, of the options or else of the environment."""
    given = {"BEFORE": options.before, "AFTER": options.after, "WITH": options.beside}
    before, after, beside = (os.environ.get(name, "") if text is None else text for name, text in given.items())
    return before, after, beside


def _compared(options: argparse.Namespace, asked: Upgrade, entries: Mapping[str, Entry]) -> int:
    """Build both sides, compare and tell. Its imports are late: to say that nothing moved takes none."""
    from convt.upgrade.sessions import SessionFailed

    try:
        return _told(options, asked, entries)
    except SessionFailed as error:
        raise UsageError(f"no answer: {error}") from None


def _told(options: argparse.Namespace, asked: Upgrade, entries: Mapping[str, Entry]) -> int:
    from convt.results.changes import compare_sides
    from convt.results.compare_annotations import annotations
    from convt.upgrade.dated import dated
    from convt.upgrade.report import Told
    from convt.upgrade.sessions import Asked, ready, run_cases, search_each

    covered([*asked.before, *asked.after], [entries[it.backend] for it in asked.targets], extras())
    if options.target:
        all_used(options.backend, asked.targets)
    words = " and ".join(f"({it})" for it in options.k) if len(options.k) > 1 else "".join(options.k)
    specs, alone = spec_files(options.spec), options.only == "mine"
    options.budget = 0.0 if alone else options.budget
    asked_cases = Asked(
        report=options.report.resolve(), seed=options.seed, words=words, laws=listed("--law", options.law), specs=specs,
        mine=chosen(options.only, specs, Path.cwd()), alone=alone, known=folder_of_known(options.known),
        deadline=options.deadline, command=shlex.join(["convt", *sys.argv[1:]]), fresh=options.fresh,
    )  # fmt: skip
    cases, laws, mine = ready(asked, asked_cases, entries)
    for line in [*(it.told for it in asked.moved), *([mine] if mine else [])]:
        say(line)
    if not alone and not specs:  # the history knows the suite's cases alone
        _in_history(options, asked)
    began = time.monotonic()
    pair, expected = _built(options, asked, cases, laws)
    installed = time.monotonic()
    run = run_cases(pair, replace(asked_cases, expected=expected), entries, say)
    comparison = dated(compare_sides(run, fail_on=options.fail_on))
    ran = time.monotonic()
    told = Told(pair, comparison, search_each(pair, entries, options.budget, options.seed, say))
    say(told.text())
    ended = time.monotonic()
    took = f"environments {installed - began:.0f} s, cases {ran - installed:.0f} s, search {ended - ran:.0f} s"
    say(f"{took}; seed {options.seed}")
    with writing(options.report, "--report"):
        written = told.write(options.report)
    for path in written:
        say(f"wrote {os.path.relpath(path)}")
    for line in annotations(told.comparison, places=asked.pointed()) if options.annotate else ():
        say(line)
    return told.comparison.exit_status


def _built(options: argparse.Namespace, asked: Upgrade, cases: int, laws: int) -> tuple[Pair, float]:
    """Both environments, and the seconds that the cases may take: says first what there is to do, and then what is
    compared. UsageError where both sides are one version."""
    from convt.session.progress import Waiting
    from convt.upgrade.estimate import estimate, share_of

    pythons = dict(asked.pythons) | {side: python.program for side, python in _pythons(options).items()}
    how = InstallOptions(pythons, options.pre, tuple(options.installer))
    share = share_of(laws)
    expected = estimate(asked, cases, share, standing(asked, how), options.budget, options.report)
    for line in expected.lines(asked, cases, laws):
        say(line)
    with Waiting("environments", expected.environments, sys.stdout, sys.stdout.isatty()):
        pair = install(asked, how, say)
    for line in pair.lines():
        say(line)
    for line in held_back(pair, how.index()):
        say(f"  {line}")
    alike = one_version(pair, how.index())
    if alike:
        raise UsageError(f"no answer: {alike}")
    return pair, expected.cases


def _in_history(options: argparse.Namespace, asked: Upgrade) -> None:
    """Say where the history has the answer already."""
    before, after, _ = _requirements(options)
    kept = None if asked.locked else both_kept(before, after)
    if kept is not None and kept[0].target in {target.name for target in asked.targets}:
        series, *versions = kept
        command = f"convt compare {series.package} {' '.join(versions)}"
        say(f"in the history: `{command}` answers for {series.target} at once, from what each release was judged to do")


def _targets(options: argparse.Namespace) -> list[str]:
    """The targets that were named; none for every one that is concerned."""
    return list(listed("--target", options.target)) or re.findall(r"[^\s,]+", os.environ.get("TARGETS", ""))


def _pythons(options: argparse.Namespace) -> dict[str, Python]:
    """The Python that each side is made of, where one is named."""
    found = {}
    for side in SIDES:
        own = getattr(options, f"{side}_python")
        try:
            if own or options.python:
                found[side] = find(own or options.python, say)
        except NoPython as error:
            raise UsageError(f"{f'--{side}-python' if own else '--python'}: {error}") from None
    return found


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
