"""The comparison itself: pairs the verdicts of two sides, tells each pair's class, and says what was not compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from convt.results.classes import classify, differs_in, message_class, standing
from convt.results.directions import INVALID, Direction, direction, quality
from convt.results.kinds import CLASSES
from convt.results.matching import LeftOut, Matching
from convt.results.records import VerdictRecord
from convt.results.sentences import finding_of
from convt.results.sides import NotComparable, Side, flags_that_differ
from convt.results.vocabulary import FAILING
from convt.results.warnings_of import new_warnings

SLOWER_TIMES = 1.5
"""A call is slower where it takes this many times as long: by the medians and by the minima of samples that were taken
on both sides in turns, within one session, so that the machine is the same."""
MUTE = 0.5
"""Where more of a target's answers than this are errors that no known difference explains, the cause may be an adapter
that does not fit the version, or the environment. Where both sides raise so, they say nothing of each other; where one
does and the other answers, that is what changed."""
MUTE_CASES = 5
"""On so many cases at least: of one or two somebody may ask for the errors themselves."""
SLOWER_TOLD = 5
"""Settings that are named, those that lost most."""
Speed = tuple[float, float]
"""Seconds of a call: the median and the least of its samples."""


def times_as_long(was: Speed, is_: Speed) -> float:
    """How many times as long a call takes: by medians or by minima, whichever says less."""
    return min(after / before if before else 1.0 for before, after in zip(was, is_, strict=True))


def too_slow(was: Speed, is_: Speed) -> bool:
    """Whether a call takes so much longer that it is told."""
    return times_as_long(was, is_) >= SLOWER_TIMES


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one case, law and target. Of a whole target where `case` and `law` are empty."""

    kind: str
    case: str
    """The name on the side after, else before; empty for what concerns a whole target."""
    law: str
    target: str
    """Without its environment."""
    before: VerdictRecord | None
    after: VerdictRecord | None
    says: str
    """What changed, in words."""
    verdicts: int = 1
    """How many verdicts this stands for."""
    direction: Direction = ""
    """Whether it is for the better or for the worse; neither where both answers are as good, and where nobody knows."""

    @property
    def differs_in(self) -> tuple[str, ...]:
        """The kinds of difference between the two answers, of `KINDS`."""
        return differs_in(self.kind, self.before, self.after)

    @property
    def worse(self) -> bool:
        """Whether this alone makes the comparison worse."""
        return self.direction == "worse"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two sides, compared. `changes` are in the order in which they are told; what is unchanged is only counted."""

    before: Side
    after: Side
    changes: tuple[Change, ...]
    counts: dict[str, int]
    """Class to how many verdicts, every class of `CLASSES`; new warnings and lost speed count once each."""
    unchanged: int
    compared: int
    """How many verdicts have an answer on both sides."""
    notes: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    """Verdicts without a counterpart, by cause."""
    alerts: tuple[str, ...] = ()
    """Targets that did not run, and what was forced: to be said loudly."""
    fail_on: frozenset[str] = frozenset()
    """Classes that count as worse whatever their direction."""
    mute: tuple[str, ...] = ()
    """Targets of which both sides raise most of what they are asked."""
    found: Mapping[Direction, int] = field(default_factory=dict)
    """How many differences a search found beside the cases, by their direction."""
    doubtful: tuple[Change, ...] = ()
    """What is not compared since a known difference says that it comes and goes by itself."""
    since: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    """By `Cause.key` since which release it is so, in words, where somebody knows."""

    def is_worse(self, change: Change) -> bool:
        """Whether a change makes this comparison worse."""
        return change.worse or change.kind in self.fail_on

    @property
    def worse(self) -> bool:
        return any(map(self.is_worse, self.changes)) or bool(self.found.get("worse"))

    @property
    def exit_status(self) -> int:
        """0 the same or better, 1 worse, 2 where both sides of a target raise most of what they are asked, so that what
        did not get worse says nothing."""
        return 1 if self.worse else 2 if self.mute else 0

    def of(self, kind: str) -> list[Change]:
        """The changes of one class."""
        return [change for change in self.changes if change.kind == kind]


@dataclass(eq=False)
class Comparing:
    """A comparison in the making."""

    before: Side
    after: Side
    matching: Matching
    alerts: list[str]
    notes: list[str]
    fail_on: frozenset[str]
    changes: list[Change] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    silent: int = 0
    by_chance: dict[str, list[Change]] = field(default_factory=dict)
    """Known difference that comes and goes by itself -> verdicts that flipped with it."""

    def whole(self, may_be_empty: bool, timed: bool = False) -> Comparison:
        """Everything; NotComparable where nothing is compared, unless it may be empty."""
        for target in dict.fromkeys([*self.before.targets, *self.after.targets]):
            if self.before.ran(target) and self.after.ran(target):
                self._target(target)
                if timed:
                    self._speed(target)
            else:
                self._missing(target)
        if not self.compared and not may_be_empty:
            raise NotComparable(self._nothing())
        mute = tuple(target for target in self.before.targets if self._is_mute(target))
        self._remarks()
        order = {kind: place for place, kind in enumerate(CLASSES)}
        told = tuple(sorted(self.changes, key=lambda change: (order[change.kind], not change.worse)))
        counts = {kind: self.counts[kind] for kind in CLASSES}
        return Comparison(
            self.before, self.after, told, counts, counts["unchanged"], self.compared, tuple(self.notes),
            self.matching.left_out(), tuple(self.alerts), self.fail_on, mute,
            doubtful=tuple(it for flips in self.by_chance.values() for it in flips),
        )  # fmt: skip

    def _add(self, change: Change) -> None:
        self.changes.append(replace(change, direction=_direction(change)))
        self.counts[change.kind] += change.verdicts

    def _target(self, target: str) -> None:
        """Every verdict of a target that ran on both sides; those without a counterpart are counted and left out."""
        was, is_ = self.before.verdicts[target], self.after.verdicts[target]
        twins, back = self.matching.cases.after, self.matching.back
        for (case, law), record in was.items():
            if not self.matching.leaves_out("before", case, law):
                self._pair(target, record, is_.get((twins[case], law)))
        compared = [it for (case, law), it in is_.items() if not self.matching.leaves_out("after", case, law)]
        for record in compared:
            if (back[record.case], record.law) not in was:
                self._pair(target, None, record)
        self._searches(target)
        if any(record.outcome for record in was.values()):  # else an older release wrote it, which tells no warnings
            for found in new_warnings(was.values(), compared):
                self._add(Change("new-warning", found.case, found.law, target, None, found.record, found.says))

    def _pair(self, target: str, before: VerdictRecord | None, after: VerdictRecord | None) -> None:
        """One case, law and target."""
        record = after or before
        assert record is not None
        if self.matching.leaves_out_pair(target, before, after):
            return
        chance = self._chance(before, after)
        found = classify(before, after, by_chance=bool(chance))
        if found is None:
            self.silent += 1
            return
        kind, says = found
        self.compared += standing(before) != "silent" and standing(after) != "silent"
        if chance and kind in ("regressed", "fixed"):
            self.by_chance.setdefault(chance, []).append(
                Change(kind, record.case, record.law, target, before, after, says)
            )
        elif kind == "unchanged":
            self.counts[kind] += 1
        else:
            self._add(Change(kind, record.case, record.law, target, before, after, says))

    def _chance(self, before: VerdictRecord | None, after: VerdictRecord | None) -> str:
        """The known difference that comes and goes by itself and explains one of the two; empty where none does, and
        where both sides were asked again and answered as they did."""
        if before is not None and after is not None and before.again and after.again:
            return ""
        for record, side in ((before, self.before), (after, self.after)):
            if record is not None and record.known and record.known in _intermittent(side):
                return record.known
        return ""

    def _searches(self, target: str) -> None:
        """What only one side's search found: a search that fails keeps its smallest failing case and no other."""
        was, is_ = _found(self.before, target), _found(self.after, target)
        twins, back = self.matching.cases.after, self.matching.back
        for law in filter(self.matching.law, dict.fromkeys([*was, *is_])):
            old, new = was.get(law), is_.get(law)
            if new is not None and (back.get(new.case, ""), law) not in self.before.verdicts[target]:
                self._new_find(target, old, new)
            elif old is not None and new is None and self._searched_alike(target, law):
                says = "the search that found this case finds nothing after"
                if (twins.get(old.case, ""), law) not in self.after.verdicts[target]:
                    self._add(Change("fixed", old.case, law, target, old, None, says))

    def _new_find(self, target: str, old: VerdictRecord | None, new: VerdictRecord) -> None:
        """A failing case that only the search after found, against what the one before found of that law."""
        if self.before.header.seed != self.after.header.seed:
            self.notes.append(
                f"{target}, {new.law}: the search after, with another seed, found {new.case}; not compared"
            )
        elif old is None:
            says = "the search found nothing before; it finds this case after"
            self._add(Change("newly-failing", new.case, new.law, target, None, new, says))
        elif (old.verdict, message_class(old)) != (new.verdict, message_class(new)):
            says = f"the search found {message_class(old) or old.verdict} before, in {old.case}"
            self._add(Change("fails-differently", new.case, new.law, target, old, new, says))
        else:
            self.notes.append(
                f"{target}, {new.law}: the search found {old.case} before, {new.case} after, failing alike"
            )

    def _searched_alike(self, target: str, law: str) -> bool:
        """Whether both searches drew alike, and the one after did search for what breaks the law on this target."""
        was, is_, judged = self.before.header, self.after.header, self.after.verdicts[target]
        alike = (was.seed, was.profile) == (is_.seed, is_.profile)
        return alike and any(asked == law and self.after.cases[case].generated for case, asked in judged)

    def _missing(self, target: str) -> None:
        """A target that did not run on one side or on both: never the same."""
        ran = [side for side in (self.before, self.after) if side.ran(target)]
        if not ran:
            why = self.before.why_not(target), self.after.why_not(target)
            self.alerts.append(f"{target} did not run on either side: {why[0]} (before); {why[1]} (after)")
            return
        counts = Counter(record.verdict for record in ran[0].verdicts[target].values() if record.verdict != "not-run")
        told = ", ".join(f"{number:,} {verdict}" for verdict, number in counts.most_common()) or "no verdict"
        lost = ran[0] is self.before
        other, kind = (self.after, "gone") if lost else (self.before, "new")
        when, then = ("after", "before") if lost else ("before", "after")
        says = f"did not run {when}: {other.why_not(target)}; {told} {then}"
        self.alerts.append(f"{target} {says}")
        self._add(Change(kind, "", "", target, None, None, says, counts.total()))

    def _is_mute(self, target: str) -> bool:
        """Whether both sides of the target raise most of what they are asked; it is said loudly, as of one side, with
        what is raised."""
        sides = [side.verdicts.get(target, {}) for side in (self.before, self.after)]
        told = {side.name: _raised(its.values()) for side, its in zip((self.before, self.after), sides, strict=True)}
        most = {name: found for name, found in told.items() if found}
        if not most:
            return False
        where = "on both sides" if len(most) == 2 else next(iter(most))
        said = f"{target} raises most of what it is asked: {'; '.join(dict.fromkeys(most.values()))} {where}. "
        twins = self.matching.cases.after
        both = [(it, sides[1][twins.get(key[0], ""), key[1]]) for key, it in sides[0].items()
                if (twins.get(key[0], ""), key[1]) in sides[1]]  # fmt: skip
        alike = [was for was, is_ in both if _raises(was) and _raises(is_)]
        mute = len(alike) > MUTE * sum(_answers(was) and _answers(is_) for was, is_ in both)
        fits = "the adapter does not fit this version, or the environment lacks something"
        if mute:
            self.alerts.append(f"{said}{fits[0].upper()}{fits[1:]}; what did not get worse here says nothing")
        else:
            self.alerts.append(f"{said}What the other side answers is compared with that; it may be that {fits}")
        return mute

    def _speed(self, target: str) -> None:
        """The settings whose calls take longer, of those that were timed on both sides in turns."""
        was, is_ = self.before.speeds(target), self.after.speeds(target)
        both = [name for name in was if name in is_]
        slower = sorted(
            (name for name in both if too_slow(was[name], is_[name])),
            key=lambda name: -times_as_long(was[name], is_[name]),
        )
        if slower:
            told = [
                f"{name} {1e3 * was[name][0]:.3g} ms before, {1e3 * is_[name][0]:.3g} ms after,"
                f" {times_as_long(was[name], is_[name]):.2f} times"
                for name in slower[:SLOWER_TOLD]
            ]
            more = f"; and {len(slower) - SLOWER_TOLD} more" if len(slower) > SLOWER_TOLD else ""
            says = f"{len(slower)} of {len(both)} settings that were timed take longer: {'; '.join(told)}{more}"
            self._add(Change("slower", "", "", target, None, None, says))

    def _nothing(self) -> str:
        """Why there is nothing to compare."""
        left_out = [f"left out: {it.says}" for it in self.matching.left_out()]
        why = "; ".join([*self.alerts, *left_out]) or "no case, law and target has an answer on both"
        paths = dict.fromkeys([str(self.before.run.path), str(self.after.run.path)])
        return f"{' and '.join(paths)}: nothing to compare: {why}; run the same cases on the same targets"

    def _remarks(self) -> None:
        """What else is to be said of what was compared; flags that differ."""
        for target, info in self.before.targets.items():
            if self.before.ran(target) and self.after.ran(target):
                self.notes += flags_that_differ(target, info, self.after.targets[target])
        if self.matching.cases.renamed:
            self.notes.append(f"{self.matching.cases.renamed:,} cases have another name and the same content")
        if self.silent:
            self.notes.append(f"{self.silent:,} verdicts have no answer on either side")
        for known, flips in self.by_chance.items():
            self.notes.append(
                f"{len(flips):,} verdicts not compared: the known difference {known} comes and goes by itself"
            )


