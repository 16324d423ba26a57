"""What is asked about one form: the probes by which two versions can be told apart, and the case that each is.

Questions stand in tracks. In the track `data` the same call is made on other numbers, and a difference counts for the
plainest numbers that show it: small integers, or fractions. The other tracks ask for something else than that call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from convt.adapter.backend import GRADIENTS, LAYOUTS, MIXED, Layout, Probe, Want
from convt.cases.case import Case
from convt.conv.data import SPECIAL_VALUES as SPECIALS
from convt.conv.data import Arrays, cotangent, direction, narrow, real_in
from convt.conv.settings import Settings
from convt.laws.derivatives import LIKE, numbers
from convt.session.strategies import tent
from convt.upgrade.forms import Form

SHALLOW, DEEP = 2, 8
"""How many sets of integers a form is asked with; and where fractions alone seem to show a difference."""
STRIDE = 7
"""Between the turns of a form; the number of tracks that take turns is no multiple of it."""
DISTINCT = 31
"""How many magnitudes integers have before they repeat."""


class Track(NamedTuple):
    """Questions of one sort: a name, whether the numbers are fractions, the call form, what is wanted of it, and in
    which dtype, memory and special numbers."""

    name: str
    fractions: bool = False
    call_form: int = 0
    want: Want = "value"
    dtype: str = "float32"
    layout: Layout = ""
    special: tuple[str, str] | None = None
    """(the place, x, w or b; the special number)."""

    def __str__(self) -> str:
        return f"call form {self.call_form}" if self.call_form else self.name


INTEGERS, FRACTIONS = Track("integers"), Track("fractions", True)
SHAPE, UNBATCHED, EMPTY, RESIZE = Track("shape"), Track("unbatched"), Track("no items"), Track("resize")
SAYS = {
    "fractions": "on fractions, while integers agree",
    "shape": "abstract evaluation",
    "unbatched": "without a batch axis",
    "no items": "a batch of none",
    "resize": "the framework's own resize",
}
"""How a sentence names the tracks that are not the plain call."""

FURTHER: tuple[Track, ...] = (
    *(Track(want, want=want) for want in GRADIENTS),
    *(Track(name, dtype=name) for name in ("float16", "bfloat16", "float64", "complex64", "int32")),
    *(Track(want, want=want) for want in MIXED),
    *(Track(f"{name} memory", layout=name) for name in LAYOUTS if name != "contiguous"),
    *(Track(f"{number} in {place}", special=(place, number))
      for place, number in (("x", "nan"), ("x", "inf"), ("x", "the largest finite"), ("w", "-inf"), ("b", "nan"))),
)  # fmt: skip
"""What takes turns: derivatives, dtypes, mixed precision, memory and special numbers."""
TURNS = 5
"""How many of them a form is asked for, by its content."""
SAYS |= {track.name: track.name for track in FURTHER}


@dataclass(frozen=True, eq=False)
class Question:
    """One probe about a form."""

    track: Track
    case: Case
    probe: Probe


def tracks(form: Form, call_forms: int) -> tuple[Track, ...]:
    """What there is to ask about a form, the plain call's numbers first; `call_forms` is how many the backend has."""
    if form.resize:
        return (RESIZE,)
    further = tuple(Track("call form", call_form=at) for at in range(1, call_forms))
    first = int(form.settings.digest, 16)
    turns = (FURTHER[(first + at * STRIDE) % len(FURTHER)] for at in range(TURNS))
    return (INTEGERS, FRACTIONS, SHAPE, *further, *((UNBATCHED,) if form.batch == 1 else ()), EMPTY, *turns)


@lru_cache(maxsize=4096)
def questions(form: Form, track: Track, depth: int = SHALLOW) -> tuple[Question, ...]:
    """The probes of one track; all of the same settings, so that they share a compiled program."""
    it = form.settings
    if track.fractions:
        case = _named(Case("", it))
        return (_question(track, case, case.data("real")),)
    if track == EMPTY:
        it = it.replace(batch=0)
    if track == RESIZE:
        return (_resize(form),)
    if track in FURTHER:
        return tuple(_further(it, track))
    draws = depth if track == INTEGERS else 1
    literal = (integers(it, draw) for draw in range(draws))
    return tuple(_question(track, _named(Case("", it, literal=arrays)), arrays) for arrays in literal)


def _question(track: Track, case: Case, arrays: Arrays) -> Question:
    want: Want = "shape" if track == SHAPE else "unbatched" if track == UNBATCHED else "value"
    return Question(track, case, Probe(case.settings, arrays.x, arrays.w, arrays.b, want, track.call_form))


