"""A real browser without a window, driven over its own debugging pipe, for the tests of the page's script.

`CONVT_BROWSER` names the Chromium to use, by path or by name: where it is set, a missing one is a failure. Where it is
not, the usual names are looked for, and tests that need one skip with a reason that says so. Nothing is installed.
Protocol: https://chromedevtools.github.io/devtools-protocol/, JSON messages that end with a zero byte.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 600.0
"""Seconds for one answer; a cold start takes five."""
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe")
LAUNCH = (
    "import os, sys; r, w, *words = sys.argv[1:]; os.dup2(int(r), 3); os.dup2(int(w), 4); os.execv(words[0], words)"
)


def program() -> str:
    """The browser's program; skips the test where there is none, and fails it where `CONVT_BROWSER` promised one."""
    promised = os.environ.get("CONVT_BROWSER")
    found = next(filter(None, map(shutil.which, [promised] if promised else NAMES)), None)
    if found is None and promised:
        pytest.fail(f"CONVT_BROWSER: found no program {promised!r}, accepted the path or name of a Chromium", False)
    if found is None:
        pytest.skip(f"NO BROWSER, so the page's script is not tested: no {', '.join(NAMES)}; CONVT_BROWSER names one")
    return found


class Browser:
    """One browser with one page. Every answer is waited for; what the page's script throws is kept in `faults`."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._folder = tempfile.TemporaryDirectory(prefix="convt-browser-", ignore_cleanup_errors=True)
        self._log = Path(self._folder.name, "log").open("w+b")  # noqa: SIM115  closed in `close`
        self._process = self._start([program(), *FLAGS, f"--user-data-dir={self._folder.name}/profile", "about:blank"])
        self._buffer = b""
        self._events: list[dict[str, Any]] = []
        self._number = 0
        self._session: str | None = None
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime"):
            self.call(f"{domain}.enable")

    def _start(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        """The browser's process: it reads messages from its descriptor 3 and writes them to its descriptor 4."""
        pipes = [*os.pipe(), *os.pipe()]
        reads, self._to, self._from, writes = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in pipes)
        for end in pipes:
            os.close(end)
        launcher = [sys.executable, "-IS", "-c", LAUNCH, str(reads), str(writes), *words]
        process = subprocess.Popen(launcher, pass_fds=(reads, writes), stdout=self._log, stderr=self._log)
        os.close(reads)
        os.close(writes)
        return process

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command's result; AssertionError with the browser's last words where there is none."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._receive(method)).get("id") != self._number:
            self._take(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return dict(answer["result"])

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Runtime.exceptionThrown":
            details = event["params"]["exceptionDetails"]
            self.faults.append(details.get("exception", {}).get("description", details["text"]))
        self._events.append(event)

    def _receive(self, waits_for: str) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
            data = os.read(self._from, 1 << 20) if ready else b""
            assert data, f"no answer to {waits_for}; the browser's last words: {self._last_words()}"
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\0", 1)
        return dict(json.loads(line))

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read()[-1500:].decode(errors="replace")

    def open(self, path: Path, address: str = "", scripts: bool = True) -> None:
        """Load a page from disk with `address` (`?query#fragment`) behind its path; `faults` begins anew."""
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.call("Page.navigate", url="about:blank")  # or another fragment alone would load nothing
        self.call("Page.navigate", url=path.resolve().as_uri() + address)
        self.faults.clear()
        self._events.clear()
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._take(self._receive("Page.loadEventFired"))

    def run(self, body: str) -> Any:
        """What the body of an async function returns in the page, as JSON; AssertionError with what it throws."""
        expression = f"(async () => {{ {body} }})()"
        done = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]["exception"].get("description", done)
        return done["result"].get("value")

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press and release a key that writes itself, as a person does; 2 is the control key."""
        text = {} if modifiers else {"text": key}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, modifiers=modifiers, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, modifiers=modifiers)

    def close(self) -> None:
        """End the browser's processes."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._log.close()
        self._folder.cleanup()

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
