"""The numbers of a case: the exact, the real and the precision regime, drawn from a seed and the settings alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specs.settings import Settings

EXACT_LIMIT = {"float32": 2**24, "float64": 2**53, "float16": 2**11, "bfloat16": 2**8}
"""The largest magnitude up to which every integer is representable."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """x, w and b of one evaluation, in the stored shapes; b is None without bias."""

    x: np.ndarray
    w: np.ndarray
    b: np.ndarray | None = None


def _generator(settings: Settings, seed: int, use: str) -> np.random.Generator:
    key = [seed, *f"{settings.digest} {use}".encode()]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def _signed(generator: np.random.Generator, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
    """Integers with low <= |value| <= high, either sign; never zero, which would hide a wrong tap."""
    size = generator.integers(low, high, shape, endpoint=True)
    return size * generator.choice(np.array([-1, 1]), shape)


def _biases(generator: np.random.Generator, count: int) -> np.ndarray:
    """As `_signed` from 1 to 9, and all different where they are 18 or fewer: two of one size would hide a swap."""
    numbers = np.concatenate([generator.permutation([*range(-9, 0), *range(1, 10)]) for _ in range(0, count, 18)])
    return numbers[:count]


def exact(settings: Settings, seed: int = 0, dtype: str = "float32", use: str = "exact") -> Arrays:
    """Small integers, so that every partial sum is representable and any order of summation gives the same bits."""
    generator = _generator(settings, seed, use)
    x = _signed(generator, 1, 4, settings.x_shape).astype(dtype)
    w = _signed(generator, 1, 3, settings.w_shape).astype(dtype)
    b = _biases(generator, settings.channels_out).astype(dtype) if settings.bias else None
    return Arrays(x, w, b)


def real(settings: Settings, seed: int = 0, dtype: str = "float32") -> Arrays:
    """Mixed signs over seven binades, so that sums cancel and round."""
    generator = _generator(settings, seed, "real")

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        return (generator.uniform(-1, 1, shape) * 2.0 ** generator.integers(-3, 4, shape)).astype(dtype)

    return Arrays(draw(settings.x_shape), draw(settings.w_shape), draw(settings.b_shape) if settings.bias else None)


def precision(settings: Settings, wide: str, seed: int = 0, dtype: str = "float32") -> Arrays:
    """Integers of 12 significant bits, odd, in `wide` ('x' or 'w') and small ones in the other: sums stay exact in
    float32, while rounding an input to bfloat16 (8 bits), float16 or TF32 (11 bits) moves every product."""
    generator = _generator(settings, seed, f"precision {wide}")
    wide_values = _signed(generator, 1024, 2047, getattr(settings, f"{wide}_shape"))
    wide_values = np.sign(wide_values) * (2 * np.abs(wide_values) + 1)
    other = _signed(generator, 1, 2, settings.w_shape if wide == "x" else settings.x_shape)
    x, w = (wide_values, other) if wide == "x" else (other, wide_values)
    b = _biases(generator, settings.channels_out).astype(dtype) if settings.bias else None
    return Arrays(x.astype(dtype), w.astype(dtype), b)


def largest_partial_sum(settings: Settings, arrays: Arrays) -> float:
    """An upper bound of every partial sum's magnitude: the convolution of the absolute values, plus |b|."""
    from specs.oracles import scatter

    absolute = scatter(settings, np.abs(arrays.x), np.abs(arrays.w), None if arrays.b is None else np.abs(arrays.b))
    return float(np.max(absolute, initial=0))
