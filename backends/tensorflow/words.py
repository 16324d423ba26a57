"""How TensorFlow's users write a convolution: `tf.nn`, and the same in `tf.compat.v1.nn`.

A transposed op takes the shape of its output. It is the gradient of a forward convolution, which maps that shape back
to the input's: so its text says the input's extents too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from convt.adapter.backend import UNSAFE
from convt.conv.settings import Settings, SettingsError, Sizes
from convt.translation.dialect import Dialect, Spoken, Unsayable
from convt.translation.kernels import channels_last_layout
from convt.translation.layer import Layer, LayerError
from convt.translation.notes import moving_same, uneven_crop
from convt.translation.parsing import Name, shape_of
from convt.translation.said import Said
from convt.translation.signatures import REQUIRED, Signature, number, sizes

from .calls import GENERIC, KEYWORD, say
from .claims import Maker, refused

NN, OLD = "tf.nn", "tf.compat.v1.nn"
FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}
IGNORED = frozenset({"name", "use_cudnn_on_gpu", "filters", "filter", "input", "value"})
"""What changes nothing of the settings, and arrays, of which a name is read as one of an unknown shape."""
MAKERS = (Maker("function", "cpu", onednn=False), Maker("function", "cpu", onednn=True))
"""What computes on a CPU: TensorFlow's own kernels, which every dtype has, and oneDNN."""


def _signatures(rank: int) -> dict[str, Signature]:
    """The ops of one rank."""
    strides, last = "stride" if rank == 1 else "strides", FORMATS[rank][0]
    forward = {"input": REQUIRED, "filters": REQUIRED, strides: REQUIRED, "padding": REQUIRED, "data_format": last}
    asked = {"input": REQUIRED, "filters": REQUIRED, "output_shape": REQUIRED, "strides": REQUIRED, "padding": "SAME"}
    end = {"dilations": None, "name": None}
    found = {f"{NN}.conv{rank}d": forward | end, f"{NN}.conv{rank}d_transpose": asked | {"data_format": last} | end}
    return {form: Signature(parameters, ignored=IGNORED) for form, parameters in found.items()}


def _old_signatures() -> dict[str, Signature]:
    """TensorFlow 1's, where they are others."""
    none = dict.fromkeys(("output_shape", "strides"))
    cudnn = {"use_cudnn_on_gpu": True}
    forward = {"input": REQUIRED, "filter": None, "strides": None, "padding": None}
    found: dict[str, dict[str, Any]] = {
        "conv1d": dict.fromkeys(("value", "filters", "stride", "padding", "use_cudnn_on_gpu", "data_format", "name",
                                 "input", "dilations")),
        "conv2d": {**forward, **cudnn, "data_format": "NHWC", "dilations": [1] * 4, "name": None, "filters": None},
        "conv3d": {**forward, "data_format": "NDHWC", "dilations": [1] * 5, "name": None, "filters": None},
        "convolution": {"input": REQUIRED, "filter": REQUIRED, "padding": REQUIRED, "strides": None,
                        "dilation_rate": None, "name": None, "data_format": None, "filters": None, "dilations": None},
        "depthwise_conv2d": {"input": REQUIRED, "filter": REQUIRED, "strides": REQUIRED, "padding": REQUIRED,
                             "rate": None, "name": None, "data_format": None, "dilations": None},
    }  # fmt: skip
    end = {"name": None, "input": None, "filters": None, "dilations": None}
    for rank, value in ((2, None), (3, REQUIRED)):
        first = {"value": value, "filter": None, **none, "padding": "SAME", "data_format": FORMATS[rank][0]}
        found[f"conv{rank}d_transpose"] = first | end
    return {f"{OLD}.{name}": Signature(parameters, ignored=IGNORED) for name, parameters in found.items()}


