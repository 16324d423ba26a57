"""What there is to know of one layer: its sizes, border, overlaps, counts, its transpose, and its other names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from textwrap import dedent

from convt.conv.settings import Settings, Sizes, forward_same_padding, preimage_sizes, transposed_size
from convt.explaining.overlaps import Overlaps, overlaps
from convt.results.features import formula
from convt.results.tally import plural
from convt.translation.dialect import Spoken, dialects, of_form
from convt.translation.layer import LayerError
from convt.translation.translating import read, translate
from convt.translation.unknown import Answer, Known, answer, known


@dataclass(frozen=True)
class AxisFacts:
    """One axis, or several that are alike. What depends on an unknown input is a sentence, or None."""

    places: tuple[int, ...]
    input: int | None
    output: int | None
    formula: str
    """The size with its numbers; `n` stands where the input is unknown."""
    result: str
    """What the formula comes to: a number, or the same shorter, such as `2n`."""
    crop: tuple[int, int] | None
    """Forward: the zeros added."""
    extra: int
    border: str
    """Crop and output padding in a sentence."""
    preimages: range | None
    """The sizes that the forward convolution maps to this input; None of a forward layer, or without one."""


@dataclass(frozen=True)
class Explanation:
    """Everything about one layer. Where the input is unknown, `it` has the least one that shows what the layer does."""

    spoken: Spoken
    text: str
    known: Known
    it: Settings
    overlaps: Overlaps | None

    @property
    def sized(self) -> bool:
        """Whether the input's extents are known."""
        return "input" not in self.known.unknown

    @cached_property
    def axes(self) -> list[AxisFacts]:
        """Every axis; those that are alike once."""
        found: dict[AxisFacts, list[int]] = {}
        for place in range(self.it.rank):
            found.setdefault(axis_facts(self.it, place, self.sized), []).append(place)
        return [replace(facts, places=tuple(places)) for facts, places in found.items()]

    @cached_property
    def counterpart(self) -> Settings | None:
        """Of a transposed layer the forward convolution that it is the transpose of; of a forward one its transpose."""
        return counterpart(self.it)

    @cached_property
    def counterpart_call(self) -> str:
        """Its call in this layer's framework; empty where there is none, or where it depends on an unknown input."""
        calls = [self.said(other) if (other := counterpart(it)) else "" for it in self._every()]
        return calls[0] if len(set(calls)) == 1 else ""

    def _every(self) -> list[Settings]:
        """The settings, and those of other inputs where the input is unknown."""
        return [self.it] if self.sized else [self.it, *self.known.others("input")]

    @cached_property
    def elsewhere(self) -> list[Answer]:
        """The layer in every framework's words, its own first."""
        own = of_form(self.spoken.form)
        others = [dialect for dialect in dialects().values() if dialect is not own]
        return [answer(self.known, dialect) for dialect in (own, *others)]

    def said(self, it: Settings) -> str:
        """The call of other settings in this layer's framework, or in the first that has one."""
        own = of_form(self.spoken.form)
        for dialect in (own, *dialects().values()):
            try:
                found = translate(it, dialect)
            except LayerError:
                continue
            if found.direct:
                return found.said.call
        return ""


def explain(
    text: str, extents: Sequence[int] | None = None, channels: int | None = None, batch: int | None = None
) -> Explanation:
    """The explanation of a layer in any framework's words; LayerError where it is none."""
    spoken = read(text)
    beside = known(spoken, extents, channels, batch)
    it = beside.settings()
    shown = "".join(sign if sign.isprintable() or sign == "\n" else repr(sign)[1:-1] for sign in dedent(text).strip())
    return Explanation(spoken, shown, beside, it, overlaps(it))


def counterpart(it: Settings) -> Settings | None:
    """Of a transposed convolution the forward one that it is the transpose of; of a forward one its transpose."""
    return it.adjoint() if it.transposed else transpose_of(it)


def transpose_of(it: Settings) -> Settings | None:
    """The transposed convolution that takes a forward one's output back to its input; None where there is none."""
    if 0 in it.output:
        return None
    axes = zip(it.output, it.kernel, it.stride, it.dilation, it.crop, it.input, strict=True)
    missing = tuple(out - transposed_size(n, k, s, d, lo, hi) for n, k, s, d, (lo, hi), out in axes)
    return Settings(
        op="conv_transpose", input=it.output, kernel=it.kernel, stride=it.stride, dilation=it.dilation, padding=it.crop,
        output_padding=missing if any(missing) else None, batch=it.batch, channels_in=it.channels_out,
        channels_out=it.channels_in, groups=it.groups,
    )  # fmt: skip


def axis_facts(it: Settings, place: int, sized: bool) -> AxisFacts:
    """One axis of settings; `sized`: whether their input is the layer's own, or stands for an unknown one."""
    n, k, s, d = it.input[place], it.kernel[place], it.stride[place], it.dilation[place]
    (lo, hi), a, out = it.crop[place], it.extra[place], it.output[place]
    preimages = preimage_sizes(n, k, s, d, lo, hi) if it.transposed and a < s else None
    border = (_cropped if it.transposed else _padded)(lo, hi, a)
    if sized:
        return AxisFacts(
            (), n, out, formula(it.op, n, k, s, d, lo, hi, a), str(out), (lo, hi), a, border, preimages
        )  # fmt: skip
    if not it.transposed and it.padding == "same":
        shorter = "n" if s == 1 else f"ceil(n/{s})"
        return AxisFacts((), None, None, shorter, shorter, None, 0, _same_padding(k, s, d), None)
    shorter = _linear(s, out - s * n) if it.transposed else _linear(1, out - n) if s == 1 else ""
    return AxisFacts((), None, None, formula(it.op, "n", k, s, d, lo, hi, a), shorter, (lo, hi), a, border, None)


def _linear(slope: int, more: int) -> str:
    first = "n" if slope == 1 else f"{slope}n"
    return f"{first} {'+' if more > 0 else '-'} {abs(more)}" if more else first


def _cropped(lo: int, hi: int, a: int) -> str:
    """What a transposed layer does at the border."""
    said = f"crops {lo} at the beginning and {hi} at the end" if lo or hi else "crops nothing"
    back = min(a, hi)
    if back:
        said += f"; output padding gives {back} of them back"
    if a > back:
        beyond = f"adds {a - back} at the end, beyond what was cropped"
        said += f", and {beyond}" if back else f"; output padding {beyond}"
    return said


def _padded(lo: int, hi: int, a: int) -> str:
    """What a forward layer does at the border."""
    return f"adds {plural(lo, 'zero')} before and {hi} after" if lo or hi else "adds no zeros"


def _same_padding(k: int, s: int, d: int) -> str:
    """The zeros of a forward `same`, which depend on what is left of the input after whole strides."""
    pairs = {n % s: forward_same_padding(n, k, s, d) for n in range(s * k * d, s * k * d + min(s, 64))}
    if len(set(pairs.values())) == 1:
        return _padded(*pairs[0], 0)
    shown = "; ".join(f"{pairs[rest]} where n mod {s} = {rest}" for rest in sorted(pairs)[:4])
    return f"the zeros (before, after) depend on n: {shown}" + ("; ..." if len(pairs) > 4 else "")


def by(values: Sizes) -> str:
    """Extents as they are written: `4x4`."""
    return "x".join(map(str, values))
