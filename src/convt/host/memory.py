"""Answers that take much of the machine's memory: asked one at a time, and only where there is room for them.

Two such at once, or one where there is no room, would end some process of this machine, perhaps another's. What was not
asked for want of memory is `not-run`, with the numbers.
"""

from __future__ import annotations

import contextlib
import getpass
import math
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from convt.adapter.probe import Probe

HEAVY = 1 << 28
"""Bytes of a result from which on it is asked alone, in a process that ends with it."""
TIMES = 3.2
"""How many times its result a framework may take: twice that in float32, a copy in another order, buffers. Measured."""
FLOOR = 3 << 28
"""Bytes that are to stay free for everybody else: below them the process is ended."""
SECONDS = 600.0
"""How long such an answer may take, where other ones have less."""
POLL = 0.1
MEMORY = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")
LOCK = "convt-heavy"
"""The beginning of the name of the lock of all runs of one user on this machine."""


def weight(probe: Probe) -> int:
    """The bytes of a heavy result; 0 of any other. Only one that is folded can be heavy."""
    size = math.prod(probe.settings.y_shape) * probe.x.dtype.itemsize if probe.block else 0
    return size if size >= HEAVY else 0


def available() -> int | None:
    """Bytes of memory that can be had now; None where the system does not say."""
    try:
        lines = dict(line.split(":") for line in MEMORY.read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) << 10
    except (OSError, KeyError, ValueError):
        return None
    with contextlib.suppress(OSError, ValueError):  # a container may have less; "max" is no number
        limit, used = (int((GROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        files = dict(line.split() for line in (GROUP / "memory.stat").read_text().splitlines())
        free = min(free, limit - used + int(files.get("inactive_file", 0)))
    return free


def lacks(size: int) -> str:
    """Why a result of so many bytes is not asked for; empty where there is room."""
    needed, free = math.ceil(TIMES * size) + FLOOR, available()
    if free is None or free >= needed:
        return ""
    return (
        f"needs about {needed / 1e9:.1f} GB of memory for a result of {size / 1e9:.1f} GB; {free / 1e9:.1f} GB are free"
    )


def scarce() -> str:
    """What to say where memory runs out; empty where it does not."""
    free = available()
    if free is None or free >= FLOOR:
        return ""
    return f"took all memory but {free / 1e9:.1f} GB, and was ended before the system would"


@contextlib.contextmanager
def turn(given_up: Callable[[], bool]) -> Iterator[None]:
    """Wait until no other target, of whatever run on this machine, has a heavy answer under way."""
    lock = FileLock(lock_file())
    while not given_up():
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=POLL)
            break
    try:
        yield
    finally:
        lock.release()


def lock_file() -> Path:
    """Where the lock stands: a user's own, for another's cannot be opened."""
    return Path(tempfile.gettempdir(), f"{LOCK}-{getpass.getuser()}.lock")
