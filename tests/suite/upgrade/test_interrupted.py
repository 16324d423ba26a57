"""Who interrupts does not wait for an installer."""

from __future__ import annotations

import _thread
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from convt.host.registry import built_in
from convt.upgrade import installing
from convt.upgrade.environments import Environment
from convt.upgrade.installer import InstallFailed, go_on, program, stop
from convt.upgrade.installing import Options, install
from convt.upgrade.request import upgrade

SLEEPS = [sys.executable, "-c", "import time; time.sleep(300)"]
PATIENCE = 60


@pytest.fixture(autouse=True)
def programs_may_start() -> Iterator[None]:
    yield
    go_on()


def test_what_runs_is_ended_and_nothing_further_starts(tmp_path: Path) -> None:
    threading.Timer(0.5, stop).start()
    began = time.monotonic()
    with pytest.raises(InstallFailed, match="ended by signal 9"):
        program(SLEEPS, tmp_path / "log")
    with pytest.raises(InstallFailed, match="interrupted"):
        program([sys.executable, "-c", ""], tmp_path / "log")
    assert time.monotonic() - began < PATIENCE
    go_on()
    assert program([sys.executable, "-c", "print(1)"], tmp_path / "log") == "1\n"


def test_an_interrupted_upgrade_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(requirements: tuple[str, ...], **how: Any) -> Environment:
        program(SLEEPS, tmp_path / how["name"])
        raise AssertionError("it is ended")

    monkeypatch.setattr(installing, "check", lambda *_, **__: None)
    monkeypatch.setattr(installing, "build", build)
    asked = upgrade("keras==3.14.1", "keras==3.15.1", "", ["keras-jax"], built_in())
    threading.Timer(1.0, _thread.interrupt_main).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        install(asked, Options(), lambda _: None)
    assert time.monotonic() - began < PATIENCE
