"""Why a comparison decides as it does: changes that are of one kind, each told once, whatever number of laws shows it.

A cause is what became of cases: what a target did before and after, and what those cases have in common. A case counts
by the first law that tells of it, in the header's order, the plainest first.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from convt.results.comparing import Change, Comparison
from convt.results.directions import CLAIMS, INVALID, Direction, quality
from convt.results.features import FEATURES, has, short
from convt.results.finding import Finding
from convt.results.records import CaseRecord, VerdictRecord
from convt.results.sentences import finding_of
from convt.results.tally import plural

ORDER: tuple[Direction, ...] = ("worse", "better", "")
QUIET = ("bits",)
"""Classes that are no cause, but where they are asked to count as worse."""
MOST_FEATURES = 3
"""Properties that are named of what the cases have in common."""
MOST_NAMES = 3
NAMED = ("operation", "rank", "output", "bias")
"""Groups of features whose names say what they are about."""
_KIND = re.compile(r"^(?P<kind>.+)-(?P<op>transposed|forward)-\dd\b")
"""The name of an invalid call: its kind, its operation, its rank."""
_SHOWN = ("value", "shape", "dtype", "abstract-shape")
"""Findings that tell what is due, so that a pass on the other side gave that."""


@dataclass(frozen=True)
class Cause:
    """Cases of which the same became."""

    direction: Direction
    target: str
    before: str
    """What the target did, in words; empty where the cause is about the whole target, which `after` tells."""
    after: str
    cases: tuple[str, ...]
    """By name, the smallest first; empty for a whole target."""
    where: str
    """What the cases have in common, with how many there are of such."""
    verdicts: int
    first: Change
    """The change to look at: of the smallest case."""
    example: tuple[str, str]
    """What stood there before and after, in numbers where there are any; empty for a whole target."""
    changes: tuple[Change, ...] = ()
    """Of each case the change that tells of it."""
    since: str = ""
    """Since which release it is so, in words; empty where nobody knows."""

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from the other causes of a comparison."""
        return (self.direction, self.target, self.before, self.after)

    @property
    def says(self) -> str:
        """`right before, raises ValueError after: 3 of 7 settings with padding same, stride over 1`."""
        since = f"; {self.since}" if self.since else ""
        return f"{self.before} before, {self.after} after: {self.where}{since}" if self.cases else self.after

    @property
    def shown(self) -> str:
        """The smallest case in numbers; empty for a whole target."""
        return f"the smallest, {self.cases[0]}: before {self.example[0]}; after {self.example[1]}" if self.cases else ""


def causes(comparison: Comparison) -> list[Cause]:
    """Every cause: what is worse first, then what is better, then what is neither; in each the most cases first."""
    found: dict[tuple[Direction, str, str, str], list[Change]] = {}
    verdicts: Counter[tuple[Direction, str, str]] = Counter()
    for change, direction in _leading(comparison, verdicts):
        words = (did(change.before, change), did(change.after, change)) if change.case else ("", change.says)
        if change.kind == "new-warning":
            words = ("no such warning", change.says)
        found.setdefault((direction, change.target, *words), []).append(change)
    made = [_cause(comparison, key, those, verdicts) for key, those in found.items()]
    return sorted(made, key=lambda it: (ORDER.index(it.direction), bool(it.cases), -len(it.cases)))


def _leading(comparison: Comparison, verdicts: Counter[tuple[Direction, str, str]]) -> list[tuple[Change, Direction]]:
    """The first change of each case, target and direction, by the order of the laws; counts the verdicts of each."""
    order = {law.id: place for place, law in enumerate(comparison.after.header.laws)}
    first: dict[tuple[Direction, str, str, str], Change] = {}
    for change in comparison.changes:
        if change.kind in QUIET and not comparison.is_worse(change):
            continue
        direction: Direction = "worse" if comparison.is_worse(change) else change.direction
        alone = change.says if change.kind == "new-warning" or not change.case else ""
        verdicts[direction, change.target, change.case] += change.verdicts
        key = (direction, change.target, change.case, alone)
        if key not in first or order.get(change.law, 0) < order.get(first[key].law, 0):
            first[key] = change
    return [(change, key[0]) for key, change in first.items()]


def _cause(
    comparison: Comparison,
    key: tuple[Direction, str, str, str],
    those: Sequence[Change],
    verdicts: Counter[tuple[Direction, str, str]],
) -> Cause:
    direction, target, before, after = key
    ordered = sorted(those, key=lambda change: size_of(case_of(comparison, change)))
    first = ordered[0]
    names = tuple(dict.fromkeys(change.case for change in ordered if change.case))
    number = sum(verdicts[direction, target, name] for name in names or ("",))
    where = _where(comparison, first, names) if names else ""
    example = (_shown(first.before, first.after), _shown(first.after, first.before)) if names else ("", "")
    since = comparison.since.get(key, "")
    return Cause(direction, target, before, after, names, where, number, first, example, tuple(ordered), since)


def case_of(comparison: Comparison, change: Change) -> CaseRecord | None:
    """The case of a change, from the side that has it; None for what concerns a whole target."""
    sides = (comparison.after, comparison.before) if change.after is not None else (comparison.before, comparison.after)
    return next((side.cases[change.case] for side in sides if change.case in side.cases), None)


