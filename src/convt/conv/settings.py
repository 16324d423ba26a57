"""`Settings`: one transposed or forward convolution with everything but its numbers, and the arithmetic of its sizes.

Per spatial axis: input `n`, kernel `k`, stride `s`, dilation `d`, crop `lo, hi` (what frameworks call padding) and
extra `a` (output padding). Effective kernel `e = d(k-1)+1`. For the transposed convolution

    out  = (n-1)s + e - lo - hi + a
    y[o] = sum over i, j with  i*s + j*d - lo = o  of  x[i] w[j]        0 <= o < out

and for the forward one `out = floor((n + lo + hi - e)/s) + 1`, `y[o] = sum over j of x[o*s + j*d - lo] w[j]`.
Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from functools import cached_property
from math import prod
from typing import Any, Literal

Op = Literal["conv_transpose", "conv"]
Sizes = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]
Padding = Literal["same", "valid"] | Pairs


class SettingsError(ValueError):
    """Settings that mean nothing. `field` is the one to change; the message says what was found and is accepted."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


def effective_kernel(k: int, d: int) -> int:
    """The extent that `k` taps cover when they stand `d` apart."""
    return d * (k - 1) + 1


def transposed_size(n: int, k: int, s: int, d: int = 1, lo: int = 0, hi: int = 0, a: int = 0) -> int:
    """The output extent of a transposed convolution along one axis."""
    return (n - 1) * s + effective_kernel(k, d) - lo - hi + a


