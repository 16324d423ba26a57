"""Sentences about what is easily taken for something else, which several dialects say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convt.conv.settings import Pairs, Settings, Sizes


def uneven_crop(what: str, crop: Pairs, stride: Sizes, dilation: Sizes) -> list[str]:
    """What to know of a transposed layer that crops more at the end than at the beginning; nothing of any other.

    A symmetric padding of `hi` with an output padding of `hi - lo` has the same size and crops `(hi, lo)`.
    """
    said = []
    for lo, hi in dict.fromkeys(pair for pair in crop if pair[0] < pair[1]):
        axes = [axis for axis, pair in enumerate(crop) if pair == (lo, hi)]
        sentence = f"{what} crops {(lo, hi)} at the (begin, end) of {_axes(axes, len(crop))}"
        if all(hi - lo < max(stride[axis], dilation[axis]) for axis in axes):
            sentence += (f"; PyTorch's padding={hi}, output_padding={hi - lo} has the same size and crops {(hi, lo)}, "
                         "which gives other numbers")  # fmt: skip
        said.append(sentence)
    return said


def border(word: str, said: Mapping[str, Any]) -> list[str]:
    """What to know of the border of a layer with these fields, whose framework calls `same` by this word."""
    kernel, stride, dilation = said["kernel"], said["stride"], said["dilation"]
    same = said["padding"] == "same" and not said.get("halves")
    if said["op"] == "conv":
        return moving_same(word, kernel, stride, dilation) if same else []
    if same and not said.get("output_size"):
        meant = Settings(input=(1,) * len(kernel), kernel=kernel, stride=stride, dilation=dilation, padding="same")
        return uneven_crop(word, meant.crop, stride, dilation)
    return [] if isinstance(said["padding"], str) else uneven_crop("this padding", said["padding"], stride, dilation)


def moving_same(what: str, kernel: Sizes, stride: Sizes, dilation: Sizes) -> list[str]:
    """What to know of a forward layer whose `same` pads otherwise for another input, or more at the end."""
    fields = {"op": "conv", "kernel": kernel, "stride": stride, "dilation": dilation, "padding": "same"}
    # what an extent leaves when the stride divides it is all that matters
    divided, left = (Settings(input=tuple(s + more for s in stride), **fields).crop for more in (0, 1))  # type: ignore[arg-type]
    said = []
    for one, other in dict.fromkeys(zip(divided, left, strict=True)):
        axes = [axis for axis in range(len(kernel)) if (divided[axis], left[axis]) == (one, other)]
        where = f"at the (begin, end) of {_axes(axes, len(kernel))}"
        if one != other:
            said.append(f"{what} pads by the input: {one} {where} where the stride {stride[axes[0]]} divides its "
                        f"extent, {other} where it leaves 1; no fixed padding says both")  # fmt: skip
        elif one[0] < one[1]:
            said.append(f"{what} pads {one} {where}, the larger half last")
    return said


def _axes(some: list[int], rank: int) -> str:
    if len(some) == rank:
        return "each axis" if rank > 1 else "the axis"
    return f"axis {some[0]}" if len(some) == 1 else f"axes {' and '.join(map(str, some))}"
