"""Changed answers are asked for again, so that what a version answers by chance is told from what it always answers.

Each side is asked once more in a fresh process, and twice where memory holds other bytes (`convt.adapter.stress`): a
call that reads memory which nobody wrote is right where that happens to hold zeros. A side whose answers to one
question differ is unsteady, and the comparison says so instead of taking one of them for what the version does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from convt.cases.case import Case
from convt.host.registry import Entry
from convt.laws.catalogue import law_by_id
from convt.laws.law import Law
from convt.results.changes import Change
from convt.results.classes import CHANCE_LAWS, ROUNDING, classify
from convt.results.directions import INVALID
from convt.results.records import VerdictRecord
from convt.results.sentences import finding_of
from convt.results.targets import Target
from convt.session.session import Session
from convt.session.verdicts import verdict_record

Key = tuple[str, str, str]
"""Case, law, target."""

ANSWERS = {
    "regressed", "newly-failing", "fails-differently", "accept-refuse", "result-type", "drifted", "now-unsupported",
    "fixed",
}  # fmt: skip
"""The classes of change that rest on what a side answers."""
TIMES = {"": "asked again in a fresh process", "hostile": "in memory filled with 0x7F", "poisoned": "in memory of nan"}
"""How a side is asked again, by the stress environment."""
OFTEN = 2
"""So often has to be answered alike what a known difference says to come and go: then it stays in that version."""
MOST_DOUBTFUL = 40
"""Such flips that are asked again: many of them end processes."""
MOST = 400
"""Changes that are asked again, those that matter most first: more have one cause that is no chance."""


def to_ask(changes: Iterable[Change]) -> list[Change]:
    """The changes that rest on an answer of each side, at most `MOST`."""
    asked = [it for it in changes if it.kind in ANSWERS and it.before is not None and it.after is not None]
    return [it for it in asked if it.law not in CHANCE_LAWS][:MOST]


@dataclass(frozen=True)
class AskedAgain:
    """What came of asking again, by case, law and target."""

    unsteady: Mapping[Key, str]
    """What else a side answers, in words; nothing of what is steady."""
    times: Mapping[Key, int]
    """How often each was answered again."""

    def settled(self, doubtful: Iterable[Change], sides: Sequence[str]) -> tuple[dict[Key, str], dict[Key, int]]:
        """(what is unsteady, how often the rest of what is doubtful was answered alike).

        What a known difference says to come and go is no property of a side where it does so on one of them: such
        pairs are told as that, and neither side is called unsteady. Where both sides always answer as they did, it is.
        """
        pairs = [[(it.case, it.law, _named(it.target, "", side)) for side in sides] for it in doubtful]
        goes = {key for pair in pairs if not self._steady(pair) for key in pair}
        steady = {key: self.times[key] for pair in pairs if self._steady(pair) for key in pair}
        return {key: said for key, said in self.unsteady.items() if key not in goes}, steady

    def _steady(self, pair: Sequence[Key]) -> bool:
        return all(self.times.get(key, 0) >= OFTEN and key not in self.unsteady for key in pair)


def ask_again(
    changes: Sequence[Change], environments: Sequence[str], entries: Mapping[str, Entry],
    session: Callable[[Sequence[str]], Session], doubtful: Sequence[Change] = (),
) -> AskedAgain:  # fmt: skip
    """What each side answers to what changed, and to what is doubtful, when it is asked again; of what is doubtful one
    fresh process more, since not every target has memory that can be filled.

    `session` makes a session that asks these targets, in `environments`, the sides' names.
    """
    found: dict[Key, str] = {}
    times: Counter[Key] = Counter()
    for mode, how, those in [("", TIMES[""], doubtful), *((*it, [*doubtful, *changes]) for it in TIMES.items())]:
        wanted = [change for change in those if not mode or _can(change, mode, entries)]
        names = [_named(change.target, mode, side) for change in wanted for side in environments]
        if not names:
            continue
        with session(list(dict.fromkeys(names))) as asking:
            for change, side, again in _again(asking, wanted, mode, environments):
                key = change.case, change.law, _named(change.target, "", side)
                record = change.before if side == environments[0] else change.after
                times[key] += again.verdict != "not-run"
                if key not in found and record is not None and _differs(record, again):
                    found[key] = f"{how}: {_told(again)}"
    return AskedAgain(found, times)


def _can(change: Change, mode: str, entries: Mapping[str, Entry]) -> bool:
    """Whether the question can be asked in this stress environment: of a built-in backend in its default mode, by a
    law that compares no targets, since the others are not in it."""
    target, law = Target.of(change.target), law_by_id(change.law)
    entry = entries[target.backend]
    return entry.built_in and mode in entry.stress and not target.mode and not law.crosses


def _named(target: str, mode: str, side: str) -> str:
    """The target on a side, in a stress environment where one is named."""
    found = Target.of(target)
    return replace(found, mode=mode or found.mode, environment=side).name


def _again(
    session: Session, changes: Sequence[Change], mode: str, sides: Sequence[str]
) -> Iterable[tuple[Change, str, VerdictRecord]]:
    """Each change with the verdict of each side, asked now: law by law, of nothing but what changed."""
    by_law: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_law[change.law].append(change)
    cases: dict[str, Case] = {case.id: case for case in session.cases}
    for name, mine in by_law.items():
        law: Law = law_by_id(name)
        asked = [cases[it] for it in dict.fromkeys(change.case for change in mine)]
        targets = list(dict.fromkeys(_named(it.target, mode, side) for it in mine for side in sides))
        matches = {(it.found.case.id, it.found.target): it for it in session.run(asked, targets, [law])}
        for change in mine:
            for side in sides:
                matched = matches.get((change.case, _named(change.target, mode, side)))
                if matched is not None:
                    fields = {key: value for key, value in verdict_record(matched).items() if key != "kind"}
                    yield change, side, VerdictRecord(**fields)


def _differs(once: VerdictRecord, again: VerdictRecord) -> bool:
    """Whether two answers of one side to one question are more than a rounding apart. To calls that mean nothing: in
    what became of them, since there are no right numbers."""
    if again.verdict in ("not-run", "suite-bug"):
        return False
    if once.law == INVALID:
        return (once.outcome, once.verdict) != (again.outcome, again.verdict)
    if once.verdict == again.verdict == "differs" and once.used is not None and again.used is not None:
        # nearer than two versions may be: to one machine's rounding of one wrong value
        return once.used != again.used and not abs(once.used - again.used) <= ROUNDING
    found = classify(once, again)
    return found is not None and found[0] not in ("unchanged", "bits")


def _told(again: VerdictRecord) -> str:
    said = again.message or finding_of(again).words
    return f"{again.verdict}{f', {said.splitlines()[0]}' if said else ''}"
