"""A backend that says what it lacks: bfloat16, and whatever meets it."""

from __future__ import annotations

from convt.adapter.backend import Want
from convt.conv.settings import Settings
from tests.suite.conv.reference import Honest


class LacksBfloat16(Honest):
    """Right in everything else."""

    name = "lacks"

    def unsupported_dtype(self, dtype: str, settings: Settings, want: Want = "value") -> str | None:
        return "no bfloat16 here" if dtype == "bfloat16" or want == "mixed-bfloat16" else None
