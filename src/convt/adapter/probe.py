"""What passes between the host and a target: `Probe` there, `Outcome` back, and how both travel.

Runs on both sides, so it needs Python 3.10+ and numpy alone.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np

from convt.adapter.timing import Times
from convt.conv.dtypes import numpy_dtype
from convt.conv.settings import Settings

Want = Literal[
    "value", "shape", "traced", "unbatched", "nearest", "bilinear", "mixed-float16", "mixed-bfloat16",
    "grad-x", "grad-w", "grad-b", "only-x", "only-w", "only-b",
    "grad-xw", "grad-wx", "jvp-x", "jvp-w", "jvp-grad-x",
]  # fmt: skip
"""What is asked of the convolution y = conv(x, w) + b, for a given cotangent g of y and direction t:

    value           y as (batch, channels_out, *output)
    shape           its shape without computing it, of arrays without numbers
    traced          the same by the framework's capture of a graph: what is exported, or traced, and not run
    unbatched       y of x[0] alone, passed without a batch axis
    mixed-float16   y under the framework's own mixed precision: float32 arrays in, computed and given in float16
    mixed-bfloat16  the same in bfloat16
    grad-x, -w, -b  the gradient of sum(g y) with respect to one of them, where those of all three are wanted
    only-x, -w, -b  the same, where the other two are constants that no gradient is wanted for
    grad-xw         the gradient with respect to w of sum(t grad-x), t like x: reverse over reverse
    grad-wx         the gradient with respect to x of sum(t grad-w), t like w: reverse over reverse
    jvp-x, jvp-w    the derivative of y in the direction t of x, or of w: forward mode
    jvp-grad-x      the derivative of grad-x in the direction t of w: forward over reverse
    nearest, bilinear    not the convolution but the framework's own resize of x by `stride`
"""

GRADIENTS: tuple[Want, ...] = (
    "grad-x", "grad-w", "grad-b", "only-x", "only-w", "only-b",
    "grad-xw", "grad-wx", "jvp-x", "jvp-w", "jvp-grad-x",
)  # fmt: skip
ABSTRACT: tuple[Want, ...] = ("shape", "traced")
"""What is answered with a shape, and computes nothing."""
MIXED: tuple[Want, ...] = ("mixed-float16", "mixed-bfloat16")
RESIZES: tuple[Want, ...] = ("nearest", "bilinear")

Layout = Literal["", "contiguous", "channels-last", "strided", "transposed", "flipped", "broadcast", "read-only"]
"""How an array lies in the memory that the framework is given, its numbers being the same: see `convt.adapter.layouts`.
Empty: as the adapter likes, usually a copy."""
LAYOUTS: tuple[Layout, ...] = (
    "contiguous", "channels-last", "strided", "transposed", "flipped", "broadcast", "read-only",
)  # fmt: skip

Kind = Literal["value", "unsupported", "raised", "crashed", "timed-out", "not-run"]


dtype_name = lru_cache(maxsize=64)(str)
"""A dtype's name; numpy finds it anew each time, which is slower than to hash a small array."""


