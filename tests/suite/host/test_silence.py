"""A deadline counts the time in which a worker could run, not the time that a busy machine gave to others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from convt.host import silence
from convt.host.process import Process
from convt.host.silence import MOST_WAITED, Silence

BUSY = "import time\nwhile time.process_time() < {seconds}: pass\n"


class Waiting:
    """A process that waited so many seconds for the processor, read by read."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = list(seconds)

    def waited(self) -> float:
        return self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]


@pytest.mark.parametrize(
    ("waited", "at", "exceeds"),
    [
        ((0.0, 0.0), 60.0, False),
        ((0.0, 0.0), 60.5, True),
        ((7.0, 7.0), 60.5, True),  # before it fell silent
        ((7.0, 37.0), 89.0, False),
        ((7.0, 37.0), 91.0, True),
        ((0.0, 1e6), 60.0 * (MOST_WAITED + 1) - 1, False),
        ((0.0, 1e6), 60.0 * (MOST_WAITED + 1) + 1, True),  # a hang on a machine that is busy for ever
    ],
)
def test_what_a_process_waited_is_added(
    monkeypatch: pytest.MonkeyPatch, waited: tuple[float, ...], at: float, exceeds: bool
) -> None:
    now = 1000.0
    monkeypatch.setattr(silence, "time", SimpleNamespace(monotonic=lambda: now))
    process: Any = Waiting(*waited)
    it = Silence(process)
    assert not it.exceeds(60.0)
    now += at
    assert it.exceeds(60.0) == exceeds
    it.ends()
    assert not it.exceeds(60.0), "it said something"


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the system does not tell what a process waited")
def test_a_process_that_waits_for_the_processor_says_so() -> None:
    """Two busy processes on one processor, and one that sleeps."""
    one = min(os.sched_getaffinity(0))

    def start(program: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", program], preexec_fn=lambda: os.sched_setaffinity(0, {one}))

    busy, other, idle = (
        start(BUSY.format(seconds=60)),
        start(BUSY.format(seconds=2)),
        start("import time; time.sleep(60)"),
    )
    try:
        other.wait()
        read = [_waited(each) for each in (busy, idle)]
    finally:
        for each in (busy, other, idle):
            each.kill()
            each.wait()
    assert read[0] > 0.5, "while the other ran for two seconds, it did not"
    assert read[1] < read[0]


def _waited(popen: subprocess.Popen[bytes]) -> float:
    process: Any = object.__new__(Process)
    process._popen = popen
    return float(Process.waited(process))
