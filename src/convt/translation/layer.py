"""`Layer`: one convolution as its user writes it, and how its framework keeps the kernel and orders the axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from convt.conv.settings import Op, Padding, Settings, SettingsError, Sizes, forward_same_padding, same_crop

T = TypeVar("T")


OF_THE_INPUT = ("input", "padding", "output_size")
"""Fields that may be impossible for one input and possible for another."""


class LayerError(ValueError):
    """What was written is no layer; the message says where, what was found, what is accepted and what to do."""


@dataclass(frozen=True)
class Layer:
    """Settings of which the input is not known yet: most layers are written before anybody knows their input.

    The fields mean what they mean in `Settings`, whatever the framework's word for them. None: not said.
    """

    kernel: Sizes
    stride: Sizes = ()
    dilation: Sizes = ()
    padding: Padding = ()
    output_padding: Sizes | None = None
    output_size: Sizes | None = None
    channels_in: int | None = None
    channels_out: int | None = None
    groups: int = 1
    depth_multiplier: int | None = None
    """Outputs of each input channel, where there is one group a channel and their number is not known yet."""
    halves: Literal["smaller first", "larger first"] | None = None
    """How the crop is halved, where it is whatever the size leaves: `output_size`, or that of `same` without it. Beside
    it `output_padding` belongs to the full result. None: `padding` and `output_size` mean what they mean in `Settings`.
    """
    bias: bool = False
    op: Op = "conv_transpose"
    input: Sizes | None = None
    batch: int | None = None

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.kernel)

    def settings(
        self, extents: Sequence[int] | None = None, *, channels_in: int | None = None, batch: int | None = None
    ) -> Settings:
        """The settings of this layer for an input of these spatial extents.

        What the layer says itself need not be given: channels that nobody says are one a group. LayerError where the
        extents are said by nobody, where they contradict the layer, or where the two are impossible together.
        """
        extents = _agreed("the input's extents", self.input, None if extents is None else tuple(extents))
        if extents is None:
            raise LayerError(f"the layer does not say the extents of its input; give {self.rank}, such as "
                             f"--input {'x'.join(['7'] * self.rank)}")  # fmt: skip
        if len(extents) != self.rank:
            raise LayerError(f"input: found {len(extents)} extents ({'x'.join(map(str, extents))}), accepted one for "
                             f"each of the kernel's {self.rank} spatial axes")  # fmt: skip
        inputs = _agreed("input channels", self.channels_in, channels_in)
        items = _agreed("items", self.batch, batch)
        groups, outputs = self.groups, self.channels_out
        if self.depth_multiplier is not None:
            inputs = 1 if inputs is None else inputs
            groups, outputs = inputs, inputs * self.depth_multiplier
        layer = self if self.halves is None else self._cropped(extents)
        try:
            return Settings(
                input=extents, kernel=self.kernel, stride=self.stride, dilation=self.dilation, padding=layer.padding,
                output_padding=layer.output_padding, output_size=layer.output_size,
                batch=1 if items is None else items,
                channels_in=groups if inputs is None else inputs, channels_out=groups if outputs is None else outputs,
                groups=groups, bias=self.bias, op=self.op,
            )  # fmt: skip
        except SettingsError as error:
            of = f" for an input of {'x'.join(map(str, extents))}" if error.field in OF_THE_INPUT else ""
            raise LayerError(f"this layer is impossible{of}: {error}") from None

    def _cropped(self, extents: Sizes) -> Layer:
        """The layer whose `halves` have become pairs, for an input of these extents."""
        ones = (1,) * self.rank
        axes = zip(extents, self.kernel, self.stride or ones, self.dilation or ones, strict=True)
        if self.op == "conv":
            pairs = [forward_same_padding(n, k, s, d) for n, k, s, d in axes]
            more: list[int] = []
        else:
            wanted = self.output_size or tuple(n * s for n, s in zip(extents, self.stride or ones, strict=True))
            given = self.output_padding or (0,) * self.rank
            sides = [same_crop(*axis, out - a) for axis, out, a in zip(axes, wanted, given, strict=True)]
            pairs = [(lo, hi) for lo, hi, _ in sides]
            more = [a + missing for a, (_, _, missing) in zip(given, sides, strict=True)]
        if self.halves == "larger first":
            pairs = [(hi, lo) for lo, hi in pairs]
        return self.replace(
            padding=tuple(pairs), output_padding=tuple(more) if any(more) else None, output_size=None, halves=None
        )

    def replace(self, **changes: object) -> Layer:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def _agreed(what: str, said: T | None, given: T | None) -> T | None:
    """What either says; LayerError where both do and differ."""
    if said is not None and given is not None and said != given:
        raise LayerError(f"{what}: the layer itself says {said}, and {given} was given; leave one of them out")
    return given if said is None else said


def layer_of(it: Settings) -> Layer:
    """The layer with these settings, its input included."""
    return Layer(
        kernel=it.kernel, stride=it.stride, dilation=it.dilation, padding=it.padding, output_padding=it.output_padding,
        output_size=it.output_size, channels_in=it.channels_in, channels_out=it.channels_out, groups=it.groups,
        bias=it.bias, op=it.op, input=it.input, batch=it.batch,
    )  # fmt: skip
