"""However the host ends, no process of a target outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.suite.host.fakes import ROOT
from tests.suite.host.processes import ends, lives

HOST = """
import sys, time
from convt.host.pool import Pool
from convt.host.registry import parse_target
from tests.suite.host import fakes

entries = fakes.backends(getattr(fakes, sys.argv[1]))
[name] = entries
pool = Pool([parse_target(name, entries)], backends=entries)
pid = pool.start()[name].flags["pid"]
future = pool.submit(name, [fakes.probe(fakes.MARK)])
time.sleep(0.3)
print(pid, flush=True)
if sys.argv[2] == "waits":
    future.result()
elif sys.argv[2] == "uses-with":
    with pool:
        future.result()
elif sys.argv[2] == "raises":
    raise SystemExit(4)
"""
"""A host whose one probe hangs; it prints the worker's pid, and then does as it is told."""


def host(fake: str, does: str, folder: Path) -> tuple[subprocess.Popen[str], int]:
    """A running host, whose temporary files go to a folder, and the pid of its worker."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOST, fake, does], cwd=ROOT, env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def stubborn() -> list[str]:
    """Fakes that hang; with the interpreter held, only Linux ends an orphan."""
    return ["HangsOnMarked", "HangsInCOnMarked"] if sys.platform == "linux" else ["HangsOnMarked"]


@pytest.mark.parametrize("fake", stubborn())
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_worker_ends_with_a_host_that_is_killed(fake: str, number: signal.Signals, tmp_path: Path) -> None:
    process, worker = host(fake, "waits", tmp_path)
    assert lives(worker)
    process.send_signal(number)
    assert process.wait(60) == -number
    assert ends(worker)


@pytest.mark.parametrize("does", ["waits", "uses-with"])
def test_a_worker_ends_with_a_host_that_is_interrupted(does: str, tmp_path: Path) -> None:
    process, worker = host("HangsInCOnMarked", does, tmp_path)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)
    assert said.strip().endswith("KeyboardInterrupt")
    assert process.returncode != 0
    assert ends(worker)


@pytest.mark.parametrize(("does", "status"), [("leaves", 0), ("raises", 4)])
def test_a_worker_ends_with_a_host_that_never_closed_its_pool(does: str, status: int, tmp_path: Path) -> None:
    process, worker = host("HangsInCOnMarked", does, tmp_path)
    _, said = process.communicate(timeout=600)
    assert (process.returncode, said) == (status, "")
    assert ends(worker)


def test_an_interrupt_of_the_terminal_does_not_reach_the_worker(tmp_path: Path) -> None:
    process, worker = host("HangsOnMarked", "waits", tmp_path)
    assert os.getpgid(worker) == worker != os.getpgid(process.pid)
    process.kill()
    assert ends(worker)