def _direction(change: Change) -> Direction:
    """The direction of a change: of the two answers, and where one is missing, of what that means."""
    if change.kind == "gone":
        return "worse"
    if change.before is None or change.after is None or "not-run" in (change.before.verdict, change.after.verdict):
        known = quality(change.after)
        if change.kind == "newly-failing" and not (change.law == INVALID and known != "ends"):
            return "worse"
        return "better" if change.kind == "fixed" else ""
    if change.after.verdict == "suite-bug" and change.before.verdict != "suite-bug":
        return "worse"  # nobody can say whether the answer is right any more
    return direction(change.before, change.after)


def _answers(record: VerdictRecord) -> bool:
    """Whether a target was asked and said anything but that it cannot."""
    return record.verdict not in ("unsupported", "not-run")


def _raises(record: VerdictRecord) -> bool:
    """Whether a call ended with an error that no known difference explains."""
    return record.verdict == "error" and not record.known and record.outcome in ("raised", "")


def _raised(records: Iterable[VerdictRecord]) -> str:
    """What a target raises most of the time, in words; empty where it does not, or was hardly asked anything."""
    answered = list(filter(_answers, records))
    raised = list(filter(_raises, answered))
    if len(raised) <= MUTE * len(answered) or len({it.case for it in raised}) < MUTE_CASES:
        return ""
    [(said, _)] = Counter(finding_of(it).words or it.message.splitlines()[0] for it in raised).most_common(1)
    return f"{len(raised):,} of {len(answered):,} answers are errors, most often {said[:200]!r}"


def _intermittent(side: Side) -> set[str]:
    return {known.id for known in side.header.known if known.intermittent}


def _found(side: Side, target: str) -> dict[str, VerdictRecord]:
    """Law to the generated case that fails without a known difference: what the search of that law found."""
    return {
        law: record
        for (case, law), record in side.verdicts[target].items()
        if side.cases[case].generated and record.verdict in FAILING and not record.known
    }
