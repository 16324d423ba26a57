"""Settings drawn from a seed, for the tests of the adapters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from convt.conv.settings import Op, Padding, Settings, SettingsError


def random_settings(count: int, op: Op, seed: int = 0) -> list[Settings]:
    """`count` valid settings of every rank, padding and grouping, small enough to be computed in a millisecond."""
    drawn = _drawn(np.random.default_rng([seed, op == "conv"]), op)
    return [next(drawn) for _ in range(count)]


def empty_settings(count: int, op: Op, seed: int = 0) -> list[Settings]:
    """`count` such settings with an axis of nothing: no item, no input or no output."""
    generator = np.random.default_rng([seed, op == "conv", 0])
    found: list[Settings] = []
    while len(found) < count:
        try:
            it = _draw(generator, op)
            it = it.replace(batch=int(generator.integers(0, 2)), input=tuple(int(n) // 2 for n in it.input))
        except SettingsError:
            continue
        if 0 in it.x_shape or 0 in it.y_shape:
            found.append(it)
    return found


def _drawn(generator: np.random.Generator, op: Op) -> Iterator[Settings]:
    while True:
        try:
            settings = _draw(generator, op)
        except SettingsError:
            continue
        if min(settings.output) >= 1:
            yield settings


def _draw(generator: np.random.Generator, op: Op) -> Settings:
    rank = int(generator.choice([1, 1, 2, 2, 2, 3]))

    def sizes(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(size) for size in generator.integers(low, high, rank, endpoint=True))

    fields = {"input": sizes(1, 5), "kernel": sizes(1, 4), "stride": sizes(1, 3), "dilation": (1,) * rank}
    if generator.random() < 0.4:
        fields["dilation"] = sizes(1, 4)
    kind = generator.choice(["same", "valid", "none", "symmetric", "pairs"])
    padding: Padding = tuple((0, 0) for _ in range(rank))
    if kind in ("same", "valid"):
        padding = "same" if kind == "same" else "valid"
    elif kind != "none":
        lows = sizes(0, 2)
        padding = tuple(zip(lows, lows if kind == "symmetric" else sizes(0, 2), strict=True))
    groups = int(generator.choice([1, 1, 2, 3]))
    plain = Settings(
        **fields, padding=padding, op=op, groups=groups, bias=bool(generator.random() < 0.5),
        batch=int(generator.integers(1, 2, endpoint=True)),
        channels_in=groups * int(generator.integers(1, 2, endpoint=True)),
        channels_out=groups * int(generator.integers(1, 2, endpoint=True)),
    )  # fmt: skip
    if op == "conv" or generator.random() < 0.5:
        return plain
    if kind == "same" or generator.random() < 0.5:
        shift = sizes(-2, 0) if kind == "same" else sizes(0, 3)
        return plain.replace(output_size=tuple(out + more for out, more in zip(plain.output, shift, strict=True)))
    return plain.replace(output_padding=sizes(0, 3))
