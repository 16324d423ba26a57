"""How far a run is: one live line on a terminal, a line every half minute elsewhere.

The time left is told from the course of the last run of as many items, which is kept beside its results: items finish
in bursts, for their answers are asked for far ahead, so that a mere proportion would mislead.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.live import Live
from rich.text import Text

EVERY = 30.0
"""Seconds between lines where there is no terminal."""
FRESH = 4
"""How often a second the live line is drawn anew."""
COURSE = "course.json"
"""The file beside the results with (share of the items, seconds) of the last run."""
POINTS = 200
"""Points of a course at most."""


class Line:
    """A line that tells how far something is: one live line on a terminal, a line every half minute elsewhere."""

    def __init__(self, file: IO[str], terminal: bool) -> None:
        self._began = time.monotonic()
        self._stop = threading.Event()
        console = Console(file=file, force_terminal=terminal, highlight=False, emoji=False)
        self._live: Live | None = None
        if terminal:
            self._live = Live(get_renderable=self.line, console=console, refresh_per_second=FRESH, transient=True)
            self._live.start()
        else:
            self._thread = threading.Thread(target=self._tell_often, args=(console,), daemon=True)
            self._thread.start()

    def line(self) -> Text:
        """What is told now."""
        raise NotImplementedError

    def take_away(self) -> None:
        """Tell no more, and leave no live line behind."""
        self._stop.set()
        if self._live is not None:
            self._live.stop()
        else:
            self._thread.join()

    def _tell_often(self, console: Console) -> None:
        with contextlib.suppress(OSError):  # nobody reads it any more
            while not self._stop.wait(EVERY):
                console.print(self.line(), soft_wrap=True)
                console.file.flush()  # a pipe keeps it back otherwise


class Waiting(Line):
    """The line of something without items: `environments: 35 s, about 50 s left`. A context manager."""

    def __init__(self, what: str, expected: float, file: IO[str], terminal: bool) -> None:
        """`expected`: seconds that it may take; 0 where nobody knows."""
        self._what, self._expected = what, expected
        super().__init__(file, terminal)

    def line(self) -> Text:
        seconds = time.monotonic() - self._began
        left = self._expected - seconds
        told = f", about {left:.0f} s left" if left > 0 else ", longer than estimated" if self._expected else ""
        return Text(f"{self._what}: {seconds:.0f} s{told}", overflow="ellipsis", no_wrap=True)

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        self.take_away()


class Progress(Line):
    """The line of one run; `step` is told of every item that ended."""

    def __init__(
        self, items: int, waiting: Callable[[], Mapping[str, int]], folder: Path, file: IO[str], terminal: bool,
        expected: float = 0.0,
    ) -> None:  # fmt: skip
        """`waiting`: how many probes each target still has to answer; `folder`: of the results. `expected`: seconds
        that the run may take, where no earlier one was of as many items; 0 where nobody knows."""
        self._items, self._waiting, self._folder = items, waiting, folder
        self._done = self._failed = 0
        self._course: list[tuple[float, float]] = []
        self._last = course(folder, items) or even(expected)
        super().__init__(file, terminal)

    def step(self, failed: bool = False) -> None:
        """One more item ended."""
        self._done += 1
        self._failed += failed
        if self._done * POINTS // max(self._items, 1) > len(self._course):
            self._course.append((self._done / self._items, time.monotonic() - self._began))

    def finish(self) -> None:
        """Take the line away; where every item ended, keep the course for the next run."""
        self.take_away()
        if self._items and self._done == self._items:
            course = [*self._course, (1.0, time.monotonic() - self._began)]
            rounded = [(round(share, 4), round(at, 1)) for share, at in course]
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / COURSE).write_text(json.dumps({"items": self._items, "course": rounded}))

    def line(self) -> Text:
        """`1,200 of 7,224 items, 2 failed, 95 s, about 200 s left; jax 312 probes, pytorch waiting`."""
        seconds = time.monotonic() - self._began
        parts = [f"{self._done:,} of {self._items:,} items"]
        parts += [f"{self._failed} failed"] if self._failed else []
        parts.append(f"{seconds:.0f} s")
        left = remaining(self._last, self._done / max(self._items, 1), seconds)
        parts += [] if left is None else [f"about {left:.0f} s left"]
        targets = [f"{name} {f'{count:,} probes' if count else 'waiting'}" for name, count in self._waiting().items()]
        said = f"{', '.join(parts)}{'; ' if targets else ''}{', '.join(targets)}"
        return Text(said, overflow="ellipsis", no_wrap=self._live is not None)


def course(folder: Path, items: int) -> list[tuple[float, float]]:
    """(share of the items, seconds) of the last run of as many items in a folder; empty where there is none."""
    try:
        kept = json.loads((folder / COURSE).read_text())
        return [(float(share), float(at)) for share, at in kept["course"]] if kept["items"] == items else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def remaining(course: Sequence[tuple[float, float]], share: float, seconds: float) -> float | None:
    """Seconds left, from the course of an earlier run and how this one compares with it so far; None where unknown."""
    if not course or share >= 1:
        return None
    then = next((at for reached, at in course if reached >= share), course[-1][1])
    pace = seconds / then if share > 0 and then > 1 else 1.0
    return max((course[-1][1] - then) * pace, 0.0)


def even(expected: float) -> list[tuple[float, float]]:
    """The course of a run of so many seconds of which nothing else is known; empty where they are 0."""
    points = range(POINTS + 1) if expected else ()
    return [(point / POINTS, expected * point / POINTS) for point in points]
