"""From a framework's own call to `Settings`: what PyTorch, XLA, TensorFlow and LiteRT say of one convolution.

The sizes are all known here; what no case can say is a NotACase with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convt.capture.seen import NotACase
from convt.conv.settings import (
    Settings,
    SettingsError,
    effective_kernel,
    forward_same_padding,
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
