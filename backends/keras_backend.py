"""Keras on TensorFlow, JAX or PyTorch: `Conv1D/2D/3DTranspose` and `Conv1D/2D/3D`, their `keras.ops`, `DepthwiseConv`.

The kernel is (..., out, in) for the transposed layers and (..., in/groups, out) for the others. Padding is a keyword.
A transposed layer's output is, for `e` the effective kernel and unless `output_padding` is None,

    valid    (n-1)s + e + output_padding            nothing is cropped; None stands for max(s-e, 0)
    same     (n-1)s + e%2 + output_padding          the smaller half of the crop first; None gives n*s

Source: `compute_conv_transpose_output_shape` in keras/src/backend/common/backend_utils.py.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from functools import lru_cache, partial
from importlib import import_module, metadata
from typing import Any, NamedTuple

import numpy as np

from backends.interface import Backend, Outcome, Probe, Unsupported, Want
from backends.jit_programs import Part, run_programs
from backends.keras_padding import nearest, padding
from specs.settings import Settings

ENGINE = os.environ.get("KERAS_BACKEND", "tensorflow")
"""The framework underneath; a process has one, chosen before Keras is imported."""

LAST, FIRST, OPS, DEPTHWISE = range(4)


class Call(NamedTuple):
    """One call of Keras as it is executed and printed; arguments that are the default are left out."""

    module: str
    """keras.layers or keras.ops"""
    name: str
    options: dict[str, Any]


class Keras(Backend):
    """The layers, called eagerly; on JAX many of them are fused as `stateless_call` of each in one jitted program."""

    name = f"keras-{ENGINE}"
    spellings = ("layer, channels last", "layer, channels first", "keras.ops", "DepthwiseConv layer")
    script_imports = f'import os\n\nos.environ["KERAS_BACKEND"] = "{ENGINE}"\n\nimport keras'

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        os.environ["KERAS_BACKEND"] = ENGINE  # over ~/.keras/keras.json
        import keras

        self.keras: Any = keras
        self.engine: Any = import_module(ENGINE)
        self._flags = _prepare(self.engine)
        self._layer = lru_cache(maxsize=2048)(self._built)

    @classmethod
    def devices(cls) -> list[str]:
        engine: Any = import_module(ENGINE)
        if ENGINE == "torch":
            count = engine.cuda.device_count()
        elif ENGINE == "jax":
            count = sum(device.platform == "gpu" for device in engine.devices())
        else:
            count = len(engine.config.list_physical_devices("GPU"))
        return ["cpu", *(f"cuda:{index}" for index in range(count))]

    def versions(self) -> dict[str, str]:
        below = {"jaxlib": metadata.version("jaxlib")} if ENGINE == "jax" else {}
        return {"keras": self.keras.__version__, ENGINE: self.engine.__version__, **below}

    def flags(self) -> dict[str, str]:
        return self._flags

    def unsupported(self, settings: Settings, want: Want = "value", spelling: int = 0) -> str | None:
        it = settings
        call = call_for(it, spelling)
        if want in ("nearest", "bilinear"):
            return None
        if want == "unbatched":
            return f"keras.{call.module}.{call.name} takes inputs with a batch axis"
        if spelling == DEPTHWISE and (it.transposed or it.rank == 3):
            return f"keras.layers has no {call.name}"
        if spelling == DEPTHWISE and it.groups != it.channels_in:
            return f"keras.layers.{call.name} takes one group a channel, not {it.groups} for {it.channels_in}"
        if it.transposed and it.groups > 1:
            return f"keras.{call.module}.{call.name} has no groups"
        if not _takes_both(it, spelling) and max(it.stride) > 1 and max(it.dilation) > 1:
            return "strides > 1 are not supported in conjunction with dilation_rate > 1"
        said = padding(it)
        if said is None:
            return f"neither 'same' nor 'valid' is the padding {it.crop} with the output {it.output}"
        refused = _refused_when_empty(it, said[0], spelling)
        if refused:
            return refused
        limited = spelling != OPS or ENGINE == "tensorflow"
        if limited and said[1] and any(more >= s for more, s in zip(said[1], it.stride, strict=True)):
            return f"output_padding is less than the stride: {said[1]} against {it.stride}"
        return None

    def call(self, probe: Probe) -> np.ndarray:
        call = call_for(probe.settings, probe.spelling)
        x, *weights = map(self._tensor, _sent(call, probe))
        if call.module == "layers":
            layer = self._layer_of(probe)
            layer.set_weights(weights)
            return self._received(call, probe, layer(x))
        return self._received(call, probe, getattr(self.keras.ops, call.name)(x, *weights, **call.options))

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        call = call_for(settings, LAST)
        layer = getattr(self.keras.layers, call.name)(**call.options, dtype=dtype)
        batch, *output, channels = layer.compute_output_shape((settings.batch, *settings.input, settings.channels_in))
        return (batch, channels, *output)

    def resize(self, probe: Probe) -> np.ndarray:
        it = probe.settings
        if probe.want == "bilinear" and it.rank != 2:
            raise Unsupported(f"keras.layers.UpSampling{it.rank}D has no interpolation")
        options = {"interpolation": probe.want} if it.rank == 2 else {}
        size = it.stride[0] if it.rank == 1 else it.stride
        layer = getattr(self.keras.layers, f"UpSampling{it.rank}D")(size, **options)
        y = self.keras.ops.convert_to_numpy(layer(np.array(np.moveaxis(probe.x, 1, -1), order="C")))
        return np.array(np.moveaxis(y, -1, 1), order="C")

    def script(self, settings: Settings, spelling: int = 0) -> str:
        it, call = settings, call_for(settings, spelling)
        last = spelling != FIRST
        x, y = ("np.moveaxis(x, 1, -1)", f"np.moveaxis({_NUMPY}, -1, 1)") if last else ("x", _NUMPY)
        w = _KERNEL[spelling == DEPTHWISE].format(_folded(it))
        function = f"keras.{call.module}.{call.name}"
        options = "".join(f"    {key}={value!r},\n" for key, value in call.options.items())
        if call.module == "ops":
            bias = f" + b.reshape(-1{', 1' * it.rank})" if it.bias else ""
            return f"y = {function}(\n    {x},\n    {w},\n{options})\ny = {y}{bias}\n"
        shape = (it.batch, *it.input, it.channels_in) if last else it.x_shape
        lines = [f"layer = {function}(\n{options})", f"layer.build({shape})"]
        lines += [f"layer.set_weights([{w}{', b' if it.bias else ''}])", f"y = layer({x})", f"y = {y}\n"]
        return "\n".join(lines)

    def run(self, probe: Probe) -> Outcome:
        with self.keras.device(self.device.replace("cuda", "gpu")):
            return super().run(probe)

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        if ENGINE != "jax":
            return None
        with self.keras.device(self.device.replace("cuda", "gpu")):
            return run_programs(self.engine, probes, self._key, self._part, self.run)

    def _key(self, probe: Probe) -> Hashable | None:
        """What probes of one call share, or None where there is no call, or none of the convolution."""
        if probe.want != "value" or self.refusal(probe) is not None:
            return None
        call = call_for(probe.settings, probe.spelling)
        arrays = (probe.x, probe.w)
        return call.name, *call.options.items(), *(each for a in arrays for each in (a.shape, a.dtype))

    def _part(self, probe: Probe) -> Part:
        """A layer as a function of its input and its weights, which is how Keras itself jits it."""
        call = call_for(probe.settings, probe.spelling)
        send, receive = partial(_sent, call), partial(self._received, call)
        if call.module == "ops":
            return Part(partial(getattr(self.keras.ops, call.name), **call.options), send, receive)
        layer = self._layer_of(probe)
        return Part(lambda x, *weights: layer.stateless_call(list(weights), [], x)[0], send, receive)

    def _layer_of(self, probe: Probe) -> Any:
        """A layer for the probe: one for all extents, unless it may be the extents that it refuses."""
        it, call = probe.settings, call_for(probe.settings, probe.spelling)
        plain = not probe.force and 0 not in it.x_shape + it.y_shape
        extents = (None,) * (1 + it.rank) if plain else (it.batch, *it.input)
        batch, *space = extents
        shape = (batch, it.channels_in, *space) if probe.spelling == FIRST else (*extents, it.channels_in)
        return self._layer(call.name, tuple(call.options.items()), shape, probe.x.dtype.name)

    def _built(self, name: str, options: tuple[tuple[str, Any], ...], shape: tuple[int | None, ...], dtype: str) -> Any:
        """The layer with its variables, which start as numpy zeros: drawing them costs more than the convolution."""
        kernel = "depthwise_initializer" if name.startswith("Depthwise") else "kernel_initializer"
        start = {kernel: self._zeros, "bias_initializer": self._zeros, "dtype": dtype}
        layer = getattr(self.keras.layers, name)(**dict(options), **start)
        layer.build(shape)
        return layer

    def _zeros(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return self._tensor(np.zeros(shape, np.float32)) if ENGINE == "jax" else self.keras.ops.zeros(shape, dtype)

    def _tensor(self, array: np.ndarray) -> Any:
        """A tensor; `jax.numpy.asarray`, which Keras calls, compiles a program for each shape."""
        return self.engine.device_put(array) if ENGINE == "jax" else self.keras.ops.convert_to_tensor(array)

    def _received(self, call: Call, probe: Probe, y: Any) -> np.ndarray:
        """y as a copy in the stored order, with the bias that an op does not add."""
        rank = probe.settings.rank
        y = np.array(self.keras.ops.convert_to_numpy(y))
        if probe.spelling != FIRST:
            y = np.moveaxis(y, -1, -1 - rank)
        if probe.b is not None and call.module == "ops":
            y = y + probe.b.astype(y.dtype).reshape(-1, *(1,) * rank)
        return np.array(y, order="C")


def _sent(call: Call, probe: Probe) -> tuple[np.ndarray, ...]:
    """x and the weights in Keras's order, each in memory of its own; an op has no bias."""
    it, x, w = probe.settings, probe.x, probe.w
    x = x[0] if probe.want == "unbatched" else x
    if probe.spelling != FIRST:
        x = np.moveaxis(x, -1 - it.rank, -1)
    if probe.spelling == DEPTHWISE:
        w = np.moveaxis(w.reshape(_folded(it)), (0, 1), (-2, -1))
    else:
        w = np.moveaxis(w, (0, 1), (-1, -2))
    arrays = [x, w] if probe.b is None or call.module == "ops" else [x, w, probe.b]
    return tuple(np.array(array, order="C") for array in arrays)


