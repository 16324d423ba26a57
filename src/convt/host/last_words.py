"""What the log of a process says about its end, in one line that is the same on every run."""

from __future__ import annotations

import re

LONGEST = 600
"""Characters of a reason at most."""
_FATAL = re.compile(r"^Fatal Python error: (.+)$", re.MULTILINE)
_STACK = re.compile(r"^(?:Current thread .*|Stack )\(most recent call first\):$", re.MULTILINE)
_FRAME = re.compile(r'^  File "(?:.*[/\\])?([^"]+)", line (\d+) in (\S+)$', re.MULTILINE)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")

_CHECK = re.compile(r"^F\d{4,8} [\d:.]+ +\d+ ", re.MULTILINE)
"""How absl and glog begin the line of a failed check: level, date, time, thread."""
_TRACE = re.compile(r" *(@ +0x|#\d+ |\*\*\* Check failure stack trace)")
_SIGNALS = ("Segmentation fault", "Aborted", "Bus error", "Illegal instruction", "Floating-point exception")
"""Fatal errors that say no more than the signal does."""


def last_words(log: str) -> str:
    """The fatal error, the innermost two frames, and what was written before; empty where there is nothing."""
    fatal = _FATAL.search(log)
    stacks = list(_STACK.finditer(log))
    first = min([found.start() for found in (fatal, *stacks[-1:]) if found], default=len(log))
    frames = _FRAME.findall(log[stacks[-1].end() :])[:2] if stacks else []
    said = _said(log[:first])
    parts = [
        fatal[1] if fatal and fatal[1] not in _SIGNALS else "",
        ", from ".join(f"{file}:{line} in {name}" for file, line, name in frames),
        f"log: {said}" if said else "",
    ]
    return _ADDRESS.sub("0x..", "; ".join(filter(None, parts)))[:LONGEST]


def _said(log: str) -> str:
    """A failed check of C++ code with the line below it, else the last three lines that are no stack trace."""
    check = _CHECK.search(log)
    if check:
        log = log[check.end() :]
    lines = [line.strip()[:200] for line in log.splitlines() if line.strip() and not _TRACE.match(line)]
    return " | ".join(lines[:2] if check else lines[-3:])
