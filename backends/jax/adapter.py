"""JAX: `jax.lax.conv_transpose`, and `jax.lax.conv_general_dilated` for the forward convolution.

`conv_transpose` correlates the input, `stride - 1` zeros between its values, with the kernel as it is: the caller flips
the kernel, or says `transpose_kernel=True`, which flips it and swaps its channels. Explicit padding is what is put
around that stuffed input, `e-1-lo` before and `e-1-hi+a` after it; with `use_consistent_padding=True` it is the forward
convolution's, `lo` and `hi-a`. The keywords mean the forward convolution's in both cases.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial
from importlib import metadata
from typing import Any

import numpy as np

from convt.adapter.backend import GRADIENTS, MIXED, RESIZES, Backend, Form, Outcome, Probe, Script, Unsupported, Want
from convt.adapter.jit_programs import Part, run_programs
from convt.conv.same_or_valid import keyword
from convt.conv.settings import Settings

from .calls import (
    CONSISTENT,
    KEYWORD,
    PRECISION,
    Call,
    W,
    X,
    Y,
    call_for,
    function_of,
    gradient_received,
    invalid_call_for,
    mapped,
    mapped_over,
    received,
    sent,
)
from .gradients import family, gradient_of
from .limits import device_name, refused_dtype, xla_threads
from .scripts import script


class Jax(Backend):
    """jax.lax has no bias: the caller adds it to what came back, here and in the scripts alike.

    In the mode `vmap` each item of the batch is convolved by itself, mapped by jax.vmap: see `mapped_over`.
    """

    name = "jax"
    modes = ("jit", "eager", "vmap", "x64")
    lays_out = True
    call_forms = (
        "kernel flipped by the caller, channels last",
        "transpose_kernel=True, channels first",
        "use_consistent_padding=True (forward: pairs instead of a keyword)",
        "transpose_kernel=True, use_consistent_padding=True (forward: conv_with_general_padding)",
        "padding by keyword",
    )
    script_imports = "import jax"

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        import jax

        self.jax: Any = jax
        if mode == "x64":
            self.jax.config.update("jax_enable_x64", True)
        platform = "gpu" if device.startswith("cuda") else device.split(":")[0]
        self.place = next(each for each in jax.devices(platform) if device_name(each) in (device, f"{device}:0"))
        self.consistent = "use_consistent_padding" in inspect.signature(jax.lax.conv_transpose).parameters
        self._jitted = lru_cache(maxsize=512)(lambda it, call_form, kind: jax.jit(self._program(it, call_form, kind)))

    @classmethod
    def devices(cls) -> list[str]:
        import jax

        names = [device_name(device) for device in jax.devices()]
        return names if "cpu" in names else [*names, *map(device_name, jax.devices("cpu"))]

    def versions(self) -> dict[str, str]:
        return {"jax": self.jax.__version__, "jaxlib": metadata.version("jaxlib")}

    def flags(self) -> dict[str, str]:
        return {
            "precision": PRECISION,
            "jax_enable_x64": str(self.jax.config.jax_enable_x64),
            "XLA_FLAGS": os.environ.get("XLA_FLAGS", "default"),
            "threads": xla_threads(),
        }

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        it = settings
        function = call_for(it, call_form).function
        if want in RESIZES:
            return None
        if want in MIXED:
            return "JAX has no mixed precision of its own"
        if want == "unbatched":
            return f"jax.lax.{function} takes an input with a batch axis"
        if it.groups > 1 and function != "conv_general_dilated":
            return f"jax.lax.{function} has no feature_group_count"
        if call_form == KEYWORD and keyword(it) is None:
            return f"neither 'SAME' nor 'VALID' is the padding {it.crop} with the output {it.output}"
        if it.transposed and call_form in CONSISTENT and not self.consistent:
            return f"jax.lax.conv_transpose has no use_consistent_padding in JAX {self.jax.__version__}"
        return None

    def unsupported_dtype(self, dtype: str, settings: Settings, want: Want = "value") -> str | None:
        return refused_dtype(self.jax, dtype, want)

    def call(self, probe: Probe) -> np.ndarray:
        return received(call_for(probe.settings, probe.call_form), probe, self._answer(probe, "value"))

    def gradient(self, probe: Probe) -> np.ndarray:
        answer = self._answer(probe, family(probe.want))
        return gradient_received(call_for(probe.settings, probe.call_form), probe, answer)

    def _answer(self, probe: Probe, kind: str) -> Any:
        it, call_form = probe.settings, probe.call_form
        given = sent(call_for(it, call_form), probe)
        function = self._program(it, call_form, kind) if self.mode == "eager" else self._jitted(it, call_form, kind)
        answer = self.jax.block_until_ready(function(*map(self._placed, given.arrays)))
        given.check()
        return answer

    def invalid_call(self, probe: Probe) -> np.ndarray:
        it, rank = probe.settings, probe.settings.rank
        call = invalid_call_for(it, probe.call_form, probe.invalid or {})
        if probe.b is not None:
            raise Unsupported(f"jax.lax.{call.function} has no bias: who calls adds it")
        x, w = probe.x, probe.w
        x = np.transpose(x, call.there(X)) if x.ndim == rank + 2 else x
        if w.ndim == rank + 2:
            w = np.transpose(w, call.there(W))
            w = np.flip(w, call.flipped) if call.flipped else w
        function = function_of(self.jax, call)
        function = function if self.mode == "eager" else self.jax.jit(function)
        y = np.array(function(*(self._placed(np.array(each, order="C")) for each in (x, w))))
        y = np.transpose(y, call.back(Y)) if y.ndim == rank + 2 else y
        return np.array(y, order="C")

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        call = call_for(settings, 0)
        shapes = (settings.x_shape, settings.w_shape)
        ordered = (tuple(shape[axis] for axis in call.there(which)) for which, shape in enumerate(shapes))
        function = self._program(settings, 0, "value")
        y = self.jax.eval_shape(function, *(self.jax.ShapeDtypeStruct(shape, dtype) for shape in ordered))
        return tuple(y.shape[axis] for axis in call.back(Y))

    def resize(self, probe: Probe) -> np.ndarray:
        it = probe.settings
        shape = (*it.x_shape[:2], *(n * stride for n, stride in zip(it.input, it.stride, strict=True)))
        method = "linear" if probe.want == "bilinear" else "nearest"
        return np.array(self.jax.image.resize(self._placed(np.array(probe.x, order="C")), shape, method))

    def script_of(self, form: Form, prepared: Any = None) -> Script:
        settings, call_form, want, invalid = form.settings, form.call_form, form.want, form.invalid
        invalid_call = invalid is not None
        call = invalid_call_for(settings, call_form, invalid) if invalid is not None else call_for(settings, call_form)
        over = mapped_over(settings) if self.mode == "vmap" and not invalid_call else ""
        place = f'jax.config.update("jax_default_device", jax.devices("{self.place.platform}")[{self.place.id}])\n'
        first = place if self.device != "cpu" else ""
        if self.mode == "x64":
            first += 'jax.config.update("jax_enable_x64", True)\n'
        text = script(call, settings, want, self.mode != "eager", over, invalid_call)
        return Script(f"{first}\n{text}" if first else text)

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        if self.mode == "eager":
            return None
        with self.jax.default_device(self.place):
            return run_programs(self.jax, probes, self._key, self._part, self.run)

    def _key(self, probe: Probe) -> Hashable | None:
        """What probes of one call share, or None where there is no call, or none of the convolution."""
        fused = probe.want == "value" or probe.want in GRADIENTS
        if not fused or probe.invalid is not None or self.refusal(probe) is not None:
            return None
        call = call_for(probe.settings, probe.call_form)
        arrays: Sequence[np.ndarray | None] = (probe.x, probe.w)
        arrays = arrays if probe.want == "value" else probe.arrays
        shapes = (None if a is None else (a.shape, a.dtype) for a in arrays)
        over = mapped_over(probe.settings) if self.mode == "vmap" else ""
        return family(probe.want), over, call.function, *call.options.items(), *shapes

    def _part(self, probe: Probe) -> Part:
        call, kind = call_for(probe.settings, probe.call_form), family(probe.want)
        function = self._program(probe.settings, probe.call_form, kind)
        return Part(function, partial(sent, call), partial(received if kind == "value" else gradient_received, call))

    def _program(self, it: Settings, call_form: int, kind: str) -> Callable[..., Any]:
        """What is traced, of x and w for a value, or of (x, w, b, g, t) for a gradient with the bias added by JAX."""
        call = call_for(it, call_form)
        function = function_of(self.jax, call)
        if self.mode == "vmap":
            function = mapped(self.jax, call, mapped_over(it), function)
        if kind == "value":
            return function
        return gradient_of(self.jax, kind, _with_bias(call, it, function))  # type: ignore[arg-type]

    def _placed(self, array: np.ndarray | None) -> Any:
        """An array on the target's device; `jax.numpy.array` compiles a program for each shape."""
        return None if array is None else self.jax.device_put(array, self.place)


def _with_bias(call: Call, it: Settings, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of x, w and perhaps b, which is added as the script adds it."""
    last = call.wanted[Y].endswith("C")

    def biased(x: Any, w: Any, *b: Any) -> Any:
        y = function(x, w)
        return y + (b[0] if last else b[0].reshape(-1, *(1,) * it.rank)) if b else y

    return biased
