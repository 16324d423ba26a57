"""How Flax's users write a convolution: the layers of `flax.linen` and of `flax.nnx`, which call `jax.lax`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from convt.conv.settings import Settings, Sizes, effective_kernel
from convt.translation.dialect import Spoken, Unsayable
from convt.translation.kernels import TAPS, KernelLayout
from convt.translation.layer import Layer, LayerError
from convt.translation.notes import border
from convt.translation.said import Said
from convt.translation.signatures import REQUIRED, UNSAID, Signature, each, number, sizes, truth

from . import reading
from .calls import call_for
from .words import MIRRORED, Jax, by_dilation, crops_note

LINEN, NNX = "flax.linen", "flax.nnx"
_MADE = {"mask": None, "dtype": None, "param_dtype": None, "precision": None, "kernel_init": None, "bias_init": None}
_LAST = {"promote_dtype": None}
_NAMED = {"parent": None, "name": None}
_RNGS = {"preferred_element_type": None, "rngs": REQUIRED, "kernel_metadata": None, "bias_metadata": None}
IGNORED = frozenset({*_MADE, *_LAST, *_NAMED, *_RNGS, "conv_general_dilated", "conv_general_dilated_cls"})
_FORWARD = {"input_dilation": 1, "kernel_dilation": 1, "feature_group_count": 1, "use_bias": True, **_MADE}
_TRANSPOSED = {"kernel_dilation": None, "use_bias": True, **_MADE, "transpose_kernel": False, **_LAST}
_OWN = {"features": REQUIRED, "kernel_size": REQUIRED}
_BOTH = {"in_features": REQUIRED, "out_features": REQUIRED, "kernel_size": REQUIRED}
FORMS = {
    f"{LINEN}.ConvTranspose": Signature(
        {**_OWN, "strides": None, "padding": UNSAID, **_TRANSPOSED, "preferred_element_type": None}, _NAMED, IGNORED
    ),
    f"{LINEN}.Conv": Signature(
        {**_OWN, "strides": 1, "padding": UNSAID, **_FORWARD, **_LAST, "conv_general_dilated": None,
         "conv_general_dilated_cls": None}, _NAMED, IGNORED,
    ),
    f"{NNX}.ConvTranspose": Signature(
        {**_BOTH, "strides": None}, {"padding": UNSAID, **_TRANSPOSED, **_RNGS}, IGNORED
    ),
    f"{NNX}.Conv": Signature(
        {**_BOTH, "strides": 1}, {"padding": UNSAID, **_FORWARD, "conv_general_dilated": None, **_LAST, **_RNGS},
        IGNORED,
    ),
}  # fmt: skip
IMPORTS = ("import jax.numpy as jnp", "import flax.linen as nn", "from flax import nnx")


class Flax(Jax):
    """As JAX, which computes its layers; arrays are padded and joined with jax.numpy."""

    name = "flax"
    title = "Flax"
    kinds = (LINEN, NNX)
    forms = FORMS
    aliases: ClassVar[Mapping[str, str]] = {"nn": LINEN, "linen": LINEN}

    def read(self, form: str, given: Mapping[str, Any]) -> Spoken:
        transposed, kernel = form.endswith("Transpose"), given["kernel_size"]
        kernel = sizes("kernel_size", kernel, 1 if type(kernel) is int else _rank(kernel))
        rank = len(kernel)
        if given["mask"] is not None:
            raise LayerError("mask: found one, accepted None: a convolution whose kernel is masked is another layer")
        padding = _padding("SAME" if given["padding"] is UNSAID else given["padding"], rank)
        strides, dilation = (_for_all(given, name, rank) for name in ("strides", "kernel_dilation"))
        space = TAPS[3 - rank :]
        if transposed:
            swapped = truth("transpose_kernel", given["transpose_kernel"])
            said = reading.transposed(kernel, strides, _known(padding, rank, transposed), dilation, consistent=False)
            layout = KernelLayout(f"{space}OI" if swapped else f"{space}IO", "O", mirrored=not swapped)
        else:
            padding = _causal(padding, kernel, dilation)
            inside = _for_all(given, "input_dilation", rank)
            said = reading.dilated(kernel, strides, _known(padding, rank, transposed), inside, dilation)
            said["groups"] = number("feature_group_count", given["feature_group_count"])
            layout = KernelLayout(f"{space}IO", "O", mirrored=said["op"] == "conv_transpose")
        if form.startswith(NNX):
            said["channels_in"] = number("in_features", given["in_features"])
        name = "features" if form.startswith(LINEN) else "out_features"
        said |= {"channels_out": number(name, given[name]), "bias": truth("use_bias", given["use_bias"])}
        notes: list[str] = []
        if layout.mirrored and max(kernel) > 1 and transposed:
            notes.append(MIRRORED)
        if transposed and not isinstance(padding, str):
            notes.append(crops_note(said, "padding"))
        if given["padding"] is UNSAID:
            notes.append("padding is 'SAME' where nothing is said; PyTorch's is 0")
        notes += border("padding='SAME'", said)
        return Spoken(Layer(**said), form, layout, channels_last=True, notes=tuple(notes))

    def say(self, it: Settings, kind: str) -> Said:
        it = it.explicit() if it.output_size else it
        if it.transposed and (reason := reading.beyond_the_kernel(it)):
            raise Unsayable(reason)
        if it.transposed and it.groups > 1:  # ConvTranspose has no groups
            name, options = "Conv", by_dilation(it)
        else:
            name, options = "ConvTranspose" if it.transposed else "Conv", call_for(it, 0).options
        given: dict[str, Any] = {"in_features": it.channels_in} if kind == NNX else {}
        given |= {"features" if kind == LINEN else "out_features": it.channels_out, "kernel_size": it.kernel}
        given["strides"] = options.get("strides", options.get("window_strides"))
        given["padding"] = options["padding"]
        given["input_dilation"] = options.get("lhs_dilation")
        given["kernel_dilation"] = options.get("rhs_dilation")
        given["feature_group_count"] = options.get("feature_group_count")
        given = {key: value for key, value in given.items() if value is not None}
        given = {key: value for key, value in given.items() if key not in OF_ONE or set(value) != {1}}
        words = ", ".join(f"{key}={value!r}" for key, value in given.items())
        words += "" if it.bias else ", use_bias=False"
        words += ", rngs=nnx.Rngs(0)" if kind == NNX else ""
        layout = KernelLayout(f"{TAPS[3 - it.rank :]}IO", "O", mirrored=it.transposed)
        call = f"{'nn' if kind == LINEN else 'nnx'}.{name}({words})"
        if kind == LINEN:
            return Said(f"{LINEN}.{name}", call, layout, True, IMPORTS, "dict",
                        apply='layer.apply({"params": state}, x)')  # fmt: skip
        return Said(f"{NNX}.{name}", call, layout, True, IMPORTS, "dict", load=("nnx.update(layer, state)",))

    def meaning(self, it: Settings) -> tuple[str, ...]:
        said: list[str] = []
        if it.transposed and max(it.kernel) > 1:
            said.append("Flax uses the kernel as it stands: its taps are mirrored against those of PyTorch and Keras")
        if it.transposed and it.groups > 1:
            said.append("ConvTranspose has no groups: Conv with an input_dilation is a transposed convolution too")
        return tuple(said)


OF_ONE = frozenset({"strides", "input_dilation", "kernel_dilation"})


def _rank(kernel: Any) -> int:
    if not isinstance(kernel, (tuple, list)) or not 1 <= len(kernel) <= 3:
        raise LayerError(f"kernel_size: found {kernel!r}, accepted 1 to 3 numbers, one an axis; a single number is one "
                         "axis")  # fmt: skip
    return len(kernel)


def _for_all(given: Mapping[str, Any], name: str, rank: int) -> Sizes:
    """One number an axis, of one for all, of a sequence, or of None, which is 1."""
    value = given[name]
    if value is None or type(value) is int:
        return sizes(name, 1 if value is None else value, rank)
    return each(name, value, rank)


def _padding(value: Any, rank: int) -> Any:
    """A word, or a pair an axis: of a number for all sides, of a number an axis, or of pairs."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return ((value, value),) * rank
    if isinstance(value, (tuple, list)):
        return tuple((side, side) if type(side) is int else side for side in value)
    raise LayerError(f"padding: found {value!r}, accepted 'SAME', 'VALID', a number, or (before, after) pairs")


def _known(padding: Any, rank: int, transposed: bool) -> Any:
    if padding in ("CIRCULAR", "REFLECT"):
        raise LayerError(f"padding: found {padding!r}, accepted 'SAME', 'VALID', a number or pairs: convt compares "
                         "convolutions over zeros")  # fmt: skip
    if padding == "CAUSAL":
        why = "ConvTranspose has none" if transposed else f"it is of one axis, and the kernel has {rank}"
        raise LayerError(f"padding: found 'CAUSAL', accepted 'SAME', 'VALID', a number or pairs: {why}")
    if not isinstance(padding, str) and any(isinstance(pair, list) for pair in padding):
        raise LayerError(f"padding: found {padding!r}, accepted tuples: Flax takes no lists for pairs")
    return padding


def _causal(padding: Any, kernel: Sizes, dilation: Sizes) -> Any:
    """What CAUSAL puts before the one axis that it is for."""
    if padding != "CAUSAL" or len(kernel) > 1:
        return padding
    return ((effective_kernel(kernel[0], dilation[0]) - 1, 0),)
