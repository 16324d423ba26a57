"""Gradients by torch.autograd and torch.func, of one bound call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from convt.adapter.backend import Unsupported, Want

REVERSE: tuple[Want, ...] = ("grad-x", "grad-w", "grad-b", "only-x", "only-w", "only-b")
SECOND: tuple[Want, ...] = ("grad-xw", "grad-wx")
FORWARD: tuple[Want, ...] = ("jvp-x", "jvp-w", "jvp-grad-x")


class Bound(NamedTuple):
    """A call with its leaves: the tensors of which gradients are wanted, w and b as the call itself holds them."""

    call: Callable[[Any], Any]
    """From x to y."""
    x: Any
    w: Any
    b: Any
    pure: Callable[[Any, Any, Any], Any] | None = None
    """From x, w and b to y, where the framework has that: what forward mode differentiates."""


def required(want: Want) -> str:
    """The names of the arrays that require a gradient; the others are constants."""
    return want[-1] if want.startswith("only-") else "xw" if want in SECOND else "xwb"


def wanted(bound: Bound, want: Want) -> list[Any]:
    """The leaves of which `want` asks the gradients, made to require them; all others are made not to."""
    names = required(want)
    leaves = [(name, leaf) for name, leaf in zip("xwb", bound[1:4], strict=True) if leaf is not None]
    for name, leaf in leaves:
        leaf.requires_grad_(name in names)
    return [leaf for name, leaf in leaves if name in names]


def place_of(want: Want) -> int:
    """Which of the gradients of `wanted` is asked for."""
    return 0 if want.startswith("only-") else "xwb".index(want[-1])


def reverse(torch: Any, bound: Bound, want: Want, g: Any) -> Any:
    """The gradient that a reverse want asks for."""
    leaves = wanted(bound, want)
    return torch.autograd.grad(bound.call(bound.x), leaves, g)[place_of(want)]


def second(torch: Any, bound: Bound, want: Want, g: Any, t: Any) -> Any:
    """Reverse over reverse: a graph of the first gradient, and the gradient of that."""
    x, w = wanted(bound, want)
    inner, outer = (x, w) if want == "grad-xw" else (w, x)
    (first,) = torch.autograd.grad(bound.call(x), [inner], g, create_graph=True)
    return torch.autograd.grad(first, [outer], t)[0]


def functional(torch: Any, pure: Callable[..., Any], want: Want) -> Callable[..., Any]:
    """The same of second order, and forward mode, as a function of x, w, b, g and t by torch.func alone."""
    jvp, vjp = torch.func.jvp, torch.func.vjp

    def along(which: int) -> Callable[..., Any]:
        def derivative(x: Any, w: Any, b: Any, g: Any, t: Any) -> Any:
            if which == 0:
                return jvp(lambda changed: pure(changed, w, b), (x,), (t,))[1]
            return jvp(lambda changed: pure(x, changed, b), (w,), (t,))[1]

        return derivative

    def grad_x(x: Any, w: Any, b: Any, g: Any) -> Any:
        return vjp(lambda changed: pure(changed, w, b), x)[1](g)[0]

    def grad_w(x: Any, w: Any, b: Any, g: Any) -> Any:
        return vjp(lambda changed: pure(x, changed, b), w)[1](g)[0]

    programs: dict[str, Callable[..., Any]] = {
        "jvp-x": along(0),
        "jvp-w": along(1),
        "jvp-grad-x": lambda x, w, b, g, t: jvp(lambda changed: grad_x(x, changed, b, g), (w,), (t,))[1],
        "grad-xw": lambda x, w, b, g, t: vjp(lambda changed: grad_x(x, changed, b, g), w)[1](t)[0],
        "grad-wx": lambda x, w, b, g, t: vjp(lambda changed: grad_w(changed, w, b, g), x)[1](t)[0],
    }
    return programs[want]


def forward(torch: Any, bound: Bound, want: Want, g: Any, t: Any) -> Any:
    """Forward mode; Unsupported where there is no function of all its arrays to differentiate."""
    if want == "jvp-x":  # of a bound call too
        return torch.func.jvp(bound.call, (bound.x,), (t,))[1]
    if bound.pure is None:
        raise Unsupported("The stateless API can't be used with Jitted modules")
    return functional(torch, bound.pure, want)(bound.x, bound.w, bound.b, g, t)


def gradient(torch: Any, bound: Bound, want: Want, g: Any, t: Any) -> Any:
    """What one of GRADIENTS asks for, as a tensor."""
    if want in REVERSE:
        return reverse(torch, bound, want, g)
    return (second if want in SECOND else forward)(torch, bound, want, g, t)
