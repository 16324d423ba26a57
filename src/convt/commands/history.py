"""`convt history`: what released versions did, as a page; and the judgement of further ones."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from convt.cases.loader import load_cases
from convt.commands.parts import OK, WORSE, Commands, UsageError, chosen, command, output_file, say, writing
from convt.content import ROOT
from convt.session.options import OUT, check_folder
from convt.upgrade.history import Maker, Options, Outside
from convt.upgrade.package_index import NoReleases
from convt.upgrade.series import HISTORY, SERIES


def configure(commands: Commands) -> None:
    parser = command(
        commands, "history", "show what released versions changed, as a page; or judge further ones", page,
        examples=(
            "convt history --out history.html     the page",
            "convt history --judge keras          judge the releases of keras that have no file yet",
        ),
        more="--judge builds an environment for each version, which is deleted once it is judged, and goes on where it "
        "was stopped. Exit 0; 1: some version could not be judged, and its file says why; 2: the request cannot be "
        "understood.",
    )  # fmt: skip
    add = parser.add_argument
    add("--from", type=Path, default=HISTORY, dest="folder", metavar="DIR", help="read the versions' files here "
        "(default: those that convt brings)")  # fmt: skip
    add("--out", type=output_file, default=OUT / "history.html", metavar="FILE", help="write the page there (default: "
        "%(default)s)")  # fmt: skip
    add(
        "--judge", action="append", metavar="NAME", help=f"judge this series, or 'all': {', '.join(SERIES)}; repeatable"
    )
    add("--version", action="append", default=[], help="judge only this released version, in the series or not; "
        "repeatable (default: every one of the series)")  # fmt: skip
    add("--retry", action="store_true", help="judge again what could not be judged before")
    add("--renew", action="store_true", help="judge again what other cases, laws of other versions or another adapter "
        "judged")  # fmt: skip
    add("--keep", action="store_true", help="keep the environments for the next time")


def page(options: argparse.Namespace, outside: Outside | None = None, specs: Sequence[Path] = ()) -> int:
    """Write the page, or judge; the exit status."""
    if options.judge:
        return _judge(options, outside or Outside(), specs or sorted((ROOT / "specs").glob("*.yaml")))
    alone = [name for name in ("version", "retry", "renew", "keep") if getattr(options, name)]
    if alone:
        raise UsageError(f"--{alone[0]} needs --judge, the series whose versions are judged")
    from convt.page.history_page import write_history

    check_folder("--out", options.out.parent)  # to read the history takes seconds
    with writing(options.out):
        write_history(options.folder, options.out)
    say(str(options.out))
    return OK


def _judge(options: argparse.Namespace, outside: Outside, specs: Sequence[Path]) -> int:
    names = [chosen("--judge", name, ["all", *SERIES]) for name in options.judge]
    how = Options(tuple(options.version), options.folder, options.retry, options.renew, options.keep)
    check_folder("--from", options.folder)
    outside = replace(outside, released=cache(outside.released))
    maker = Maker(how, outside, load_cases(specs), say)
    series = [SERIES[name] for name in (SERIES if "all" in names else names)]
    try:
        for version in options.version:
            _released(version, [it for one in series for it in outside.released(one.installs)])
        judged = [maker.series(it) for it in series]
    except NoReleases as error:
        raise UsageError(str(error)) from None
    return OK if all(judged) else WORSE


def _released(version: str, versions: Sequence[str]) -> None:
    """UsageError where no release has this version; with the near ones and the newest."""
    if version not in versions:
        near = difflib.get_close_matches(version, versions, n=4, cutoff=0.5)
        known = ", ".join(dict.fromkeys([*near, *versions[-1:]])) or "none that is known here"
        raise UsageError(f"--version: found {version!r}, accepted a released one of {len(versions)}, such as {known}")
