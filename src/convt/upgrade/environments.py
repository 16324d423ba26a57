"""Environments: virtual environments with the versions that were asked for, built once and kept in a cache.

An environment is a folder named by what was asked of it. It is built under a lock of its own, and counts from the
moment when its last file, `environment.json`, stands: a half-built one is never used.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack

from convt.content import ROOT
from convt.host.registry import built_in
from convt.upgrade.cache import WHOLE, key, locked, place, python_in, read, satisfied, slug
from convt.upgrade.installer import InstallFailed, advice, install, last_lines, program, yanked
from convt.upgrade.offers import Index
from convt.upgrade.pythons import NoPython, Python, find
from convt.upgrade.requirements import Asked, NoRequirement, all_asked, pins

CONSTRAINTS = ROOT / "constraints.txt"
IMPORT_SECONDS = 600.0
"""How long the frameworks may take to be imported, the first time and on a busy machine."""

Report = Callable[[str], None]


class EnvironmentFailed(RuntimeError):
    """An environment that cannot be had: what was asked, the last lines of what refused it, what to do."""

    def __init__(self, asked_for: str, stage: str, said: str, todo: str) -> None:
        shown = "".join(f"\n    {line}" for line in last_lines(said).splitlines())
        super().__init__(f"{asked_for}: {stage}{shown}\n  {todo}")
        self.asked_for, self.stage, self.said, self.todo = asked_for, stage, said, todo


@dataclass(frozen=True)
class Environment:
    """A Python with what was asked for. `notes` says which pins gave way, and what its authors withdrew."""

    name: str
    python: Path
    requirements: tuple[str, ...]
    versions: dict[str, str]
    """Package to version, of everything that is installed, by canonical names."""
    notes: tuple[str, ...] = ()
    packages: tuple[str, ...] = field(default=(), compare=False)
    """The packages that were asked for, by canonical names."""
    made_of: Python = field(default=Python("", "", ""), compare=False)
    """The Python that it was made of."""

    @property
    def folder(self) -> Path:
        """Where it stands."""
        return self.python.parents[1]


class How(TypedDict):
    """How an environment is made, for `build` and `check`.

    `constraints` pin what is installed: a file, or lines by package; none of a package that is asked for otherwise than
    by its bare name, and none that pip cannot keep. `python`: a version or a program, default this one; `option` is the
    command's word for it. `pre`: also pre-releases. `installer`: further options of `pip install`. What is asked for
    neither exactly (`==`, a wheel) nor with a pin is looked up again each day. `report` hears what is done meanwhile.
    """

    name: str
    constraints: NotRequired[Path | Mapping[str, str] | None]
    cache: NotRequired[Path | None]
    python: NotRequired[str | None]
    option: NotRequired[str]
    pre: NotRequired[bool]
    installer: NotRequired[Sequence[str]]
    report: NotRequired[Report]


def build(requirements: Sequence[str], **how: Unpack[How]) -> Environment:
    """The environment with these requirements, from the cache where it stands there; EnvironmentFailed with why not."""
    job = _job(requirements, **how)
    found = _had(job)
    if not satisfied(job.asked, found["versions"]):
        job = replace(job, exactly=True)
        found = _had(job)
    about = (found["versions"], tuple(found["notes"]), tuple(it.name for it in job.asked))
    return Environment(job.name, job.python, tuple(requirements), *about, job.base)


def _had(job: _Job) -> dict[str, Any]:
    """What the environment of a job says of itself, built where it is not there."""
    with locked(job.folder, partial(job.report, f"{job.name}: waiting for another that builds the same")):
        found = read(job.folder)
        if found is not None:
            job.report(f"{job.name}: {' '.join(it.text for it in job.asked)}, as built before")
            return found
        _make(job)
        found = read(job.folder)
        if found is None:
            raise EnvironmentFailed(job.text, "is not whole", f"{job.folder} was changed by another", "run it again")
        return found


def check(requirements: Sequence[str], index: Index, **how: Unpack[How]) -> None:
    """EnvironmentFailed where no file of a release is for this Python or machine, by what the index has.

    Builds nothing, and asks the index of nothing that `build` would find in the cache.
    """
    job = _job(requirements, **how)
    if _stands(job):
        return
    refused = [why for it in job.asked if (why := index.refusal(it.text, job.base, job.option))]
    if refused:
        raise EnvironmentFailed(job.text, "cannot be had", "", "; ".join(refused))


def stands(requirements: Sequence[str], **how: Unpack[How]) -> bool:
    """Whether `build` would find the environment in the cache; EnvironmentFailed where it cannot be asked for."""
    return _stands(_job(requirements, **how))


def _stands(job: _Job) -> bool:
    for each in (job, replace(job, exactly=True)):
        found = read(each.folder)
        if found is not None and satisfied(job.asked, found["versions"]):
            return True
    return False


@dataclass(frozen=True)
class _Job:
    """An environment to be made."""

    name: str
    place: Path
    asked: Sequence[Asked]
    held: Mapping[str, str]
    base: Python
    options: Sequence[str]
    report: Report
    option: str
    exactly: bool = False
    """Whether it stands apart from one with the same content, in which a pin gave way that is asked for here."""

    @property
    def text(self) -> str:
        return f"environment {self.name} ({' '.join(it.text for it in self.asked)})"

    @property
    def folder(self) -> Path:
        return self.place / f"{slug(self.asked)}-{key(self.asked, self.held, self.base, self.options, self.exactly)}"

    @property
    def python(self) -> Path:
        return python_in(self.folder)

    @property
    def log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")


def _job(
    requirements: Sequence[str],
    *,
    name: str,
    constraints: Path | Mapping[str, str] | None = CONSTRAINTS,
    cache: Path | None = None,
    python: str | None = None,
    option: str = "--python",
    pre: bool = False,
    installer: Sequence[str] = (),
    report: Report = lambda _: None,
) -> _Job:
    """What is to be made, as `build` is asked for it; EnvironmentFailed where that means nothing."""
    text = f"environment {name} ({' '.join(requirements)})"
    try:
        asked = all_asked(requirements)
        held = pins(constraints) if constraints is None or isinstance(constraints, Path) else dict(constraints)
        base = find(python, report)
    except (NoRequirement, NoPython) as error:
        raise EnvironmentFailed(text, "cannot be asked for", str(error), "change what is asked for") from None
    said = {it.name for it in asked if not it.bare}
    held = {package: line for package, line in held.items() if package not in said}
    options = [*(["--pre"] if pre else []), *installer]
    try:
        kept_in = place(cache)
    except OSError as error:
        todo = "set CONVT_ENVIRONMENTS to a folder that can be written"
        raise EnvironmentFailed(text, "there is no place to keep it", str(error), todo) from None
    return _Job(name, kept_in, asked, held, base, options, report, option)


def _make(job: _Job) -> None:
    """Make the folder, or leave none; its log stays."""
    shutil.rmtree(job.folder, ignore_errors=True)
    job.log.unlink(missing_ok=True)
    try:
        _install(job)
    except OSError as error:
        shutil.rmtree(job.folder, ignore_errors=True)
        todo = advice(str(error), job.base.version, job.option)
        raise EnvironmentFailed(job.text, "cannot be made", str(error), todo) from None
    except BaseException:
        shutil.rmtree(job.folder, ignore_errors=True)
        raise


def _install(job: _Job) -> None:
    version = job.base.version
    job.report(f"{job.name}: installing {' '.join(it.text for it in job.asked)} for Python {version}")
    try:
        _empty(job)
    except InstallFailed as error:
        todo = f"this Python makes no virtual environment: install its venv module, or name another ({job.option})"
        raise EnvironmentFailed(job.text, "no virtual environment", error.said, todo) from None
    try:
        said, freed = install(job.python, [it.text for it in job.asked], job.held, job.options, job.log)
    except InstallFailed as error:
        todo = f"{_todo(job, error.said)}; whole log: {job.log}"
        raise EnvironmentFailed(job.text, "cannot be installed", error.said, todo) from None
    notes = [f"{line} gave way to what was asked for" for line in freed.values()] + yanked(said)
    installed = _unmixed(job, _look(job, "installed"))
    for it in job.asked:
        _import(job, it.name, installed)
    whole = {"asked": [asdict(it) for it in job.asked], "versions": installed["versions"], "notes": notes}
    part = job.folder / f"{WHOLE}.part"
    part.write_text(json.dumps(whole | {"made": datetime.now(UTC).isoformat(timespec="seconds")}, indent=1))
    part.replace(job.folder / WHOLE)
    for note in notes:
        job.report(f"{job.name}: {note}")


def _todo(job: _Job, said: str) -> str:
    """What to do about pip's refusal; where it found no such release, by what the index has for other Pythons."""
    if "No matching distribution" in said:
        index = Index(job.options, pip=str(job.python))
        refused = [why for it in job.asked if (why := index.refusal(it.text, job.base, job.option))]
        if refused:
            return "; ".join(refused)
    return advice(said, job.base.version, job.option)


