"""TensorFlow: `tf.nn.conv1d/2d/3d_transpose` and `conv1d/2d/3d`, their generic forms, and `tf.image.resize`.

Its arrays are channels last, and its kernels are ours reversed: (..., out/groups, in) and (..., in/groups, out).
A transposed op is the gradient of the forward one with respect to its input: `output_shape` is that input's shape, and
`padding` is the forward one's. `SAME` then crops `max((n-1)s + e - out, 0)`, the smaller half first, where
`ceil(out/s) = n`; `VALID` crops nothing. A list of pairs is taken by the two-dimensional ops alone.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from backends.interface import UNSAFE, Backend, Probe, Want
from specs.settings import Settings, forward_same_padding, forward_size, same_crop

KEYWORD, LISTED, GENERIC = range(3)


class TensorFlow(Backend):
    """tf.nn, eagerly, on the CPU or a GPU."""

    name = "tensorflow"
    modes = ("eager",)
    spellings = ("padding by keyword where one says it", "padding as a list", "tf.nn.conv_transpose, tf.nn.convolution")
    script_imports = "import tensorflow as tf"

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        import tensorflow as tf

        self.tf = tf
        self.place = device.replace("cuda", "GPU")
        tf.config.experimental.enable_op_determinism()
        tf.config.experimental.enable_tensor_float_32_execution(False)

    @classmethod
    def devices(cls) -> list[str]:
        import tensorflow as tf

        return ["cpu", *(f"cuda:{index}" for index, _ in enumerate(tf.config.list_physical_devices("GPU")))]

    def versions(self) -> dict[str, str]:
        build = {} if self.device == "cpu" else self.tf.sysconfig.get_build_info()
        parts = {part: build[f"{part}_version"] for part in ("cuda", "cudnn") if f"{part}_version" in build}
        return {"tensorflow": self.tf.__version__, **parts}

    def flags(self) -> dict[str, str]:
        config = self.tf.config
        return {
            "op_determinism": "True",
            "tensor_float_32": str(config.experimental.tensor_float_32_execution_enabled()),
            "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
            "threads": f"{config.threading.get_intra_op_parallelism_threads() or 'all'} in an op",
        }

    def unsupported(self, settings: Settings, want: Want = "value", spelling: int = 0) -> str | None:
        it, name = settings, _name(settings, spelling)
        if want in ("nearest", "bilinear"):
            return None if it.rank == 2 else "tf.image.resize takes images, which have two spatial axes"
        if want == "unbatched":
            aborts = self.device == "cpu" and not it.transposed and it.rank < 3
            return f"{UNSAFE if aborts else ''}tf.nn.{name} takes an input with a batch axis"
        if it.rank == 3 and it.groups > 1 and not (it.transposed and 0 in it.x_shape):  # nothing, grouped, is nothing
            return f"tf.nn.{name} takes no groups; in_channels must match between input and filters"
        if name == "convolution" and max(it.stride) > 1 and max(it.dilation) > 1:
            return "tf.nn.convolution takes strides or dilations, not both"
        padding = _padding(it, spelling)
        if isinstance(padding, str):
            return self._refused(it, want, spelling)
        if it.rank != 2 or (name == "convolution" and max(it.dilation) == 1):
            meant = "" if spelling == LISTED else f", and neither crops {it.crop} for the output {it.output}"
            return f"tf.nn.{name} takes padding 'SAME' or 'VALID' and no list{meant}"
        if it.transposed and not _is_preimage(it):
            return f"tf.nn.{name} is a gradient, and no forward op with this padding maps {it.output} to {it.input}"
        return self._refused(it, want, spelling)

    def _refused(self, it: Settings, want: Want, spelling: int) -> str | None:
        """TensorFlow's words where it refuses what its arguments can say, or None where it takes it."""
        if not it.transposed:
            if want == "shape":
                negative = _padding(it, spelling) != "SAME" and min(it.output) == 0
                return "Negative dimension size caused by subtracting" if negative else None
            if min(_kernel_sizes(it, spelling)) < 0:
                return "Computed output size would be negative"
        if self.device != "cpu" or want == "shape":
            return None
        if it.rank == 3 and _overruns(it):
            beyond = "oneDNN writes beyond an output of one column where no tap of the kernel reaches a plane of it"
            return f"{UNSAFE}{beyond}; without oneDNN, only dilated rates of 1 are supported on the CPU"
        if it.transposed and isinstance(_padding(it, spelling), list):  # these oneDNN leaves to TensorFlow's own kernel
            if max(it.dilation) > 1:
                return "Current CPU implementations do not yet support dilation rates larger than 1"
            if it.groups > 1:
                return "Gradients for grouped convolutions are not supported on CPU"
        return None

    def call(self, probe: Probe) -> np.ndarray:
        x, rank = probe.x[0] if probe.want == "unbatched" else probe.x, probe.settings.rank
        name, arguments = _say(probe.settings, probe.spelling)
        if probe.want == "unbatched" and "output_shape" in arguments:
            arguments["output_shape"] = arguments["output_shape"][1:]
        with self.tf.device(self.place):
            y = self._apply(name, arguments, _last(x, rank), _reversed(probe.w), probe.b)
        return np.array(np.moveaxis(y.numpy(), -1, -1 - rank))

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        tf, it = self.tf, settings
        name, arguments = _say(it, KEYWORD)
        shapes = ((it.batch, *it.input, it.channels_in), (*it.kernel, *it.w_shape[1::-1]), it.b_shape)
        with tf.Graph().as_default():
            x, w, b = (tf.compat.v1.placeholder(dtype, shape) for shape in shapes)
            y = self._apply(name, arguments, x, w, b if it.bias else None)
        batch, *output, channels = y.shape
        return (batch, channels, *output)

    def resize(self, probe: Probe) -> np.ndarray:
        size = [n * stride for n, stride in zip(probe.settings.input, probe.settings.stride, strict=True)]
        with self.tf.device(self.place):
            y = self.tf.image.resize(_last(probe.x, probe.settings.rank), size, method=probe.want)
        return np.array(np.moveaxis(y.numpy(), -1, 1))

    def script(self, settings: Settings, spelling: int = 0) -> str:
        rank = settings.rank
        name, arguments = _say(settings, spelling)
        axes, back = (0, *range(2, rank + 2), 1), (0, rank + 1, *range(1, rank + 1))
        lines = [f"y = tf.nn.{name}(", f"    x.transpose{axes},", f"    w.transpose{(*range(2, rank + 2), 1, 0)},"]
        lines += [f"    {key}={value!r}," for key, value in arguments.items()]
        lines += [")", *(["y = tf.nn.bias_add(y, b)"] if settings.bias else []), f"y = y.numpy().transpose{back}"]
        if self.device != "cpu":
            lines = [f'with tf.device("{self.place}"):', *(f"    {line}" for line in lines)]
        return "\n".join(lines) + "\n"

    def _apply(self, name: str, arguments: dict[str, Any], x: Any, w: Any, b: Any) -> Any:
        """The tensor that the op gives, channels last."""
        y = getattr(self.tf.nn, name)(x, w, **arguments)
        return y if b is None else self.tf.nn.bias_add(y, b)