def forward_size(n: int, k: int, s: int, d: int = 1, lo: int = 0, hi: int = 0) -> int:
    """The output extent of a forward convolution along one axis; 0 where the kernel does not fit once."""
    return max((n + lo + hi - effective_kernel(k, d)) // s + 1, 0)


def same_crop(n: int, k: int, s: int, d: int = 1, out: int | None = None) -> tuple[int, int, int]:
    """`(lo, hi, a)` that `same` means for a transposed convolution, the smaller half of the crop first.

    Without `out` the output is `n * s`; with it, what is missing or too much against `out` decides.
    """
    e = effective_kernel(k, d)
    if out is None:
        total, a = max(e - s, 0), max(s - e, 0)
    else:
        full = (n - 1) * s + e
        total, a = max(full - out, 0), max(out - full, 0)
    return total // 2, total - total // 2, a


def forward_same_padding(n: int, k: int, s: int, d: int = 1) -> tuple[int, int]:
    """`(lo, hi)` of a forward `same` convolution: output `ceil(n/s)`, the smaller half first (TensorFlow's rule)."""
    total = max((-(-n // s) - 1) * s + effective_kernel(k, d) - n, 0)
    return total // 2, total - total // 2


def preimage_sizes(n: int, k: int, s: int, d: int = 1, lo: int = 0, hi: int = 0) -> range:
    """The `s` sizes that a forward convolution maps to `n`; the transposed one's output padding picks among them."""
    first = transposed_size(n, k, s, d, lo, hi)
    return range(first, first + s)


def padding_for(n: int, k: int, s: int, out: int, d: int = 1) -> tuple[int, int]:
    """`(p, a)`: the symmetric padding nearest to a wanted size from below, and the output padding then missing."""
    p = max(-((out - (n - 1) * s - effective_kernel(k, d)) // 2), 0)
    return p, out - transposed_size(n, k, s, d, p, p)


@dataclass(frozen=True)
class Settings:
    """One convolution with everything but its numbers; immutable, hashable, comparable.

    `padding` is a keyword or one `(lo, hi)` pair an axis. `output_padding` goes with explicit pairs or `valid`;
    `output_size` (the wanted spatial extents, transposed only) goes with any padding and excludes `output_padding`.
    """

    input: Sizes
    kernel: Sizes
    stride: Sizes = ()
    dilation: Sizes = ()
    padding: Padding = ()
    output_padding: Sizes | None = None
    output_size: Sizes | None = None
    batch: int = 1
    channels_in: int = 1
    channels_out: int = 1
    groups: int = 1
    bias: bool = False
    op: Op = "conv_transpose"

    def __post_init__(self) -> None:
        ones = (1,) * self.rank
        for field, default in (("stride", ones), ("dilation", ones), ("padding", ((0, 0),) * self.rank)):
            if getattr(self, field) == ():
                object.__setattr__(self, field, default)
        _check(self)

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.input)

    @property
    def transposed(self) -> bool:
        return self.op == "conv_transpose"

    @cached_property
    def effective(self) -> Sizes:
        """The effective kernel, an extent an axis."""
        return tuple(effective_kernel(k, d) for k, d in zip(self.kernel, self.dilation, strict=True))

    @cached_property
    def _resolved(self) -> tuple[Pairs, Sizes]:
        crops, extras = zip(*(_resolve_axis(self, axis) for axis in range(self.rank)), strict=True)
        return crops, extras

    @property
    def crop(self) -> Pairs:
        """What is cut off the full result at (begin, end) of each axis; forward: the zeros added there."""
        return self._resolved[0]

    @property
    def extra(self) -> Sizes:
        """Output padding: positions added at the end of each axis; zeros for a forward convolution."""
        return self._resolved[1]

    @cached_property
    def output(self) -> Sizes:
        """The spatial extents of the output."""
        axes = zip(self.input, self.kernel, self.stride, self.dilation, self.crop, self.extra, strict=True)
        if self.transposed:
            return tuple(transposed_size(n, k, s, d, lo, hi, a) for n, k, s, d, (lo, hi), a in axes)
        return tuple(forward_size(n, k, s, d, lo, hi) for n, k, s, d, (lo, hi), _ in axes)

    @property
    def x_shape(self) -> Sizes:
        """(batch, channels_in, *input)."""
        return (self.batch, self.channels_in, *self.input)

    @property
    def w_shape(self) -> Sizes:
        """(channels_in, channels_out/groups, *kernel), or (channels_out, channels_in/groups, *kernel) when forward."""
        if self.transposed:
            return (self.channels_in, self.channels_out // self.groups, *self.kernel)
        return (self.channels_out, self.channels_in // self.groups, *self.kernel)

    @property
    def b_shape(self) -> Sizes:
        """(channels_out,)."""
        return (self.channels_out,)

    @property
    def y_shape(self) -> Sizes:
        """(batch, channels_out, *output)."""
        return (self.batch, self.channels_out, *self.output)

    @property
    def parameters(self) -> int:
        """The numbers that are learned: the kernel's and the bias's."""
        return prod(self.w_shape) + (self.channels_out if self.bias else 0)

    @property
    def products(self) -> int:
        """Multiplications of one item before anything is cropped, those by padded zeros included:
        `channels_in * channels_out / groups * taps`, once for each input (transposed) or each output (forward)."""
        each = self.channels_in * self.channels_out // self.groups * prod(self.kernel)
        return each * prod(self.input if self.transposed else self.output)

    def replace(self, **changes: Any) -> Settings:
        """A copy with some fields changed, checked again."""
        return replace(self, **changes)

    def explicit(self) -> Settings:
        """The same operation with keyword and wanted size spelled out as crop pairs and output padding."""
        extra = self.extra if self.transposed and any(self.extra) else None
        return self.replace(padding=self.crop, output_padding=extra, output_size=None)

    def adjoint(self) -> Settings | None:
        """The forward convolution that this transposed one is the transpose of, with the same kernel array.

        None where there is none: an output padding of a stride or more maps to a larger input than `n`.
        """
        forward = tuple(
            forward_size(o, k, s, d, lo, hi)
            for o, k, s, d, (lo, hi) in zip(
                self.output, self.kernel, self.stride, self.dilation, self.crop, strict=True
            )
        )
        if not self.transposed or forward != self.input:
            return None
        return Settings(
            op="conv", input=self.output, kernel=self.kernel, stride=self.stride, dilation=self.dilation,
            padding=self.crop, batch=self.batch, channels_in=self.channels_out, channels_out=self.channels_in,
            groups=self.groups,
        )  # fmt: skip

    def canonical(self) -> dict[str, Any]:
        """Every field with its value, as plain data: the form that is hashed and sent to workers."""
        return {name: getattr(self, name) for name in FIELDS}  # numbers, words and tuples: nothing to copy

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical form, 16 hex digits."""
        text = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @classmethod
    def from_canonical(cls, data: dict[str, Any]) -> Settings:
        """The inverse of `canonical`, from JSON-like data (lists for tuples)."""
        return cls(**{key: _tuples(value) for key, value in data.items()})


FIELDS = tuple(field.name for field in fields(Settings))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value


def _resolve_axis(it: Settings, axis: int) -> tuple[tuple[int, int], int]:
    """The crop pair and the output padding of one axis."""
    n, k, s, d = it.input[axis], it.kernel[axis], it.stride[axis], it.dilation[axis]
    if not it.transposed:
        if it.padding == "same":
            return forward_same_padding(n, k, s, d), 0
        return _explicit_pair(it, axis), 0
    wanted = it.output_size[axis] if it.output_size else None
    if it.padding == "same":
        lo, hi, a = same_crop(n, k, s, d, wanted)
        return (lo, hi), a
    lo, hi = _explicit_pair(it, axis)
    if wanted is not None:
        return (lo, hi), wanted - transposed_size(n, k, s, d, lo, hi)
    if it.output_padding is not None:
        return (lo, hi), it.output_padding[axis]
    return (lo, hi), max(s - effective_kernel(k, d), 0) if it.padding == "valid" else 0


def _explicit_pair(it: Settings, axis: int) -> tuple[int, int]:
    """The pair of one axis; `valid` crops nothing."""
    return (0, 0) if isinstance(it.padding, str) else it.padding[axis]


def _check(it: Settings) -> None:
    """Raise SettingsError at the first field that means nothing."""
    if not 1 <= it.rank <= 3:
        raise SettingsError("input", f"{it.rank} spatial axes; 1, 2 or 3 are accepted")
    if it.op not in ("conv_transpose", "conv"):
        raise SettingsError("op", f"{it.op!r}; 'conv_transpose' or 'conv' is accepted")
    floors = {"input": 0, "kernel": 1, "stride": 1, "dilation": 1, "output_padding": 0, "output_size": 0}
    for field, floor in floors.items():
        value = getattr(it, field)
        if value is None:
            continue
        if len(value) != it.rank:
            raise SettingsError(field, f"{len(value)} values for {it.rank} spatial axes; give one an axis")
        if min(value) < floor:
            raise SettingsError(field, f"{min(value)}; {floor} or more is accepted")
    for field, floor in {"batch": 0, "channels_in": 1, "channels_out": 1, "groups": 1}.items():
        if getattr(it, field) < floor:
            raise SettingsError(field, f"{getattr(it, field)}; {floor} or more is accepted")
    for field in ("channels_in", "channels_out"):
        if getattr(it, field) % it.groups:
            raise SettingsError("groups", f"{it.groups} does not divide {field} = {getattr(it, field)}")
    _check_padding(it)


def _check_padding(it: Settings) -> None:
    if isinstance(it.padding, str):
        if it.padding not in ("same", "valid"):
            raise SettingsError("padding", f"{it.padding!r}; 'same', 'valid' or a (lo, hi) pair an axis is accepted")
    elif len(it.padding) != it.rank or any(len(pair) != 2 for pair in it.padding):
        raise SettingsError("padding", f"{it.padding!r} for {it.rank} spatial axes; give one (lo, hi) pair an axis")
    elif min(min(pair) for pair in it.padding) < 0:
        raise SettingsError("padding", f"{it.padding!r}; 0 or more is accepted")
    if not it.transposed and (it.output_padding or it.output_size):
        raise SettingsError(
            "output_padding" if it.output_padding else "output_size", "a forward convolution (`op: conv`) excludes it"
        )
    if it.output_padding and it.output_size:
        raise SettingsError("output_size", "`output_size` excludes `output_padding`: give one of the two")
    if it.output_padding and it.padding == "same":
        raise SettingsError(
            "output_padding", "`output_padding` excludes `padding: same`: use output_size or explicit pairs"
        )
    for axis, extra in enumerate(it.extra):
        _check_extra(it, axis, extra)
    if it.transposed and min(it.output) < 0:
        raise SettingsError("padding", f"the output would have extents {it.output}; crop less")


def _check_extra(it: Settings, axis: int, extra: int) -> None:
    """Output padding of one axis, given or implied by a wanted size, stays where a stamp could have reached."""
    n, s = it.input[axis], it.stride[axis]
    limit = max(s, it.dilation[axis])
    if it.output_size:
        wanted = f"{it.output_size[axis]} on axis {axis}"
        if it.padding == "same" and not (n - 1) * s < it.output_size[axis] <= n * s:
            accepted = f"{max((n - 1) * s + 1, 0)} to {n * s} is accepted with padding: same"
            raise SettingsError("output_size", f"{wanted}; {accepted}")
        smallest = it.output_size[axis] - extra
        if it.padding != "same" and not 0 <= extra < limit:
            raise SettingsError("output_size", f"{wanted}; {smallest} to {smallest + limit - 1} is accepted")
    elif it.output_padding and extra >= limit:
        accepted = f"less than max(stride, dilation) = {limit} is accepted"
        raise SettingsError("output_padding", f"{extra} on axis {axis}; {accepted}")
