"""The session on both sides: every case asked of both, the run file of that, and the search for smaller cases."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from convt.cases.case import Case
from convt.conv.data import exact
from convt.conv.settings import Settings
from convt.host.pool import Pool
from convt.host.registry import Entry
from convt.laws.probes import ask
from convt.results.changes import compare_sides
from convt.results.runfile import Run, read_run
from convt.results.targets import Target
from convt.session.choose import chooses
from convt.session.options import DEADLINE, KNOWN, Options, check_folder
from convt.session.progress import Progress, Waiting
from convt.session.recording import Recording, records_of
from convt.session.session import Pair as Asking
from convt.session.session import Session
from convt.upgrade.environments import Report
from convt.upgrade.found import Found
from convt.upgrade.installing import Pair
from convt.upgrade.journal import Journal, journal
from convt.upgrade.request import SIDES, Upgrade
from convt.upgrade.search import search
from convt.upgrade.speed import Speeds, speeds, to_be_timed
from convt.upgrade.steadiness import MOST_DOUBTFUL, ask_again, to_ask


@dataclass(frozen=True)
class Asked:
    """What is asked of both sides."""

    report: Path
    """Where the results go."""
    seed: int
    words: str = ""
    """Words in the names of the cases, as `-k` takes them; empty for all."""
    laws: tuple[str, ...] = ()
    specs: tuple[Path, ...] = ()
    mine: tuple[Path, ...] = ()
    """Files of the user's own layers, asked beside the suite's cases; `alone` leaves these out."""
    alone: bool = False
    known: Path = KNOWN
    """Where the known differences stand."""
    deadline: float = DEADLINE
    """Seconds for one evaluation."""
    command: str = "convt upgrade"
    expected: float = 0.0
    """Seconds that all cases may take on both sides; 0 where nobody knows."""
    fresh: bool = False
    """Whether everything is asked anew, also what an earlier try was answered."""


class SessionFailed(RuntimeError):
    """No comparison can be made of this session; the message says why, and what to do."""


def sided(upgrade: Upgrade) -> list[str]:
    """The names of every target on both sides."""
    return [replace(target, environment=side).name for target in upgrade.targets for side in SIDES]


def ready(upgrade: Upgrade, asked: Asked, entries: Mapping[str, Entry]) -> tuple[int, int, str]:
    """How many cases and laws are asked, and what there is to say of layers of the user's own, or nothing.

    Refuses what `run_cases` would refuse, before environments are built: BadOption, TargetError, SpecErrors or
    SessionFailed. Starts nothing.
    """
    check_folder("--report", asked.report)
    with Session(_options(upgrade, asked, dict.fromkeys(SIDES, sys.executable)), entries) as session:
        session.check()
        session.read()
        return len(_chosen(session, asked)), len(session.laws), session.mine_told


def _options(upgrade: Upgrade, asked: Asked, pythons: Mapping[str, str]) -> Options:
    return Options(
        targets=tuple(sided(upgrade)), environments=pythons, laws=asked.laws, specs=asked.specs, mine=asked.mine,
        alone=asked.alone, seed=asked.seed,
        report=asked.report, known=asked.known, deadline=asked.deadline,
    )  # fmt: skip


def _chosen(session: Session, asked: Asked) -> list[Case]:
    cases = [case for case in session.cases if not asked.words or chooses(asked.words, case.id)]
    if not cases:
        raise SessionFailed(f"the session on both sides: no case was chosen by -k {asked.words!r}")
    return cases


def run_cases(pair: Pair, asked: Asked, entries: Mapping[str, Entry], report: Report = lambda _: None) -> Run:
    """Every case on both sides in one session, written to `run.jsonl`; what its verdicts are does not matter here.

    What changed is asked again, and what a side answers by chance is marked in the file. SessionFailed where no case
    was chosen, a target did not start, or a side has no answer at all.
    """
    path = asked.report / "run.jsonl"
    with Session(_options(pair.upgrade, asked, _pythons(pair)), entries) as session:
        session.check()
        cases = _chosen(session, asked)
        recording = Recording(session, asked.command)
        journals = _journals(pair, asked, cases, session)
        _ask(session, recording, cases, sided(pair.upgrade), journals, asked, report)
        if not asked.laws or "cost" in asked.laws:
            recording.speeds = _speeds(session, pair, to_be_timed(cases, asked.words, asked.alone or bool(asked.specs)))
        recording.write(path, 0)
        run = read_run(path)
        check(run, lambda name: _answers_plainly(session, name))
    compared = compare_sides(run, *SIDES)
    doubtful = to_ask(compared.doubtful)[:MOST_DOUBTFUL]
    changes = to_ask(compared.changes)
    if not changes and not doubtful:
        return run
    report(f"asking again, of both sides: {len(changes) + len(doubtful):,} verdicts that changed")
    with Waiting("asking again", 0, sys.stdout, sys.stdout.isatty()):
        again = ask_again(changes, SIDES, entries, partial(_asking, pair, asked, entries), doubtful)
    recording.mark(*again.settled(doubtful, SIDES))
    recording.write(path, 0)
    return read_run(path)


def _journals(pair: Pair, asked: Asked, cases: Sequence[Case], session: Session) -> dict[str, Journal]:
    """The journal of each side. None of a version that is compared with itself, which has to answer twice; nor of what
    is timed, which is of one day."""
    if pair.before.folder == pair.after.folder or any(case.cost is not None for case in cases):
        return {}
    sides = {it.name: it for it in (pair.before, pair.after)}
    found = {side: journal(it, side, pair.upgrade.targets, cases, session) for side, it in sides.items()}
    for it in found.values() if asked.fresh else ():
        it.clear()
    return found


def _ask(
    session: Session, recording: Recording, cases: Sequence[Case], names: Sequence[str],
    journals: Mapping[str, Journal], asked: Asked, report: Report,
) -> None:  # fmt: skip
    """Record the verdicts of every case on every target: those that an earlier try was told, and all others."""
    for side, kept in journals.items():
        if kept.cases:
            told = f"all {len(cases):,}" if len(kept.cases) == len(cases) else f"{len(kept.cases):,} of {len(cases):,}"
            report(f"{side}: {told} cases are answered already, in an earlier try; --fresh asks them again")
        for records in kept.cases.values():
            recording.add(records)
    known = {side: kept.cases for side, kept in journals.items()}
    side_of = {name: Target.of(name).environment for name in names}
    pairs = [Asking(it, name) for it in cases for name in names if it.id not in known.get(side_of[name], {})]
    session.plan(pairs, whole=True)
    expected = asked.expected * len(pairs) / (len(cases) * len(names))
    progress = Progress(
        len(pairs), session.waiting, asked.report / "cases", sys.stdout, sys.stdout.isatty(), expected
    )  # fmt: skip
    try:
        for it in pairs:
            records = records_of(session, session.verdicts(it))
            recording.add(records)
            if journals:
                journals[side_of[it.target]].add(it.case.id, it.target, records)
            progress.step()
    finally:
        progress.finish()
        for kept in journals.values():
            kept.leave(session.visited.told())
    _ended(session, recording, journals)
    recording.targets = {name: recording.targets[name] for name in names if name in recording.targets}


def _ended(session: Session, recording: Recording, journals: Mapping[str, Journal]) -> None:
    """Record what the targets say of themselves, and what those said that were not asked any more."""
    told, spent, scripts = session.told(), session.spent(), session.settle()
    for kept in journals.values():
        kept.end(told, spent, scripts)
        recording.hear(kept.targets(), kept.seconds(), kept.scripts(), kept.visited)
    recording.hear(told, spent, scripts, session.visited.told())


def _answers_plainly(session: Session, target: str) -> bool:
    """Whether a side computes the plainest calls that there are: then what it raises is its answer."""
    settings = [Settings(input=(4,), kernel=(3,), op=op) for op in ("conv_transpose", "conv")]
    probes = [ask(it, exact(it)) for it in settings]
    return any(outcome.kind == "value" for outcome in session.pool.submit(target, probes).result())


def _asking(pair: Pair, asked: Asked, entries: Mapping[str, Entry], targets: Sequence[str]) -> Session:
    """A session of its own, with fresh processes, for these targets."""
    options = replace(_options(pair.upgrade, asked, _pythons(pair)), targets=tuple(targets))
    return Session(options, entries)


def _speeds(session: Session, pair: Pair, cases: Mapping[str, Case]) -> Speeds:
    """What the calls of each target take on both sides; nothing else is asked meanwhile."""
    found: Speeds = {}
    for target in pair.upgrade.targets:
        before, after = (replace(target, environment=side).name for side in SIDES)
        if session.info(before).runs and session.info(after).runs:
            found |= speeds(lambda name, probe: session.pool.submit(name, [probe]).result()[0], before, after, cases)
    return found


def check(run: Run, computes: Callable[[str], bool]) -> None:
    """SessionFailed where a target did not start, or where one side of it answered nothing, neither of what was asked
    nor of the plainest calls, as `computes` tells: it cannot be asked there.

    A target that started and was given up because it kept ending is a result, and the comparison tells it.
    """
    began = {record.target for record in run.verdicts if record.outcome not in ("", "not-run")}
    missing = [f"{it.name}: {it.missing}" for it in run.header.targets if it.missing and it.name not in began]
    if missing:
        todo = "install what it lacks (--with), or leave the target out (--target names those to run)"
        raise SessionFailed("; ".join(missing) + f"; {todo}")
    values: Counter[str] = Counter(record.target for record in run.verdicts if record.outcome == "value")
    for target in run.header.targets:
        if values and not values[target.name] and not target.missing and not computes(target.name):
            said = Counter(record.message for record in run.verdicts if record.target == target.name).most_common(1)
            why = said[0][0].splitlines()[0] if said and said[0][0] else "nothing was asked"
            todo = (
                "it does not go with what stands beside it there (--with asks for other companions), or its adapter"
                " does not fit this release (--target leaves it out)"
            )
            raise SessionFailed(f"{target.name} answered no call at all: {why}; {todo}")


def search_each(pair: Pair, entries: Mapping[str, Entry], budget: float, seed: int, report: Report) -> list[Found]:
    """A search on each target, which share the budget in seconds; none where that is 0."""
    if not budget:
        return []
    upgrade = pair.upgrade
    both = [tuple(replace(target, environment=side) for side in SIDES) for target in upgrade.targets]
    pythons = _pythons(pair)
    found = []
    for targets in both:  # one after the other: what is measured against a budget shares no machine
        line = Waiting(f"search on {targets[0].plain.name}", budget / len(both), sys.stdout, sys.stdout.isatty())
        with Pool(targets, DEADLINE, backends=entries, interpreters=pythons) as pool, line:
            before, after = (target.name for target in targets)
            found.append(search(pool, before, after, budget=budget / len(both), seed=seed, report=report))
    return found


def _pythons(pair: Pair) -> dict[str, str]:
    """The Python of each side, by the side's name."""
    return {side.name: str(side.python) for side in (pair.before, pair.after)}