def size_of(case: CaseRecord | None) -> int:
    """How many numbers the case's output has: the smallest is the one to look at."""
    if case is None:
        return 0
    it = case.settings
    return int(math.prod((max(it["batch"] or 1, 1), it["channels_out"], *it["output"])))


def did(record: VerdictRecord | None, change: Change) -> str:
    """What a target did, in words, by a record of the case and law of a change."""
    if record is None or record.verdict == "not-run":
        return "no answer"
    if record.unsteady:
        return "another answer each time"
    if record.verdict == "unsupported":
        return "cannot be said"
    if record.verdict == "suite-bug":
        return "the suite is wrong about it"
    if record.verdict == "pass":
        return _passed(record, change)
    found = finding_of(record)
    if quality(record) == "imprecise" and found.kind == "value":
        return "rounded too much"
    return _failed(record, found)


def _passed(record: VerdictRecord, change: Change) -> str:
    if record.law == CLAIMS:
        return "cannot be said"
    if record.law != INVALID:
        return "right"
    other = change.after if record is change.before else change.before
    if record.outcome:
        return "answered right" if record.outcome == "value" else "refused clearly"
    due = other is not None and finding_of(other).due is not None
    return "refused or answered right" if due else "refused clearly"


def _failed(record: VerdictRecord, found: Finding) -> str:
    outcome = found.outcome or record.outcome
    words = {
        "value": "wrong numbers", "shape": "a wrong shape", "abstract-shape": "a wrong abstract shape",
        "dtype": "a wrong dtype", "bits": "other bits", "accepted": "answered although it means nothing",
        "claim": "computed though the adapter says it cannot be", "footprint": "wrong where x is not finite",
        "slow": "too slow", "memory": "no memory for it",
    }  # fmt: skip
    if outcome == "timed-out":
        return "does not come back"
    if outcome == "crashed":
        return f"ends the process ({found.exception})" if found.exception else "ends the process"
    if found.kind == "refusal":
        return "refused in words that name no setting" if not found.other else "refused by one and taken by the other"
    if found.kind == "outcome":
        return f"raises {found.exception}" if found.exception else "raises an error"
    return words.get(found.kind, "wrong")


def _shown(record: VerdictRecord | None, other: VerdictRecord | None) -> str:
    """A side of the smallest case: what was told of it, or where it passed, what is due by the other side."""
    if record is None:
        return "no answer"
    if record.verdict != "pass":
        return record.message.partition("\n")[0] or record.verdict
    found = finding_of(other) if other is not None else None
    if found is None or found.kind not in _SHOWN or found.due is None:
        return "pass"
    told = record.message or (other.message if other is not None else "")
    start, _, due = told.partition("\n")[0].partition(", but should be ")
    return f"{start.partition('=')[0]}={due}" if due and "<" not in start else "pass"


def _where(comparison: Comparison, first: Change, names: Sequence[str]) -> str:
    """What the cases have in common: of invalid calls their kinds, of the others a predicate over settings."""
    if first.law == INVALID:
        return _kinds(names)
    case = case_of(comparison, first)
    if len(names) == 1:
        return f"1 setting, {short(case.settings)}" if case is not None else "1 setting"
    others = _judged(comparison, first.target) - set(names)
    settings = {**comparison.before.cases, **comparison.after.cases}
    shared = _shared([settings[name] for name in names], [settings[name] for name in others])
    if not shared:
        return plural(len(names), "setting")
    words = [name if group in NAMED else f"{group} {name}" for (group, name), _ in shared]
    more = shared[-1][1]
    number = f"{len(names):,} of {len(names) + more:,}" if more else f"all {len(names):,}"
    return f"{number} settings with {', '.join(word.replace(', ', ' ') for word in words)}"


def _kinds(names: Iterable[str]) -> str:
    """`10 invalid calls, transposed: bias-too-long, bias-too-short, bias-of-one and 2 kinds more`."""
    names = list(names)
    found = [matched for matched in map(_KIND.match, names) if matched]
    ops = {matched["op"] for matched in found}
    kinds = Counter(matched["kind"] for matched in found) or Counter(names)
    told = [kind for kind, _ in kinds.most_common(MOST_NAMES)]
    more = f" and {plural(len(kinds) - len(told), 'kind')} more" if len(kinds) > len(told) else ""
    op = f", {ops.pop()}" if len(ops) == 1 and len(found) == len(names) else ""
    return f"{plural(len(names), 'invalid call')}{op}: {', '.join(told)}{more}"


def _judged(comparison: Comparison, target: str) -> set[str]:
    """The cases that a target was asked of laws about valid calls, by after's names."""
    return {case for case, law in comparison.after.verdicts.get(target, {}) if law != INVALID}


def _shared(those: Collection[CaseRecord], others: Collection[CaseRecord]) -> list[tuple[tuple[str, str], int]]:
    """Features of all those cases, each with how many others have it and all before it: those that tell most apart."""
    left = [case.settings for case in others]
    common = [feature for feature in FEATURES if all(has(feature, case.settings) for case in those)]
    found: list[tuple[tuple[str, str], int]] = []
    while common and left and len(found) < MOST_FEATURES:
        best = min(common, key=lambda feature: sum(has(feature, it) for it in left))
        kept = [it for it in left if has(best, it)]
        if len(kept) == len(left):
            break
        left = kept
        common.remove(best)
        found.append(((best.group, best.name), len(left)))
    return found
