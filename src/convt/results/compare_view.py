"""What every form of a comparison tells: its headline, who stands on each side, and each case's changes together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from convt.results.causes import Cause, case_of, causes, size_of
from convt.results.changes import Change, Comparison, Side
from convt.results.classes import standing
from convt.results.directions import Direction
from convt.results.kinds import CLASSES
from convt.results.mine_compared import mine_compared
from convt.results.records import VerdictRecord
from convt.results.tally import plural
from convt.results.targets import TargetInfo


@dataclass(frozen=True)
class Group:
    """The changes of one class on one case and target: one for each law."""

    kind: str
    case: str
    target: str
    changes: tuple[Change, ...]
    worse: bool

    @property
    def first(self) -> Change:
        """The change that is told in full; the laws stand in the header's order, the plainest first."""
        return self.changes[0]

    @property
    def laws(self) -> list[str]:
        return list(dict.fromkeys(change.law for change in self.changes if change.law))

    @property
    def verdicts(self) -> int:
        return sum(change.verdicts for change in self.changes)


def groups(comparison: Comparison) -> list[Group]:
    """The changes by class, case and target: the classes in their order, in each the smallest case first.

    Each new warning stands alone.
    """
    found: dict[tuple[str, ...], list[Change]] = {}
    for change in comparison.changes:
        alone = change.says if change.kind == "new-warning" else ""
        worse = "worse" if comparison.is_worse(change) else ""
        found.setdefault((change.kind, change.case, change.target, worse, alone), []).append(change)
    made = [Group(key[0], key[1], key[2], tuple(those), bool(key[3])) for key, those in found.items()]
    order = {kind: place for place, kind in enumerate(CLASSES)}
    return sorted(
        made, key=lambda group: (order[group.kind], not group.worse, size_of(case_of(comparison, group.first)))
    )


def headline(comparison: Comparison) -> str:
    """The outcome in a few sentences, that of the user's own layers first."""
    return " ".join([*mine_first(comparison), *sentences(comparison)])


def mine_first(comparison: Comparison) -> list[str]:
    """The sentence about the user's own layers; none where there are none."""
    mine = mine_compared(comparison)
    return [mine.says] if mine else []


DECISIONS: dict[str, Direction] = {"Worse": "worse", "Better": "better", "Neither better nor worse": ""}
"""What the first sentence says; of several that hold, the first."""


Decision = Literal["worse", "better", "neither", "same", "no answer"]


def decision(comparison: Comparison) -> Decision:
    """The outcome in a word: what the first sentence says."""
    told = _told(comparison)[0]
    if comparison.mute and not told["Worse"]:
        return "no answer"
    decides = next((says for says, number in told.items() if number), "")
    words: dict[str, Decision] = {"Worse": "worse", "Better": "better", "": "same"}
    return words.get(decides, "neither")


def sentences(comparison: Comparison) -> tuple[str, str]:
    """(the decision with its first cause, what there is to count)."""
    told, bits = _told(comparison)
    decides = next((says for says, number in told.items() if number), "")
    if comparison.mute and not told["Worse"]:
        first = f"No answer on {', '.join(comparison.mute)}: most of what is asked is an error on both sides"
        told = {says.lower(): number for says, number in told.items()}
        rest = [f"{says}: {number}" for says, number in told.items() if number]
    elif decides:
        cause = next((it.says for it in causes(comparison) if it.direction == DECISIONS[decides]), told[decides])
        first = f"{decides}. {cause[0].upper()}{cause[1:]}" + ("; nothing got worse" if decides == "Better" else "")
        rest = [f"{says if says == decides else says.lower()}: {number}" for says, number in told.items() if number]
    else:
        first, rest = f"The same: no difference{' beyond bits' if bits else ''}", []
    counted = f"{rest.pop(0)}. " if rest and decides and not first.startswith("No answer") else ""
    also = "; ".join([*rest, *([f"other bits in {plural(bits, 'verdict')}"] if bits else [])])
    how_much = f"{plural(comparison.compared, 'verdict')} compared, {comparison.unchanged:,} unchanged"
    versions = _versions_told(comparison)
    said = f"{versions}: {first[0].lower()}{first[1:]}" if versions else first
    return f"{said}.", f"{counted}{f'Also {also}. ' if also else ''}{how_much}{_left_out(comparison)}."


def _versions_told(comparison: Comparison) -> str:
    """`keras 3.14.1 -> 3.15.1: `, the versions of frameworks that differ; empty where none does."""
    found: dict[str, None] = {}
    for target in comparison.before.targets:
        was, is_ = (side.targets[target].versions if side.ran(target) else {} for side in _sides(comparison))
        framework = next(iter(was), "")
        if framework in is_ and was[framework] != is_[framework]:
            found[f"{framework} {was[framework]} -> {is_[framework]}"] = None
    return ", ".join(found)


def _sides(comparison: Comparison) -> tuple[Side, Side]:
    return comparison.before, comparison.after


def cause_lines(comparison: Comparison, most: int) -> list[tuple[str, str]]:
    """(what became of which cases, the smallest in numbers) of the first causes; the others are counted in a last line.

    What the first sentence tells is not told again: there the first of the two is empty.
    """
    told, first = causes(comparison), sentences(comparison)[0]
    lines = [(f"{it.direction or 'neither'}: {it.says}{_on(comparison, it)}", it.shown) for it in told[:most]]
    if told and told[0].says[1:] in first:
        lines[0] = ("", told[0].shown)
    more = len(told) - len(lines)
    return [*lines, *([(f"and {plural(more, 'cause')} more: see --format json", "")] if more else [])]


