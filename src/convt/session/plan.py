"""What is asked of which target, and when: steps of cases in the order of the items, a bounded number ahead."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property

from convt.cases.case import Case
from convt.host.evaluator import Evaluator
from convt.laws.law import Law
from convt.results.targets import Target
from convt.session.batch import Batch, LawVerdict, Takes, every
from convt.session.profiles import AHEAD


class Step:
    """Cases that are asked together, so that fused backends compile them together, and the laws that judge them."""

    def __init__(self, laws: Sequence[Law], draw: Callable[[], Sequence[Case]] | None = None) -> None:
        """`draw` gives the cases of every target where they are generated; they are drawn when they are asked."""
        self.laws, self._draw = laws, draw
        self._targets: dict[str, dict[str, Case]] = {}

    def add(self, target: str, case: Case | None = None) -> None:
        """Learn of an item: a target, and its case where the step draws none."""
        self._targets.setdefault(target, {}).update({case.id: case} if case else {})

    @cached_property
    def cases(self) -> list[Case]:
        """Every case of the step, once."""
        if self._draw is not None:
            return list(self._draw())
        return list({name: case for cases in self._targets.values() for name, case in cases.items()}.values())

    def peers(self, case: Case, target: str) -> list[str]:
        """The other targets that are asked the same case in the same environment: two versions are no peers, so that
        the verdicts on each are those of a run with that version alone."""
        drawn, side = self._draw is not None, Target.of(target).environment
        others = (name for name in self._targets if name != target and Target.of(name).environment == side)
        return [name for name in others if drawn or case.id in self._targets[name]]

    def ask(self, evaluator: Evaluator, takes: Takes) -> Batch:
        """Ask each target everything that its cases need, without waiting; what is drawn is drawn for its law."""
        batch = Batch(evaluator, self.cases, self.laws, takes if self._draw is None else every)
        for target, cases in self._targets.items():
            batch.request(target, self.cases if self._draw is not None else list(cases.values()))
        return batch


class Plan:
    """The steps of a run. Answers are asked for ahead of their turn, and freed when a later step begins."""

    def __init__(self, evaluator: Evaluator, ahead: int = AHEAD, takes: Takes = every) -> None:
        """`takes`: whether a law is asked of a case, where cases are given and not drawn."""
        self._evaluator, self._ahead, self._takes = evaluator, ahead, takes
        self._steps: dict[Hashable, Step] = {}
        self._asked: dict[Hashable, Batch] = {}

    def step(self, key: Hashable, laws: Sequence[Law], draw: Callable[[], Sequence[Case]] | None = None) -> Step:
        """The step with this key, made at its first item."""
        if key not in self._steps:
            self._steps[key] = Step(laws, draw)
        return self._steps[key]

    def verdicts(self, key: Hashable, target: str, case: Case | None = None) -> list[LawVerdict]:
        """The verdicts on a target of one case of a step, or of all of them; waits for the target and its peers."""
        step, batch = self._steps[key], self._turn(key)
        cases = step.cases if case is None else [case]
        return [found for it in cases for found in batch.verdicts(it, target, step.peers(it, target))]

    def _turn(self, key: Hashable) -> Batch:
        """The answers of a step, with those before it freed and those after it asked."""
        order = list(self._steps)
        at = order.index(key)
        done: set[str] = set()
        for earlier in order[:at]:
            if earlier in self._asked:
                done |= self._asked.pop(earlier).keys()
        if done:
            self._evaluator.forget(done.difference(*(batch.keys() for batch in self._asked.values())))
        open_ahead = 0
        for wanted in order[at:]:
            if wanted not in self._asked:
                self._asked[wanted] = self._steps[wanted].ask(self._evaluator, self._takes)
            open_ahead += len(self._steps[wanted].cases) if wanted != key else 0
            if open_ahead >= self._ahead:
                break
        return self._asked[key]
