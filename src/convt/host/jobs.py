"""What a target's thread is given to do: batches of probes, and scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from convt.adapter.backend import Form, Outcome, Probe, Script

Each = Callable[[Probe, Outcome], None]


class NoScript(RuntimeError):
    """The target gave no script; the message is the reason."""


@dataclass(frozen=True)
class Limits:
    """Seconds for a probe and for a start, and how many ends in a row give a target up."""

    deadline: float
    start_deadline: float
    give_up_after: int


@dataclass(eq=False)
class BatchJob:
    """Probes to be answered, in their order; `each` hears of every outcome as it comes, in the target's thread."""

    probes: Sequence[Probe]
    future: Future[list[Outcome]]
    each: Each | None = None


@dataclass(eq=False)
class ScriptJob:
    """What a script is asked to compute."""

    form: Form
    future: Future[Script]
