"""The facts of a layer in sentences, which the terminal and the page share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import gcd

from convt.conv.settings import Settings
from convt.explaining.facts import AxisFacts, Explanation, by
from convt.explaining.overlaps import Overlaps, places
from convt.results.tally import plural
from convt.translation.unknown import Answer

NO_INPUT = "The extents of the input are unknown: `n` stands for them; --input gives the numbers"
TOO_MANY = "too many positions to count one by one"


def sizes(it: Explanation) -> str:
    """Input and output in one line."""
    if not it.sized:
        return NO_INPUT
    unknown = it.known.unknown
    channels = "" if "channels" in unknown else f", {it.it.channels_in:,} to {it.it.channels_out:,} channels"
    items = f", {it.it.batch:,} items" if it.it.batch != 1 and "batch" not in unknown else ""
    return f"{by(it.it.input)} to {by(it.it.output)}{channels}{items}"


def formula(axis: AxisFacts) -> str:
    """`out = (4-1)*2 + 3 - 1 - 1 + 1 = 8`."""
    result = f" = {axis.result}" if axis.result not in ("", axis.formula) else ""
    return f"out = {axis.formula}{result}"


def borders(it: Explanation) -> list[str]:
    """Crop, or zeros, of the axes; those that are alike once."""
    of_places = {place: axis.border for axis in it.axes for place in axis.places}
    if len(set(of_places.values())) == 1:
        return [of_places[0]]
    return _along(f"{{}}: {of_places[place]}" for place in sorted(of_places))


def which(axis: AxisFacts, rank: int) -> str:
    """The axes that a line is about; empty where it is about all of them."""
    if len(axis.places) == rank:
        return ""
    return f"axis {axis.places[0]}" if len(axis.places) == 1 else f"axes {', '.join(map(str, axis.places))}"


def overlap(it: Settings, found: Overlaps, sized: bool) -> str:
    """Even or not, and the numbers."""
    fewest, most = found.cycle_range
    if not it.transposed:
        low, high = found.range
        often = f"{low} to {high} times" if low != high else f"{low} times" if low != 1 else "once"
        return (
            f"each output reads {_taps(it)}; each input is read {often}" if sized else f"each output reads {_taps(it)}"
        )
    if found.even:
        why = "the stride divides the kernel" if fewest else ""
        said = f"even: every position away from the border gets {_landing(fewest)}{', for ' + why if why else ''}"
        if sized and found.range[1] < fewest:
            said += "; of an input as small as this one all are near the border"
    else:
        name = "checkerboard" if it.rank > 1 else "uneven"
        said = f"{name}: {fewest:,} to {most:,} taps on a position away from the border; {_uneven(it)}"
    return said


def _landing(count: int) -> str:
    return f"{count:,} tap{'s' if count != 1 else ''}"


def _taps(it: Settings) -> str:
    return f"{by(it.kernel)} inputs" if it.rank > 1 else plural(it.kernel[0], "input")


def _uneven(it: Settings) -> str:
    """Why the overlap is not even."""
    said: dict[str, None] = {}
    for k, s, d in zip(it.kernel, it.stride, it.dilation, strict=True):
        if gcd(s, d) > 1:
            said[f"stride {s} and dilation {d} have a common factor, so that the taps leave places out"] = None
        elif k % s:
            said[f"stride {s} does not divide kernel {k}"] = None
    return " and ".join(said)


def cycles(found: Overlaps) -> list[str]:
    """What repeats along the axes away from the borders, those that are alike once."""
    return _along(
        f"away from the border, along {{}}, {' '.join(map(str, counts[:24]))} repeats" for counts in found.cycles
    )


def along(found: Overlaps, most: int = 40) -> list[str]:
    """The counts along the axes, those that are alike once."""
    rest = (
        f" ... ({len(counts):,} positions; --json has all)" if len(counts) > most else "" for counts in found.counts
    )
    return _along(
        f"along {{}}: {' '.join(map(str, counts[:most]))}{more}"
        for counts, more in zip(found.counts, rest, strict=True)
    )


def _along(lines: Iterable[str]) -> list[str]:
    """Lines with the axes that each is about."""
    seen: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        seen.setdefault(line, []).append(place)
    rank = sum(map(len, seen.values()))
    names = {True: "every axis" if rank > 1 else "the axis"}
    return [
        line.format(names.get(len(axes) == rank) or f"axis {' and '.join(map(str, axes))}")
        for line, axes in seen.items()
    ]


def nothing(it: Settings, found: Overlaps) -> str:
    """The positions on which nothing lands, or the inputs that nothing reads; empty where there are none."""
    if not found.missed:
        return ""
    lines = [(place, missed) for place, missed in enumerate(found.missed_places) if missed]
    where = "; ".join((f"on axis {place}: " if it.rank > 1 else "at ") + places(missed) for place, missed in lines)
    if it.transposed:
        holds = "the bias alone" if it.bias else "0"
        what = f"{plural(found.missed, 'position')} {'get' if found.missed != 1 else 'gets'} no tap and hold"
        return f"{what}{'' if found.missed != 1 else 's'} {holds} ({where})"
    return f"{plural(found.missed, 'input')} {'are' if found.missed != 1 else 'is'} never read ({where})"


def parameters(it: Settings) -> str:
    """`30 = 1*3*3*3 + 3 of the bias`."""
    shape = "*".join(map(str, it.w_shape))
    return f"{it.parameters:,} = {shape}" + (f" + {it.channels_out} of the bias" if it.bias else "")


def products(it: Settings, found: Overlaps | None) -> str:
    """The multiplications with their formula; of how many the result is kept."""
    pair = f"{it.channels_in}*{it.channels_out}" + (f"/{it.groups}" if it.groups > 1 else "")
    many = "inputs" if it.transposed else "outputs"
    extents = it.input if it.transposed else it.output
    said = f"{it.products:,} an item = {pair} channels * {'*'.join(map(str, it.kernel))} taps"
    said += f" * {'*'.join(map(str, extents))} {many}"
    if it.batch != 1:
        said += f"; {it.products * it.batch:,} in all"
    if found is not None and found.kept_products != it.products:
        rest = it.products - found.kept_products
        said += f"; {rest:,} of them " + ("are cropped away" if it.transposed else "are by padded zeros")
    return said


def transpose(it: Explanation) -> list[str]:
    """The forward convolution of which the layer is the transpose, or the transpose of a forward one."""
    other, own = it.counterpart, it.it
    if other is None:
        if not own.transposed:
            return ["there is none: the output is empty"]
        return ["of no forward convolution: with this output padding it would map to a larger input"]
    call, of = it.counterpart_call, "of" if own.transposed else "is"
    if not call and not it.sized:
        kind = "forward" if own.transposed else "transposed"
        return [f"{of} a {kind} convolution whose call depends on the input; --input gives it"]
    what = f"{of} {call or f'the convolution with the same kernel and the padding {list(other.padding)}'}"
    if not it.sized:
        return [what]
    lines = [f"{what}, which takes {by(other.input)} to {by(other.output)}"]
    if own.transposed:
        lines += _chosen(it)
    return lines


def _chosen(it: Explanation) -> Iterator[str]:
    """Which of the sizes that a forward convolution forgets the output has, and by what."""
    for axis in it.axes:
        sizes_ = axis.preimages
        if sizes_ is None or len(sizes_) == 1 or axis.output is None:
            continue
        where = which(axis, it.it.rank)
        span = f"{sizes_[0]} and {sizes_[1]}" if len(sizes_) == 2 else f"{sizes_[0]} to {sizes_[-1]}"
        by_what = f"output padding {axis.extra}" if axis.extra else "no output padding"
        begin = f"{where}: " if where else ""
        yield f"{begin}it takes each of {span} to {axis.input}; {by_what} chooses {axis.output}"


def sentence(text: str) -> str:
    """With a capital, where it begins with a word, and a full stop."""
    first = text[0].upper() if text.split()[0].isalpha() else text[0]
    return first + text[1:] + ("" if text.endswith((".", ":")) else ".")


def around(found: Answer, unsized: bool = False) -> list[str]:
    """What stands around the call, and why; empty where the call alone says the layer.

    `unsized`: the input's extents are unknown, so that the numbers in the reason are those of one that is possible.
    """
    it = found.translation
    if it is None:
        return [found.failure]
    said = ["for one item: the call has the number of items in it"] if "batch" in found.depends else []
    if it.direct:
        return said
    of = f" (of an input of {by(it.settings.input)})" if unsized else ""
    return [*said, f"one call cannot say it: {it.why}{of}", *(f"so: {sentence}" for sentence in it.plan.sentences())]
