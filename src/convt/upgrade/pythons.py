"""The Python that an environment is made of: found wherever one is installed here, or else fetched by uv."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from findpython.providers import ALL_PROVIDERS
from packaging.specifiers import SpecifierSet

from convt.upgrade.installer import InstallFailed, program
from convt.upgrade.locks.lock import exact_python

OLDEST = (3, 10)
"""A target's process needs this Python or a newer one."""
ACCEPTED = "a version such as 3.12 or the path of a program"
SECONDS = 60.0
"""How long a program may take to say which Python it is."""
VERSION = re.compile(r"(?:c?python)?(\d+(?:\.\d+){0,2})")
PROBE = """
import platform, sys, sysconfig
print("PYTHON " + (getattr(sys, "_base_executable", None) or sys.executable))
print("PYTHON " + platform.python_version())
print("PYTHON " + platform.python_implementation() + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""))
try:
    import venv, ensurepip
    print("PYTHON ")
except ImportError:
    print("PYTHON it makes no virtual environments: " + str(sys.exc_info()[1]))
"""


class NoPython(ValueError):
    """No such Python; the message says what was asked for, which ones there are and where, and what to do."""


@dataclass(frozen=True)
class Python:
    """An interpreter: the program to start, and the one that it is made of where it stands in an environment."""

    program: str
    base: str
    version: str
    implementation: str = "CPython"
    cannot: str = ""
    """Why it makes no environment; empty where it does."""

    @property
    def release(self) -> tuple[int, ...]:
        """The numbers of the version: 3.14.0rc1 is (3, 14, 0)."""
        return tuple(int(part) for part in re.findall(r"\d+", self.version)[:3])

    @property
    def identity(self) -> str:
        """What tells it from others: where the one that it is made of stands, and its version."""
        return f"{self.base} {self.version}"

    @property
    def minor(self) -> str:
        """`3.12` of 3.12.1."""
        return ".".join(map(str, self.release[:2]))

    def __str__(self) -> str:
        return f"{self.version} ({self.program})"


def find(
    wanted: str | None, report: Callable[[str], None] = lambda _: None, programs: Iterable[tuple[Path, bool]] = ()
) -> Python:
    """The Python of a version (`3.12`, `3.12.1`), of a program, or of this process where nothing is said.

    NoPython where there is none, or where it is too old or makes no environments. `report` hears that uv fetches one.
    `programs`: where to look, with whether it is on PATH; default everywhere.
    """
    named = VERSION.fullmatch(wanted) if wanted else None
    if named is None:
        return _accepted(_of_program(wanted))
    release = tuple(map(int, named[1].split(".")))
    if (release + OLDEST[1:])[:2] < OLDEST:
        raise NoPython(f"found {wanted!r}, accepted Python {_dotted(OLDEST)} or newer, which a target's process needs")
    looked = list(programs or everywhere())
    passed: list[str] = []
    for named_so in (True, False):  # to ask a program takes a moment: those that are called python3.12 come first
        fitting, why = _looked((it for it in looked if bool(_named(it[0].name)) == named_so), release)
        if fitting:
            return fitting[0]
        passed += why
    fetched = _fetched(named[1], report)
    if isinstance(fetched, Python):
        return fetched
    raise NoPython(_none(named[1], looked, [*passed, *([fetched] if fetched else [])]))


def fitting(specifier: str, version: str, programs: Iterable[tuple[Path, bool]] = ()) -> Python | None:
    """The Python here that a version specifier admits, of the minor version that is nearest to `version`; None where
    that one is admitted, or there is no other. Where it names a single minor version, any patch of that will do.

    Nothing is fetched. `programs`: as for `find`.
    """
    exact = exact_python(specifier)
    asked = SpecifierSet(f"=={'.'.join(exact.split('.')[:2])}.*" if exact else specifier)
    if asked.contains(version, prereleases=True):
        return None
    here = [it for it in _looked(programs or everywhere(), ())[0] if asked.contains(it.version, prereleases=True)]
    minor = int(version.split(".")[1])
    return min(here, key=lambda it: abs(it.release[1] - minor), default=None)


def everywhere() -> Iterator[tuple[Path, bool]]:
    """Programs that may be a Python, with whether they are on PATH: this process's, those on PATH, and those that
    pyenv, uv, asdf, rye and the system keep elsewhere."""
    yield Path(getattr(sys, "_base_executable", "") or sys.executable), True
    for name, provider in ALL_PROVIDERS.items():
        made = provider.create()
        for found in made.find_pythons() if made is not None else ():
            yield found.executable, name == "path"


