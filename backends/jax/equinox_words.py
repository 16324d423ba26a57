"""How Equinox's users write a convolution: the layers of `equinox.nn`, of one item, which call `jax.lax`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from convt.conv.settings import Pairs, Settings, Sizes, same_crop
from convt.translation.dialect import Spoken, Unsayable
from convt.translation.kernels import TAPS, KernelLayout
from convt.translation.layer import Layer, LayerError
from convt.translation.notes import border
from convt.translation.said import Said
from convt.translation.signatures import REQUIRED, Signature, each, number, pairs, sizes, truth, word

from . import reading
from .words import Jax

NN = "equinox.nn"
IGNORED = frozenset({"dtype", "key"})
_FIRST = {"in_channels": REQUIRED, "out_channels": REQUIRED, "kernel_size": REQUIRED, "stride": 1}
_LAST = {"dilation": 1, "groups": 1, "use_bias": True, "padding_mode": "ZEROS", "dtype": None}
_KEY = {"key": REQUIRED}
_ANY_RANK = {"num_spatial_dims": REQUIRED}
FORWARD = {**_FIRST, "padding": 0, **_LAST}
FORMS = (
    {  # the order of output_padding and padding is not that of the layer for any rank
        f"{NN}.ConvTranspose{rank}d": Signature({**_FIRST, "output_padding": 0, "padding": 0, **_LAST}, _KEY, IGNORED)
        for rank in (1, 2, 3)
    }
    | {f"{NN}.Conv{rank}d": Signature(FORWARD, _KEY, IGNORED) for rank in (1, 2, 3)}
    | {
        f"{NN}.ConvTranspose": Signature(
            {**_ANY_RANK, **_FIRST, "padding": 0, "output_padding": 0, **_LAST}, _KEY, IGNORED
        ),
        f"{NN}.Conv": Signature({**_ANY_RANK, **FORWARD}, _KEY, IGNORED),
    }
)
IMPORTS = ("import jax", "import jax.numpy as jnp", "import equinox as eqx")
ORDER = "output_padding stands before padding by position, after it in PyTorch; here they are {}"


class Equinox(Jax):
    """As JAX, which computes its layers; arrays are padded and joined with jax.numpy."""

    name = "equinox"
    title = "Equinox"
    kinds = (NN,)
    forms = FORMS
    aliases: ClassVar[Mapping[str, str]] = {"eqx": "equinox"}
    also = ("eqx",)
    spelled = True

    def read(self, form: str, given: Mapping[str, Any]) -> Spoken:
        transposed = "Transpose" in form
        rank = int(form[-2]) if form.endswith("d") else number("num_spatial_dims", given["num_spatial_dims"])
        if rank > 3:
            raise LayerError(f"num_spatial_dims: found {rank}, accepted 1 to 3")
        said: dict[str, Any] = {
            "op": "conv_transpose" if transposed else "conv",
            "channels_in": number("in_channels", given["in_channels"]),
            "channels_out": number("out_channels", given["out_channels"]),
            "kernel": _for_all("kernel_size", given["kernel_size"], rank),
            "stride": _for_all("stride", given["stride"], rank),
            "dilation": _for_all("dilation", given["dilation"], rank),
            "groups": number("groups", given["groups"]),
            "bias": truth("use_bias", given["use_bias"]),
        }
        if str(given["padding_mode"]).upper() != "ZEROS":
            raise LayerError(f"padding_mode: found {given['padding_mode']!r}, accepted 'ZEROS': convt compares "
                             "convolutions over zeros")  # fmt: skip
        notes: tuple[str, ...] = ()
        if transposed:
            more = _for_all("output_padding", given["output_padding"], rank, floor=0)
            said |= _transposed(said, given["padding"], more)
            if any(more) and form.endswith("d"):
                notes = (ORDER.format(f"output_padding={_plain(more)}, padding={given['padding']!r}"),)
        else:
            said |= _forward(given["padding"], rank)
        notes = (*notes, *border("padding='SAME'", said))
        return Spoken(Layer(**said), form, _layout(rank, transposed), channels_last=False, notes=notes)

    def say(self, it: Settings, kind: str) -> Said:
        it = it.explicit() if it.output_size else it
        if it.transposed and (reason := reading.beyond_the_kernel(it)):
            raise Unsayable(reason)
        for axis, (extra, stride) in enumerate(zip(it.extra, it.stride, strict=True)):
            if extra >= stride and it.padding != "same":
                raise Unsayable(f"output_padding must be smaller than the stride; it is {extra} on axis {axis}")
        given: dict[str, Any] = {"stride": it.stride}
        if it.padding == "same":
            given["padding"] = "SAME"
        elif any(map(any, it.crop)):
            given["padding"] = _sides(it)
        if any(it.extra) and it.padding != "same":
            given["output_padding"] = it.extra
        given |= {"dilation": it.dilation, "groups": it.groups, "use_bias": it.bias}
        given = {key: _plain(value) for key, value in given.items()}
        given = {key: value for key, value in given.items() if value is not DEFAULTS.get(key)}
        name = f"{'ConvTranspose' if it.transposed else 'Conv'}{it.rank}d"
        first = f"{it.channels_in}, {it.channels_out}, {_plain(it.kernel)!r}"
        words = "".join(f", {key}={value!r}" for key, value in given.items())
        load = ['layer = eqx.tree_at(lambda layer: layer.weight, layer, state["weight"])']
        if it.bias:
            load.append('layer = eqx.tree_at(lambda layer: layer.bias, layer, '
                        'state["bias"].reshape(layer.bias.shape))')  # fmt: skip
        return Said(f"{NN}.{name}", f"eqx.nn.{name}({first}{words}, key=jax.random.key(0))",
                    _layout(it.rank, it.transposed), False, IMPORTS, "dict", ("weight", "bias"), tuple(load),
                    "jax.vmap(layer)(x)")  # fmt: skip

    def meaning(self, it: Settings) -> tuple[str, ...]:
        said = ["Equinox's layers take one item: jax.vmap adds the batch"]
        if it.transposed and max(it.kernel) > 1:
            said.append("its kernel is that of a forward convolution, its taps mirrored against PyTorch's and Keras's")
        return tuple(said)


DEFAULTS = {"stride": 1, "dilation": 1, "groups": 1, "use_bias": True}


def _layout(rank: int, transposed: bool) -> KernelLayout:
    return KernelLayout(f"OI{TAPS[3 - rank :]}", "O", mirrored=transposed)


def _for_all(name: str, value: Any, rank: int, floor: int = 1) -> Sizes:
    """One number an axis, of one for all or of a sequence."""
    return (sizes if type(value) is int else each)(name, value, rank, floor)


def _transposed(said: Mapping[str, Any], padding: Any, more: Sizes) -> dict[str, Any]:
    """The crop of a transposed layer; what `output_padding` means depends on the padding."""
    kernel, stride, dilation = said["kernel"], said["stride"], said["dilation"]
    for axis, (extra, step) in enumerate(zip(more, stride, strict=True)):
        if extra >= step:
            raise LayerError(f"output_padding: found {extra} on axis {axis}, accepted less than the stride {step}")
    if not isinstance(padding, str):
        return {"padding": _pairs(padding, len(kernel)), "output_padding": more if any(more) else None}
    how = word("padding", padding, ("same", "same_lower", "valid"))
    if how == "valid":  # not that of TensorFlow and JAX, which fills up to the stride
        return {"padding": ((0, 0),) * len(kernel), "output_padding": more if any(more) else None}
    if how == "same" and not any(more):
        return {"padding": "same"}
    axes = zip(kernel, stride, dilation, more, strict=True)
    sides = [same_crop(1, k, s, d, s - a) for k, s, d, a in axes]  # the size is n s - a for every n
    crop: Pairs = tuple((lo, hi) if how == "same" else (hi, lo) for lo, hi, _ in sides)
    missing = tuple(rest for *_, rest in sides)
    return {"padding": crop, "output_padding": missing if any(missing) else None}


def _forward(padding: Any, rank: int) -> dict[str, Any]:
    if not isinstance(padding, str):
        return {"padding": _pairs(padding, rank)}
    how = word("padding", padding, ("same", "same_lower", "valid"))
    return {"padding": how.removesuffix("_lower"), "halves": "larger first" if how == "same_lower" else None}


def _pairs(value: Any, rank: int) -> Any:
    """A pair an axis: of a number for all sides, of a number an axis, or of pairs."""
    if isinstance(value, (tuple, list)) and any(isinstance(side, (tuple, list)) for side in value):
        return pairs("padding", value, rank)
    return tuple((side, side) for side in _for_all("padding", value, rank, floor=0))


def _sides(it: Settings) -> Any:
    """The crop as short as it can be said."""
    return it.crop if any(lo != hi for lo, hi in it.crop) else tuple(lo for lo, _ in it.crop)


def _plain(value: Any) -> Any:
    """One number where all axes have the same."""
    same = isinstance(value, tuple) and len(set(value)) == 1 and type(value[0]) is int
    return value[0] if same else value
