"""A tensor folded to the sums of its blocks: what is compared where the tensor itself is too large to travel.

The numbers are taken in C order, in consecutive blocks. Of each block there is the plain sum, and the sum in which each
number counts as often as its place in the block says, from 1: any two numbers that change places show. At chosen places
the numbers stand themselves. Whole numbers up to 2,048 in blocks of up to 2^20 keep every sum below 2^53, exact in
float64 in whatever order it is taken.

Runs on both sides, so it needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

LARGEST_BLOCK = 1 << 20
PIECE = 1 << 21
"""How many numbers are looked at together: 4 MB of float16, and 16 MB of the float64 that they become."""
POWERS = range(8, 34)
SPREAD = 61


def marks(size: int) -> np.ndarray:
    """The places at which the numbers themselves are kept: the first and last, both sides of every power of two at
    which a count of numbers or of bytes may wrap around, and 61 in between."""
    ends = {0, 1, size - 2, size - 1, *(2**power + near for power in POWERS for near in (-1, 0, 1))}
    between = {at * size // SPREAD for at in range(SPREAD)}
    return np.array(sorted(at for at in ends | between if 0 <= at < size), np.int64)


def blocks(size: int, block: int) -> int:
    """How many blocks there are, the last one perhaps shorter."""
    return -(-size // block)


class BlockSums:
    """Takes the numbers of a tensor of `size` in, piece by piece in C order."""

    def __init__(self, size: int, block: int) -> None:
        self._block, self._at = block, 0
        self._sums = np.zeros((2, blocks(size, block)))
        self._marks = marks(size)
        self._seen = np.full(len(self._marks), np.nan)
        self._weights = np.arange(1, min(block, size) + 1, dtype=np.float64)

    def add(self, piece: np.ndarray) -> None:
        """Take the next numbers in, a flat array of them."""
        begin, end = self._at, self._at + len(piece)
        low, high = np.searchsorted(self._marks, (begin, end))
        self._seen[low:high] = piece[self._marks[low:high] - begin]
        while self._at < end:
            which, offset = divmod(self._at, self._block)
            count = min(self._block - offset, end - self._at)
            part = piece[self._at - begin : self._at - begin + count].astype(np.float64)
            with np.errstate(invalid="ignore", over="ignore"):  # a wrong answer may hold anything
                self._sums[0, which] += part.sum()
                self._sums[1, which] += part @ self._weights[offset : offset + count]
            self._at += count

    def result(self) -> np.ndarray:
        """(2 * blocks + marks,): every plain sum, every weighted sum, and the numbers at the marks."""
        return np.concatenate([*self._sums, self._seen])


def block_sums(array: np.ndarray, block: int) -> np.ndarray:
    """An array as the sums of its blocks, without a second copy of it."""
    return sum_blocks(pieces(array), array.size, block)


def sum_blocks(parts: Iterable[np.ndarray], size: int, block: int) -> np.ndarray:
    """The same of flat parts that follow each other."""
    folder = BlockSums(size, block)
    for part in parts:
        folder.add(part)
    return folder.result()


def pieces(array: np.ndarray) -> Iterator[np.ndarray]:
    """The numbers in C order, whatever their order in memory: flat views, or copies of a piece where that differs."""
    shape, axis, inner = array.shape, array.ndim, 1
    while axis and inner * shape[axis - 1] <= PIECE:
        axis -= 1
        inner *= shape[axis]
    if not axis:
        yield array.reshape(-1)
        return
    step = max(PIECE // inner, 1)
    for lead in np.ndindex(*shape[: axis - 1]):
        for at in range(0, shape[axis - 1], step):
            yield array[(*lead, slice(at, at + step))].reshape(-1)
