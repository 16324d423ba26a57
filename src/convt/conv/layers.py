"""The numbers of a layer of real size: whole, so few bits in w and g, and as many in x, that every sum is exact.

`x` has up to 12 significant bits, so that a rounding of it to bfloat16, float16 or TF32 shows wherever the sums leave
room for that. Every array is a line of Python, so that a script to paste has the same numbers: the streams of numpy's
RandomState are frozen.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, prod

import numpy as np

from convt.conv.data import EXACT_LIMIT
from convt.conv.settings import Settings

LIMIT = EXACT_LIMIT["float32"]
SMALL = (-2, -1, 1, 2)
"""The numbers of w and g."""
MOST_W = MOST_G = 2
MOST_B = 9
MOST_X = 4095
"""12 significant bits."""
LEAST_X = 15
"""The largest |x| that a case must leave room for: with less, one number could stand for another."""
SEEDS = {"x": 1, "w": 2, "b": 3, "g": 4}


@dataclass(frozen=True, eq=False)
class Layer:
    """x, w, b and the cotangent g, in float32; b is None without bias."""

    x: np.ndarray
    w: np.ndarray
    b: np.ndarray | None
    g: np.ndarray


@dataclass(frozen=True)
class Terms:
    """The most products that are summed up in one number of y and of each gradient."""

    y: int
    x: int
    w: int
    b: int


def terms(it: Settings) -> Terms:
    """How many products a number can be the sum of, at most."""
    axes = list(zip(it.input, it.output, it.kernel, it.stride, it.dilation, strict=True))
    every = prod(min(k, out if it.transposed else n) for n, out, k, _, _ in axes)
    # only every s/gcd(s, d)-th tap meets the same place where the stride moves the taps
    met = prod(min(n if it.transposed else out, -(-k // (s // gcd(s, d)))) for n, out, k, s, d in axes)
    pairs = it.batch * prod(min(n, out) for n, out, *_ in axes)
    ins, outs = it.channels_in // it.groups, it.channels_out // it.groups
    of_y, of_x = (met, every) if it.transposed else (every, met)
    return Terms(ins * of_y, outs * of_x, pairs, it.batch * prod(it.output))


def most_x(it: Settings) -> int:
    """The largest |x| with which every sum of these settings is exact in float32; below 1 where there is none."""
    most = terms(it)
    if most.x * MOST_W * MOST_G > LIMIT or most.b * MOST_G > LIMIT:
        return 0
    room = min((LIMIT - MOST_B) // (MOST_W * max(most.y, 1)), LIMIT // (MOST_G * max(most.w, 1)), MOST_X)
    return room - 1 + room % 2


def line(it: Settings, name: str) -> str:
    """The expression that makes `x`, `w`, `b` or `g` of these settings, as `layer` does."""
    low, high = _range(it, name)
    numbers = f"np.random.RandomState({SEEDS[name]}).randint({low}, {high}, {_shape(it, name)})"
    if name == "x":
        numbers = f"({numbers} * 2 + 1)"
    elif name != "b":
        numbers = f"np.array({[*SMALL]})[{numbers}]"
    return f"{numbers}.astype(np.float32)"


def layer(it: Settings) -> Layer:
    """The arrays of these settings; ValueError where no numbers keep every sum exact."""
    if most_x(it) < LEAST_X:
        raise ValueError(f"the sums of {it} leave room for numbers up to {most_x(it)}, and {LEAST_X} are needed")
    return Layer(drawn(it, "x"), drawn(it, "w"), drawn(it, "b") if it.bias else None, drawn(it, "g"))


def drawn(it: Settings, name: str) -> np.ndarray:
    """One of the arrays, float32."""
    numbers = np.random.RandomState(SEEDS[name]).randint(*_range(it, name), _shape(it, name))
    if name == "x":
        numbers = numbers * 2 + 1
    elif name != "b":
        numbers = np.array(SMALL)[numbers]
    return numbers.astype(np.float32)


def _range(it: Settings, name: str) -> tuple[int, int]:
    """What is drawn before it becomes a number: of x half of it, as only odd numbers stand there, and never zero, which
    would hide a wrong tap; of w and g the place in SMALL."""
    half = (most_x(it) + 1) // 2
    return (-half, half) if name == "x" else (-MOST_B, MOST_B + 1) if name == "b" else (0, len(SMALL))


def _shape(it: Settings, name: str) -> tuple[int, ...]:
    return {"x": it.x_shape, "w": it.w_shape, "b": it.b_shape, "g": it.y_shape}[name]


def inexact(it: Settings, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, g: np.ndarray | None) -> str:
    """Which sums of these arrays may leave the range in which float32 is exact; empty where none does."""
    most = terms(it)
    size = {
        name: int(np.max(np.abs(a), initial=0)) for name, a in {"x": x, "w": w, "b": b, "g": g}.items() if a is not None
    }
    grads = {"x": most.x * size["w"], "w": most.w * size["x"], "b": most.b} if "g" in size else {}
    largest = {"y": most.y * size["x"] * size["w"] + size.get("b", 0)}
    largest |= {f"grad-{name}": times * size["g"] for name, times in grads.items()}
    return ", ".join(f"{name} up to {value:,}" for name, value in largest.items() if value > LIMIT)
