"""Gradients through Keras with the tools of the framework underneath, as functions and as lines to print.

`f(*arrays)` is differentiated with respect to arrays[0], x, arrays[1], the kernel, or arrays[2], the bias. For layers
on TensorFlow and PyTorch the kernel and the bias are the layer's own variables, and f calls the layer with x alone;
with forward mode on PyTorch, whose parameters cannot carry tangents, and on JAX f is the layer's `stateless_call`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from convt.adapter.backend import Want

Function = Callable[..., Any]
NESTED: dict[str, tuple[int, int]] = {"grad-xw": (0, 1), "grad-wx": (1, 0), "jvp-grad-x": (0, 1)}
"""With respect to what the inner gradient is, and the outer derivative."""
FORWARD = ("jvp-x", "jvp-w", "jvp-grad-x")


class NoGradient(RuntimeError):
    """The framework says that what was asked for does not depend on what it is differentiated by."""


def wanted(want: Want, count: int) -> tuple[int, ...]:
    """Which arrays a first gradient is taken of."""
    return tuple(range(count)) if want.startswith("grad") else ("xwb".index(want[-1]),)


def by_tensorflow(tf: Any, want: Want, f: Function, arrays: Sequence[Any], g: Any, t: Any) -> Any:
    """The gradient by tf.GradientTape, forward mode by tf.autodiff.ForwardAccumulator."""

    def gradient(which: Sequence[int]) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([arrays[index] for index in which])
            y = f(*arrays)
        return tape.gradient(y, [arrays[index] for index in which], output_gradients=g)

    if want in FORWARD:
        along = 0 if want == "jvp-x" else 1
        with tf.autodiff.ForwardAccumulator(arrays[along], t) as accumulator:
            y = gradient([0])[0] if want == "jvp-grad-x" else f(*arrays)
        answer = accumulator.jvp(y)
    elif want in NESTED:
        inner, outer = NESTED[want]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(arrays[outer])
            first = gradient([inner])[0]
        answer = tape.gradient(first, arrays[outer], output_gradients=t)
    else:
        which = wanted(want, len(arrays))
        answer = gradient(which)[which.index("xwb".index(want[-1]))]
    if answer is None:
        raise NoGradient(f"TensorFlow gives None for {want}")
    return answer


def by_torch(torch: Any, want: Want, f: Function, arrays: Sequence[Any], g: Any, t: Any) -> Any:
    """The gradient by torch.autograd.grad; forward mode by torch.func.jvp, for an f of all its arrays."""
    if want in FORWARD:
        along = 0 if want == "jvp-x" else 1

        def moved(one: Any) -> Any:
            changed = [one if index == along else array for index, array in enumerate(arrays)]
            if want != "jvp-grad-x":
                return f(*changed)
            return torch.func.vjp(lambda x: f(x, *changed[1:]), changed[0])[1](g)[0]

        return torch.func.jvp(moved, (arrays[along],), (t,))[1]
    which = NESTED.get(want) or wanted(want, len(arrays))
    before = [array.requires_grad for array in arrays]
    for index, array in enumerate(arrays):
        array.requires_grad_(index in which)
    try:
        y = f(*arrays)
        if want in NESTED:
            inner, outer = which
            first = torch.autograd.grad(y, arrays[inner], g, create_graph=True)[0]
            return torch.autograd.grad(first, arrays[outer], t)[0]
        gradients = torch.autograd.grad(y, [arrays[index] for index in which], g)
        return gradients[which.index("xwb".index(want[-1]))]
    finally:
        for array, required in zip(arrays, before, strict=True):
            array.requires_grad_(required)


def lines(engine: str, want: Want, count: int) -> list[str]:
    """Lines that make `y`, the gradient, from `convolve`, `arrays`, `g` and `t`, for TensorFlow or PyTorch."""
    return (_of_tensorflow if engine == "tensorflow" else _of_torch)(want, wanted(want, count))


def _of_tensorflow(want: Want, which: tuple[int, ...]) -> list[str]:
    def taped(name: str, watched: str, inside: list[str], target: str, along: str) -> list[str]:
        head = [f"with tf.GradientTape(watch_accessed_variables=False) as {name}:", f"    {name}.watch({watched})"]
        return [
            *head,
            *(f"    {line}" for line in inside),
            f"y = {name}.gradient({target}, {watched}, output_gradients={along})",
        ]

    forward = ["y = convolve(*arrays)"]
    if want in FORWARD:
        along = 0 if want == "jvp-x" else 1
        inside = taped("tape", "arrays[0]", forward, "y", "g") if want == "jvp-grad-x" else forward
        head = f"with tf.autodiff.ForwardAccumulator(arrays[{along}], t) as accumulator:"
        return [head, *(f"    {line}" for line in inside), "y = accumulator.jvp(y)"]
    if want in NESTED:
        inner, outer = NESTED[want]
        first = taped("inner", f"arrays[{inner}]", forward, "y", "g")
        return taped("outer", f"arrays[{outer}]", first, "y", "t")
    if len(which) == 1:
        return taped("tape", f"arrays[{which[0]}]", forward, "y", "g")
    return [*taped("tape", "arrays", forward, "y", "g"), f"y = y[{'xwb'.index(want[-1])}]"]


def _of_torch(want: Want, which: tuple[int, ...]) -> list[str]:
    if want == "jvp-x":
        return [
            "x, *weights = arrays",
            "y = torch.func.jvp(lambda x: convolve(x, *weights), (x,), (t,))[1]",
        ]
    if want in FORWARD:
        body = "convolve(x, w, *bias)"
        if want == "jvp-grad-x":
            body = "torch.func.vjp(lambda x: convolve(x, w, *bias), x)[1](g)[0]"
        return ["x, w, *bias = arrays", f"y = torch.func.jvp(lambda w: {body}, (w,), (t,))[1]"]
    which = NESTED.get(want) or which
    head = [f"for index, array in enumerate(arrays):\n    array.requires_grad_(index in {which})"]
    if want in NESTED:
        inner, outer = which
        return [
            *head,
            f"first = torch.autograd.grad(convolve(*arrays), arrays[{inner}], g, create_graph=True)[0]",
            f"y = torch.autograd.grad(first, arrays[{outer}], t)[0]",
        ]
    wanted_ones = "arrays" if len(which) > 1 else f"arrays[{which[0]}]"
    index = "xwb".index(want[-1]) if len(which) > 1 else 0
    return [*head, f"y = torch.autograd.grad(convolve(*arrays), {wanted_ones}, g)[{index}]"]
