"""How long a worker is silent, in time that it could have answered in: a busy machine makes no hang."""

from __future__ import annotations

import time

from convt.host.process import Process

MOST_WAITED = 4
"""Deadlines that are added at most, where the machine runs others meanwhile: a hang ends on a busy machine too."""


class Silence:
    """A worker's silence since it last said something or went on to another probe."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.ends()

    def ends(self) -> None:
        """The worker said something."""
        self._since = time.monotonic()
        self._before: float | None = None

    def exceeds(self, seconds: float) -> bool:
        """Whether it is longer than so many seconds, without those in which the worker waited for a processor."""
        silent = time.monotonic() - self._since
        if self._before is None:  # not at once: what answers soon, as nearly everything does, costs no look
            self._before = self._process.waited()
        if silent <= seconds:
            return False
        return silent - min(self._process.waited() - self._before, MOST_WAITED * seconds) > seconds
