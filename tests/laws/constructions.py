"""Laws that build the transposed convolution out of forward ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.data import Arrays, exact
from convt.conv.oracles import dense_matrix, zero_insertion
from convt.conv.settings import Settings
from convt.laws.blame import blamed, call_went
from convt.laws.comparison import equal, number
from convt.laws.law import PASS, Finding, without_value
from convt.laws.probes import Relation, ask, asked, drawn, forward_of, inhabited, valued, whole

ENTRIES = 4_000_000
"""The largest matrix that is built."""


class Matrix(Relation):
    """The result equals the transpose of the forward convolution's dense matrix, times the flattened input.

    Budget: the case's own settings.
    """

    id = "matrix"
    source = "arXiv:1603.07285, section 4.1"

    def applies(self, case: Case) -> bool:
        it = case.settings
        if not inhabited(it) or it.adjoint() is None:
            return False
        channels = it.channels_in // it.groups * it.channels_out // it.groups
        return channels * int(np.prod(it.input)) * int(np.prod(it.output)) <= ENTRIES

    def probes(self, case: Case) -> dict[str, Probe]:
        return {"value": ask(case.settings, whole(case))}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        it, arrays = case.settings, whole(case)
        forward = it.adjoint()
        if forward is None:
            raise ValueError(f"no forward convolution has {it} as its transpose")
        # float64, in which integers below 2^53 are exact, has fast sums of products
        columns = arrays.x.astype(np.float64).reshape(it.batch, it.groups, -1)
        parts = [
            columns[:, group] @ dense_matrix(forward, arrays.w.astype(np.float64), group) for group in range(it.groups)
        ]
        y = np.stack(parts, axis=1).reshape(it.y_shape).astype(arrays.x.dtype)
        return equal(valued(got["value"]), y + _channels(arrays.b, it), probe="value")


def _channels(b: np.ndarray | None, it: Settings) -> np.ndarray:
    """The bias in a shape that adds to y; zero where there is none."""
    return np.zeros((), np.float32) if b is None else b.reshape((1, -1) + (1,) * it.rank)


class ZeroInsertion(Relation):
    """The result equals the target's own stride-1 convolution, kernel flipped, over the zero-stuffed input.

    Budget: one more settings. Where the target cannot say that convolution, the oracle computes it.
    """

    id = "zero-insertion"
    over_cover = "everywhere"
    source = "arXiv:1603.07285, section 4.5"

    def applies(self, case: Case) -> bool:
        return case.settings.transposed and inhabited(case.settings)

    def probes(self, case: Case) -> dict[str, Probe]:
        arrays = whole(case)
        return {"transposed": ask(case.settings, arrays), "forward": _stuffed(case.settings, arrays)}

    def needs(self, name: str) -> bool:
        return name == "transposed"

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        arrays = whole(case)
        if "forward" in got:
            judged = equal(valued(got["transposed"]), valued(got["forward"]), "transposed")
            return blamed(judged, asked(self, case), got, ("transposed", "forward"))
        y = zero_insertion(case.settings, arrays.x, arrays.w, arrays.b).astype(arrays.x.dtype)
        return equal(valued(got["transposed"]), y, "transposed", "transposed")


def _stuffed(it: Settings, arrays: Arrays) -> Probe:
    """The forward convolution with stride 1, zeros between the input's neighbours and around it, kernel flipped.

    Position p of the full result stands at p - lo of the output, and is the window that begins at stuffed p - (e-1).
    """
    forward = Settings(
        op="conv", input=tuple(out + e - 1 for out, e in zip(it.output, it.effective, strict=True)), kernel=it.kernel,
        dilation=it.dilation, padding="valid", batch=it.batch, channels_in=it.channels_in,
        channels_out=it.channels_out, groups=it.groups, bias=it.bias,
    )  # fmt: skip
    x = np.zeros(forward.x_shape, arrays.x.dtype)
    into, source = [], []
    for n, s, e, (lo, _), size in zip(it.input, it.stride, it.effective, it.crop, forward.input, strict=True):
        places = [(i, i * s + e - 1 - lo) for i in range(n) if 0 <= i * s + e - 1 - lo < size]
        into.append([place for _, place in places])
        source.append([i for i, _ in places])
    whole_axes = (range(it.batch), range(it.channels_in))
    x[np.ix_(*whole_axes, *into)] = arrays.x[np.ix_(*whole_axes, *source)]
    per_in, per_out = it.channels_in // it.groups, it.channels_out // it.groups
    w = arrays.w.reshape(it.groups, per_in, per_out, *it.kernel).swapaxes(1, 2)
    w = np.flip(w.reshape(it.channels_out, per_in, *it.kernel), tuple(range(2, 2 + it.rank)))
    return Probe(forward, x, np.ascontiguousarray(w), arrays.b)


FORWARD = ("forward", "forward again")
TRANSPOSED = ("transposed", "transposed again")


class Adjoint(Relation):
    """<conv(x, w), y> = <x, conv_transpose(y, w)>, exactly on integers, inside a target and across every pair.

    Two x and two y give four products, because one alone is met by chance now and then.
    Budget: one more settings, the forward convolution.
    """

    id = "adjoint"
    over_cover = "everywhere"
    source = "section 4; the definition of a transposed linear map"
    crosses = True

    def applies(self, case: Case) -> bool:
        return inhabited(case.settings) and case.settings.adjoint() is not None

    def probes(self, case: Case) -> dict[str, Probe]:
        arrays = whole(case)
        forward = forward_of(case.settings)
        if forward is None:
            raise ValueError(f"no forward convolution has {case.settings} as its transpose")
        probes = {
            "transposed": ask(case.settings, arrays),
            "transposed again": ask(case.settings, Arrays(drawn(case, "second").x, arrays.w, arrays.b)),
        }
        for name, use in (("forward", "adjoint"), ("forward again", "adjoint again")):
            probes[name] = Probe(forward, exact(forward, case.seed, use=use).x, arrays.w)
        return probes

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        return self._judge(case, got, got)

    def judge_pair(self, case: Case, mine: Mapping[str, Outcome], theirs: Mapping[str, Outcome]) -> Finding:
        """My forward answers with their transposed ones, and the other way round, where there are both."""
        for there, back, my_name, whose in ((mine, theirs, FORWARD, "their "), (theirs, mine, TRANSPOSED, "my ")):
            used = {name: there[name] for name in FORWARD} | {name: back[name] for name in TRANSPOSED}
            if without_value(used) or self.misshapen(case, used):
                continue  # each one's own verdict already says so
            judged = self._judge(case, used, used, whose)
            if judged is PASS:
                continue
            probes = asked(self, case)
            wrong = [name for name in used if call_went(probes[name], used[name]).verdict != "pass"]
            if not wrong:
                return Finding("suite-bug", "suite", note=f"both agree with the oracles, and yet {judged.message}")
            mine_wrong = [name for name in (judged.probe, *my_name) if name in my_name and name in wrong]
            if mine_wrong:
                return judged.about(mine_wrong[0])  # else the other target is to blame, and its own item says so
        return PASS

    def _judge(
        self, case: Case, forward: Mapping[str, Outcome], transposed: Mapping[str, Outcome], whose: str = ""
    ) -> Finding:
        """Every forward answer with every transposed one."""
        probes = asked(self, case)
        for there in FORWARD:
            for back in TRANSPOSED:
                y, x = probes[back].x.astype(np.float64), probes[there].x.astype(np.float64)
                less = valued(transposed[back]).astype(np.float64) - _channels(probes[back].b, case.settings)
                left, right = np.vdot(valued(forward[there]).astype(np.float64), y), np.vdot(x, less)
                if left != right:
                    judged = Finding(
                        "differs", "value", what=f"<x, {whose}conv_transpose(y, w)>",
                        got=number(right), due=number(left), against="<conv(x, w), y>",
                    )  # fmt: skip
                    answers = {there: forward[there], back: transposed[back]}
                    return blamed(judged, probes, answers, (back, there))
        return PASS
