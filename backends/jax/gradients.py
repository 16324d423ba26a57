"""Gradients by jax.vjp and jax.jvp, as functions to trace and as lines to print.

`f(x, w)` or `f(x, w, b)` is differentiated; the answer is a function of (x, w, b, g, t), of which those that are not
needed are None. What is traced holds the forward pass too; nothing uses it, so what is compiled has the linear part
alone: one convolution each, two where all gradients are wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convt.adapter.backend import Want

Function = Callable[..., Any]


def family(want: Want) -> str:
    """What wants of one program share: where the gradients of all are wanted in one go, which is asked is no matter."""
    return "grad" if want in ("grad-x", "grad-w", "grad-b") else want


def gradient_of(jax: Any, want: Want, f: Function) -> Function:
    """The program of a want; `grad-x`, `grad-w` and `grad-b` have one, which gives all of them."""

    def all_of(x: Any, w: Any, b: Any, g: Any, t: Any) -> Any:
        return jax.vjp(f, x, w, *_bias(b))[1](g)

    def only(which: int) -> Function:
        def one(x: Any, w: Any, b: Any, g: Any, t: Any) -> Any:
            return pulled(which, g, [x, w, *_bias(b)])

        return one

    def pulled(which: int, g: Any, arrays: list[Any]) -> Any:
        one, put = _single(f, which, arrays)
        return jax.vjp(one, put)[1](g)[0]

    def nested(inner: int, outer: int) -> Function:
        def one(x: Any, w: Any, b: Any, g: Any, t: Any) -> Any:
            arrays = [x, w, *_bias(b)]
            gradient, put = _single(lambda *changed: pulled(inner, g, list(changed)), outer, arrays)
            return jax.vjp(gradient, put)[1](t)[0]

        return one

    def forward(which: int, reverse: bool = False) -> Function:
        def one(x: Any, w: Any, b: Any, g: Any, t: Any) -> Any:
            arrays = [x, w, *_bias(b)]
            inner = (lambda *changed: pulled(0, g, list(changed))) if reverse else f
            function, put = _single(inner, which, arrays)
            return jax.jvp(function, (put,), (t,))[1]

        return one

    programs = {"only-x": only(0), "only-w": only(1), "only-b": only(2), "grad-xw": nested(0, 1)}
    programs |= {"grad-wx": nested(1, 0), "jvp-x": forward(0), "jvp-w": forward(1), "jvp-grad-x": forward(1, True)}
    return programs.get(want, all_of)


def _bias(b: Any) -> tuple[Any, ...]:
    return () if b is None else (b,)


def _single(f: Function, which: int, arrays: list[Any]) -> tuple[Function, Any]:
    """f as a function of one array, the others being constants; and that array."""
    return lambda one: f(*arrays[:which], one, *arrays[which + 1 :]), arrays[which]


def lines(want: Want, f: str, names: tuple[str, ...]) -> list[str]:
    """The body of a function that computes the same, where `f` takes what `names` says: x, w and perhaps b."""
    x, w = names[:2]

    def single(name: str) -> str:
        return f"lambda {name}: {f}({', '.join(names)})"

    if family(want) == "grad":
        index = "xwb".index(want[-1])
        return [f"_, pull = jax.vjp({f}, {', '.join(names)})", f"return pull(g)[{index}]"]
    if want in ("only-x", "only-w", "only-b"):
        name = names["xwb".index(want[-1])]
        return [f"_, pull = jax.vjp({single(name)}, {name})", "return pull(g)[0]"]
    if want in ("jvp-x", "jvp-w"):
        name = x if want == "jvp-x" else w
        return [f"return jax.jvp({single(name)}, ({name},), (t,))[1]"]
    inner, outer = (w, x) if want == "grad-wx" else (x, w)
    gradient = [f"def gradient({outer}):", f"    return jax.vjp({single(inner)}, {inner})[1](g)[0]", ""]
    if want == "jvp-grad-x":
        return [*gradient, f"return jax.jvp(gradient, ({outer},), (t,))[1]"]
    return [*gradient, f"_, pull = jax.vjp(gradient, {outer})", "return pull(t)[0]"]
