"""A translation as source text, for the frameworks whose arrays are sliced as numpy's are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from convt.conv.settings import Settings, Sizes
from convt.translation.kernels import TAPS
from convt.translation.said import Plan, Said

Pad = Callable[[str, Sequence[tuple[int, int]]], str]
Join = Callable[[str, int], str]


def render(it: Settings, plan: Plan, said: Said, pad: Pad, join: Join) -> str:
    """Lines that compute `y` from `x` and `state`, and from `bias` where the plan adds it last.

    `pad` and `join` give expressions of the framework, as `Dialect` describes them.
    """
    axes = said.axes(it.rank)
    lines: list[str] = []
    if plan.before:
        lines.append(f"x = {pad('x', _along(axes, plan.before))}")
    if plan.groups == 1:
        lines += _call(plan, said, "x", "y", "state")
    else:
        lines += ["parts = []", f"for group in range({plan.groups}):", f"    own = x[{_own(plan, axes)}]"]
        lines += [f"    {line}" for line in (*_call(plan, said, "own", "part", "state[group]"), "parts.append(part)")]
        lines.append(f"y = {join('parts', axes.index('C'))}")
    lines += _cropped(it, plan, axes)
    if plan.after is not None:
        lines.append(f"y = {pad('y', _along(axes, [(0, more) for more in plan.after]))}")
    if plan.bias_last:
        lines.append("y = y + bias" if axes.endswith("C") else f"y = y + bias[{', '.join([':', *['None'] * it.rank])}]")
    text = "\n".join(lines) + "\n"
    used = (line for line in said.imports if re.search(rf"(?<![.\w]){line.split()[-1]}\b", text))
    return "".join(f"{line}\n" for line in used) + text


def _call(plan: Plan, said: Said, x: str, y: str, state: str) -> Iterator[str]:
    """Lines from the input to the result of one call."""
    if said.is_layer:
        yield f"layer = {said.call}"
        yield from (_renamed(line, x, state) for line in said.load)
        yield f"{y} = {_renamed(said.apply, x, state)}"
        return
    yield f"{'kernel, bias' if plan.inner.bias else 'kernel,'} = {state}"
    yield from said.load
    yield f"{y} = {_renamed(said.call, x, state)}"


def _renamed(line: str, x: str, state: str) -> str:
    """A line with the names of its input and its arrays; a keyword argument of such a name stays."""
    return re.sub(r"(?<![.\w])state\b(?!=)", state, re.sub(r"(?<![.\w])x\b(?!=)", x, line))


def _along(axes: str, values: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """A pair for every axis of an array, of those of its spatial axes."""
    space = iter(values)
    return [next(space) if letter in TAPS else (0, 0) for letter in axes]


def _own(plan: Plan, axes: str) -> str:
    """The index that takes the input channels of one group."""
    width = plan.inner.channels_in
    own = "group : group + 1" if width == 1 else f"{width} * group : {width} * (group + 1)"
    return ", ".join(own if letter == "C" else ":" for letter in axes)


def _cropped(it: Settings, plan: Plan, axes: str) -> Iterator[str]:
    """The line that crops; none where nothing is cropped."""
    if plan.begins is None:
        return
    kept: Sizes = tuple(out - more for out, more in zip(it.output, plan.after or (0,) * it.rank, strict=True))
    bounds = [(lo, lo + size) for lo, size in zip(plan.begins, kept, strict=True)]
    if bounds != [(0, size) for size in plan.inner.output]:
        space = iter(bounds)
        index = ("{}:{}".format(*next(space)) if letter in TAPS else ":" for letter in axes)
        yield f"y = y[{', '.join(index)}]"
