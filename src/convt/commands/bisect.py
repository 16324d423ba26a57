"""`convt bisect PACKAGE FIRST LAST --case NAME`: the first release whose result for a case changed."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.commands.parts import OK, WORSE, Commands, UsageError, chosen, command, say
from convt.content import ROOT
from convt.host.registry import all_used, built_in, parse_target, register_external
from convt.laws.catalogue import all_laws
from convt.laws.law import Law
from convt.results.tally import plural
from convt.session import mine
from convt.session.options import deadline, listed, spec_files
from convt.upgrade.bisect_question import BadRequest, Question, beside, target_of
from convt.upgrade.covered import covered, extras
from convt.upgrade.environments import Environment, build
from convt.upgrade.package_index import NoReleases, between, released
from convt.upgrade.request import PARTS
from convt.upgrade.requirements import NoRequirement, pins
from convt.upgrade.walk import Change, NothingToFind, Seen, Walk

CONSTRAINTS = ROOT / "constraints.txt"


@dataclass(frozen=True)
class Outside:
    """What the command asks of the world: the installer's list, and environments."""

    released: Callable[..., list[str]] = released
    build: Callable[..., Environment] = build


EXAMPLES = (
    "convt bisect keras 3.0.5 3.15.1 --case same-k5-s2-picture --with packaging",
    "convt bisect onnxruntime 1.15 1.32 --case forward-same-k3-s2 --all",
)


def configure(commands: Commands) -> None:
    parser = command(
        commands, "bisect", "find the first release whose result for a case changed", run, examples=EXAMPLES,
        more="Bad after good, or good after bad. Exit 0: one version is named; 1: one of several, because versions "
        "between them do not install or import, or (--all) the result changed more than once; 2: there is nothing to "
        "find, or the request cannot be understood.",
    )  # fmt: skip
    add = parser.add_argument
    add("package", help="the package whose versions are walked, such as keras")
    add("first", help="the version at one end")
    add("last", help="the version at the other end")
    add("--case", required=True, metavar="NAME", help="the case, by its id in the YAML files")
    add(
        "--spec",
        type=Path,
        metavar="FILE",
        help="take the case from this YAML file or folder (default: all that convt brings, and .convt/*.yaml here)",
    )
    add("--law", action="append", default=[], metavar="ID", help="judge this law; repeatable (default: all that apply)")
    add("--target", metavar="NAME", help="ask this target (default: the package's own; keras-torch for keras)")
    add("--with", action="append", default=[], dest="beside", metavar="REQUIREMENT",
        help="install this beside every version; repeatable (default: what the target needs)")  # fmt: skip
    add("--constraints", default=str(CONSTRAINTS), metavar="FILE",
        help="versions of everything else, 'none' for the installer's choice (default: constraints.txt)")  # fmt: skip
    add("--pre", action="store_true", help="walk pre-releases and nightly builds too")
    add("--all", action="store_true", dest="everything", help="judge every version, and tell every change")
    add("--backend", action="append", default=[], metavar="PATH", help="add a backend, package.module:Class")
    add("--deadline", default="60", metavar="SECONDS", help="for one evaluation (default: %(default)s)")
    add("--python", default=sys.executable, metavar="PYTHON", help="of the environments, such as 3.12")


def run(options: argparse.Namespace, outside: Outside | None = None) -> int:
    """The command's exit status; UsageError where there is nothing to find."""
    try:
        return _search(options, outside or Outside())
    except (NoReleases, NothingToFind, BadRequest) as error:
        raise UsageError(str(error)) from None
    except KeyboardInterrupt:
        raise UsageError("interrupted; what is built stays in the cache, so that the command goes on there") from None


def _search(options: argparse.Namespace, outside: Outside) -> int:
    began = time.monotonic()
    question = _question(options, outside)
    listed = outside.released(options.package, pre=options.pre, python=options.python)
    versions = between(options.package, listed, options.first, options.last)
    say(_request(question, versions))
    walk = Walk(versions, question.test, lambda seen: say(_line(seen, versions)))
    changes = walk.everything() if options.everything else [walk.bisect()]
    for change in changes:
        say(_result(question, change, walk))
    say(f"{len(walk.tested)} of {plural(len(versions), 'release')} tested, {time.monotonic() - began:.0f} s")
    if not changes:
        word = next(tested.word for tested in walk.tested.values() if tested.state is not None)
        raise NothingToFind(f"every release that can be judged is {word}; name another --case, --law or --target")
    return OK if len(changes) == 1 and len(changes[0].first) == 1 else WORSE