def _empty(job: _Job) -> None:
    """A virtual environment with pip and nothing else. Python takes seconds to unpack its pip, so that is done once
    for each Python, and copied."""
    made = hashlib.sha256(job.base.identity.encode()).hexdigest()[:16]
    first = job.folder.with_name(f"pip-{made}")
    with locked(first, lambda: None):
        if not (first / WHOLE).exists():
            shutil.rmtree(first, ignore_errors=True)
            program([job.base.program, "-m", "venv", str(first)], job.log)
            (first / WHOLE).write_text("{}")
    program([job.base.program, "-m", "venv", "--without-pip", str(job.folder)], job.log)
    packages = next(job.folder.glob("lib/python*/site-packages"))
    for part in first.glob("lib/python*/site-packages/pip*"):
        shutil.copytree(part, packages / part.name)


def _look(job: _Job, what: str, *names: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What `inspect_environment.py` finds in the environment."""
    words = [str(job.python), str(Path(__file__).with_name("inspect_environment.py")), what, *names]
    answer = program(words, job.log, env, IMPORT_SECONDS)
    return dict(json.loads(answer.splitlines()[-1]))


def _unmixed(job: _Job, installed: dict[str, Any]) -> dict[str, Any]:
    """What stands there once no other package brings a module of one that was asked for: keras and keras-nightly do,
    and the one that pip wrote last would win."""
    mixed = [
        (other, it)
        for it in job.asked
        for other, brings in installed["brings"].items()
        if other not in {each.name for each in job.asked} and set(brings) & set(installed["modules"].get(it.name, []))
    ]
    if not mixed:
        return installed
    program([str(job.python), "-m", "pip", "uninstall", "--yes", *(other for other, _ in mixed)], job.log)
    again = [it.text for it in dict.fromkeys(it for _, it in mixed)]
    install(job.python, [*again, "--force-reinstall", "--no-deps"], {}, job.options, job.log)
    return _look(job, "installed")


def _import(job: _Job, package: str, installed: Mapping[str, Any]) -> None:
    """Import what a package brings, as the backends do; EnvironmentFailed where that fails."""
    for module in installed["modules"].get(package, []):
        try:
            _look(job, "import", module, env=_settings_of(module, set(installed["found"])))
        except InstallFailed as error:
            version = installed["versions"].get(package, "")
            beside = ", ".join(f"{name} {number}" for name, number in installed["versions"].items() if name != package)
            todo = f"it does not go with what stands beside it ({beside}): ask for other versions of these (--with)"
            stage = f"{package} {version} is installed, and `import {module}` fails"
            raise EnvironmentFailed(job.text, stage, error.said, todo) from None


def _settings_of(module: str, found: set[str]) -> dict[str, str]:
    """The environment variables with which a backend here imports a module, among those whose packages are there."""
    for entry in built_in().values():
        if module in entry.packages and found.issuperset(entry.packages):
            return entry.variables()
    return {}
