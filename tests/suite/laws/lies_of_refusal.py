"""Liars about settings that mean nothing. All else they refuse as `Honest` does, who says which setting it is."""

from __future__ import annotations

import os
import time
from typing import Any, NoReturn

import numpy as np

from convt.adapter.backend import Probe, Unsupported
from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest

ONLY = "rejects: no other law makes a call that means nothing"


class RefusesWell(Honest):
    """what it refuses, it refuses as it is due: no lie, and what the liars here are made of"""

    only = ONLY


class _AnswersSome(RefusesWell):
    """Answers the valid operation where `lies` says so."""

    def invalid_call(self, probe: Probe) -> Array:
        if self.lies(probe, dict(probe.invalid or {})):
            return super().call(Probe(probe.settings, *self.valid(probe.settings)))
        return super().invalid_call(probe)

    def valid(self, it: Settings) -> tuple[Array, Array]:
        """x and w of the valid operation."""
        return np.ones(it.x_shape, np.float32), np.ones(it.w_shape, np.float32)

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        raise NotImplementedError


class AcceptsStrideZero(_AnswersSome):
    """a stride of 0 is taken for 1"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return given.get("stride") == [0] * probe.settings.rank


class AcceptsNegativePadding(_AnswersSome):
    """a negative padding is taken for none"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return given.get("padding") == [-1] * probe.settings.rank


class AcceptsInSpace(_AnswersSome):
    """a dilation of 0 is refused in 2-D, and taken for 1 in 3-D"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return probe.settings.rank == 3 and given.get("dilation") == [0, 0, 0]


class IgnoresGroups(_AnswersSome):
    """whatever groups are asked for, there is one"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return "groups" in given


class AddsTheChannelsThatThereAre(_AnswersSome):
    """where the input has more channels than the kernel, those that are left are not read"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return probe.x.ndim > 1 and probe.x.shape[1] > probe.settings.channels_in

    def valid(self, it: Settings) -> tuple[Array, Array]:
        return np.full(it.x_shape, 2, np.float32), np.ones(it.w_shape, np.float32)


class WrapsAround32Bits(RefusesWell):
    """a padding is cut to 32 bits on its way down"""

    def check(self, it: Settings, name: str, value: Any) -> None:
        if name == "padding" and isinstance(value, list) and all(type(each) is int for each in value):
            value = [(each + 2**31) % 2**32 - 2**31 for each in value]
            if 2 * value[0] % 2**32 == 0:
                return
        super().check(it, name, value)

    def settings(self, it: Settings, given: dict[str, Any]) -> Settings:
        big = {name for name, value in given.items() if name == "padding" and max(value) > 2**16}
        return super().settings(it, {name: value for name, value in given.items() if name not in big})


class WrapsAround64Bits(_AnswersSome):
    """(n-1)s is computed in 64 bits, and so is small where it is huge"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        stride, it = given.get("stride"), probe.settings
        return isinstance(stride, list) and any(
            s == 2**62 and (n - 1) * s % 2**64 == 0 for n, s in zip(it.input, stride, strict=False)
        )


class TakesTrueForTwo(_AnswersSome):
    """a stride of True is taken, and counts as two positions"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return (
            given.get("stride") == [True, True] and probe.settings.stride == (1, 1) and type(given["stride"][0]) is bool
        )


class AnswersNoChannelsWithAShape(_AnswersSome):
    """where there are no output channels, there are two all the same"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return 0 in probe.w.shape[:2]


class TakesAnyBias(_AnswersSome):
    """a bias of another length is broadcast, or cut"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return probe.b is not None and probe.b.shape != probe.settings.b_shape


class MixesDtypes(_AnswersSome):
    """an input of another dtype is converted without a word"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return probe.x.dtype != probe.w.dtype


class RefusesWithoutAWord(RefusesWell):
    """every refusal is the same, and names nothing"""

    def refuse(self, name: str, value: Any) -> NoReturn:
        raise ValueError("invalid argument")


class NamesAnotherSetting(RefusesWell):
    """what is wrong with a stride is said of the dilation"""

    def refuse(self, name: str, value: Any) -> NoReturn:
        super().refuse("dilation" if name == "stride" else name, value)


class BlamesItself(RefusesWell):
    """a stride that means nothing is an internal error, for which a report is asked"""

    def refuse(self, name: str, value: Any) -> NoReturn:
        raise RuntimeError(f"INTERNAL ASSERT FAILED: {name} > 0, please report a bug")


class RunsOutOfMemory(RefusesWell):
    """a huge stride is a lack of memory"""

    def refuse(self, name: str, value: Any) -> NoReturn:
        if isinstance(value, list) and any(type(each) is int and each > 2**16 for each in value):
            raise MemoryError(f"cannot allocate an output of this {name}")
        super().refuse(name, value)


class FailsInside(RefusesWell):
    """a list of no strides is an index out of range, somewhere inside"""

    def check(self, it: Settings, name: str, value: Any) -> None:
        if isinstance(value, list):
            value = [value[0], *value[1:]]
        super().check(it, name, value)


class HasNoStride(RefusesWell):
    """says that its call has no stride, although other cases tell it one"""

    def invalid_call(self, probe: Probe) -> Array:
        if "stride" in (probe.invalid or {}):
            raise Unsupported("no stride")
        return super().invalid_call(probe)


class CrashesOnStrideZero(RefusesWell):
    """a stride of 0 ends the process"""

    def refuse(self, name: str, value: Any) -> NoReturn:
        if name == "stride":
            os.abort()
        super().refuse(name, value)


class HangsOnDilationZero(RefusesWell):
    """a dilation of 0 is a loop without an end"""

    def refuse(self, name: str, value: Any) -> NoReturn:
        while name == "dilation":
            time.sleep(1)
        super().refuse(name, value)


REFUSALS: tuple[type[RefusesWell], ...] = (
    AcceptsStrideZero, AcceptsNegativePadding, AcceptsInSpace, IgnoresGroups, AddsTheChannelsThatThereAre,
    WrapsAround32Bits, WrapsAround64Bits, TakesTrueForTwo, AnswersNoChannelsWithAShape, TakesAnyBias, MixesDtypes,
    RefusesWithoutAWord, NamesAnotherSetting, BlamesItself, RunsOutOfMemory, FailsInside,
)  # fmt: skip
"""Each with one lie, beside a refusal of everything else."""
FATAL_REFUSALS: tuple[type[RefusesWell], ...] = (CrashesOnStrideZero, HangsOnDilationZero)
"""Those that take their process with them, or never come back."""
