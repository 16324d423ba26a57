"""What oneDNN does to memory that is not its own, under every framework that asks it for convolutions on a CPU.

Measured with oneDNN 3.7.3 in TensorFlow 2.21.0 and with that in PyTorch 2.13.0, on a CPU with AVX-512 and 48 KB of L1
data cache, as it is and with ONEDNN_MAX_CPU_ISA=AVX2, on 1, 2 and 4 threads.
"""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

from convt.conv.settings import Op, Settings

STRAYS = "oneDNN's gradient of a kernel of one tap with a stride harms memory where channels are few"
OVERRUNS = "oneDNN writes beyond an output of one column where no tap of the kernel reaches a plane of it"
CPUINFO = Path("/proc/cpuinfo")
L1_DATA = 32 << 10
"""Bytes of a core's data cache where the system does not say."""
BLOCK = 16
"""Positions that no two threads share."""
VECTOR = {True: 16, False: 8}
"""Numbers of float32 in a vector, with AVX-512 and with AVX2."""


def strays(it: Settings, dtype: str, *, avx512: bool, threads: int) -> bool:
    """Whether the gradient of this kernel, of one tap with a stride, in channels-last memory, harms memory.

    `jit_1x1` copies the positions that the taps see together, and finds a place in that copy as if it had a whole
    vector of channels: with fewer, every place but the first is too far. So it takes a copy that is made in several
    parts: of more positions than a cache holds, or shared by threads. Source: src/cpu/x64/jit_*_1x1_convolution.cpp,
    `rp.ws` of execute_backward_weights, and rtus_prepare in jit_uni_1x1_conv_utils.hpp, which takes these settings.
    """
    channels, seen, places = (
        (it.channels_out, it.output, it.input) if it.transposed else (it.channels_in, it.input, it.output)
    )
    strided = it.rank < 3 and it.groups == 1 and max(it.kernel) == 1 < max(it.stride)
    whole = all(place * s == n for place, s, n in zip(places, it.stride, seen, strict=True))
    if not strided or not whole or any(lo for lo, _ in it.crop) or channels >= VECTOR[avx512]:
        return False
    positions = math.prod(places)
    shared = threads > 1 and it.batch % threads != 0 and positions > BLOCK
    if dtype == "bfloat16":
        return avx512 and shared
    if dtype != "float32" or not it.batch:
        return False
    return shared or positions > l1_data() // 64 if avx512 else positions > 4


def _overruns(it: Settings) -> bool:
    """Where oneDNN's `brg_conv_fwd` may write rows that are not there, over memory that is not the output's.

    A plane of the output that no tap reaches is filled in blocks of rows, the last of them too far: with AVX-512, some
    numbers of threads and one column a row. A transposed convolution without strides is computed so too.
    """
    if it.output[-1] != 1 or 0 in it.x_shape or (it.transposed and max(it.stride) > 1):
        return False
    n, k, s, d, (lo, _) = it.input[0], it.kernel[0], it.stride[0], it.dilation[0], it.crop[0]
    if it.transposed:
        reached = {i + j * d - lo for i in range(n) for j in range(k)}
    else:
        reached = {o for o in range(it.output[0]) for j in range(k) if 0 <= o * s + j * d - lo < n}
    return any(plane not in reached for plane in range(it.output[0]))


def mirrored(it: Settings) -> Settings:
    """The op that carries a gradient of y back to x; the same op where there is nothing to carry."""
    if 0 in it.x_shape or 0 in it.y_shape:
        return it
    sizes = None if it.transposed else it.input
    op: Op = "conv" if it.transposed else "conv_transpose"
    return it.replace(op=op, input=it.output, padding=it.crop, output_padding=None, output_size=sizes)


def may_overrun(it: Settings, gradients: bool) -> bool:
    """Whether a volume, or with its gradients the op that carries them back, is one of which `_overruns` tells."""
    return it.rank == 3 and (_overruns(it) or (gradients and _overruns(mirrored(it))))


def has_avx512(info: Path = CPUINFO) -> bool:
    """Whether oneDNN may use AVX-512: the processor has it, as far as that can be told, and no switch forbids it."""
    capped = {os.environ.get(name, "").upper() for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")}
    if capped & {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2"}:
        return False
    flags = processor_flags(info)
    return flags is None or "avx512f" in flags


@cache
def processor_flags(info: Path = CPUINFO) -> frozenset[str] | None:
    """The words of Linux's account of the processor, instruction sets among them; None where there is none. Read once:
    the kernel takes a millisecond to write it, and every claim asks."""
    try:
        return frozenset(info.read_text().split())
    except OSError:
        return None


def asked_of_tensorflow() -> dict[str, str]:
    """The variable that says whether TensorFlow asks oneDNN, where it is set: a script without it would compute by
    other kernels on a processor for which TensorFlow's default is another."""
    name = "TF_ENABLE_ONEDNN_OPTS"
    return {name: os.environ[name]} if name in os.environ else {}


def lines_that_set(variables: dict[str, str]) -> str:
    """The lines of a script that set environment variables, which have to come before the framework's import."""
    lines = [f'os.environ["{name}"] = "{value}"' for name, value in variables.items()]
    return "\n".join(["import os\n", *lines, "\n"]) if lines else ""


def given_by_tensorflow(info: Path = CPUINFO) -> tuple[str, ...]:
    """The dtypes that TensorFlow gives to oneDNN on this processor, whatever a switch keeps oneDNN from: the rule of
    `IsDataTypeSupportedByOneDNNOnThisCPU` in tensorflow/core/util/util.cc. Without /proc: those of most processors."""
    flags = processor_flags(info)
    if flags is None:
        return ("float32", "bfloat16")
    bfloat16 = flags & {"avx512f", "avx_ne_convert"}
    float16 = {"avx512bw", "avx512_fp16"} <= flags or "avx_ne_convert" in flags
    return ("float32", *["bfloat16"] * bool(bfloat16), *["float16"] * float16)


@cache
def l1_data(size: Path = Path("/sys/devices/system/cpu/cpu0/cache/index0/size")) -> int:
    """Bytes of the first core's data cache."""
    try:
        return int(size.read_text().strip().removesuffix("K")) << 10
    except (OSError, ValueError):
        return L1_DATA


def processors() -> int:
    """How many processors this process may use: what frameworks take for their threads."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
