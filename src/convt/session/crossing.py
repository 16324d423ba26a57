"""A covering array over everything that a call may meet at once: its settings' classes and what is asked of it.

Each row is a case that says what is asked of it. Rows are valid by construction: what cannot be said is excluded before
the array is made, so that a pair (or triple) of values is either in some row, or in none that could be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal, cast

import covertable
import numpy as np

from convt.adapter.probe import GRADIENTS, MIXED
from convt.cases.asked import CROSSED, CROSSED_LAYOUTS, Asked
from convt.cases.case import Case
from convt.conv.settings import Op, Settings, SettingsError, effective_kernel

Row = Mapping[str, Any]
VECTOR, REALISTIC = 16, (28, 56)
"""The last axis of one vector, and the extents of a realistic one."""
MOST_REALISTIC = 2**21
"""The most products of channels, batch and kernel at which the last axis is up to 56 long, and not 28."""
NONE, SYMMETRIC, PAIRS = "none", "numbers", "pairs"
SECOND_ORDER = ("grad-xw", "grad-wx", "jvp-grad-x")
FACTORS: dict[str, tuple[Any, ...]] = {
    "want": ("value", "shape", "unbatched", *MIXED, *GRADIENTS),
    "dtype": ("float32", "float64", "float16", "bfloat16", "complex64"),
    "memory of x": CROSSED_LAYOUTS,
    "memory of w": CROSSED_LAYOUTS,
    "memory of g": CROSSED_LAYOUTS,
    "channels in": (1, 3, 8, 15, 16, 17, 32, 64),
    "channels out": (1, 3, 8, 15, 16, 17, 32, 64),
    "last axis": (0, 1, 2, "one vector", "realistic"),
    "padding": (NONE, SYMMETRIC, PAIRS, "same", "valid"),
    "batch": (0, 1, 2, 4),
    "rank": (1, 2, 3),
    "call form": (0, 1, 2),
    "groups": ("1", "some", "depthwise"),
    "op": ("conv_transpose", "conv"),
    "stride": ("1", "more"),
    "dilation": ("1", "more"),
    "bias": (False, True),
    "numbers": ("integers", "real"),
}
"""What is crossed. Channels are those of a group. The last axis is that of the smaller side: a transposed convolution's
input, a forward one's output."""


def excluded(row: Row) -> bool | None:
    """Whether a row, perhaps of some factors only, says what cannot be; None where that is not known yet."""

    def are(**values: Any) -> bool:
        return all(row.get(name.replace("_", " ")) in accepted for name, accepted in values.items())

    want = row.get("want")
    if want is not None:
        plain = [name for name in ("memory of x", "memory of w") if row.get(name, "contiguous") != "contiguous"]
        if want == "shape" and (plain or row.get("call form", 0) or row.get("numbers", "integers") != "integers"):
            return True
        if ("g" not in _arrays(want)) and row.get("memory of g", "contiguous") != "contiguous":
            return True
        if want.endswith("-b") and row.get("bias") is False:
            return True
        if want == "unbatched" and row.get("batch", 1) != 1:
            return True
        if want in MIXED and (row.get("dtype", "float32") != "float32" or row.get("numbers", "integers") != "integers"):
            return True
        if want in SECOND_ORDER and are(dtype=("complex64",)):
            return True
    if are(groups=("depthwise",)):
        ins, outs = row.get("channels in"), row.get("channels out")
        if ins == 1 or outs == 1 or (ins is not None and outs is not None and ins != outs):
            return True
    return False


def _arrays(want: str) -> str:
    return "xwg" if want in GRADIENTS and want not in ("jvp-x", "jvp-w") else "xw"


@lru_cache(maxsize=8)
def rows(strength: int, seed: int, names: tuple[str, ...] = tuple(FACTORS)) -> tuple[Row, ...]:
    """A covering array of that strength over the factors of these names; another one for each seed."""
    order = np.random.default_rng(seed)
    factors = {name: [FACTORS[name][at] for at in order.permutation(len(FACTORS[name]))] for name in names}

    def accepted(row: Row) -> bool | None:
        if excluded(row):
            return False
        # None is "not known yet": True would tell covertable to stop asking about this row
        return True if len(row) == len(names) else None

    constraint = {"operator": "fn", "requires": [], "evaluate": accepted}
    return tuple(covertable.make(factors, strength=strength, constraints=[constraint], salt=str(seed)))


def crossed(strength: int, seed: int) -> list[Case]:
    """The cases of a covering array of that strength, each once."""
    found = {case.digest: case for row in rows(strength, seed) for case in [case_of(row, seed)]}
    return list(found.values())


PLAINEST: Row = {
    "want": "value", "dtype": "float32", "memory of x": "contiguous", "memory of w": "contiguous",
    "memory of g": "contiguous", "channels in": 1, "channels out": 1, "last axis": 2, "padding": NONE, "batch": 1,
    "rank": 1, "call form": 0, "groups": "1", "op": "conv_transpose", "stride": "1", "dilation": "1", "bias": False,
    "numbers": "integers",
}  # fmt: skip
"""The value of each factor that says least: what a failing row needs beyond it is what the failure is about."""
_rows: dict[str, Row] = {}
"""The rows that cases were made of, by the cases' digests."""


