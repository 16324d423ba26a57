"""Environments: virtual environments with the versions that were asked for, built once and kept in a cache.

An environment is a folder named by what was asked of it. It is built under a lock of its own, and counts from the
moment when its last file, `environment.json`, stands: a half-built one is never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from convt.content import PACKED, ROOT
from convt.host.registry import built_in
from convt.upgrade.installer import InstallFailed, advice, install, last_lines, program, yanked
from convt.upgrade.pythons import NoPython, Python, find
from convt.upgrade.requirements import Asked, NoRequirement, all_asked, pins

CONSTRAINTS = ROOT / "constraints.txt"
WHOLE = "environment.json"
"""The last file of an environment that is written."""
IMPORT_SECONDS = 600.0
"""How long the frameworks may take to be imported, the first time and on a busy machine."""
INDEX = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_PRE", "PIP_ONLY_BINARY")
"""The variables by which pip finds other files under the same names."""

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
    python_version: str = ""


def build(
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
) -> Environment:
    """The environment with these requirements, from the cache where it stands there; EnvironmentFailed with the reason.

    `constraints` pin what is installed: a file, or lines by package; none of a package that is asked for otherwise than
    by its bare name, and none that pip cannot keep. `python`: a version or a program, default this one; `option` is the
    command's word for it. `pre`: also pre-releases. `installer`: further options of `pip install`. What is asked for
    neither exactly (`==`, a wheel) nor with a pin is looked up again each day. `report` hears what is done meanwhile.
    """
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
        folder = _cache(cache) / f"{_slug(asked)}-{_key(asked, held, base, options)}"
    except OSError as error:
        todo = "set CONVT_ENVIRONMENTS to a folder that can be written"
        raise EnvironmentFailed(text, "there is no place to keep it", str(error), todo) from None
    with _locked(folder, lambda: report(f"{name}: waiting for another that builds the same")):
        found = _read(folder)
        if found is None:
            _make(_Job(text, name, folder, asked, held, base, options, report, option))
            found = _read(folder)
            if found is None:
                raise EnvironmentFailed(text, "is not whole", f"{folder} was changed by another", "run it again")
        else:
            report(f"{name}: {' '.join(requirements)}, as built before")
    about = (found["versions"], tuple(found["notes"]), tuple(it.name for it in asked))
    return Environment(name, _python_in(folder), tuple(requirements), *about, base.version)


def _cache(cache: Path | None) -> Path:
    found = cache or Path(os.environ.get("CONVT_ENVIRONMENTS") or _own_cache())
    found.mkdir(parents=True, exist_ok=True)
    return found.absolute()


def _own_cache() -> Path:
    """Where environments are kept by default: in a checkout a folder that git ignores, else the user's cache."""
    if not PACKED:
        return ROOT / ".tox" / "environments"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "convt" / "environments"


def _slug(asked: Sequence[Asked]) -> str:
    """The beginning of a folder's name, for people."""
    text = Path(asked[0].text).name.removesuffix(".whl") if asked else "nothing"
    return "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in text)[:40].strip("-")


def _key(asked: Sequence[Asked], held: Mapping[str, str], base: Python, options: Sequence[str]) -> str:
    """A digest of everything that decides what is installed, 16 hex digits; of the day too where it is not exact."""
    day = "" if all(it.exact for it in asked if it.name not in held) else datetime.now(UTC).date().isoformat()
    said = {
        "asked": sorted((it.name, it.digest or it.text) for it in asked),
        "pins": sorted(held.items()),
        "python": base.identity,
        "options": list(options),
        "index": {name: os.environ[name] for name in INDEX if name in os.environ},
        "day": day,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


@contextlib.contextmanager
def _locked(folder: Path, waits: Callable[[], None]) -> Iterator[None]:
    """One builder of a folder at a time, threads and processes alike; the system frees it however they end."""
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        waits()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _python_in(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def _read(folder: Path) -> dict[str, Any] | None:
    """What a whole environment says of itself; None where it is not whole, or its Python is gone."""
    if not _python_in(folder).exists():  # a link to nothing does not exist
        return None
    try:
        return dict(json.loads((folder / WHOLE).read_text()))
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class _Job:
    """An environment to be made."""

    text: str
    name: str
    folder: Path
    asked: Sequence[Asked]
    held: Mapping[str, str]
    base: Python
    options: Sequence[str]
    report: Report
    option: str

    @property
    def python(self) -> Path:
        return _python_in(self.folder)

    @property
    def log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")


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
        todo = f"{advice(error.said, version, job.option)}; whole log: {job.log}"
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


def _empty(job: _Job) -> None:
    """A virtual environment with pip and nothing else. Python takes seconds to unpack its pip, so that is done once
    for each Python, and copied."""
    made = hashlib.sha256(job.base.identity.encode()).hexdigest()[:16]
    first = job.folder.with_name(f"pip-{made}")
    with _locked(first, lambda: None):
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
