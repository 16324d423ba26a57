"""The mistakes that converters between frameworks make, each made on purpose in translations to PyTorch."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .truth import Job


@dataclass(frozen=True)
class Liar:
    """A mistake: `tell` makes it in a translation, or gives None where it makes no difference or cannot be made."""

    name: str
    about: str
    lie: Callable[[Job], Job | None]

    def tell(self, job: Job) -> Job | None:
        return self.lie(job) if job.it.transposed and job.translation.direct else None


def _said(job: Job, change: Callable[[dict[str, str]], dict[str, str] | None]) -> Job | None:
    """The job with other keyword arguments in its call."""
    call = job.translation.said.call
    given = dict(re.findall(r"(\w+)=(\([^)]*\)|[^,()]+)", call))
    changed = change(dict(given))
    if changed is None or changed == given:
        return None
    first = call[: call.index("(") + 1] + ", ".join(re.findall(r"[(,] ?(\([^)]*\)|[\w.]+)(?=[,)])", call)[:3])
    text = ", ".join([first, *(f"{key}={value}" for key, value in changed.items())]) + ")"
    return replace(job, translation=replace(job.translation, said=replace(job.translation.said, call=text)))


def _arrays(job: Job, change: Callable[[np.ndarray], np.ndarray | None]) -> Job | None:
    """The job with another kernel of the same shape."""
    kernel = job.names["state"]["weight"]
    changed = change(kernel)
    if changed is None or changed.shape != kernel.shape or np.array_equal(changed, kernel):
        return None
    state: dict[str, Any] = {**job.names["state"], "weight": np.ascontiguousarray(changed)}
    return replace(job, names={**job.names, "state": state})


def _space(kernel: np.ndarray) -> tuple[int, ...]:
    return tuple(range(2, kernel.ndim))


def _padding_of_the_input(job: Job) -> Job | None:
    """`padding` taken for zeros around the input, so that the crop is made e - 1 - padding."""
    it = job.it
    crops = {e - 1 - lo for e, (lo, _) in zip(it.effective, it.crop, strict=True)}
    if len(crops) != 1 or min(crops) < 0:
        return None
    return _said(job, lambda given: {**given, "padding": str(crops.copy().pop())})


def _same_from_the_other_side(job: Job) -> Job | None:
    """The larger half of the crop first: `padding` is one more, and so is `output_padding`."""
    if job.it.padding != "same":
        return None
    extra = [lo - hi + a for (lo, hi), a in zip(job.it.crop, job.it.extra, strict=True)]
    return _said(job, lambda given: {
        **given, "padding": str(tuple(lo + 1 for lo, _ in job.it.crop)),
        "output_padding": str(tuple(more + 1 for more in extra)),
    })  # fmt: skip


def _pop(name: str) -> Callable[[Job], Job | None]:
    return lambda job: _said(job, lambda given: {key: value for key, value in given.items() if key != name})


def _swapped(job: Job) -> Job | None:
    return _said(job, lambda given: {**given, "stride": given["dilation"], "dilation": given["stride"]}
                 if {"stride", "dilation"} <= set(given) else None)  # fmt: skip


def _halved_groups(kernel: np.ndarray, groups: int) -> np.ndarray | None:
    """Groups counted on the other feature axis."""
    if groups == 1:
        return None
    rows, columns = kernel.shape[:2]
    spread = kernel.reshape(rows // groups, groups, columns, *kernel.shape[2:])
    return spread.swapaxes(0, 1).reshape(kernel.shape)


LIARS = [
    Liar("padding-of-the-input", "padding is taken for zeros around the input", _padding_of_the_input),
    Liar("same-split-on-the-other-side", "`same` crops its odd position at the beginning", _same_from_the_other_side),
    Liar("taps-mirrored", "the kernel is handed over with its taps backwards",
         lambda job: _arrays(job, lambda kernel: np.flip(kernel, _space(kernel)))),
    Liar("taps-mirrored-on-one-axis", "the last axis of the kernel is backwards",
         lambda job: _arrays(job, lambda kernel: kernel[..., ::-1])),
    Liar("kernel-axes-exchanged", "height and width of the kernel are exchanged",
         lambda job: _arrays(job, lambda kernel: kernel.swapaxes(-1, -2) if kernel.ndim > 3 else None)),
    Liar("features-exchanged", "input and output features of the kernel are exchanged",
         lambda job: _arrays(job, lambda kernel: kernel.swapaxes(0, 1))),
    Liar("features-reshaped", "the kernel is reshaped where it should be transposed",
         lambda job: _arrays(job, lambda kernel: kernel.swapaxes(0, 1).reshape(kernel.shape))),
    Liar("groups-on-the-other-axis", "groups are counted on the other feature axis",
         lambda job: _arrays(job, lambda kernel: _halved_groups(kernel, job.it.groups))),
    Liar("output-padding-lost", "output_padding is left out", _pop("output_padding")),
    Liar("padding-lost", "padding is left out", _pop("padding")),
    Liar("stride-lost", "stride is left out", _pop("stride")),
    Liar("dilation-lost", "dilation is left out", _pop("dilation")),
    Liar("stride-for-dilation", "stride and dilation are exchanged, as positional arguments in another order are",
         _swapped),
    Liar("bias-lost", "the bias is dropped",
         lambda job: _said(job, lambda given: {**given, "bias": "False"} if job.it.bias else None)
         and replace(job, translation=_without_bias(job), names=_no_bias(job))),
]  # fmt: skip


def _without_bias(job: Job) -> Any:
    call = job.translation.said.call.removesuffix(")") + ", bias=False)"
    return replace(job.translation, said=replace(job.translation.said, call=call))


def _no_bias(job: Job) -> dict[str, Any]:
    return {**job.names, "state": {"weight": job.names["state"]["weight"]}}
