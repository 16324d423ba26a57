"""Liars about roads: right wherever a call is made as usual, and wrong by another way to the same answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from convt.adapter.backend import Probe, Want
from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest
from tests.suite.laws.lies_of_refusal import RefusesWell

ABSTRACT = "abstract: no other law asks the shape of a call that means nothing"
CONSISTENT = "consistent: what is refused and said to be so, every other law takes for unsupported"
FOOTPRINT = "footprint: no other law asks what an infinite tap reaches in another batch, dtype or call form"


class _Evaluates(RefusesWell):
    """Refuses well, but for abstract evaluation, which takes what `lies` says."""

    only = ABSTRACT

    def invalid_shape(self, probe: Probe) -> tuple[int, ...]:
        if self.lies(probe, dict(probe.invalid or {})):
            return probe.settings.y_shape
        return super().invalid_shape(probe)

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        raise NotImplementedError


class EvaluatesAStrideOfZero(_Evaluates):
    """abstract evaluation takes a stride of 0, which the call refuses"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return 0 in list(given.get("stride") or ())


class CapturesAnyBias(_Evaluates):
    """a bias of another length is captured into a graph"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return probe.want == "traced" and probe.b is not None and probe.b.shape != probe.settings.b_shape


class EvaluatesAnyGroups(_Evaluates):
    """abstract evaluation does not look at groups"""

    def lies(self, probe: Probe, given: dict[str, Any]) -> bool:
        return "groups" in given


class _TakesTrue(RefusesWell):
    """Takes a stride of True for 1, as Python does."""

    only = ABSTRACT

    def check(self, it: Settings, name: str, value: Any) -> None:
        if name == "stride" and isinstance(value, list):
            value = [int(each) if isinstance(each, bool) else each for each in value]
        super().check(it, name, value)

    def settings(self, it: Settings, given: dict[str, Any]) -> Settings:
        strides = given.get("stride")
        read = {"stride": [int(each) for each in strides]} if isinstance(strides, list) else {}
        return super().settings(it, given | read)


class CapturesNoTrue(_TakesTrue):
    """a stride of True is taken by the call, and refused where a graph is captured"""

    def invalid_shape(self, probe: Probe) -> tuple[int, ...]:
        if probe.want == "traced" and True in list((probe.invalid or {}).get("stride") or ()):
            raise TypeError("stride: True is no integer")
        return super().invalid_shape(probe)


class EvaluatesTrueForTwo(_TakesTrue):
    """a stride of True is 1 to the call, and 2 to abstract evaluation"""

    def invalid_shape(self, probe: Probe) -> tuple[int, ...]:
        if (probe.invalid or {}).get("stride") == [True] * probe.settings.rank:
            return probe.settings.replace(stride=(2,) * probe.settings.rank).y_shape
        return super().invalid_shape(probe)


class _RefusesBySaying(Honest):
    """Refuses what `refuses` says, and says so beforehand in the same words."""

    only = CONSISTENT
    words = "not implemented for these settings"

    def refuses(self, it: Settings, dtype: str, call_form: int) -> bool:
        raise NotImplementedError

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        refused = want == "value" and self.refuses(settings, "float32", call_form)
        return self.words if refused else super().unsupported(settings, want, call_form)

    def unsupported_dtype(self, dtype: str, settings: Settings, want: Want = "value") -> str | None:
        return self.words if want == "value" and dtype != "float32" and self.refuses(settings, dtype, -1) else None

    def call(self, probe: Probe) -> Array:
        if probe.want == "value" and self.refuses(probe.settings, str(probe.x.dtype), probe.call_form):
            raise NotImplementedError(f"this operation is {self.words}, sorry")
        return super().call(probe)


class DilatesNoFloat64(_RefusesBySaying):
    """a dilation is computed in float32 and refused in float64"""

    def refuses(self, it: Settings, dtype: str, call_form: int) -> bool:
        return dtype == "float64" and max(it.dilation) > 1


class GroupsNoPictures(_RefusesBySaying):
    """groups are computed on one axis and refused on two"""

    def refuses(self, it: Settings, dtype: str, call_form: int) -> bool:
        return it.rank == 2 and it.groups > 1


class StridesNoKeyword(_RefusesBySaying):
    """`same` with a stride is refused as a keyword and computed as numbers"""

    def refuses(self, it: Settings, dtype: str, call_form: int) -> bool:
        return call_form == 0 and it.padding == "same" and max(it.stride) > 1


class _ReachesFurther(Honest):
    """Multiplies zeros beyond the input by an infinite tap, where `further` says so."""

    only = FOOTPRINT

    def further(self, probe: Probe) -> bool:
        raise NotImplementedError

    def call(self, probe: Probe) -> Array:
        y = super().call(probe)
        infinite = probe.want == "value" and bool(np.any(np.isinf(probe.w.astype(np.float64))))
        if infinite and y.size and probe.w.flat[0] == np.inf and self.further(probe):
            y[:, 0][np.isfinite(y[:, 0].astype(np.float64))] = np.nan
        return y


class ReachesFurtherInSeveral(_ReachesFurther):
    """an infinite tap reaches more of an item where there are several"""

    def further(self, probe: Probe) -> bool:
        return len(probe.x) > 1


class ReachesFurtherInFloat64(_ReachesFurther):
    """an infinite tap reaches more in float64"""

    def further(self, probe: Probe) -> bool:
        return probe.x.dtype == np.float64


class ReachesFurtherByNumbers(_ReachesFurther):
    """an infinite tap reaches more where the padding is said by numbers"""

    def further(self, probe: Probe) -> bool:
        return probe.call_form == 1


ROADS: tuple[type[Honest], ...] = (
    EvaluatesAStrideOfZero, CapturesAnyBias, EvaluatesAnyGroups, CapturesNoTrue, EvaluatesTrueForTwo,
    DilatesNoFloat64, GroupsNoPictures, StridesNoKeyword,
    ReachesFurtherInSeveral, ReachesFurtherInFloat64, ReachesFurtherByNumbers,
)  # fmt: skip
