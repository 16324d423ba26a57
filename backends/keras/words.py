"""How Keras's users write a convolution: `keras.layers` and `keras.ops`.

What is said holds on TensorFlow, JAX and PyTorch alike. Signatures are those of Keras 3; `input_shape` is Keras 2's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from convt.adapter.backend import UNSAFE
from convt.conv.settings import Settings, Sizes, effective_kernel
from convt.translation.dialect import Dialect, Spoken, Unsayable
from convt.translation.kernels import channels_last_layout
from convt.translation.layer import Layer, LayerError
from convt.translation.notes import moving_same, uneven_crop
from convt.translation.parsing import Name, shape_of
from convt.translation.said import Plan, Said
from convt.translation.signatures import REQUIRED, Signature, number, sizes, truth, word

from ..tensorflow.calls import GENERIC, says
from ..tensorflow.claims import Maker, refused
from .calls import DEPTHWISE, LAST, OPS, call_for, refusal
from .padding import crop_of

LAYERS, FUNCTIONS = "keras.layers", "keras.ops"
ENGINES = ("tensorflow", "jax", "torch")
ADD = "keras.ops.add"
"""What adds a bias: `+` does not take numpy's array where a tensor of PyTorch has a gradient."""
_MADE = {
    "activation": None, "kernel_initializer": "glorot_uniform", "bias_initializer": "zeros", "kernel_regularizer": None,
    "bias_regularizer": None, "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
}  # fmt: skip
_SHAPES = {"input_shape": None, "batch_input_shape": None}
_ANY = {"name": None, "dtype": None, "trainable": True, "autocast": True, "lora_rank": None, "lora_alpha": None}
IGNORED = frozenset({*_MADE, *_SHAPES, *_ANY, *(key.replace("kernel", "depthwise") for key in _MADE)})
"""What changes nothing of the settings, or, of the shapes, may be unknown."""


def _layer(first: dict[str, Any], ones: Any, last: dict[str, Any], made: dict[str, Any]) -> Signature:
    """The signature of a layer, its arguments in Keras's order; `ones` is the default of strides and dilations."""
    rest = {key: ones if key == "dilation_rate" else value for key, value in last.items()}
    positions = {**first, "strides": ones, "padding": "valid", **rest, "activation": None, "use_bias": True}
    return Signature({**positions, **{key: made[key] for key in made if key != "activation"}}, {**_SHAPES, **_ANY},
                     IGNORED)  # fmt: skip


def _signatures(rank: int) -> dict[str, Signature]:
    ones = 1 if rank == 1 else (1,) * rank
    declared = {"filters": REQUIRED, "kernel_size": REQUIRED}
    # Conv3DTranspose alone takes data_format first
    more = {"data_format": None, "output_padding": None} if rank == 3 else {"output_padding": None, "data_format": None}
    found = {
        f"{LAYERS}.Conv{rank}DTranspose": _layer(declared, ones, {**more, "dilation_rate": 1}, _MADE),
        f"{LAYERS}.Conv{rank}D": _layer(declared, ones, {"data_format": None, "dilation_rate": 1, "groups": 1}, _MADE),
    }
    if rank < 3:
        made = {key.replace("kernel", "depthwise"): value for key, value in _MADE.items()}
        last = {"depth_multiplier": 1, "data_format": None, "dilation_rate": 1}
        found[f"{LAYERS}.DepthwiseConv{rank}D"] = _layer({"kernel_size": REQUIRED}, ones, last, made)
    return found


_ARRAYS = {"inputs": REQUIRED, "kernel": REQUIRED, "strides": 1, "padding": "valid"}
F_TRANSPOSED = Signature({**_ARRAYS, "output_padding": None, "data_format": None, "dilation_rate": 1})
F_FORWARD = Signature({**_ARRAYS, "data_format": None, "dilation_rate": 1})


