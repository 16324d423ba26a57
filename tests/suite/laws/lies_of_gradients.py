"""Liars about derivatives: right as long as nobody trains."""

from __future__ import annotations

import numpy as np

from convt.adapter.backend import Probe
from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest

SECOND = "second-order: no other law differentiates twice, or forward"


class FlipsTheKernelGradient(Honest):
    """the kernel's gradient comes with its taps backwards"""

    def kernel_gradient(self, it: Settings, x: Array, g: Array) -> Array:
        return np.flip(super().kernel_gradient(it, x, g), tuple(range(2, 2 + it.rank)))


class LearnsFromOneItem(Honest):
    """the kernel's gradient sees the first item of a batch alone"""

    def kernel_gradient(self, it: Settings, x: Array, g: Array) -> Array:
        first = it.replace(batch=min(it.batch, 1))
        return super().kernel_gradient(first, x[:1], g[:1])


class AveragesTheBiasGradient(Honest):
    """the bias's gradient is the mean over places instead of the sum"""

    def bias_gradient(self, it: Settings, g: Array) -> Array:
        return super().bias_gradient(it, g) / np.float32(max(int(np.prod(it.output)), 1))


class BiasGradientMissesTheEdge(Honest):
    """the bias's gradient leaves out the last column"""

    def bias_gradient(self, it: Settings, g: Array) -> Array:
        return super().bias_gradient(it, g[..., :-1])


class InputGradientMirrorsTheCrop(Honest):
    """the input's gradient takes an asymmetric crop the other way round"""

    def input_gradient(self, it: Settings, w: Array, g: Array) -> Array:
        mirrored = it.explicit().replace(padding=tuple((hi, lo) for lo, hi in it.crop))
        return super().input_gradient(mirrored, w, g)


class InputGradientUsesTheFlippedKernel(Honest):
    """the input's gradient correlates where it should convolve"""

    def input_gradient(self, it: Settings, w: Array, g: Array) -> Array:
        return super().input_gradient(it, np.flip(w, tuple(range(2, 2 + it.rank))), g)


class FrozenKernelStopsTheInput(Honest):
    """with a frozen kernel the input gets no gradient either"""

    def gradient(self, probe: Probe) -> Array:
        y = super().gradient(probe)
        return np.zeros_like(y) if probe.want == "only-x" else y


class FrozenInputStopsTheKernel(Honest):
    """with a frozen input the kernel's gradient is of the wrong sign"""

    def gradient(self, probe: Probe) -> Array:
        y = super().gradient(probe)
        return -y if probe.want == "only-w" else y


class GradientsInFloat64(Honest):
    """the kernel's gradient is right, in float64"""

    def kernel_gradient(self, it: Settings, x: Array, g: Array) -> Array:
        return super().kernel_gradient(it, x, g).astype(np.float64)


class LearnsInTF32(Honest):
    """the backward pass rounds its arguments to 11 significant bits"""

    def kernel_gradient(self, it: Settings, x: Array, g: Array) -> Array:
        return super().kernel_gradient(it, _eleven_bits(x), g)

    def input_gradient(self, it: Settings, w: Array, g: Array) -> Array:
        return super().input_gradient(it, _eleven_bits(w), g)


class SwapsGroupsBackwards(Honest):
    """the kernel's gradient gives the groups in the wrong order"""

    def kernel_gradient(self, it: Settings, x: Array, g: Array) -> Array:
        gw = super().kernel_gradient(it, x, g)
        return np.roll(gw, len(gw) // it.groups, axis=0)


class NoGradientWithoutOutput(Honest):
    """a kernel's gradient is raised away where a stride leaves gaps"""

    def kernel_gradient(self, it: Settings, x: Array, g: Array) -> Array:
        if any(s > e for s, e in zip(it.stride, it.effective, strict=True)):
            raise ValueError("backward of a strided kernel is not implemented")
        return super().kernel_gradient(it, x, g)


class KernelGradientOfTheWrongShape(Honest):
    """the kernel's gradient comes with its two channel axes swapped"""

    def kernel_gradient(self, it: Settings, x: Array, g: Array) -> Array:
        return super().kernel_gradient(it, x, g).swapaxes(0, 1)


class ForgetsTheSecondOrder(Honest):
    """a gradient of a gradient is zero"""

    def gradient(self, probe: Probe) -> Array:
        y = super().gradient(probe)
        return np.zeros_like(y) if probe.want in ("grad-xw", "grad-wx") else y


class PushesTheKernelForward(Honest):
    """forward mode in the kernel's direction uses the kernel itself"""

    def gradient(self, probe: Probe) -> Array:
        if probe.want == "jvp-w":
            return self.answer(probe.settings.replace(bias=False), probe.x, probe.w, None)
        return super().gradient(probe)


class AddsBiasToTheTangent(Honest):
    """forward mode adds the bias to the derivative"""

    only = SECOND

    def gradient(self, probe: Probe) -> Array:
        y = super().gradient(probe)
        return self.biased(probe.settings, y, probe.b) if probe.want == "jvp-x" else y


class DoublesForwardOverReverse(Honest):
    """forward over reverse counts its direction twice"""

    def gradient(self, probe: Probe) -> Array:
        y = super().gradient(probe)
        return 2 * y if probe.want == "jvp-grad-x" else y


def _eleven_bits(array: Array) -> Array:
    return array.astype(np.float16).astype(array.dtype)


GRADIENTS: tuple[type[Honest], ...] = (
    FlipsTheKernelGradient, LearnsFromOneItem, AveragesTheBiasGradient, BiasGradientMissesTheEdge,
    InputGradientMirrorsTheCrop, InputGradientUsesTheFlippedKernel, FrozenKernelStopsTheInput,
    FrozenInputStopsTheKernel, GradientsInFloat64, LearnsInTF32, SwapsGroupsBackwards, NoGradientWithoutOutput,
    KernelGradientOfTheWrongShape, ForgetsTheSecondOrder, PushesTheKernelForward, AddsBiasToTheTangent,
    DoublesForwardOverReverse,
)  # fmt: skip
