"""What the arguments of JAX's convolutions say, for `jax.lax` and for the libraries whose layers hand them on to it.

`jax.lax` convolves an input that has zeros between its values, as the kernel stands: the transposed convolution's taps
mirrored. What is put around that input is `d(k-1) - crop` at either side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convt.conv.settings import Pairs, Settings, Sizes, effective_kernel
from convt.translation.layer import LayerError
from convt.translation.signatures import pairs

from .calls import around_stuffed

WORDS = ("SAME", "VALID", "SAME_LOWER")
"""What `jax.lax.conv_general_dilated` takes for padding, in any case."""
IMPORTS = ("import jax", "import jax.numpy as jnp")


def transposed(kernel: Sizes, strides: Sizes, padding: Any, dilation: Sizes, consistent: bool) -> dict[str, Any]:
    """The fields of a layer that a call of `jax.lax.conv_transpose` says."""
    said: dict[str, Any] = {"op": "conv_transpose", "kernel": kernel, "stride": strides, "dilation": dilation}
    if padding in ("SAME", "VALID"):
        return said | {"padding": padding.lower()}
    if isinstance(padding, str):
        if consistent or padding.upper() not in WORDS or max(strides) > 1:
            raise LayerError(f"padding: found {padding!r}, accepted 'SAME' or 'VALID', in capitals, or "
                             "(before, after) pairs")  # fmt: skip
        around = _same_around(padding.upper(), kernel, dilation)
        return said | _unstuffed(around, kernel, strides, dilation)
    found = pairs("padding", padding, len(kernel), floor=None)
    if not consistent:
        return said | _unstuffed(found, kernel, strides, dilation)
    if not all(isinstance(pair, tuple) for pair in padding):
        raise LayerError(f"padding: found {padding!r}, accepted tuples: use_consistent_padding takes no lists")
    if (least := min(lo for lo, _ in found)) < 0:
        raise LayerError(f"padding: found {least} at the beginning of an axis, accepted 0 or more: what is cropped; at "
                         "the end a negative number adds positions")  # fmt: skip
    stuffed = [(e - 1 - lo, e - 1 - hi) for e, (lo, hi) in zip(_effective(kernel, dilation), found, strict=True)]
    return said | _unstuffed(stuffed, kernel, strides, dilation)


def dilated(kernel: Sizes, strides: Sizes, padding: Any, lhs: Sizes, rhs: Sizes) -> dict[str, Any]:
    """The fields of a layer that a call of `jax.lax.conv_general_dilated` says: transposed where `lhs_dilation` puts
    zeros into the input, forward elsewhere."""
    if max(lhs) == 1:
        said = {"op": "conv", "kernel": kernel, "stride": strides, "dilation": rhs}
        if not isinstance(padding, str):
            return said | {"padding": pairs("padding", padding, len(kernel))}
        if padding.upper() not in WORDS:
            raise LayerError(f"padding: found {padding!r}, accepted {' or '.join(map(repr, WORDS))}, or "
                             "(before, after) pairs of zeros")  # fmt: skip
        halves = "larger first" if padding.upper() == "SAME_LOWER" else None
        return said | {"padding": padding.lower().removesuffix("_lower"), "halves": halves}
    if max(strides) > 1:
        raise LayerError(f"found strides {strides} beside an input dilation of {lhs}, accepted one of the two above 1: "
                         "together they are neither a convolution nor a transposed one")  # fmt: skip
    if isinstance(padding, str):
        raise LayerError(f"padding: found {padding!r} beside an input dilation of {lhs}, accepted (before, after) "
                         "pairs: JAX takes a word for it only in conv_transpose")  # fmt: skip
    found = pairs("padding", padding, len(kernel), floor=None)
    said = {"op": "conv_transpose", "kernel": kernel, "stride": lhs, "dilation": rhs}
    return said | _unstuffed(found, kernel, lhs, rhs)


def _unstuffed(around: Sequence[tuple[int, int]], kernel: Sizes, stride: Sizes, dilation: Sizes) -> dict[str, Any]:
    """Crop and output padding of what is put around the input with its zeros; the inverse of `around_stuffed`."""
    axes = list(zip(around, _effective(kernel, dilation), stride, dilation, strict=True))
    for axis, ((before, after), e, s, d) in enumerate(axes):
        if before > e - 1:
            raise LayerError(
                f"padding: found {before} zeros before the input on axis {axis}, accepted up to d(k-1) = {e - 1}: with "
                "more the result begins with positions that no tap reaches, which no transposed convolution has"
            )
        if after >= (most := e - 1 + max(s, d)):
            raise LayerError(
                f"padding: found {after} zeros behind the input on axis {axis}, accepted less than "
                f"d(k-1) + max(stride, dilation) = {most}: more positions at the end are no output padding"
            )
    more = tuple(max(after - (e - 1), 0) for (_, after), e, _, _ in axes)
    return {
        "padding": tuple((e - 1 - before, max(e - 1 - after, 0)) for (before, after), e, _, _ in axes),
        "output_padding": more if any(more) else None,
    }


def _same_around(word: str, kernel: Sizes, dilation: Sizes) -> Pairs:
    """What a word of the forward convolution puts around an input that it passes over one by one."""
    total = [0 if word == "VALID" else e - 1 for e in _effective(kernel, dilation)]
    upper = tuple((each // 2, each - each // 2) for each in total)
    return tuple((hi, lo) for lo, hi in upper) if word == "SAME_LOWER" else upper


def _effective(kernel: Sizes, dilation: Sizes) -> Sizes:
    return tuple(effective_kernel(k, d) for k, d in zip(kernel, dilation, strict=True))


def beyond_the_kernel(it: Settings) -> str | None:
    """Why XLA is not to be trusted with a transposed convolution's crop, or None: finding jax-crop-beyond-the-kernel"""
    for axis, (before, after) in enumerate(around_stuffed(it)):
        if min(before, after) < 0:
            return (f"padding would be ({before}, {after}) around the input on axis {axis}; XLA reads beyond an input "
                    "whose padding is negative")  # fmt: skip
    return None
