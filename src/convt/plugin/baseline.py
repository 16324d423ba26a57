"""`--baseline`: an item fails where it got worse against the baseline, and on nothing else.

What changed, and whether that is worse, says results/changes.py, on what results/baseline.py keeps of both sides.
`--update-baseline` writes the file, or renews in it what ran.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from convt.cases.case import Case
from convt.cases.known import Known
from convt.conv.oracles import VERSION
from convt.laws.law import Law
from convt.results.baseline import Index, merged, other_versions, outdated, portable, read_baseline, write_baseline
from convt.results.changes import Change
from convt.results.features import recorded
from convt.results.records import (
    CaseRecord,
    Footer,
    Header,
    KnownInfo,
    Run,
    RunFileError,
    VerdictRecord,
)
from convt.results.since import Since, since
from convt.results.tally import plural
from convt.results.targets import TargetInfo, plain
from convt.results.vocabulary import FAILING
from convt.session.recording import target_infos
from convt.session.session import Session
from convt.session.verdicts import Matched, verdict_records

NOTHING = Footer(0, 0, 0.0, 0)


@dataclass(frozen=True)
class Held:
    """What the baseline says of one item."""

    worse: tuple[Change, ...]
    """What got worse: each of them fails the item."""
    excused: str
    """Why nothing else fails it."""
    unheard: tuple[str, ...] = ()
    """The laws of which the baseline says nothing, for it has none of that version: they are judged as without one."""


class Against:
    """The baseline of this session: read before anything starts, asked at every item, told or renewed at the end."""

    def __init__(self, path: Path, update: bool, laws: Sequence[Law], known: Sequence[Known]) -> None:
        self.path, self.update = path, update
        self.lines = [f"{self}: run interrupted: baseline neither compared nor written"]
        """What the terminal tells at the end."""
        self.unanswered = False
        """Whether nothing could be compared, or nothing be written, so that the run is no answer."""
        self._laws = tuple(law.info for law in laws)
        self._known = tuple(KnownInfo(k.id, k.reason, k.issue, k.since, "", k.intermittent) for k in known)

    def __str__(self) -> str:
        return f"baseline {os.path.relpath(self.path)}"

    @cached_property
    def _index(self) -> Index:
        return Index.of(self._read())

    def check(self, targets: Sequence[str]) -> None:
        """Read the file; pytest.UsageError, one line, where it cannot be used, or cannot tell the targets apart."""
        _ = self._index  # reads the file
        twice = [name for name, times in Counter(map(plain, targets)).items() if times > 1]
        if twice:
            raise pytest.UsageError(
                f"--baseline: found several targets {twice[0]}, accepted each in one environment; two environments of"
                " one run are compared by convt compare"
            )

    def _read(self) -> Run:
        """The baseline; one without a verdict where it is to be made."""
        if self.update and not self.path.exists():
            return self._run((), {}, ())
        renew = f"convt run --baseline {os.path.relpath(self.path)} --update-baseline"
        try:
            return read_baseline(self.path)
        except RunFileError as error:
            what = str(error).removesuffix(f"; {error.todo}")
            todo = f"delete it and make it anew with {renew}" if self.path.is_file() else f"make it with {renew}"
            raise pytest.UsageError(f"--baseline: {what}; {todo}") from None

    def _run(
        self, targets: Sequence[TargetInfo], cases: dict[str, CaseRecord], verdicts: Sequence[VerdictRecord]
    ) -> Run:
        """What was judged here, as a run."""
        header = Header("", 0, "", {}, "", tuple(targets), self._laws, {}, self._known, VERSION)
        return Run(self.path, header, cases, tuple(verdicts), {}, NOTHING)

    def hold(self, case: Case, target: TargetInfo, records: Sequence[VerdictRecord]) -> Held | None:
        """Hold an item's verdicts against the baseline's; None where the baseline does not know the item."""
        if not case.origin:
            return Held((), "generated, so not in the baseline")
        if self.update:
            return Held((), "goes into the baseline")
        found = since(self._index, self._run([target], {case.id: _case_record(case)}, records))
        if found.found is None:
            return None
        # that the whole target did not run is told once, at the end
        return Held(tuple(change for change in found.worse if change.case), "as in the baseline", found.absent_laws)

    def describe(self, targets: Sequence[TargetInfo]) -> list[str]:
        """The header lines: what the baseline has, and which targets it has not, or in another version."""
        if self.update:
            return [
                f"{self}: to be {'written' if not self._index.run.verdicts else 'renewed'}; what fails goes into it"
            ]
        lines = [f"{self}: {len(self._index.run.verdicts):,} verdicts on {', '.join(self._index.targets)}"]
        for info in targets:
            was = self._index.targets.get(plain(info.name))
            if was is None:
                lines.append(f"  {info.name}: not in the baseline, judged as without one")
            elif info.missing is None and (other := other_versions(was, info.versions)):
                lines.append(f"  {info.name}: {other}")
        return lines

    def finish(
        self, verdicts: Sequence[VerdictRecord], cases: Sequence[Case], targets: Sequence[TargetInfo], whole: bool
    ) -> list[str]:
        """Tell what changed, or renew the baseline; returns what fails the run although no item does.

        `whole`: the session was not stopped before its end.
        """
        shown = {case.id: case for case in cases}
        named = [record for record in verdicts if record.case in shown]
        judged = {record.case: _case_record(shown[record.case]) for record in named}
        now = self._run(targets, judged, named)
        if self.update:
            self.unanswered = whole and all(record.verdict == "not-run" for record in named)
            if self.unanswered:
                self.lines = [f"{self}: not written, for nothing ran that could go into it"]
            else:
                self.lines = self._renew(now) if whole else [f"{self}: not written, for the run stopped before its end"]
            return []
        found = since(self._index, now)
        self.unanswered = found.found is None or not (found.found.compared or found.worse)
        self.lines = self._tell(found)
        drawn = {(r.law, r.target) for r in verdicts if r.case not in shown and r.verdict in FAILING and not r.known}
        if drawn:
            self.lines.append(
                f"generated cases break {plural(len(drawn), 'law')} on targets and fail no item, for a baseline has "
                "none of them"
            )
        return [f"{self}: {change.target} {change.says}" for change in found.worse if not change.case]

    def _tell(self, found: Since) -> list[str]:
        """What the terminal says of a comparison."""
        if found.found is None:
            return [f"{self}: it has nothing of what ran, so nothing was compared"]
        worse: Counter[str] = Counter()
        for change in found.worse:
            worse[change.kind] += change.verdicts
        kinds = f" ({', '.join(f'{number:,} {kind}' for kind, number in worse.items())})" if worse else ""
        lines = [f"{self}: {found.found.compared:,} verdicts compared, {worse.total():,} got worse{kinds}"]
        if found.better:
            says = ", ".join(f"{word}: {number:,}" for word, number in found.better.items())
            lines.append(f"{says}; renew the baseline with --update-baseline")
        absent = [*found.absent_targets, *([f"{found.absent_cases:,} cases"] if found.absent_cases else [])]
        absent += [f"laws of other versions: {', '.join(found.absent_laws)}"] if found.absent_laws else []
        return [*lines, *([f"not in the baseline, judged as without one: {', '.join(absent)}"] if absent else [])]

    def _renew(self, now: Run) -> list[str]:
        """Write the baseline: what ran replaces what it had of it, and the rest stays."""
        old = self._index.run
        written = write_baseline(self.path, merged(old, portable(now)))
        stays = len(written.verdicts) - len(portable(now).verdicts)
        dropped = outdated(old, now)
        failing = sum(record.verdict in FAILING for record in written.verdicts)
        lines = [
            f"{self}: written, {self.path.stat().st_size / 1000:,.0f} kB, {len(written.verdicts):,} verdicts on"
            f" {len(written.cases):,} cases, {failing:,} of them failing"
            + (f"; {stays:,} of them stand as they were, for they did not run now" if stays else "")
        ]
        if dropped:
            lines.append(f"{self}: what other versions of the laws or oracles judged was dropped: {', '.join(dropped)}")
        lost = [info.name for info in now.header.targets if info.missing is not None]
        return [*lines, *([f"{self}: {', '.join(lost)} did not run, and so did not go into it"] if lost else [])]


AGAINST = pytest.StashKey[Against | None]()
"""The baseline of a session of pytest, where one was asked for."""


def hold(
    config: pytest.Config, session: Session, verdicts: Sequence[Matched], records: Sequence[Mapping[str, Any]]
) -> Held | None:
    """An item's verdicts against the baseline; None without one, or where it does not know the item."""
    against = config.stash[AGAINST]
    if against is None or not verdicts:
        return None
    found = verdicts[0].found
    [target] = target_infos({found.target: session.told()[found.target]})
    return against.hold(found.case, target, verdict_records(records))


def _case_record(case: Case) -> CaseRecord:
    """A case without its prose and numbers."""
    return CaseRecord(case.id, case.digest, case.origin, "", "", (), recorded(case.settings), generated=not case.origin)
