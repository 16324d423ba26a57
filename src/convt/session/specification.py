"""What a run is held against, as one digest."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from convt.content import ROOT


@cache
def specification() -> str:
    """One digest over the laws, the oracles and the cases: runs of other specifications cannot be compared.

    The known differences are not in it: they explain what fails, and change no verdict.
    """
    digest = hashlib.sha256()
    for path in held():
        digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def held() -> list[Path]:
    """The files that make the specification."""
    files = [*(ROOT / "specs").rglob("*.yaml"), *(ROOT / "tests" / "laws").glob("*.py")]
    return sorted(files)
