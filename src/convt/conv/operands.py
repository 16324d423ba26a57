"""The arrays of any evaluation, in any dtype: x, w, b, the cotangent g and the direction t, and the error bound.

`data` has numbers for a value in float32; here the sums that must stay exact are those of what is wanted, in the dtype
in which it is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from convt.conv.bounds import SMALLEST, UNIT_ROUNDOFF
from convt.conv.data import EXACT_LIMIT, generator_of
from convt.conv.dtypes import numpy_dtype
from convt.conv.gradients import DERIVATIVES, Sides, derivative
from convt.conv.oracles import Array, scatter
from convt.conv.settings import Settings

Numbers = Literal["integers", "real"]
PARTS = {"complex64": "float32", "complex128": "float64"}
"""The dtype of the real and of the imaginary part."""
AMPLITUDES = ((4, 3), (2, 2), (2, 1), (1, 1))
"""The largest magnitudes of the two arrays that are multiplied, the most telling first."""
SHARES = (0.5, 0.25, 0.1, 0.03, 0.01)
"""How many of the numbers of one array are kept, where not even ones have exact sums: the others are zero."""
ALONG = {"grad-xw": "x", "grad-wx": "w", "jvp-x": "x", "jvp-w": "w", "jvp-grad-x": "w"}
"""Of which array a direction has the shape."""
FORWARD = ("jvp-x", "jvp-w")
"""Derivatives that need no cotangent."""


def operands(
    it: Settings, want: str, dtype: str, numbers: Numbers = "integers", seed: int = 0, repeated: str = ""
) -> Sides:
    """x, w, b, g and t for what is wanted, those that it needs, in this dtype; those named in `repeated` hold their
    first item over and over, as a broadcast array does.

    Integers are such that every partial sum of the answer is exact in the dtype: small ones, and where the sums are too
    long even for ones, most of one array is zero. Real numbers have both signs over four binades.
    """
    if numbers == "real":
        return _real(it, want, dtype, seed, repeated)
    for first, second, share in _attempts():
        sides = _integers(it, want, dtype, seed, (first, second, share), repeated)
        if largest(it, want, sides) <= EXACT_LIMIT[dtype]:
            return sides
    raise ValueError(f"no integers have exact sums in {dtype} for {want} of {it}")


def _attempts() -> Iterator[tuple[int, int, float]]:
    yield from ((first, second, 1.0) for first, second in AMPLITUDES)
    yield from ((1, 1, share) for share in SHARES)
    yield (1, 1, 0.0)


def _shapes(it: Settings, want: str) -> dict[str, tuple[int, ...]]:
    """The arrays that an evaluation needs."""
    shapes = {"x": it.x_shape, "w": it.w_shape} | ({"b": it.b_shape} if it.bias else {})
    if want in DERIVATIVES or want.startswith("only-"):
        shapes |= {} if want in FORWARD else {"g": it.y_shape}
        shapes |= {"t": it.x_shape if ALONG[want] == "x" else it.w_shape} if want in ALONG else {}
    return shapes


def _integers(it: Settings, want: str, dtype: str, seed: int, how: tuple[int, int, float], repeated: str) -> Sides:
    first, second, share = how
    draw = generator_of(it, seed, f"operands {want} {dtype} {how}")
    found: dict[str, Array] = {}
    for name, shape in _shapes(it, want).items():
        most = second if name in ("w", "g") else first
        parts = [draw.integers(1, most, shape, endpoint=True) * draw.choice([-1, 1], shape) for _ in range(2)]
        array = parts[0] + 1j * parts[1] if dtype in PARTS else parts[0]
        if name in ("x", "g", "t") and share < 1:
            array = array * (draw.random(shape) < share)
        found[name] = array.astype(numpy_dtype(dtype))
    return _sides(found, repeated)


def _real(it: Settings, want: str, dtype: str, seed: int, repeated: str) -> Sides:
    draw = generator_of(it, seed, f"operands {want} {dtype} real")
    found: dict[str, Array] = {}
    for name, shape in _shapes(it, want).items():
        parts = [draw.uniform(-1, 1, shape) * 2.0 ** draw.integers(-3, 1, shape) for _ in range(2)]
        found[name] = (parts[0] + 1j * parts[1] if dtype in PARTS else parts[0]).astype(numpy_dtype(dtype))
    return _sides(found, repeated)


def _sides(found: dict[str, Array], repeated: str) -> Sides:
    found = {name: np.repeat(a[:1], len(a), axis=0) if name in repeated else a for name, a in found.items()}
    return (found["x"], found["w"], found.get("b"), found.get("g"), found.get("t"))


def magnitudes(sides: Sides) -> Sides:
    """The magnitudes in float64: of complex numbers the sum of both parts', which bounds each sum of products."""

    def of(array: Array | None) -> Array | None:
        if array is None:
            return None
        wide = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
        return np.abs(wide.real) + np.abs(wide.imag)

    x, w, b, g, t = map(of, sides)
    if x is None or w is None:
        raise ValueError("x and w are always there")
    return x, w, b, g, t


def answer(it: Settings, want: str, sides: Sides) -> Array:
    """The closed form in float64 (complex128): the value, or the derivative that is wanted."""
    if want in DERIVATIVES or want.startswith("only-"):
        return derivative(it, want, sides)
    x, w, b, _, _ = sides
    return scatter(it, x, w, b)


def largest(it: Settings, want: str, sides: Sides) -> float:
    """An upper bound of the magnitude of every partial sum of the answer."""
    return float(np.max(answer(it, want, magnitudes(sides)), initial=0))


def counted(it: Settings, want: str, sides: Sides) -> Array:
    """How many products land on each element of the answer."""
    ones = [None if a is None else np.ones(a.shape) for a in sides]
    if ones[0] is None or ones[1] is None:
        raise ValueError("x and w are always there")
    return answer(it.replace(bias=False), want, (ones[0], ones[1], None, ones[3], ones[4]))


def tolerance(it: Settings, want: str, sides: Sides, right: Array, accumulation: str, out: str) -> Array:
    """The largest error per element that honest arithmetic can leave: `bounds.bound`, for whatever is wanted.

    What is accumulated in a wider dtype is rounded to `out` at the end, and once more where a bias is added by an op of
    its own. A complex product is four real ones and joins two sums. Infinite where roundings are so many that they may
    add up to everything.
    """
    m = 2 * counted(it, want, sides) + 1 if out in PARTS else counted(it, want, sides) + 1
    u, u_out = UNIT_ROUNDOFF[PARTS.get(accumulation, accumulation)], UNIT_ROUNDOFF[PARTS.get(out, out)]
    room = 1 - m * u
    gamma = m * u / np.where(room > 0, room, 1)
    allowed = np.where(room > 0, gamma * answer(it, want, magnitudes(sides)), np.inf)
    smallest = np.where(right != 0, SMALLEST[PARTS.get(out, out)] / 2, 0)
    if accumulation == out:
        return np.asarray(allowed + u_out * np.abs(right) + smallest)
    rounded = np.abs(right)
    if sides[2] is not None and want not in DERIVATIVES and not want.startswith("only-"):
        bias = sides[2].astype(np.float64).reshape((1, -1) + (1,) * it.rank)
        rounded = rounded + np.abs(right - bias)
    return np.asarray((1 + u_out) * allowed + u_out * rounded + smallest)
