"""One target's process as the host sees it: started, fed, watched, ended.

The channel is execnet's, and so is the bootstrap, which needs nothing installed over there. The process is started here
and not by `execnet.makegateway`, because that gives it no log, no environment before the interpreter starts, no process
group of its own, and no handle with which an interpreter that hangs while it starts can be ended.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from execnet.gateway_base import Popen2IO, RemoteError, get_execmodel
from execnet.gateway_bootstrap import bootstrap
from execnet.gateway_io import popen_bootstrapline
from execnet.xspec import XSpec

from convt.host import boot
from convt.host.forking import Forked
from convt.host.last_words import last_words
from convt.host.worker import Mark, Progress

OURS = Path(__file__).parents[1]
"""The folder of the package that a worker imports."""
SETTLE = 5.0
"""Seconds within which a killed process is gone."""
LINGER = 1.0
"""Seconds that a process may live on after its channel is closed."""
LOG_LIMIT = 8 << 20
"""Bytes after which a log starts again from nothing."""
PIPE = 1 << 15
"""Bytes that a pipe takes although nobody reads."""


Popen = subprocess.Popen[bytes] | Forked
Start = Callable[[IO[bytes]], tuple[Popen, int]]
"""Starts an interpreter that writes to this log and waits for execnet's bootstrap: the process, and its parent's
number. OSError where it cannot."""


def started(interpreter: str, env: Mapping[str, str]) -> Start:
    """How a process of its own starts, with the host's environment and these variables."""

    def start(log: IO[bytes]) -> tuple[Popen, int]:
        popen = subprocess.Popen(
            [interpreter, "-u", "-c", popen_bootstrapline],
            env=environment(interpreter, env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        return popen, os.getpid()

    return start


class Ended(Exception):
    """The process is gone; the message says how: `SIGSEGV`, `exit status 3`."""


class _IO(Popen2IO):
    """execnet's pair of pipes, over a process that was started with a log, an environment and a group of its own."""

    def __init__(self, popen: Popen) -> None:
        super().__init__(popen.stdin, popen.stdout, execmodel=get_execmodel("thread"))
        self._popen = popen

    def wait(self) -> int | None:
        return self._popen.wait()

    def kill(self) -> None:
        self._popen.kill()


class Process:
    """A worker's process. One thread makes and uses it; any may call `kill`.

    That thread has to live as long as the process: Linux ends a process with the thread that started it.
    """

    def __init__(self, start: Start, stem: Path) -> None:
        """Start it, or OSError; `stem` is where `.log` (which is continued) and `.progress` go."""
        self._log, self._marks = stem.with_suffix(".log"), stem.with_suffix(".progress")
        self._marks.unlink(missing_ok=True)
        self._marks.write_bytes(bytes(Progress.FORM.size))
        self._progress = Progress(str(self._marks))
        self._channel: Any = None
        self._gone = False
        with self._log.open("ab") as log:
            self._began = log.tell()
            self._popen, self._parent = start(log)

    def connect(self, root: str, arguments: tuple[Any, ...], deadline: float) -> tuple[Any, ...]:
        """Boot the worker and wait for the first thing that it says; Ended where it dies, or is silent for too long."""
        ends = time.monotonic() + deadline
        try:
            with self._ended_after(deadline):
                self._boot((str(OURS), root, self._parent, (*arguments, str(self._marks))))
            message = self.receive(max(ends - time.monotonic(), 0))
        except Ended:
            if time.monotonic() < ends:
                raise
            message = None
        if message is None:
            self.kill()
            raise Ended(f"no word within {deadline:g} s")
        return message

    def _boot(self, arguments: tuple[Any, ...]) -> None:
        try:
            gateway = bootstrap(_IO(self._popen), XSpec("popen//python=own//id=worker//execmodel=thread"))
            self._channel = gateway.remote_exec(boot)
            self._channel.send(arguments)
        except (OSError, EOFError):
            raise Ended(self._end()) from None
        except AssertionError:  # the bootstrap read something else than its own first byte
            self.kill()
            raise Ended("something prints to standard output while the interpreter starts") from None

    def send(self, message: tuple[Any, ...], deadline: float) -> None:
        """Hand a message over; Ended where nobody takes it within `deadline` seconds."""
        data = pickle.dumps(message, 5)
        try:
            with self._ended_after(deadline) if len(data) > PIPE else contextlib.nullcontext():
                self._channel.send(data)
        except OSError:
            raise Ended(self._end()) from None

    def receive(self, timeout: float) -> tuple[Any, ...] | None:
        """The next message, or None where there is none in time; Ended where there never will be one."""
        try:
            return pickle.loads(self._channel.receive(timeout))  # noqa: S301  our own worker's
        except self._channel.TimeoutError:
            if self._popen.poll() is not None:  # a child of the worker's can hold the channel open
                raise Ended(self._end()) from None
            return None
        except EOFError:
            raise Ended(self._end()) from None
        except RemoteError as error:
            self.kill()
            raise Ended(str(error).strip().splitlines()[-1]) from None

    def progress(self) -> Mark:
        """Batch number, first position, how many, and the length of the log before: what the worker is at."""
        return self._progress.read()

    def trim_log(self) -> None:
        """Start the log again where it is very long, so that a framework that floods it fills no disk."""
        if self._log.stat().st_size > LOG_LIMIT:
            os.truncate(self._log, 0)

    def last_words(self, since: int | None = None) -> str:
        """What the log says at its end, on one line: the frames of a fatal error, and the last lines before them."""
        size = self._log.stat().st_size
        begin = self._began if since is None else since
        with self._log.open("rb") as log:
            log.seek(max(begin if begin <= size else 0, size - (1 << 16)))
            return last_words(log.read().decode(errors="replace"))

    def waited(self) -> float:
        """Seconds in which its threads could have run and the machine ran others, all threads together.

        Source: the second number of `/proc/PID/task/TID/schedstat`, in nanoseconds, as the kernel's documentation of
        the scheduler's statistics has it. 0 where the system does not tell.
        """
        seconds = 0.0
        for path in Path(f"/proc/{self._popen.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError, ValueError, IndexError):  # a thread may end meanwhile
                seconds += int(path.read_text().split()[1]) / 1e9
        return seconds

    def ask_where(self) -> None:
        """Have a process that hangs write to its log where it is."""
        size = self._log.stat().st_size
        if not hasattr(signal, "SIGUSR1"):  # Windows
            return
        with contextlib.suppress(OSError):
            self._popen.send_signal(signal.SIGUSR1)
        for _ in range(20):
            time.sleep(0.02)
            if self._log.stat().st_size > size:
                return

    def kill(self) -> None:
        """End the process and its children at once; again, and from any thread, does no harm."""
        if self._gone:  # its number may be another's by now
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._popen.pid, signal.SIGKILL)
            else:
                self._popen.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(SETTLE)
            self._gone = True
        self._marks.unlink(missing_ok=True)

    def _end(self) -> str:
        """How the process ended; it is ended here where it closed its channel and lives on."""
        try:
            status = self._popen.wait(LINGER)
        except subprocess.TimeoutExpired:
            self.kill()
            return "closed its channel and lived on"
        self.kill()
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"

    @contextlib.contextmanager
    def _ended_after(self, seconds: float) -> Any:
        """Kill the process where the body takes longer: a write to it, or a read from it, then fails."""
        timer = threading.Timer(seconds, self.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def environment(interpreter: str, env: Mapping[str, str]) -> dict[str, str]:
    """The host's environment with the backend's own; what leads Python to the host's packages stays with the host."""
    found = dict(os.environ)
    if interpreter != sys.executable:
        for name in ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__"):
            found.pop(name, None)
    return found | {"PYTHONFAULTHANDLER": "1"} | dict(env)
