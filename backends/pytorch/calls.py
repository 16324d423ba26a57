"""What is called, and how it is said: the names and arguments of PyTorch's layers and functions for some settings.

The same words make the call and the script. A layer crops one number at both sides of an axis, and its
`output_padding` gives positions back at the end: the crop (lo, hi) with the extra a is
`padding=lo, output_padding=lo - hi + a`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from convt.adapter.backend import Unsupported
from convt.conv.settings import Settings, forward_size

LAYER, FORWARD_SIZE, FUNCTIONAL, NUMBERS = range(4)
CALL_FORMS = (
    "torch.nn layer",
    "layer called with output_size",
    "torch.nn.functional",
    "torch.nn layer, padding by number",
)
SAME_STRIDED = "padding='same' is not supported for strided convolutions"
DEFAULTS = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1, "bias": True}
DECLARED = {"channels_in": "in_channels", "channels_out": "out_channels", "kernel_size": "kernel_size"}
"""Settings that a layer is told beside its weight, under its own names; a function reads them off the weight."""


class Words(NamedTuple):
    """One call as it is executed and printed."""

    name: str
    """Of the layer in torch.nn, or of the function in torch.nn.functional."""
    arguments: dict[str, Any]
    """Keyword arguments of the layer, or of the function; those that are the default are left out."""
    at_call: dict[str, Any]
    """Keyword arguments of the layer's call."""
    declared: bool = False
    """Whether `invalid` declares the weight's shape, which the layer then holds against the weight that it loads."""


def say(it: Settings, call_form: int) -> Words:
    """The call that says these settings."""
    if call_form == FUNCTIONAL:
        name = f"{'conv_transpose' if it.transposed else 'conv'}{it.rank}d"
        arguments: dict[str, Any] = {}
    else:
        name = f"{'ConvTranspose' if it.transposed else 'Conv'}{it.rank}d"
        arguments = {"in_channels": it.channels_in, "out_channels": it.channels_out, "kernel_size": it.kernel}
    arguments |= {"stride": it.stride, "padding": _padding(it, call_form)}
    if it.transposed and not by_size(it, call_form):
        arguments["output_padding"] = output_padding(it)
    arguments |= {"dilation": it.dilation, "groups": it.groups}
    if call_form != FUNCTIONAL:
        arguments["bias"] = it.bias
    said = {key: value for key, value in arguments.items() if not _is_default(key, value)}
    return Words(name, said, {"output_size": it.output} if by_size(it, call_form) else {})


def say_invalid(it: Settings, call_form: int, invalid: Mapping[str, Any]) -> Words:
    """The same with raw values in place of some settings; Unsupported where the call has no such argument."""
    name, arguments, at_call, _ = say(it, call_form)
    arguments, at_call = dict(arguments), dict(at_call)
    for key, value in invalid.items():
        if call_form == FUNCTIONAL:
            known = key in ("stride", "dilation", "padding", "groups") or (key == "output_padding" and it.transposed)
        else:
            known = key in DEFAULTS or key in DECLARED or key == "output_size"
            known = known and (it.transposed or key not in ("output_padding", "output_size"))
        if not known:
            raise Unsupported(f"torch.nn.{'functional.' if call_form == FUNCTIONAL else ''}{name} has no {key}")
        raw = _tuples(value)
        if key == "output_size":
            arguments.pop("output_padding", None)
            at_call = {key: raw}
        else:
            arguments[DECLARED.get(key, key)] = raw
    return Words(name, arguments, at_call, declared=any(key in DECLARED for key in invalid))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value


def _is_default(key: str, value: Any) -> bool:
    """Whether an argument can be left unsaid."""
    return key in DEFAULTS and set(value if isinstance(value, tuple) else (value,)) == {DEFAULTS[key]}


def by_size(it: Settings, call_form: int) -> bool:
    """Whether the layer's call is given the output's extents."""
    return call_form == FORWARD_SIZE or (call_form in (LAYER, NUMBERS) and it.output_size is not None)


def _padding(it: Settings, call_form: int) -> str | tuple[int, ...]:
    """The settings' keyword where the layer knows it, which is forward only. Otherwise a number an axis."""
    if not it.transposed and isinstance(it.padding, str) and call_form != NUMBERS:
        return it.padding
    return tuple(lo for lo, _ in it.crop)


def output_padding(it: Settings) -> tuple[int, ...]:
    """What `output_padding` must be where `padding` crops `lo` at both sides; negative where no value will do."""
    return tuple(lo - hi + extra for (lo, hi), extra in zip(it.crop, it.extra, strict=True))


def unsupported_forward(it: Settings, call_form: int) -> str | None:
    """Why a forward layer cannot say these settings, or None.

    Different sides still give the same answer where a stride skips what differs at the end.
    """
    if call_form == FORWARD_SIZE:
        return "the forward convolution's layer takes no output_size"
    if isinstance(_padding(it, call_form), str):
        return SAME_STRIDED if it.padding == "same" and max(it.stride) > 1 else None
    axes = zip(it.input, it.kernel, it.stride, it.dilation, it.crop, it.output, strict=True)
    for axis, (n, k, s, d, (lo, hi), out) in enumerate(axes):
        if forward_size(n, k, s, d, lo, lo) != out:
            return f"padding is one number for both sides; no value pads ({lo}, {hi}) on axis {axis}"
    return None


def unsupported_transposed(it: Settings, call_form: int) -> str | None:
    """Why a transposed layer cannot say these settings, or None."""
    for axis, (extra, stride, dilation) in enumerate(zip(output_padding(it), it.stride, it.dilation, strict=True)):
        if extra < 0:
            lo, hi = it.crop[axis]
            return f"padding is one number for both sides; no value crops ({lo}, {hi}) on axis {axis}"
        if by_size(it, call_form) and extra >= stride:
            return f"output_size exceeds the smallest by less than the stride, not by {extra} as on axis {axis}"
        if extra >= max(stride, dilation) and it.batch > 0:  # an empty batch is taken without this check
            return f"output_padding must be smaller than either stride or dilation; it is {extra} on axis {axis}"
    return None
