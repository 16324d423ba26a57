"""What a run is held against, as one digest."""

from __future__ import annotations

import hashlib
from functools import cache

from tests.options import ROOT


@cache
def specification() -> str:
    """One digest over the laws, the oracles and the cases: runs of other specifications cannot be compared."""
    digest = hashlib.sha256()
    for path in sorted(
        [*(ROOT / "specs").rglob("*.py"), *(ROOT / "specs").rglob("*.yaml"), *(ROOT / "tests" / "laws").glob("*.py")]
    ):
        digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]