ANY_RANK = {
    f"{NN}.conv_transpose": {"input": REQUIRED, "filters": REQUIRED, "output_shape": REQUIRED, "strides": REQUIRED,
                             "padding": "SAME", "data_format": None, "dilations": None, "name": None},
    f"{NN}.convolution": {"input": REQUIRED, "filters": REQUIRED, "strides": None, "padding": "VALID",
                          "data_format": None, "dilations": None, "name": None},
    f"{NN}.depthwise_conv2d": {"input": REQUIRED, "filter": REQUIRED, "strides": REQUIRED, "padding": REQUIRED,
                               "data_format": None, "dilations": None, "name": None},
}  # fmt: skip
FORMS = {form: signature for rank in (1, 2, 3) for form, signature in _signatures(rank).items()} | {
    form: Signature(parameters, ignored=IGNORED) for form, parameters in ANY_RANK.items()
}
OLD_FORMS = _old_signatures() | {
    f"{OLD}.{name}": FORMS[f"{NN}.{name}"] for name in ("conv1d_transpose", "conv_transpose")
}


class TensorFlow(Dialect):
    name = "tensorflow"
    title = "TensorFlow"
    kinds = (NN,)
    forms = FORMS | OLD_FORMS
    aliases: ClassVar[Mapping[str, str]] = {"tensorflow": "tf", "v1.nn": OLD, "tf1.nn": OLD}
    also = ("tf",)

    def matches(self, name: str) -> list[str]:
        if name.split(".")[-1].startswith("separable_conv2d"):
            raise LayerError(f"{name}: found two convolutions, one a channel and one of a single tap over all; "
                             "accepted one: write them as tf.nn.depthwise_conv2d and tf.nn.conv2d")  # fmt: skip
        found = super().matches(name)
        return [form for form in found if form in FORMS] or found

    def pad(self, array: str, pairs: Sequence[tuple[int, int]]) -> str:
        return f"tf.pad({array}, {list(pairs)})"

    def join(self, parts: str, axis: int) -> str:
        return f"tf.concat({parts}, axis={axis})"

    def read(self, form: str, given: Mapping[str, Any]) -> Spoken:
        op = form.split(".")[-1]
        transposed, depthwise = op.endswith("_transpose"), op.startswith("depthwise")
        shape = _filters(form, given, op)
        rank = len(shape) - 2
        first = _first(given["data_format"], op, rank)
        named = _either(given, "dilations", "dilation_rate", "rate")
        whole = op == "conv3d"
        said: dict[str, Any] = {
            "op": "conv_transpose" if transposed else "conv",
            "kernel": sizes("filters: taps", tuple(shape[:-2]), rank),
            "stride": _along(*_either(given, "strides", "stride"), rank, first, whole or depthwise),
            "dilation": _along(*named, rank, first, whole),
        }
        said["padding"] = _padding(op, given["padding"], rank, first, max(said["dilation"]) > 1)
        x = shape_of("input", _either(given, "input", "value")[1])
        if x is not None and len(x) != rank + 2:
            raise LayerError(f"input: found {len(x)} axes, accepted {rank + 2}: items, channels and {rank} extents")
        if x is not None:
            said |= {"batch": x[0], "input": _extents(x, first)}
        channels = None if x is None else x[1 if first else -1]
        notes: list[str] = []
        if transposed:
            said |= _to_output(given["output_shape"], shape, rank, first, said)
            kept = {key: said[key] for key in ("input", "kernel", "stride", "dilation", "padding", "output_size")}
            crop = Settings(**kept).crop if said["padding"] == "same" else ()
            notes += uneven_crop("padding='SAME'", crop, said["stride"], said["dilation"])
        else:
            said |= _to_filters(shape, channels, depthwise, notes)
            if said["padding"] == "same":
                notes += moving_same("padding='SAME'", said["kernel"], said["stride"], said["dilation"])
        if channels is not None and channels != said["channels_in"]:
            raise LayerError(f"input: found {channels} channels, and the filters take {said['channels_in']}")
        layout = channels_last_layout(rank, transposed, depthwise)
        return Spoken(Layer(**said), form, layout, channels_last=not first, notes=tuple(notes))

    def say(self, it: Settings, kind: str) -> Said:
        reasons = {}
        for call_form in (KEYWORD,) if it.transposed else (KEYWORD, GENERIC):
            claims = (refused(it, "value", call_form, by) for by in MAKERS)
            reasons[call_form] = next((claim.removeprefix(UNSAFE) for claim in claims if claim is not None), None)
            if reasons[call_form] is None:
                return _said(it, call_form)
        raise Unsayable(str(reasons[KEYWORD]))

    def meaning(self, it: Settings) -> tuple[str, ...]:
        if not it.transposed:
            return ()
        return (f"output_shape holds the number of items, here {it.batch}: write it for the batch that is given.",)


