"""Which keyword, `same` or `valid`, means the same as crop pairs: for frameworks that take keywords alone.

Two crops of one output size give the same numbers where they begin at the same place, or where nothing lands on the
output at all; what is cut off at the end follows from the size.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from convt.conv.settings import Settings


def keyword(it: Settings) -> str | None:
    """The keyword that gives the same numbers as the settings, the one that they say first; None where none does."""
    for word in ("same", "valid") if it.padding == "same" else ("valid", "same"):
        meant = it.replace(padding=word, output_padding=None, output_size=None)
        if meant.output == it.output and same_numbers(it, [lo for lo, _ in meant.crop]):
            return word
    return None


def same_numbers(it: Settings, lows: Sequence[int]) -> bool:
    """Whether the settings, cropped by `lows` at the beginning of each axis and of the same size, are unchanged."""
    own = [lo for lo, _ in it.crop]
    return own == list(lows) or (_is_empty(it, own) and _is_empty(it, lows))


def _is_empty(it: Settings, lows: Sequence[int]) -> bool:
    """Whether on some axis no tap reaches the output (transposed) or the input (forward)."""
    return any(not _lands(it, axis, lo) for axis, lo in enumerate(lows))


def _lands(it: Settings, axis: int, lo: int) -> bool:
    near, far = (it.input, it.output) if it.transposed else (it.output, it.input)
    places = product(range(near[axis]), range(it.kernel[axis]))
    return any(0 <= i * it.stride[axis] + j * it.dilation[axis] - lo < far[axis] for i, j in places)
