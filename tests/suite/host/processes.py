"""Whether processes live and end, which tests wait for as long as a busy machine takes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path


def lives(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet reaped does not."""
    if sys.platform == "linux":
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
    else:
        command = ["ps", "-o", "stat=", "-p", str(pid)]
        state = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()[:1]
    return state not in ("", "Z", "X")


def ends(pid: int, seconds: float = 60) -> bool:
    """Whether a process ends within some seconds."""
    until = time.monotonic() + seconds
    while lives(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not lives(pid)
