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
from typing import Any, NamedTuple

import numpy as np

from backends.interface import Backend, Outcome, Probe, Want
from backends.jit_programs import Part, run_programs
from backends.keywords import keyword
from specs.settings import Settings

PRECISION = "highest"
"""Without it a GPU rounds float32 operands to TF32 and a TPU to bfloat16; a CPU does not."""

CONSISTENT = (2, 3)
KEYWORD = 4


class Call(NamedTuple):
    """One call of jax.lax as it is executed and printed, with the order of the axes around it.

    Letters as in `dimension_numbers`: N batch, C channels, I and O the kernel's input and output features, DHW space.
    """

    function: str
    options: dict[str, Any]
    stored: tuple[str, str, str]
    """The order of x, w and y in probes and outcomes."""
    wanted: tuple[str, str, str]
    """The order in which the call takes and gives them."""
    flipped: tuple[int, ...] = ()
    """Axes of the wanted kernel that the caller reverses."""

    def axes(self, which: int, batched: bool = True) -> tuple[int, ...]:
        """The transposition from stored to wanted (x is 0, w is 1), or from wanted to stored (y is 2)."""
        source, target = self.stored[which], self.wanted[which]
        if which == 2:
            source, target = target, source
        if not batched:
            source, target = source.replace("N", ""), target.replace("N", "")
        return tuple(source.index(letter) for letter in target)


