"""pip, of a fresh virtual environment: what it is told, which pins give way, and what its refusals mean."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

LAST = 12
"""How many of a program's last lines a message shows."""
LONGEST = 400
"""Characters of such a line; pip lists every release that there ever was."""
NOISE = ("[notice]", "Looking in ", "WARNING: Location ")
"""How lines of pip begin that say nothing about a refusal."""
QUIET = ("--no-input", "--disable-pip-version-check", "--progress-bar=off", "--no-compile", "--prefer-binary")
NOT_OURS = ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
"""What a surrounding tox or shell tells its own pip, and what would put the packages elsewhere."""

_CONSTRAINT = re.compile(r"The user requested \(constraint\) ([\w.-]+)")
_NOTHING = re.compile(r"(?:No matching distribution found for|satisfies the requirement) ([\w.-]+)")
_VERSIONS = re.compile(r"\(from versions: ([^)]*)\)")
_YANKED = re.compile(
    r"yanked version: '([\w.-]+)' candidate \(version ([^ )]+)[^\n]*\n?(?:Reason for being yanked: ([^\n]*))?"
)


_RUNNING: set[subprocess.Popen[str]] = set()
"""The programs that run now, in whatever thread."""
_STOPPED = threading.Event()


class InstallFailed(Exception):
    """The installer's refusal; `said` is all that it printed."""

    def __init__(self, said: str) -> None:
        super().__init__(last_lines(said))
        self.said = said


def environ() -> dict[str, str]:
    """The host's environment for a program of another Python: what leads to the host's packages stays behind."""
    gone = (*NOT_OURS, "PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in gone} | {"PYTHONNOUSERSITE": "1"}


def program(
    words: Sequence[str], log: Path, extra: Mapping[str, str] | None = None, timeout: float | None = None
) -> str:
    """What a program printed, which also goes to the end of a log; InstallFailed where it does not end with 0."""
    if _STOPPED.is_set():
        raise InstallFailed("interrupted")
    env = environ() | dict(extra or {})
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        with subprocess.Popen(words, env=env, text=True, errors="replace", **pipes) as process:  # type: ignore[call-overload]
            said = _heard(process, timeout)
    except OSError as error:
        raise InstallFailed(f"cannot start {words[0]}: {error.strerror}") from None
    with log.open("a") as file:
        file.write(f"$ {' '.join(words)}\n{said}\n")
    if process.returncode:
        how = f"ended by signal {-process.returncode}" if process.returncode < 0 else ""
        raise InstallFailed("\n".join(part for part in (said, how) if part))
    return said


def _heard(process: subprocess.Popen[str], timeout: float | None) -> str:
    """What a program prints until it ends; InstallFailed where it does not within the timeout."""
    _RUNNING.add(process)
    try:
        return process.communicate(timeout=timeout)[0]
    except subprocess.TimeoutExpired:
        raise InstallFailed(f"no end within {timeout:g} s") from None
    finally:
        _RUNNING.discard(process)
        if process.poll() is None:
            process.kill()


def stop() -> None:
    """End every program that runs now, and start no further one: somebody interrupts, and waits."""
    _STOPPED.set()
    for process in list(_RUNNING):
        process.kill()


def go_on() -> None:
    """Programs may start."""
    _STOPPED.clear()


def install(
    python: Path, requirements: Sequence[str], pins: Mapping[str, str], options: Sequence[str], log: Path
) -> tuple[str, dict[str, str]]:
    """Install with these pins, dropping those that cannot be kept; what pip printed, and the pins that gave way.

    A pin gives way where pip names it as one side of a conflict, or finds no such release for this Python: what was
    asked for goes before what stands beside it.
    """
    kept = dict(pins)
    freed: dict[str, str] = {}
    while True:
        held = log.with_suffix(".pins")
        held.write_text("".join(f"{line}\n" for line in kept.values()))
        words = [str(python), "-m", "pip", "install", *QUIET, *options, f"--constraint={held}", *requirements]
        try:
            return program(words, log), freed
        except InstallFailed as error:
            loose = in_the_way(error.said, kept)
            if not loose:
                raise
            freed |= {name: kept.pop(name) for name in loose}


def in_the_way(said: str, pins: Collection[str]) -> list[str]:
    """The pinned packages on which a refusal rests."""
    names = [canonicalize_name(name) for name in _CONSTRAINT.findall(said) or _NOTHING.findall(said)]
    return sorted({name for name in names if name in pins})


def yanked(said: str) -> list[str]:
    """A note for each release that pip took although it was withdrawn."""
    return [
        f"{name} {version} was withdrawn by its authors{f': {why.strip()}' if why.strip() else ''}"
        for name, version, why in _YANKED.findall(said)
    ]


def last_lines(said: str) -> str:
    """The last lines of what a program printed, without pip's advice on itself."""
    lines = [line.rstrip() for line in said.splitlines() if line.strip() and not line.startswith(NOISE)][-LAST:]
    half = LONGEST // 2
    return "\n".join(line if len(line) <= LONGEST else f"{line[:half]} ... {line[-half:]}" for line in lines)


def advice(said: str, version: str, option: str = "--python") -> str:
    """What to do about a refusal of the installer, under this version of Python; `option` names another one."""
    if re.search(r"NewConnectionError|NameResolution|Max retries|ConnectionError|Temporary failure|ReadTimeout", said):
        return "the package index cannot be reached: check the network, PIP_INDEX_URL and proxies, or name local wheels"
    if "No space left on device" in said:
        return "the disk is full: free some, or set CONVT_ENVIRONMENTS to a folder elsewhere"
    if "ResolutionImpossible" in said or "conflicting dependencies" in said:
        return "these do not go together: ask for other versions of the packages beside it (--with)"
    if re.search(r"is not a supported wheel on this platform", said):
        return f"the wheel is for another Python or platform: this is Python {version}; {option} names another"
    wanted = re.search(r"satisfies the requirement [\w.-]+==(\S+)", said)
    elsewhere = wanted is not None and re.search(rf"[ ;]{re.escape(wanted[1])} Requires-Python", said) is not None
    if elsewhere or "requires a different Python" in said:
        return f"this release is not for Python {version}: {option} names another"
    releases = _VERSIONS.findall(said)
    if releases and releases[-1].strip() in ("", "none"):
        return f"no package of that name for Python {version}: check the name and the index, or name another {option}"
    if releases:
        newest = ", ".join(releases[-1].split(", ")[-8:])
        return f"no such release for Python {version}; the newest are {newest} (--pre for pre-releases)"
    if re.search(
        r"metadata-generation-failed|Failed building wheel|Failed to build|subprocess-exited-with-error", said
    ):
        return f"there is no wheel for Python {version}, and building from source failed: {option} names another Python"
    return "run it again; the log tells more"