_NUMPY = "keras.ops.convert_to_numpy(y)"
_KERNEL = ("np.moveaxis(w, (0, 1), (-1, -2))", "np.moveaxis(w.reshape{}, (0, 1), (-2, -1))")


def _folded(it: Settings) -> tuple[int, ...]:
    """The shape of a depthwise kernel's stored array once its channels are (in, multiplier)."""
    return (it.groups, -1, *it.kernel)


def _takes_both(it: Settings, spelling: int) -> bool:
    """Whether strides and dilations go together: Conv layers refuse that, and so does `tf.nn.convolution`."""
    return spelling == DEPTHWISE or (spelling == OPS and (it.transposed or ENGINE != "tensorflow"))


def _refused_when_empty(it: Settings, word: str, spelling: int) -> str | None:
    """What is said of an input or output without positions; None where the call takes it."""
    if it.transposed:
        refuses = ENGINE == "torch" and 0 in it.input and it.batch > 0
        return "Only zero batch or zero channel inputs are supported" if refuses else None
    if 0 not in it.output:
        return None
    if spelling != OPS and word == "valid":
        return "Computed output size would be zero or negative"
    if ENGINE == "torch":
        return "Kernel size can't be greater than actual input size"
    if spelling == OPS and 0 not in it.input and (ENGINE == "tensorflow" or it.batch > 0):
        return "The convolution operation resulted in an empty output"
    return None