def _question(options: argparse.Namespace, outside: Outside) -> Question:
    """What the options ask; BadRequest, TargetError or SpecErrors where they name what there is not."""
    backends = dict(built_in()) | dict(register_external(path) for path in options.backend)
    target = parse_target(options.target or target_of(options.package, backends), backends)
    if target.environment:
        raise BadRequest(f"--target: found {target.name}, accepted one without #{target.environment}")
    all_used(options.backend, [target])
    constraints = None if options.constraints == "none" else Path(options.constraints)
    if constraints is not None and not constraints.is_file():
        raise BadRequest(f"--constraints: found no file {constraints}, accepted a file of requirements, or none")
    try:
        held = pins(constraints, without=[part for part, whole in PARTS.items() if whole == options.package])
        companions = beside(options.package, target, options.beside, held, backends)
        ends = [f"{options.package}=={options.first}", f"{options.package}=={options.last}"]
        covered(ends, [backends[target.backend]], extras())
    except NoRequirement as error:
        raise BadRequest(str(error)) from None

    def environment(requirements: Sequence[str], name: str) -> Environment:
        # An exact version may be a pre-release as it is; pip's --pre would take pre-releases of its companions too.
        return outside.build(requirements, name=name, constraints=held, python=options.python, report=_note)

    return Question(
        options.package, target.name, _case(options), _laws(options.law), companions, environment, backends,
        deadline(options.deadline),
    )  # fmt: skip


def _case(options: argparse.Namespace) -> Case:
    paths = (
        spec_files([options.spec])
        if options.spec
        else [*sorted((ROOT / "specs").glob("*.yaml")), *mine.found(Path.cwd())]
    )
    cases = {case.id: case for case in load_cases(paths)}
    return cases[chosen("--case", options.case, cases)]


def _laws(names: Sequence[str]) -> list[Law]:
    laws = {law.id: law for law in all_laws()}
    return [laws[chosen("--law", name, laws)] for name in listed("--law", names)] or list(all_laws())


def _request(question: Question, versions: Sequence[str]) -> str:
    laws = "all laws" if len(question.laws) == len(all_laws()) else ", ".join(law.id for law in question.laws)
    beside_it = f"; beside it {', '.join(question.companions)}" if question.companions else ""
    return (
        f"{question.package} {versions[0]} to {versions[-1]}: {plural(len(versions), 'release')}; "
        f"{question.case.id} on {question.target}, {laws}{beside_it}"
    )


def _line(seen: Seen, versions: Sequence[str]) -> str:
    wide = max(map(len, versions))
    first, *more = seen.says.splitlines() or [""]
    lines = [f"  {seen.version:<{wide}}  {seen.word:<11} {first}  [{seen.seconds:.0f} s]"]
    return "\n".join([*lines, *(f"{'':{wide + 4}}{line.strip()}" for line in more)])


def _note(text: str) -> None:
    say(f"    {text}")


def _result(question: Question, change: Change, walk: Walk) -> str:
    """What was found, and what was not looked at on the way."""
    package = question.package
    if len(change.first) == 1:
        lines = [f"{change.what}: {package} {change.after.version}, the release after {change.before.version}"]
    else:
        names = ", ".join(change.first)
        lines = [f"{change.what}: one of {package} {names}; the others before it could not be judged"]
    states = {tested.state for tested in walk.tested.values() if tested.state is not None}
    if len(states) > 2:
        more = ", ".join(f"{tested.version} {tested.state}" for tested in walk.others(change))
        lines.append(f"  not the only change: {more}; --all judges every release and tells every change")
    lines.append(
        f'  side by side: convt upgrade --before "{package}=={change.before.version}" '
        f'--after "{package}=={change.after.version}"'
    )
    return "\n".join(lines)
