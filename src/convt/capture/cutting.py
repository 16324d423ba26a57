"""A layer cut until a case of it can be judged: fewer items first, then shorter axes, then fewer channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

from convt.cases.build import MOST_STEPS, DataError, check_layer, steps
from convt.cases.model import LARGEST, CaseForm
from convt.conv.settings import Settings, SettingsError

LEAST_EXTENT = {1: 32, 2: 8, 3: 4}
"""By rank: axes are not cut below this while channels could be, for a library takes rows in vectors."""
SHRINK = 15 / 16
EVERY_LAW = 20_000_000
"""Steps of the costliest oracle, of a case that every law judges."""
MOST_SHOWN = 1 << 16
"""Numbers of an array of such a case: a script to paste has them all."""
PLAIN = CaseForm(id="layer")
Fits = Callable[[Settings], bool]


def for_oracles(it: Settings) -> bool:
    """Whether the oracles have time for the settings."""
    return _sized(it) and steps(it) <= MOST_STEPS


def for_every_law(it: Settings) -> bool:
    """Whether every law can be asked: each asks several times, and shows the numbers of what fails."""
    numbers = max(prod(it.x_shape), prod(it.w_shape), prod(it.y_shape))
    return _sized(it) and numbers <= MOST_SHOWN and steps(it) <= EVERY_LAW


def for_sums(it: Settings) -> bool:
    """Whether the law of real layers can judge the settings, by sums along their channels."""
    try:
        check_layer(PLAIN, it)
    except DataError:
        return False
    return _sized(it)


def _sized(it: Settings) -> bool:
    """Whether the settings can stand in a spec file."""
    numbers = (it.batch, it.channels_in, it.channels_out, it.groups, *it.input, *it.kernel, *it.output)
    return max(*numbers, *it.stride, *it.dilation, *(size for pair in it.crop for size in pair)) <= LARGEST


def cut(it: Settings, fits: Fits, channels: bool = True) -> Settings | None:
    """The settings, or the largest cut of them that fits; None where none does. Kernel, stride, dilation, padding and
    bias stay, and with them where an axis ends between two strides."""
    return next((one for one in _cuts(it, channels) if fits(one)), None)


def _cuts(it: Settings, channels: bool) -> Iterator[Settings]:
    yield it
    narrow = list(_narrowed(it)) if channels else [it]
    for at, one in enumerate(narrow):
        last = at == len(narrow) - 1
        for batch in sorted({one.batch, min(one.batch, 2), min(one.batch, 1)}, reverse=True):
            yield one.replace(batch=batch)
        longest = float(max(one.input))
        while longest >= (1 if last else LEAST_EXTENT[it.rank]):
            shorter = _shortened(one.replace(batch=min(one.batch, 1)), int(longest))
            if shorter is not None:
                yield shorter
            longest *= SHRINK


def _narrowed(it: Settings) -> Iterator[Settings]:
    """The same with ever fewer channels of each group, then with fewer groups."""
    ins, outs = it.channels_in // it.groups, it.channels_out // it.groups
    groups = it.groups
    while True:
        yield it.replace(channels_in=ins * groups, channels_out=outs * groups, groups=groups)
        if max(ins, outs) == 1 and groups == 1:
            return
        if max(ins, outs) > 1:
            ins, outs = max(ins // 2, 1) if ins >= outs else ins, max(outs // 2, 1) if outs >= ins else outs
        else:
            groups //= 2


def _shortened(it: Settings, longest: int) -> Settings | None:
    """The same with axes of at most about `longest`; None where that means nothing."""
    input_, wanted = [], []
    for axis, (n, s) in enumerate(zip(it.input, it.stride, strict=True)):
        step = 1 if it.transposed else s
        short = n if n <= longest else n - step * -(-(n - longest) // step)
        input_.append(short)
        if it.output_size is not None:
            wanted.append(it.output_size[axis] - (n - short) * s)
    try:
        one = it.replace(input=tuple(input_), output_size=tuple(wanted) if wanted else None)
    except SettingsError:
        return None
    return one if min(one.input) > 0 and min(one.output) > 0 else None
