"""What a backend is: one framework behind one interface.

Runs in the target's process, so it needs Python 3.10+, numpy and the framework alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from convt.adapter.form import Form
from convt.adapter.layouts import Sent, in_memory
from convt.adapter.probe import (
    ABSTRACT,
    GRADIENTS,
    LAYOUTS,
    MIXED,
    RESIZES,
    Kind,
    Layout,
    Outcome,
    Probe,
    Timing,
    Want,
    describe,
    pack_array,
    pack_outcome,
    pack_probe,
    unpack_array,
    unpack_outcome,
    unpack_probe,
)  # fmt: skip
from convt.adapter.program import Compiler, Program, Script
from convt.adapter.timing import Call, Times, in_turns, one_by_one, ratio
from convt.conv.block_sums import block_sums
from convt.conv.settings import Settings

__all__ = [
    "ABSTRACT",
    "GRADIENTS",
    "LAYOUTS",
    "MIXED",
    "NOTHING_UNSAFE",
    "RESIZES",
    "UNSAFE",
    "Backend",
    "Form",
    "Kind",
    "Layout",
    "Outcome",
    "Probe",
    "Program",
    "Script",
    "Unsupported",
    "Want",
    "describe",
    "kept",
    "pack_array",
    "pack_outcome",
    "pack_probe",
    "unpack_array",
    "unpack_outcome",
    "unpack_probe",
    "wrapped",
]  # fmt: skip

UNSAFE = "unsafe: "
"""A claim that begins so is about a call that may end the process, or harm it unseen: nobody makes that call to see."""


NOTHING_UNSAFE = "nothing unsafe is claimed of this call"
"""Why a call is not made that is to be made only where it may harm."""


class Unsupported(Exception):
    """The framework's call cannot say these settings; the message is the reason."""


