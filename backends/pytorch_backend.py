"""PyTorch: `torch.nn.ConvTranspose1d/2d/3d` and `Conv1d/2d/3d`, their functional forms, and `interpolate`.

Its arrays are ours: channels first, kernels as (in, out/groups, ...) and (out, in/groups, ...). A layer crops one
number at both sides of an axis, and its `output_padding` gives positions back at the end: the crop (lo, hi) with the
extra a is `padding=lo, output_padding=lo - hi + a`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from backends.interface import Backend, Probe, Want
from specs.settings import Settings, forward_size

LAYER, FORWARD_SIZE, FUNCTIONAL = range(3)
DEFAULTS = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1, "bias": True}


class PyTorch(Backend):
    """torch.nn on the CPU, a CUDA device or Apple's MPS."""

    name = "pytorch"
    modes = ("eager",)
    spellings = ("torch.nn layer", "layer called with output_size", "torch.nn.functional")
    script_imports = "import torch"

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        import torch

        self.torch = torch
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.set_float32_matmul_precision("highest")

    @classmethod
    def devices(cls) -> list[str]:
        import torch

        cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
        return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]

    def versions(self) -> dict[str, str]:
        torch = self.torch
        found = {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
        return {name: str(version) for name, version in found.items() if version is not None}

    def flags(self) -> dict[str, str]:
        torch = self.torch
        return {
            "deterministic_algorithms": str(torch.are_deterministic_algorithms_enabled()),
            "cudnn.deterministic": str(torch.backends.cudnn.deterministic),
            "cudnn.benchmark": str(torch.backends.cudnn.benchmark),
            "cudnn.allow_tf32": str(torch.backends.cudnn.allow_tf32),
            "matmul.allow_tf32": str(torch.backends.cuda.matmul.allow_tf32),
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "threads": str(torch.get_num_threads()),
        }

    def unsupported(self, settings: Settings, want: Want = "value", spelling: int = 0) -> str | None:
        if want in ("nearest", "bilinear"):
            return None
        if not settings.transposed:
            return _unsupported_forward(settings, spelling) or self._refused_empty(settings, want)
        for axis, (extra, stride, dilation) in enumerate(
            zip(_output_padding(settings), settings.stride, settings.dilation, strict=True)
        ):
            if extra < 0:
                lo, hi = settings.crop[axis]
                return f"padding is one number for both sides; no value crops ({lo}, {hi}) on axis {axis}"
            if _by_size(settings, spelling) and extra >= stride:
                return f"output_size exceeds the smallest by less than the stride, not by {extra} as on axis {axis}"
            if extra >= max(stride, dilation) and settings.batch > 0:  # an empty batch is taken without this check
                return f"output_padding must be smaller than either stride or dilation; it is {extra} on axis {axis}"
        return self._refused_empty(settings, want)

    def call(self, probe: Probe) -> np.ndarray:
        x = probe.x[0] if probe.want == "unbatched" else probe.x
        b = None if probe.b is None else self._tensor(probe.b)
        return self._array(self._apply(probe.settings, probe.spelling, self._tensor(x), self._tensor(probe.w), b))

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        torch = self.torch
        empty = {"dtype": getattr(torch, dtype), "device": "meta"}
        x, w, b = (torch.empty(shape, **empty) for shape in (settings.x_shape, settings.w_shape, settings.b_shape))
        return tuple(self._apply(settings, LAYER, x, w, b if settings.bias else None).shape)

    def resize(self, probe: Probe) -> np.ndarray:
        scale = tuple(float(stride) for stride in probe.settings.stride)
        if probe.want == "nearest":
            arguments: dict[str, Any] = {"mode": "nearest"}
        else:
            mode = ("linear", "bilinear", "trilinear")[probe.settings.rank - 1]
            arguments = {"mode": mode, "align_corners": False}
        x = self._tensor(probe.x)
        return self._array(self.torch.nn.functional.interpolate(x, scale_factor=scale, **arguments))

    def script(self, settings: Settings, spelling: int = 0) -> str:
        move, back = ("", "") if self.device == "cpu" else (f'.to("{self.device}")', ".cpu()")
        x, w, b = (f"torch.from_numpy({name}){move}" for name in "xwb")
        name, arguments, at_call = _say(settings, spelling)
        said = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        if spelling == FUNCTIONAL:
            tensors = "".join(f"    {tensor},\n" for tensor in (x, w, b)[: 2 + settings.bias])
            said = f"    {said},\n" if said else ""
            return f"y = torch.nn.functional.{name}(\n{tensors}{said}){back}.numpy()\n"
        lines = [f"layer = torch.nn.{name}({said})"]
        for parameter, value in (("weight", w), ("bias", b))[: 1 + settings.bias]:
            lines.append(f"layer.{parameter} = torch.nn.Parameter({value}, requires_grad=False)")
        given = "".join(f", {key}={value!r}" for key, value in at_call.items())
        return "\n".join([*lines, f"y = layer({x}{given}){back}.numpy()\n"])

    def _refused_empty(self, it: Settings, want: Want) -> str | None:
        """PyTorch's words where it refuses an axis of nothing, or None where it takes it.

        Abstract evaluation never looks at the values, and so takes an empty input; it wants one output at least.
        """
        if not it.transposed and min(it.output) == 0:
            return "Kernel size can't be greater than actual input size"
        if want == "shape":
            return "Output size is too small" if it.transposed and max(it.output) == 0 else None
        if it.batch > 0 and min(it.input) == 0:
            return "Only zero batch or zero channel inputs are supported"
        if it.transposed and min(it.output) == 0 and self._is_native(it):
            return "Output size is too small"
        return None

    def _is_native(self, it: Settings) -> bool:
        """Whether the CPU computes float32 by PyTorch's own kernels, which refuse what oneDNN takes.

        Source: aten/src/ATen/native/Convolution.cpp, ConvParams::use_mkldnn.
        """
        if self.device != "cpu" or it.batch == 0:
            return False
        if any(extra >= s for extra, s in zip(_output_padding(it), it.stride, strict=True)):
            return True
        kernel, inputs = (1, *it.kernel)[-2:], it.batch * it.channels_in * math.prod(it.input[:2])
        plain = max(*it.stride, *it.dilation, *kernel) == 1 and it.batch < 16 and self.torch.get_num_threads() == 1
        return plain or not (it.groups > 1 or it.batch > 1 or min(kernel) > 3 or inputs > 20480)

    def _apply(self, it: Settings, spelling: int, x: Any, w: Any, b: Any) -> Any:
        """The tensor that the layer or the function gives."""
        nn = self.torch.nn
        name, arguments, at_call = _say(it, spelling)
        if spelling == FUNCTIONAL:
            return getattr(nn.functional, name)(x, w, b, **arguments)
        layer = getattr(nn, name)(**arguments, device="meta")  # there no initial weights are drawn
        layer.weight = nn.Parameter(w, requires_grad=False)
        if b is not None:
            layer.bias = nn.Parameter(b, requires_grad=False)
        return layer(x, **at_call)

    def _tensor(self, array: np.ndarray) -> Any:
        """A tensor of its own memory on the target's device."""
        torch = self.torch
        if array.dtype.name == "bfloat16":  # numpy's bfloat16 is a type that torch does not know
            return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16).to(self.device)
        return torch.from_numpy(np.array(array, order="C")).to(self.device)

    def _array(self, tensor: Any) -> np.ndarray:
        """A numpy copy of a tensor of any device."""
        torch = self.torch
        if tensor.dtype == torch.bfloat16:
            import ml_dtypes

            return np.array(tensor.cpu().view(torch.int16).numpy()).view(ml_dtypes.bfloat16)
        return np.array(tensor.cpu().numpy())