def _said(it: Settings, call_form: int) -> Said:
    name, arguments = say(it, call_form)
    for key in {"stride", "strides", "dilations"} & set(arguments):
        if name != "conv3d" and len(set(arguments[key])) == 1:  # which takes no number for all axes
            arguments[key] = arguments[key][0]
    shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    layout = channels_last_layout(it.rank, it.transposed, depthwise=False)
    call = f"{NN}.{name}(x, kernel, {shown}){' + bias' if it.bias else ''}"
    return Said(f"{NN}.{name}", call, layout, True, ("import tensorflow as tf",), "arrays")


def _either(given: Mapping[str, Any], *names: str) -> tuple[str, Any]:
    """The first of some names of one argument that is given, with its value."""
    there = [name for name in names if name in given]
    name = next((name for name in there if given[name] is not None), there[0])
    return name, given[name]


def _filters(form: str, given: Mapping[str, Any], op: str) -> Sequence[int]:
    """The shape of the filters, which says the rank where the op's name does not."""
    name, value = _either(given, "filters", "filter")
    shape = None if value is None else shape_of(name, value)
    ranks = [int(op[op.index("d") - 1])] if op[4:5] in "123" and op[4:5] else [1, 2, 3]
    ranks = [2] if op == "depthwise_conv2d" else ranks
    if shape is None or len(shape) - 2 not in ranks:
        last = (1, 3) if not op.endswith("_transpose") else (3, 1)
        count = " or ".join(str(rank + 2) for rank in ranks)
        found = "none" if value is None else getattr(value, "text", value)
        raise LayerError(f"{name}: found {found}, accepted their shape of {count} numbers, such as "
                         f"{(*(3,) * ranks[-1], *last)}: the kernel's size stands nowhere else in {form}")  # fmt: skip
    return shape


def _first(value: Any, op: str, rank: int) -> bool:
    """Whether channels come before the extents."""
    accepted = [*FORMATS[rank], *(FORMATS[2] if rank == 1 and not op.endswith("_transpose") else ())]
    if value is None:
        return False
    if value not in accepted:
        raise LayerError(f"data_format: found {value!r}, accepted {' or '.join(map(repr, accepted))}")
    return bool(value.startswith("NC"))


def _along(name: str, value: Any, rank: int, first: bool, whole: bool) -> Sizes:
    """One number a spatial axis, of a number, of one an axis, or of one for every axis of the input, 1 for the others;
    `whole`: of the last alone."""
    if value is None:
        return (1,) * rank
    if isinstance(value, (tuple, list)) and len(value) == rank + 2:
        outer = (value[0], value[1 if first else -1])
        if any(type(one) is not int or one != 1 for one in outer):
            raise LayerError(f"{name}: found {outer} for items and channels, accepted 1 for both")
        return sizes(name, value[2:] if first else value[1:-1], rank)
    if whole:
        raise LayerError(f"{name}: found {value!r}, accepted a number for each of the input's {rank + 2} axes, 1 for "
                         f"items and channels")  # fmt: skip
    return sizes(name, value, rank)


def _extents(shape: Sequence[Any], first: bool) -> Any:
    return tuple(shape[2:] if first else shape[1:-1])


