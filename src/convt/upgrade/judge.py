"""One released version judged: a target in that version's environment, every law on every case."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convt.cases.case import Case
from convt.host.evaluator import Evaluator
from convt.host.pool import Pool
from convt.host.registry import Entry, parse_target
from convt.laws.law import Law
from convt.results.targets import TargetInfo
from convt.session.batch import Batch, LawVerdict

ENVIRONMENT = "release"
CHUNK = 80
"""Cases that are asked at once; the next ones are on their way while these are judged."""


class NotJudged(RuntimeError):
    """The target does not run in this environment; the message is its own reason."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Every verdict, and what the target says about itself."""

    info: TargetInfo
    verdicts: tuple[LawVerdict, ...]
    seconds: float


def judge(
    target: str,
    python: Path,
    cases: Sequence[Case],
    laws: Sequence[Law],
    *,
    deadline: float = 60.0,
    backends: Mapping[str, Entry] | None = None,
) -> Judged:
    """The verdicts of every law that applies, `cases` in order; NotJudged where the target does not run there."""
    began = time.monotonic()
    asked = replace(parse_target(target, backends), environment=ENVIRONMENT)
    with Pool([asked], deadline, backends=backends, interpreters={ENVIRONMENT: str(python)}) as pool:
        _running(pool.infos[asked.name])
        verdicts = tuple(_verdicts(Evaluator(pool), asked.name, cases, laws))
        info = _running(pool.infos[asked.name])  # a target can be given up on its way
    return Judged(info, verdicts, time.monotonic() - began)


def _running(info: TargetInfo) -> TargetInfo:
    if not info.runs:
        raise NotJudged(info.missing or info.failed or "did not start")
    return info


def _verdicts(evaluator: Evaluator, target: str, cases: Sequence[Case], laws: Sequence[Law]) -> Iterator[LawVerdict]:
    chunks = [cases[at : at + CHUNK] for at in range(0, len(cases), CHUNK)]
    batches = [Batch(evaluator, chunk, laws) for chunk in chunks]
    for place, (batch, chunk) in enumerate(zip(batches, chunks, strict=True)):
        for near in range(place, min(place + 2, len(batches))):
            batches[near].request(target, chunks[near])
        for case in chunk:
            yield from batch.verdicts(case, target)
        later = batches[place + 1].keys() if place + 1 < len(batches) else set()
        evaluator.forget(batch.keys() - later)
