"""`python -m tests.history [NAME ...]`: judge released versions on every YAML case, and keep what they do.

A version whose file stands in reports/history/ is not run again, so the command goes on where it was stopped. Each
version gets an environment of its own, which is deleted once it is judged. Exit 0; 1: some version could not be
judged (its file says why); 2: the request cannot be understood.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from backends.environments import Environment, EnvironmentFailed, build
from backends.installer import last_lines
from backends.targets import parse_target
from reports.records import CaseRecord, Header, LawInfo, RunFileError, TargetInfo
from reports.releases import JudgedCase, Release, judged_case, read_release, write_release
from specs.case import Case
from specs.loader import load_cases
from tests.batch import LawVerdict
from tests.history.asking import record_of
from tests.history.judging import Judged, NotJudged, judge
from tests.history.releases import NoReleases, released
from tests.history.series import HISTORY, SERIES, Series
from tests.laws import LAWS
from tests.specification import specification
from tests.verdicts import case_record

ROOT = Path(__file__).parents[2]
BITS = 8
"""Hex digits of the digest over all answers to a case."""
LAST = 4
"""Lines of the installer's that are kept where a version does not install."""
REASON = 900
"""Characters of the reason why a version could not be judged."""


@dataclass(frozen=True)
class Outside:
    """What the command asks of the world."""

    released: Callable[[str], list[str]] = released
    build: Callable[..., Environment] = build


def main(arguments: Sequence[str] | None = None, outside: Outside | None = None, cases: Sequence[Case] = ()) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.history", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which series: {', '.join(SERIES)} (default: all)")
    parser.add_argument("--version", action="append", default=[], help="only this version; repeatable")
    parser.add_argument("--out", type=Path, default=HISTORY, metavar="DIR", help="default: reports/history")
    parser.add_argument("--retry", action="store_true", help="try again what could not be judged before")
    parser.add_argument("--renew", action="store_true", help="judge again what another specification judged")
    parser.add_argument("--keep", action="store_true", help="keep the environments for the next time")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in SERIES]
    if unknown:
        parser.error(f"found {', '.join(unknown)}, accepted {', '.join(SERIES)}")
    maker = _Maker(options, outside or Outside(), cases or load_cases(sorted((ROOT / "specs").glob("*.yaml"))))
    try:
        held = [maker.series(SERIES[name]) for name in options.names or SERIES]
    except (NoReleases, RunFileError) as error:
        _say(str(error), sys.stderr)
        return 2
    return 0 if all(held) else 1


class _Maker:
    """Makes the files of a series, one version after the other."""

    def __init__(self, options: argparse.Namespace, outside: Outside, cases: Sequence[Case]) -> None:
        self._options, self._outside, self._cases = options, outside, cases
        self._spec = specification()  # of the cases as they were read

    def series(self, series: Series) -> bool:
        """Whether every version of the series is judged, now or before."""
        wanted = series.wanted(self._outside.released)
        chosen = [version for version in wanted if version in self._options.version or not self._options.version]
        held = [self._version(series, version) for version in chosen]
        return all(held)

    def _version(self, series: Series, version: str) -> bool:
        path = series.path(version, self._options.out)
        if path.exists():
            before = read_release(path)
            renews = self._options.renew and before.header.spec != self._spec
            if not renews and (before.missing is None or not self._options.retry):
                return before.missing is None
        began = time.monotonic()
        release = self._release(series, version)
        write_release(release, path)
        says = release.missing or f"{len(release.cases)} cases, {len(release.run.verdicts):,} verdicts"
        size = path.stat().st_size / 1000
        _say(f"{series.package} {version} on {series.target}: {says}; {time.monotonic() - began:.0f} s, {size:.0f} kB")
        return release.missing is None

    def _release(self, series: Series, version: str) -> Release:
        """The version judged, or the reason why it could not be."""
        folder = Path(tempfile.mkdtemp(prefix="convt-history-"))
        started = datetime.now(UTC).isoformat(timespec="seconds")
        packages: dict[str, str] = {}
        try:
            built = self._outside.build(
                series.requirements(version), name=f"{series.package}-{version}", constraints=None,
                cache=None if self._options.keep else folder,
            )  # fmt: skip
            packages = dict(built.versions)
            judged = judge(series.target, built.python, self._cases, LAWS)
        except (EnvironmentFailed, NotJudged) as error:
            reason = _reason(error).replace(str(folder), "...")[:REASON]
            return _kept(series, version, _header(series, self._spec, started, packages, reason), {}, 0.0)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        cases = _judged_cases(self._cases, judged.verdicts)
        header = _header(series, self._spec, started, packages, None, judged)
        return _kept(series, version, header, cases, judged.seconds)


def _reason(error: EnvironmentFailed | NotJudged) -> str:
    """Why a version could not be judged, without the paths of this machine."""
    if isinstance(error, NotJudged):
        return f"does not run: {error}"
    return "; ".join([error.stage, *last_lines(error.said).splitlines()[-LAST:]])


def _kept(series: Series, version: str, header: Header, cases: dict[str, JudgedCase], seconds: float) -> Release:
    missing = header.targets[0].missing
    beside = series.companions(version)
    return Release(series.package, version, beside, missing, header, cases, round(seconds, 1))


def _header(
    series: Series,
    spec: str,
    started: str,
    packages: dict[str, str],
    missing: str | None,
    judged: Judged | None = None,
) -> Header:
    target = parse_target(series.target)
    versions, flags = ({}, {}) if judged is None else (judged.info.versions, judged.info.flags)
    return Header(
        started=started,
        spec=spec,
        seed=0,
        profile="history",
        platform={
            "system": platform.platform(terse=True), "machine": platform.machine(), "cpus": os.cpu_count(),
            "python": platform.python_version(),
        },
        command="python -m tests.history",
        targets=(TargetInfo(target.name, target.backend, target.mode, target.device, versions, flags, missing),),
        laws=tuple(LawInfo(law.id, law.statement, law.source) for law in LAWS),
        packages=packages,
    )  # fmt: skip


def _judged_cases(cases: Sequence[Case], verdicts: Sequence[LawVerdict]) -> dict[str, JudgedCase]:
    """What is kept of every case, by id, sorted."""
    found: dict[str, list[LawVerdict]] = {case.id: [] for case in sorted(cases, key=lambda case: case.id)}
    by_id = {case.id: case for case in cases}
    for verdict in verdicts:
        found[verdict.case.id].append(verdict)
    laws = [law.id for law in LAWS]
    return {
        name: judged_case(_record(by_id[name]), {v.law.id: record_of(v) for v in those}, laws, _bits(those))
        for name, those in found.items()
    }


def _record(case: Case) -> CaseRecord:
    fields = case_record(case)
    return CaseRecord(
        **{key: fields[key] for key in ("id", "digest", "origin", "about", "source", "settings")}, tags=()
    )


def _bits(verdicts: Sequence[LawVerdict]) -> str:
    return sha256("".join(verdict.bits for verdict in verdicts).encode()).hexdigest()[:BITS]


def _say(text: str, to: TextIO | None = None) -> None:
    print(text, file=to or sys.stdout, flush=True)


if __name__ == "__main__":
    sys.exit(main())
