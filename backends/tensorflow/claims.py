"""What TensorFlow's calls do not take, in its own words: found by making every such call.

On the CPU there are two makers of these ops: oneDNN, and TensorFlow's own kernels, which dilate no transposed
convolution and have no groups in one. oneDNN takes float32, and bfloat16 and float16 where the processor has them, and
leaves pairs of padding to the others wherever something is differentiated; a transposed convolution is a gradient
itself. XLA is a third, and takes the most.
"""

from __future__ import annotations

from typing import NamedTuple

from convt.adapter.backend import ABSTRACT, GRADIENTS, UNSAFE, Want
from convt.conv.settings import Settings

from ..onednn import OVERRUNS, may_overrun, strays
from ..onednn_amx import UNREACHED, crashes
from .calls import GENERIC, KEYWORD, LISTED, is_preimage, op_name, padding_of

FLOATS = ("float16", "bfloat16", "float32", "float64")
ONLY_FORWARD: tuple[Want, ...] = ("value", *ABSTRACT, "unbatched", "only-b", "jvp-x", "jvp-w")
"""What the forward op answers without a gradient of it."""


MEASURED = "2.21."
"""The releases of which an unsafe claim is made: what another one does is asked of it, and seen."""


class Maker(NamedTuple):
    """Who computes: mode and device of the target, whether TensorFlow may ask oneDNN, and that AVX-512, on how many
    threads, TensorFlow's version, the dtypes that it gives to oneDNN on this processor, and whether that has AMX."""

    mode: str
    device: str
    onednn: bool
    avx512: bool = True
    threads: int = 2
    version: str = f"{MEASURED}0"
    onednn_takes: tuple[str, ...] = ("float32", "bfloat16")
    amx: bool = False

    @property
    def kernels(self) -> bool:
        """Whether ops run as kernels of the CPU, one by one."""
        return self.device == "cpu" and self.mode != "xla"

    @property
    def measured(self) -> bool:
        """Whether this is what the unsafe claims were measured with."""
        return self.version.startswith(MEASURED)


def refused(it: Settings, want: Want, call_form: int, by: Maker) -> str | None:
    """Why the call cannot say these settings, or None where it can. `UNSAFE`: where it would harm."""
    name, padding = op_name(it, call_form), padding_of(it, call_form)
    if want == "unbatched":
        aborts = by.measured and by.device == "cpu" and by.mode == "eager" and not it.transposed and it.rank < 3
        return f"{UNSAFE if aborts else ''}tf.nn.{name} takes an input with a batch axis"
    # nothing, grouped, is nothing
    if it.rank == 3 and it.groups > 1 and by.mode != "xla" and not (it.transposed and 0 in it.x_shape):
        return f"tf.nn.{name} takes no groups; in_channels must match between input and filters"
    if name == "convolution" and max(it.stride) > 1 and max(it.dilation) > 1:
        return "tf.nn.convolution takes strides or dilations, not both"
    if isinstance(padding, list):
        if it.rank != 2 or (name == "convolution" and max(it.dilation) == 1):
            meant = "" if call_form == LISTED else f", and neither crops {it.crop} for the output {it.output}"
            return f"tf.nn.{name} takes padding 'SAME' or 'VALID' and no list{meant}"
        if it.transposed and not is_preimage(it):
            return f"tf.nn.{name} is a gradient, and no forward op with this padding maps {it.output} to {it.input}"
    if not it.transposed:
        if (want in ABSTRACT or by.mode != "eager") and _is_short(it, call_form, want):
            return "Negative dimension size caused by subtracting"
        if want not in ABSTRACT and min(_kernel_sizes(it, call_form)) < 0:
            return "Computed output size would be negative"
    if not by.kernels or want in ABSTRACT:
        return None
    if _overrunning(by) and may_overrun(it, want in GRADIENTS):
        return UNSAFE + OVERRUNS
    listed = isinstance(padding, list) and not _deals_out(it, call_form)
    return _own_kernels(it, want, call_form) if listed or not by.onednn else None


