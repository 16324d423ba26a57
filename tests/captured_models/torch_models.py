# mypy: ignore-errors
"""Published networks as PyTorch modules: the convolutions of each are those of the paper, and of the code it names."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as f


class DcganGenerator(nn.Module):
    """Radford et al., arXiv:1511.06434; github.com/pytorch/examples, dcgan/main.py."""

    def __init__(self, noise: int = 100, width: int = 64) -> None:
        super().__init__()
        channels = [noise, 8 * width, 4 * width, 2 * width, width]
        layers: list[nn.Module] = []
        for at, (ins, outs) in enumerate(pairwise(channels)):
            how = {"stride": 2, "padding": 1} if at else {"stride": 1, "padding": 0}
            layers += [nn.ConvTranspose2d(ins, outs, 4, bias=False, **how), nn.BatchNorm2d(outs), nn.ReLU(True)]
        self.main = nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.main(x)


def _twice(ins: int, outs: int, conv: type[nn.Module] = nn.Conv2d, padding: int = 0, middle: int = 0) -> nn.Module:
    middle = middle or outs
    return nn.Sequential(
        conv(ins, middle, 3, padding=padding), nn.ReLU(), conv(middle, outs, 3, padding=padding), nn.ReLU()
    )


class UNet(nn.Module):
    """Ronneberger et al., arXiv:1505.04597, figure 1: 572x572 to 388x388, without padding."""

    def __init__(self) -> None:
        super().__init__()
        widths = [64, 128, 256, 512, 1024]
        self.down = nn.ModuleList(_twice(ins, outs) for ins, outs in zip([1, *widths], widths, strict=False))
        self.up = nn.ModuleList(nn.ConvTranspose2d(w, w // 2, 2, 2) for w in widths[:0:-1])
        self.join = nn.ModuleList(_twice(w, w // 2) for w in widths[:0:-1])
        self.last = nn.Conv2d(64, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = []
        for at, block in enumerate(self.down):
            x = block(f.max_pool2d(x, 2) if at else x)
            kept.append(x)
        for up, join, skip in zip(self.up, self.join, kept[-2::-1], strict=True):
            x = up(x)
            top, left = ((a - b) // 2 for a, b in zip(skip.shape[2:], x.shape[2:], strict=True))
            x = join(torch.cat([skip[:, :, top : top + x.shape[2], left : left + x.shape[3]], x], 1))
        return self.last(x)


class UNet3d(nn.Module):
    """Cicek et al., arXiv:1606.06650, figure 2, padded as most implementations do."""

    def __init__(self) -> None:
        super().__init__()
        widths = [(3, 32, 64), (64, 64, 128), (128, 128, 256), (256, 256, 512)]
        self.down = nn.ModuleList(_twice(a, c, nn.Conv3d, 1, b) for a, b, c in widths)
        self.up = nn.ModuleList(nn.ConvTranspose3d(w, w, 2, 2) for w in (512, 256, 128))
        self.join = nn.ModuleList(_twice(a + b, b, nn.Conv3d, 1) for a, b in ((512, 256), (256, 128), (128, 64)))
        self.last = nn.Conv3d(64, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = []
        for at, block in enumerate(self.down):
            x = block(f.max_pool3d(x, 2) if at else x)
            kept.append(x)
        for up, join, skip in zip(self.up, self.join, kept[-2::-1], strict=True):
            x = join(torch.cat([skip, up(x)], 1))
        return self.last(x)


class _Residual(nn.Module):
    """HiFi-GAN's ResBlock1."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.first = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=d * (kernel - 1) // 2) for d in (1, 3, 5)
        )
        self.second = nn.ModuleList(nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for first, second in zip(self.first, self.second, strict=True):
            x = x + second(f.leaky_relu(first(f.leaky_relu(x, 0.1)), 0.1))
        return x


class HifiGan(nn.Module):
    """Kong et al., arXiv:2010.05646, generator V1; github.com/jik876/hifi-gan, models.py, config_v1.json."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Conv1d(80, 512, 7, padding=3)
        rates = ((8, 16), (8, 16), (2, 4), (2, 4))
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(512 >> at, 256 >> at, kernel, rate, (kernel - rate) // 2)
            for at, (rate, kernel) in enumerate(rates)
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList(_Residual(256 >> at, kernel) for kernel in (3, 7, 11)) for at in range(4)
        )
        self.after = nn.Conv1d(32, 1, 7, padding=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.before(x)
        for up, blocks in zip(self.ups, self.blocks, strict=True):
            x = up(f.leaky_relu(x, 0.1))
            x = sum(block(x) for block in blocks) / 3
        return torch.tanh(self.after(f.leaky_relu(x)))


class _ChannelNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        centred = x - x.mean(1, keepdim=True)
        x = centred / torch.sqrt(centred.pow(2).mean(1, keepdim=True) + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class SamUpscaling(nn.Module):
    """Kirillov et al., arXiv:2304.02643; segment_anything/modeling/mask_decoder.py, output_upscaling and its product
    with the masks' own kernels."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, 2, 2), _ChannelNorm(width // 4), nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, 2, 2), nn.GELU(),
        )  # fmt: skip

    def forward(self, x: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        x = self.output_upscaling(x)
        return (tokens @ x.flatten(2)).unflatten(2, x.shape[2:])


class _Bottleneck(nn.Module):
    def __init__(self, ins: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(ins, width, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        narrow = stride > 1 or ins != 4 * width
        self.downsample = nn.Conv2d(ins, 4 * width, 1, stride, bias=False) if narrow else nn.Identity()
        self.norms = nn.ModuleList(nn.BatchNorm2d(w) for w in (width, width, 4 * width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norms[0](self.conv1(x)))
        y = torch.relu(self.norms[1](self.conv2(y)))
        return torch.relu(self.norms[2](self.conv3(y)) + self.downsample(x))


class DeepLab(nn.Module):
    """Chen et al., arXiv:1706.05587, over ResNet-50, output stride 8; torchvision, models/segmentation/deeplabv3.py."""

    def __init__(self, classes: int = 21) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        blocks: list[nn.Module] = []
        ins, dilation = 64, 1
        for at, (width, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
            before, dilation = dilation, dilation * (2 if at > 1 else 1)
            for block in range(count):
                stride = 2 if at == 1 and block == 0 else 1
                blocks.append(_Bottleneck(ins, width, stride, dilation if block else before))
                ins = 4 * width
        self.backbone = nn.Sequential(*blocks)
        self.aspp = nn.ModuleList(
            nn.Conv2d(ins, 256, 3 if rate > 1 else 1, padding=rate if rate > 1 else 0, dilation=rate, bias=False)
            for rate in (1, 12, 24, 36)
        )
        self.pooled = nn.Conv2d(ins, 256, 1, bias=False)
        self.project = nn.Conv2d(5 * 256, 256, 1, bias=False)
        self.head = nn.Sequential(nn.Conv2d(256, 256, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(256, classes, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size = x.shape[2:]
        x = self.backbone(f.max_pool2d(self.stem(x), 3, 2, 1))
        pooled = f.interpolate(self.pooled(x.mean((2, 3), keepdim=True)), x.shape[2:], mode="bilinear")
        x = self.head(self.project(torch.cat([*(branch(x) for branch in self.aspp), pooled], 1)))
        return f.interpolate(x, size, mode="bilinear")
