"""Counting a run: verdicts by target and law, and where each case stands at each target."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from convt.results.records import Run, VerdictRecord
from convt.results.vocabulary import FAILING, STANDINGS, standing

PLAIN_LAWS = ("value", "conv-value", "output-shape")
"""The laws that ask for nothing but the plain answer: they tell whether a target can do a case at all."""


def worst(standings: Counter[str]) -> str | None:
    """The worst standing that was counted; None where nothing was."""
    return next((name for name in STANDINGS if standings[name]), None)


@dataclass
class Tally:
    """A run, counted. Keys are (law, target), (case, target) and the like; missing keys count nothing."""

    by_target: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_law: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_case: dict[str, dict[str, dict[str, VerdictRecord]]] = field(default_factory=dict)
    """case -> target -> law -> record."""
    first: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """(law, target, standing) -> the first case that stands so."""
    known: dict[str, list[VerdictRecord]] = field(default_factory=lambda: defaultdict(list))
    total: Counter[str] = field(default_factory=Counter)

    def case_at(self, case: str, target: str) -> str | None:
        """Where a case stands at a target: its worst law decides, but only a plain law makes it unsupported."""
        return case_standing(self.by_case.get(case, {}).get(target, {}))

    def cases_with(self, *standings: str) -> list[str]:
        """The cases with such a verdict at some target."""
        return [
            case
            for case, targets in self.by_case.items()
            if any(standing(record) in standings for laws in targets.values() for record in laws.values())
        ]


def case_standing(laws: dict[str, VerdictRecord]) -> str | None:
    """Where a case stands at a target, from its verdicts by law; None where no law asked."""
    counts = Counter(standing(record) for record in laws.values())
    found = worst(counts)
    if found != "unsupported" or not counts["pass"]:
        return found
    plain = next((standing(laws[law]) for law in PLAIN_LAWS if law in laws), "pass")
    return plain if plain == "unsupported" else "pass"


def count(run: Run) -> Tally:
    """The run, counted once."""
    tally = Tally(by_case={case: {} for case in run.cases})
    for record in run.verdicts:
        stands = standing(record)
        tally.by_target[record.target][stands] += 1
        tally.by_law[record.law, record.target][stands] += 1
        tally.by_case[record.case].setdefault(record.target, {})[record.law] = record
        tally.first.setdefault((record.law, record.target, stands), record.case)
        tally.total[stands] += 1
        if stands == "known" and record.known:
            tally.known[record.known].append(record)
    return tally


PARTIAL = "The run was interrupted, and this is what was judged until then"


def headline(run: Run, tally: Tally) -> str:
    """What the run says, in one or two sentences."""
    missing = [target.name for target in run.header.targets if target.missing is not None]
    wrong = tally.cases_with(*FAILING)
    targets = sorted(name for name, counts in tally.by_target.items() if any(counts[stands] for stands in FAILING))
    if not run.verdicts:
        said = "Nothing was asked"
    elif not any(set(counts) - {"not-run"} for counts in tally.by_target.values()):
        said = "No target ran"
    elif wrong:
        verbs = "differs or fails" if len(wrong) == 1 else "differ or fail"
        said = f"{plural(len(wrong), 'case')} {verbs} on {_names(targets)}"
    else:
        said = "No unexplained difference"
    parts = [PARTIAL, said] if run.footer.partial else [said]
    if tally.total["known"]:
        parts.append(f"Known differences explain {plural(tally.total['known'], 'verdict')}")
    if missing:
        parts.append(f"{_names(missing)} did not run")
    return ". ".join(parts) + "."


def _names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "no target"


def plural(number: int, noun: str) -> str:
    """`1 case`, `2,000 cases`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
