"""The cases on which liars are caught: few, small, and among them every kind of settings that a law speaks of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from convt.cases.asked import CONTIGUOUS, Asked
from convt.cases.case import COSTS, Case
from convt.cases.loader import load_cases
from convt.conv.data import Arrays
from convt.conv.settings import Settings
from convt.session.strategies import tent

SPECS = Path(__file__).parents[3] / "specs"


def _case(name: str, input: tuple[int, ...], kernel: tuple[int, ...], seed: int = 0, **fields: Any) -> Case:  # noqa: A002
    return Case(name, Settings(input=input, kernel=kernel, **fields), seed=seed)


def _resize(name: str, how: Any, taps: np.ndarray, margin: int) -> Case:
    it = Settings(input=(5,), kernel=(len(taps),), stride=(2,), padding=((margin, margin),))
    x = np.array([3, -1, 4, 1, -5], np.float32).reshape(1, 1, 5)
    return Case(name, it, literal=Arrays(x, taps.astype(np.float32).reshape(1, 1, -1)), resize=how)


TRANSPOSED: tuple[Case, ...] = (
    _case("plain", (4,), (3,), channels_in=2, channels_out=3, batch=2, bias=True),
    _case("one-input", (1,), (3,), stride=(2,), channels_in=2, channels_out=2),
    _case("strided-cropped", (5,), (4,), stride=(2,), padding=((1, 1),), bias=True, channels_out=2),
    _case("extra", (4,), (3,), stride=(2,), padding=((1, 1),), output_padding=(1,)),
    _case("extra-uncropped", (3,), (3,), stride=(3,), output_padding=(2,), bias=True),
    _case("asymmetric", (5,), (5,), stride=(2,), padding=((1, 3),), channels_in=2, channels_out=2),
    _case("same-odd-crop", (4,), (3,), stride=(2,), padding="same", bias=True),
    _case("same-k5", (7,), (5,), stride=(2,), padding="same", batch=2),
    _case("same-sized", (4,), (5,), stride=(3,), padding="same", output_size=(11,)),
    _case("same-gap", (3,), (2,), stride=(4,), padding="same", bias=True),
    _case("valid-gap", (3,), (2,), stride=(4,), padding="valid", bias=True, channels_out=3),
    _case("valid-overlap", (4,), (4,), stride=(2,), padding="valid"),
    _case("sized", (4,), (3,), stride=(3,), padding=((1, 1),), output_size=(12,)),
    _case("dilated", (4,), (3,), dilation=(2,), stride=(2,), padding=((1, 2),)),
    _case("grouped", (3,), (2,), channels_in=4, channels_out=6, groups=2, bias=True),
    _case("depthwise", (4,), (3,), stride=(2,), padding=((1, 1),), channels_in=3, channels_out=3, groups=3, batch=3),
    _case("many-channels", (2,), (2,), channels_in=17, channels_out=2),
    _case("plane", (3, 4), (3, 3), stride=(2, 1), padding=((1, 1), (0, 1)), channels_in=2, channels_out=2, bias=True),
    _case("plane-all-different", (2, 3), (2, 3), stride=(3, 2), dilation=(1, 2), padding=((0, 1), (1, 0))),
    _case("plane-same", (2, 3), (3, 4), stride=(2, 2), padding="same", batch=2),
    _case("plane-gap", (2, 2), (1, 2), stride=(3, 3), channels_out=2, bias=True),
    _case("volume", (2, 2, 2), (2, 2, 2), stride=(1, 2, 2), channels_in=2),
    # the seed is part of the content by which laws take turns: of these each gets the one it is named for
    _case("complex-biased", (4,), (3,), stride=(2,), bias=True, channels_out=2, seed=0),
    _case("batch-learned", (3,), (2,), batch=2, seed=7),
    _case("narrow-sum", (2,), (2,), channels_in=9, seed=61),
    _case("tangent-biased", (3,), (2,), bias=True, channels_out=2, seed=26),
    _resize("nearest", "nearest", np.ones(2), 0),
    _resize("bilinear", "bilinear", tent(2), 1),
)
FORWARD: tuple[Case, ...] = (
    _case("conv", (6,), (3,), op="conv", channels_in=2, channels_out=3, batch=2, bias=True),
    _case("conv-strided", (7,), (2,), op="conv", stride=(3,), padding=((1, 1),)),
    _case("conv-same", (6,), (3,), op="conv", stride=(2,), padding="same", channels_out=2),
    _case("conv-same-dilated", (7,), (2,), op="conv", dilation=(3,), padding="same"),
    _case("conv-plane", (5, 4), (2, 3), op="conv", stride=(1, 2), padding=((1, 0), (0, 2)), channels_in=2),
    _case("conv-grouped", (5,), (2,), op="conv", channels_in=4, channels_out=4, groups=2, batch=2),
    _case("conv-dilated", (9,), (3,), op="conv", dilation=(2,), stride=(2,), channels_in=17),
)
REFUSED = (
    "stride-zero-transposed-2d", "stride-negative-forward-2d", "stride-true-transposed-2d",
    "stride-list-empty-transposed-2d", "stride-beyond-32-bits-transposed-2d", "stride-wraps-at-64-bits-transposed-2d",
    "dilation-zero-transposed-2d", "dilation-zero-transposed-3d", "padding-negative-forward-1d",
    "padding-beyond-32-bits-transposed-1d", "groups-that-do-not-divide-forward-2d", "input-of-more-channels-forward-1d",
    "no-channels-to-give-forward-2d", "bias-too-long-forward-1d", "input-in-float64-forward-1d",
    "stride-zero-transposed-2d-bfloat16",
)  # fmt: skip
REJECTED: tuple[Case, ...] = tuple(case for case in load_cases([SPECS / "rejects.yaml"]) if case.id in REFUSED)
TIMED: tuple[Case, ...] = tuple(
    Case(
        f"timed-{cost}",
        Settings((64,), (3,), channels_in=4, channels_out=4, padding=((1, 1),)),
        laws=("cost",),
        cost=cost,
    )
    for cost in COSTS
)
FOLDED: tuple[Case, ...] = tuple(load_cases([SPECS / "folded.yaml"]))
UNSAFE = (Case("one-tap", Settings(input=(4,), kernel=(1,), stride=(2,)), laws=("unsafe-claims",)),)
LAYERS: tuple[Case, ...] = tuple(
    replace(case, laws=("realistic",))
    for case in (
        _case("layer", (70,), (3,), channels_in=32, channels_out=32, stride=(2,), bias=True),
        _case("layer-points", (34, 36), (1, 1), op="conv", channels_in=4, channels_out=8, stride=(2, 2)),
        _case("layer-depthwise", (50,), (3,), op="conv", channels_in=32, channels_out=32, groups=32, padding="same"),
        _case("layer-blocks", (9,), (1,), channels_in=33, channels_out=48, batch=2),
        _case("layer-groups", (20,), (4,), channels_in=24, channels_out=12, groups=2, stride=(2,), padding=((1, 1),)),
        _case("layer-plane", (36, 35), (3, 3), op="conv", channels_in=3, channels_out=8, padding="same", bias=True),
        _case("layer-volume", (5, 4, 6), (2, 2, 2), channels_in=8, channels_out=3, stride=(2, 2, 2)),
    )
)
"""As layers of real size are asked, and small enough for every liar."""
ROADS: tuple[Case, ...] = tuple(
    replace(case, id=f"roads-{case.id}", laws=("consistent", "footprint"))
    for case in TRANSPOSED + FORWARD
    if case.id in ("dilated", "grouped", "conv-same", "same-k5", "conv-grouped")
)
"""Asked what the laws ask that take turns else."""


def _asked(
    name: str, want: str, dtype: str, it: Settings, memory: tuple[str, str, str] = CONTIGUOUS, call_form: int = 0
) -> Case:
    return Case(f"asked-{name}", it, asked=Asked(want, dtype, memory, call_form), laws=("crossed",))


def _two(**fields: Any) -> Settings:
    """Two channels in and three out, two items, a stride: small, and of nothing only one."""
    sizes: dict[str, Any] = {"input": (3,), "kernel": (2,), "channels_in": 2, "channels_out": 3, "batch": 2}
    return Settings(**(sizes | fields))


_LAST, _STRIDED, _TURNED, _ALIKE = "channels-last", "strided", "transposed", "broadcast"
_DEPTHWISE: dict[str, Any] = {"channels_in": 3, "channels_out": 3, "groups": 3}
_GROUPED: dict[str, Any] = {"channels_in": 4, "channels_out": 4, "groups": 2}
ASKED: tuple[Case, ...] = (
    _asked("kernel-narrow", "grad-w", "bfloat16", _two(), (_LAST, "read-only", "contiguous")),
    _asked("input-narrow", "grad-x", "bfloat16", _two(op="conv", bias=True)),
    _asked("bias-narrow", "only-b", "float16", _two(bias=True)),
    _asked("kernel-wide", "grad-w", "float64", _two(stride=(2,))),
    _asked("second-wide", "grad-wx", "float64", _two(**_GROUPED)),
    _asked("forward-wide", "jvp-w", "float64", _two()),
    _asked("kernel-complex", "only-w", "complex64", _two()),
    _asked("depthwise-narrow", "jvp-x", "float16", _two(**_DEPTHWISE)),
    _asked("input-alone-narrow", "only-x", "float16", _two()),
    _asked("unbatched-narrow", "unbatched", "bfloat16", _two(batch=1, bias=True)),
    _asked("input-strided", "grad-x", "float32", _two(), ("contiguous", "contiguous", _STRIDED)),
    _asked("kernel-turned", "grad-w", "float32", _two(), ("contiguous", "contiguous", _TURNED)),
    _asked("bias-alike", "grad-b", "float32", _two(bias=True), ("contiguous", "contiguous", _ALIKE)),
    _asked("second-last", "grad-xw", "float32", _two(), ("contiguous", "contiguous", _LAST)),
    _asked("forward-read-only", "jvp-x", "float32", _two(), ("read-only", "contiguous", "contiguous")),
    _asked("unbatched-strided", "unbatched", "float32", _two(batch=1), ("contiguous", _STRIDED, "contiguous")),
    _asked("mixed-turned", "mixed-bfloat16", "float32", _two(), (_TURNED, "contiguous", "contiguous")),
    _asked("kernel-by-numbers", "grad-w", "float32", _two(padding="same", stride=(2,)), call_form=1),
    _asked("input-by-size", "only-x", "float32", _two(stride=(2,)), call_form=2),
    _asked("forward-by-numbers", "jvp-w", "float32", _two(dilation=(2,)), call_form=1),
    _asked("narrow-by-numbers", "value", "float16", _two(padding="valid"), call_form=1),
    _asked("shape-narrow", "shape", "bfloat16", _two(dilation=(2,))),
    _asked("second-valid", "jvp-grad-x", "float32", _two(padding="valid", stride=(3,))),
    _asked("input-of-pairs", "grad-x", "float64", _two(padding=((0, 1),))),
    _asked("input-one-channel", "grad-x", "float32", _two(channels_in=1, stride=(2,))),
    _asked("kernel-of-sixteen", "grad-w", "float16", _two(channels_in=16)),
    _asked("kernel-of-seventeen", "only-w", "float32", _two(channels_out=17), ("contiguous", _STRIDED, "contiguous")),
    _asked("narrow-fifteen", "value", "bfloat16", _two(channels_in=15)),
    _asked("kernel-of-one-column", "grad-w", "float32", _two(input=(1,)), ("contiguous", "contiguous", _LAST)),
    _asked("input-of-a-vector", "only-x", "float64", _two(input=(16,))),
    _asked("long-rows", "jvp-x", "bfloat16", _two(input=(28,), channels_in=1, channels_out=1, batch=4)),
    _asked("empty-batch", "grad-w", "float64", _two(batch=0)),
    _asked("volume-narrow", "grad-w", "float16", _two(input=(2, 2, 2), kernel=(1, 2, 2), channels_out=1)),
    _asked("forward-groups", "jvp-w", "float32", _two(**_GROUPED), ("contiguous", _LAST, "contiguous")),
    _asked("forward-convolution-narrow", "grad-x", "float16", _two(op="conv")),
    _asked("real", "grad-w", "bfloat16", _two(op="conv", input=(5,))),
)
"""Evaluations in which dimensions meet, few of each."""
SAMPLE: tuple[Case, ...] = TRANSPOSED + FORWARD + FOLDED + LAYERS + REJECTED + UNSAFE + ROADS + TIMED + ASKED
