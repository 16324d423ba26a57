"""What a backend is, and what passes between the host and a target: `Probe` there, `Outcome` back.

Runs on both sides, so it needs Python 3.10+ and numpy alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Literal

import numpy as np

from specs.settings import Settings

Want = Literal["value", "shape", "unbatched", "nearest", "bilinear"]
"""value: y as (batch, channels_out, *output). shape: its shape without computing it. unbatched: x[0] alone, passed
without a batch axis. nearest, bilinear: not the convolution but the framework's own resize of x by `stride`."""

Kind = Literal["value", "unsupported", "raised", "crashed", "timed-out", "not-run"]


UNSAFE = "unsafe: "
"""A claim that begins so is about a call that may end the process, or harm it unseen: nobody makes that call to see."""


class Unsupported(Exception):
    """The framework's call cannot say these settings; the message is the reason."""


_named = lru_cache(maxsize=64)(str)
"""A dtype's name; numpy finds it anew each time, which is slower than to hash a small array."""


@dataclass(frozen=True, eq=False)
class Probe:
    """One evaluation: settings, concrete arrays, and what is wanted. Equal keys mean equal probes.

    `spelling` picks among the backend's ways to say the same settings (`Backend.spellings`). `force` makes the call
    although the adapter says unsupported, to test that claim. `repeat` tells apart evaluations of the same numbers.
    `prepared` is what the host adds for a backend whose entry has `prepare`; it follows from the rest.
    """

    settings: Settings
    x: np.ndarray
    w: np.ndarray
    b: np.ndarray | None = None
    want: Want = "value"
    spelling: int = 0
    force: bool = False
    repeat: int = 0
    prepared: Any = None

    @cached_property
    def key(self) -> str:
        """A digest of everything that the probe says, 24 hex digits."""
        digest = hashlib.sha256()
        digest.update(f"{self.settings.digest} {self.want} {self.spelling} {self.force} {self.repeat}".encode())
        for array in (self.x, self.w, self.b):
            if array is not None:
                digest.update(f"{_named(array.dtype)}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:24]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came back: a value (or a shape), or the reason why there is none."""

    kind: Kind
    value: np.ndarray | None = None
    shape: tuple[int, ...] | None = None
    reason: str = ""
    seconds: float = 0.0
    """Time inside the adapter's call; of a fused program, each probe's part."""
    warnings: tuple[str, ...] = ()
    """Each Python warning of the call once, as `Category: message`, without addresses and folders."""

    @cached_property
    def digest(self) -> str:
        """A digest of the exact bits, dtype and shape of the value; empty where there is none."""
        if self.value is None:
            return ""
        digest = hashlib.sha256(f"{_named(self.value.dtype)}{self.value.shape}".encode())
        digest.update(np.ascontiguousarray(self.value).data)
        return digest.hexdigest()[:16]


class Backend:
    """One framework behind one interface. Subclass this, import the framework in `__init__`, and translate.

    An adapter reorders axes and renames arguments. It never crops, pads or casts to make an answer right.
    Arrays come in as numpy, channels first (`Settings.x_shape`, `w_shape`, `b_shape`), and go back as numpy copies.
    """

    name: ClassVar[str]
    """The first part of the target's name, such as `pytorch`."""
    modes: ClassVar[tuple[str, ...]] = ("eager",)
    """How the framework can run the call; the first is the default."""
    spellings: ClassVar[tuple[str, ...]] = ("",)
    """The ways in which the call can say the same settings, each a few words; the first is the default."""
    script_imports: ClassVar[str] = ""
    """The import lines of a script to paste, numpy's aside."""

    def __init__(self, mode: str, device: str) -> None:
        self.mode = mode
        self.device = device

    @classmethod
    def devices(cls) -> list[str]:
        """Every device that the framework finds here, as targets spell it: `cpu`, `cuda:0`; the default first."""
        return ["cpu"]

    def versions(self) -> dict[str, str]:
        """Package name to version, the framework first."""
        raise NotImplementedError

    def flags(self) -> dict[str, str]:
        """What was set for determinism and precision, and the threads in use; recorded in the header."""
        return {}

    def unsupported(self, settings: Settings, want: Want = "value", spelling: int = 0) -> str | None:
        """Why the framework's call cannot say these settings, or None where it can. `UNSAFE`: where it would harm."""
        return None

    def call(self, probe: Probe) -> np.ndarray:
        """The framework's answer, (batch, channels_out, *output), in the dtype in which it came."""
        raise NotImplementedError

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        """The output shape by the framework's abstract evaluation; raise Unsupported where it has none."""
        raise Unsupported(f"{self.name} has no abstract evaluation")

    def shape_of(self, probe: Probe) -> tuple[int, ...]:
        """The same for a probe, where what the host prepared for it is needed too."""
        return self.shape(probe.settings, str(probe.x.dtype))

    def resize(self, probe: Probe) -> np.ndarray:
        """x resized by `stride` with the framework's own `probe.want` resize, half-pixel centres."""
        raise Unsupported(f"{self.name} has no resize")

    def script(self, settings: Settings, spelling: int = 0) -> str:
        """Plain framework code that computes numpy `y` from numpy `x`, `w` and `b` in the shapes of `settings`.

        A backend whose entry has `prepare` takes a third argument: what that gives for these settings.
        """
        raise NotImplementedError

    def refusal(self, probe: Probe) -> str | None:
        """Why this probe is not asked: a spelling that the backend does not have, or settings that it cannot say.

        `force` overrides every claim but one that begins with `UNSAFE`.
        """
        if probe.spelling >= len(self.spellings):
            return f"{self.name} has one spelling"
        claim = self.unsupported(probe.settings, probe.want, probe.spelling)
        if probe.force and claim is None:
            return "nothing to force: the call can say these settings"
        return None if probe.force and claim is not None and not claim.startswith(UNSAFE) else claim

    def in_turn(self, probe: Probe) -> Probe:
        """The probe with a spelling that the backend has: see `turned`."""
        spelling = turned(probe.spelling, len(self.spellings))
        return probe if spelling == probe.spelling else replace(probe, spelling=spelling)

    def run(self, probe: Probe) -> Outcome:
        """Answer one probe. An exception of the framework is an outcome."""
        probe = self.in_turn(probe)
        try:
            reason = self.refusal(probe)
            if reason is not None:
                return Outcome("unsupported", reason=reason)
            if probe.want == "shape":
                return Outcome("value", shape=tuple(self.shape_of(probe)))
            answer = self.resize if probe.want in ("nearest", "bilinear") else self.call
            return Outcome("value", value=np.array(answer(probe)))
        except Unsupported as error:
            return Outcome("unsupported", reason=str(error))
        except Exception as error:
            return Outcome("raised", reason=describe(error))

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        """Answer many probes in fused programs, in their order; None where the backend has no such programs."""
        return None


def turned(spelling: int, count: int) -> int:
    """Which of a backend's `count` spellings a probe means: whoever asks for a further one need not know how many there
    are, for numbers past the last begin again with 1. Where there is one spelling, the number stays, and is refused."""
    return 1 + (spelling - 1) % (count - 1) if spelling and count > 1 else spelling


def describe(error: BaseException) -> str:
    """The exception's class and the first 400 characters of its message, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:400]


def pack_array(array: np.ndarray | None) -> Any:
    """An array as (dtype, shape, bytes), for the wire."""
    return None if array is None else (str(array.dtype), tuple(array.shape), np.ascontiguousarray(array).tobytes())


def unpack_array(packed: Any) -> np.ndarray | None:
    """The inverse of `pack_array`: an array of its own memory, writable. bfloat16 needs ml_dtypes on that side."""
    if packed is None:
        return None
    name, shape, data = packed
    return np.frombuffer(bytearray(data), dtype=_dtype(name)).reshape(shape)


def _dtype(name: str) -> np.dtype:
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))


def pack_probe(probe: Probe) -> Any:
    """A probe as builtin types, for the wire."""
    arrays = tuple(pack_array(array) for array in (probe.x, probe.w, probe.b))
    return (probe.settings.canonical(), arrays, probe.want, probe.spelling, probe.force, probe.repeat, probe.prepared)


def unpack_probe(packed: Any) -> Probe:
    """The inverse of `pack_probe`."""
    settings, arrays, want, spelling, force, repeat, prepared = packed
    x, w, b = (unpack_array(array) for array in arrays)
    assert x is not None
    assert w is not None
    return Probe(Settings.from_canonical(settings), x, w, b, want, spelling, force, repeat, prepared)


def pack_outcome(outcome: Outcome) -> Any:
    """An outcome as builtin types, for the wire."""
    value = pack_array(outcome.value)
    return (outcome.kind, value, outcome.shape, outcome.reason, outcome.seconds, outcome.warnings)


def unpack_outcome(packed: Any) -> Outcome:
    """The inverse of `pack_outcome`."""
    kind, value, shape, reason, seconds, warnings = packed
    return Outcome(kind, unpack_array(value), None if shape is None else tuple(shape), reason, seconds, tuple(warnings))
