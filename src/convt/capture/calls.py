"""From a framework's own call to `Settings`: what PyTorch, XLA, TensorFlow and LiteRT say of one convolution.

The sizes are all known here; what no case can say is a NotACase with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convt.capture.seen import NotACase
from convt.conv.settings import (
    Settings,
    SettingsError,
    effective_kernel,
    forward_same_padding,
    same_crop,
    transposed_size,
)

Ints = Sequence[int]
Pairs = Sequence[Sequence[int]]


def settings(**given: Any) -> Settings:
    """`Settings`, where they mean something; NotACase with the reason where they do not."""
    rank = len(given["input"])
    if not 1 <= rank <= 3:
        raise NotACase(f"{rank} spatial axes; 1, 2 or 3 are accepted")
    try:
        return Settings(**{name: _tuples(value) for name, value in given.items()})
    except SettingsError as error:
        raise NotACase(str(error)) from None


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value


def torch_call(
    x: Ints, w: Ints, bias: bool, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    output_padding: Ints, groups: int,
) -> Settings:  # fmt: skip
    """`aten.convolution` of an input (batch, channels, ...) with a kernel of PyTorch's own order, which is ours."""
    rank = len(x) - 2

    def axes(values: Ints) -> Ints:
        return list(values) * rank if len(values) == 1 else values

    given = {
        "op": "conv_transpose" if transposed else "conv", "batch": x[0], "input": x[2:], "kernel": w[2:],
        "channels_in": x[1], "channels_out": w[1] * groups if transposed else w[0], "groups": groups, "bias": bias,
        "stride": axes(stride), "dilation": axes(dilation), "padding": [(p, p) for p in axes(padding)],
    }  # fmt: skip
    if transposed and any(output_padding):
        given["output_padding"] = axes(output_padding)
    return settings(**given)


def xla_call(
    x: Ints, w: Ints, strides: Ints, padding: Pairs, lhs_dilation: Ints, rhs_dilation: Ints, feature_group_count: int,
    batch_group_count: int = 1,
) -> Settings:  # fmt: skip
    """`lax.conv_general_dilated` of an input (batch, channels, ...) with a kernel (out, in/groups, ...).

    Zeros between the input's numbers, stride 1 and `padding=(p, q)` are a transposed convolution that crops e - 1 - p
    at the beginning and e - 1 - q at the end; a padding q of more than e - 1 is output padding.
    """
    if batch_group_count != 1:
        raise NotACase(f"batch_group_count = {batch_group_count}, which no layer computes: it is a kernel's gradient")
    given: dict[str, Any] = {
        "batch": x[0], "input": x[2:], "kernel": w[2:], "channels_in": x[1], "channels_out": w[0],
        "groups": feature_group_count, "dilation": rhs_dilation,
    }  # fmt: skip
    if all(d == 1 for d in lhs_dilation):
        if min((min(pair) for pair in padding), default=0) < 0:
            raise NotACase(f"negative padding {_shown(padding)} of a forward convolution, which is a crop of its input")
        return settings(op="conv", stride=strides, padding=padding, **given)
    if any(s != 1 for s in strides):
        raise NotACase(
            f"lhs_dilation = {_shown(lhs_dilation)} with window_strides = {_shown(strides)}: neither a forward "
            "convolution nor a transposed one"
        )
    axes = [(effective_kernel(k, d) - 1, p, q) for k, d, (p, q) in zip(w[2:], rhs_dilation, padding, strict=True)]
    if any(p > reach for reach, p, _ in axes):
        raise NotACase(
            f"lhs_dilation = {_shown(lhs_dilation)} with a padding of {_shown(padding)}, more at the beginning than "
            "the kernel reaches: no transposed convolution"
        )
    given |= {"stride": lhs_dilation, "padding": [(reach - p, max(reach - q, 0)) for reach, p, q in axes]}
    extra = [max(q - reach, 0) for reach, _, q in axes]
    return settings(op="conv_transpose", **given, **({"output_padding": extra} if any(extra) else {}))


