"""From a form that shows a difference to the plainest one that still does, many candidates at a time.

Hypothesis shrinks one candidate after the other, which is what fused backends are slowest at, and starts from the draws
that made an example; here the candidates of a round are asked together, and any form can be shrunk. A round tries every
single move; where none is left, every two of them, because a condition such as `kernel - stride is odd` needs two.

Moves only lower features, so that what is shrunk has every feature of the smallest form. Exchanges give one feature for
another that weighs less: the room of a wide kernel for that of a long input, groups for channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

from convt.upgrade.forms import Axis, Form, mended, spelled_out
from convt.upgrade.sides import OutOfTime

Move = tuple[Any, ...]
Shows = Callable[[Sequence[Form]], list[bool]]
"""Whether each of some forms still shows the difference."""
TOGETHER = 48
"""Candidates asked at once, the plainest first."""
CHANNELS = (1, 2, 3, 4, 8, 15, 16)


def smallest(
    start: Form, shows: Shows, together: int = TOGETHER, steps: int = 200, exchanging: bool = False
) -> tuple[Form, bool]:
    """(the plainest form found that shows the difference, whether no move makes it plainer).

    `together` candidates are asked at once. After `steps` plainer forms, or where the budget is spent, it ends.
    """
    best = start
    try:
        for _ in range(steps):
            hits: list[tuple[Form, list[Move]]] = []
            for some in _rounds(best, together, exchanging):
                hits = [one for one, yes in zip(some, shows([form for form, _ in some]), strict=True) if yes]
                if hits:
                    break
            if not hits:
                return best, True
            joint = _joint(best, hits) if together > 1 else None
            best = joint if joint is not None and shows([joint])[0] else hits[0][0]
    except OutOfTime:
        pass
    return best, False


def _rounds(form: Form, together: int, exchanging: bool) -> Iterator[list[tuple[Form, list[Move]]]]:
    """The plainer forms one move away and then two, in parts, the plainest of each part first."""
    own = [*moves(form), *(exchanges(form) if exchanging else ())]
    seen: set[Form] = {form}
    for count in (1, 2):
        candidates = []
        for some in combinations(own, count):
            other = applied(form, some)
            if other is not None and other not in seen and other.key < form.key:
                seen.add(other)
                candidates.append((other, list(some)))
        candidates.sort(key=lambda one: one[0].key)
        yield from (candidates[at : at + together] for at in range(0, len(candidates), together))


def _joint(form: Form, hits: list[tuple[Form, list[Move]]]) -> Form | None:
    """Every move that kept the difference alone, made at once; None where that is no plainer than the best of them."""
    chosen: dict[Any, Move] = {}
    for _, made in hits:
        for move in made:
            chosen.setdefault(move[:-1], move)
    ordered = sorted(chosen.values(), key=lambda move: move[0] in ("axes", "order"))
    joint = applied(form, ordered) if len(ordered) > 1 else None
    return joint if joint is not None and joint.key < hits[0][0].key else None


def moves(form: Form) -> Iterator[Move]:
    """Every single change that can make the form plainer: (what, [which,] to)."""
    if form.keyword or form.sized == "output_size":
        yield ("pairs", True)
    if form.keyword:
        yield ("keyword", "")
    if form.sized:
        yield ("sized", "")
    for count in range(1, len(form.axes)):
        yield from (("axes", kept) for kept in combinations(range(len(form.axes)), count))
    for name in ("groups", "batch"):
        yield from ((name, value) for value in range(1, getattr(form, name)))
    for name in ("per_in", "per_out"):
        most = getattr(form, name)
        yield from ((name, value) for value in dict.fromkeys((*CHANNELS, most - 1)) if 1 <= value < most)
    if form.bias:
        yield ("bias", False)
    for at, axis in enumerate(form.axes):
        for name, floor in zip(Axis._fields, Axis(), strict=True):
            yield from (("axis", at, name, value) for value in range(floor, getattr(axis, name)))
        if axis.lo > axis.hi:
            yield ("axis", at, "turned", True)
    if len(form.axes) > 1:
        yield from (("order", order) for order in permutations(range(len(form.axes))))


def exchanges(form: Form) -> Iterator[Move]:
    """Every change of one feature for another: (what, which, to)."""
    for at, axis in enumerate(form.axes):
        if axis.k > 1:
            yield ("axis", at, "kernel for input", True)
        if axis.d > 1:
            yield ("axis", at, "dilation for stride", True)
    if form.groups > 1:
        yield from (("groups for", name, True) for name in ("per_out", "per_in"))


def applied(form: Form, made: Sequence[Move]) -> Form | None:
    """The form after these moves, mended; None where it means nothing."""
    result: Form | None = form
    for move in made:
        result = _apply(result, move) if result is not None else None
    return mended(result) if result is not None else None


def _apply(form: Form, move: Move) -> Form | None:
    what, *which, to = move
    if what == "pairs":
        return spelled_out(form)
    if what in ("axes", "order"):
        return replace(form, axes=tuple(form.axes[at] for at in to)) if max(to) < len(form.axes) else None
    if what == "groups for":
        [name] = which
        return replace(form, groups=1, **{name: form.groups * getattr(form, name)})
    if what != "axis":
        return replace(form, **{what: to})
    at, name = which
    if at >= len(form.axes):
        return None
    axes = list(form.axes)
    axes[at] = axes[at]._replace(**_change(axes[at], name, to))
    return replace(form, axes=tuple(axes))


def _change(axis: Axis, name: str, to: Any) -> dict[str, int]:
    if name == "turned":
        return {"lo": axis.hi, "hi": axis.lo}
    if name == "kernel for input":
        return {"k": 1, "n": axis.n + axis.k - 1}
    if name == "dilation for stride":
        return {"d": 1, "s": max(axis.s, axis.d)}
    return {name: to}
