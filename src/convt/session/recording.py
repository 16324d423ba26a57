"""What a session leaves behind: its verdicts as records, collected until the end and then written in one go."""

from __future__ import annotations

import dataclasses
import os
import platform
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from convt.cases.case import Case
from convt.cases.known import Known, KnownTarget
from convt.conv.oracles import VERSION
from convt.results.mine import Mine, mine_in
from convt.results.runfile import (
    CaseRecord,
    Claim,
    DetailRecord,
    Header,
    KnownInfo,
    RunWriter,
    VerdictRecord,
)
from convt.results.targets import TargetInfo
from convt.results.vocabulary import standing
from convt.session.coverage import Visited
from convt.session.differences import known_target
from convt.session.processor import instruction_sets
from convt.session.session import Session
from convt.session.verdicts import Matched, case_record, detail_record, said_once, verdict_record

Key = tuple[str, str, str]
"""Case, law, target."""
HOST_PACKAGES = ("pytest", "hypothesis", "numpy", "execnet", "pydantic", "jinja2")


def records_of(session: Session, matches: Sequence[Matched]) -> list[dict[str, Any]]:
    """The lines of the run file for the verdicts on one case, or of one law, on one target."""
    records = []
    for matched in matches:
        records.append(verdict_record(matched))
        if not matched.found.case.origin:
            records.append(case_record(matched.found.case))
        if matched.explained:
            session.owe(matched.found)
            records.append(detail_record(matched, "", ""))
        elif matched.broken:
            records.append(detail_record(matched, *session.script(matched.found)))
    said_once([record for record in records if record["kind"] == "verdict"])
    return records


def target_infos(told: Mapping[str, Mapping[str, Any]]) -> list[TargetInfo]:
    """The targets as `Session.told` tells them."""
    return [TargetInfo(name=name, **fields) for name, fields in told.items()]