class Keras(Dialect):
    name = "keras"
    title = "Keras"
    kinds = (LAYERS, FUNCTIONS)
    forms = {form: signature for rank in (1, 2, 3) for form, signature in _signatures(rank).items()} | {
        f"{FUNCTIONS}.conv_transpose": F_TRANSPOSED,
        f"{FUNCTIONS}.conv": F_FORWARD,
        f"{FUNCTIONS}.depthwise_conv": F_FORWARD,
    }
    aliases: ClassVar[Mapping[str, str]] = {f"{package}keras": "keras" for package in ("tf.", "tensorflow.")}

    def matches(self, name: str) -> list[str]:
        if name.split(".")[-1].startswith(("SeparableConv", "separable_conv")) and ".nn." not in name:
            raise LayerError(f"{name}: found two convolutions, one a channel and one of a single tap over all; "
                             "accepted one: write them as DepthwiseConv2D and Conv2D")  # fmt: skip
        return super().matches(name.replace("Convolution", "Conv"))

    def pad(self, array: str, pairs: Sequence[tuple[int, int]]) -> str:
        return f"keras.ops.pad({array}, {list(pairs)})"

    def join(self, parts: str, axis: int) -> str:
        return f"keras.ops.concatenate({parts}, axis={axis})"

    def program(self, it: Settings, plan: Plan, said: Said) -> str:
        return super().program(it, plan, said).replace("y = y + bias\n", f"y = {ADD}(y, bias)\n")

    def read(self, form: str, given: Mapping[str, Any]) -> Spoken:
        transposed, layered = "ranspose" in form, form.startswith(LAYERS)
        first = given["data_format"] is not None and word(
            "data_format", given["data_format"], ("channels_first", "channels_last")
        ) == "channels_first"  # fmt: skip
        notes: list[str] = []
        said: dict[str, Any] = {"op": "conv_transpose" if transposed else "conv"}
        said |= _declared(form, given, first) if layered else _by_arrays(form, given, first, notes)
        rank = len(said["kernel"])
        said["stride"] = _sizes("strides", given["strides"], rank)
        said["dilation"] = _sizes("dilation_rate", given["dilation_rate"], rank)
        if layered and "Depthwise" not in form and max(said["stride"]) > 1 and max(said["dilation"]) > 1:
            both = "keras.ops.conv_transpose takes both" if transposed else "DepthwiseConv layers take both"
            raise LayerError(f"{form}: found strides {given['strides']} and dilation_rate {given['dilation_rate']}, "
                             f"accepted one of them above 1; {both}")  # fmt: skip
        said |= (_transposed if transposed else _forward)(form, given, said, notes)
        layout = channels_last_layout(rank, transposed, "epthwise" in form)
        return Spoken(Layer(**said), form, layout, channels_last=not first, notes=tuple(notes))

    def say(self, it: Settings, kind: str) -> Said:
        if kind == LAYERS and _is_causal(it):
            return _causal(it)
        reasons = {call_form: _refused(it, call_form) for call_form in _call_forms(it, kind)}
        for call_form, reason in reasons.items():
            if reason is None:
                return _said(it, call_form)
        raise Unsayable(str(reasons[OPS if kind == FUNCTIONS else LAST]))

    def meaning(self, it: Settings) -> tuple[str, ...]:
        return ("Keras's arrays are channels last, unless data_format='channels_first' or keras.json says otherwise.",)


def _is_causal(it: Settings) -> bool:
    """Whether a line is padded before its beginning alone, by so much that no tap looks ahead."""
    return not it.transposed and it.rank == 1 and it.crop[0] == (it.effective[0] - 1, 0) != (0, 0)


def _causal(it: Settings) -> Said:
    """The layer by its word for that; Unsayable where it takes no such strides and dilations, or groups."""
    padded = it.replace(input=(it.input[0] + it.crop[0][0],), padding="valid")
    if (reason := _refused(padded, LAST)) is not None:
        raise Unsayable(reason)
    return _said(padded, LAST, "causal")


def _call_forms(it: Settings, kind: str) -> tuple[int, ...]:
    """The ways to say it, the usual first."""
    if kind == FUNCTIONS:
        return (OPS,)
    if it.transposed or it.groups != it.channels_in or it.rank == 3:
        return (LAST,)
    return (LAST, DEPTHWISE) if it.channels_in == 1 else (DEPTHWISE, LAST)


def _refused(it: Settings, call_form: int) -> str | None:
    """Why the call does not compute this under each of the frameworks below Keras; None where it does."""
    claims = {engine: refusal(it, "value", call_form, engine) for engine in ENGINES}
    for engine, claim in claims.items():
        if claim is not None:
            return claim if len(set(claims.values())) == 1 else f"on {engine}: {claim}"
    if not it.transposed or 0 in it.x_shape or 0 in it.y_shape:
        return None
    said = call_for(it, call_form).options["padding"]
    if not all(says(said.upper(), it, axis) for axis in range(it.rank)):
        return (f"on tensorflow: padding={said!r} is a gradient, and no forward convolution with it maps the output "
                f"{it.output} to {it.input}")  # fmt: skip
    harm = refused(it, "value", GENERIC, Maker("function", "cpu", onednn=True)) or ""
    return f"on tensorflow: {harm.removeprefix(UNSAFE)}" if harm.startswith(UNSAFE) else None


