"""`Form`: settings as numbers that can be lowered one by one, and the features by which differences are told apart.

A feature is something that a case has beyond the plainest one, to a level: the number of axes, the largest kernel, the
keyword `same`, a bias. Level 0 is plain. Lowering a feature keeps everything else where it still fits, and mends it
where it does not: a crop never takes the whole result away, and a wanted size stays within its range.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

from convt.cases.case import Case
from convt.conv.settings import Op, Settings, SettingsError, effective_kernel, transposed_size
from convt.session.strategies import tent

FLAGS = {
    "axes": 0, "same": 3, "valid": 2, "output size": 2, "output padding": 1, "batch": 1, "groups": 2, "channels in": 1,
    "channels out": 1, "bias": 1,
}  # fmt: skip
"""Features that stand alone, and what they weigh: a shrunk case has little. A keyword weighs more than its pairs."""
GEOMETRY = {"input": 1, "stride": 1, "crop": 1, "uneven crop": 1, "kernel": 2, "dilation": 3}
"""The others: a condition such as `kernel > stride` ties several of them."""
HEADROOM = ("input",)
"""What is there to give other features room, as padding or a kernel can too: no feature by which to tell apart."""
SIZES = (*HEADROOM, "kernel", "channels in", "channels out", "batch")
"""What decides how many products are summed, and in which order."""


class Axis(NamedTuple):
    """One axis; `a` is the output padding, or what a wanted size adds (with `same`: what it lacks of `n s`)."""

    n: int = 1
    k: int = 1
    s: int = 1
    d: int = 1
    lo: int = 0
    hi: int = 0
    a: int = 0


@dataclass(frozen=True)
class Form:
    """One transposed or forward convolution, or a resize (`resize` says which), as plain numbers."""

    axes: tuple[Axis, ...]
    op: Op = "conv_transpose"
    keyword: str = ""
    """'same', 'valid', or '' for explicit pairs."""
    sized: str = ""
    """'output_padding', 'output_size', or ''."""
    groups: int = 1
    per_in: int = 1
    """Input channels of one group."""
    per_out: int = 1
    batch: int = 1
    bias: bool = False
    resize: str = ""

    @cached_property
    def settings(self) -> Settings:
        """The settings; SettingsError where they mean nothing."""
        columns = {name: tuple(getattr(axis, name) for axis in self.axes) for name in Axis._fields}
        wanted: dict[str, Any] = {}
        if self.sized == "output_padding":
            wanted["output_padding"] = columns["a"]
        elif self.sized == "output_size":
            wanted["output_size"] = tuple(self._size(axis) for axis in self.axes)
        return Settings(
            op=self.op, input=columns["n"], kernel=columns["k"], stride=columns["s"], dilation=columns["d"],
            padding=self.keyword or tuple((axis.lo, axis.hi) for axis in self.axes),  # type: ignore[arg-type]
            batch=self.batch, channels_in=self.groups * self.per_in, channels_out=self.groups * self.per_out,
            groups=self.groups, bias=self.bias, **wanted,
        )  # fmt: skip

    def _size(self, axis: Axis) -> int:
        n, k, s, d, lo, hi, a = axis
        return n * s - a if self.keyword == "same" else transposed_size(n, k, s, d, lo, hi) + a

    @cached_property
    def levels(self) -> Mapping[str, int]:
        """How much the form has of every feature."""
        most = {name: max(getattr(axis, name) for axis in self.axes) for name in Axis._fields}
        return {
            "axes": len(self.axes) - 1,
            "input": most["n"] - 1,
            "kernel": most["k"] - 1,
            "stride": most["s"] - 1,
            "dilation": most["d"] - 1,
            "crop": max(most["lo"], most["hi"]),
            "uneven crop": int(any(axis.lo != axis.hi for axis in self.axes)),
            "same": int(self.keyword == "same"),
            "valid": int(self.keyword == "valid"),
            "output padding": 1 + most["a"] if self.sized == "output_padding" else 0,
            "output size": 1 + most["a"] if self.sized == "output_size" else 0,
            "batch": self.batch - 1,
            "groups": self.groups - 1,
            "channels in": self.per_in - 1,
            "channels out": self.per_out - 1,
            "bias": int(self.bias),
        }

    @property
    def count(self) -> tuple[int, int, int]:
        """How much there is to read: axes, features, and how much of them."""
        used = [level for level in self.levels.values() if level > 0]
        return (len(self.axes), len(used), sum(used))

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """Smaller is plainer: axes, what is asked for beside the geometry, how many features, how much of them."""
        levels = self.levels
        flags, geometry = (
            sum(weight for name, weight in weights.items() if levels[name]) for weights in (FLAGS, GEOMETRY)
        )
        return (levels["axes"], flags, geometry, sum(levels.values()), sum(map(sum, self.axes)), self.axes)

    def contains(self, other: Form, but: Collection[str] = HEADROOM) -> bool:
        """Whether every feature of the other is here, to its level or beyond; some do not count."""
        own, its = self.levels, other.levels
        return self.resize == other.resize and all(own[name] >= its[name] for name in its if name not in but)


def form_of(case: Case) -> Form:
    """The form of a case; its data and name do not count."""
    it = case.settings
    pairs = ((0, 0),) * it.rank if isinstance(it.padding, str) else it.padding
    axes = []
    for n, k, s, d, (lo, hi), at in zip(
        it.input, it.kernel, it.stride, it.dilation, pairs, range(it.rank), strict=True
    ):
        a = it.output_padding[at] if it.output_padding is not None else 0
        if it.output_size is not None:
            size = it.output_size[at]
            a = n * s - size if it.padding == "same" else size - transposed_size(n, k, s, d, lo, hi)
        axes.append(Axis(n, k, s, d, lo, hi, a))
    sized = "output_padding" if it.output_padding is not None else "output_size" if it.output_size is not None else ""
    return Form(
        tuple(axes), it.op, it.padding if isinstance(it.padding, str) else "", sized, it.groups,
        it.channels_in // it.groups, it.channels_out // it.groups, it.batch, it.bias, case.resize or "",
    )  # fmt: skip


def mended(form: Form) -> Form | None:
    """The nearest form that means something, with an input and an output on every axis; None where there is none."""
    if form.resize:
        return _resized(form)
    sized = "" if form.keyword == "same" and form.sized == "output_padding" else form.sized
    fitting = replace(form, sized=sized, axes=tuple(_fitting(axis, replace(form, sized=sized)) for axis in form.axes))
    try:
        return fitting if min(fitting.settings.output) >= 1 else None
    except SettingsError:
        return None


def _fitting(axis: Axis, form: Form) -> Axis:
    n, k, s, d, lo, hi, a = axis
    if form.keyword:
        lo = hi = 0
    elif form.op == "conv_transpose":
        headroom = (n - 1) * s + effective_kernel(k, d) - 1
        lo = min(lo, headroom)
        hi = min(hi, headroom - lo)
    limit = (s if form.keyword == "same" else max(s, d)) - 1
    return Axis(n, k, s, d, lo, hi, min(a, limit) if form.sized else 0)


def _resized(form: Form) -> Form | None:
    """A resize has one kernel for every channel, alone in its group, and its size follows from the stride."""
    if min(axis.s for axis in form.axes) < 2 or form.per_in != 1 or form.per_out != 1 or form.bias:
        return None
    linear = form.resize == "bilinear"
    axes = (Axis(n, len(tent(s)) if linear else s, s, 1, s // 2 * linear, s // 2 * linear) for n, _, s, *_ in form.axes)
    mended_form = replace(form, axes=tuple(axes), keyword="", sized="")
    return mended_form if min(mended_form.settings.output) >= 1 else None


def spelled_out(form: Form) -> Form | None:
    """The same operation in pairs and output padding; None where it stands so already."""
    if form.resize or not (form.keyword or form.sized == "output_size"):
        return None
    return form_of(Case("", form.settings.explicit()))


def lowered(form: Form, feature: str, level: int) -> list[Form]:
    """The form with a feature at a lower level, in every way in which that can be."""
    ways = [form] if level >= form.levels[feature] else _lower(form, feature, level)
    return list(dict.fromkeys(it for way in ways if (it := mended(way)) is not None and it.levels[feature] <= level))


def _lower(form: Form, feature: str, level: int) -> list[Form]:
    floor = {"input": "n", "kernel": "k", "stride": "s", "dilation": "d"}
    if feature == "axes":
        return [replace(form, axes=axes) for axes in combinations(form.axes, level + 1)]
    if feature in floor:
        name = floor[feature]
        return [_on_axes(form, lambda axis: {name: min(getattr(axis, name), level + 1)})]
    if feature == "crop":
        return [_on_axes(form, lambda axis: {"lo": min(axis.lo, level), "hi": min(axis.hi, level)})]
    if feature == "uneven crop":
        return [
            _on_axes(form, lambda axis: {"lo": min(axis.lo, axis.hi), "hi": min(axis.lo, axis.hi)}),
            _on_axes(form, lambda axis: {"lo": max(axis.lo, axis.hi), "hi": max(axis.lo, axis.hi)}),
        ]
    if feature in ("same", "valid"):
        return [way for way in (replace(form, keyword="", sized=""), spelled_out(form)) if way is not None]
    if feature in ("output padding", "output size"):
        if level:
            return [_on_axes(form, lambda axis: {"a": min(axis.a, level - 1)})]
        return [way for way in (replace(form, sized=""), spelled_out(form)) if way is not None]
    if feature == "bias":
        return [replace(form, bias=False)]
    name = {"channels in": "per_in", "channels out": "per_out"}.get(feature, feature)
    change: dict[str, Any] = {name: level + 1}
    return [replace(form, **change)]


def _on_axes(form: Form, change: Any) -> Form:
    return replace(form, axes=tuple(axis._replace(**change(axis)) for axis in form.axes))


def words(form: Form) -> tuple[str, ...]:
    """What the form has beyond the plainest one, each feature in a few words."""
    it, levels = form.settings, form.levels
    said = {
        "axes": f"{it.rank} axes",
        "input": f"input {_sizes(it.input)}",
        "kernel": f"kernel {_sizes(it.kernel)}",
        "stride": f"stride {_sizes(it.stride)}",
        "dilation": f"dilation {_sizes(it.dilation)}",
        "crop": "padding " + ", ".join(f"({axis.lo}, {axis.hi})" for axis in form.axes),
        "uneven crop": "",
        "same": "padding same",
        "valid": "padding valid",
        "output padding": f"output padding {_sizes(it.output_padding or ())}",
        "output size": f"a wanted size of {_sizes(it.output_size or ())}",
        "batch": f"{it.batch} items",
        "groups": f"{it.groups} groups",
        "channels in": f"{form.per_in} input channels" + (" a group" if it.groups > 1 else ""),
        "channels out": f"{form.per_out} output channels" + (" a group" if it.groups > 1 else ""),
        "bias": "a bias",
    }
    of = (f"{form.resize} resize",) if form.resize else ("a forward convolution",) if form.op == "conv" else ()
    return (*of, *(text for name, text in said.items() if text and levels[name] > 0))


def _sizes(values: tuple[int, ...]) -> str:
    return " x ".join(map(str, values))
