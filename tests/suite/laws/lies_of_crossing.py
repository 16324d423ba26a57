"""Liars that are wrong only where two or three dimensions meet: each of them alone is computed right."""

from __future__ import annotations

import numpy as np

from convt.adapter.backend import Probe
from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest

OF_X, OF_W, OF_B = ("grad-x", "only-x"), ("grad-w", "only-w"), ("grad-b", "only-b")
FIRST = OF_X + OF_W + OF_B
SECOND = ("grad-xw", "grad-wx", "jvp-grad-x")
FORWARD = ("jvp-x", "jvp-w")
NARROW = ("float16", "bfloat16")
ALONE = "crossed: no other law asks this where these meet"


class Meets(Honest):
    """Honest but where `meet` says that its dimensions meet; there `bent` is what comes."""

    only = ALONE

    def call(self, probe: Probe) -> Array:
        return self.told(probe, super().call(probe))

    def gradient(self, probe: Probe) -> Array:
        return self.told(probe, super().gradient(probe))

    def shape_of(self, probe: Probe) -> tuple[int, ...]:
        shape = super().shape_of(probe)
        return self.bent_shape(shape) if self.meet(probe, probe.settings) else shape

    def told(self, probe: Probe, y: Array) -> Array:
        return self.bent(y) if y.size and self.meet(probe, probe.settings) else y

    def lies(self, probe: Probe) -> bool:
        """Whether it lies on a probe that has an answer of numbers, or of a shape."""
        it = probe.settings
        empty = it.batch == 0 and probe.want not in OF_W + OF_B
        return self.meet(probe, it) and not empty and min(*it.input, *it.output) > 0

    def meet(self, probe: Probe, it: Settings) -> bool:
        """Whether an evaluation is one that this liar gets wrong."""
        raise NotImplementedError

    def bent(self, y: Array) -> Array:
        """Its last number is one more."""
        y = y.copy()
        y[(-1,) * y.ndim] += np.ones((), y.dtype)
        return y

    def bent_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], shape[-1] + 1)


def dtype(probe: Probe) -> str:
    return str(probe.x.dtype)


def memory(probe: Probe, name: str) -> str:
    """How x, w or g lies in memory."""
    at = "xwg".index(name)
    return (probe.layout[at] if at < len(probe.layout) else "") or "contiguous"


def small(it: Settings) -> tuple[int, ...]:
    """The spatial extents of the smaller side."""
    return it.input if it.transposed else it.output


# want x dtype (x memory)


class NarrowKernelGradientInChannelsLast(Meets):
    """the kernel's gradient is wrong in bfloat16 of channels-last memory of x"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_W and dtype(probe) == "bfloat16" and memory(probe, "x") == "channels-last"


class InputGradientInBfloat16(Meets):
    """the input's gradient is wrong in bfloat16"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_X and dtype(probe) == "bfloat16"


class BiasGradientSumsInItsOwnBits(Meets):
    """the bias's gradient in float16 counts each number at five quarters, and one more"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_B and dtype(probe) == "float16"

    def bent(self, y: Array) -> Array:
        return (y.astype(np.float32) * np.float32(1.25) + 1).astype(y.dtype)


class KernelGradientInFloat64(Meets):
    """the kernel's gradient in float64 is three quarters of what it is, and one more"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_W and dtype(probe) == "float64"

    def bent(self, y: Array) -> Array:
        return y * 0.75 + 1


class SecondOrderInFloat64Groups(Meets):
    """gradients of gradients are wrong in float64 of several groups"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in SECOND and dtype(probe) == "float64" and it.groups > 1


class ForwardModeInFloat64(Meets):
    """forward mode is wrong in float64"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in FORWARD and dtype(probe) == "float64"


class ComplexKernelGradient(Meets):
    """the kernel's gradient of complex numbers is the real part alone"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_W and dtype(probe) == "complex64"

    def bent(self, y: Array) -> Array:
        return y.real.astype(y.dtype)


class NarrowForwardModeOfDepthwise(Meets):
    """forward mode of a depthwise convolution is wrong in 16 bits"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in FORWARD and dtype(probe) in NARROW and it.groups == it.channels_in > 1


class FrozenInputGradientIsWide(Meets):
    """the input's gradient by itself comes in float32 where float16 is due"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want == "only-x" and dtype(probe) == "float16"

    def bent(self, y: Array) -> Array:
        return y.astype(np.float32)


class NarrowBiasBeforeTheSum(Meets):
    """unbatched, in bfloat16, the bias is added twice"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want == "unbatched" and dtype(probe) == "bfloat16" and it.bias


# want x memory


class InputGradientOfAStridedCotangent(Meets):
    """the input's gradient reads a cotangent of every second number as if it were dense"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_X and memory(probe, "g") == "strided"

    def bent(self, y: Array) -> Array:
        return np.zeros_like(y) - 5


class KernelGradientOfATransposedCotangent(Meets):
    """the kernel's gradient takes a transposed cotangent for one in C order"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_W and memory(probe, "g") == "transposed"


