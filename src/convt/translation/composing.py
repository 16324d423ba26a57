"""The plan with the least around its call, for what a framework cannot say in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

from convt.conv.settings import Pairs, Settings, SettingsError
from convt.translation.dialect import Unsayable
from convt.translation.said import Plan, Said


def compose(it: Settings, say: Callable[[Settings], Said]) -> tuple[Plan, Said]:
    """The plan with the least around its call, and the call; the Unsayable of the call alone where none will do."""
    first: Unsayable | None = None
    for plan in plans(it):
        try:
            return plan, say(plan.inner)
        except Unsayable as reason:
            first = first or reason
    assert first is not None  # the settings themselves are the first plan
    raise first


def plans(it: Settings) -> Iterator[Plan]:
    """Every way to compute the settings by a call of others, the settings themselves first."""
    splits = [False, True] if it.groups > 1 else [False]
    spreads = [False, True] if max(it.dilation) > 1 else [False]
    for around, split, spread in product(range(4), splits, spreads):
        changed = it
        if split:
            changed = changed.replace(
                groups=1, channels_in=it.channels_in // it.groups, channels_out=it.channels_out // it.groups
            )
        for crop in _crops(it, around):
            try:  # where less is cropped than wanted, or no dilation reaches the zeros at the end, it may mean nothing
                plan = _border(changed, around, crop)
                inner = _spread(plan.inner) if spread else plan.inner
            except SettingsError:
                continue
            yield Plan(
                inner, plan.before, it.groups if split else 1, it.dilation if spread else None, plan.begins, plan.ends,
                plan.after, plan.bias_last,
            )  # fmt: skip


def _spread(it: Settings) -> Settings:
    """The same with a dilated kernel in place of a dilation."""
    said = it if isinstance(it.padding, str) and not it.output_size else it.explicit()
    return said.replace(kernel=it.effective, dilation=())


def _crops(it: Settings, around: int) -> Iterator[Pairs]:
    """What the call may crop itself."""
    if around == 0:
        yield it.crop
    elif not it.transposed:
        yield from [it.crop] if around == 1 else []
    else:
        none = ((0, 0),) * it.rank
        symmetric = tuple((min(pair), min(pair)) for pair in it.crop)
        yield from dict.fromkeys((symmetric, none)) if around == 1 else [none]


def _border(it: Settings, around: int, crop: Pairs) -> Plan:
    """What can be done to the border: nothing; crop (or pad) all there is with what a call has left; the rest too.

    SettingsError where the call would mean nothing.
    """
    if around == 0:
        return Plan(it)
    if not it.transposed:
        padded = tuple(n + lo + hi for n, (lo, hi) in zip(it.input, it.crop, strict=True))
        return Plan(it.replace(input=padded, padding=()), before=it.crop if padded != it.input else None)
    missing = tuple(max(a - (hi - c), 0) for a, (_, hi), (c, _) in zip(it.extra, it.crop, crop, strict=True))
    plain = it.replace(padding=crop, output_padding=None, output_size=None)
    begins = tuple(lo - c for (lo, _), (c, _) in zip(it.crop, crop, strict=True))
    if around == 1:  # the call itself adds what is missing at the end
        return _ended(it, Plan(plain.replace(output_padding=missing) if any(missing) else plain, begins=begins))
    if around == 2:
        given = (max(s - e, 0) for s, e in zip(it.stride, it.effective, strict=True))
        if any(more > own for more, own in zip(missing, given, strict=True)):
            raise SettingsError("output_padding", "a call with padding: valid adds less")
        return _ended(it, Plan(plain.replace(padding="valid"), begins=begins))
    return _ended(it, Plan(
        plain.replace(bias=it.bias and not any(missing)), begins=begins,
        after=missing if any(missing) else None, bias_last=it.bias and any(missing),
    ))  # fmt: skip


def _ended(it: Settings, plan: Plan) -> Plan:
    """The plan with what it crops at the end: all of the call's result that is no part of the output."""
    none = (0,) * it.rank
    axes = zip(plan.inner.output, plan.begins or none, it.output, plan.after or none, strict=True)
    ends = tuple(full - lo - (out - more) for full, lo, out, more in axes)
    return replace(plan, ends=ends) if any((*(plan.begins or none), *ends)) else replace(plan, begins=None)
