"""Keras on TensorFlow, JAX or PyTorch: `Conv1D/2D/3DTranspose` and `Conv1D/2D/3D`, their `keras.ops`, `DepthwiseConv`.

The kernel is (..., out, in) for the transposed layers and (..., in/groups, out) for the others. Padding is a keyword.
A transposed layer's output is, for `e` the effective kernel and unless `output_padding` is None,

    valid    (n-1)s + e + output_padding            nothing is cropped; None stands for max(s-e, 0)
    same     (n-1)s + e%2 + output_padding          the smaller half of the crop first; None gives n*s

Source: `compute_conv_transpose_output_shape` in keras/src/backend/common/backend_utils.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial
from importlib import import_module, metadata
from typing import Any

import numpy as np

from convt.adapter.backend import GRADIENTS, MIXED, Backend, Form, Outcome, Probe, Script, Unsupported, Want, kept
from convt.adapter.fusing import Part
from convt.adapter.jit_programs import JitPrograms
from convt.conv.settings import Settings

from ..jax.gradients import family, gradient_of
from ..jax.limits import refused_dtype as refused_by_jax
from .calls import (
    DEPTHWISE,
    ENGINE,
    FIRST,
    LAST,
    OPS,
    Call,
    call_for,
    data_back,
    gradient_back,
    input_shape,
    invalid_call_for,
    refusal,
    refused_dtype,
    sent,
)
from .engines import devices, prepare
from .gradients import FORWARD, by_tensorflow, by_torch
from .modes import MODES, Predicts, layer_of, model_of, op_model_of, through_config, through_file
from .scripts import script

__all__ = ["DEPTHWISE", "ENGINE", "FIRST", "LAST", "OPS", "Keras", "call_for"]


class Keras(Backend):
    """The layers, called eagerly; on JAX many of them are fused as `stateless_call` of each in one jitted program."""

    name = f"keras-{ENGINE}"
    modes = MODES
    lays_out = True
    mixes = True
    call_forms = ("layer, channels last", "layer, channels first", "keras.ops", "DepthwiseConv layer")
    script_imports = f'import os\n\nos.environ["KERAS_BACKEND"] = "{ENGINE}"\n\nimport keras'

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        os.environ["KERAS_BACKEND"] = ENGINE  # over ~/.keras/keras.json
        import keras

        self.keras: Any = keras
        self.engine: Any = import_module(ENGINE)
        self._flags = prepare(self.engine)
        self._kept = lru_cache(maxsize=2048 if mode == "eager" else 256)(self._built)

    @classmethod
    def devices(cls) -> list[str]:
        return devices(import_module(ENGINE))

    def versions(self) -> dict[str, str]:
        below = {"jaxlib": metadata.version("jaxlib")} if ENGINE == "jax" else {}
        return {"keras": self.keras.__version__, ENGINE: self.engine.__version__, **below}

    def flags(self) -> dict[str, str]:
        return self._flags

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        predicts = want in ("value", *MIXED) and call_form != OPS
        if predicts and settings.batch == 0 and self.mode == "compiled":
            return "Model.predict takes no empty batch"
        return refusal(settings, want, call_form)

    def unsupported_dtype(self, dtype: str, settings: Settings, want: Want = "value") -> str | None:
        claim = refused_dtype(dtype, settings, want)
        return refused_by_jax(self.engine, dtype, want) if ENGINE == "jax" and claim is None else claim

    def call(self, probe: Probe) -> np.ndarray:
        call = call_for(probe.settings, probe.call_form)
        given = sent(call, probe)
        raw = probe.layout != ("", "")  # a view is Keras's to convert
        x, *weights = given.arrays if raw else map(self._tensor, given.arrays)
        if call.module == "layers":
            layer = self._callee(probe, weights)
            y = layer(x)
        else:
            y = self._operation(probe, call)(x, *weights)
        answer = self._received(call, probe, y)
        given.check()
        return answer

    def gradient(self, probe: Probe) -> np.ndarray:
        call = call_for(probe.settings, probe.call_form)
        given = sent(call, probe)
        raw = probe.layout != ("", "")
        x, w, b, g, t = (a if raw and index < 2 else self._tensor(a) for index, a in enumerate(given.arrays))
        if ENGINE == "jax":
            program = gradient_of(self.engine, probe.want, self._pure(probe, call))
            program = self.engine.jit(program) if self.mode == "compiled" else program
            answer = program(*(None if a is None else self._tensor(a) for a in (x, w, b, g, t)))
            answer = answer["xwb".index(probe.want[-1])] if family(probe.want) == "grad" else answer
        else:
            weights = [each for each in (w, b) if each is not None]
            f, arrays = self._differentiable(probe, call, x, weights)
            answer = self._differentiated(probe.want, f, arrays, g, t)
        gradient = gradient_back(probe, np.array(self.keras.ops.convert_to_numpy(answer)))
        given.check()
        return gradient

    def _differentiated(self, want: Want, f: Callable[..., Any], arrays: list[Any], g: Any, t: Any) -> Any:
        if ENGINE == "torch":
            return by_torch(self.engine, want, f, arrays, g, t)
        if self.mode == "compiled":
            return self.engine.function(lambda: by_tensorflow(self.engine, want, f, arrays, g, t))()
        return by_tensorflow(self.engine, want, f, arrays, g, t)

    def _differentiable(
        self, probe: Probe, call: Call, x: Any, weights: list[Any]
    ) -> tuple[Callable[..., Any], list[Any]]:
        """A function and what it is differentiated by: a layer's own variables where the engine can."""
        if call.module == "ops" or (ENGINE == "torch" and probe.want in FORWARD):
            return self._pure(probe, call), [self._tensor(each) for each in (x, *weights)]
        layer = self._callee(probe, weights)
        layer = layer.model if isinstance(layer, Predicts) else layer
        return (lambda x, *_: layer(x)), [self._tensor(x), *(v.value for v in layer.trainable_variables)]

    def _pure(self, probe: Probe, call: Call) -> Callable[..., Any]:
        """The call as a function of x, kernel and perhaps bias: a layer's is how Keras itself jits it."""
        if call.module == "layers":
            layer = self._callee(probe, None)
            if probe.want in MIXED:  # a layer's own stateless_call does not cast its arguments, a model's does
                layer = self.keras.Sequential(
                    [self.keras.Input(batch_shape=input_shape(probe.settings, probe.call_form)), layer]
                )
            return lambda x, *weights: layer.stateless_call(list(weights), [], x)[0]
        function = self._operation(probe, call)
        return lambda x, w, *b: function(x, w) + b[0] if b else function(x, w)

    def invalid_call(self, probe: Probe) -> np.ndarray:
        it, rank = probe.settings, probe.settings.rank
        call = invalid_call_for(it, probe.call_form, probe.invalid or {})
        x, w, dtype = probe.x, probe.w, probe.x.dtype.name
        if x.ndim == rank + 2 and probe.call_form != FIRST:
            x = np.moveaxis(x, 1, -1)
        if w.ndim == rank + 2:
            w = np.moveaxis(w, (0, 1), (-1, -2))
        given = [self._tensor(np.array(each, order="C")) for each in (x, w)]
        if call.module == "ops":
            if probe.b is not None:
                raise Unsupported(f"keras.ops.{call.name} has no bias: who calls adds it")
            y = getattr(self.keras.ops, call.name)(*given, **call.options)
        else:
            layer = layer_of(self.keras, call, dtype, "zeros")
            layer.build(x.shape)
            layer.set_weights([given[1]] if probe.b is None else [given[1], probe.b])
            y = layer(given[0])
        y = np.array(self.keras.ops.convert_to_numpy(y))
        return np.array(data_back(probe, y) if y.ndim == rank + 2 else y, order="C")

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        call, shape = call_for(settings, LAST), input_shape(settings, LAST)
        layer = getattr(self.keras.layers, call.name)(**call.options, dtype=dtype)
        if self.mode == "functional":
            batch, *output, channels = layer(self.keras.Input(batch_shape=shape, dtype=dtype)).shape
        else:
            batch, *output, channels = layer.compute_output_shape(shape)
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

    def script_of(self, form: Form, prepared: Any = None) -> Script:
        it, call_form, want, mode = form.settings, form.call_form, str(form.want), getattr(self, "mode", "eager")
        if form.invalid is None:
            call = call_for(it, call_form)
        else:
            call, want, mode = invalid_call_for(it, call_form, form.invalid), "attempt", "eager"
        arrays = ["x", "w"] if call.module == "ops" else []
        said = ", ".join([*arrays, *(f"{key}={value!r}" for key, value in call.options.items())])
        return Script(script(call, it, call_form, want, mode), f"keras.{call.module}.{call.name}({said})")

    def run(self, probe: Probe) -> Outcome:
        with self.keras.device(self.device.replace("cuda", "gpu")):
            return super().run(probe)

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        if ENGINE != "jax" or self.mode != "eager":
            return None
        with self.keras.device(self.device.replace("cuda", "gpu")):
            return JitPrograms(self.engine, key=self._key, part=self._part, alone=self.run).run(probes)

    def _key(self, probe: Probe) -> Hashable | None:
        """What probes of one call share, or None where there is no call, or none of the convolution."""
        fused = probe.want == "value" or probe.want in MIXED or probe.want in GRADIENTS
        if not fused or probe.invalid is not None or self.refusal(probe) is not None:
            return None
        call = call_for(probe.settings, probe.call_form)
        arrays: Sequence[np.ndarray | None] = probe.arrays if probe.want in GRADIENTS else (probe.x, probe.w)
        shapes = (None if a is None else (a.shape, a.dtype) for a in arrays)
        return family(probe.want), call.name, *call.options.items(), *shapes

    def _part(self, probe: Probe) -> Part:
        call = call_for(probe.settings, probe.call_form)
        function, send = self._pure(probe, call), partial(sent, call)
        if probe.want in GRADIENTS:
            return Part(gradient_of(self.engine, probe.want, function), send, self._gradient_received)
        return Part(function, send, partial(self._received, call))

    def _callee(self, probe: Probe, weights: Sequence[Any] | None) -> Any:
        """What is called with x: one layer or model for all extents in the default mode, unless it may be the extents
        that it refuses; with these weights, if any."""
        it, call_form = probe.settings, probe.call_form
        call, shape = call_for(it, call_form), input_shape(it, call_form)
        if self.mode == "eager" and not probe.force and 0 not in it.x_shape + it.y_shape:
            axis = 1 if call_form == FIRST else 1 + it.rank
            shape = tuple(n if index == axis else None for index, n in enumerate(shape))  # type: ignore[misc]
        dtype = probe.x.dtype.name
        policy = probe.want.replace("-", "_") if probe.want in MIXED else dtype
        layer = self._kept(call.module, call.name, tuple(call.options.items()), shape, dtype, policy)
        if weights is not None:
            layer.set_weights(weights)
        return through_file(self.keras, layer) if self.mode == "saved" else layer

    def _built(
        self, module: str, name: str, options: tuple[tuple[str, Any], ...], shape: Any, dtype: str, policy: str
    ) -> Any:
        """The layer with its variables, or what the mode makes of it."""
        call = Call(module, name, dict(options))
        # JAX compiles a program for each shape of zeros; a function of ours is nothing that a file can hold
        start = self._zeros if self.mode == "eager" else "zeros"
        layer = layer_of(self.keras, call, policy, start)
        if self.mode == "eager":
            layer.build(shape)
            return layer
        if self.mode == "saved":
            layer = through_config(layer)
        model = model_of(self.keras, layer, (None, *shape[1:]), dtype)
        return Predicts(model) if self.mode == "compiled" else model

    def _operation(self, probe: Probe, call: Call) -> Callable[..., Any]:
        """An op as a function of x and the kernel."""
        op = partial(getattr(self.keras.ops, call.name), **call.options)
        if self.mode == "compiled" and ENGINE != "torch":
            return self.engine.jit(op) if ENGINE == "jax" else self.engine.function(op)
        if self.mode in ("eager", "compiled"):
            return op
        given = sent(call, probe).arrays[:2]
        shapes = tuple(tuple(array.shape) for array in given if array is not None)
        model = op_model_of(self.keras, call, shapes, probe.x.dtype.name)
        model = through_file(self.keras, model) if self.mode == "saved" else model
        return lambda x, w: model([x, w])

    def _zeros(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return self._tensor(np.zeros(shape, np.float32)) if ENGINE == "jax" else self.keras.ops.zeros(shape, dtype)

    def _tensor(self, array: Any) -> Any:
        """A tensor; `jax.numpy.asarray`, which Keras calls, compiles a program for each shape."""
        if array is None:
            return None
        return self.engine.device_put(array) if ENGINE == "jax" else self.keras.ops.convert_to_tensor(array)

    def _received(self, call: Call, probe: Probe, y: Any) -> np.ndarray:
        """y as a copy in the stored order, with the bias that an op does not add."""
        y = data_back(probe, np.asarray(self.keras.ops.convert_to_numpy(y)))
        if probe.b is not None and call.module == "ops":
            y = y + probe.b.astype(y.dtype).reshape(-1, *(1,) * probe.settings.rank)
        return kept(probe, y)

    def _gradient_received(self, probe: Probe, answer: Any) -> np.ndarray:
        answer = answer["xwb".index(probe.want[-1])] if family(probe.want) == "grad" else answer
        return gradient_back(probe, np.array(answer))