@lru_cache(maxsize=8192)
def call_for(it: Settings, spelling: int) -> Call:
    """What to call, with which arguments; where Keras has no such argument, the one that says it elsewhere."""
    options: dict[str, Any] = {"strides": it.stride}
    options["padding"], output_padding = padding(it) or nearest(it)
    if output_padding is not None:
        options["output_padding"] = output_padding
    if spelling == FIRST:
        options["data_format"] = "channels_first"
    if set(it.dilation) != {1}:
        options["dilation_rate"] = it.dilation
    if it.groups > 1 and spelling != DEPTHWISE and (it.transposed or spelling != OPS):
        options["groups"] = it.groups
    if spelling == OPS:
        return Call("ops", "conv_transpose" if it.transposed else "conv", options)
    name = f"Conv{it.rank}D{'Transpose' if it.transposed else ''}"
    filters = {"filters": it.channels_out}
    if spelling == DEPTHWISE:
        name, filters = f"Depthwise{name}", {"depth_multiplier": it.channels_out // it.groups}
    bias = {} if it.bias else {"use_bias": False}
    return Call("layers", name, {**filters, "kernel_size": it.kernel, **options, **bias})


def _prepare(engine: Any) -> dict[str, str]:
    """Set determinism and full precision in the framework underneath; what is set."""
    if ENGINE == "torch":
        engine.use_deterministic_algorithms(True)
        engine.backends.cudnn.deterministic = True
        engine.backends.cudnn.benchmark = False
        engine.backends.cudnn.allow_tf32 = False
        engine.backends.cuda.matmul.allow_tf32 = False
        return {"deterministic_algorithms": "True", "allow_tf32": "False", "threads": str(engine.get_num_threads())}
    if ENGINE == "jax":
        engine.config.update("jax_default_matmul_precision", "highest")
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return {"precision": "highest", "XLA_FLAGS": os.environ.get("XLA_FLAGS", "default"), "threads": str(threads)}
    engine.config.experimental.enable_op_determinism()
    engine.config.experimental.enable_tensor_float_32_execution(False)
    limit = engine.config.threading.get_intra_op_parallelism_threads() or "all"
    return {"op_determinism": "True", "tensor_float_32": "False", "threads": f"{limit} in an op"}