@dataclass(frozen=True, eq=False)
class Timing:
    """What is timed in place of an answer, and beside what: see `convt.adapter.timing`.

    Where `against` has one probe, the calls of the two are timed in turns; where it has none, the own calls alone.
    Where `fresh`, its probes are calls that nobody has made yet: of each the first call is timed, the second, and later
    ones; the half of them only where the others had a ratio above `factor`.
    """

    against: tuple[Probe, ...] = ()
    fresh: bool = False
    row: int = 0
    """Whose times are held against the last row's: the first call's (0) or the second's (1) where `fresh`."""
    factor: float = math.inf
    """The ratio above which everything is measured once more."""


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, eq=False)
class Probe:
    """One evaluation: settings, concrete arrays, and what is wanted. Equal keys mean equal probes.

    `call_form` picks among the backend's ways to say the same settings (`Backend.call_forms`). `force` makes the call
    although the adapter says unsupported, to test that claim; `unsafe` makes it where it may harm, and nowhere else,
    several times in a process of its own. `repeat` tells apart evaluations of the same numbers.
    `prepared` is what the host adds for a backend whose entry has `prepare`; it follows from the rest.
    `g` is the cotangent, in y's shape, and `t` the direction that some gradients need. `layout` is that of x, w and
    g, as far as it goes.
    `invalid` replaces settings of the call by others, which may mean nothing, as {"stride": 0}: `Backend.invalid_call`.
    """

    settings: Settings
    x: np.ndarray
    w: np.ndarray
    b: np.ndarray | None = None
    want: Want = "value"
    call_form: int = 0
    force: bool | Literal["unsafe"] = False
    repeat: int = 0
    prepared: Any = None
    g: np.ndarray | None = None
    t: np.ndarray | None = None
    layout: tuple[Layout, ...] = ()
    invalid: Mapping[str, Any] | None = None
    block: int = 0
    """Numbers in a block, where their sums are to be sent in place of the value (`convt.conv.block_sums`); 0: none."""
    timing: Timing | None = None
    """What is to be timed, where seconds are to be sent in place of the value."""
    seconds: float = 0.0
    """After how many seconds without an answer the call counts as hanging, where that is less than the run's deadline;
    0: the run's. The host's alone: it does not travel, and is no part of the key."""
    may_end: bool = False
    """Whether the call is expected to end its process: it is asked by itself then. The host's alone, as `seconds`."""

    @property
    def arrays(self) -> tuple[np.ndarray | None, ...]:
        """x, w, b, g and t."""
        return (self.x, self.w, self.b, self.g, self.t)

    @cached_property
    def key(self) -> str:
        """A digest of everything that the probe says, 24 hex digits."""
        digest = hashlib.sha256()
        digest.update(f"{self.settings.digest} {self.want} {self.call_form} {self.force} {self.repeat}".encode())
        if any(self.layout) or self.invalid is not None:
            digest.update(f"{self.layout} {json.dumps(self.invalid, sort_keys=True)}".encode())
        if self.block:
            digest.update(f"fold {self.block}".encode())
        if (timing := self.timing) is not None:
            digest.update(f"timing {timing.fresh} {timing.row} {timing.factor}".encode())
            digest.update("".join(probe.key for probe in timing.against).encode())
        for name, array in zip("xwbgt", self.arrays, strict=True):
            if array is not None:
                digest.update(f"{name}{dtype_name(array.dtype)}{array.shape}".encode())
                digest.update(array.tobytes())
        return digest.hexdigest()[:24]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came back: a value (or a shape), or the reason why there is none."""

    kind: Kind
    value: np.ndarray | None = None
    shape: tuple[int, ...] | None = None
    """What was asked for, or beside a folded value that of what was folded."""
    reason: str = ""
    seconds: float = 0.0
    """Time inside the adapter's call; of a fused program, each probe's part."""
    warnings: tuple[str, ...] = ()
    """Each Python warning of the call once, as `Category: message`, without addresses and folders."""
    dtype: str = ""
    """Beside a folded value, the dtype of what was folded."""
    times: tuple[Times, ...] = ()
    """Of a probe with `timing`, the seconds of its calls, as often as they were measured."""

    @cached_property
    def digest(self) -> str:
        """A digest of the exact bits, dtype and shape of the value; empty where there is none."""
        if self.value is None:
            return ""
        digest = hashlib.sha256(f"{dtype_name(self.value.dtype)}{self.value.shape}".encode())
        digest.update(self.value.tobytes())
        return digest.hexdigest()[:16]


def describe(error: BaseException) -> str:
    """The exception's class and the first 400 characters of its message, on one line, without a terminal's colours."""
    return f"{type(error).__name__}: {' '.join(_COLOURS.sub('', str(error)).split())}"[:400]


def pack_array(array: np.ndarray | None) -> Any:
    """An array as (dtype, shape, bytes), for the wire."""
    return None if array is None else (str(array.dtype), tuple(array.shape), np.ascontiguousarray(array).tobytes())


def unpack_array(packed: Any) -> np.ndarray | None:
    """The inverse of `pack_array`: an array of its own memory, writable. bfloat16 needs ml_dtypes on that side."""
    if packed is None:
        return None
    name, shape, data = packed
    return np.frombuffer(bytearray(data), dtype=numpy_dtype(name)).reshape(shape)


def pack_probe(probe: Probe) -> Any:
    """A probe as builtin types, for the wire."""
    said = (probe.want, probe.call_form, probe.force, probe.repeat, probe.prepared, probe.layout, probe.invalid)
    timing = None
    if (it := probe.timing) is not None:
        timing = (tuple(map(pack_probe, it.against)), it.fresh, it.row, it.factor)
    return (probe.settings.canonical(), tuple(map(pack_array, probe.arrays)), *said, probe.block, timing)


def unpack_probe(packed: Any) -> Probe:
    """The inverse of `pack_probe`."""
    settings, arrays, want, call_form, force, repeat, prepared, layout, invalid, block, timed = packed
    x, w, b, g, t = map(unpack_array, arrays)
    assert x is not None
    assert w is not None
    it = _settings(tuple(settings.values()), tuple(settings))
    timing = None if timed is None else Timing(tuple(map(unpack_probe, timed[0])), *timed[1:])
    return Probe(it, x, w, b, want, call_form, force, repeat, prepared, g, t, layout, invalid, block, timing)


@lru_cache(maxsize=4096)
def _settings(values: tuple[Any, ...], names: tuple[str, ...]) -> Settings:
    """Settings as they travel: equal ones are one object, so that what follows from them is computed once."""
    return Settings.from_canonical(dict(zip(names, values, strict=True)))


def pack_outcome(outcome: Outcome) -> Any:
    """An outcome as builtin types, for the wire."""
    value = pack_array(outcome.value)
    said = (outcome.reason, outcome.seconds, outcome.warnings, outcome.dtype, outcome.times)
    return (outcome.kind, value, outcome.shape, *said)


def unpack_outcome(packed: Any) -> Outcome:
    """The inverse of `pack_outcome`."""
    kind, value, shape, reason, seconds, warnings, dtype, times = packed
    shape = None if shape is None else tuple(shape)
    return Outcome(kind, unpack_array(value), shape, reason, seconds, tuple(warnings), dtype, times)
