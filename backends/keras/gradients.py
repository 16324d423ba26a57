"""Gradients through Keras with the tools of the framework underneath, as the lines that make them.

`convolve(*arrays)` is differentiated with respect to arrays[0], x, arrays[1], the kernel, or arrays[2], the bias. For
layers on TensorFlow and PyTorch the kernel and the bias are the layer's own variables, and `convolve` calls the layer
with x alone; with forward mode on PyTorch, whose parameters cannot carry tangents, and on JAX it is `stateless_call`.
"""

from __future__ import annotations

from convt.adapter.backend import Want

Lines = list[str]
NESTED: dict[str, tuple[int, int]] = {"grad-xw": (0, 1), "grad-wx": (1, 0), "jvp-grad-x": (0, 1)}
"""With respect to what the inner gradient is, and the outer derivative."""
FORWARD = ("jvp-x", "jvp-w", "jvp-grad-x")


def stateless(engine: str, want: Want) -> bool:
    """Whether a layer's derivative is that of a function of its weights."""
    return engine == "jax" or (engine == "torch" and want in FORWARD)


def derivative(engine: str, want: Want, count: int, mode: str) -> Lines:
    """Lines that make `y`, the gradient, from `convolve`, `arrays`, `g` and `t`, for TensorFlow or PyTorch.

    `count`: how many arrays there are.
    """
    which = tuple(range(count)) if want.startswith("grad") else ("xwb".index(want[-1]),)
    if engine == "torch":
        return _of_torch(want, which)
    made = _of_tensorflow(want, which)
    if mode == "compiled":
        made = [
            "",
            "@tf.function(autograph=False)",
            "def gradient():",
            *(f"    {line}" for line in made),
            "    return y",
            "",
            "y = gradient()",
        ]
    return [*made, "if y is None:", f'    raise RuntimeError("TensorFlow gives None for {want}")']


def _of_tensorflow(want: Want, which: tuple[int, ...]) -> Lines:
    def taped(name: str, watched: str, inside: Lines, target: str, along: str) -> Lines:
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


def _of_torch(want: Want, which: tuple[int, ...]) -> Lines:
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
    head = ["for index, array in enumerate(arrays):", f"    array.requires_grad_(index in {which})"]
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
