"""What a probe asks of TensorFlow as a person writes it: from numpy x, w, b, g and t to numpy y."""

from __future__ import annotations

from convt.adapter.backend import GRADIENTS, Unsupported, Want
from convt.conv.settings import Settings

from .arrays import LIKE_B, LIKE_W, T_LIKE_W
from .calls import Arguments

DECORATORS = {"function": "@tf.function", "xla": "@tf.function(jit_compile=True)"}
TAPE = "with tf.GradientTape() as {}:"


def written(it: Settings, name: str, arguments: Arguments, want: Want, mode: str, place: str, raw: bool) -> str:
    """The script; `place` is the device to say, empty for the default. `raw`: of a call that may mean nothing, whose
    arrays are made tensors first, each of its own dtype. Unsupported where there is no script."""
    if want not in ("value", "shape", "unbatched", *GRADIENTS):
        raise Unsupported(f"no script for {want}")
    orders = _orders(it, want)
    if mode == "eager" and want not in GRADIENTS and not raw:
        lines = _call(name, arguments, orders["x"], orders["w"], it.bias)
    else:
        names = [each for each in orders if each != "b" or it.bias]
        lines = [f"{each} = tf.constant({orders[each]})" for each in names]
        lines += _computed(want, _call(name, arguments, "x", "w", it.bias), it.bias)
        if mode in DECORATORS:
            body = [f"    {line}" for line in lines[len(names) :]]
            lines = [*lines[: len(names)], "", DECORATORS[mode], f"def convolve({', '.join(names)}):", *body]
            lines += ["    return y", "", f"y = convolve({', '.join(names)})"]
    lines.append(_received(it.rank, want))
    if place:
        lines = [f'with tf.device("{place}"):', *(f"    {line}" if line else "" for line in lines)]
    return "\n".join(lines) + "\n"


def _orders(it: Settings, want: Want) -> dict[str, str]:
    """The expressions of the arrays that a probe needs, in TensorFlow's order of axes."""
    like_x, like_w = f"transpose{(0, *range(2, it.rank + 2), 1)}", f"transpose{(*range(2, it.rank + 2), 1, 0)}"
    orders = {"x": f"x.{like_x}", "w": f"w.{like_w}", "b": "b"}
    if want == "unbatched":
        orders["x"] = f"x[0].transpose{(*range(1, it.rank + 1), 0)}"
    if want in GRADIENTS and want not in ("jvp-x", "jvp-w"):
        orders["g"] = f"g.{like_x}"
    if want in ("grad-xw", "grad-wx") or want.startswith("jvp-"):
        orders["t"] = f"t.{like_w if want in T_LIKE_W else like_x}"
    return orders


def _call(name: str, arguments: Arguments, x: str, w: str, bias: bool) -> list[str]:
    """The lines that make y of x and w."""
    lines = [f"y = tf.nn.{name}(", f"    {x},", f"    {w},"]
    lines += [f"    {key}={value!r}," for key, value in arguments.items()]
    return [*lines, ")", *(["y = tf.nn.bias_add(y, b)"] if bias else [])]


def _computed(want: Want, call: list[str], bias: bool) -> list[str]:
    """The lines around the call that make what is wanted."""
    if want not in GRADIENTS:
        return call
    kind, of = want[: want.rindex("-")], want[want.rindex("-") + 1 :]
    if kind == "only":
        return _gradient(call, of)
    if want in ("grad-xw", "grad-wx"):
        first, second = of[0], of[1]
        inner = _gradient(call, first, tape="inner")
        body = [f"outer.watch({second})", *inner]
        return [TAPE.format("outer"), *_in(body), f"y = outer.gradient(y, {second}, output_gradients=t)"]
    if kind == "grad":
        names = ["x", "w", "b"] if bias else ["x", "w"]
        return _gradient(call, f"[{', '.join(names)}]", index=f"[{names.index(of)}]")
    direction = "w" if want == "jvp-grad-x" else of
    body = _gradient(call, "x") if want == "jvp-grad-x" else call
    return [
        f"with tf.autodiff.ForwardAccumulator({direction}, t) as accumulator:",
        *_in(body),
        "y = accumulator.jvp(y)",
    ]


def _gradient(call: list[str], of: str, tape: str = "tape", index: str = "") -> list[str]:
    """The lines that make y the gradient of sum(g y) by what a tape watches."""
    gradient = f"y = {tape}.gradient(y, {of}, output_gradients=g){index}"
    return [TAPE.format(tape), *_in([f"{tape}.watch({of})", *call]), gradient]


def _in(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _received(rank: int, want: Want) -> str:
    if want in LIKE_B:
        return "y = y.numpy()"
    if want in LIKE_W:
        return f"y = y.numpy().transpose{(rank + 1, rank, *range(rank))}"
    axes = (rank, *range(rank)) if want == "unbatched" else (0, rank + 1, *range(1, rank + 1))
    return f"y = y.numpy().transpose{axes}"
