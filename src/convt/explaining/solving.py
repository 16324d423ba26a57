"""Which settings give a wanted size: every one of them, the usual first, grouped by those that give the same numbers.

Two settings of one kernel, stride and dilation and of one output size give the same numbers where their crop (forward:
their zeros) begin alike: what is cropped at the end follows from the size. So a solution is where the crop begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

from convt.conv.settings import (
    Settings,
    SettingsError,
    effective_kernel,
    forward_same_padding,
    forward_size,
    same_crop,
    transposed_size,
)
from convt.explaining.questions import Geometry, Pad, Question, QuestionError

MOST_SOLUTIONS = 50_000
USUAL_KERNELS = {3: 0, 4: 0, 5: 1, 2: 1, 7: 2, 6: 2, 1: 3, 8: 3, 9: 3}
USUAL_STRIDES = {1: 0, 2: 0, 4: 2, 3: 2, 8: 3}
RARE = 4


@dataclass(frozen=True, order=True)
class Border:
    """Where the crop begins and ends on one axis, and the output padding; forward: the zeros."""

    lo: int
    hi: int
    extra: int
    output: int


@dataclass(frozen=True)
class Solution:
    """Settings that do it."""

    settings: Settings
    rank: tuple[int, ...]
    """The smaller, the more usual."""

    @property
    def begins(self) -> tuple[int, ...]:
        return tuple(lo for lo, _ in self.settings.crop)

    @property
    def geometry(self) -> tuple[object, ...]:
        """What solutions have in common whose sizes are the same, and whose numbers may be shifted."""
        it = self.settings
        return it.input, it.kernel, it.stride, it.dilation, it.output


def solutions(asked: Question) -> list[Solution]:
    """Every solution, the usual first. QuestionError where there are too many to sort."""
    found: list[Solution] = []
    for axes in asked.geometries():
        borders = [list(border_of(asked, place, axis)) for place, axis in enumerate(axes)]
        if len(found) + prod(map(len, borders)) > MOST_SOLUTIONS:
            raise QuestionError(f"found more than {MOST_SOLUTIONS:,} solutions, accepted fewer; say more of the "
                                "sizes, the kernel, the stride or the padding")  # fmt: skip
        for choice in product(*borders):
            it = settings_of(asked, axes, choice)
            found.append(Solution(it, usual(it)))
    return sorted(found, key=lambda each: each.rank)


def settings_of(asked: Question, axes: tuple[Geometry, ...], borders: tuple[Border, ...]) -> Settings:
    """The settings of what was chosen on each axis."""
    extra = tuple(border.extra for border in borders)
    return Settings(
        op=asked.op, input=tuple(axis.input for axis in axes), kernel=tuple(axis.kernel for axis in axes),
        stride=tuple(axis.stride for axis in axes), dilation=tuple(axis.dilation for axis in axes),
        padding=tuple((border.lo, border.hi) for border in borders), output_padding=extra if any(extra) else None,
    )  # fmt: skip


def border_of(asked: Question, place: int, it: Geometry) -> Iterator[Border]:
    """Every border of one axis that gives a wanted size, one for each place where the crop can begin."""
    outputs = asked.outputs(place)
    for out in reachable(asked, place, it) if outputs is None else outputs:
        yield from (_transposed if asked.op == "conv_transpose" else _forward)(asked, place, it, out)


def reachable(asked: Question, place: int, it: Geometry) -> range:
    """Sizes beyond which no border leads."""
    most = effective_kernel(it.kernel, it.dilation) - 1
    for pad in asked.pads(place) or ():
        most = max(most, *(_pair(pad)))
    if asked.op == "conv":
        return range(1, forward_size(it.input, it.kernel, it.stride, it.dilation, most, most) + 1)
    full = transposed_size(it.input, it.kernel, it.stride, it.dilation)
    return range(max(full - 2 * most, 1), full + max(it.stride, it.dilation))


def _transposed(asked: Question, place: int, it: Geometry, out: int) -> Iterator[Border]:
    n, k, s, d = it.input, it.kernel, it.stride, it.dilation
    excess = transposed_size(n, k, s, d) - out  # what is cropped at both ends, less what is added
    extras = asked.extras(place)
    accepted = range(max(s, d)) if extras is None else tuple(a for a in extras if a < max(s, d))
    most = effective_kernel(k, d) - 1
    pads = asked.pads(place)
    seen: set[int] = set()
    for lo, hi in _pairs(pads, most):
        if hi is None:  # any end will do: the one with the least output padding
            fitting = [(excess - lo + a, a) for a in accepted if 0 <= excess - lo + a <= most]
        else:
            fitting = [(hi, a) for a in accepted if lo + hi - a == excess]
        if fitting and lo not in seen:
            seen.add(lo)
            yield Border(lo, *min(fitting, key=lambda pair: pair[1]), out)
    if pads is not None and "same" in pads and extras in (None, (0,)) and (n - 1) * s < out <= n * s:
        lo, hi, a = same_crop(n, k, s, d, out)
        if lo not in seen and (a == 0 or extras is None):
            yield Border(lo, hi, a, out)


def _forward(asked: Question, place: int, it: Geometry, out: int) -> Iterator[Border]:
    n, k, s, d = it.input, it.kernel, it.stride, it.dilation
    most = effective_kernel(k, d) - 1
    pads = asked.pads(place)
    seen: set[int] = set()
    for lo, hi in _pairs(pads, most):
        least = max(transposed_size(out, k, s, d) - n - lo, 0)  # zeros at the end with which the last output fits
        ends = (lo, *range(least, min(least + s, most + 1))) if hi is None else (hi,)
        fitting = [end for end in ends if forward_size(n, k, s, d, lo, end) == out]
        if fitting and lo not in seen:
            seen.add(lo)
            yield Border(lo, fitting[0], 0, out)
    if pads is not None and "same" in pads:
        lo, hi = forward_same_padding(n, k, s, d)
        if lo not in seen and forward_size(n, k, s, d, lo, hi) == out:
            yield Border(lo, hi, 0, out)


def _pairs(pads: tuple[Pad, ...] | None, most: int) -> list[tuple[int, int | None]]:
    """(begin, end) of every padding that is accepted; an end of None is free. `same` is none of them."""
    if pads is None:
        return [(lo, None) for lo in range(most + 1)]
    return [_pair(pad) for pad in pads if pad != "same"]


def _pair(pad: Pad) -> tuple[int, int]:
    if isinstance(pad, str):
        return 0, 0
    return (pad, pad) if isinstance(pad, int) else pad


def usual(it: Settings) -> tuple[int, ...]:
    """How unusual settings are: what a reader expects first has the least.

    The border: where `same` crops, or as much at both ends with nothing added; then with an output padding; then
    nothing cropped; then everything else by how far it is from the middle; a size that is a whole number of strides, as
    `same` makes it, before others. The kernel: 3 and 4, one that the stride
    divides; the stride: 1 and 2.
    """
    border = max(map(_border, range(it.rank), [it] * it.rank))
    border += 0 if it.output == it.replace(padding="same", output_padding=None).output else 2
    shape = sum(_shape(k, s, d) for k, s, d in zip(it.kernel, it.stride, it.dilation, strict=True))
    uneven = len({(n, k, s, d) for n, k, s, d in zip((0,) * it.rank, it.kernel, it.stride, it.dilation, strict=True)})
    begins = tuple(lo for lo, _ in it.crop)
    return (border + shape, uneven + len(set(begins)), border, *it.stride, *it.kernel, *it.dilation, *it.input,
            *it.output, *begins)  # fmt: skip


def _shape(k: int, s: int, d: int) -> int:
    even = 0 if s == 1 or k % s == 0 else 1
    return USUAL_KERNELS.get(k, RARE) + USUAL_STRIDES.get(s, RARE) + min(d - 1, RARE) + even + (2 if k < s else 0)


def _border(place: int, it: Settings) -> int:
    n, k, s, d = it.input[place], it.kernel[place], it.stride[place], it.dilation[place]
    (lo, hi), a, out = it.crop[place], it.extra[place], it.output[place]
    if not it.transposed:
        same = forward_same_padding(n, k, s, d)
        if (lo, hi) == same or (lo == same[0] and forward_size(n, k, s, d, *same) == out):
            return 0
        return (0 if lo == 0 else 1) if lo == hi else 3 + abs(lo - hi)
    if out == n * s and lo == same_crop(n, k, s, d)[0]:
        return 0
    symmetric = lo - hi + a  # the output padding beside a padding of lo at both ends
    if 0 <= symmetric < s:
        return symmetric + (0 if lo or out != n * s else 1)
    return 3 + abs(lo - hi)


@dataclass(frozen=True)
class Near:
    """A size that can be had, and why the wanted one cannot."""

    settings: Settings
    reason: str


def nearest(asked: Question, most: int = 3) -> list[Near]:
    """What comes nearest to a wanted size where nothing gives it: by the sum of the distances over the axes."""
    found: list[tuple[int, tuple[int, ...], Near]] = []
    for axes in asked.geometries():
        borders = [_near(asked, place, axis) for place, axis in enumerate(axes)]
        reached = [each for each in borders if each is not None]
        if len(reached) == asked.rank:
            it = settings_of(asked, axes, tuple(border for _, border in reached))
            found.append((sum(far for far, _ in reached), usual(it), Near(it, _reason(asked, axes))))
    return [near for *_, near in sorted(found, key=lambda each: each[:2])[:most]]


def _near(asked: Question, place: int, it: Geometry) -> tuple[int, Border] | None:
    """The distance to a wanted size, and the border that comes so near with the least output padding."""
    wanted = asked.outputs(place) or ()
    sizes = (
        sorted((min(abs(out - one) for one in wanted), out) for out in reachable(asked, place, it)) if wanted else []
    )
    if asked.pads(place) is None:  # then all sizes are had but for those that a stride skips
        sizes = sizes[: 2 * max(it.stride, it.dilation) + 2]
    for far, out in sizes:
        if borders := list((_transposed if asked.op == "conv_transpose" else _forward)(asked, place, it, out)):
            return far, min(borders, key=lambda border: border.extra)
    return None


def _reason(asked: Question, axes: tuple[Geometry, ...]) -> str:
    """Why the first wanted size that cannot be had cannot, of one geometry."""
    for place, it in enumerate(axes):
        out = (asked.outputs(place) or (0,))[0]
        if any(True for _ in border_of(asked, place, it)):
            continue
        return _reason_on(asked, place, it, out)
    return ""


def _reason_on(asked: Question, place: int, it: Geometry, out: int) -> str:
    """Why one axis cannot have a size: in the words of the settings' own check, where it is one of theirs."""
    pads = asked.pads(place)
    if out < min(reachable(asked, place, it), default=0):
        return f"for {out} an end would have to lose the whole kernel or more"
    if asked.op == "conv":
        accepted = "" if pads is None else "of those accepted "
        return f"no padding {accepted}gives {out}: the stride skips it, or an end would need more zeros than the kernel"
    pad = (pads or (0,))[0]
    try:
        Settings(
            input=(it.input,), kernel=(it.kernel,), stride=(it.stride,), dilation=(it.dilation,),
            padding=pad if isinstance(pad, str) else (_pair(pad),), output_size=(out,),
        )  # fmt: skip
    except SettingsError as error:
        return str(error)
    return f"the output paddings that are accepted do not lead to {out}"
