"""A target's further processes, forked from one that has imported its framework, which takes seconds, and called
nothing.

A target whose calls end its process needs a fresh one after each. The first process of a target is started as ever.
"""

from __future__ import annotations

import array
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from convt.host import template

POSSIBLE = sys.platform == "linux"
"""Elsewhere a fork is unsafe after an import (macOS), or there is none."""


class Template:
    """The process that is forked. One thread uses it; any may call `kill`."""

    def __init__(self, interpreter: str, env: Mapping[str, str], packages: Sequence[str], log: IO[bytes]) -> None:
        """Start the interpreter, or OSError; does not wait for the imports."""
        self._last: Forked | None = None
        self._control, over_there = socket.socketpair()
        with over_there:
            number = str(over_there.fileno())
            self._popen = subprocess.Popen(
                [interpreter, "-u", "-c", Path(template.__file__).read_text(), number, *packages],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[over_there.fileno()],
                start_new_session=True,
            )

    def fork(self, log: IO[bytes], seconds: float) -> Forked:
        """A process with this log, whose interpreter waits for execnet's bootstrap; OSError where there comes none
        within so many seconds, after which there will be none, or where the last one has not ended."""
        if self._last is not None and self._last.poll() is None:
            raise OSError("the last process that was forked has not ended")
        stdin, to_it = os.pipe()
        from_it, stdout = os.pipe()
        try:
            given = array.array("i", [stdin, stdout, log.fileno()])
            self._control.sendmsg([b"f"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, given)])
            number = self.hear(seconds)
            if number is None:
                raise OSError(f"the template forked nothing within {seconds:g} s")
        except OSError:
            os.close(to_it)
            os.close(from_it)
            self.kill()  # what it may still answer would be taken for another's
            raise
        finally:
            os.close(stdin)
            os.close(stdout)
        self._last = Forked(number, self, to_it, from_it)
        return self._last

    @property
    def pid(self) -> int:
        """The parent of what it forks."""
        return self._popen.pid

    def hear(self, seconds: float | None) -> int | None:
        """The next answer, waited for at most so long; OSError where the template is gone."""
        ready = select.poll()  # which takes descriptors of any number
        ready.register(self._control, select.POLLIN)
        if not ready.poll(None if seconds is None else 1000 * seconds):
            return None
        data = self._control.recv(template.ANSWER.size, socket.MSG_WAITALL)
        if len(data) < template.ANSWER.size:
            raise OSError("the template is gone")
        return int(template.ANSWER.unpack(data)[0])

    def kill(self) -> None:
        """End the template, and with it what it forked; again, and from any thread, does no harm."""
        self._popen.kill()

    def close(self) -> None:
        """The same, and wait for it, in the thread that uses it."""
        self.kill()
        self._popen.wait()
        self._control.close()


class Forked:
    """A process that a template forked, as `subprocess.Popen` shows one."""

    def __init__(self, pid: int, parent: Template, stdin: int, stdout: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: Any = os.fdopen(stdin, "wb", buffering=0)
        self.stdout: Any = os.fdopen(stdout, "rb")
        self._parent = parent
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """How it ended, as `Popen.returncode` says it; None where it has not."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """The same, waited for; subprocess.TimeoutExpired where it takes longer."""
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("a forked process", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal where it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, seconds: float | None) -> int | None:
        with self._lock:
            if self.returncode is None:
                try:
                    self.returncode = self._parent.hear(seconds)
                except (OSError, ValueError):  # it is gone or closed, and what it forked ends with it
                    self.returncode = -int(signal.SIGKILL)
            return self.returncode
