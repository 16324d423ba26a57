"""Where oneDNN's AMX kernels, which take bfloat16, end the process, under every framework that asks it on a CPU.

Measured with oneDNN 3.12.0 in PyTorch 2.13.0, and seen in TensorFlow 2.21.0, on a CPU with AMX and one thread.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from convt.adapter.backend import ABSTRACT, GRADIENTS, Want
from convt.conv.settings import Settings

from .onednn import CPUINFO, processor_flags

UNREACHED = "oneDNN's AMX kernel ends the process where no tap of the kernel reaches the input along an axis"
SMALL = 28 << 10
"""Items by channels up to which an output of 4 positions is not AMX's: 7/8 of a core's data cache of 32 KB."""
WITHOUT = (
    "SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16",
    "AVX512_CORE_FP16", "AVX10_1_512",
)  # fmt: skip
"""Values of ONEDNN_MAX_CPU_ISA that keep oneDNN from AMX."""
NOT_BACK: tuple[Want, ...] = ("jvp-x", "jvp-w", "only-b")
"""Derivatives of a transposed convolution for which nothing is carried back to x."""


def crashes(it: Settings, dtype: str, want: Want) -> bool:
    """Whether this call ends the process where oneDNN has AMX.

    A forward convolution does, and so does what carries the gradient of a transposed one back, which is one.
    """
    if want in ABSTRACT or (dtype != "bfloat16" and want != "mixed-bfloat16"):
        return False
    if not it.transposed:
        return _crashes(it)
    if want not in GRADIENTS or want in NOT_BACK or 0 in it.x_shape or 0 in it.y_shape:
        return False
    back = it.replace(op="conv", input=it.output, padding=it.crop, output_padding=None, output_size=None)
    return _crashes(back.replace(channels_in=it.channels_out, channels_out=it.channels_in))


def _crashes(it: Settings) -> bool:
    """The forward convolution that has no plane, or no row, that a tap reaches.

    Of rows it also takes padding that is as long as the undilated kernel, on any axis. Source: `is_os_blocking` and
    what is dispatched to other kernels, in init_conf of src/cpu/x64/jit_brgemm_conv_utils.cpp.
    """
    if it.transposed or it.rank < 2 or 0 in it.x_shape or 0 in it.y_shape:
        return False
    channels = it.channels_in * it.channels_out // it.groups
    if math.prod(it.output) <= 4 and it.batch * channels <= SMALL:
        return False
    if it.groups == it.channels_in == it.channels_out > 1:
        return False
    effective = [d * (k - 1) + 1 for k, d in zip(it.kernel, it.dilation, strict=True)]
    low = [lo for lo, _ in it.crop]
    axes = zip(it.input, it.output, effective, it.stride, low, strict=True)
    high = [(out - 1) * s + e - n - lo for n, out, e, s, lo in axes]
    if any(lo >= e for lo, e in list(zip(low, effective, strict=True))[:-1]) or high[-1] >= effective[-1]:
        return False
    if it.rank == 3 and not _is_reached(it, 0):
        return True
    padded = any(max(ends) >= k for *ends, k in zip(low, high, it.kernel, strict=True))
    return padded and not _is_reached(it, it.rank - 2)


def _is_reached(it: Settings, axis: int) -> bool:
    """Whether any tap reaches the input from any place of the output, along one axis of a forward convolution."""
    n, s, d, lo = it.input[axis], it.stride[axis], it.dilation[axis], it.crop[axis][0]
    places = (o * s + j * d - lo for o in range(it.output[axis]) for j in range(it.kernel[axis]))
    return any(0 <= place < n for place in places)


def has_amx(info: Path = CPUINFO) -> bool:
    """Whether oneDNN may use AMX in bfloat16: the processor has it, and no switch forbids it."""
    if any(os.environ.get(name, "").upper() in WITHOUT for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")):
        return False
    return "amx_bf16" in (processor_flags(info) or ())
