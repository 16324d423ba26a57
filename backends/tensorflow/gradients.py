"""What a probe wants, computed by TensorFlow: the op itself, `tf.GradientTape` and `tf.autodiff.ForwardAccumulator`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from convt.adapter.backend import Want

from .arrays import Tensors

Op = Callable[[Any, Any, Any], Any]
"""y of x, w and b (or None), all of them channels last."""


class NoGradient(Exception):
    """The framework gives None where a gradient is wanted."""


def computed(tf: Any, op: Op, want: Want, a: Tensors) -> Any:
    """The tensor that the probe wants: y, or one of GRADIENTS; NoGradient where TensorFlow gives None."""
    if want.startswith("grad-") and len(want) == len("grad-x"):
        y = _gradients(tf, op, a, "xwb" if a.b is not None else "xw")[want[-1]]
    elif want.startswith("only-"):
        y = _gradients(tf, op, a, want[-1])[want[-1]]
    elif want in ("grad-xw", "grad-wx"):
        y = _second(tf, op, a, want[-2], want[-1])
    elif want.startswith("jvp-"):
        y = _forward(tf, op, a, want.removeprefix("jvp-"))
    else:
        return op(a.x, a.w, a.b)
    if y is None:
        raise NoGradient(f"TensorFlow gives None for {want}")
    return y


def _gradients(tf: Any, op: Op, a: Tensors, of: Sequence[str]) -> dict[str, Any]:
    """The gradients of sum(g y), by name, from one tape that watches these alone."""
    sources = [getattr(a, name) for name in of]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(sources)
        y = op(a.x, a.w, a.b)
    return dict(zip(of, tape.gradient(y, sources, output_gradients=a.g), strict=True))


def _second(tf: Any, op: Op, a: Tensors, first: str, second: str) -> Any:
    """The gradient with respect to `second` of sum(t times the gradient with respect to `first`)."""
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        outer.watch(getattr(a, second))
        gradient = _gradients(tf, op, a, first)[first]
    return outer.gradient(gradient, getattr(a, second), output_gradients=a.t)


def _forward(tf: Any, op: Op, a: Tensors, of: str) -> Any:
    """The derivative in the direction t: of y by x or w, or of the gradient with respect to x by w."""
    with tf.autodiff.ForwardAccumulator(a.w if of == "grad-x" else getattr(a, of), a.t) as accumulator:
        y = _gradients(tf, op, a, "x")["x"] if of == "grad-x" else op(a.x, a.w, a.b)
    return accumulator.jvp(y)