def _said(it: Settings, call_form: int, padding: str | None = None) -> Said:
    call = call_for(it, call_form)
    options = {key: _plain(value) for key, value in call.options.items()}
    options["padding"] = padding or options["padding"]
    plain = {"strides": 1, "padding": "valid"}
    shown = ", ".join(f"{key}={value!r}" for key, value in options.items()
                      if key not in ("filters", "kernel_size") and plain.get(key) != value)  # fmt: skip
    form = f"keras.{call.module}.{call.name}"
    layout = channels_last_layout(it.rank, it.transposed, call_form == DEPTHWISE)
    if call.given:
        text = f"{form}(x, kernel{', ' + shown if shown else ''})"
        text = f"{ADD}({text}, bias)" if it.bias else text
        return Said(form, text, layout, True, ("import keras",), "arrays")
    first = ", ".join(repr(options[key]) for key in ("filters", "kernel_size") if key in options)
    return Said(form, f"{form}({first}{', ' + shown if shown else ''})", layout, True, ("import keras",), "list",
                load=("layer.build(x.shape)", "layer.set_weights(state)"))  # fmt: skip


def _declared(form: str, given: Mapping[str, Any], first: bool) -> dict[str, Any]:
    """What a layer's arguments say of its kernel, channels and input."""
    rank = int(form[form.index("Conv") + 4])
    said: dict[str, Any] = {"kernel": _sizes("kernel_size", given["kernel_size"], rank)}
    said["bias"] = truth("use_bias", given["use_bias"])
    said |= _input(given, rank, first)
    if "Depthwise" not in form:
        said["channels_out"] = number("filters", given["filters"])
        return said | ({"groups": number("groups", given["groups"])} if "groups" in given else {})
    multiplier = number("depth_multiplier", given["depth_multiplier"])
    return said | _depthwise(said.get("channels_in"), multiplier)


def _depthwise(channels: int | None, multiplier: int) -> dict[str, Any]:
    if channels is None:
        return {"depth_multiplier": multiplier}
    return {"channels_in": channels, "channels_out": channels * multiplier, "groups": channels}


def _input(given: Mapping[str, Any], rank: int, first: bool) -> dict[str, Any]:
    """What `input_shape` says: (*extents, channels) without the batch axis, None for what is not known."""
    for name, axes in (("input_shape", rank + 1), ("batch_input_shape", rank + 2)):
        value = given[name]
        if value is None or isinstance(value, Name):
            continue
        if not isinstance(value, (tuple, list)) or len(value) != axes:
            raise LayerError(f"{name}: found {value!r}, accepted {axes} numbers, or None for one that is not known")
        batch, *shape = value if axes == rank + 2 else (None, *value)
        known = _seen(name, shape, first)
        return known | ({"batch": batch} if type(batch) is int else {})
    return {}


def _seen(name: str, shape: Sequence[Any], first: bool) -> dict[str, Any]:
    """Channels and extents of an input's shape without the batch axis, as far as they are known."""
    channels, extents = (shape[0], shape[1:]) if first else (shape[-1], shape[:-1])
    said: dict[str, Any] = {}
    if type(channels) is int:
        said["channels_in"] = number(f"{name}: channels", channels)
    if all(type(n) is int for n in extents):
        said["input"] = _sizes(f"{name}: extents", tuple(extents), len(extents), floor=0)
    return said


