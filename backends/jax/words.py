"""How JAX's users write a convolution: the functions of `jax.lax`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from convt.conv.settings import Settings, Sizes
from convt.translation.dialect import Dialect, Spoken, Unsayable
from convt.translation.kernels import TAPS, KernelLayout
from convt.translation.layer import Layer, LayerError
from convt.translation.notes import border
from convt.translation.parsing import shape_of
from convt.translation.said import Said, axes_of
from convt.translation.signatures import REQUIRED, Signature, each, number, truth

from . import reading
from .calls import around_stuffed, call_for

LAX = "jax.lax"
IGNORED = frozenset({"precision", "preferred_element_type", "out_sharding"})
_END = {"precision": None, "preferred_element_type": None}
_ARRAYS = {"lhs": REQUIRED, "rhs": REQUIRED}
FORMS = {
    f"{LAX}.conv_transpose": Signature({
        **_ARRAYS, "strides": REQUIRED, "padding": REQUIRED, "rhs_dilation": None, "dimension_numbers": None,
        "transpose_kernel": False, **_END, "use_consistent_padding": False,
    }, ignored=IGNORED),
    f"{LAX}.conv_general_dilated": Signature({
        **_ARRAYS, "window_strides": REQUIRED, "padding": REQUIRED, "lhs_dilation": None, "rhs_dilation": None,
        "dimension_numbers": None, "feature_group_count": 1, "batch_group_count": 1, **_END, "out_sharding": None,
    }, ignored=IGNORED),
    f"{LAX}.conv_with_general_padding": Signature({
        **_ARRAYS, "window_strides": REQUIRED, "padding": REQUIRED, "lhs_dilation": REQUIRED,
        "rhs_dilation": REQUIRED, **_END,
    }, ignored=IGNORED),
    f"{LAX}.conv": Signature({**_ARRAYS, "window_strides": REQUIRED, "padding": REQUIRED, **_END}, ignored=IGNORED),
}  # fmt: skip
MIRRORED = (
    "the kernel is used as it stands, so that its taps are mirrored against those of PyTorch and Keras; with "
    "transpose_kernel=True they are not"
)


class Jax(Dialect):
    name = "jax"
    title = "JAX"
    kinds: ClassVar[tuple[str, ...]] = (LAX,)
    forms = FORMS
    aliases: ClassVar[Mapping[str, str]] = {"lax": LAX}

    def pad(self, array: str, pairs: Sequence[tuple[int, int]]) -> str:
        return f"jnp.pad({array}, {list(pairs)})"

    def join(self, parts: str, axis: int) -> str:
        return f"jnp.concatenate({parts}, axis={axis})"

    def read(self, form: str, given: Mapping[str, Any]) -> Spoken:
        shape = shape_of("rhs", given["rhs"])
        if shape is None or not 3 <= len(shape) <= 5:
            found = getattr(given["rhs"], "text", given["rhs"])
            raise LayerError(f"rhs: found {found}, accepted the kernel's shape of 3 to 5 numbers, such as "
                             "(3, 3, 1, 8): the kernel's size stands nowhere else")  # fmt: skip
        x, w, y = _orders(given.get("dimension_numbers"), len(shape) - 2, form.endswith("transpose"))
        sizes = dict(zip(w, shape, strict=True))
        kernel = tuple(sizes[letter] for letter in TAPS if letter in sizes)
        if min(shape) < 1:
            raise LayerError(f"rhs: found the shape {shape}, accepted 1 or more everywhere")
        layout, said = (_transposed if form.endswith("transpose") else _general)(given, kernel, w)
        said |= _channels(layout.axes, shape, said.get("groups", 1))
        said |= _input(given["lhs"], x, said["channels_in"])
        notes = () if x == y else (f"the result comes as {y}, the input as {x}",)
        if layout.mirrored and max(kernel) > 1 and form.endswith("transpose"):
            notes = (*notes, MIRRORED)
        if form.endswith("transpose") and not isinstance(given["padding"], str) and not given["use_consistent_padding"]:
            notes = (*notes, crops_note(said, "padding"))
        notes = (*notes, *border("padding='SAME'", said))
        return Spoken(Layer(**said), form, layout, channels_last=x.endswith("C"), notes=notes)

    def say(self, it: Settings, kind: str) -> Said:
        it = it.explicit() if it.output_size else it
        space = TAPS[3 - it.rank :]
        if it.transposed and (reason := reading.beyond_the_kernel(it)):
            raise Unsayable(reason)
        layout = KernelLayout(f"{space}IO", "O", mirrored=it.transposed)
        if it.transposed and it.groups > 1:  # conv_transpose has no groups
            function, options = "conv_general_dilated", by_dilation(it)
        else:
            by_word = isinstance(it.padding, str) or not it.transposed
            _, options, *_ = call = call_for(it, 0 if by_word else 2)
            function = call.function
        words = ", ".join(f"{key}={value!r}" for key, value in options.items() if key != "precision")
        call_text = f"{LAX}.{function}(x, kernel, {words}){' + bias' if it.bias else ''}"
        return Said(f"{LAX}.{function}", call_text, layout, True, reading.IMPORTS, "arrays")

    def meaning(self, it: Settings) -> tuple[str, ...]:
        said: list[str] = []
        if it.transposed and max(it.kernel) > 1:
            said.append("JAX uses the kernel as it stands: its taps are mirrored against those of PyTorch and Keras")
        if it.bias:
            said.append("jax.lax has no bias: it is added to the result")
        return tuple(said)


def by_dilation(it: Settings) -> dict[str, Any]:
    """The arguments of `conv_general_dilated` for a transposed convolution, whose stride is put into the input."""
    axes = axes_of(it.rank, True)
    options: dict[str, Any] = {
        "window_strides": (1,) * it.rank, "padding": around_stuffed(it), "lhs_dilation": it.stride,
    }  # fmt: skip
    if set(it.dilation) != {1}:
        options["rhs_dilation"] = it.dilation
    options["dimension_numbers"] = (axes, f"{TAPS[3 - it.rank :]}IO", axes)
    return options | {"feature_group_count": it.groups}


def crops_note(said: Mapping[str, Any], argument: str) -> str:
    """What an explicit padding of a transposed convolution crops."""
    more = f" and adds {said['output_padding']} at the end" if said["output_padding"] else ""
    return (f"{argument} is put around the input, zeros between its values: it crops {said['padding']} of the full "
            f"result{more}, where PyTorch's padding is the crop itself")  # fmt: skip


def _orders(value: Any, rank: int, transposes: bool) -> tuple[str, str, str]:
    """The axes of input, kernel and result, the letters of space those of `TAPS`, in the kernel's order."""
    space = TAPS[3 - rank :]
    if value is None:
        if transposes:
            return f"N{space}C", f"{space}IO", f"N{space}C"
        return f"NC{space}", f"OI{space}", f"NC{space}"
    if not isinstance(value, (tuple, list)) or len(value) != 3 or not all(isinstance(each, str) for each in value):
        raise LayerError(f"dimension_numbers: found {value!r}, accepted three words such as "
                         f"{(f'N{space}C', f'{space}IO', f'N{space}C')}")  # fmt: skip
    x, w, y = value
    order = [letter for letter in w if letter not in "IO"]
    for what, word, features in (("kernel", w, "IO"), ("input", x, "NC"), ("result", y, "NC")):
        if sorted(word) != sorted((*features, *order)) or len(set(word)) != rank + 2:
            letters = (*features, *(order if len(order) == rank else space))
            raise LayerError(f"dimension_numbers: found {word!r} for the {what} of {rank + 2} axes, accepted each of "
                             f"{', '.join(letters)} once")  # fmt: skip
    renamed = str.maketrans(dict(zip(order, space, strict=True)))
    x, w, y = (word.translate(renamed) for word in value)
    for what, word in (("input", x), ("result", y)):
        if word not in (f"N{space}C", f"NC{space}"):
            raise LayerError(f"dimension_numbers: found {value}, accepted an order of the {what} with its items first, "
                             "its channels second or last, and its space in the kernel's order")  # fmt: skip
    return x, w, y