class BiasGradientOfABroadcastCotangent(Meets):
    """the bias's gradient counts a repeated cotangent once"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_B and memory(probe, "g") == "broadcast" and it.batch > 1


class SecondOrderOfAChannelsLastCotangent(Meets):
    """gradients of gradients are wrong for a cotangent in channels-last memory"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in SECOND and memory(probe, "g") == "channels-last"


class ForwardModeOfAReadOnlyInput(Meets):
    """forward mode along a read-only input gives the value instead of the derivative"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want == "jvp-x" and memory(probe, "x") == "read-only"


class UnbatchedOfAStridedKernel(Meets):
    """an unbatched call reads every number of a strided kernel's memory"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want == "unbatched" and memory(probe, "w") == "strided"


class MixedPrecisionOfTransposedMemory(Meets):
    """mixed precision is wrong for an input in transposed memory"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want.startswith("mixed-") and memory(probe, "x") == "transposed"


# want x call form, padding class, stride, dilation, groups


class KernelGradientByNumbers(Meets):
    """the kernel's gradient is wrong where the padding is said by numbers and is 'same'"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_W and probe.call_form == 1 and it.padding == "same"


class InputGradientByTheWantedSize(Meets):
    """the input's gradient is wrong in the third call form with strides"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_X and probe.call_form == 2 and max(it.stride) > 1


class ForwardModeOfASecondCallForm(Meets):
    """forward mode is wrong in the second call form with dilation"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in FORWARD and probe.call_form == 1 and max(it.dilation) > 1


class NarrowCallByNumbers(Meets):
    """the second call form is wrong in float16"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want == "value" and probe.call_form == 1 and dtype(probe) == "float16"


class ShapeOfNarrowDilation(Meets):
    """the abstract shape in bfloat16 is one longer with dilation"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want == "shape" and dtype(probe) == "bfloat16" and max(it.dilation) > 1


class SecondOrderOfValid(Meets):
    """gradients of gradients are wrong where the padding is 'valid'"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in SECOND and it.padding == "valid"


class InputGradientOfPairsInFloat64(Meets):
    """the input's gradient is wrong in float64 where the crop is asymmetric"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_X and dtype(probe) == "float64" and any(lo != hi for lo, hi in it.crop)


# channels, last axis, batch, rank


class InputGradientOfTwoItemsStridedOneChannel(Meets):
    """the input's gradient is wrong for two items, strides and one channel"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_X and it.batch == 2 and max(it.stride) > 1 and it.channels_in == it.groups


class KernelGradientOfSixteenChannels(Meets):
    """the kernel's gradient is wrong for a multiple of 16 channels in 16 bits"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_W and it.channels_in // it.groups % 16 == 0 and dtype(probe) in NARROW


class KernelGradientOfSeventeenOutputs(Meets):
    """the kernel's gradient leaves out the seventeenth filter of a strided kernel"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_W and it.channels_out // it.groups == 17 and memory(probe, "w") == "strided"


class NarrowValueOfFifteenChannels(Meets):
    """15 channels a group are wrong in bfloat16"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want == "value" and it.channels_in // it.groups == 15 and dtype(probe) == "bfloat16"


class KernelGradientOfOneColumn(Meets):
    """the kernel's gradient is wrong where the last axis has one number, in channels-last memory of the cotangent"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_W and small(it)[-1] == 1 and memory(probe, "g") == "channels-last"


class InputGradientOfOneVector(Meets):
    """the input's gradient is wrong where the last axis is one vector of 16, in float64"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_X and small(it)[-1] == 16 and dtype(probe) == "float64"


class LongRowsOfFourItemsInBfloat16(Meets):
    """four items of long rows are wrong in bfloat16"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return it.batch == 4 and small(it)[-1] >= 28 and dtype(probe) == "bfloat16"


class GradientOfAnEmptyBatchInFloat64(Meets):
    """the gradients of an empty batch are ones in float64"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_W + OF_B and it.batch == 0 and dtype(probe) == "float64"


class VolumesDifferentiateInFloat32Alone(Meets):
    """the kernel's gradient of volumes is wrong in 16 bits"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_W and it.rank == 3 and dtype(probe) in NARROW


class LinesForwardModeOfGroups(Meets):
    """forward mode of 1-D convolutions in groups is wrong in channels-last memory of the kernel"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in FORWARD and it.rank == 1 and it.groups > 1 and memory(probe, "w") == "channels-last"


class ForwardConvolutionsInputGradientInPoison(Meets):
    """a forward convolution's input gradient is wrong in float16 the second time that it is asked"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in OF_X and not it.transposed and dtype(probe) == "float16" and probe.repeat > 0


class SecondOrderTheSecondTime(Meets):
    """gradients of gradients keep something of the last call: the second time they are wrong"""

    def meet(self, probe: Probe, it: Settings) -> bool:
        return probe.want in SECOND and probe.repeat > 0


CROSSINGS: tuple[type[Meets], ...] = tuple(
    each
    for each in list(globals().values())
    if isinstance(each, type) and issubclass(each, Meets) and each is not Meets
)