def no_dtype(dtype: str, it: Settings, want: Want, by: Maker) -> str | None:
    """Why the call does not take arrays of this dtype, or None where it does."""
    if dtype not in FLOATS and (dtype != "int32" or it.rank == 3):
        return f"Value for attr 'T' of {dtype} is not in the list of allowed values of tf.nn.{op_name(it, KEYWORD)}"
    if dtype not in FLOATS and want in GRADIENTS:
        return "TensorFlow differentiates floating-point numbers alone"
    if by.amx and by.measured and by.onednn and by.kernels and crashes(it, dtype, want):
        return f"{UNSAFE}{UNREACHED}"
    if dtype in by.onednn_takes or not by.kernels or want in ABSTRACT:
        return None
    return _own_kernels(it, want, KEYWORD)


def takes_any_float(it: Settings, want: Want, call_form: int) -> bool:
    """Whether the call form makes another op of these settings, which each kernel takes in every dtype."""
    return _deals_out(it, call_form) and (it.groups == 1 or want in ONLY_FORWARD)


def _own_kernels(it: Settings, want: Want, call_form: int) -> str | None:
    """The words of TensorFlow's own kernels, which need not be oneDNN's."""
    dilated = max(it.dilation) > 1 and not _deals_out(it, call_form)
    gradient = it.transposed or want not in ONLY_FORWARD
    if it.rank == 3 and it.groups > 1:  # else refused before, but for nothing, which oneDNN computes
        return "tf.nn.conv3d_transpose takes no groups; input and filter_sizes must have the same number of channels"
    if it.rank == 3 and dilated:
        if gradient:
            return "Current CPU implementation does not yet support dilation rates larger than 1"
        return "CPU implementation of Conv3D currently only supports dilated rates of 1"
    if it.rank == 3:
        return None
    if gradient and dilated:
        return "Current CPU implementations do not yet support dilation rates larger than 1"
    if gradient and it.groups > 1:
        return "Gradients for grouped convolutions are not supported on CPU"
    return None


def _is_short(it: Settings, call_form: int, want: Want) -> bool:
    """Whether a forward op's kernel is longer than what it is laid on, which the inference of shapes refuses."""
    padding = padding_of(it, call_form)
    if want in ABSTRACT or not _deals_out(it, call_form):
        return padding != "SAME" and min(it.output) == 0
    axes = zip(it.input, it.kernel, it.dilation, it.crop, strict=True)
    return any(-(-(n + (padding != "VALID") * (lo + hi)) // d) < k for n, k, d, (lo, hi) in axes)


def _deals_out(it: Settings, call_form: int) -> bool:
    """Whether tf.nn.convolution deals its input out to the batch, and convolves that without dilation."""
    return call_form == GENERIC and not it.transposed and max(it.dilation) > 1


def _kernel_sizes(it: Settings, call_form: int) -> list[int]:
    """The extents that a forward kernel computes, one an axis, which it refuses below 0.

    The kernel's division rounds towards 0, so that a filter which overhangs by less than a stride more gives 0. With
    dilation, tf.nn.convolution deals the padded input out to `d` smaller ones first.
    """
    padding, sizes = padding_of(it, call_form), []
    for axis, (n, k, s, d) in enumerate(zip(it.input, it.kernel, it.stride, it.dilation, strict=True)):
        lo, hi = it.crop[axis] if isinstance(padding, list) else (0, 0)
        if padding == "SAME":
            sizes.append(-(-n // s))
        elif _deals_out(it, call_form):
            sizes.append(-(-(n + lo + hi) // d) - k + 1)
        else:
            sizes.append(int((n + lo + hi - d * (k - 1) - 1 + s) / s))
    return sizes


def harms(it: Settings, dtype: str, want: Want, by: Maker) -> bool:
    """Where the gradient of a kernel of one tap is computed that harms memory: eagerly beside every other one."""
    unasked = () if by.mode == "eager" else ("only-x", "jvp-grad-x")
    reverse = want in GRADIENTS and want not in (*ONLY_FORWARD, *unasked)
    return (
        reverse and by.measured and by.kernels and by.onednn and strays(it, dtype, avx512=by.avx512, threads=by.threads)
    )


def _overrunning(by: Maker) -> bool:
    """Whether a plane that no tap reaches is filled too far: with AVX-512, and by some numbers of threads above 1."""
    return by.measured and by.onednn and by.avx512 and by.threads > 1
