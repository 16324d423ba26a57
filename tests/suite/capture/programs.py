# mypy: ignore-errors
"""Models as users have them: programs that a capture imports and runs. Each is a chain of convolutions and no more."""

from __future__ import annotations

from typing import Any


def torch_chain() -> Any:
    """Layers and calls of functions, a layer that runs twice, memory formats and dtypes."""
    import torch
    import torch.nn.functional as f
    from torch import nn

    class Chain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            generator = torch.Generator().manual_seed(0)
            self.down = nn.Sequential(nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2))
            self.up = nn.ConvTranspose2d(6, 6, 3, stride=2, padding=1, output_padding=(1, 0), dilation=1, bias=False)
            self.kernel = nn.Parameter(torch.rand(6, 2, 2, 2, generator=generator))
            self.same = nn.Conv2d(4, 4, 3, padding="same", dilation=2)

        def forward(self, x: Any) -> Any:
            x = self.up(self.up(self.down(x)))
            x = f.conv_transpose2d(x, self.kernel, stride=(1, 2), groups=2)
            return self.same(x)

    torch.manual_seed(0)
    return Chain()


def torch_formats() -> Any:
    """bfloat16, channels-last memory, one axis and three, and an answer that depends on numbers."""
    import torch
    from torch import nn

    class Formats(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Conv1d(2, 3, 3).to(torch.bfloat16)
            self.plane = nn.ConvTranspose2d(3, 2, 2).to(memory_format=torch.channels_last)
            self.space = nn.Conv3d(1, 1, 1)

        def forward(self, x: Any, ids: Any) -> Any:
            if float(x.sum()) < -1e9:
                return x
            y = self.line(x.to(torch.bfloat16)).float()[..., None]
            y = self.plane(y.expand(-1, -1, -1, 2).contiguous(memory_format=torch.channels_last))
            return self.space(y[:, :1, None]).sum() + ids.sum()

    return Formats()


class NeedsArguments:
    def __init__(self, width: int) -> None:
        self.width = width


def raises() -> Any:
    raise RuntimeError("no such checkpoint\n  on this machine")


def hangs() -> Any:
    import time

    time.sleep(600)


def ends() -> Any:
    import os

    os._exit(3)


def killed() -> Any:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGSEGV)


def a_number() -> int:
    return 7


def jax_calls(x: Any, up: Any, down: Any) -> Any:
    """Forward and transposed, inside of jit, of a condition and of a gradient."""
    import jax
    from jax import lax

    form = ("NHWC", "HWIO", "NHWC")
    y = lax.conv_transpose(x, up, (2, 3), "SAME", rhs_dilation=(1, 2))

    @jax.jit
    def half(y: Any) -> Any:
        return lax.conv_general_dilated(y, down, (2, 1), "SAME", dimension_numbers=form, feature_group_count=2)

    y = lax.cond(y.sum() > 0, half, half, y)
    with jax.named_scope("odd"):
        z = lax.conv_general_dilated(x, up, (1, 2), [(0, 0), (0, 0)], lhs_dilation=(2, 1), dimension_numbers=form)
    cut = lax.conv_general_dilated(x, up, (1, 1), [(-1, 0), (0, 0)], dimension_numbers=form)
    late = lax.conv_general_dilated(x, up, (1, 1), [(9, 0), (2, 2)], lhs_dilation=(2, 2), dimension_numbers=form)
    weight = jax.grad(lambda w: lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=form).sum())(up)
    return y, z, cut, late, weight


def keras_chain() -> Any:
    """Every kind of layer, a shared one, a model inside."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(0)
    x = given = keras.Input((None, None, 4))
    x = layers.Conv2D(6, (3, 2), strides=(2, 1), padding="same", groups=2, use_bias=False)(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, bias_initializer="random_normal")(x)
    x = layers.SeparableConv2D(4, 3, bias_initializer="random_normal")(x)
    up = layers.Conv2DTranspose(4, 5, 2, padding="same", bias_initializer="random_normal")
    x = up(up(x))
    x = layers.Conv2DTranspose(3, 3, 2, padding="valid", output_padding=1)(x)
    x = layers.Conv2DTranspose(3, 4, 3, padding="same", output_padding=1)(x)
    inner = keras.Sequential([layers.Conv2D(2, 1, name="point", bias_initializer="random_normal")], name="inner")
    return keras.Model(given, inner(x))
