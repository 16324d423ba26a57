"""Memory that nobody owns: a walk of glibc's heap, and arrays between pages that nobody may touch.

In the stress environment `heap-check` every block that is freed is checked by glibc (`libc_malloc_debug`, with
`MALLOC_CHECK_=3`), which ends the process where a byte behind a block was written. What is damaged and not freed is
found by `damage`: the blocks of the heap lie one behind the other, each with its size before it, so that a size that
somebody wrote over leads astray. Arrays that a framework is given end where a page begins that cannot be read.

Runs in the target's process, so it needs Python 3.10+ and numpy alone.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import re
import sys
import time
from pathlib import Path

import numpy as np

TOGETHER = 32
"""Probes between two walks, which take about 0.1 s: PyTorch's and TensorFlow's heaps have 400,000 blocks."""
LIBRARY = "libc_malloc_debug.so.0"
OLDEST = (2, 34)
"""The first glibc whose checker is a library of its own, with which this was tried."""
SMALLEST = 16
"""Bytes of the smallest step: a fence that glibc lays where another has moved the end of the heap."""
FLAGS = 7
"""The bits of a size that are none."""
LOOKS = 3
"""A thread of the framework may be about to write a size; what is damaged stays so."""
CANARY = 0xA5
PROT_NONE = 0
_LIBC = re.compile(r"^.* (/\S*/libc(?:-\d+\.\d+)?\.so(?:\.6)?)$", re.MULTILINE)
_HEAP = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) .*\[heap\]$", re.MULTILINE)


def checking() -> bool:
    """Whether this process is to check its heap."""
    return os.environ.get("CONVT_HEAP_CHECK") == "1"


def lacks() -> str | None:
    """Why no heap can be checked on this machine, or None where it can."""
    if sys.platform != "linux" or sys.maxsize < 1 << 32:
        return f"heap checking needs 64-bit Linux with glibc, and this is {platform.platform(terse=True)}"
    name, version = platform.libc_ver()
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if name != "glibc" or numbers < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        return (
            f"heap checking needs glibc {wanted} or newer, and this is {name or 'another C library'} {version}".strip()
        )
    found = _LIBC.search(_maps())
    if found is None or not Path(found[1]).with_name(LIBRARY).exists():
        return f"heap checking needs {LIBRARY}, which is not beside {found[1] if found else 'the C library'}"
    return None


def unready() -> str | None:
    """Why the heap of this process cannot be checked although the machine's can; None where it can."""
    if LIBRARY not in _maps():
        return f"{LIBRARY} is not loaded here, as LD_PRELOAD asks"
    if not _heaps():
        return "this process has no heap that could be walked"
    return damage() or None


def damage() -> str:
    """Where the heap is damaged, in words that are the same on every run; empty where it is not."""
    for look in range(LOOKS):
        if look:
            time.sleep(0.02)
        if not any(map(_astray, _heaps())):
            return ""
    return "the size of a block of the heap was written over"


def _astray(heap: tuple[int, int]) -> bool:
    """Whether the sizes of a heap's blocks do not lead from its begin to its end.

    They are read from a copy: memory that glibc gives back meanwhile cannot be read, and makes the copy shorter.
    """
    words = _copy(*heap)
    at, last = 0, len(words) - 1
    while at < last:
        size = words[at + 1] & ~FLAGS
        if size < SMALLEST or size & 15:
            return True
        at += size >> 3
    return at != last + 1


def _copy(start: int, end: int) -> memoryview:
    """What stands in this memory, as words of 8 bytes, so far as it can be read."""
    sbrk = ctypes.CDLL(None).sbrk
    sbrk.argtypes, sbrk.restype = [ctypes.c_long], ctypes.c_void_p
    end = min(end, sbrk(0) or end)  # that of the map may be of before glibc gave some memory back
    with open("/proc/self/mem", "rb", buffering=0) as memory:  # noqa: PTH123  which is no file of a folder
        memory.seek(start)
        data = memory.read(end - start)
    return memoryview(data)[: len(data) // 8 * 8].cast("Q")


def _heaps() -> list[tuple[int, int]]:
    """Begin and end of the memory that glibc's blocks lie in, in one piece where the kernel keeps it in several."""
    found: list[tuple[int, int]] = []
    for begin, end in ((int(begin, 16), int(end, 16)) for begin, end in _HEAP.findall(_maps())):
        if found and found[-1][1] == begin:
            begin = found.pop()[0]
        found.append((begin, end))
    return found


def _maps() -> str:
    return Path("/proc/self/maps").read_text()


def memory(size: int) -> np.ndarray:
    """So many bytes that nobody has written; where the heap is checked, with pages around that nobody may touch."""
    return guarded(size) if checking() else np.empty(size, np.uint8)


def copied(array: np.ndarray) -> np.ndarray:
    """A copy in C order, in `memory`."""
    if not checking():
        return np.array(array, order="C")
    copy = guarded(array.nbytes).view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def guarded(size: int) -> np.ndarray:
    """So many bytes that end where a page begins which cannot be read or written; such a one stands before them too.

    An access to it ends the process by SIGSEGV, in the call that makes it. The memory is given back with the array.
    """
    page = mmap.PAGESIZE
    inner = max(-(-size // page), 1) * page
    mapped = np.frombuffer(mmap.mmap(-1, inner + 2 * page), np.uint8)
    start = mapped.ctypes.data
    for place in (start, start + page + inner):
        if ctypes.CDLL(None, use_errno=True).mprotect(ctypes.c_void_p(place), ctypes.c_size_t(page), PROT_NONE):
            raise OSError(ctypes.get_errno(), "mprotect")
    mapped[page : page + inner - size] = CANARY
    return mapped[page + inner - size : page + inner]