def _transposed(given: Mapping[str, Any], kernel: Sizes, w: str) -> tuple[KernelLayout, dict[str, Any]]:
    """The kernel's layout, and the fields that the other arguments of `conv_transpose` say."""
    rank = len(kernel)
    swapped = truth("transpose_kernel", given["transpose_kernel"])
    said = reading.transposed(
        kernel, each("strides", given["strides"], rank), given["padding"], _dilation(given, "rhs_dilation", rank),
        truth("use_consistent_padding", given["use_consistent_padding"]),
    )  # fmt: skip
    # transposing flips the taps and exchanges the features: what is called O has the features of the input
    return KernelLayout(w.translate(str.maketrans("IO", "OI")) if swapped else w, "O", mirrored=not swapped), said


def _general(given: Mapping[str, Any], kernel: Sizes, w: str) -> tuple[KernelLayout, dict[str, Any]]:
    """The same of the other functions."""
    rank = len(kernel)
    if number("batch_group_count", given.get("batch_group_count", 1)) != 1:
        raise LayerError(f"batch_group_count: found {given['batch_group_count']}, accepted 1: groups of items are no "
                         "layer's")  # fmt: skip
    said = reading.dilated(
        kernel, each("window_strides", given["window_strides"], rank), given["padding"],
        _dilation(given, "lhs_dilation", rank), _dilation(given, "rhs_dilation", rank),
    )  # fmt: skip
    said["groups"] = number("feature_group_count", given.get("feature_group_count", 1))
    return KernelLayout(w, "O", mirrored=said["op"] == "conv_transpose"), said


def _dilation(given: Mapping[str, Any], name: str, rank: int) -> Sizes:
    value = given.get(name)
    return (1,) * rank if value is None else each(name, value, rank)


def _channels(axes: str, shape: Sequence[int], groups: int) -> dict[str, int]:
    channels_in, channels_out = (shape[axes.index(letter)] for letter in "IO")
    return {"channels_in": channels_in * groups, "channels_out": channels_out}


def _input(lhs: Any, axes: str, channels: int) -> dict[str, Any]:
    """What the input's shape says, where it is written."""
    shape = shape_of("lhs", lhs)
    if shape is None:
        return {}
    if len(shape) != len(axes):
        raise LayerError(f"lhs: found {len(shape)} axes, accepted {len(axes)}: {', '.join(axes)}")
    sizes = dict(zip(axes, shape, strict=True))
    if sizes["C"] != channels:
        raise LayerError(f"lhs: found {sizes['C']} channels ({axes}), and the kernel takes {channels}")
    return {"batch": sizes["N"], "input": tuple(sizes[letter] for letter in TAPS if letter in sizes)}