def _say(it: Settings, spelling: int) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The name of the layer or function, its keyword arguments, and those of the layer's call.

    The same three make the call and the script.
    """
    if spelling == FUNCTIONAL:
        name = f"{'conv_transpose' if it.transposed else 'conv'}{it.rank}d"
        arguments: dict[str, Any] = {}
    else:
        name = f"{'ConvTranspose' if it.transposed else 'Conv'}{it.rank}d"
        arguments = {"in_channels": it.channels_in, "out_channels": it.channels_out, "kernel_size": it.kernel}
    arguments |= {"stride": it.stride, "padding": _padding(it)}
    if it.transposed and not _by_size(it, spelling):
        arguments["output_padding"] = _output_padding(it)
    arguments |= {"dilation": it.dilation, "groups": it.groups}
    if spelling != FUNCTIONAL:
        arguments["bias"] = it.bias
    said = {key: value for key, value in arguments.items() if not _is_default(key, value)}
    return name, said, {"output_size": it.output} if _by_size(it, spelling) else {}


def _is_default(key: str, value: Any) -> bool:
    """Whether an argument can be left unsaid."""
    return key in DEFAULTS and set(value if isinstance(value, tuple) else (value,)) == {DEFAULTS[key]}


def _by_size(it: Settings, spelling: int) -> bool:
    """Whether the layer's call is given the output's extents."""
    return spelling == FORWARD_SIZE or (spelling == LAYER and it.output_size is not None)


def _padding(it: Settings) -> str | tuple[int, ...]:
    """A keyword where the layer knows it: forward only, and `same` only without strides. Otherwise a number an axis."""
    if not it.transposed and (it.padding == "valid" or (it.padding == "same" and set(it.stride) == {1})):
        return str(it.padding)
    return tuple(lo for lo, _ in it.crop)


def _output_padding(it: Settings) -> tuple[int, ...]:
    """What `output_padding` must be where `padding` crops `lo` at both sides; negative where no value will do."""
    return tuple(lo - hi + extra for (lo, hi), extra in zip(it.crop, it.extra, strict=True))


def _unsupported_forward(it: Settings, spelling: int) -> str | None:
    """Why a forward layer cannot say these settings, or None.

    Different sides still give the same answer where a stride skips what differs at the end.
    """
    if spelling == FORWARD_SIZE:
        return "the forward convolution's layer takes no output_size"
    if isinstance(_padding(it), str):
        return None
    axes = zip(it.input, it.kernel, it.stride, it.dilation, it.crop, it.output, strict=True)
    for axis, (n, k, s, d, (lo, hi), out) in enumerate(axes):
        if forward_size(n, k, s, d, lo, lo) != out:
            strided = "padding='same' takes no strides; " if it.padding == "same" else ""
            return f"{strided}padding is one number for both sides; no value pads ({lo}, {hi}) on axis {axis}"
    return None
