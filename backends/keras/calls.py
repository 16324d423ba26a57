"""What the Keras adapter calls: the layer or op, its arguments, and what Keras or the framework underneath refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from convt.adapter.axes import ALONG_X, tuples
from convt.adapter.backend import ABSTRACT, GRADIENTS, MIXED, RESIZES, Probe, Unsupported, Want
from convt.adapter.heap import copied
from convt.adapter.layouts import Laid, Sent
from convt.conv.settings import Settings

from ..onednn import given_by_tensorflow
from .padding import nearest, padding

LAST, FIRST, OPS, DEPTHWISE = range(4)


class Call(NamedTuple):
    """One call of Keras as it is executed and printed; arguments that are the default are left out."""

    module: str
    """keras.layers or keras.ops"""
    name: str
    options: dict[str, Any]

    @property
    def given(self) -> tuple[str, ...]:
        """The arrays that it takes beside its arguments."""
        return ("x", "w") if self.module == "ops" else ()

    @property
    def kernel_initializer(self) -> str:
        """The argument that says how the kernel starts."""
        return "depthwise_initializer" if self.name.startswith("Depthwise") else "kernel_initializer"


@lru_cache(maxsize=8192)
def call_for(it: Settings, call_form: int) -> Call:
    """What to call, with which arguments; where Keras has no such argument, the one that says it elsewhere."""
    options: dict[str, Any] = {"strides": it.stride}
    options["padding"], output_padding = padding(it) or nearest(it)
    if output_padding is not None:
        options["output_padding"] = output_padding
    if call_form == FIRST:
        options["data_format"] = "channels_first"
    if set(it.dilation) != {1}:
        options["dilation_rate"] = it.dilation
    if it.groups > 1 and call_form != DEPTHWISE and (it.transposed or call_form != OPS):
        options["groups"] = it.groups
    if call_form == OPS:
        return Call("ops", "conv_transpose" if it.transposed else "conv", options)
    name = f"Conv{it.rank}D{'Transpose' if it.transposed else ''}"
    filters = {"filters": it.channels_out}
    if call_form == DEPTHWISE:
        name, filters = f"Depthwise{name}", {"depth_multiplier": it.channels_out // it.groups}
    bias = {} if it.bias else {"use_bias": False}
    return Call("layers", name, {**filters, "kernel_size": it.kernel, **options, **bias})


def invalid_call_for(it: Settings, call_form: int, invalid: Mapping[str, Any]) -> Call:
    """The call with the raw values of `invalid` in place of the settings'; Unsupported where it has no argument."""
    call = call_for(it, call_form)
    if call_form == DEPTHWISE:
        raise Unsupported("the kernel of a depthwise layer is folded by settings that mean something")
    names = {"stride": "strides", "dilation": "dilation_rate", "padding": "padding", "data_format": "data_format"}
    if it.transposed:
        names["output_padding"] = "output_padding"
    if call.module == "layers":
        names |= {"kernel_size": "kernel_size", "channels_out": "filters"}
        if not it.transposed:
            names["groups"] = "groups"
    absent = sorted(set(invalid) - set(names))
    if absent:
        raise Unsupported(f"keras.{call.module}.{call.name} has no argument for {' and '.join(absent)}")
    return call._replace(options=call.options | {names[key]: tuples(value) for key, value in invalid.items()})


def refusal(it: Settings, want: Want, call_form: int, engine: str) -> str | None:
    """Why Keras on this engine cannot say these settings, or None where it can."""
    call = call_for(it, call_form)
    if want in RESIZES:
        return None
    if want == "unbatched":
        return f"keras.{call.module}.{call.name} takes inputs with a batch axis"
    if want in MIXED and call.module == "ops":
        return "keras.ops take no dtype policy"
    if call_form == DEPTHWISE and (it.transposed or it.rank == 3):
        return f"keras.layers has no {call.name}"
    if call_form == DEPTHWISE and it.groups != it.channels_in:
        return f"keras.layers.{call.name} takes one group a channel, not {it.groups} for {it.channels_in}"
    if it.transposed and it.groups > 1:
        return f"keras.{call.module}.{call.name} has no groups"
    if not _takes_both(it, call_form, engine) and max(it.stride) > 1 and max(it.dilation) > 1:
        return "strides > 1 are not supported in conjunction with dilation_rate > 1"
    said = padding(it)
    if said is None:
        return f"neither 'same' nor 'valid' is the padding {it.crop} with the output {it.output}"
    refused = _refused_when_empty(it, said[0], call_form, engine)
    if refused:
        return refused
    limited = call_form != OPS or engine == "tensorflow"
    if limited and said[1] and any(more >= s for more, s in zip(said[1], it.stride, strict=True)):
        return f"output_padding is less than the stride: {said[1]} against {it.stride}"
    return None


