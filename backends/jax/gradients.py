"""Gradients by jax.vjp and jax.jvp, as the lines of the function that is traced.

What is traced holds the forward pass too; nothing uses it, so what is compiled has the linear part alone: one
convolution each, two where all gradients are wanted.
"""

from __future__ import annotations

from convt.adapter.backend import Want


def family(want: Want) -> str:
    """What wants of one program share: where the gradients of all are wanted in one go, which is asked is no matter."""
    return "grad" if want in ("grad-x", "grad-w", "grad-b") else want


def lines(want: Want, f: str, names: tuple[str, ...]) -> list[str]:
    """The body of a function of these names and of g and t that computes a want, `f` taking x, w and perhaps b.

    `grad-x`, `grad-w` and `grad-b` have one, which gives all of them.
    """
    x, w = names[:2]

    def single(name: str) -> str:
        return f"lambda {name}: {f}({', '.join(names)})"

    if family(want) == "grad":
        return [f"_, pull = jax.vjp({f}, {', '.join(names)})", "return pull(g)"]
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