def _by_arrays(form: str, given: Mapping[str, Any], first: bool, notes: list[str]) -> dict[str, Any]:
    """What the shapes of an op's arrays say; its rank is the kernel's."""
    x, w = shape_of("inputs", given["inputs"]), shape_of("kernel", given["kernel"])
    if w is None or not 3 <= len(w) <= 5:
        last = {"conv": "in/groups, out", "conv_transpose": "out, in"}.get(form.split(".")[-1], "in, multiplier")
        raise LayerError(f"kernel: found {getattr(given['kernel'], 'text', given['kernel'])}, accepted its shape of 3, "
                         f"4 or 5 numbers (*taps, {last}), such as (3, 3, 1, 1): they stand nowhere else")  # fmt: skip
    *kernel, one, other = w
    said: dict[str, Any] = {"kernel": _sizes("kernel: taps", tuple(kernel), len(kernel))}
    if x is not None:
        if len(x) != len(w):
            raise LayerError(
                f"inputs: found {len(x)} axes, accepted {len(w)}: items, channels and {len(kernel)} extents"
            )
        said |= {"batch": x[0]} | _seen("inputs", x[1:], first)
    channels = said.get("channels_in")
    if form.endswith("depthwise_conv"):
        if len(kernel) == 3:
            raise LayerError("keras.ops.depthwise_conv: found a kernel of 3 spatial axes, accepted 1 or 2")
        said |= _depthwise(one, number("kernel: multiplier", other))
    elif form.endswith("conv_transpose"):
        said |= {"channels_in": other, "channels_out": one}
    else:
        if channels is None:
            notes.append(
                "the kernel alone is written, whose input features are those of one group; one group is assumed"
            )
        elif channels % one:
            raise LayerError(f"inputs: found {channels} channels, accepted a multiple of the kernel's {one}")
        said |= {"channels_in": one if channels is None else channels, "channels_out": other}
        said["groups"] = said["channels_in"] // one
    if channels is not None and channels != said["channels_in"]:
        raise LayerError(f"inputs: found {channels} channels, and the kernel takes {said['channels_in']}")
    return said


def _transposed(form: str, given: Mapping[str, Any], said: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """What `padding` and `output_padding` mean; `adapter.py` beside this file has the formulas."""
    padding = word("padding", given["padding"], ("same", "valid"))
    kernel, stride, dilation = said["kernel"], said["stride"], said["dilation"]
    meant = Settings(input=(1,) * len(kernel), kernel=kernel, stride=stride, dilation=dilation, padding=padding)  # type: ignore[arg-type]
    if given["output_padding"] is None:
        if padding == "valid" and any(meant.extra):
            notes.append(f"padding='valid' without output_padding adds {_plain(meant.extra)} at the end where strides "
                         "are longer than the kernel; PyTorch's padding=0 adds nothing")  # fmt: skip
        notes += uneven_crop("padding='same'", meant.crop, stride, dilation)
        return {"padding": padding}
    more = _sizes("output_padding", given["output_padding"], len(kernel), floor=0)
    if form.startswith(LAYERS) and any(a >= s for a, s in zip(more, stride, strict=True)):
        raise LayerError(f"output_padding: found {_plain(more)}, accepted less than the strides, {_plain(stride)}")
    if padding == "valid":
        return {"padding": padding, "output_padding": more}
    crop, extra = crop_of(padding, more, kernel, stride, dilation)
    notes.append(f"output_padding={_plain(more)} with padding='same' chooses the size, (n-1)*stride + effective kernel "
                 "% 2 + output_padding, and is not added to 'same' without it")  # fmt: skip
    notes += uneven_crop("this padding", crop, stride, dilation)
    if any(a + e % 2 == 0 for a, e in zip(more, meant.effective, strict=True)):
        notes.append("Keras on TensorFlow refuses output_padding=0 for an even kernel with padding='same': no SAME "
                     "convolution maps that size back; on JAX and PyTorch it is computed")  # fmt: skip
    return {"padding": crop, "output_padding": extra if any(extra) else None}


def _forward(form: str, given: Mapping[str, Any], said: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """What `padding` means."""
    words = ("same", "valid", "causal") if form == f"{LAYERS}.Conv1D" else ("same", "valid")
    padding = word("padding", given["padding"], words)
    if padding == "same":
        notes += moving_same("padding='same'", said["kernel"], said["stride"], said["dilation"])
    if padding != "causal":
        return {"padding": padding}
    (k,), (d,) = said["kernel"], said["dilation"]
    return {"padding": ((effective_kernel(k, d) - 1, 0),)}


def _sizes(name: str, value: Any, rank: int, floor: int = 1) -> Sizes:
    """One number an axis, of a number or of exactly as many; Keras takes no other sequence."""
    if isinstance(value, (tuple, list)) and len(value) != rank:
        raise LayerError(
            f"{name}: found {len(value)} values {tuple(value)}, accepted one number for all axes or {rank}"
        )
    return sizes(name, value, rank, floor)


def _plain(value: Any) -> Any:
    """One number where all axes have the same."""
    same = isinstance(value, tuple) and len(set(value)) == 1
    return value[0] if same else value