def _on(comparison: Comparison, cause: Cause) -> str:
    """The target of a cause, where there are several."""
    return f", on {cause.target}" if len({*comparison.before.targets, *comparison.after.targets}) > 1 else ""


def _told(comparison: Comparison) -> tuple[dict[str, str], int]:
    """(what each of `DECISIONS` counts, in words, empty where nothing; how many verdicts have other bits alone)."""
    counts: dict[Direction, Counter[str]] = {"worse": Counter(), "better": Counter(), "": Counter()}
    for change in comparison.changes:
        counts["worse" if comparison.is_worse(change) else change.direction][change.kind] += change.verdicts
    bits = counts[""].pop("bits", 0)
    found = comparison.found
    return {says: _counted(counts[towards], found.get(towards, 0)) for says, towards in DECISIONS.items()}, bits


def _counted(counts: Counter[str], searched: int) -> str:
    told = [f"{counts[kind]:,} {kind}" for kind in CLASSES if counts[kind]]
    return ", ".join([*told, *([f"{plural(searched, 'difference')} that the search found"] if searched else [])])


def _left_out(comparison: Comparison) -> str:
    """How many verdicts have no counterpart, for the headline; `left_out` of the comparison says why."""
    sides = ((sum(getattr(it, side) for it in comparison.left_out), side) for side in ("before", "after"))
    counts = [f"{number:,} {side}" for number, side in sides if number]
    return f"; left out, for they have no counterpart: {' and '.join(counts)}" if counts else ""


def origin(comparison: Comparison, change: Change) -> str:
    """The file:line of a change's case, `generated`, or nothing, as of a released version, which keeps no places."""
    case = case_of(comparison, change)
    return "" if case is None else case.origin or ("generated" if case.generated else "")


def by_target(changes: Iterable[Change]) -> list[tuple[str, int]]:
    """(target, verdicts), the most first."""
    counts = Counter[str]()
    for change in changes:
        counts[change.target] += change.verdicts
    return counts.most_common()


def told(record: VerdictRecord | None) -> str:
    """A verdict with its message, on one line."""
    if record is None:
        return "no answer"
    said = "; ".join(line.strip() for line in record.message.splitlines() if line.strip())
    known = f" (known: {record.known})" if record.known and standing(record) == "failing" else ""
    used = (
        f", {record.used:.3g} of the error bound used" if record.used is not None and record.verdict == "pass" else ""
    )
    return f"{record.verdict}{used}{': ' if said else ''}{said}{known}"


def pair_told(change: Change) -> tuple[str, str]:
    """What stood before and after, each on one line; of a whole target, what the change says."""
    if change.kind == "new-warning":
        return "no such warning", change.says
    if not change.case:
        return "", change.says
    before, after = told(change.before), told(change.after)
    if before == after or change.kind in ("accept-refuse", "result-type"):
        return before, f"{after}: {change.says}"
    return before, after


PLAIN = ("regressed", "now-unsupported", "gone", "fixed")
"""The classes that before and after tell without another word."""


@dataclass(frozen=True)
class LawLine:
    """Laws of one group that tell the same: what stood before and after, and what else is to be said."""

    laws: tuple[str, ...]
    before: str
    after: str
    says: str


def law_lines(group: Group) -> list[LawLine]:
    """The laws of a group; those that tell the same stand together."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for change in group.changes:
        says = "" if change.kind in PLAIN else change.says
        found.setdefault((*pair_told(change), says), []).append(change.law)
    return [LawLine(tuple(laws), *told) for told, laws in found.items()]


def how_many(told: list[Group]) -> str:
    """`2 cases`, `1 target`: what the groups are about."""
    cases = sum(bool(group.case) for group in told)
    parts = [(cases, "case"), (len(told) - cases, "target")]
    return " and ".join(plural(number, noun) for number, noun in parts if number)


@dataclass(frozen=True)
class TargetLine:
    """A target on the two sides."""

    name: str
    before: str
    after: str
    packages: tuple[tuple[str, str, bool], ...]
    """(side, package and version, whether it differs) of the targets that ran."""


def target_lines(comparison: Comparison) -> list[TargetLine]:
    """Every target of either side, with its versions there."""
    names = dict.fromkeys([*comparison.before.targets, *comparison.after.targets])
    return [_target_line(name, comparison.before, comparison.after) for name in names]


def _target_line(name: str, before: Side, after: Side) -> TargetLine:
    infos = before.targets.get(name), after.targets.get(name)
    versions = [info.versions if info is not None and info.missing is None else {} for info in infos]
    packages = tuple(
        (side, f"{package} {version}", versions[0].get(package) != versions[1].get(package))
        for side, found in zip(("before", "after"), versions, strict=True)
        for package, version in found.items()
    )
    return TargetLine(name, _versions(infos[0]), _versions(infos[1]), packages)


def _versions(info: TargetInfo | None) -> str:
    if info is None:
        return "NOT RUN: it was not asked for"
    if info.missing is not None:
        return f"NOT RUN: {info.missing}"
    return ", ".join(f"{package} {version}" for package, version in info.versions.items()) or "version unknown"


def facts(comparison: Comparison) -> list[str]:
    """The files and what they were made with: one line for each side, or one for both where they are of one run."""
    before, after = comparison.before, comparison.after
    if before.run is after.run and before.targets != after.targets:
        return [f"{_facts(before)}; before is #{before.name} in it, after is #{after.name}"]
    return [_facts(before), _facts(after)]


def _facts(side: Side) -> str:
    header = side.header
    return f"{side.run.path}, {header.started}, profile {header.profile}, seed {header.seed}"