def _shown(value: Any) -> str:
    """Numbers, and pairs of them, with parentheses."""
    return f"({', '.join(_shown(item) for item in value)})" if isinstance(value, (list, tuple)) else str(value)


def windowed(
    op: str, batch: int, x: Ints, kernel: Ints, channels: tuple[int, int], groups: int, stride: Ints, dilation: Ints,
    padding: str | Pairs, output: Ints | None = None, bias: bool = False,
) -> Settings:  # fmt: skip
    """A convolution of TensorFlow or LiteRT: `padding` is SAME, VALID or pairs of the forward convolution's padding.

    Of a transposed one, which is the gradient of a forward convolution there, `output` is the size that the call names:
    it has the crop that the forward convolution of that size would pad.
    """
    given: dict[str, Any] = {
        "op": op, "batch": batch, "input": x, "kernel": kernel, "channels_in": channels[0], "channels_out": channels[1],
        "groups": groups, "stride": stride, "dilation": dilation, "bias": bias,
    }  # fmt: skip
    word = padding.lower() if isinstance(padding, str) else padding
    if isinstance(word, str) and word not in ("same", "valid"):
        raise NotACase(f"padding {padding!r}, accepted SAME, VALID or numbers")
    if op == "conv":
        return settings(padding=word, **given)
    if output is None:
        raise NotACase("the size of its output is unknown")
    plain = None
    if isinstance(word, str):
        plain = settings(padding=word, **given)
        if plain.output == tuple(output):
            return plain
    elif all(o == size for o, size in zip(output, _full(x, kernel, stride, dilation, word), strict=True)):
        return settings(padding=word, **given)
    if word == "same":
        pairs = [forward_same_padding(o, k, s, d) for o, k, s, d in zip(output, kernel, stride, dilation, strict=True)]
        if any(o > n * s for o, n, s in zip(output, x, stride, strict=True)) or plain is None:
            return settings(padding=pairs, output_size=output, **given)
    return settings(padding=word, output_size=output, **given)


def _full(x: Ints, kernel: Ints, stride: Ints, dilation: Ints, pairs: Pairs) -> list[int]:
    axes = zip(x, kernel, stride, dilation, pairs, strict=True)
    return [transposed_size(n, k, s, d, lo, hi) for n, k, s, d, (lo, hi) in axes]


