"""What changed since a baseline: of what ran, and of nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from convt.results.baseline import Index, portable
from convt.results.changes import Change, Comparison, compare
from convt.results.directions import quality
from convt.results.matching import comparable_laws
from convt.results.records import Run
from convt.results.targets import plain

BETTER = ("fixed", "supported now", "better than it was")
"""What a change for the better is called: it passes now, it had no answer before, or it fails less gravely."""


@dataclass(frozen=True, eq=False)
class Since:
    """A run against a baseline. What did not run is not compared, and so is never gone."""

    found: Comparison | None
    """None where the baseline has nothing of what ran."""
    absent_targets: tuple[str, ...]
    """Targets that ran, and that the baseline has not."""
    absent_cases: int
    """Cases that the baseline has not, of targets that it has."""
    absent_laws: tuple[str, ...]
    """Laws that the baseline has not, or of another version."""

    @property
    def worse(self) -> tuple[Change, ...]:
        """What got worse."""
        return () if self.found is None else tuple(change for change in self.found.changes if change.worse)

    @property
    def better(self) -> dict[str, int]:
        """How many verdicts got better, by a word for how."""
        changes = () if self.found is None else self.found.changes
        counts = Counter(_bettered(it) for it in changes if it.direction == "better")
        return {word: counts[word] for word in BETTER if counts[word]}


def _bettered(change: Change) -> str:
    if change.kind == "fixed":
        return BETTER[0]
    return BETTER[1] if quality(change.before) == "cannot" else BETTER[2]


def since(index: Index, now: Run) -> Since:
    """Hold a run, or the part of one, against a baseline: the cases, targets and laws that the run has."""
    ran = {plain(info.name): info.missing is None for info in now.header.targets}
    judged = dict.fromkeys((record.case, plain(record.target)) for record in now.verdicts)
    twins = {
        (case, target): index.twin(case, now.cases[case].digest, target)
        for case, target in judged
        if not now.cases[case].generated
    }
    there = {pair: twin for pair, twin in twins.items() if twin is not None}
    absent = [target for target, runs in ran.items() if runs and target not in index.targets]
    unknown = {case for case, target in twins if (case, target) not in there and target in index.targets}
    heard = comparable_laws(index.run.header, now.header)
    found = None
    if there:
        before = index.part(
            ((twin, target) for (_, target), twin in there.items()), {law.id for law in now.header.laws}
        )
        found = compare(before, _part(now, set(there)), may_be_empty=True)
    return Since(found, tuple(absent), len(unknown), tuple(law.id for law in now.header.laws if law.id not in heard))


def _part(now: Run, pairs: set[tuple[str, str]]) -> Run:
    """What a baseline would keep of these (case, target) pairs of a run."""
    targets = {target for _, target in pairs}
    cases = {case for case, _ in pairs}
    header = replace(now.header, targets=tuple(info for info in now.header.targets if plain(info.name) in targets))
    verdicts = tuple(record for record in now.verdicts if (record.case, plain(record.target)) in pairs)
    kept = {name: case for name, case in now.cases.items() if name in cases}
    return portable(replace(now, header=header, cases=kept, verdicts=verdicts))
