"""Laws of shapes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.settings import Settings, effective_kernel
from convt.laws.comparison import same_shape
from convt.laws.law import PASS, Finding, Law
from convt.laws.probes import ask, drawn, inhabited, plain, valued


class OutputShape(Law):
    """The output's shape follows the size law, and abstract evaluation says the same.

    Budget: the case's own settings. Without abstract evaluation, the computed shape alone is judged.
    """

    id = "output-shape"
    source = "section 3; arXiv:1603.07285, relationship 14"

    def applies(self, case: Case) -> bool:
        return case.settings.transposed

    def probes(self, case: Case) -> dict[str, Probe]:
        it = plain(case)
        return {"value": it, "shape": Probe(it.settings, it.x, it.w, it.b, want="shape")}

    def needs(self, name: str) -> bool:
        return name == "value"

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        computed = same_shape(valued(got["value"]).shape, case.settings.y_shape, probe="value")
        abstract = got["shape"].shape
        if computed is not PASS or abstract is None:
            return computed
        return same_shape(abstract, case.settings.y_shape, "abstract shape", "shape", abstract=True)


class Preimages(Law):
    """The s output paddings give the s sizes, and the forward convolution maps each of them back to n.

    Budget: at most three sizes (the smallest, the largest and the case's own), each with its forward convolution.
    Without the forward ones, the sizes alone are judged.
    """

    id = "preimages"
    over_cover = "everywhere"
    source = "section 3; arXiv:1603.07285, relationship 14"

    def applies(self, case: Case) -> bool:
        it = case.settings
        return it.transposed and inhabited(it) and max(it.stride) > 1 and min(_smallest(it)) > 0

    def probes(self, case: Case) -> dict[str, Probe]:
        probes = {}
        for extra in _extras(case.settings):
            there = _sized(case.settings, extra)
            back = Settings(
                op="conv", input=there.output, kernel=there.kernel, stride=there.stride, dilation=there.dilation,
                padding=there.padding, batch=there.batch, channels_in=there.channels_out,
                channels_out=there.channels_in, groups=there.groups,
            )  # fmt: skip
            x = np.ones(back.x_shape, np.float32)
            probes[f"extra {extra}"] = ask(there, drawn(case, "exact"))
            probes[f"back from extra {extra}"] = Probe(back, x, np.ones(back.w_shape, np.float32), want="shape")
        return probes

    def needs(self, name: str) -> bool:
        return name.startswith("extra")

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        it = case.settings
        for extra in _extras(it):
            larger, mapped = f"extra {extra}", f"back from extra {extra}"
            there, back = got[larger], got[mapped]
            smallest = _smallest(it)
            size = (it.batch, it.channels_out, *(first + a for first, a in zip(smallest, extra, strict=True)))
            judged = same_shape(valued(there).shape, size, f"out.shape with {extra} more than the smallest", larger)
            if judged is PASS and back.shape is not None:
                what = f"shape of the forward convolution of {size}"
                judged = same_shape(back.shape, it.x_shape, what, mapped, abstract=True)
            if judged is not PASS:
                return judged
        return PASS


def _extras(it: Settings) -> list[tuple[int, ...]]:
    """What is added to the smallest size: nothing, the most, and what the case itself adds."""
    own = tuple(out - first for out, first in zip(it.output, _smallest(it), strict=True))
    wanted = [(0,) * it.rank, tuple(s - 1 for s in it.stride)]
    if all(0 <= a < s for a, s in zip(own, it.stride, strict=True)):
        wanted.append(own)
    return list(dict.fromkeys(wanted))


def _smallest(it: Settings) -> tuple[int, ...]:
    """The smallest input that a forward convolution of the same padding maps to n, an extent an axis."""
    if it.padding == "same":
        return tuple((n - 1) * s + 1 for n, s in zip(it.input, it.stride, strict=True))
    crops = it.crop if it.padding != "valid" else ((0, 0),) * it.rank
    axes = zip(it.input, it.kernel, it.stride, it.dilation, crops, strict=True)
    return tuple((n - 1) * s + effective_kernel(k, d) - lo - hi for n, k, s, d, (lo, hi) in axes)


def _sized(it: Settings, extra: tuple[int, ...]) -> Settings:
    """The case with `extra` positions more than the smallest size; the case itself where that is its size."""
    if it.padding == "same":
        size = tuple(first + a for first, a in zip(_smallest(it), extra, strict=True))
        changed = it.replace(output_size=size)
    else:
        changed = it.replace(output_padding=extra, output_size=None)
    return it if changed.output == it.output and changed.crop == it.crop else changed


class SameSize(Law):
    """`same` gives n s, or the size that is asked for.

    Budget: the case's own settings.
    """

    id = "same-size"
    source = "section 3; tf.nn.conv_transpose, padding='SAME'"

    def applies(self, case: Case) -> bool:
        return case.settings.transposed and case.settings.padding == "same"

    def probes(self, case: Case) -> dict[str, Probe]:
        return {"value": plain(case)}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        it = case.settings
        size = it.output_size or tuple(n * s for n, s in zip(it.input, it.stride, strict=True))
        return same_shape(valued(got["value"]).shape, (it.batch, it.channels_out, *size), probe="value")


class ValidSize(Law):
    """`valid` gives n s + max(e - s, 0): the whole result, and never less than n s.

    Budget: the case's own settings.
    """

    id = "valid-size"
    source = "section 3; Keras, conv_transpose with padding='valid'"

    def applies(self, case: Case) -> bool:
        it = case.settings
        return it.transposed and it.padding == "valid" and it.output_padding is None and it.output_size is None

    def probes(self, case: Case) -> dict[str, Probe]:
        return {"value": plain(case)}

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        it = case.settings
        axes = zip(it.input, it.kernel, it.stride, it.dilation, strict=True)
        size = tuple(n * s + max(effective_kernel(k, d) - s, 0) for n, k, s, d in axes)
        return same_shape(valued(got["value"]).shape, (it.batch, it.channels_out, *size), probe="value")
