"""Laws of sums: what the result is made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.data import Arrays
from convt.conv.settings import Settings
from convt.laws.blame import blamed
from convt.laws.comparison import equal
from convt.laws.law import PASS, Finding
from convt.laws.probes import Relation, ask, asked, drawn, inhabited, meaningful, valued, whole

GROUPS = 4
"""The most groups that are asked alone: the first two, the middle one and the last."""


class Linearity(Relation):
    """The result is linear in x and linear in w, the bias set aside.

    Budget: the case's own settings, with four other sets of data.
    """

    id = "linearity"
    over_cover = "everywhere"
    source = "section 3: y is a sum of products"

    def applies(self, case: Case) -> bool:
        return inhabited(case.settings)

    def probes(self, case: Case) -> dict[str, Probe]:
        one, two, it = whole(case), drawn(case, "second"), case.settings
        both_x = Arrays(one.x + 2 * two.x, one.w, one.b)
        both_w = Arrays(one.x, one.w - two.w, one.b)
        return {
            "one": ask(it, one),
            "other x": ask(it, Arrays(two.x, one.w, one.b)),
            "x + 2 other x": ask(it, both_x),
            "other w": ask(it, Arrays(one.x, two.w, one.b)),
            "w - other w": ask(it, both_w),
        }

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        b = whole(case).b
        bias = np.float32(0) if b is None else b.reshape((1, -1) + (1,) * case.settings.rank)
        of = {name: valued(outcome) - bias for name, outcome in got.items()}
        sums = {
            ("x + 2 other x", "other x", "one"): of["one"] + 2 * of["other x"],
            ("w - other w", "other w", "one"): of["one"] - of["other w"],
        }
        for names, total in sums.items():
            judged = equal(of[names[0]], total, f"out of {names[0]}, less bias,")
            if judged is not PASS:
                return blamed(judged, asked(self, case), got, names)
        return PASS


class Bias(Relation):
    """The bias adds once per channel, also where nothing lands.

    Budget: the case's own settings, with zeros for the bias and for the input.
    """

    id = "bias"
    over_cover = "everywhere"
    source = "section 3: nothing lands there: 0, then bias"

    def applies(self, case: Case) -> bool:
        return case.settings.bias and inhabited(case.settings)

    def probes(self, case: Case) -> dict[str, Probe]:
        it, b = whole(case), _bias(case)
        return {
            "with": ask(case.settings, it),
            "without": ask(case.settings, Arrays(it.x, it.w, np.zeros_like(b))),
            "alone": ask(case.settings, Arrays(np.zeros_like(it.x), it.w, it.b)),
        }

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        bias = np.broadcast_to(_bias(case).reshape((1, -1) + (1,) * case.settings.rank), case.settings.y_shape)
        judged = equal(valued(got["alone"]), bias, "out of x = 0", "alone")
        if judged is not PASS:
            return judged
        judged = equal(valued(got["with"]) - valued(got["without"]), bias, "what the bias adds,")
        return blamed(judged, asked(self, case), got, ("with", "without"))


def _bias(case: Case) -> np.ndarray:
    """The bias of a case that has one."""
    b = whole(case).b
    if b is None:
        raise ValueError(f"{case.id} has no bias")
    return b


class Groups(Relation):
    """The result is the concatenation of its groups, each computed alone; depthwise is as many groups as channels.

    Budget: one more settings, shared by all groups, of which four at most are asked.
    """

    id = "groups"
    over_cover = "everywhere"
    source = "section 4; torch.nn.ConvTranspose2d, groups"

    def applies(self, case: Case) -> bool:
        return case.settings.groups > 1 and case.settings.batch > 0

    def probes(self, case: Case) -> dict[str, Probe]:
        it, arrays = case.settings, whole(case)
        per_in, per_out = it.channels_in // it.groups, it.channels_out // it.groups
        one = it.replace(groups=1, channels_in=per_in, channels_out=per_out)
        probes = {"together": ask(it, arrays)}
        for group in _asked(it.groups):
            ins, outs = (slice(group * per, (group + 1) * per) for per in (per_in, per_out))
            w = arrays.w[ins if it.transposed else outs]
            b = None if arrays.b is None else arrays.b[outs]
            probes[f"group {group}"] = ask(one, Arrays(arrays.x[:, ins], w, b))
        return probes

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        per_out = case.settings.channels_out // case.settings.groups
        together = valued(got["together"])
        for group in _asked(case.settings.groups):
            part = together[:, group * per_out : (group + 1) * per_out]
            judged = equal(part, valued(got[f"group {group}"]), f"group {group} of the result")
            if judged is not PASS:
                # the group alone first: the whole may be wrong elsewhere
                return blamed(judged, asked(self, case), got, (f"group {group}", "together"), "together")
        return PASS


def _asked(groups: int) -> list[int]:
    return sorted({0, 1, groups // 2, groups - 1}) if groups > GROUPS else list(range(groups))


class Dilation(Relation):
    """A dilated kernel equals the undilated one with zeros between its taps.

    Budget: one more settings, the undilated one.
    """

    id = "dilation"
    over_cover = "everywhere"
    source = "section 3: tap j stands at j d"

    def applies(self, case: Case) -> bool:
        return _spread(case.settings) is not None and case.settings.batch > 0

    def probes(self, case: Case) -> dict[str, Probe]:
        it, arrays = case.settings, whole(case)
        spread = _spread(it)
        if spread is None:
            raise ValueError(f"{case.id} has no undilated kernel of the same extent")
        w = np.zeros(spread.w_shape, arrays.w.dtype)
        w[(slice(None), slice(None), *(slice(None, None, d) for d in it.dilation))] = arrays.w
        return {"dilated": ask(it, arrays), "with zeros": ask(spread, Arrays(arrays.x, w, arrays.b))}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        judged = equal(valued(got["dilated"]), valued(got["with zeros"]), "dilated")
        return blamed(judged, asked(self, case), got, ("dilated", "with zeros"))


def _spread(it: Settings) -> Settings | None:
    """The same operation with an undilated kernel of the effective extent, where there is one.

    An output padding up to the dilation has none.
    """
    if all(e == k for e, k in zip(it.effective, it.kernel, strict=True)):
        return None
    return meaningful(it, kernel=it.effective, dilation=(1,) * it.rank)
