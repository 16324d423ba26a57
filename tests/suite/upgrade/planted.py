"""Backends that differ from an honest one by planted defects, each with the smallest case on which it shows.

Every defect has a condition on the settings and an effect that shows wherever the condition holds, so that what a
search must find is known: the kind of difference, and the features of the smallest case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from convt.adapter.backend import Backend, Outcome, Probe, Want
from convt.conv.oracles import scatter
from convt.conv.settings import Settings
from convt.host.jobs import Each

Says = Callable[[Settings], bool]


@dataclass(frozen=True)
class Defect:
    """Where a backend goes wrong, how, and what a search finds: the kind, and the smallest case's words."""

    where: Says
    effect: str
    kind: str
    needs: tuple[str, ...]
    says: str = ""


DEFECTS: dict[str, Defect] = {
    "same crops the other end": Defect(
        lambda it: it.transposed and it.padding == "same" and any(lo != hi for lo, hi in it.crop),
        "value", "value", ("kernel 2", "padding same"),
    ),
    "dilated groups": Defect(
        lambda it: it.transposed and max(it.dilation) > 1 and it.groups > 1,
        "value", "value", ("dilation 2", "2 groups"),
    ),
    "bias in 3-D": Defect(
        lambda it: it.transposed and it.rank == 3 and it.bias, "value", "value", ("3 axes", "a bias"),
    ),
    "strided batches": Defect(
        lambda it: it.transposed and max(it.stride) > 2 and it.batch > 1, "value", "value", ("stride 3", "2 items"),
    ),
    "16 channels": Defect(
        lambda it: it.transposed and it.channels_in // it.groups >= 16, "value", "value", ("16 input channels",),
    ),
    "odd kernels with a stride": Defect(
        lambda it: it.transposed and any(k in (3, 5) and s > 1 for k, s in zip(it.kernel, it.stride, strict=True)),
        "value", "value", ("kernel 3", "stride 2"),
    ),
    "two biased outputs": Defect(
        lambda it: not it.transposed and it.bias and it.channels_out // it.groups > 1,
        "value", "value", ("a forward convolution", "2 output channels", "a bias"),
    ),
    "wanted size with valid": Defect(
        lambda it: it.transposed and it.padding == "valid" and it.output_size is not None,
        "raise", "outcome", ("padding valid", "a wanted size of 1"), "output_size needs padding",
    ),
    "three groups": Defect(
        lambda it: it.transposed and it.groups > 2, "unsupported", "outcome", ("3 groups",), "no more than 2 groups",
    ),
    "wide dilation": Defect(
        lambda it: it.transposed and max(it.dilation) > 2, "raise", "outcome", ("dilation 3",), "dilation out of range",
    ),
    "forward same": Defect(
        lambda it: not it.transposed and it.padding == "same" and max(it.stride) > 1,
        "shape", "shape", ("a forward convolution", "stride 2", "padding same"),
    ),
    "double depthwise": Defect(
        lambda it: not it.transposed and it.groups > 1 and it.groups == it.channels_in,
        "dtype", "dtype", ("a forward convolution", "2 groups"),
    ),
    "other sums": Defect(
        lambda it: it.transposed and max(it.kernel) > 2, "bits", "bits", ("kernel 3",),
    ),
    "abstract output padding": Defect(
        lambda it: it.transposed and it.output_padding is not None and max(it.output_padding) > 0,
        "abstract", "abstract-shape", ("stride 2", "output padding 1"),
    ),
    "spelled in planes": Defect(
        lambda it: it.transposed and it.rank == 2, "call_form", "value", ("2 axes",),
    ),
    "one item unbatched": Defect(
        lambda it: not it.transposed and it.batch == 1 and max(it.stride) > 1,
        "unbatched", "outcome", ("a forward convolution", "stride 2"), "expected a batch axis",
    ),
    "no items": Defect(
        lambda it: it.transposed and it.batch == 0 and it.bias, "raise", "outcome", ("a bias",), "empty",
    ),
}  # fmt: skip
"""By name; every one shows on its own, also beside the others."""


class Planted(Backend):
    """The oracle's answer, but for the planted defects."""

    name = "planted"
    call_forms = ("plain", "other")
    defects: Sequence[Defect] = ()
    wording: str = ""
    """What a refusal says instead of the defect's own words."""

    def versions(self) -> dict[str, str]:
        return {"planted": str(len(self.defects))}

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        if want in ("nearest", "bilinear"):
            return "no resize"
        refusals = self._there(settings, "unsupported")
        return (self.wording.format(groups=settings.groups) or refusals[0].says) if refusals else None

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        longer = bool(self._there(settings, "shape")) + bool(self._there(settings, "abstract"))
        return (*settings.y_shape[:-1], settings.y_shape[-1] + longer)

    def call(self, probe: Probe) -> np.ndarray:
        it = probe.settings
        for defect in self._there(it, "raise"):
            raise ValueError(defect.says)
        if probe.want == "unbatched":
            for defect in self._there(it, "unbatched"):
                raise TypeError(defect.says)
        y = scatter(it, probe.x, probe.w, probe.b).astype(probe.x.dtype)
        for at, _ in enumerate(self._there(it, "value")):
            y = y + np.float32(1 + at).astype(y.dtype)
        if probe.call_form and self._there(it, "call_form"):
            y = -1 - y
        if self._there(it, "bits") and np.any(probe.x != np.trunc(probe.x)):
            y = np.where(y == 0, y, np.nextafter(y, np.float32(9e9)))  # a gap has no room for an error
        if self._there(it, "shape"):
            y = np.concatenate([y, y[..., :1]], axis=-1)
        y = y.astype(np.float64) if self._there(it, "dtype") else y
        return y[0] if probe.want == "unbatched" else y

    def script(self, settings: Settings, call_form: int = 0) -> str:
        return f"y = planted(x, w, stride={settings.stride})"

    def _there(self, it: Settings, effect: str) -> list[Defect]:
        return [defect for defect in self.defects if defect.effect == effect and defect.where(it)]


def planted(*names: str) -> Planted:
    """A backend with these defects."""
    backend = Planted("eager", "cpu")
    backend.defects = [DEFECTS[name] for name in names]
    return backend


class InProcess:
    """What a pool does, by backends in this very process: fast, and with nothing that could end it."""

    def __init__(self, backends: Mapping[str, Backend], memory: dict[str, Outcome] | None = None) -> None:
        """`memory` keeps what the first backend says, by the probes' keys, for the next search."""
        self._backends = backends
        self._memory = memory
        self.asked: list[tuple[str, int]] = []

    def submit(self, target: str, probes: Sequence[Probe], each: Each | None = None) -> Future[list[Outcome]]:
        self.asked.append((target, len(probes)))
        outcomes = [self._outcome(target, probe) for probe in probes]
        for probe, outcome in zip(probes, outcomes, strict=True):
            if each is not None:
                each(probe, outcome)
        future: Future[list[Outcome]] = Future()
        future.set_result(outcomes)
        return future

    def _outcome(self, target: str, probe: Probe) -> Outcome:
        backend = self._backends[target]
        if self._memory is None or target != next(iter(self._backends)):
            return backend.run(probe)
        if probe.key not in self._memory:
            self._memory[probe.key] = backend.run(probe)
        return self._memory[probe.key]