def probe(path: str) -> Python:
    """What a program says of itself; InstallFailed where it is no Python, or does not start."""
    said = program([path, "-c", PROBE], Path(os.devnull), timeout=SECONDS)
    words = re.findall(r"^PYTHON (.*)$", said, re.M)
    if len(words) != 4:
        printed = " ".join(said.split())[:80] or "nothing"
        raise InstallFailed(f"it is no Python: asked for its version it printed {printed}")
    base, version, implementation, cannot = words
    return Python(path, os.path.realpath(base), version, implementation, cannot)


def _of_program(wanted: str | None) -> Python:
    # pathlib raises for a ~name of nobody
    path = shutil.which(os.path.expanduser(wanted)) if wanted else sys.executable  # noqa: PTH111
    if not path:
        raise NoPython(f"found no Python {wanted!r}, accepted {ACCEPTED}")
    try:
        return probe(path)
    except InstallFailed as error:
        raise NoPython(f"found {path}: {_last(error)}; accepted {ACCEPTED}") from None


def _accepted(python: Python) -> Python:
    if python.release < OLDEST:
        needs = f"Python {_dotted(OLDEST)} or newer, which a target's process needs"
        raise NoPython(f"found Python {python}, accepted {needs}")
    if python.cannot:
        todo = "install its venv module (python3-venv on Debian), or name another"
        raise NoPython(f"found Python {python}: {python.cannot}; {todo}")
    return python


def _looked(programs: Iterable[tuple[Path, bool]], release: tuple[int, ...]) -> tuple[list[Python], list[str]]:
    """(those of a release, the first on PATH before the newest elsewhere; what was passed over, and why)."""
    seen: set[str] = set()
    fitting: list[tuple[bool, Python]] = []
    passed: list[str] = []
    for path, on_path in programs:
        real = os.path.realpath(path)
        if real in seen or not _may_be(Path(real).name, release):
            continue
        seen.add(real)
        try:
            found = probe(str(path))
        except InstallFailed as error:
            passed += [f"{path} ({_last(error)})"] if _named(path.name) else []
            continue
        known = {it.base for _, it in fitting}
        if found.release[: len(release)] != release or found.release < OLDEST or found.base in known:
            continue
        why = found.cannot or ("" if found.implementation == "CPython" else f"it is {_kind(found.implementation)}")
        if why:
            passed.append(f"{path} ({why})")
        else:
            fitting.append((on_path, found))
    here = [found for on_path, found in fitting if on_path]
    elsewhere = sorted((found for on_path, found in fitting if not on_path), key=lambda it: it.release, reverse=True)
    return here + elsewhere, passed


def _named(name: str) -> tuple[int, ...]:
    """The version in a program's name, `python3.12`; nothing where it names none."""
    found = re.fullmatch(r"python(\d+)\.(\d+)(?:\.exe)?", name)
    return (int(found[1]), int(found[2])) if found else ()


def _may_be(name: str, release: tuple[int, ...]) -> bool:
    """Whether a program of this name can be a Python of this release."""
    named = _named(name)
    return not named or named[: len(release)] == release[:2]


def _kind(implementation: str) -> str:
    return "without the lock, for which few wheels are made" if implementation == "CPythont" else implementation


def _fetched(version: str, report: Callable[[str], None]) -> Python | str:
    """The Python that uv installs; why it does not, or nothing where there is no uv."""
    uv = shutil.which("uv")
    if uv is None:
        return ""
    report(f"no Python {version} is found here: uv installs one")
    try:
        program([uv, "python", "install", version], Path(os.devnull))
        found = program([uv, "python", "find", "--system", version], Path(os.devnull)).split()
        python = probe(found[-1] if found else "")
    except InstallFailed as error:
        return f"uv python install {version} ({_last(error)})"
    return python if not python.cannot else f"{python.program} ({python.cannot})"


def _none(version: str, programs: Iterable[tuple[Path, bool]], passed: list[str]) -> str:
    """What to say where there is no such Python."""
    others, _ = _looked(programs, ())
    newest = sorted(others, key=lambda it: it.release, reverse=True)
    lines = [f"found no Python {version} that makes environments"]
    lines += [f"  passed over: {why}" for why in passed]
    lines += [f"  found here: {', '.join(map(str, newest)) or 'none'}"]
    install = f"uv python install {version}, or pyenv install {version}"
    return "\n".join([*lines, f"  name one of these, or its path; or install {version}: {install}"])


def _last(error: InstallFailed) -> str:
    """The line that tells most of a refusal: the first, which pyenv's advice follows."""
    lines = [line.strip() for line in error.said.splitlines() if line.strip()]
    return lines[0][:120] if lines else "it ends with an error and says nothing"


def _dotted(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))
