"""Reading the run file that a command is about."""

from __future__ import annotations

from pathlib import Path

from convt.commands.parts import complain
from convt.results.runfile import Run, read_run


def read(path: Path) -> Run:
    """The run in a file, with a warning where it was interrupted."""
    run = read_run(path)
    if run.footer.partial:
        complain(f"warning: {path}: the run was interrupted; it has {len(run.verdicts):,} verdicts of those asked for")
    return run
