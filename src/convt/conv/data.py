"""The numbers of a case: the exact, the real and the precision regime, drawn from a seed and the settings alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convt.conv.dtypes import numpy_dtype
from convt.conv.settings import Settings

EXACT_LIMIT = {
    "float32": 2**24, "float64": 2**53, "float16": 2**11, "bfloat16": 2**8, "complex64": 2**24, "complex128": 2**53,
    "int8": 2**7 - 1, "uint8": 2**8 - 1, "int16": 2**15 - 1, "int32": 2**31 - 1, "int64": 2**53,
}  # fmt: skip
"""The largest magnitude up to which every integer is representable; of int64, in the oracles' float64 too."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """x, w and b of one evaluation, in the stored shapes; b is None without bias."""

    x: np.ndarray
    w: np.ndarray
    b: np.ndarray | None = None


def generator_of(settings: Settings, seed: int, use: str) -> np.random.Generator:
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
    generator = generator_of(settings, seed, use)
    x = _signed(generator, 1, 4, settings.x_shape).astype(dtype)
    w = _signed(generator, 1, 3, settings.w_shape).astype(dtype)
    b = _biases(generator, settings.channels_out).astype(dtype) if settings.bias else None
    return Arrays(x, w, b)


def real(settings: Settings, seed: int = 0, dtype: str = "float32") -> Arrays:
    """Mixed signs over seven binades, so that sums cancel and round."""
    generator = generator_of(settings, seed, "real")

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        return (generator.uniform(-1, 1, shape) * 2.0 ** generator.integers(-3, 4, shape)).astype(dtype)

    return Arrays(draw(settings.x_shape), draw(settings.w_shape), draw(settings.b_shape) if settings.bias else None)


def precision(settings: Settings, wide: str, seed: int = 0, dtype: str = "float32") -> Arrays:
    """Integers of 12 significant bits, odd, in `wide` ('x' or 'w') and small ones in the other: sums stay exact in
    float32, while rounding an input to bfloat16 (8 bits), float16 or TF32 (11 bits) moves every product."""
    generator = generator_of(settings, seed, f"precision {wide}")
    wide_values = _signed(generator, 1024, 2047, getattr(settings, f"{wide}_shape"))
    wide_values = np.sign(wide_values) * (2 * np.abs(wide_values) + 1)
    other = _signed(generator, 1, 2, settings.w_shape if wide == "x" else settings.x_shape)
    x, w = (wide_values, other) if wide == "x" else (other, wide_values)
    b = _biases(generator, settings.channels_out).astype(dtype) if settings.bias else None
    return Arrays(x.astype(dtype), w.astype(dtype), b)


PERIODS = (7, 5, 11)
"""Of x, w and b where they count: odd primes, so that nothing moved by a power of two stays what it was."""


def counted(settings: Settings, dtype: str = "float16") -> Arrays:
    """x counts 1, 2, .. 7 and begins again, w to 5 and b to 11: numbers of a line of Python, for very large results."""

    def count(shape: tuple[int, ...], period: int) -> np.ndarray:
        return (np.arange(int(np.prod(shape))) % period + 1).reshape(shape).astype(dtype)

    x, w = count(settings.x_shape, PERIODS[0]), count(settings.w_shape, PERIODS[1])
    return Arrays(x, w, count(settings.b_shape, PERIODS[2]) if settings.bias else None)


AMPLITUDES = ((4, 3, 9), (2, 2, 4), (2, 1, 2), (1, 1, 1))
"""The largest |x|, |w| and |b| of data for narrow dtypes, the most telling first."""


def narrow(settings: Settings, dtype: str, seed: int = 0) -> Arrays | None:
    """Small integers, complex ones in both parts, whose partial sums are exact in `dtype`; None where none fit."""
    parts = 2 if dtype.startswith("complex") else 1
    most = parts * int(np.prod(settings.kernel)) * _per_group(settings)
    for x_max, w_max, b_max in AMPLITUDES:
        if most * x_max * w_max + b_max > EXACT_LIMIT[dtype]:
            continue
        generator = generator_of(settings, seed, f"narrow {dtype}")

        def draw(high: int, shape: tuple[int, ...], generator: np.random.Generator = generator) -> np.ndarray:
            if dtype.startswith("u"):
                return generator.integers(1, high, shape, endpoint=True).astype(dtype)
            real = _signed(generator, 1, high, shape)
            return (real + 1j * _signed(generator, 1, high, shape) if parts == 2 else real).astype(numpy_dtype(dtype))

        b = draw(b_max, settings.b_shape) if settings.bias else None
        return Arrays(draw(x_max, settings.x_shape), draw(w_max, settings.w_shape), b)
    return None


def _per_group(settings: Settings) -> int:
    return settings.channels_in // settings.groups


def real_in(settings: Settings, dtype: str, seed: int = 0) -> Arrays:
    """The real regime, rounded to a narrower dtype."""
    wide = real(settings, seed, "float64")
    return Arrays(*(None if a is None else a.astype(numpy_dtype(dtype)) for a in (wide.x, wide.w, wide.b)))  # type: ignore[arg-type]


def wide64(settings: Settings, seed: int = 0) -> Arrays:
    """Odd integers of 29 significant bits in x, small ones in w: float64 sums are exact, and rounding any of them to
    float32 (24 bits) shows."""
    generator = generator_of(settings, seed, "wide64")
    x = _signed(generator, 2**27, 2**28 - 1, settings.x_shape)
    x = np.sign(x) * (2 * np.abs(x) + 1)
    w = _signed(generator, 1, 3, settings.w_shape)
    b = _biases(generator, settings.channels_out) if settings.bias else None
    return Arrays(x.astype(np.float64), w.astype(np.float64), None if b is None else b.astype(np.float64))


def cotangent(settings: Settings, seed: int = 0) -> np.ndarray:
    """Small integers in y's shape, float32: what gradients are weighed with."""
    generator = generator_of(settings, seed, "cotangent")
    return _signed(generator, 1, 3, settings.y_shape).astype(np.float32)


def direction(settings: Settings, like: str, seed: int = 0) -> np.ndarray:
    """Small integers in the shape of x or of w, float32: the direction of a second derivative."""
    generator = generator_of(settings, seed, f"direction {like}")
    shape = settings.x_shape if like == "x" else settings.w_shape
    return _signed(generator, 1, 3, shape).astype(np.float32)


def largest_partial_sum(settings: Settings, arrays: Arrays) -> float:
    """An upper bound of every partial sum's magnitude: the convolution of the absolute values, plus |b|."""
    from convt.conv.oracles import scatter

    absolute = scatter(settings, np.abs(arrays.x), np.abs(arrays.w), None if arrays.b is None else np.abs(arrays.b))
    return float(np.max(absolute, initial=0))


SPECIAL_VALUES = {
    "inf": np.inf, "-inf": -np.inf, "nan": np.nan, "-0": -0.0, "the smallest subnormal": 2.0**-149,
    "the largest finite": float(np.finfo(np.float32).max),
}  # fmt: skip
"""Numbers that sums and products treat in a way of their own, by the name that a probe has for them."""
