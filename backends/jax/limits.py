"""What JAX says of itself: its devices, its threads, and the dtypes that it does not keep."""

from __future__ import annotations

import os
from typing import Any

from convt.adapter.backend import ABSTRACT, GRADIENTS, Want

NARROWED = {"float64": "float32", "complex128": "complex64", "int64": "int32"}
"""What becomes of an array unless jax_enable_x64 is set."""


def refused_dtype(jax: Any, dtype: str, want: Want) -> str | None:
    """What JAX does with arrays of a dtype that it does not keep, or of one that has no gradient."""
    if want in ABSTRACT:
        return None
    if dtype in NARROWED and not jax.config.jax_enable_x64:
        return f"{dtype} becomes {NARROWED[dtype]} unless jax_enable_x64 is set"
    if want in GRADIENTS and "int" in dtype:
        return f"gradients are of real or complex arrays, not of {dtype}"
    return None


def device_name(device: Any) -> str:
    """A device as targets spell it: `cpu`, `cpu:1`, `cuda:0`."""
    if device.platform == "cpu" and device.id == 0:
        return "cpu"
    return f"{'cuda' if device.platform == 'gpu' else device.platform}:{device.id}"


def xla_threads() -> str:
    """How many threads XLA's pool for the CPU has: NPROC, or else the processors there are. OMP_NUM_THREADS is no
    matter to it. Other pools of the client, for compiling and copying, grow with NPROC too, but not down to 1."""
    tasks = "/proc/self/task"
    names = os.listdir(tasks) if os.path.isdir(tasks) else []  # noqa: PTH112, PTH208
    counted = sum("XLAEigen" in _read(f"{tasks}/{name}/comm") for name in names)
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return str(counted or processors)


def _read(path: str) -> str:
    """What a thread is called; nothing of one that ended meanwhile."""
    try:
        with open(path) as file:  # noqa: PTH123  the path came as text
            return file.read()
    except OSError:
        return ""