class Backend:
    """One framework behind one interface. Subclass this, import the framework in `__init__`, and translate.

    An adapter reorders axes and renames arguments. It never crops, pads or casts to make an answer right.
    Arrays come in as numpy, channels first (`Settings.x_shape`, `w_shape`, `b_shape`), and go back as numpy copies.
    """

    name: str
    """The first part of the target's name, such as `pytorch`."""
    modes: ClassVar[tuple[str, ...]] = ("eager",)
    """How the framework can run the call; the first is the default."""
    call_forms: ClassVar[tuple[str, ...]] = ("",)
    """The ways in which the call can say the same settings, each a few words; the first is the default."""
    lays_out: ClassVar[bool] = False
    """Whether `call` gives the framework x, w and g in the memory that `probe.layout` names."""
    mixes: ClassVar[bool] = False
    """Whether `call` answers the MIXED wants, under the framework's own mixed precision."""
    script_imports: str = ""
    """The import lines of a script to paste, numpy's aside."""
    functions_kept: int = 0
    """How many functions of programs are kept, where each holds what a framework compiled; 0: the default."""

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

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        """Why the framework's call cannot say these settings, or None where it can. `UNSAFE`: where it would harm."""
        return None

    def unsupported_dtype(self, dtype: str, settings: Settings, want: Want = "value") -> str | None:
        """Why the framework's call does not take arrays of this dtype, or None where it does. `UNSAFE` as above."""
        return None

    def unsafe(self, probe: Probe) -> str | None:
        """Why this very call, in this dtype and memory, would end the process or harm it; None where it would not.

        The text begins with `UNSAFE`, and is as narrow as what was measured: versions, instruction sets, sizes. The law
        `unsafe-claims` makes such calls where the heap is checked, and those just beside them.
        """
        return None

    def call(self, probe: Probe) -> np.ndarray:
        """The framework's answer, (batch, channels_out, *output), in the dtype in which it came.

        Where `probe.layout` names layouts, the framework is given x, w and g in that memory (`convt.adapter.layouts`).
        Where `probe.want` is one of MIXED, the call is made under the framework's own mixed precision. Where
        `probe.block` is set, the result may be most of the memory, and goes back as the framework holds it: see `kept`.
        """
        return self.run_program(probe)

    def gradient(self, probe: Probe) -> np.ndarray:
        """What `probe.want`, one of GRADIENTS, asks for, in the stored shape and order of what it is a gradient of."""
        raise Unsupported(f"{self.name} has no gradients")

    def invalid_call(self, probe: Probe) -> np.ndarray:
        """The answer of the framework's own call with the settings of `probe.invalid` in place of the probe's.

        They may mean nothing: they are passed on as they are, none checked or converted. The arrays come as they are
        to be passed. Unsupported where the call has no argument for one of them.
        """
        raise Unsupported(f"{self.name} makes no calls that mean nothing")

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        """The output shape by the framework's abstract evaluation; raise Unsupported where it has none."""
        raise Unsupported(f"{self.name} has no abstract evaluation")

    def shape_of(self, probe: Probe) -> tuple[int, ...]:
        """The same for a probe, one of ABSTRACT; raise Unsupported where the framework has no such evaluation."""
        if probe.want != "shape":
            raise Unsupported(f"{self.name} captures no graph")
        return self.shape(probe.settings, str(probe.x.dtype))

    def invalid_shape(self, probe: Probe) -> tuple[int, ...]:
        """The same of the call that `invalid_call` makes."""
        raise Unsupported(f"{self.name} evaluates no calls that mean nothing")

    def shape_by_program(self, probe: Probe) -> tuple[int, ...]:
        """The same by the probe's program, whose entry gives the extents as numpy's array: for adapters that say so."""
        extents = self.run_program(probe).tolist()
        if None in extents:
            raise Unsupported(f"its abstract evaluation leaves extents open: {extents}")
        return tuple(map(int, extents))

    def resize(self, probe: Probe) -> np.ndarray:
        """x resized by `stride` with the framework's own `probe.want` resize, half-pixel centres."""
        raise Unsupported(f"{self.name} has no resize")

    def program(self, form: Form, prepared: Any = None) -> Program | None:
        """The source of what computes numpy `y` for probes of this form: what runs, and what the report shows.

        None where the adapter makes the call by itself, in `call` and the rest, and shows it by `script`. Unsupported
        where the call has no words for the form. `prepared` is what the host prepared for it.
        """
        return None

    def script(self, settings: Settings, call_form: int = 0) -> str:
        """Plain framework code that computes numpy `y` from numpy `x`, `w` and `b`, where there is no `program`.

        A backend whose entry has `prepare` takes a third argument: what that gives for these settings.
        """
        raise NotImplementedError

    def script_of(self, form: Form, prepared: Any = None) -> Script:
        """What is shown for probes of this form; raise Unsupported where no script says it."""
        program = self.program(form, prepared)
        if program is not None:
            return Script(program.script, program.call)
        if form.invalid is not None or form.want not in ("value", *ABSTRACT, "unbatched"):
            raise Unsupported(f"no script for {form.want}")
        more = () if prepared is None else (prepared,)
        return Script(str(self.script(form.settings, form.call_form, *more)))

    @cached_property
    def compiler(self) -> Compiler:
        """The functions made of this adapter's programs."""
        return Compiler(self.script_imports, self.functions_kept)

    def program_of(self, probe: Probe) -> Program:
        """The probe's program, made once for all probes of its form; NotImplementedError where there is none."""
        form, prepared = Form.of(probe), probe.prepared
        program = self.compiler.program(form, self.program) if prepared is None else self.program(form, prepared)
        if program is None:
            raise NotImplementedError(f"{type(self).__name__} has neither this call nor a program for it")
        return program

    def run_program(self, probe: Probe) -> np.ndarray:
        """What the entry of the probe's program gives for its arrays; InputChanged where it wrote into x, w or g."""
        program = self.program_of(probe)
        given = self.sent(probe, program.names)
        answer = kept(probe, self.compiler.entry(program)(*given.arrays))
        given.check()
        return answer

    def timed(self, probe: Probe) -> Call:
        """A function that makes the probe's call once, and waits for its answer: everything that a user does at each
        call, and nothing that the suite does for its own sake."""
        try:
            program = self.program_of(probe)
        except NotImplementedError:
            return lambda: self.call(probe)
        arrays, entry = self.sent(probe, program.names).arrays, self.compiler.entry(program)
        return lambda: entry(*arrays)

    def clock(self) -> float:
        """Seconds, by which calls are timed; only differences mean something."""
        return time.perf_counter()

    def measured(self, probe: Probe, timing: Timing) -> Outcome:
        """The seconds of the calls that `timing` names, measured once more where their ratio is above its factor."""
        for each in (probe, *timing.against):
            if (reason := self.refusal(each)) is not None:
                return Outcome("unsupported", reason=reason)
        times: list[Times] = []
        for half in (0, 1):
            if times and not ratio(times[0], timing.row) > timing.factor:
                break
            if timing.fresh:
                calls = [self.timed(each) for each in timing.against[half::2]]
                times.append(one_by_one(calls, self.clock))
            else:
                times.append(in_turns([self.timed(each) for each in (probe, *timing.against)], self.clock))
        return Outcome("value", times=tuple(times))

    def sent(self, probe: Probe, names: Sequence[str]) -> Sent:
        """The probe's arrays of these names, as its program is given them."""
        return in_memory(probe, names)

    def refusal(self, probe: Probe) -> str | None:
        """Why this probe is not asked: a call form that the backend does not have, or settings that it cannot say.

        `force` overrides every claim but one that begins with `UNSAFE`, and `unsafe` just those.
        """
        if probe.call_form >= len(self.call_forms):
            return f"{self.name} has one call form"
        claim = self.unsupported(probe.settings, probe.want, probe.call_form)
        if claim is None and probe.want in MIXED and not self.mixes:
            return f"the adapter of {self.name} has no mixed precision"
        if claim is None and any(probe.layout) and not self.lays_out:
            return f"the adapter of {self.name} lays out no memory"
        if claim is None:
            claim = self.unsupported_dtype(str(probe.x.dtype), probe.settings, probe.want)
        if claim is None and probe.invalid is None:
            claim = self.unsafe(probe)
        if probe.force == "unsafe":
            return None if claim is not None and claim.startswith(UNSAFE) else NOTHING_UNSAFE
        if probe.force and claim is None:
            return "nothing to force: the call can say these settings"
        return None if probe.force and claim is not None and not claim.startswith(UNSAFE) else claim

    def in_range(self, probe: Probe) -> Probe:
        """The probe with a call form that the backend has: see `wrapped`."""
        call_form = wrapped(probe.call_form, len(self.call_forms))
        return probe if call_form == probe.call_form else replace(probe, call_form=call_form)

    def run(self, probe: Probe) -> Outcome:
        """Answer one probe. An exception of the framework is an outcome."""
        probe = self.in_range(probe)
        try:
            reason = None if probe.invalid is not None else self.refusal(probe)
            if reason is not None:
                return Outcome("unsupported", reason=reason)
            if probe.timing is not None:
                return self.measured(probe, probe.timing)
            if probe.want in ABSTRACT:
                evaluate = self.shape_of if probe.invalid is None else self.invalid_shape
                return Outcome("value", shape=tuple(evaluate(probe)))
            answer = self._answer_of(probe)(probe)
            if probe.block:
                return Outcome("value", block_sums(answer, probe.block), tuple(answer.shape), dtype=str(answer.dtype))
            return Outcome("value", value=np.array(answer))
        except Unsupported as error:
            return Outcome("unsupported", reason=str(error))
        except Exception as error:
            return Outcome("raised", reason=describe(error))

    def _answer_of(self, probe: Probe) -> Callable[[Probe], np.ndarray]:
        """The method that answers a probe for numbers."""
        if probe.invalid is not None:
            return self.invalid_call
        if probe.want in GRADIENTS:
            return self.gradient
        return self.resize if probe.want in RESIZES else self.call

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        """Answer many probes in fused programs, in their order; None where the backend has no such programs."""
        return None


def kept(probe: Probe, array: np.ndarray) -> np.ndarray:
    """A copy of an answer in C order; where only its sums are sent, the array as it lies in the framework's memory."""
    return array if probe.block else np.array(array, order="C")


def wrapped(call_form: int, count: int) -> int:
    """An index into the `count` call forms that a backend has: past the last it begins again with 1.

    Where there is one call form, the index stays as it is, and is refused.
    """
    return 1 + (call_form - 1) % (count - 1) if call_form and count > 1 else call_form
