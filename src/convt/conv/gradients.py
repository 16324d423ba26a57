"""Closed forms of the derivatives of y = conv(x, w) + b, which is linear in each of its arguments.

For a cotangent `g` in y's shape, per spatial axis and with the places of `convt.conv.settings`,

    grad-x[i] = sum over j of g[o] w[j]        grad-w[j] = sum over i of x[i] g[o]        grad-b = sum over o of g[o]

over the same triples (i, j, o) that make y: `i*s + j*d - lo = o` where transposed, `o*s + j*d - lo = i` where forward.
Everything of second order, and forward mode, is one of these sums with another array in a place, since y is bilinear.
Two oracles that share no code: tap by tap over a padded canvas, and by the selection tensors of the dense matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from convt.conv.oracles import BLOCK, Array, OraclesDisagree, dense_selection, scatter, wide
from convt.conv.settings import Settings


def gradient_x(it: Settings, w: Array, g: Array) -> Array:
    """The gradient of sum(g y) with respect to x, tap by tap: (batch, channels_in, *input)."""
    wg, gg = _kernel(it, wide(w)), _split(it, wide(g))
    if it.transposed:
        canvas = _canvas(it, gg)
        out = np.zeros((it.batch, it.groups, it.channels_in // it.groups, *it.input), np.result_type(gg, wg))
        for tap in product(*map(range, it.kernel)):
            out += _mixed(wg[_at(tap)], canvas[_at(_strided(it, tap, it.input))])
        return out.reshape(it.x_shape)
    sizes = [n + lo + hi for n, (lo, hi) in zip(it.input, it.crop, strict=True)]
    canvas = np.zeros((it.batch, it.groups, it.channels_in // it.groups, *sizes), np.result_type(gg, wg))
    for tap in product(*map(range, it.kernel)):
        canvas[_at(_strided(it, tap, it.output))] += _mixed(wg[_at(tap)], gg)
    keep = tuple(slice(lo, lo + n) for n, (lo, _) in zip(it.input, it.crop, strict=True))
    return canvas[_at(keep)].reshape(it.x_shape)


def gradient_w(it: Settings, x: Array, g: Array) -> Array:
    """The gradient of sum(g y) with respect to w, tap by tap, in the stored shape of w."""
    xg, gg = _split(it, wide(x), incoming=True), _split(it, wide(g))
    if it.transposed:  # stored (in, out): x stands still, and g is met at its strides
        still, moving, count = xg, _canvas(it, gg), it.input
    else:  # stored (out, in): the other way round
        still, moving, count = gg, np.pad(xg, [(0, 0)] * 3 + list(it.crop)), it.output
    taps = np.zeros((it.groups, still.shape[2], moving.shape[2], *it.kernel), np.result_type(xg, gg))
    places = "xyz"[: it.rank]
    for tap in product(*map(range, it.kernel)):
        met = moving[_at(_strided(it, tap, count))]
        if met.size > 4096:
            taps[_at(tap)] = np.matmul(_flat(still), _flat(met).swapaxes(2, 3)).sum(axis=0)
        else:
            taps[_at(tap)] = np.einsum(f"bgi{places},bgo{places}->gio", still, met)
    return taps.reshape(it.w_shape)


def _flat(array: Array) -> Array:
    """All places in one axis."""
    return array.reshape(*array.shape[:3], -1)


def gradient_b(g: Array) -> Array:
    """The gradient of sum(g y) with respect to b: the sum over items and places, (channels_out,)."""
    return np.asarray(wide(g).sum(axis=(0, *range(2, g.ndim))))


def selected_x(it: Settings, w: Array, g: Array) -> Array:
    """`gradient_x` by the tensors T[o, i, j] that say which tap carries which input to which output."""
    return _selected(it, "g", _kernel(it, wide(w)), _split(it, wide(g))).reshape(it.x_shape)


def selected_w(it: Settings, x: Array, g: Array) -> Array:
    """`gradient_w` by the same tensors."""
    found = _selected(it, "x", _split(it, wide(x), incoming=True), _split(it, wide(g)))
    return (found if it.transposed else found.swapaxes(1, 2)).reshape(it.w_shape)


def _selected(it: Settings, by: str, first: Array, g: Array) -> Array:
    """The contraction of w (by g) or x (by x) with g and one selection tensor an axis."""
    outs, ins, taps = "XYZ"[: it.rank], "xyz"[: it.rank], "uvt"[: it.rank]
    tensors = [dense_selection(it, axis) for axis in range(it.rank)]
    selections = ",".join(f"{o}{i}{j}" for o, i, j in zip(outs, ins, taps, strict=True))
    w, x, y = f"gio{taps}", f"bgi{ins}", f"bgo{outs}"
    spelled = f"{w},{y},{selections}->{x}" if by == "g" else f"{x},{y},{selections}->{w}"
    return np.asarray(np.einsum(spelled, first, g, *tensors, optimize=True))


def _kernel(it: Settings, w: Array) -> Array:
    """w as (groups, in, out, *kernel), whichever way it is stored."""
    per_in, per_out = it.channels_in // it.groups, it.channels_out // it.groups
    if it.transposed:
        return w.reshape(it.groups, per_in, per_out, *it.kernel)
    return w.reshape(it.groups, per_out, per_in, *it.kernel).swapaxes(1, 2)


def _split(it: Settings, array: Array, incoming: bool = False) -> Array:
    """An array of channels (in, or out) as (batch, groups, channels, ...)."""
    channels = it.channels_in if incoming else it.channels_out
    return array.reshape(it.batch, it.groups, channels // it.groups, *array.shape[2:])


def _mixed(weights: Array, g: Array) -> Array:
    return np.asarray(np.einsum("gio,bgo...->bgi...", weights, g))


def _canvas(it: Settings, g: Array) -> Array:
    """g where it stands in the full result of the transposed convolution, zeros for what the crop takes away."""
    axes = zip(it.input, it.stride, it.effective, it.extra, it.crop, it.output, strict=True)
    margins = [(lo, max(max((n - 1) * s, 0) + e + a - lo - out, 0)) for n, s, e, a, (lo, _), out in axes]
    return np.pad(g, [(0, 0)] * 3 + margins)


def _strided(it: Settings, tap: tuple[int, ...], count: tuple[int, ...]) -> tuple[slice, ...]:
    """The places that one tap meets: j*d, j*d + s, .. as many as `count` says of each axis."""
    axes = zip(tap, it.dilation, count, it.stride, strict=True)
    return tuple(slice(j * d, j * d + (n - 1) * s + 1 if n else j * d, s) for j, d, n, s in axes)


def _at(places: tuple[Any, ...]) -> Any:
    """The index of every item, group and channel at these spatial places."""
    return (..., *places)


def _plain(it: Settings, x: Array, w: Array) -> Array:
    return scatter(it.replace(bias=False), x, w)


Sides = tuple[Array, Array, "Array | None", "Array | None", "Array | None"]
"""x, w, b, g and t."""

DERIVATIVES: dict[str, Callable[[Settings, Sides], Array]] = {
    "grad-x": lambda it, a: gradient_x(it, a[1], _there(a[3])),
    "grad-w": lambda it, a: gradient_w(it, a[0], _there(a[3])),
    "grad-b": lambda it, a: gradient_b(_there(a[3])),
    "grad-xw": lambda it, a: gradient_w(it, _there(a[4]), _there(a[3])),
    "grad-wx": lambda it, a: gradient_x(it, _there(a[4]), _there(a[3])),
    "jvp-x": lambda it, a: _plain(it, _there(a[4]), a[1]),
    "jvp-w": lambda it, a: _plain(it, a[0], _there(a[4])),
    "jvp-grad-x": lambda it, a: gradient_x(it, _there(a[4]), _there(a[3])),
}
"""What is wanted to its closed form; `only-x` is `grad-x`, and so on."""


def _there(array: Array | None) -> Array:
    if array is None:
        raise ValueError("this derivative needs g, and those of second order t")
    return array


def derivative(it: Settings, want: str, sides: Sides) -> Array:
    """The closed form of one derivative in float64; the sum of absolute products where the arrays are absolute."""
    return DERIVATIVES[want.replace("only-", "grad-")](it, sides)


def check_oracles(it: Settings, want: str, sides: Sides, found: Array) -> None:
    """OraclesDisagree where the second oracle, on whole numbers, says another thing than `derivative` found.

    Settings whose selections would take more than a block of memory are checked by the adjoint identity alone: with
    the same g, sum(grad-x x) = sum(grad-w w) = sum(g conv(x, w)).
    """
    kind = want.replace("only-", "grad-")
    if kind not in ("grad-x", "grad-w", "grad-xw", "grad-wx", "jvp-grad-x"):
        return
    x, w, _, g, t = sides
    like_x = kind in ("grad-x", "grad-wx", "jvp-grad-x")
    other = w if kind == "grad-x" else x if kind == "grad-w" else _there(t)
    pairs = int(np.prod(it.output) * np.prod(it.input))
    if it.batch * (it.channels_in + it.channels_out) * pairs <= BLOCK // 10:
        second = (selected_x if like_x else selected_w)(it, other, _there(g))
        same = second.shape == found.shape and bool(np.array_equal(second, found))
    else:
        pair = (x, other) if like_x else (other, w)
        same = bool(np.sum(found * wide(x if like_x else w)) == np.sum(wide(_there(g)) * _plain(it, *pair)))
    if not same:
        raise OraclesDisagree(f"two oracles differ on {want} of {it}")
