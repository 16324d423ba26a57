"""The command that repeats a failure: its target, case, law, and whatever else the run was told that matters to it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from convt.cases.case import Case
from convt.host.registry import register_external
from convt.session.options import DEADLINE, KNOWN, Options
from convt.session.session import Session


def command(session: Session, case: Case, law_id: str, targets: Sequence[str]) -> str:
    """`convt run ...`, which selects that case, or the generated cases of that law, on these targets alone."""
    told = [*targets, "-k", f"test_case and {case.id}" if case.origin else f"test_law and {law_id}", "--law", law_id]
    return shlex.join(["convt", "run", *told, *_kept(session, targets, bool(case.origin), session.is_mine(case))])


def _kept(session: Session, targets: Sequence[str], named: bool, mine: bool) -> list[str]:
    """The options of the run without which the same command asks something else."""
    options = session.options
    words: list[str] = []
    for name in targets:
        environment = session.target(name).environment
        if environment:
            words.append(f"--environment={environment}={options.environments[environment]}")
    asked = {session.target(name).backend for name in targets}
    words += [f"--backend={path}" for path in options.backends if register_external(path)[0] in asked]
    if not any("@" in name for name in targets):
        words += [f"--device={device}" for device in options.devices]
    words += [f"--spec={path}" for path in options.specs] if named else []
    words += ["--only=mine"] if named and mine and not options.specs else []
    words += _profile(options, named)
    words += [] if options.known == KNOWN else [f"--known={options.known}"]
    words += [] if options.deadline == DEADLINE else [f"--deadline={options.deadline:g}"]
    return list(dict.fromkeys(words))


def _profile(options: Options, named: bool) -> list[str]:
    """The profile where it decides what is asked: other cases, or how many are generated; and the seed of these."""
    profile = options.profile
    if named:
        return [f"--profile={profile.name}"] if profile.folder else []
    return [f"--profile={profile.name}", f"--seed={options.seed}"]