def _padding(op: str, value: Any, rank: int, first: bool, dilated: bool) -> Any:
    if isinstance(value, str):
        if value not in ("SAME", "VALID"):
            raise LayerError(f"padding: found {value!r}, accepted 'SAME' or 'VALID', in capitals")
        return value.lower()
    if rank != 2 or (op == "convolution" and not dilated):
        raise LayerError(f"padding: found {value!r}, accepted 'SAME' or 'VALID': a list is for tf.nn.conv2d and "
                         "conv2d_transpose alone")  # fmt: skip
    pairs = isinstance(value, (list, tuple)) and len(value) == rank + 2 and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and all(type(n) is int and n >= 0 for n in pair)
        for pair in value
    )  # fmt: skip
    if not pairs or any((*value[0], *value[1 if first else -1])):
        raise LayerError(f"padding: found {value!r}, accepted 'SAME', 'VALID' or a pair for each of the {rank + 2} "
                         "axes of the input, (0, 0) for items and channels")  # fmt: skip
    return tuple(tuple(pair) for pair in _extents(value, first))


def _to_filters(shape: Sequence[int], channels: int | None, depthwise: bool, notes: list[str]) -> dict[str, Any]:
    """Channels and groups of a forward op."""
    one, other = shape[-2:]
    if depthwise:
        return {"channels_in": one, "channels_out": one * other, "groups": number("filter: input channels", one)}
    number("filters: input channels", one)
    if channels is None:
        notes.append("the filters alone are written, whose input features are those of one group; one group is assumed")
        channels = one
    if channels % one:
        raise LayerError(f"input: found {channels} channels, accepted a multiple of the filters' {one}")
    return {"channels_in": channels, "channels_out": other, "groups": channels // one}


def _to_output(value: Any, shape: Sequence[int], rank: int, first: bool, said: Mapping[str, Any]) -> dict[str, Any]:
    """What `output_shape` says: the output's extents, and so the input's; items, channels and groups."""
    if not isinstance(value, (tuple, list)) or len(value) != rank + 2:
        raise LayerError(f"output_shape: found {getattr(value, 'text', value)}, accepted {rank + 2} numbers, the shape "
                         f"of the output with items and channels, such as {_example(rank, first)}")  # fmt: skip
    wanted = sizes("output_shape: extents", _extents(value, first), rank)
    batch, channels = value[0], value[1 if first else -1]
    found: dict[str, Any] = {"output_size": wanted, "channels_in": shape[-1], "channels_out": shape[-2]}
    if not isinstance(channels, Name):
        number("output_shape: channels", channels)
        if channels % number("filters: output channels", shape[-2]):
            raise LayerError(
                f"output_shape: found {channels} channels, accepted a multiple of the filters' {shape[-2]}"
            )
        found |= {"channels_out": channels, "groups": channels // shape[-2]}
    if type(batch) is int and batch >= 0:
        if said.get("batch", batch) != batch:
            raise LayerError(f"output_shape: found {batch} items, and the input has {said['batch']}")
        found["batch"] = batch
    kept = {key: said[key] for key in ("kernel", "stride", "dilation", "padding")}
    origin = Settings(op="conv", input=wanted, **kept).output
    if min(origin) == 0:
        raise LayerError(f"output_shape: found the extents {wanted}, which the kernel does not fit into")
    if said.get("input", origin) != origin:
        raise LayerError(f"output_shape: found the extents {wanted}, which a forward convolution with these arguments "
                         f"maps to {origin}; the input has {said['input']}")  # fmt: skip
    try:
        Settings(input=origin, output_size=wanted, **kept)
    except SettingsError as error:
        raise LayerError(f"output_shape: found the extents {wanted}: {error}") from None
    return found | {"input": origin}


def _example(rank: int, first: bool) -> list[int]:
    return [1, 3, *(8,) * rank] if first else [1, *(8,) * rank, 3]
