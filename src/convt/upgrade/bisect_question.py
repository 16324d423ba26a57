"""What a released version does with one case: its environment built, its target asked, the worst verdict told."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from packaging.utils import canonicalize_name

from convt.cases.case import Case
from convt.host.registry import Entry, built_in
from convt.laws.law import Law
from convt.results.records import VerdictRecord
from convt.results.releases import plain
from convt.results.tally import case_standing
from convt.results.targets import Target
from convt.results.vocabulary import FAILING, STANDINGS, standing
from convt.session.batch import LawVerdict
from convt.session.verdicts import Matched, verdict_record
from convt.upgrade.environments import EnvironmentFailed
from convt.upgrade.installer import last_lines
from convt.upgrade.judge import NotJudged, judge
from convt.upgrade.requirements import NoRequirement, all_asked
from convt.upgrade.walk import Seen

FAVOURED = {"keras": "keras-torch"}
"""Where several targets are made of a package, the one that takes the least time for a case."""
LAST = 3
"""Lines of an installer's that are shown."""
LINE = 160
"""Characters of a message that are shown."""


class Built(Protocol):
    """What is needed of an environment: its interpreter."""

    @property
    def python(self) -> Path:
        raise NotImplementedError


class BadRequest(ValueError):
    """What was asked for cannot be; the message says what was found and what is accepted."""


@dataclass(frozen=True)
class Question:
    """One case, the laws to judge, and the target to ask; `build` makes an environment of requirements."""

    package: str
    target: str
    case: Case
    laws: Sequence[Law]
    companions: Sequence[str]
    """What is installed beside the package, as pip takes it."""
    build: Callable[[Sequence[str], str], Built]
    backends: Mapping[str, Entry] = field(default_factory=built_in)
    deadline: float = 60.0

    def requirements(self, version: str) -> list[str]:
        """What is installed for a version."""
        return [f"{self.package}=={version}", *self.companions]

    def test(self, version: str) -> Seen:
        """How this version does; a version that does not install or import has no state, and says why."""
        began = time.monotonic()
        try:
            built = self.build(self.requirements(version), f"{self.package}-{version}")
            judged = judge(
                self.target, built.python, [self.case], self.laws, deadline=self.deadline, backends=self.backends
            )
        except EnvironmentFailed as error:
            return Seen(version, None, refusal(error), time.monotonic() - began)
        except NotJudged as error:
            return Seen(version, None, f"does not run: {one_line(str(error))}", time.monotonic() - began)
        state, says = told(judged.verdicts)
        return Seen(version, state, says, time.monotonic() - began)


def refusal(error: EnvironmentFailed) -> str:
    """Why an environment cannot be had: the stage, the last lines of what refused it, what to do."""
    said = last_lines(error.said).splitlines()[-LAST:]
    return "\n".join([error.stage, *said, re.sub(r"\([^()]{80,}\)", "(...)", error.todo)])


def told(verdicts: Sequence[LawVerdict]) -> tuple[str | None, str]:
    """The state of a case by its verdicts, known differences left aside, and what the worst of them says."""
    records = {found.law.id: record_of(found) for found in verdicts}
    if not records:
        return None, "no law says anything about this case"
    state = case_standing(records)
    if state == "not-run":
        return None, next(record.message for record in records.values() if record.verdict == "not-run")
    if state == "pass":
        passed = sum(record.verdict == "pass" for record in records.values())
        return state, f"{passed} laws hold" if passed > 1 else "1 law holds"
    ranked = sorted(records.values(), key=lambda record: STANDINGS.index(standing(record)))
    alike = [record for record in records.values() if record.verdict in FAILING]
    more = f"  (and {len(alike) - 1} more laws)" if state in FAILING and len(alike) > 1 else ""
    return state, f"{ranked[0].law}: {one_line(ranked[0].message)}{more}"


def record_of(found: LawVerdict) -> VerdictRecord:
    """The run file's record of a verdict, held against no known difference."""
    fields = verdict_record(Matched(found))
    return VerdictRecord(**{key: value for key, value in fields.items() if key != "kind"})


def one_line(text: str) -> str:
    """The first line, cut where it is long."""
    first = plain(text).strip().splitlines()[0] if text.strip() else ""
    return first if len(first) <= LINE else f"{first[:LINE]} ..."


def target_of(package: str, backends: Mapping[str, Entry]) -> str:
    """The target that a package is asked by where none is named; BadRequest where there is none."""
    made = [name for name, entry in backends.items() if entry.packages[:1] == (package,)]
    if package in FAVOURED and FAVOURED[package] in made:
        return FAVOURED[package]
    if len(made) == 1:
        return made[0]
    raise BadRequest(f"--target: found none for the package {package}, accepted one of {', '.join(backends)}")


def beside(
    package: str,
    target: Target,
    given: Sequence[str],
    pins: Mapping[str, str],
    backends: Mapping[str, Entry],
) -> list[str]:
    """The requirements beside the package: what was `given`, then what else the target needs, as `pins` have it.

    An engine is asked for exactly, so that no version is judged beside another one than the others; numpy, which every
    target's process needs, by its name, so that a pin of it can give way to an old release. BadRequest where a
    requirement cannot be read, or names the package itself.
    """
    try:
        found = {it.name: it.text for it in all_asked(given)}
    except NoRequirement as error:
        raise BadRequest(f"--with: {error}") from None
    walked = canonicalize_name(package)
    if walked in found:
        raise BadRequest(f"--with: found {found[walked]!r}, whose versions are walked; leave it out")
    for name in map(canonicalize_name, backends[target.backend].packages):
        if name not in (*found, walked):
            found[name] = pins.get(name, name)
    return list((found | {"numpy": found.get("numpy", "numpy")}).values())
