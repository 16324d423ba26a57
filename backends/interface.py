"""What a backend is: one framework behind one interface.

Runs in the target's process, so it needs Python 3.10+, numpy and the framework alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from backends.probes import (
    GRADIENTS,
    MIXED,
    RESIZES,
    Kind,
    Layout,
    Outcome,
    Probe,
    Want,
    describe,
    pack_array,
    pack_outcome,
    pack_probe,
    unpack_array,
    unpack_outcome,
    unpack_probe,
)  # fmt: skip
from specs.folding import fold
from specs.settings import Settings

__all__ = [
    "GRADIENTS", "MIXED", "RESIZES", "UNSAFE", "Backend", "Kind", "Layout", "Outcome", "Probe", "Unsupported", "Want",
    "describe", "kept", "pack_array", "pack_outcome", "pack_probe", "turned", "unpack_array",
    "unpack_outcome", "unpack_probe",
]  # fmt: skip

UNSAFE = "unsafe: "
"""A claim that begins so is about a call that may end the process, or harm it unseen: nobody makes that call to see."""


class Unsupported(Exception):
    """The framework's call cannot say these settings; the message is the reason."""


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
    lays_out: ClassVar[bool] = False
    """Whether `call` gives the framework x and w in the memory that `probe.layout` names."""
    mixes: ClassVar[bool] = False
    """Whether `call` answers the MIXED wants, under the framework's own mixed precision."""
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

    def unsupported_dtype(self, dtype: str, settings: Settings, want: Want = "value") -> str | None:
        """Why the framework's call does not take arrays of this dtype, or None where it does. `UNSAFE` as above."""
        return None

    def call(self, probe: Probe) -> np.ndarray:
        """The framework's answer, (batch, channels_out, *output), in the dtype in which it came.

        Where `probe.layout` names layouts, the framework is given x and w in that memory (`backends.layouts`). Where
        `probe.want` is one of MIXED, the call is made under the framework's own mixed precision. Where `probe.fold` is
        set, the result may be most of the memory, and goes back as the framework holds it: see `kept`.
        """
        raise NotImplementedError

    def gradient(self, probe: Probe) -> np.ndarray:
        """What `probe.want`, one of GRADIENTS, asks for, in the stored shape and order of what it is a gradient of."""
        raise Unsupported(f"{self.name} has no gradients")

    def attempt(self, probe: Probe) -> np.ndarray:
        """The answer of the framework's own call with the settings of `probe.instead` in place of the probe's.

        They may mean nothing: they are passed on as they are, none checked or converted. The arrays come as they are
        to be passed. Unsupported where the call has no argument for one of them.
        """
        raise Unsupported(f"{self.name} makes no calls that mean nothing")

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

    def script_of(
        self, settings: Settings, spelling: int = 0, want: Want = "value", instead: Any = None, prepared: Any = None
    ) -> str:
        """The same for whatever a probe wants, from `g` and `t` too; raise Unsupported where no script says it."""
        if instead is not None or want not in ("value", "shape", "unbatched"):
            raise Unsupported(f"no script for {want}")
        return self.script(settings, spelling) if prepared is None else self.script(settings, spelling, prepared)  # type: ignore[call-arg]

    def script_in(self, text: str, dtype: str) -> str:
        """A script for arrays of this dtype, where that takes other words than for float32."""
        return text

    def refusal(self, probe: Probe) -> str | None:
        """Why this probe is not asked: a spelling that the backend does not have, or settings that it cannot say.

        `force` overrides every claim but one that begins with `UNSAFE`.
        """
        if probe.spelling >= len(self.spellings):
            return f"{self.name} has one spelling"
        claim = self.unsupported(probe.settings, probe.want, probe.spelling)
        if claim is None and probe.want in MIXED and not self.mixes:
            return f"the adapter of {self.name} has no mixed precision"
        if claim is None and probe.layout != ("", "") and not self.lays_out:
            return f"the adapter of {self.name} lays out no memory"
        if claim is None:
            claim = self.unsupported_dtype(str(probe.x.dtype), probe.settings, probe.want)
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
            reason = None if probe.instead is not None else self.refusal(probe)
            if reason is not None:
                return Outcome("unsupported", reason=reason)
            if probe.want == "shape" and probe.instead is None:
                return Outcome("value", shape=tuple(self.shape_of(probe)))
            answer = self._answer_of(probe)(probe)
            if probe.fold:
                return Outcome("value", fold(answer, probe.fold), tuple(answer.shape), dtype=str(answer.dtype))
            return Outcome("value", value=np.array(answer))
        except Unsupported as error:
            return Outcome("unsupported", reason=str(error))
        except Exception as error:
            return Outcome("raised", reason=describe(error))

    def _answer_of(self, probe: Probe) -> Callable[[Probe], np.ndarray]:
        """The method that answers a probe for numbers."""
        if probe.instead is not None:
            return self.attempt
        if probe.want in GRADIENTS:
            return self.gradient
        return self.resize if probe.want in RESIZES else self.call

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        """Answer many probes in fused programs, in their order; None where the backend has no such programs."""
        return None


def kept(probe: Probe, array: np.ndarray) -> np.ndarray:
    """A copy of an answer in C order; where only its sums are sent, the array as it lies in the framework's memory."""
    return array if probe.fold else np.array(array, order="C")


def turned(spelling: int, count: int) -> int:
    """Which of a backend's `count` spellings a probe means: whoever asks for a further one need not know how many there
    are, for numbers past the last begin again with 1. Where there is one spelling, the number stays, and is refused."""
    return 1 + (spelling - 1) % (count - 1) if spelling and count > 1 else spelling
