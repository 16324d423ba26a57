"""What every adapter that reorders axes needs: which array a derivative is like."""

from __future__ import annotations

from typing import Any

LIKE_X = ("grad-x", "only-x", "grad-wx", "jvp-grad-x")
LIKE_W = ("grad-w", "only-w", "grad-xw")
LIKE_B = ("grad-b", "only-b")
ALONG_X = ("grad-xw", "jvp-x")
"""Whose direction t is like x; that of the others is like w."""


def tuples(value: Any) -> Any:
    """Lists, which JSON has, as the tuples that people write."""
    return tuple(map(tuples, value)) if isinstance(value, (list, tuple)) else value
