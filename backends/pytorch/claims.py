"""What PyTorch's calls do not say or take, in its own words; each claim is tried by the `support` law."""

from __future__ import annotations

import math
import warnings
from typing import Any

from convt.adapter.backend import ABSTRACT, GRADIENTS, MIXED, RESIZES, UNSAFE, Probe, Want
from convt.conv.settings import Settings

from ..onednn import STRAYS, has_avx512, strays
from ..onednn_amx import UNREACHED, crashes, has_amx
from .calls import FUNCTIONAL, output_padding, unsupported_forward, unsupported_transposed

NARROW_INTEGERS = ("int8", "uint8", "int32")
INTEGERS = (*NARROW_INTEGERS, "int64")
OF_KERNEL: tuple[Want, ...] = ("grad-x", "grad-w", "grad-b", "only-w", "grad-xw", "grad-wx")
"""What the kernel's gradient is computed for, on the way or by itself."""
MEASURED = "2.13."
"""The releases of which an unsafe claim is made: what another one does is asked of it, and seen."""
TRACED = ("compile", "export", "shipped")
"""Modes in which abstract evaluation comes before the call, and refuses what it refuses."""


class Claims:
    """The claims of one device."""

    def __init__(self, torch: Any, device: str) -> None:
        self.torch = torch
        self.device = device

    def of_settings(self, it: Settings, want: Want, call_form: int, mode: str) -> str | None:
        """Why the call cannot say these settings, in float32."""
        if want in RESIZES:
            return None
        said = (unsupported_transposed if it.transposed else unsupported_forward)(it, call_form)
        if mode == "script" and call_form != FUNCTIONAL and want in ("jvp-w", "jvp-grad-x"):
            said = said or "The stateless API can't be used with Jitted modules"
        if mode in TRACED:
            said = said or self._refused_empty(it, "shape")
        return said or self._refused_empty(it, want)

    def of_dtype(self, dtype: str, it: Settings, want: Want, mode: str) -> str | None:
        """Why the call does not take this dtype; a CPU's kernels alone are known."""
        if mode == "folded" and want not in ABSTRACT and dtype in INTEGERS:
            return "only Tensors of floating point dtype can require gradients, as a batch norm's weights do"
        if want in MIXED and not self._autocasts(want):
            return f"{self.device} autocast takes no {want.removeprefix('mixed-')}"
        if dtype in INTEGERS and want in GRADIENTS:
            return "only Tensors of floating point dtype can require gradients"
        if self.device != "cpu" or want in (*ABSTRACT, *RESIZES) or it.batch == 0:
            return None
        asked = self.torch.__version__.startswith(MEASURED) and self.torch.backends.mkldnn.enabled
        if asked and has_amx() and crashes(it, dtype, want):
            return f"{UNSAFE}{UNREACHED}"
        if dtype in NARROW_INTEGERS and (it.transposed or set(it.dilation) != {1}):
            kernel = f"slow_conv_transpose{max(it.rank, 2)}d" if it.transposed else "slow_conv_dilated"
            return f"{kernel} is not implemented for {dtype}"
        if it.transposed and min(it.output) == 0 and not self._asks_onednn(dtype):
            return "Output size is too small"
        return None

    def unsafe(self, probe: Probe) -> str | None:
        """Where oneDNN, asked for the kernel's gradient in channels-last memory, harms memory."""
        it, channels_last = probe.settings, probe.layout[:1] == ("channels-last",)
        if self.device != "cpu" or not channels_last or it.rank != 2 or probe.want not in OF_KERNEL:
            return None
        asked = self.torch.__version__.startswith(MEASURED) and not self._is_native(it)
        at = {"avx512": has_avx512(), "threads": self.torch.get_num_threads()}
        return UNSAFE + STRAYS if asked and strays(it, str(probe.x.dtype), **at) else None

    def _autocasts(self, want: Want) -> bool:
        """Whether autocast takes the dtype here: where it does not, it warns and switches itself off."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dtype = getattr(self.torch, want.removeprefix("mixed-"))
            return bool(self.torch.autocast(self.device.split(":")[0], dtype=dtype)._enabled)

    def _asks_onednn(self, dtype: str) -> bool:
        """Whether the CPU may ask oneDNN, which takes an output of nothing; complex numbers are pairs of reals."""
        if dtype in ("float16", "bfloat16"):
            known = getattr(self.torch.ops.mkldnn, f"_is_mkldnn_{'fp16' if dtype == 'float16' else 'bf16'}_supported")
            return bool(known())
        return dtype in ("float32", "complex64")

    def _refused_empty(self, it: Settings, want: Want) -> str | None:
        """PyTorch's words where it refuses an axis of nothing, or None where it takes it.

        Abstract evaluation never looks at the values, and so takes an empty input; it wants one output at least.
        """
        if not it.transposed and min(it.output) == 0:
            return "Kernel size can't be greater than actual input size"
        if want in ABSTRACT:
            return "Output size is too small" if it.transposed and max(it.output) == 0 else None
        if it.batch > 0 and min(it.input) == 0:
            return "Only zero batch or zero channel inputs are supported"
        if it.transposed and min(it.output) == 0 and self._is_native(it):
            return "Output size is too small"
        return None

    def _is_native(self, it: Settings) -> bool:
        """Whether the CPU computes float32 by PyTorch's own kernels, which refuse what oneDNN takes.

        Source: aten/src/ATen/native/Convolution.cpp, ConvParams::use_mkldnn.
        """
        if self.device != "cpu" or it.batch == 0:
            return False
        if not self.torch.backends.mkldnn.enabled:
            return True
        if any(extra >= s for extra, s in zip(output_padding(it), it.stride, strict=True)):
            return True
        kernel, inputs = (1, *it.kernel)[-2:], it.batch * it.channels_in * math.prod(it.input[:2])
        plain = max(*it.stride, *it.dilation, *kernel) == 1 and it.batch < 16 and self.torch.get_num_threads() == 1
        return plain or not (it.groups > 1 or it.batch > 1 or min(kernel) > 3 or inputs > 20480)
