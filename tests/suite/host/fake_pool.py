"""A pool of fakes that start when they are first asked, and what the tests of the pool ask it."""

from __future__ import annotations

from dataclasses import replace

from convt.adapter.backend import Outcome
from convt.host.pool import Pool
from convt.host.registry import parse_target
from convt.results.targets import TargetInfo
from tests.suite.host import fakes
from tests.suite.host.fakes import probe

FAKES = fakes.backends(*(c for c in vars(fakes).values() if isinstance(c, type) and issubclass(c, fakes.AnswersWell)))
HASTE = 4.0
"""The deadline in seconds where something hangs on purpose: what does not hang answers within it on a busy machine."""


class Asking:
    """A pool that starts a fake when it is first asked."""

    def __init__(self, deadline: float, forks: bool = False) -> None:
        """`forks`: further processes of a fake are forked from one that has imported numpy."""
        fakes = {name: replace(entry, forks=forks, packages=("numpy",)) for name, entry in FAKES.items()}
        self.pool = Pool([], deadline, backends=fakes if forks else FAKES, start_deadline=600)

    def info(self, name: str) -> TargetInfo:
        return self.pool.add([parse_target(name, FAKES)])[name]

    def ask(self, name: str, *numbers: int) -> list[Outcome]:
        self.info(name)
        return self.pool.submit(name, [probe(number) for number in numbers]).result(600)

    def notes(self, name: str) -> list[str]:
        return [note for note in self.pool.notes if note.startswith(f"{name}: ")]


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [outcome.kind for outcome in outcomes]
