"""Hypothesis strategies for settings and cases: small, valid by construction, shrinking towards the plainest ones.

Everything shrinks to one axis, extents of one, stride 1, dilation 1, no padding, one channel, no bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from convt.cases.case import Case
from convt.conv.data import Arrays
from convt.conv.settings import Op, Settings, effective_kernel
from convt.laws.law import Law

INPUTS = {1: 6, 2: 5, 3: 3}
"""The largest input extent by rank: a dense matrix grows with the square of the volume."""
KERNELS = {1: 5, 2: 4, 3: 3}
PADDINGS = ("none", "symmetric", "valid", "same", "pairs")
OPS: tuple[Op, ...] = ("conv_transpose", "conv")
RESIZES: tuple[Literal["nearest", "bilinear"], ...] = ("nearest", "bilinear")

# made once for equal arguments: to make and to check a strategy takes longer than to draw from it
_integers = cache(st.integers)
_sampled_from = cache(st.sampled_from)

LEANINGS: dict[str, dict[str, Any]] = {
    **{
        law_id: {"op": "conv_transpose"}
        for law_id in ("output-shape", "value", "matrix", "zero-insertion", "adjoint", "shift")
    },
    "same-size": {"op": "conv_transpose", "paddings": ("same",)},
    "valid-size": {"op": "conv_transpose", "paddings": ("valid",)},
    "same-crop": {"op": "conv_transpose", "paddings": ("same",)},
    "padding-crops": {"op": "conv_transpose", "paddings": ("symmetric", "pairs")},
    "bias": {"biases": (True,)},
    "groups": {"min_groups": 2},
    "dilation": {"min_kernel": 2, "min_dilation": 2},
    "preimages": {"op": "conv_transpose", "min_stride": 2},
    "rank": {"max_rank": 2},
    "conv-shape": {"op": "conv"},
    "conv-value": {"op": "conv"},
    "conv-same": {"op": "conv", "paddings": ("same",)},
}
"""Bounds that make a law apply to most of what is drawn; `applies` decides about the rest."""


@st.composite
def settings(
    draw: DrawFn,
    *,
    op: Op | None = None,
    max_rank: int = 3,
    min_kernel: int = 1,
    min_stride: int = 1,
    max_stride: int = 4,
    min_dilation: int = 1,
    max_dilation: int = 3,
    paddings: Sequence[str] = PADDINGS,
    min_groups: int = 1,
    max_groups: int = 3,
    max_batch: int = 3,
    biases: Sequence[bool] = (False, True),
) -> Settings:
    """Settings that mean something, with at least one input and one output on every axis.

    Shrinks towards conv_transpose, rank 1, and the lower bound of everything else.
    """
    if not (1 <= max_rank <= 3 and min_kernel <= min(KERNELS[rank] for rank in range(1, max_rank + 1))):
        raise ValueError(f"max_rank={max_rank}, min_kernel={min_kernel}: no kernel is both")
    drawn_op: Op = draw(_sampled_from(OPS)) if op is None else op
    rank = draw(_integers(1, max_rank))
    kind = draw(_sampled_from(tuple(paddings)))
    axes = [
        draw(_axes(drawn_op, rank, kind, (min_kernel, min_stride, max_stride, min_dilation, max_dilation)))
        for _ in range(rank)
    ]
    n, k, s, d, pairs = (tuple(axis[at] for axis in axes) for at in range(5))
    padding: Any = kind if kind in ("same", "valid") else pairs
    groups = draw(_integers(min_groups, max_groups))
    wide = draw(_channels(rank))
    plain = Settings(
        op=drawn_op, input=n, kernel=k, stride=s, dilation=d, padding=padding,
        channels_in=groups * wide[0], channels_out=groups * wide[1], groups=groups,
        batch=draw(_integers(1, max_batch)), bias=draw(_sampled_from(tuple(biases))),
    )  # fmt: skip
    how = draw(
        _sampled_from(("as it is", "output_padding", "output_size"))
    )  # for both ops: the shorter draw is plainer
    return draw(_sized(plain, how)) if drawn_op == "conv_transpose" else plain


@cache
@st.composite
def _axes(draw: DrawFn, op: Op, rank: int, kind: str, bounds: tuple[int, ...]) -> tuple[int, int, int, int, Any]:
    """(n, k, s, d, (lo, hi)) of one axis, with at least one output."""
    min_kernel, min_stride, max_stride, min_dilation, max_dilation = bounds
    k = draw(_integers(min_kernel, KERNELS[rank]))
    s = draw(_integers(min_stride, max_stride))
    d = draw(_integers(min_dilation, max_dilation))
    e = effective_kernel(k, d)
    if op == "conv":
        lo, hi = draw(_pairs(kind, 2 * e))
        need = 1 if kind == "same" else max(e - lo - hi, 1)
        return draw(_integers(need, max(need, INPUTS[rank]))), k, s, d, (lo, hi)
    n = draw(_integers(1, INPUTS[rank]))
    return n, k, s, d, draw(_pairs(kind, (n - 1) * s + e - 1))


@cache
@st.composite
def _pairs(draw: DrawFn, kind: str, headroom: int, most: int = 4) -> tuple[int, int]:
    """A (lo, hi) that takes away at most `headroom`."""
    if kind == "symmetric":
        both = draw(_integers(0, min(headroom // 2, most)))
        return both, both
    if kind != "pairs":
        return 0, 0
    lo = draw(_integers(0, min(headroom, most)))
    return lo, draw(_integers(0, min(headroom - lo, most)))


@cache
def _channels(rank: int) -> SearchStrategy[tuple[int, int]]:
    """(in, out) of one group; now and then 16 or 17 on one side, where vector units begin and end."""
    few, many = _integers(1, 3), _sampled_from((16, 17))
    small = st.tuples(few, few)
    return small if rank == 3 else st.one_of(small, small, small, st.tuples(many, few), st.tuples(few, many))


@st.composite
def _sized(draw: DrawFn, plain: Settings, how: str) -> Settings:
    """The same settings, or with an output padding, or with a wanted size."""
    if how == "as it is" or (how == "output_padding" and plain.padding == "same"):
        return plain
    axes = list(zip(plain.input, plain.stride, plain.dilation, plain.output, plain.extra, strict=True))
    if plain.padding == "same":
        size = tuple(draw(_integers((n - 1) * s + 1, n * s)) for n, s, *_ in axes)
        return plain.replace(output_size=size)
    extra = tuple(draw(_integers(0, max(s, d) - 1)) for _, s, d, *_ in axes)
    if how == "output_padding":
        return plain.replace(output_padding=extra)
    return plain.replace(output_size=tuple(out - own + a for (*_, out, own), a in zip(axes, extra, strict=True)))


@st.composite
def resizes(draw: DrawFn) -> Case:
    """Cases whose convolution is the framework's own resize: one kernel for every channel, alone in its group."""
    rank, how = draw(_integers(1, 3)), draw(_sampled_from(RESIZES))
    n = tuple(draw(_integers(2, INPUTS[rank])) for _ in range(rank))
    s = tuple(draw(_integers(2, 4)) for _ in range(rank))
    channels = draw(_integers(1, 3))
    kernel = np.ones((1,) * rank)
    for axis, stride in enumerate(s):
        taps = np.ones(stride) if how == "nearest" else tent(stride)
        kernel = kernel * taps.reshape((1,) * axis + (-1,) + (1,) * (rank - axis - 1))
    margin = [0 if how == "nearest" else stride // 2 for stride in s]
    it = Settings(
        input=n, kernel=kernel.shape, stride=s, padding=tuple((p, p) for p in margin), channels_in=channels,
        channels_out=channels, groups=channels,
    )  # fmt: skip
    numbers = draw(st.lists(_integers(-4, 4), min_size=int(np.prod(it.x_shape)), max_size=int(np.prod(it.x_shape))))
    x = np.array(numbers, np.float32).reshape(it.x_shape)
    w = np.broadcast_to(kernel, it.w_shape).astype(np.float32)
    return _named(Case("generated", it, literal=Arrays(x, w), resize=how))


def tent(stride: int) -> np.ndarray:
    """The taps of a linear resize by `stride` with half-pixel centres: 2 stride of them, one fewer where it is odd."""
    taps = np.arange(2 * stride - stride % 2)
    return np.asarray(1 - np.abs(taps - (len(taps) - 1) / 2) / stride)


def cases(op: Op | None = None, applies: Law | None = None) -> SearchStrategy[Case]:
    """Cases called `generated-<digest>`, of one op, or to which one law applies. Shrinks as `settings` does."""
    if applies is not None and applies.id == "resize":
        return resizes()
    bounds = dict(LEANINGS.get(applies.id, {})) if applies else {}
    if op is not None:
        if bounds.get("op", op) != op:
            raise ValueError(f"op={op!r}: law {applies and applies.id} says nothing about it")
        bounds["op"] = op
    laws = (applies.id,) if applies else ()  # that it is for this law alone spares it to wait for its turn
    drawn = settings(**bounds).map(lambda it: _named(Case("generated", it, laws=laws)))
    return drawn if applies is None else drawn.filter(applies.applies)


def _named(case: Case) -> Case:
    return replace(case, id=f"generated-{case.digest}")
