"""How PyTorch's users write a convolution: `torch.nn` layers and `torch.nn.functional`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convt.conv.settings import Settings
from convt.translation.dialect import Dialect, Spoken, Unsayable
from convt.translation.kernels import KernelLayout, own_layout
from convt.translation.layer import Layer, LayerError
from convt.translation.parsing import shape_of
from convt.translation.said import Plan, Said
from convt.translation.signatures import REQUIRED, Signature, number, sizes, truth, word

from . import calls

IGNORED = frozenset({"device", "dtype", "padding_mode"})
_DECLARED = {"in_channels": REQUIRED, "out_channels": REQUIRED, "kernel_size": REQUIRED, "stride": 1, "padding": 0}
_MADE = {"padding_mode": "zeros", "device": None, "dtype": None}
TRANSPOSED = Signature(
    {**_DECLARED, "output_padding": 0, "groups": 1, "bias": True, "dilation": 1, **_MADE}, ignored=IGNORED
)
FORWARD = Signature({**_DECLARED, "dilation": 1, "groups": 1, "bias": True, **_MADE}, ignored=IGNORED,
                    unquoted=frozenset({"same", "valid"}))  # fmt: skip
_ARRAYS = {"input": REQUIRED, "weight": REQUIRED, "bias": None, "stride": 1, "padding": 0}
F_TRANSPOSED = Signature({**_ARRAYS, "output_padding": 0, "groups": 1, "dilation": 1}, ignored=frozenset({"bias"}))
F_FORWARD = Signature({**_ARRAYS, "dilation": 1, "groups": 1}, ignored=frozenset({"bias"}))
NN, FUNCTIONAL = "torch.nn", "torch.nn.functional"
LOAD = "layer.load_state_dict({name: torch.as_tensor(array) for name, array in state.items()})"
"""Of tensors, or of numpy's arrays, which `load_state_dict` itself refuses."""
IMPORTS = ("import torch", "import torch.nn.functional as F")


class Torch(Dialect):
    name = "torch"
    title = "PyTorch"
    kinds = (NN, FUNCTIONAL)
    forms = (
        {f"torch.nn.ConvTranspose{rank}d": TRANSPOSED for rank in (1, 2, 3)}
        | {f"torch.nn.Conv{rank}d": FORWARD for rank in (1, 2, 3)}
        | {f"torch.nn.functional.conv_transpose{rank}d": F_TRANSPOSED for rank in (1, 2, 3)}
        | {f"torch.nn.functional.conv{rank}d": F_FORWARD for rank in (1, 2, 3)}
    )
    aliases = {"F": FUNCTIONAL, "nn.functional": FUNCTIONAL, "nn": NN} | {
        f"torch.conv_transpose{rank}d": f"{FUNCTIONAL}.conv_transpose{rank}d" for rank in (1, 2, 3)
    }
    also = ("pytorch",)

    def pad(self, array: str, pairs: Sequence[tuple[int, int]]) -> str:
        backwards = [number for pair in reversed(pairs) for number in pair]  # (before, after) of the last axis first
        return f"F.pad({array}, {backwards})"

    def join(self, parts: str, axis: int) -> str:
        return f"torch.cat({parts}, dim={axis})"

    def program(self, it: Settings, plan: Plan, said: Said) -> str:
        return super().program(it, plan, said).replace("y = y + bias[", "y = y + torch.as_tensor(bias)[")

    def read(self, form: str, given: Mapping[str, Any]) -> Spoken:
        transposed, rank = "ranspose" in form, int(form[-2])
        said: dict[str, Any] = {"op": "conv_transpose" if transposed else "conv"}
        if form.startswith(FUNCTIONAL):
            said |= _by_arrays(given, rank, transposed)
        else:
            said |= {
                "channels_in": number("in_channels", given["in_channels"]),
                "channels_out": number("out_channels", given["out_channels"]),
                "kernel": sizes("kernel_size", given["kernel_size"], rank),
                "groups": number("groups", given["groups"]),
                "bias": truth("bias", given["bias"]),
            }
            if given["padding_mode"] != "zeros":
                mode = getattr(given["padding_mode"], "text", given["padding_mode"])
                raise LayerError(f"padding_mode: found {mode!r}, accepted 'zeros': convt compares "
                                 "convolutions over zeros")  # fmt: skip
        said |= {
            "stride": sizes("stride", given["stride"], rank),
            "dilation": sizes("dilation", given["dilation"], rank),
        }
        said["padding"] = _padding(given["padding"], rank, transposed)
        notes: tuple[str, ...] = ()
        if transposed:
            more = sizes("output_padding", given["output_padding"], rank, floor=0)
            said["output_padding"] = more if any(more) else None
        layer = Layer(**said)
        return Spoken(layer, form, _layout(layer.op, rank), channels_last=False, notes=notes)

    def say(self, it: Settings, kind: str) -> Said:
        form = calls.FUNCTIONAL if kind == FUNCTIONAL else calls.LAYER
        if it.output_size or (not it.transposed and it.padding == "same" and max(it.stride) > 1):
            it = it.explicit()  # by output_padding for any input; by the padding of this input, for want of a word
        reason = (calls.unsupported_transposed if it.transposed else calls.unsupported_forward)(it, form)
        if reason:
            raise Unsayable(reason)
        name, arguments, _, _ = calls.say(it, form)
        given = {key: _plain(value) for key, value in arguments.items()}
        if kind == FUNCTIONAL:
            words = ", ".join(f"{key}={value!r}" for key, value in given.items())
            call = f"F.{name}(x, kernel{', bias' if it.bias else ''}{', ' + words if words else ''})"
            arrays = ("kernel", "bias") if it.bias else ("kernel",)
            load = (f"{', '.join(arrays)} = {', '.join(f'torch.as_tensor({array})' for array in arrays)}",)
            return Said(f"{FUNCTIONAL}.{name}", call, own_layout(it), False, IMPORTS, "arrays", load=load)
        first = ", ".join(repr(given.pop(key)) for key in ("in_channels", "out_channels", "kernel_size"))
        words = ", ".join([first, *(f"{key}={value!r}" for key, value in given.items())])
        return Said(f"{NN}.{name}", f"{NN}.{name}({words})", own_layout(it), False, IMPORTS, "dict",
                    ("weight", "bias"), (LOAD,))  # fmt: skip