def plainer(case: Case, seed: int) -> Iterator[Case]:
    """The cases with one factor of the row at its plainest, those that can be; none for a case that no row made."""
    row = _rows.get(case.digest, PLAINEST)
    for name, value in PLAINEST.items():
        tried = {**row, name: value}
        if row[name] != value and not excluded(tried):
            try:
                yield case_of(tried, seed)
            except ValueError:  # no settings are of these classes
                continue


def case_of(row: Row, seed: int) -> Case:
    """A row as a case. What the row leaves open is drawn from the seed and the row."""
    draw = np.random.default_rng([seed, *repr(sorted(row.items(), key=lambda item: item[0])).encode()])
    memory = (row["memory of x"], row["memory of w"], row["memory of g"])
    asked = Asked(row["want"], row["dtype"], memory, row["call form"], row["numbers"])
    case = Case("generated", _settings(row, draw), laws=(CROSSED,), asked=asked, seed=int(draw.integers(2**31)))
    _rows[case.digest] = row
    return replace(case, id=f"generated-{case.digest}")


def _settings(row: Row, draw: np.random.Generator) -> Settings:
    """Settings of the row's classes. Kernels are drawn until the classes hold; one that is long enough always comes."""
    for attempt in range(200):
        it = _tried(row, draw, longer=attempt // 20)
        if it is not None:
            return it
    raise ValueError(f"no settings are of the classes {row}")


def _tried(row: Row, draw: np.random.Generator, longer: int) -> Settings | None:
    op, rank = cast(Op, row["op"]), row["rank"]
    k = [int(draw.integers(1, 4)) + (longer if axis == rank - 1 else 0) for axis in range(rank)]
    s = [1 if row["stride"] == "1" else int(draw.integers(1, 4)) for _ in range(rank)]
    d = [1 if row["dilation"] == "1" else int(draw.integers(1, 4)) for _ in range(rank)]
    # the last axis is of each class: a stride is one, and a dilation is between two taps
    s[-1] = s[-1] if row["stride"] == "1" else int(draw.integers(2, 4))
    if row["dilation"] == "more":
        d[-1], k[-1] = int(draw.integers(2, 4)), max(k[-1], 2)
    groups = 1 if row["groups"] == "1" else 2 if row["groups"] == "some" else row["channels in"]
    ins, outs = (row[f"channels {way}"] * (1 if row["groups"] == "depthwise" else groups) for way in ("in", "out"))
    small = [
        *(int(draw.integers(2, 5)) for _ in range(rank - 1)),
        _last(row, draw, ins * outs // groups * int(np.prod(k))),
    ]
    padding = _padding(row, draw, list(map(effective_kernel, k, d)))
    try:
        n = small if op == "conv_transpose" else _inputs(small, k, s, d, padding)
        it = Settings(
            op=op, input=tuple(n), kernel=tuple(k), stride=tuple(s), dilation=tuple(d), padding=padding,
            channels_in=ins, channels_out=outs, groups=groups, batch=row["batch"], bias=row["bias"],
        )  # fmt: skip
    except SettingsError:
        return None
    side = it.input if it.transposed else it.output
    return it if list(side) == small and min(it.input[:-1], default=1) > 0 and _fits(row, it) else None


def _fits(row: Row, it: Settings) -> bool:
    """Whether an output that nobody asked to be empty has numbers."""
    return row["last axis"] == 0 or (min(it.output) > 0 and min(it.input) > 0)


def _last(row: Row, draw: np.random.Generator, products: int) -> int:
    named = {"one vector": VECTOR, "realistic": int(draw.integers(*REALISTIC))}
    if row["last axis"] == "realistic" and products * max(row["batch"], 1) * 4 ** (row["rank"] - 1) > MOST_REALISTIC:
        return REALISTIC[0]
    at = row["last axis"]
    return named[at] if at in named else int(at)


def _padding(row: Row, draw: np.random.Generator, effective: Sequence[int]) -> Any:
    kind: Literal["none", "numbers", "pairs", "same", "valid"] = row["padding"]
    if kind in ("same", "valid"):
        return kind
    if kind == NONE:
        return tuple((0, 0) for _ in effective)
    lows = [int(draw.integers(0, e)) for e in effective]
    lows[-1] = max(lows[-1], 1)
    if kind == SYMMETRIC:
        return tuple((lo, lo) for lo in lows)
    return tuple((lo, max(lo - 1, 0) if draw.integers(2) else lo + 1) for lo in lows)


def _inputs(outputs: Sequence[int], k: Sequence[int], s: Sequence[int], d: Sequence[int], padding: Any) -> list[int]:
    """Inputs of a forward convolution with these outputs."""
    found = []
    for axis, (out, kernel, stride, dilation) in enumerate(zip(outputs, k, s, d, strict=True)):
        lo, hi = (0, 0) if isinstance(padding, str) else padding[axis]
        plain = (out - 1) * stride + effective_kernel(kernel, dilation) - lo - hi
        found.append(max(out * stride if padding == "same" else plain, 0))
    return found