def _takes_both(it: Settings, call_form: int, engine: str) -> bool:
    """Whether strides and dilations go together: Conv layers refuse that, and so does `tf.nn.convolution`."""
    return call_form == DEPTHWISE or (call_form == OPS and (it.transposed or engine != "tensorflow"))


def _refused_when_empty(it: Settings, word: str, call_form: int, engine: str) -> str | None:
    """What is said of an input or output without positions; None where the call takes it."""
    if it.transposed:
        refuses = engine == "torch" and 0 in it.input and it.batch > 0
        return "Only zero batch or zero channel inputs are supported" if refuses else None
    if 0 not in it.output:
        return None
    if call_form != OPS and word == "valid":
        return "Computed output size would be zero or negative"
    if engine == "torch":
        return "Kernel size can't be greater than actual input size"
    if call_form == OPS and 0 not in it.input and (engine == "tensorflow" or it.batch > 0):
        return "The convolution operation resulted in an empty output"
    return None


def refused_dtype(dtype: str, it: Settings, want: Want, engine: str) -> str | None:
    """Why a layer does not take arrays of a dtype; what JAX does not keep is not said here."""
    if dtype == "int8":
        return "Keras takes the dtype int8 for a quantization policy"
    if want in ABSTRACT:
        return None
    if want in GRADIENTS and "int" in dtype:
        return f"gradients are of real or complex arrays, not of {dtype}"
    if engine == "torch" and "int" in dtype:
        return "only tensors of floating point and complex dtype can require gradients, as the layer's variables do"
    if engine != "tensorflow":
        return None
    return _refused_by_tensorflow(want.removeprefix("mixed-") if want in MIXED else dtype, it)


def _refused_by_tensorflow(dtype: str, it: Settings) -> str | None:
    """The words of TensorFlow's own kernels for the CPU, which compute what oneDNN does not take."""
    if dtype in ("complex64", "complex128", "int64", "uint8") or (dtype == "int32" and it.rank == 3):
        return f"the ops of TensorFlow's convolutions have no {dtype}"
    if it.transposed and max(it.dilation) > 1 and dtype not in given_by_tensorflow():
        does = "implementation does" if it.rank == 3 else "implementations do"
        return f"Current CPU {does} not yet support dilation rates larger than 1"
    return None


def folded(it: Settings) -> tuple[int, ...]:
    """The shape of a depthwise kernel's stored array once its channels are (in, multiplier)."""
    return (it.groups, -1, *it.kernel)


def input_shape(it: Settings, call_form: int) -> tuple[int, ...]:
    """The shape of x in the order of the call."""
    return it.x_shape if call_form == FIRST else (it.batch, *it.input, it.channels_in)


def sent(probe: Probe, names: Sequence[str]) -> Sent:
    """The probe's arrays of these names in the stored order of axes, in the memory of a user of Keras: what the call is
    given lies in C order, or as the probe wants x and w to lie, in the order of the call.

    KeyError where the probe lacks one.
    """
    there = {name: array for name, array in zip("xwbgt", probe.arrays, strict=True) if array is not None}
    layouts = dict(zip("xwg", probe.layout, strict=False))
    laid: dict[str, Laid] = {}
    arrays = []
    for name in names:
        array = there[name]
        stored, wanted = _order(probe, name, array.ndim)
        array = np.moveaxis(array, stored, wanted)
        if layouts.get(name):
            laid[name] = Laid(array, layouts[name])
            array = laid[name].view
        else:
            array = copied(array)
        arrays.append(np.moveaxis(array, wanted, stored))
    return Sent(tuple(arrays), tuple(laid.items()))


def _order(probe: Probe, name: str, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(axes of a stored array, where the call has them); none where they stay, or are folded."""
    if rank != probe.settings.rank + 2:
        return (), ()
    if name in "xg" or (name == "t" and probe.want in ALONG_X):
        return ((), ()) if probe.call_form == FIRST else ((1,), (-1,))
    return ((), ()) if probe.call_form == DEPTHWISE else ((0, 1), (-1, -2))
