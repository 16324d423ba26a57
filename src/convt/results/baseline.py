"""A baseline: how things stand today, as a small run file that is the same wherever it is made.

It keeps what the same versions answer on every machine: verdicts on the YAML cases, what came back (outcome, shape,
dtype), and of a failure its kind without its numbers. It keeps no bits, no fraction of a bound, no warnings, no times
and nothing of a machine, and no generated case, because another seed draws others. It is a run file all the same
(reports/records.py), so that every command reads it; a path that ends in `.gz` is compressed.
"""

from __future__ import annotations

import gzip
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from convt.results.finding import as_json, without_numbers
from convt.results.matching import law_versions
from convt.results.reader import read_run
from convt.results.records import CaseRecord, Footer, Header, Run, RunFileError, VerdictRecord
from convt.results.runfile import RunWriter
from convt.results.sentences import finding_of
from convt.results.sides import NotComparable
from convt.results.targets import TargetInfo, plain
from convt.results.vocabulary import FAILING

PROFILE = "baseline"
"""The profile in the header of a baseline."""

UNDATED = "undated"
"""When a baseline began: a date would make two equal ones differ."""

BESIDE = ("python", "numpy")
"""Packages that stand beside every framework: another version of them is no other framework."""


def portable(run: Run) -> Run:
    """What a baseline keeps of a run: equal for two runs of the same versions, whatever the machine and the seed.

    Targets go by their names without an environment; NotComparable where two of them have one name then.
    """
    names = [plain(info.name) for info in run.header.targets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise NotComparable(
            f"{run.path}: found two environments of {', '.join(twice)}; a baseline has each target once"
        )
    cases = {name: case for name, case in run.cases.items() if not case.generated}
    verdicts = (_portable(record) for record in run.verdicts if record.case in cases and record.verdict != "not-run")
    details = {(case, law, plain(target)): detail for (case, law, target), detail in run.details.items()}
    return Run(run.path, _header(run.header), cases, tuple(verdicts), details, Footer(0, 0, 0.0, 0))


def _slim(case: CaseRecord) -> CaseRecord:
    return CaseRecord(case.id, case.digest, "", "", "", (), case.settings)


def _portable(record: VerdictRecord) -> VerdictRecord:
    finding = without_numbers(finding_of(record)) if record.verdict in FAILING else None
    return replace(
        record, target=plain(record.target), message="" if finding is None else finding.message,
        finding=None if finding is None else as_json(finding), used=None, bits="", warnings=(),
    )  # fmt: skip


def _header(header: Header) -> Header:
    targets = (replace(info, name=plain(info.name), flags={}, environment="") for info in header.targets)
    return replace(
        header, seed=0, profile=PROFILE, platform={}, packages={},
        targets=tuple(sorted(targets, key=lambda info: info.name)),
        known=tuple(sorted((replace(known, origin="") for known in header.known), key=lambda known: known.id)),
    )  # fmt: skip


def _whole(run: Run) -> Run:
    """A portable run, sorted, without the targets that did not run and the cases that nobody judged."""
    ran_at_all = tuple(info for info in run.header.targets if info.missing is None)
    header = replace(run.header, started=UNDATED, command="", targets=ran_at_all)
    laws = {law.id: place for place, law in enumerate(header.laws)}
    targets = {info.name: place for place, info in enumerate(header.targets)}
    ran = [record for record in run.verdicts if record.target in targets]
    verdicts = tuple(sorted(ran, key=lambda record: (record.case, laws[record.law], targets[record.target])))
    judged = {record.case for record in verdicts}
    cases = {name: _slim(run.cases[name]) for name in sorted(judged)}
    explaining = {record.known for record in verdicts}
    known = tuple(known for known in header.known if known.id in explaining)
    return Run(run.path, replace(header, known=known), cases, verdicts, {}, Footer(len(verdicts), len(cases), 0.0, 0))


def read_baseline(path: Path) -> Run:
    """The baseline in a file, or what it would be of a run file; RunFileError where the file cannot be trusted."""
    try:
        return _whole(portable(read_run(path)))
    except NotComparable as error:
        found = str(error).removeprefix(f"{path}: found ")
        raise RunFileError(path, None, found, "a run of each target once", "run one environment of each") from None


def write_baseline(path: Path, run: Run) -> Run:
    """Write the baseline of a run, sorted, beside its place, and move it there; the baseline as written."""
    kept = _whole(portable(run))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
        text = Path(folder, "run.jsonl")
        with RunWriter(text) as writer:
            writer.write(kept.header)
            for case in kept.cases.values():
                writer.write(case)
            for verdict in kept.verdicts:
                writer.write(verdict)
            writer.finish(0.0, 0)
        if path.suffix == ".gz":
            packed = Path(folder, "run.jsonl.gz")
            packed.write_bytes(gzip.compress(text.read_bytes(), mtime=0))  # no time: the same run gives the same file
            text = packed
        text.replace(path)
    return replace(kept, path=path)


def merged(old: Run, new: Run) -> Run:
    """A baseline renewed by what a run judged: its cases, targets and laws replace theirs, and the rest stays, but for
    what is outdated.

    A target of which only a part was renewed, by another version, says so in its versions.
    """
    laws = {law.id for law in new.header.laws}
    judged = {(record.case, record.target) for record in new.verdicts}
    gone = set(outdated(old, new))
    kept = [r for r in old.verdicts if ((r.case, r.target) not in judged or r.law not in laws) and r.law not in gone]
    partly = {record.target for record in kept}
    infos = {info.name: info for info in old.header.targets}
    for info in (info for info in new.header.targets if info.missing is None):
        was = infos.get(info.name)
        infos[info.name] = replace(info, versions=_mixed(was, info)) if was and info.name in partly else info
    known = {known.id: known for known in (*old.header.known, *new.header.known)}
    order = [law.id for law in (*new.header.laws, *old.header.laws)]
    every = {law.id: law for law in (*old.header.laws, *new.header.laws)}
    header = replace(
        new.header, targets=tuple(infos[name] for name in sorted(infos)), known=tuple(known.values()),
        laws=tuple(every[name] for name in dict.fromkeys(order)),
    )  # fmt: skip
    return Run(new.path, header, {**old.cases, **new.cases}, (*kept, *new.verdicts), {}, new.footer)


def outdated(old: Run, new: Run) -> tuple[str, ...]:
    """The laws of a baseline whose verdicts a renewal drops: the run judges by another version of them, or all of them
    where it has other oracles."""
    was, is_ = law_versions(old.header), law_versions(new.header)
    same = old.header.oracles == new.header.oracles
    return tuple(law for law, version in was.items() if not same or is_.get(law, version) != version)


def _mixed(was: TargetInfo, is_: TargetInfo) -> dict[str, str]:
    """Versions of a target that was renewed in part."""
    versions = dict(was.versions)
    for package, version in is_.versions.items():
        before = versions.get(package, version)
        parts = before.split(", in part ")
        versions[package] = before if version in parts else ", in part ".join([*parts, version])
    return versions


@dataclass(frozen=True, eq=False)
class Index:
    """A baseline, ready to be asked for parts of it."""

    run: Run
    by_content: dict[str, list[str]]
    """Content hash -> names of its cases."""
    by_pair: dict[tuple[str, str], list[VerdictRecord]]
    """(case, target) -> its verdicts."""

    @classmethod
    def of(cls, run: Run) -> Index:
        by_content, by_pair = defaultdict(list), defaultdict(list)
        for name, case in run.cases.items():
            by_content[case.digest].append(name)
        for record in run.verdicts:
            by_pair[record.case, record.target].append(record)
        return cls(run, dict(by_content), dict(by_pair))

    @property
    def targets(self) -> dict[str, TargetInfo]:
        """The targets of the baseline by their names."""
        return {info.name: info for info in self.run.header.targets}

    def twin(self, case: str, digest: str, target: str) -> str | None:
        """The name in the baseline of a case with this content that it has for this target; None where it has none."""
        names = self.by_content.get(digest, [])
        there = [name for name in names if (name, target) in self.by_pair]
        return case if case in there else next(iter(there), None)

    def part(self, pairs: Iterable[tuple[str, str]], laws: Collection[str]) -> Run:
        """The baseline of these (case, target) pairs and laws alone."""
        wanted = list(dict.fromkeys(pairs))
        verdicts = tuple(r for pair in wanted for r in self.by_pair.get(pair, ()) if r.law in laws)
        targets = {target for _, target in wanted}
        header = replace(
            self.run.header,
            targets=tuple(info for info in self.run.header.targets if info.name in targets),
            laws=tuple(law for law in self.run.header.laws if law.id in laws),
        )
        cases = {name: self.run.cases[name] for name, _ in wanted}
        return Run(self.run.path, header, cases, verdicts, {}, self.run.footer)


def other_versions(was: TargetInfo, is_: dict[str, str]) -> str:
    """Where a framework's versions are not those of the baseline: `keras 3.14.1 there, 3.15.1 here`; else empty."""
    return ", ".join(
        f"{package} {was.versions.get(package, 'absent')} there, {version} here"
        for package, version in is_.items()
        if package not in BESIDE and was.versions.get(package) != version
    )