def _further(it: Settings, track: Track) -> Iterator[Question]:
    """The plain call's numbers in another dtype or memory, with a special one among them, or differentiated."""
    plain = integers(it)
    if (track.want in ("grad-b", "only-b") or (track.special or "")[:1] == ("b",)) and not it.bias:
        return
    if track.dtype != "float32":
        fitting = [narrow(it, track.dtype)]
        fitting += [real_in(it, track.dtype)] if track.dtype in ("float16", "bfloat16", "float64") else []
        for arrays in fitting:
            if arrays is not None:
                yield Question(track, _named(Case("", it)), Probe(it, arrays.x, arrays.w, arrays.b))
        return
    case = _named(Case("", it, literal=plain))
    x, w, b = plain.x, plain.w, plain.b
    if track.layout:
        x, w = (np.repeat(a[:1], len(a), axis=0) if track.layout == "broadcast" else a for a in (x, w))
        yield Question(track, case, Probe(it, x, w, b, layout=(track.layout, track.layout)))
    elif track.special is not None:
        place, number = track.special
        changed = {"x": x, "w": w, "b": b}[place]
        assert changed is not None
        changed = changed.copy()
        changed.flat[int(it.digest, 16) % changed.size] = SPECIALS[number]
        sides = {"x": x, "w": w, "b": b} | {place: changed}
        yield Question(track, case, Probe(it, sides["x"], sides["w"], sides["b"]))  # type: ignore[arg-type]
    elif track.want in MIXED:
        small = narrow(it, track.want.removeprefix("mixed-"))
        if small is not None:
            x, w = small.x.astype(np.float32), small.w.astype(np.float32)
            b = None if small.b is None else small.b.astype(np.float32)
            yield Question(track, case, Probe(it, x, w, b, want=track.want))
    else:
        arrays = numbers(case)
        if arrays is None:
            return
        x, w, g = arrays.x, arrays.w, None if track.want in ("jvp-x", "jvp-w") else cotangent(it)
        t = direction(it, LIKE[track.want]) if track.want in LIKE else None
        yield Question(track, case, Probe(it, x, w, b, want=track.want, g=g, t=t))


def _resize(form: Form) -> Question:
    it = form.settings
    kernel = np.ones((1,) * it.rank)
    for axis, stride in enumerate(it.stride):
        taps = np.ones(stride) if form.resize == "nearest" else tent(stride)
        kernel = kernel * taps.reshape((-1,) + (1,) * (it.rank - axis - 1))
    arrays = Arrays(integers(it).x, np.broadcast_to(kernel, it.w_shape).astype(np.float32))
    case = _named(Case("", it, literal=arrays, resize=form.resize))  # type: ignore[arg-type]
    return Question(RESIZE, case, Probe(it, arrays.x, arrays.w, want=form.resize))  # type: ignore[arg-type]


def integers(it: Settings, draw: int = 0) -> Arrays:
    """Small integers of either sign that differ in magnitude as far as there are enough of them, so that no flip, swap
    or shift goes unseen by luck. An odd draw is the one before with x and b negated and w one larger in magnitude."""
    x, w, b = _distinct(it, draw // 2)
    if draw % 2:
        x, w, b = -x, w + np.sign(w), -b
    return Arrays(x, w, b if it.bias else None)


def small(form: Form) -> list[Question]:
    """The plain call on integers of at most 3, in draws enough that only large numbers can be what is missing."""
    found = []
    for draw in range(4):
        generator = np.random.default_rng([draw, 3, int(form.settings.digest, 16)])
        x, w, b = (
            _sign(generator, it.shape) * generator.integers(1, 4, it.shape) for it in _distinct(form.settings, 0)
        )
        arrays = Arrays(x.astype(np.float32), w.astype(np.float32), b.astype(np.float32) if form.bias else None)
        found.append(_question(INTEGERS, _named(Case("", form.settings, literal=arrays)), arrays))
    return found


def _sign(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return generator.choice(np.array([-1, 1]), shape)


@lru_cache(maxsize=1024)
def _distinct(it: Settings, draw: int) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng([draw, int(it.digest, 16)])
    arrays = []
    for shape in (it.x_shape, it.w_shape, it.b_shape):
        magnitudes = 2 + np.arange(int(np.prod(shape))) % DISTINCT
        signed = generator.permutation(magnitudes) * _sign(generator, magnitudes.shape)
        arrays.append(signed.reshape(shape).astype(np.float32))
    return tuple(arrays)


def _named(case: Case) -> Case:
    return replace(case, id=f"generated-{case.digest}")
