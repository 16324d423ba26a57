"""TensorFlow's convolution nodes, from the shapes and attributes that a graph has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convt.capture.calls import windowed
from convt.capture.seen import NotACase, checked
from convt.conv.settings import Settings

FORWARD = {"Conv2D": 2, "Conv3D": 3, "DepthwiseConv2dNative": 2, "Conv": 0}
BACKWARD = {"Conv2DBackpropInput": 2, "Conv3DBackpropInput": 3, "Conv3DBackpropInputV2": 3,
            "DepthwiseConv2dNativeBackpropInput": 2}  # fmt: skip
OPS = {**FORWARD, **BACKWARD, "_FusedConv2D": 2, "_FusedDepthwiseConv2dNative": 2}
OTHERS = ("Conv2DBackpropFilter", "Conv2DBackpropFilterV2", "Conv2DBackpropInputV2", "Conv3DBackpropFilterV2",
          "XlaConv", "XlaConvV2")  # fmt: skip
"""Operators that convolve, and that no settings stand for."""


SPREAD = "SpaceToBatchND"
SPREAD_NOTE = "{}: TensorFlow computes its dilation as more items without one (SpaceToBatchND); captured is what runs"


def node_settings(
    op: str, attributes: Mapping[str, Any], x: Sequence[int], w: Sequence[int], y: Sequence[int | None] | None
) -> Settings:
    """The settings of one node by its attributes `strides`, `padding`, `dilations`, `data_format`,
    `explicit_paddings` and the shapes of its input, kernel and output."""
    form = attributes.get("data_format") or "NHWC"
    last = form in ("NHWC", "NDHWC")
    rank = len(x) - 2
    if len(w) != rank + 2 or rank not in (2, 3):
        raise NotACase(f"an input of {list(x)} with a kernel of {list(w)}")

    def axes(values: Sequence[int] | None) -> list[int]:
        values = list(values or [1] * (rank + 2))
        return values[1:-1] if last else values[2:]

    extents, channels_in = axes(x), x[-1] if last else x[1]
    stride, dilation = axes(attributes.get("strides")), axes(attributes.get("dilations"))
    if "Depthwise" in op and len(attributes.get("dilations") or ()) == 2:
        dilation = list(attributes["dilations"])
    padding = attributes.get("padding") or "VALID"
    if padding == "EXPLICIT":
        flat = list(attributes.get("explicit_paddings") or ())
        if len(flat) != 2 * (rank + 2):
            raise NotACase(f"explicit_paddings = {flat}")
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        padding = pairs[1:-1] if last else pairs[2:]
    transposed, deep = op in BACKWARD, "Depthwise" in op
    size = None if y is None else axes([-1 if one is None else one for one in y])
    if transposed:
        if size is None or min(size) < 0:
            raise NotACase("the size of its output is unknown")
        outputs = w[-2] if deep or y is None else (y[-1] if last else y[1]) or w[-2]
        groups = w[-2] if deep else max(outputs // max(w[-2], 1), 1)
        channels = (w[-2] * w[-1] if deep else w[-1], outputs)
    else:
        groups = channels_in if deep else max(channels_in // max(w[-2], 1), 1)
        channels = (channels_in, channels_in * w[-1] if deep else w[-1])
    if channels[0] != channels_in:
        raise NotACase(f"its input has {channels_in} channels, and its kernel takes {channels[0]}")
    it = windowed(
        "conv_transpose" if transposed else "conv", x[0], extents, w[:-2], channels, groups, stride, dilation, padding,
        size if transposed else None,
    )  # fmt: skip
    return checked(it, None if size is None else [None if one < 0 else one for one in size])
