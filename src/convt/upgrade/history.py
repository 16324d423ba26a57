"""Released versions judged on every YAML case, and what is kept of each.

A version whose file stands there is not judged again, so that the work goes on where it was stopped. Each version gets
an environment of its own, which is deleted once it is judged.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from convt.cases.case import Case
from convt.conv.oracles import VERSION
from convt.host.registry import Entry, built_in, parse_target
from convt.laws.catalogue import all_laws
from convt.laws.law import Law
from convt.results.matching import ADAPTER, law_versions
from convt.results.records import CaseRecord, Header
from convt.results.releases import JudgedCase, Release, judged_case, read_release, write_release
from convt.results.tally import plural
from convt.results.targets import TargetInfo
from convt.session.batch import LawVerdict
from convt.session.verdicts import case_record
from convt.upgrade.bisect_question import record_of
from convt.upgrade.environments import Environment, EnvironmentFailed, build
from convt.upgrade.installer import last_lines
from convt.upgrade.judge import Judged, NotJudged, judge
from convt.upgrade.package_index import released
from convt.upgrade.series import HISTORY, Series

BITS = 8
"""Hex digits of the digest over all answers to a case."""
LAST = 4
"""Lines of the installer's that are kept where a version does not install."""
REASON = 900
"""Characters of the reason why a version could not be judged."""


@dataclass(frozen=True)
class Options:
    """Which versions are judged, and where their files go."""

    versions: tuple[str, ...] = ()
    """These alone, whether they are of the series or any other released one; empty for those of the series."""
    out: Path = HISTORY
    retry: bool = False
    """Try again what could not be judged before."""
    renew: bool = False
    """Judge again what other cases, laws of other versions, other oracles or another adapter judged."""
    keep: bool = False
    """Keep the environments for the next time."""


@dataclass(frozen=True)
class Outside:
    """What the command asks of the world."""

    released: Callable[[str], list[str]] = released
    build: Callable[..., Environment] = build


def is_stale(release: Release, cases: Sequence[Case]) -> bool:
    """Whether a release was judged on other cases, by laws of other versions, other oracles or another adapter than
    today's."""
    judged = {case.id: case.digest for case in release.cases.values()}
    if release.missing is None and judged != {case.id: case.digest for case in cases}:
        return True
    target = release.header.targets[0]
    if target.flags.get(ADAPTER) != adapter_of(target.backend):
        return True
    return release.header.oracles != VERSION or law_versions(release.header) != {
        it.id: it.version for it in kept_laws()
    }


class Maker:
    """Makes the files of a series, one version after the other."""

    def __init__(
        self, options: Options, outside: Outside, cases: Sequence[Case], report: Callable[[str], None]
    ) -> None:
        self._options, self._outside, self._cases, self._report = options, outside, cases, report

    def series(self, series: Series) -> bool:
        """Whether every version of the series is judged, now or before."""
        held = [self._version(series, it) for it in series.wanted(self._outside.released, self._options.versions)]
        return all(held)

    def _version(self, series: Series, version: str) -> bool:
        path = series.path(version, self._options.out)
        before = read_release(path) if path.exists() else None
        if before is not None:
            renews = self._options.renew and is_stale(before, self._cases)
            if not renews and (before.missing is None or not self._options.retry):
                return before.missing is None
        began = time.monotonic()
        release = self._release(series, version)
        alike = before is not None and release.missing is not None and release.missing == before.missing
        if not alike or self._options.renew:  # what fails as it did keeps its file: a try every day changes nothing
            write_release(release, path)
        says = (
            release.missing or f"{plural(len(release.cases), 'case')}, {plural(len(release.run.verdicts), 'verdict')}"
        )
        size = path.stat().st_size / 1000
        self._report(
            f"{series.package} {version} on {series.target}: {says}; {time.monotonic() - began:.0f} s, {size:.0f} kB"
        )
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
            judged = judge(series.target, built.python, self._cases, kept_laws())
        except (EnvironmentFailed, NotJudged) as error:
            reason = _reason(error).replace(str(folder), "...")[:REASON]
            return _kept(series, version, _header(series, started, packages, reason), {}, 0.0)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        cases = _judged_cases(self._cases, judged.verdicts)
        header = _header(series, started, packages, None, judged)
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
    started: str,
    packages: dict[str, str],
    missing: str | None,
    judged: Judged | None = None,
) -> Header:
    target = parse_target(series.target)
    versions, flags = ({}, {}) if judged is None else (judged.info.versions, dict(judged.info.flags))
    flags = {**flags, ADAPTER: adapter_of(target.backend)}
    return Header(
        started=started,
        seed=0,
        profile="history",
        platform={
            "system": platform.platform(terse=True), "machine": platform.machine(), "cpus": os.cpu_count(),
            "python": platform.python_version(),
        },
        command="convt history judge",
        targets=(TargetInfo(target.name, target.backend, target.mode, target.device, versions, flags, missing),),
        laws=tuple(law.info for law in kept_laws()),
        packages=packages,
        oracles=VERSION,
    )  # fmt: skip


def adapter_of(backend: str, backends: Mapping[str, Entry] | None = None) -> str:
    """Which adapter asks a target of this backend: a digest over its code, over its folder where it is one of ours."""
    entry = (backends or built_in())[backend]
    module = entry.path.partition(":")[0]
    if entry.root:
        files = [Path(entry.root, *module.split(".")).with_suffix(".py")]
    else:
        found = find_spec(module)
        assert found is not None
        assert found.origin is not None
        files = sorted(Path(found.origin).parent.glob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:BITS]


def kept_laws() -> tuple[Law, ...]:
    """The laws whose verdicts say something of a release, on whatever machine."""
    return tuple(law for law in all_laws() if not law.times)


def _judged_cases(cases: Sequence[Case], verdicts: Sequence[LawVerdict]) -> dict[str, JudgedCase]:
    """What is kept of every case, by id, sorted."""
    found: dict[str, list[LawVerdict]] = {case.id: [] for case in sorted(cases, key=lambda case: case.id)}
    by_id = {case.id: case for case in cases}
    for verdict in verdicts:
        found[verdict.case.id].append(verdict)
    laws = [law.id for law in kept_laws()]
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
