"""What to call in `tf.nn`, with which arguments: settings to an op's name and its keywords.

Its arrays are channels last, and its kernels are ours reversed: (..., out/groups, in) and (..., in/groups, out).
A transposed op is the gradient of the forward one with respect to its input: `output_shape` is that input's shape, and
`padding` is the forward one's. `SAME` then crops `max((n-1)s + e - out, 0)`, the smaller half first, where
`ceil(out/s) = n`; `VALID` crops nothing. A list of pairs is taken by the two-dimensional ops alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convt.adapter.backend import Unsupported
from convt.conv.settings import Settings, forward_same_padding, forward_size, same_crop

KEYWORD, LISTED, GENERIC = range(3)
Arguments = dict[str, Any]


def say(it: Settings, call_form: int) -> tuple[str, Arguments]:
    """The name of the op in `tf.nn` and its keyword arguments."""
    name = op_name(it, call_form)
    arguments: Arguments = {"output_shape": [it.batch, *it.output, it.channels_out]} if it.transposed else {}
    strides, dilations = list(it.stride), list(it.dilation)
    if name == "conv3d":  # the one that wants the batch and the channel axis too
        strides, dilations = [1, *strides, 1], [1, *dilations, 1]
    arguments["stride" if name == "conv1d" else "strides"] = strides
    arguments["padding"] = padding_of(it, call_form)
    if max(dilations) > 1:
        arguments["dilations"] = dilations
    return name, arguments


def say_invalid(it: Settings, call_form: int, invalid: Mapping[str, Any]) -> tuple[str, Arguments]:
    """The same with raw values for some of the settings; Unsupported where the op has no argument for one.

    A list gets what the op wants around every list, the batch and the channel axis; everything else stays as it is.
    """
    name, arguments = say(it, call_form)
    sized = ("output_size", "channels_out") if it.transposed else ()
    lacks = sorted(set(invalid) - {"stride", "dilation", "padding", "data_format", *sized})
    if lacks:
        raise Unsupported(f"tf.nn.{name} has no argument for {' and '.join(lacks)}")
    if "output_size" in invalid or "channels_out" in invalid:
        space, channels = invalid.get("output_size", list(it.output)), invalid.get("channels_out", it.channels_out)
        arguments["output_shape"] = (it.batch, *space, channels) if isinstance(space, list) else space
    for setting, argument in (("stride", "stride" if name == "conv1d" else "strides"), ("dilation", "dilations")):
        if setting in invalid:
            arguments[argument] = _listed(invalid[setting], 1 if name == "conv3d" else None)
    if "padding" in invalid:
        pairs = invalid["padding"]
        is_pairs = isinstance(pairs, list) and all(isinstance(pair, list) for pair in pairs)
        arguments["padding"] = _listed(pairs, [0, 0] if is_pairs else None)
    if "data_format" in invalid:
        arguments["data_format"] = invalid["data_format"]
    return name, arguments


def _listed(value: Any, outer: Any) -> Any:
    """A list as a tuple, with what the op wants for the batch and the channel axis around it; else the value."""
    if not isinstance(value, list):
        return value
    return tuple(value) if outer is None else (outer, *value, outer)


def op_name(it: Settings, call_form: int) -> str:
    """The op in `tf.nn`."""
    if call_form == GENERIC:
        return "conv_transpose" if it.transposed else "convolution"
    return f"conv{it.rank}d_transpose" if it.transposed else f"conv{it.rank}d"


def padding_of(it: Settings, call_form: int) -> str | list[list[int]]:
    """A keyword where one says the settings' crop, otherwise (and always in the listed call form) pairs."""
    for word in ("SAME", "VALID") if it.padding == "same" else ("VALID", "SAME"):
        if call_form != LISTED and all(says(word, it, axis) for axis in range(it.rank)):
            return word
    return [[0, 0], *(list(pair) for pair in _pairs(it)), [0, 0]]


def says(word: str, it: Settings, axis: int) -> bool:
    """Whether a keyword means the settings' crop on an axis: what lies beyond the last stride does not matter."""
    n, k, s, d, out = it.input[axis], it.kernel[axis], it.stride[axis], it.dilation[axis], it.output[axis]
    lo = it.crop[axis][0]
    if it.transposed:
        if word == "VALID":
            return lo == 0 and forward_size(out, k, s, d) == n
        return lo == same_crop(n, k, s, d, out)[0] and -(-out // s) == n
    if word == "VALID":
        return lo == 0 and forward_size(n, k, s, d) == out
    return lo == forward_same_padding(n, k, s, d)[0] and -(-n // s) == out


def _pairs(it: Settings) -> list[tuple[int, int]]:
    """The padding pairs of the forward op. An output padding of a stride or more is a smaller crop at the end."""
    if not it.transposed:
        return list(it.crop)
    surplus = [max(extra - (s - 1), 0) for extra, s in zip(it.extra, it.stride, strict=True)]
    return [(lo, max(hi - more, 0)) for (lo, hi), more in zip(it.crop, surplus, strict=True)]


def is_preimage(it: Settings) -> bool:
    """Whether the forward op with these pairs maps the output's extents to the input's."""
    axes = zip(it.output, it.kernel, it.stride, it.dilation, _pairs(it), it.input, strict=True)
    return all(forward_size(out, k, s, d, lo, hi) == n for out, k, s, d, (lo, hi), n in axes)