def _say(it: Settings, spelling: int) -> tuple[str, dict[str, Any]]:
    """The name of the op in `tf.nn` and its keyword arguments; the same two make the call and the script."""
    name = _name(it, spelling)
    arguments: dict[str, Any] = {"output_shape": [it.batch, *it.output, it.channels_out]} if it.transposed else {}
    strides, dilations = list(it.stride), list(it.dilation)
    if name == "conv3d":  # the one that wants the batch and the channel axis too
        strides, dilations = [1, *strides, 1], [1, *dilations, 1]
    arguments["stride" if name == "conv1d" else "strides"] = strides
    arguments["padding"] = _padding(it, spelling)
    if max(dilations) > 1:
        arguments["dilations"] = dilations
    return name, arguments


def _name(it: Settings, spelling: int) -> str:
    if spelling == GENERIC:
        return "conv_transpose" if it.transposed else "convolution"
    return f"conv{it.rank}d_transpose" if it.transposed else f"conv{it.rank}d"


def _padding(it: Settings, spelling: int) -> str | list[list[int]]:
    """A keyword where one says the settings' crop, otherwise (and always in the listed spelling) pairs."""
    for word in ("SAME", "VALID") if it.padding == "same" else ("VALID", "SAME"):
        if spelling != LISTED and all(_says(word, it, axis) for axis in range(it.rank)):
            return word
    return [[0, 0], *(list(pair) for pair in _pairs(it)), [0, 0]]


def _says(word: str, it: Settings, axis: int) -> bool:
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


def _is_preimage(it: Settings) -> bool:
    """Whether the forward op with these pairs maps the output's extents to the input's."""
    axes = zip(it.output, it.kernel, it.stride, it.dilation, _pairs(it), it.input, strict=True)
    return all(forward_size(out, k, s, d, lo, hi) == n for out, k, s, d, (lo, hi), n in axes)


def _kernel_sizes(it: Settings, spelling: int) -> list[int]:
    """The extents that a forward kernel computes, one an axis, which it refuses below 0.

    The kernel's division rounds towards 0, so that a filter which overhangs by less than a stride more gives 0. With
    dilation, tf.nn.convolution deals the padded input out to `d` smaller ones first.
    """
    padding, sizes = _padding(it, spelling), []
    for axis, (n, k, s, d) in enumerate(zip(it.input, it.kernel, it.stride, it.dilation, strict=True)):
        lo, hi = it.crop[axis] if isinstance(padding, list) else (0, 0)
        if padding == "SAME":
            sizes.append(-(-n // s))
        elif spelling == GENERIC and max(it.dilation) > 1:
            sizes.append(-(-(n + lo + hi) // d) - k + 1)
        else:
            sizes.append(int((n + lo + hi - d * (k - 1) - 1 + s) / s))
    return sizes


def _overruns(it: Settings) -> bool:
    """Where oneDNN's `brg_conv_fwd` may write rows that are not there, over memory that is not the output's.

    A plane of the output that no tap reaches is filled in blocks of rows, the last of them too far: with AVX-512, some
    numbers of threads and one column a row. A transposed convolution without strides is computed so too.
    """
    if it.output[-1] != 1 or 0 in it.x_shape or (it.transposed and max(it.stride) > 1):
        return False
    n, k, s, d, (lo, _) = it.input[0], it.kernel[0], it.stride[0], it.dilation[0], it.crop[0]
    if it.transposed:
        reached = {i + j * d - lo for i in range(n) for j in range(k)}
    else:
        reached = {o for o in range(it.output[0]) for j in range(k) if 0 <= o * s + j * d - lo < n}
    return any(plane not in reached for plane in range(it.output[0]))


def _last(x: np.ndarray, rank: int) -> np.ndarray:
    """A copy with channels, which stand before the spatial axes, last."""
    return np.array(np.moveaxis(x, -1 - rank, -1), order="C")


def _reversed(w: np.ndarray) -> np.ndarray:
    """A copy of a stored kernel (first, second, ...) as (..., second, first)."""
    return np.array(np.moveaxis(w, (0, 1), (-1, -2)), order="C")
