"""One released version judged: a target in that version's environment, every law on every case."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convt.cases.case import Case
from convt.host.registry import Entry, parse_target
from convt.laws.law import Law
from convt.results.targets import TargetInfo
from convt.session.batch import LawVerdict
from convt.session.options import DEADLINE, Options
from convt.session.session import Session

ENVIRONMENT = "release"


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
    deadline: float = DEADLINE,
    backends: Mapping[str, Entry] | None = None,
) -> Judged:
    """The verdicts of every law that applies, `cases` in order; NotJudged where the target does not run there."""
    began = time.monotonic()
    asked = replace(parse_target(target, backends), environment=ENVIRONMENT).name
    options = Options(targets=(asked,), environments={ENVIRONMENT: str(python)}, deadline=deadline)
    with Session(options, backends) as session:
        _running(session.info(asked))
        found = [matched.found for matched in session.run(cases, [asked], laws)]
        info = _running(session.info(asked))  # a target can be given up on its way
    place = {case.id: at for at, case in enumerate(cases)}
    verdicts = tuple(sorted(found, key=lambda verdict: place[verdict.case.id]))
    return Judged(info, verdicts, time.monotonic() - began)


def _running(info: TargetInfo) -> TargetInfo:
    if not info.runs:
        raise NotJudged(info.missing or info.failed or "did not start")
    return info
