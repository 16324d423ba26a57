"""What a probe wants as lines that make y of tensors, by `tf.GradientTape` and `tf.autodiff.ForwardAccumulator`."""

from __future__ import annotations

from convt.adapter.backend import GRADIENTS, Want

Lines = list[str]


DENSE = "y = None if y is None else tf.convert_to_tensor(y)  # the gradient of a gather may come as slices"


def lines(want: Want, call: Lines, names: str, sliced: bool = False) -> Lines:
    """The lines that make y what is wanted of the tensors x, w, b, g and t; `call` makes y the op's answer.

    `names` are those of x, w and b that there are. Where TensorFlow gives no gradient, the lines raise RuntimeError.
    `sliced`: whether gradients may come as tf.IndexedSlices.
    """
    dense = [DENSE] if sliced else []
    if want not in GRADIENTS:
        return call
    kind, of = want[: want.rindex("-")], want[want.rindex("-") + 1 :]
    if kind == "grad" and want not in ("grad-xw", "grad-wx"):
        made = _gradient(call, f"[{', '.join(names)}]", index=f"[{names.index(of)}]") + dense
    elif kind == "grad":
        inner = _gradient(call, of[0], tape="inner") + dense
        made = ["with tf.GradientTape() as outer:", *within([f"outer.watch({of[1]})", *inner])]
        made += [f"y = outer.gradient(y, {of[1]}, output_gradients=t)", *dense]
    elif kind == "only":
        made = _gradient(call, of) + dense
    else:
        direction = "w" if want == "jvp-grad-x" else of
        body = _gradient(call, "x") + dense if want == "jvp-grad-x" else call
        made = [f"with tf.autodiff.ForwardAccumulator({direction}, t) as accumulator:", *within(body)]
        made += ["y = accumulator.jvp(y)", *dense]
    return [*made, "if y is None:", f'    raise RuntimeError("TensorFlow gives None for {want}")']


def _gradient(call: Lines, of: str, tape: str = "tape", index: str = "") -> Lines:
    """The lines that make y the gradient of sum(g y) by what a tape watches."""
    watched = [f"{tape}.watch({of})", *call]
    gradient = f"y = {tape}.gradient(y, {of}, output_gradients=g){index}"
    return [f"with tf.GradientTape() as {tape}:", *within(watched), gradient]


def within(lines: Lines) -> Lines:
    """The lines, indented."""
    return [f"    {line}" if line else "" for line in lines]