def _layout(op: str, rank: int) -> KernelLayout:
    return own_layout(Settings(op=op, input=(1,) * rank, kernel=(1,) * rank))  # type: ignore[arg-type]


def _by_arrays(given: Mapping[str, Any], rank: int, transposed: bool) -> dict[str, Any]:
    """What the shapes of a function's arrays say."""
    x, w = shape_of("input", given["input"]), shape_of("weight", given["weight"])
    groups = number("groups", given["groups"])
    if w is None or len(w) != rank + 2:
        found = given["weight"]
        raise LayerError(f"weight: found {getattr(found, 'text', found)}, accepted its shape of {rank + 2} numbers, "
                         f"such as {(1, 3, *(3,) * rank)}: the kernel's size stands nowhere else")  # fmt: skip
    first, second, *kernel = w
    said: dict[str, Any] = {"kernel": tuple(kernel), "groups": groups, "bias": given["bias"] is not None}
    said["channels_in"], said["channels_out"] = (first, second * groups) if transposed else (second * groups, first)
    if x is not None:
        if len(x) != rank + 2:
            raise LayerError(f"input: found {len(x)} axes, accepted {rank + 2}: items, channels and {rank} extents")
        if x[1] != said["channels_in"]:
            raise LayerError(f"input: found {x[1]} channels, and the weight takes {said['channels_in']}")
        said |= {"batch": x[0], "input": tuple(x[2:])}
    return said


def _padding(value: Any, rank: int, transposed: bool) -> Any:
    if isinstance(value, str):
        if transposed:
            raise LayerError(f"padding: found {value!r}; a transposed layer of PyTorch takes numbers alone, for it has "
                             "no 'same'")  # fmt: skip
        return word("padding", value, ("same", "valid"))
    return tuple((p, p) for p in sizes("padding", value, rank, floor=0))


def _plain(value: Any) -> Any:
    """One number where all axes have the same."""
    same = isinstance(value, tuple) and len(set(value)) == 1
    return value[0] if same else value