def onnx_call(op: str, attributes: Mapping[str, Any], x: Ints, w: Ints, bias: bool) -> Settings:
    """ONNX's Conv or ConvTranspose, of an input (batch, channels, ...) with a kernel in ONNX's order, which is ours.

    Of a transposed one, SAME_UPPER cuts the smaller half first. Where `output_shape` is given without it, and for
    SAME_LOWER, the larger half goes first. Source: onnx/onnx, docs/Operators.md, Conv and ConvTranspose.
    """
    rank, kernel = len(x) - 2, list(w[2:])
    if list(attributes.get("kernel_shape") or kernel) != kernel:
        raise NotACase(f"kernel_shape = {attributes['kernel_shape']}, and its kernel has the extents {kernel}")
    stride = list(attributes.get("strides") or [1] * rank)
    dilation = list(attributes.get("dilations") or [1] * rank)
    if not len(stride) == len(dilation) == rank == len(kernel):
        raise NotACase(f"{len(stride)} strides and {len(dilation)} dilations for {rank} spatial axes")
    auto, groups = attributes.get("auto_pad") or "NOTSET", attributes.get("group", 1)
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise NotACase(f"auto_pad = {auto!r}, which is no word of ONNX")
    pads = list(attributes.get("pads") or [0] * 2 * rank) if auto == "NOTSET" else [0] * 2 * rank
    if len(pads) != 2 * rank:
        raise NotACase(f"{len(pads)} pads for {rank} spatial axes")
    given: dict[str, Any] = {
        "op": "conv" if op == "Conv" else "conv_transpose", "batch": x[0], "input": x[2:], "kernel": kernel,
        "stride": stride, "dilation": dilation, "groups": groups, "bias": bias, "channels_in": x[1],
        "channels_out": w[0] if op == "Conv" else w[1] * groups,
        "padding": list(zip(pads[:rank], pads[rank:], strict=True)),
    }  # fmt: skip
    if op == "Conv":
        if auto == "SAME_UPPER":
            given["padding"] = "same"
        elif auto == "SAME_LOWER":
            axes = zip(x[2:], kernel, stride, dilation, strict=True)
            given["padding"] = [forward_same_padding(n, k, s, d)[::-1] for n, k, s, d in axes]
        return settings(**given)
    more = list(attributes.get("output_padding") or [0] * rank)
    wanted = list(attributes.get("output_shape") or [])[-rank:]  # old exporters wrote batch and channels too
    if not wanted and not auto.startswith("SAME"):
        return settings(**given, **({"output_padding": more} if any(more) else {}))
    wanted = wanted or [n * s for n, s in zip(x[2:], stride, strict=True)]
    pairs, extra = [], []
    for n, k, s, d, out in zip(x[2:], kernel, stride, dilation, wanted, strict=True):
        lo, hi, a = same_crop(n, k, s, d, out)
        pairs.append((lo, hi) if auto == "SAME_UPPER" else (hi, lo))
        extra.append(a)
    return settings(**(given | {"padding": pairs}), **({"output_padding": extra} if any(extra) else {}))


def keras_call(
    op: str, x: Ints, kernel: Ints, channels: tuple[int, int], groups: int, bias: bool, strides: Ints | int = 1,
    padding: str = "valid", dilation_rate: Ints | int = 1, output_padding: Ints | int | None = None,
) -> Settings:  # fmt: skip
    """Keras's convolution of an input (batch, channels, ...). `op` is ours; `padding` is same, valid or causal.

    `valid` with an output padding is the whole result and so much more; `same` with one has the extent
    (n - 1) s + e mod 2 + output padding, cropped as a `same` of that extent is. Source: keras/src/backend/common/
    backend_utils.py, _get_output_shape_given_tf_padding.
    """
    rank = len(x) - 2

    def axes(value: Ints | int) -> list[int]:
        return [value] * rank if isinstance(value, int) else list(value)

    stride, dilation, word = axes(strides), axes(dilation_rate), str(padding).lower()
    given: dict[str, Any] = {
        "op": op, "batch": x[0], "input": x[2:], "kernel": kernel, "channels_in": channels[0], "bias": bias,
        "channels_out": channels[1], "groups": groups, "stride": stride, "dilation": dilation,
    }  # fmt: skip
    effective = [effective_kernel(k, d) for k, d in zip(kernel, dilation, strict=True)]
    if word == "causal":
        return settings(padding=[(e - 1, 0) for e in effective], **given)
    if word not in ("same", "valid"):
        raise NotACase(f"padding {padding!r}, accepted 'same', 'valid' or 'causal'")
    if op == "conv" or output_padding is None:
        return settings(padding=word, **given)
    more = axes(output_padding)
    if word == "valid":
        return settings(**given, **({"output_padding": more} if any(more) else {}))
    sizes = [(n - 1) * s + e % 2 + a for n, s, e, a in zip(x[2:], stride, effective, more, strict=True)]
    if all((n - 1) * s < size <= n * s for n, s, size in zip(x[2:], stride, sizes, strict=True)):
        usual = all(size == n * s for n, s, size in zip(x[2:], stride, sizes, strict=True))
        return settings(padding="same", **given, **({} if usual else {"output_size": sizes}))
    crops = [same_crop(*axis) for axis in zip(x[2:], kernel, stride, dilation, sizes, strict=True)]
    return settings(padding=[(lo, hi) for lo, hi, _ in crops], output_size=sizes, **given)
