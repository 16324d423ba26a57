"""Stress environments: the default mode of a backend in a process with other variables, as modes of their own.

A call that reads uninitialised memory is right as long as that memory holds zeros; what depends on the number of
threads, or on the kernels that this processor's instruction set picks, is right on this machine alone. A target such as
`pytorch/hostile` answers as `pytorch` does, in a process where it is not.

`MALLOC_PERTURB_=128` (glibc) fills fresh memory with bytes 0x7F, as float32 3.39e38, and freed memory with 0x80.
`CONVT_POISON` has the worker fill buffers of the sizes to come with NaN, and free them, before every evaluation.
`CONVT_HEAP_CHECK` and glibc's checker find memory that nobody owns and somebody wrote (`convt.adapter.heap`).
`CONVT_THREADS` is the number of threads that an adapter sets; without it, what it sets by itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from convt.adapter import heap
from convt.adapter.probe import Probe

THREADS = str(max(os.cpu_count() or 1, 4))

HEAP_CHECK, HEAP_CHECK_AVX2 = HEAP_CHECKS = ("heap-check", "heap-check-avx2")
"""Where the heap is checked: by this processor's kernels, and by those of AVX2 on one thread."""
_HEAP = {
    "LD_PRELOAD": heap.LIBRARY,
    "MALLOC_CHECK_": "3",
    "MALLOC_ARENA_MAX": "1",  # one heap, which can be walked
    "CONVT_HEAP_CHECK": "1",
}
_ONE_THREAD = {"CONVT_THREADS": "1", "OMP_NUM_THREADS": "1", "NPROC": "1"}
_AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "DNNL_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}

STRESS: Mapping[str, Mapping[str, str]] = {
    "hostile": {"MALLOC_PERTURB_": "128"},
    "poisoned": {"CONVT_POISON": "1"},
    HEAP_CHECK: _HEAP,
    HEAP_CHECK_AVX2: _HEAP | _AVX2 | _ONE_THREAD,  # several threads hide from each other what they harm
    "one-thread": _ONE_THREAD,
    "threads": {"CONVT_THREADS": THREADS, "OMP_NUM_THREADS": THREADS, "NPROC": THREADS},
    "avx2": _AVX2,
    "no-onednn": {"TF_ENABLE_ONEDNN_OPTS": "0", "CONVT_NO_MKLDNN": "1"},
}
"""Every stress environment and the variables of its process, over the backend's own."""
LARGEST_POISON = 1 << 26
"""Numbers of an array from which on no memory of its size is filled: there may be none to spare."""


def environment(mode: str) -> Mapping[str, str]:
    """The environment variables of a mode; none where it is one of the backend's own."""
    return STRESS.get(mode, {})


def lacks(mode: str) -> str | None:
    """Why a process cannot be in this stress environment on this machine, or None where it can."""
    return heap.lacks() if mode in HEAP_CHECKS else None


def own_mode(mode: str) -> str:
    """The mode that the adapter is made with: empty, its default, in a stress environment."""
    return "" if mode in STRESS else mode


def threads() -> int | None:
    """The number of threads that the stress environment asks for; None where it leaves that to the adapter."""
    asked = os.environ.get("CONVT_THREADS", "")
    return int(asked) if asked.isdigit() else None


def told() -> dict[str, str]:
    """The variables of the stress environment that are set here, for the header of the run."""
    names = {name for variables in STRESS.values() for name in variables}
    return {name: os.environ[name] for name in sorted(names - {"OMP_NUM_THREADS"}) if os.environ.get(name)}


def poison(probe: Probe, always: bool = False) -> None:
    """Where the stress environment asks for it, or `always`: fill memory of the sizes that the probe is about to need
    with NaN."""
    if not (always or os.environ.get("CONVT_POISON")):
        return
    it, size = probe.settings, probe.x.dtype.itemsize
    shapes = [shape for shape in (it.y_shape, it.x_shape, it.w_shape, it.b_shape) if np.prod(shape) < LARGEST_POISON]
    # several of each: an allocator may hand out the last one first, and a framework asks for copies of its own
    buffers = [np.full(max(int(np.prod(shape)), 1) * size, 0xFF, np.uint8) for shape in shapes for _ in range(4)]
    del buffers
