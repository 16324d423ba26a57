"""What a translation says: one call, and the plan of what stands around it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from convt.conv.settings import Pairs, Settings, Sizes
from convt.translation.kernels import TAPS, KernelLayout


@dataclass(frozen=True)
class Said:
    """One call that says settings. In the texts, `x` is the input, and the layer's arrays are those of `state`."""

    form: str
    """The whole name of what is called."""
    call: str
    """Of a layer its constructor; of a function the call, in which `kernel` and `bias` are the arrays."""
    kernel: KernelLayout
    channels_last: bool
    imports: tuple[str, ...]
    state: Literal["dict", "list", "arrays"]
    """How the arrays are handed over: a dict of `names`, a list, or the names `kernel` and `bias`."""
    names: tuple[str, str] = ("kernel", "bias")
    """What the framework calls them."""
    load: tuple[str, ...] = ()
    """Lines that put `state` into `layer`, which are run where there is an `x`; empty where `apply` takes it. Of a
    function, those that make its framework's arrays of `kernel` and `bias`, where it takes no others."""
    apply: str = "layer(x)"
    """The expression that calls `layer`, in which `x` and `state` are."""
    shaped: str = ""
    """The call in a form that takes `x`, `kernel` and `bias` themselves, where `call` names them otherwise."""

    def source(self, it: Settings) -> str:
        """The call as somebody would write it who has no arrays at hand: their shapes in their places."""
        shapes = {"x": it.x_shape, "kernel": self.kernel.shape(it), "bias": it.b_shape}
        if self.channels_last:
            shapes["x"] = (it.batch, *it.input, it.channels_in)
        if self.is_layer:
            return self.call
        call = self.shaped or self.call
        return re.sub(r"(?<![.\w'\"])(x|kernel|bias)\b(?!=)", lambda found: str(shapes[found[1]]), call)

    @property
    def is_layer(self) -> bool:
        return self.state != "arrays"

    def axes(self, rank: int) -> str:
        """The order of the axes of x and y, `NCHW` or `NHWC`."""
        return axes_of(rank, self.channels_last)


def axes_of(rank: int, channels_last: bool) -> str:
    """The order of the axes of x and y in letters."""
    space = TAPS[3 - rank :]
    return f"N{space}C" if channels_last else f"NC{space}"


@dataclass(frozen=True)
class Plan:
    """A call of other settings, `inner`, and what is done around it to compute exactly the settings wanted.

    In the order in which it is done: the input is padded; the channels are split into groups; the kernel is dilated;
    the call; the groups are joined; the result is cropped; zeros are added at its end; the bias is.
    """

    inner: Settings
    """Of one group where the channels are split."""
    before: Pairs | None = None
    """Zeros that are added to the input, (before, after) an axis."""
    groups: int = 1
    """Calls, one a group, whose results are joined."""
    dilation: Sizes | None = None
    """How far apart the taps of the kernel are put before it is handed over."""
    begins: Sizes | None = None
    """The first position that is kept, an axis; the extents are those of the wanted output."""
    ends: Sizes | None = None
    """Beside `begins`: how many positions at the end are not kept, an axis."""
    after: Sizes | None = None
    """Zeros that are added at the end of each axis, where no tap reaches."""
    bias_last: bool = False
    """Whether the bias is added at the very end and not by the call."""

    @property
    def direct(self) -> bool:
        """Whether the call alone does it."""
        return self == Plan(self.inner)

    def sentences(self) -> list[str]:
        """What is done around the call."""
        said = []
        if self.before:
            said.append(f"pad the input with zeros, (before, after) {list(self.before)}")
        if self.groups > 1:
            said.append(
                f"split the channels of input, kernel and bias: one call for each of the {self.groups} groups, "
                "the results joined"
            )
        if self.dilation:
            said.append(f"put the kernel's taps {_by(self.dilation)} apart, zeros between them, and give no dilation")
        if self.begins is not None:
            said.append(_cropped(self.begins, self.ends or (0,) * len(self.begins)))
        if self.after is not None:
            said.append(f"add zeros at the end, {_by(self.after)}, where no tap reaches")
        if self.bias_last:
            said.append("add the bias last")
        return said


def _cropped(begins: Sizes, ends: Sizes) -> str:
    sides = ((begins, "beginning"), (ends, "end"))
    where = " and ".join(f"{_by(many)} at the {side}" for many, side in sides if any(many))
    return f"crop the result by {where} of {'each' if len(begins) > 1 else 'the'} axis"


def _by(values: Sizes) -> str:
    return str(values[0]) if len(set(values)) == 1 else str(values)
