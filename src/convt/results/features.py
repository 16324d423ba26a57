"""The features that settings have, as people look for them: the rows of the settings x targets matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from convt.conv import settings

Settings = dict[str, Any]
"""Canonical settings with output, crop and extra, as a case record holds them."""


@dataclass(frozen=True)
class Feature:
    """A row of the matrix; `has` decides from settings alone."""

    group: str
    name: str
    has: Callable[[Settings], bool]
    both: bool = False
    """Whether forward convolutions count too; everywhere else the rows are about transposed ones."""


def recorded(it: settings.Settings) -> Settings:
    """Settings as a case record holds them: canonical, with output, crop and extra."""
    found: Settings = it.canonical() | {"output": it.output, "crop": it.crop, "extra": it.extra}
    return found


def effective(it: Settings) -> list[int]:
    """The extent that the taps cover, an axis."""
    return [d * (k - 1) + 1 for k, d in zip(it["kernel"], it["dilation"], strict=True)]


def _explicit(it: Settings, shape: str) -> bool:
    """Whether explicit padding is all zero, the same on both sides, or neither."""
    if isinstance(it["padding"], str):
        return False
    pairs = [tuple(pair) for pair in it["padding"]]
    if not any(any(pair) for pair in pairs):
        return shape == "none"
    return shape == ("symmetric" if all(lo == hi for lo, hi in pairs) else "asymmetric")


def _depthwise(it: Settings) -> bool:
    return bool(it["groups"] > 1 and it["groups"] == it["channels_in"])


FEATURES = (
    Feature("operation", "transposed convolution", lambda it: it["op"] == "conv_transpose", both=True),
    Feature("operation", "forward convolution", lambda it: it["op"] == "conv", both=True),
    Feature("rank", "1-D", lambda it: len(it["input"]) == 1),
    Feature("rank", "2-D", lambda it: len(it["input"]) == 2),
    Feature("rank", "3-D", lambda it: len(it["input"]) == 3),
    Feature("padding", "same", lambda it: it["padding"] == "same"),
    Feature("padding", "valid", lambda it: it["padding"] == "valid"),
    Feature("padding", "explicit, none", lambda it: _explicit(it, "none")),
    Feature("padding", "explicit, symmetric", lambda it: _explicit(it, "symmetric")),
    Feature("padding", "explicit, asymmetric", lambda it: _explicit(it, "asymmetric")),
    Feature("stride", "1", lambda it: max(it["stride"]) == 1),
    Feature("stride", "over 1", lambda it: max(it["stride"]) > 1),
    Feature(
        "stride",
        "over the kernel (gaps)",
        lambda it: any(s > e for s, e in zip(it["stride"], effective(it), strict=True)),
    ),
    Feature("stride", "not the same on every axis", lambda it: len(set(it["stride"])) > 1),
    Feature("dilation", "over 1", lambda it: max(it["dilation"]) > 1),
    Feature("dilation", "over 1 with stride over 1", lambda it: max(it["dilation"]) > 1 and max(it["stride"]) > 1),
    Feature("groups", "over 1", lambda it: it["groups"] > 1),
    Feature("groups", "depthwise", _depthwise),
    Feature("output", "output padding", lambda it: bool(it["output_padding"]) and max(it["output_padding"]) > 0),
    Feature("output", "output size", lambda it: bool(it["output_size"])),
    Feature("output", "empty", lambda it: 0 in it["output"] or it["batch"] == 0),
    Feature("bias", "with bias", lambda it: bool(it["bias"])),
    Feature("kernel", "even", lambda it: any(k % 2 == 0 for k in it["kernel"])),
    Feature("kernel", "odd", lambda it: all(k % 2 for k in it["kernel"])),
    Feature("kernel", "1", lambda it: all(k == 1 for k in it["kernel"])),
    Feature("batch", "over 1", lambda it: it["batch"] > 1),
    Feature("channels", "16 or more", lambda it: max(it["channels_in"], it["channels_out"]) >= 16),
)


def has(feature: Feature, it: Settings) -> bool:
    """Whether a case with these settings counts in the feature's row."""
    return (feature.both or it["op"] == "conv_transpose") and feature.has(it)


def spatial(values: Any) -> str:
    """One number where all axes say the same, else every axis: `3`, `3x5`."""
    if not isinstance(values, (list, tuple)):
        return str(values)
    return str(values[0]) if len({str(value) for value in values}) == 1 else "x".join(map(str, values))


def padding_text(padding: Any) -> str:
    """The keyword, or the pairs: `same`, `0`, `1`, `(1,2)`, `(1,2)x(0,0)`."""
    if isinstance(padding, str):
        return padding
    pairs = [str(lo) if lo == hi else f"({lo},{hi})" for lo, hi in padding]
    return spatial(pairs)


def short(it: Settings) -> str:
    """The settings in a few words; defaults are left out."""
    parts = ["conv" if it["op"] == "conv" else "", f"{len(it['input'])}-D", f"in {'x'.join(map(str, it['input']))}"]
    parts += [f"k {spatial(it['kernel'])}"]
    for letter, name in (("s", "stride"), ("d", "dilation")):
        if any(value != 1 for value in it[name]):
            parts.append(f"{letter} {spatial(it[name])}")
    if isinstance(it["padding"], str) or any(any(pair) for pair in it["padding"]):
        parts.append(f"p {padding_text(it['padding'])}")
    if it["output_padding"] and any(it["output_padding"]):
        parts.append(f"a {spatial(it['output_padding'])}")
    if it["output_size"]:
        parts.append(f"size {'x'.join(map(str, it['output_size']))}")
    if (it["channels_in"], it["channels_out"]) != (1, 1):
        parts.append(f"c {it['channels_in']}→{it['channels_out']}")
    parts += [f"{letter} {it[name]}" for letter, name in (("g", "groups"), ("n", "batch")) if it[name] != 1]
    if it["bias"]:
        parts.append("bias")
    return " ".join([*filter(None, parts), "→", "x".join(map(str, it["output"]))])


def formulas(it: Settings) -> list[str]:
    """The size arithmetic with the numbers filled in, a line an axis."""
    lines = []
    axes = zip(
        it["input"], it["kernel"], it["stride"], it["dilation"], effective(it), it["crop"], it["extra"], it["output"],
        strict=True,
    )  # fmt: skip
    for n, k, s, d, e, (lo, hi), a, out in axes:
        size = formula(it["op"], n, k, s, d, lo, hi, a)
        fits = it["op"] == "conv_transpose" or (n + lo + hi - e) // s + 1 >= 0
        lines.append(f"out = {size} = {out}" if fits else f"out = max({size}, 0) = {out}")
    return lines


def formula(op: str, n: int | str, k: int, s: int, d: int, lo: int, hi: int, a: int) -> str:
    """The size of one axis with these numbers in place of the letters; `n` may stay a letter."""
    reach = f"{k}" if d == 1 else f"({d}*({k}-1)+1)"
    if op == "conv_transpose":
        return f"({n}-1)*{s} + {reach} - {lo} - {hi} + {a}"
    return f"floor(({n} + {lo} + {hi} - {reach})/{s}) + 1"