class Jax(Backend):
    """jax.lax has no bias: the caller adds it to what came back, here and in the scripts alike."""

    name = "jax"
    modes = ("jit", "eager")
    spellings = (
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
        platform = "gpu" if device.startswith("cuda") else device.split(":")[0]
        self.place = next(each for each in jax.devices(platform) if _name(each).startswith(device))
        self.consistent = "use_consistent_padding" in inspect.signature(jax.lax.conv_transpose).parameters
        self._jitted = lru_cache(maxsize=512)(lambda it, spelling: jax.jit(self._function(call_for(it, spelling))))

    @classmethod
    def devices(cls) -> list[str]:
        import jax

        names = [_name(device) for device in jax.devices()]
        return names if "cpu" in names else [*names, "cpu"]

    def versions(self) -> dict[str, str]:
        return {"jax": self.jax.__version__, "jaxlib": metadata.version("jaxlib")}

    def flags(self) -> dict[str, str]:
        return {
            "precision": PRECISION,
            "jax_enable_x64": str(self.jax.config.jax_enable_x64),
            "XLA_FLAGS": os.environ.get("XLA_FLAGS", "default"),
            "threads": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        }

    def unsupported(self, settings: Settings, want: Want = "value", spelling: int = 0) -> str | None:
        it = settings
        function = call_for(it, spelling).function
        if want in ("nearest", "bilinear"):
            return None
        if want == "unbatched":
            return f"jax.lax.{function} takes an input with a batch axis"
        if it.groups > 1 and function != "conv_general_dilated":
            return f"jax.lax.{function} has no feature_group_count"
        if spelling == KEYWORD and keyword(it) is None:
            return f"neither 'SAME' nor 'VALID' is the padding {it.crop} with the output {it.output}"
        if it.transposed and spelling in CONSISTENT and not self.consistent:
            return f"jax.lax.conv_transpose has no use_consistent_padding in JAX {self.jax.__version__}"
        return None

    def call(self, probe: Probe) -> np.ndarray:
        call = call_for(probe.settings, probe.spelling)
        eager = self.mode == "eager"
        function = self._function(call) if eager else self._jitted(probe.settings, probe.spelling)
        return _received(call, probe, function(*map(self._placed, _sent(call, probe))))

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        call = call_for(settings, 0)
        shapes = (settings.x_shape, settings.w_shape)
        ordered = (tuple(shape[axis] for axis in call.axes(which)) for which, shape in enumerate(shapes))
        y = self.jax.eval_shape(self._function(call), *(self.jax.ShapeDtypeStruct(shape, dtype) for shape in ordered))
        return tuple(y.shape[axis] for axis in call.axes(2))

    def resize(self, probe: Probe) -> np.ndarray:
        it = probe.settings
        shape = (*it.x_shape[:2], *(n * stride for n, stride in zip(it.input, it.stride, strict=True)))
        method = "linear" if probe.want == "bilinear" else "nearest"
        return np.array(self.jax.image.resize(self._placed(np.array(probe.x, order="C")), shape, method))

    def script(self, settings: Settings, spelling: int = 0) -> str:
        call = call_for(settings, spelling)
        rhs = _transposition("w", call.axes(1))
        options = "".join(f"        {key}={value!r},\n" for key, value in call.options.items())
        jit = "@jax.jit\n" if self.mode == "jit" else ""
        bias = f" + b.reshape(-1{', 1' * settings.rank})" if settings.bias else ""
        place = f'jax.config.update("jax_default_device", jax.devices("{self.place.platform}")[{self.place.id}])\n\n'
        return (
            f"{place if self.device != 'cpu' else ''}{jit}def convolve(lhs, rhs):\n"
            f"    return jax.lax.{call.function}(\n        lhs,\n        rhs,\n{options}    )\n\n"
            f"lhs = {_transposition('x', call.axes(0))}\n"
            f"rhs = {f'np.flip({rhs}, {call.flipped})' if call.flipped else rhs}\n"
            f"y = {_transposition('np.asarray(convolve(lhs, rhs))', call.axes(2))}{bias}\n"
        )

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        if self.mode == "eager":
            return None
        with self.jax.default_device(self.place):
            return run_programs(self.jax, probes, self._key, self._part, self.run)

    def _key(self, probe: Probe) -> Hashable | None:
        """What probes of one call share, or None where there is no call, or none of the convolution."""
        if probe.want != "value" or self.refusal(probe) is not None:
            return None
        call = call_for(probe.settings, probe.spelling)
        return call.function, *call.options.items(), *(each for a in (probe.x, probe.w) for each in (a.shape, a.dtype))

    def _part(self, probe: Probe) -> Part:
        call = call_for(probe.settings, probe.spelling)
        return Part(self._function(call), partial(_sent, call), partial(_received, call))

    def _function(self, call: Call) -> Callable[..., Any]:
        return partial(getattr(self.jax.lax, call.function), **call.options)

    def _placed(self, array: np.ndarray) -> Any:
        """An array on the target's device; `jax.numpy.array` compiles a program for each shape."""
        return self.jax.device_put(array, self.place)


def _sent(call: Call, probe: Probe) -> tuple[np.ndarray, np.ndarray]:
    """x and w in the order that the call takes, each in memory of its own: JAX may keep numpy's."""
    batched = probe.want != "unbatched"
    x = np.transpose(probe.x if batched else probe.x[0], call.axes(0, batched))
    w = np.transpose(probe.w, call.axes(1))
    return np.array(x, order="C"), np.array(np.flip(w, call.flipped) if call.flipped else w, order="C")


def _received(call: Call, probe: Probe, y: Any) -> np.ndarray:
    """y in the stored order, as a copy, the bias added."""
    y = np.transpose(np.array(y), call.axes(2, probe.want != "unbatched"))
    if probe.b is None:
        return np.array(y, order="C")
    return np.array(y + probe.b.astype(y.dtype).reshape(-1, *(1,) * probe.settings.rank), order="C")


@lru_cache(maxsize=8192)
def call_for(it: Settings, spelling: int) -> Call:
    """What to call, with which arguments, in which order of axes; arguments that are the default are left out."""
    space, first = "DHW"[3 - it.rank :], spelling in (1, 3)
    general = not it.transposed and spelling == 3
    transposes = it.transposed and first
    layout = f"NC{space}" if first else f"N{space}C"
    # transpose_kernel=True wants the forward convolution's kernel, whose output features are the input channels here
    stored = f"IO{space}" if it.transposed and not transposes else f"OI{space}"
    wanted = (layout, f"OI{space}" if first else f"{space}IO", layout)
    options: dict[str, Any] = {"strides" if it.transposed else "window_strides": it.stride}
    options["padding"] = _padding(it, spelling)
    if general:
        options["lhs_dilation"] = None
    if general or set(it.dilation) != {1}:
        options["rhs_dilation"] = it.dilation
    if it.groups > 1:
        options["feature_group_count"] = it.groups
    if not general:
        options["dimension_numbers"] = wanted
    if transposes:
        options["transpose_kernel"] = True
    if it.transposed and spelling in CONSISTENT:
        options["use_consistent_padding"] = True
    options["precision"] = PRECISION
    function = "conv_with_general_padding" if general else "conv_general_dilated"
    flipped = tuple(range(it.rank)) if it.transposed and not transposes else ()
    orders = (f"NC{space}", stored, f"NC{space}")
    return Call("conv_transpose" if it.transposed else function, options, orders, wanted, flipped)


def _padding(it: Settings, spelling: int) -> Any:
    """A keyword where the settings have one that JAX has too, or where the spelling wants one; pairs otherwise."""
    word = keyword(it) if isinstance(it.padding, str) or spelling == KEYWORD else None
    if spelling == KEYWORD:
        return (word or "valid").upper()
    if word and (it.transposed or spelling not in CONSISTENT):
        return word.upper()
    if not it.transposed:
        return it.crop
    if spelling in CONSISTENT:
        return tuple((lo, hi - extra) for (lo, hi), extra in zip(it.crop, it.extra, strict=True))
    axes = zip(it.effective, it.crop, it.extra, strict=True)
    return tuple((e - 1 - lo, e - 1 - hi + extra) for e, (lo, hi), extra in axes)


def _transposition(name: str, axes: tuple[int, ...]) -> str:
    """The expression that reorders an array's axes."""
    return name if axes == tuple(range(len(axes))) else f"np.transpose({name}, {axes})"


def _name(device: Any) -> str:
    """A device as targets spell it."""
    if device.platform == "cpu" and device.id == 0:
        return "cpu"
    return f"{'cuda' if device.platform == 'gpu' else device.platform}:{device.id}"
