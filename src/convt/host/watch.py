"""What a framework's call costs, and what it warns of: seen in the target's process, around each call.

Runs on the target's side: Python 3.10+ and its standard library alone.
"""

from __future__ import annotations

import re
import sys
import time
import warnings
from typing import Any, cast

MOST = 8
"""How many warnings of one call are kept."""
LONGEST = 240
"""Characters of a warning that are kept."""
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}\b")
_FOLDERS = re.compile(r"(?<![^\s'\"(<\[])(?:[A-Za-z]:)?[\\/](?:[^\s\\/:'\"]+[\\/])+([^\s\\/:'\"]+)(?::\d+)?")


class Watch:
    """Around one call: `seconds` on the clock, and `warned`, what Python's warnings said meanwhile."""

    seconds: float
    warned: tuple[str, ...]

    def __enter__(self) -> Watch:
        self._catch = warnings.catch_warnings(record=True)
        self._caught = self._catch.__enter__()
        self._began = time.perf_counter()
        return self

    def __exit__(self, *error: Any) -> None:
        self.seconds = time.perf_counter() - self._began
        self._catch.__exit__(*error)
        self.warned = spelled(self._caught or [])


def filters() -> list[Any]:
    """The interpreter's filters of warnings, to be taken before anything is imported: see `show_all`. A process that is
    forked after its framework was imported has those of before (`convt.host.template`)."""
    return list(getattr(sys.modules.get("__main__"), "FILTERS", warnings.filters))


def show_all(at_first: list[Any]) -> None:
    """Let every warning through that the framework itself does not silence.

    Python's own filters, `at_first`, hide what an upgrade is to be asked about: DeprecationWarning. Those that an
    import has added are what its authors want hidden.
    """
    filters = cast("list[Any]", warnings.filters)
    filters[:] = [each for each in filters if each not in at_first]
    warnings.simplefilter("always", append=True)


def spelled(caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    """Each warning once, as `Category: message`, in one order, without what changes from run to run."""
    return tuple(sorted({normal(f"{each.category.__name__}: {each.message}") for each in caught})[:MOST])


def normal(text: str) -> str:
    """One line without memory addresses, folders and line numbers."""
    return _FOLDERS.sub(r"\1", _ADDRESS.sub("0x", " ".join(text.split())))[:LONGEST]
