"""The two sides of a comparison: a run each, or two environments of one run; which of their cases are the same."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from convt.results.records import CaseRecord, DetailRecord, Header, Run, VerdictRecord
from convt.results.targets import Target, TargetInfo, plain


class NotComparable(ValueError):
    """Two sides of which no comparison can be made; one line: what differs, on which side what, and what to do."""


@dataclass(frozen=True, eq=False)
class Side:
    """One side. Targets go by their names without an environment."""

    name: str
    """`before` or `after`, or what the environment is called."""
    run: Run
    targets: dict[str, TargetInfo]
    names: dict[str, str]
    """A target's name to its name in the run file."""
    verdicts: dict[str, dict[tuple[str, str], VerdictRecord]] = field(default_factory=dict)
    """target -> (case, law) -> record, of the targets that ran."""

    @property
    def header(self) -> Header:
        return self.run.header

    @property
    def cases(self) -> dict[str, CaseRecord]:
        return self.run.cases

    def ran(self, target: str) -> bool:
        """Whether the target is there and did not fail to start."""
        return target in self.targets and self.targets[target].missing is None

    def why_not(self, target: str) -> str:
        """Why a target did not run."""
        info = self.targets.get(target)
        return "it was not asked for" if info is None else info.missing or "it ran"

    def detail(self, case: str, law: str, target: str) -> DetailRecord | None:
        """The evidence of a verdict, where the file has it."""
        return self.run.details.get((case, law, self.names.get(target, target)))

    def speeds(self, target: str) -> dict[str, tuple[float, float]]:
        """What the calls of settings take, by their name: the median and the least, where the run timed them."""
        timed = self.run.footer.target_speeds.get(self.names.get(target, target), {})
        return {name: (float(seconds[0]), float(seconds[1])) for name, seconds in timed.items()}


def side_of(run: Run, name: str, environment: str | None = None) -> Side:
    """The side that a whole run makes, or the targets of one environment in it (`X#environment`)."""
    targets: dict[str, TargetInfo] = {}
    names: dict[str, str] = {}
    for info in run.header.targets:
        if environment is not None and Target.of(info.name).environment != environment:
            continue
        short = plain(info.name)
        if short in targets:
            raise NotComparable(
                f"{run.path}: found {names[short]} and {info.name} in a run that is compared with another;"
                " accepted: each target once; to compare the two, give this file alone: convt compare RUN"
            )
        targets[short], names[short] = info, info.name
    by_target: dict[str, dict[tuple[str, str], VerdictRecord]] = {short: {} for short in targets}
    asked = {full: by_target[short] for short, full in names.items() if targets[short].missing is None}
    for record in run.verdicts:
        if record.target in asked:
            asked[record.target][record.case, record.law] = record
    return Side(name, run, targets, names, by_target)


@dataclass(frozen=True)
class Matched:
    """Which cases of the two sides are the same one, by content."""

    after: dict[str, str]
    """Before's name -> after's name."""
    renamed: int
    only_before: list[str]
    only_after: list[str]


def match_cases(before: dict[str, CaseRecord], after: dict[str, CaseRecord]) -> Matched:
    """Pair cases by their content hash; among cases of one content by their names, then in the files' order."""
    if before is after:
        return Matched({name: name for name in before}, 0, [], [])
    pairs = {name: name for name, case in before.items() if name in after and after[name].digest == case.digest}
    waiting: dict[str, list[str]] = defaultdict(list)
    for name, case in after.items():
        if name not in pairs:
            waiting[case.digest].append(name)
    renamed = 0
    for name, case in before.items():
        if name not in pairs and waiting[case.digest]:
            pairs[name] = waiting[case.digest].pop(0)
            renamed += 1
    taken = set(pairs.values())
    only_before, only_after = [n for n in before if n not in pairs], [n for n in after if n not in taken]
    return Matched(pairs, renamed, only_before, only_after)


def circumstances(before: Header, after: Header) -> list[str]:
    """What else differs, and may explain other bits or other seconds; said, and never a reason to refuse."""
    found = []
    if before.profile != after.profile:
        found.append(f"profile: {before.profile} before, {after.profile} after; fewer generated cases are the same")
    if before.seed != after.seed:
        found.append(f"seed: {before.seed} before, {after.seed} after; few generated cases are the same")
    for what, was, is_ in (
        ("platform", before.platform, after.platform),
        ("host packages", before.packages, after.packages),
    ):
        found += [
            f"{what}: {name} {was.get(name, 'not told')} before, {is_.get(name, 'not told')} after"
            for name in dict.fromkeys([*was, *is_])
            if was.get(name) != is_.get(name)
        ]
    return found


def flags_that_differ(target: str, before: TargetInfo, after: TargetInfo) -> list[str]:
    """A line for each flag, such as the number of threads, that is set in another way on the two sides."""
    return [
        f"{target}: {name} {before.flags.get(name, 'not set')} before, {after.flags.get(name, 'not set')} after"
        for name in dict.fromkeys([*before.flags, *after.flags])
        if before.flags.get(name) != after.flags.get(name)
    ]