class Recording:
    """Keeps compact records, and writes the run file. What other processes of the run tell is added."""

    def __init__(self, session: Session, command: str) -> None:
        """`command` repeats the run, and stands in the file's header."""
        self.session, self.command = session, command
        self.verdicts: dict[Key, VerdictRecord] = {}
        self.targets: dict[str, dict[str, Any]] = {}
        self.speeds: dict[str, dict[str, tuple[float, float]]] = {}
        """Target to settings to what a call takes, where that was measured: see `Footer.target_speeds`."""
        self._details: dict[Key, DetailRecord] = {}
        self._generated: dict[str, dict[str, Any]] = {}
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._visited = Visited()
        self._began = time.monotonic()
        self._started = datetime.now(UTC)

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return time.monotonic() - self._began

    def add(self, records: Iterable[dict[str, Any]]) -> None:
        """Keep what `records_of` gives."""
        for record in records:
            if record["kind"] == "case":
                self._generated[record["id"]] = record
                continue
            fields = {key: value for key, value in record.items() if key != "kind"}
            key = (record["case"], record["law"], record["target"])
            if record["kind"] == "verdict":
                self.verdicts[key] = VerdictRecord(**fields)
            else:
                self._details[key] = DetailRecord(**fields)

    def mark(self, unsteady: Mapping[Key, str], again: Mapping[Key, int]) -> None:
        """Say of verdicts what else the target answers when it is asked again, and how often it answered the same."""
        for key, said in unsteady.items():
            self.verdicts[key] = dataclasses.replace(self.verdicts[key], unsteady=said)
        for key, times in again.items():
            self.verdicts[key] = dataclasses.replace(self.verdicts[key], again=times)

    def hear(
        self,
        targets: Mapping[str, dict[str, Any]],
        seconds: Mapping[str, float],
        scripts: Mapping[Key, tuple[str, str]],
        visited: Mapping[str, tuple[Iterable[int], Iterable[int]]],
    ) -> None:
        """Add what a process of the run knows at its end: its targets, their seconds, the scripts that it owed, and
        what its targets visited."""
        self.targets |= targets
        for target, spent in seconds.items():
            self._spent[target] += spent
        for key, (call, script) in scripts.items():
            self._details[key] = dataclasses.replace(self._details[key], call=call, script=script)
        self._visited.hear(visited)

    def meet(self, targets: Mapping[str, dict[str, Any]]) -> None:
        """Learn of targets from a process of the run that may never come to its end."""
        self.targets |= targets

    def finish(self, interrupted: bool = False) -> None:
        """The same of this process, where no other has told. Interrupted, no target is asked for the scripts that are
        owed: one of them may hang, and somebody waits."""
        if not self.targets:
            scripts = {} if interrupted else self.session.settle()
            self.hear(self.session.told(), self.session.spent(), scripts, self.session.visited.told())

    @property
    def answered(self) -> set[str]:
        """The targets of which anything was judged: those that ran."""
        return {record.target for record in self.verdicts.values() if record.verdict != "not-run"}

    def counts(self) -> dict[tuple[str, str], Counter[str]]:
        """How often each verdict, or `known`, came, by target and law."""
        found: dict[tuple[str, str], Counter[str]] = {}
        for record in self.verdicts.values():
            found.setdefault((record.target, record.law), Counter())[standing(record)] += 1
        return found

    def mine(self, interrupted: bool = False) -> Mine | None:
        """What became of the user's own layers; None where none was judged."""
        cases = {case.id: self._record(case) for case in self.session.mine}
        return mine_in(cases, target_infos(self.targets), self.verdicts.values(), interrupted)

    def _record(self, case: Case) -> CaseRecord:
        return dataclasses.replace(_case(case_record(case)), mine=self.session.is_mine(case))

    def unmatched(self) -> list[str]:
        """The known differences that matched nothing: to be asked where every case and law was judged."""
        folder = self.session.options.profile.folder
        if folder == "large" and any(it.verdict == "not-run" for it in self.verdicts.values()):
            return []  # there was no memory for some of them
        matched = {record.known for record in self.verdicts.values()}
        ran = [known_target(info) for info in self.targets.values() if not info["missing"]]
        return [
            f"{entry.origin}: known difference {entry.id} matched nothing; delete it, or mend its predicate"
            for entry in self.session.known
            if folder == entry.folder  # other cases are asked there
            and entry.id not in matched
            and not entry.intermittent
            and any(entry.about(target) and not self._spared(entry, target) for target in ran)
        ]

    def _spared(self, entry: Known, target: KnownTarget) -> bool:
        """Whether an entry is about a call that the profile leaves out, so that its other cases may be none."""
        return any(
            entry.applies(law, case.settings, target, case.reject.kind, case.reject.dtype)
            for case in self.session.spared
            if case.reject is not None
            for law in entry.laws
        )

    def write(self, path: Path, exit_status: int, partial: bool = False) -> None:
        """Write the run file, `partial` where the run was interrupted; the earlier one stands until this is written."""
        judged = {key[0] for key in self.verdicts}
        with RunWriter(path) as writer:
            writer.write(self._header())
            for case in self.session.cases:
                if case.id in judged:
                    writer.write(self._record(case))
            for name in sorted(judged & set(self._generated)):
                writer.write(_case(self._generated[name]))
            for verdict in self.verdicts.values():
                writer.write(verdict)
            for detail in self._details.values():
                writer.write(detail)
            for name in sorted(self.answered):
                writer.write(self._visited.coverage(name).record(name))
            seconds = {name: round(spent, 3) for name, spent in sorted(self._spent.items())}
            longest = {name: round(spent, 3) for name, spent in sorted(self.session.longest().items())}
            writer.finish(round(self.seconds, 1), exit_status, seconds, longest, partial, self.speeds)

    def _header(self) -> Header:
        session = self.session
        return Header(
            started=self._started.isoformat(timespec="seconds"),
            seed=session.options.seed,
            profile=session.options.profile.name,
            platform=platform_told(),
            command=self.command,
            targets=tuple(target_infos(self.targets)),
            laws=session.law_infos(),
            packages={name: version(name) for name in HOST_PACKAGES},
            known=tuple(KnownInfo(k.id, k.reason, k.issue, k.since, k.origin, k.intermittent) for k in session.known),
            oracles=VERSION,
        )


def platform_told() -> dict[str, Any]:
    """The machine, as a run file's header tells it."""
    return {
        "system": platform.platform(terse=True),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        **instruction_sets(),
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
    }


def _case(record: dict[str, Any]) -> CaseRecord:
    claim = record["claim"]
    fields = record | {"claim": Claim(**claim) if claim else None, "tags": tuple(record["tags"])}
    return CaseRecord(**{key: value for key, value in fields.items() if key != "kind"})
