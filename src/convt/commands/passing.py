"""The framework's own call and a script for a case that passes: a run file keeps those of what does not."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from convt.cases.case import Case
from convt.cases.errors import SpecErrors
from convt.cases.loader import load_cases
from convt.content import ROOT
from convt.host.pool import NoScript
from convt.host.registry import built_in, register_external
from convt.results.runfile import Run
from convt.results.targets import Target, TargetError, TargetInfo
from convt.session.options import BadOption, Options
from convt.session.session import Session


class NotMade(Exception):
    """Why a script cannot be made here."""


@dataclass(frozen=True)
class Made:
    """A call, what it gives, and a script that prints it."""

    call: str
    got: Any
    text: str


def made(run: Run, case: str, target: str) -> Made:
    """The call of a case, made by starting the target here; NotMade with the reason."""
    info = next(it for it in run.header.targets if it.name == target)
    if info.missing is not None:
        raise NotMade(f"{target} did not run: {info.missing}")
    if info.environment:
        raise NotMade(f"{target} ran in the environment {info.environment}; here this Python alone is asked")
    if not any((it.case, it.target) == (case, target) for it in run.verdicts):
        raise NotMade(f"the run did not ask {target} this case")
    found = _case(run, case)
    if found.block is not None:
        raise NotMade("its result takes gigabytes, so nobody is asked again")
    options = Options(targets=(target,), backends=tuple(_backends(run, Target.of(target).backend)))
    try:
        with Session(options) as session:
            session.check()
            return _asked(session, found, info)
    except NoScript as error:
        raise NotMade(f"{target} cannot express it: {error}") from None
    except (BadOption, TargetError) as error:
        raise NotMade(str(error)) from None


def _asked(session: Session, case: Case, ran: TargetInfo) -> Made:
    """What the target gives; said in the script where it is of another version than the run's."""
    now = session.info(session.target(ran.name).name)
    if not now.runs:
        raise NotMade(f"{ran.name} does not run here: {now.missing or now.failed}")
    call, text, outcome = session.asked(case, now.name)
    here, there = (next(iter(it.versions.items()), ("", "")) for it in (now, ran))
    other = "" if here == there else f"# made with {' '.join(here)}; the run was of {' '.join(there)}\n"
    value = outcome.value
    got = value.tolist() if value is not None and value.dtype.kind in "iufb" else outcome.reason or None
    return Made(call, got, other + text)


def _case(run: Run, name: str) -> Case:
    """The case as its file has it today, where that is the one that ran."""
    record = run.cases[name]
    if not record.origin:
        raise NotMade("it was generated, and a run keeps the scripts of what fails alone")
    file = Path(record.origin.rpartition(":")[0])
    for path in (file, ROOT / file):
        try:
            cases = {case.id: case for case in load_cases([path])} if path.is_file() else {}
        except SpecErrors as error:
            raise NotMade(error.errors[0]) from None
        if name in cases and cases[name].digest == record.digest:
            return cases[name]
    raise NotMade(f"{file} is not there, or has another case of that name: the one that ran cannot be asked again")


def _backends(run: Run, backend: str) -> list[str]:
    """The path of a backend from outside, which the run's command names."""
    words = shlex.split(run.header.command)
    paths = [after for word, after in pairwise(words) if word == "--backend"]
    paths += [word.removeprefix("--backend=") for word in words if word.startswith("--backend=")]
    found = [path for path in paths if register_external(path)[0] == backend]
    if not found and backend not in built_in():
        raise NotMade(f"the run's command does not tell where the backend {backend} is")
    return found
