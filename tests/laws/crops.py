"""Laws of what is cut off: every padding is a crop of one full result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.settings import Pairs, Settings
from convt.laws.blame import blamed
from convt.laws.comparison import equal
from convt.laws.law import PASS, Finding
from convt.laws.probes import Relation, ask, asked, inner, valued, whole


class SameCrop(Relation):
    """`same` is `valid` cropped by (floor, ceil) of what is too much; never the mirrored crop.

    Budget: one more settings, the `valid` one.
    """

    id = "same-crop"
    over_cover = "everywhere"
    source = "section 3; Keras and JAX, conv_transpose with padding='same'"

    def applies(self, case: Case) -> bool:
        return case.settings.transposed and case.settings.padding == "same" and min(case.settings.input) > 0

    def probes(self, case: Case) -> dict[str, Probe]:
        arrays = whole(case)
        full = case.settings.replace(padding="valid", output_size=None)
        return {"same": ask(case.settings, arrays), "valid": ask(full, arrays)}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        it = case.settings
        same, valid = valued(got["same"]), valued(got["valid"])
        full = [(n - 1) * s + e for n, s, e in zip(it.input, it.stride, it.effective, strict=True)]
        surplus = [max(size - out, 0) for size, out in zip(full, it.output, strict=True)]
        cropped = tuple(slice(t // 2, t // 2 + out) for t, out in zip(surplus, it.output, strict=True))
        judged = equal(same, valid[inner(*cropped)], "same")
        if judged is PASS:
            return PASS
        mirrored = tuple(slice(t - t // 2, t - t // 2 + out) for t, out in zip(surplus, it.output, strict=True))
        if equal(same, valid[inner(*mirrored)]) is not PASS:
            return blamed(judged, asked(self, case), got, ("same", "valid"))
        return replace(judged, probe="same", cause="mirrored-crop")


class PaddingCrops(Relation):
    """Explicit padding is a crop of the unpadded result.

    Budget: one more settings, the unpadded one.
    """

    id = "padding-crops"
    over_cover = "everywhere"
    source = "section 3; torch.nn.ConvTranspose2d, padding"

    def applies(self, case: Case) -> bool:
        it = case.settings
        return it.transposed and not isinstance(it.padding, str) and any(map(any, it.padding)) and min(it.input) > 0

    def probes(self, case: Case) -> dict[str, Probe]:
        arrays = whole(case)
        return {"padded": ask(case.settings, arrays), "unpadded": ask(_unpadded(case.settings), arrays)}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        it = case.settings
        keep = tuple(slice(lo, lo + out) for (lo, _), out in zip(it.crop, it.output, strict=True))
        judged = equal(valued(got["padded"]), valued(got["unpadded"])[inner(*keep)], "padded")
        return blamed(judged, asked(self, case), got, ("padded", "unpadded"))


def _unpadded(it: Settings) -> Settings:
    nothing: Pairs = ((0, 0),) * it.rank
    return it.explicit().replace(padding=nothing)
