"""Plain scripts of what the JAX adapter calls, from numpy `x`, `w`, `b`, `g` and `t` to numpy `y`."""

from __future__ import annotations

from convt.adapter.axes import ALONG_X, LIKE_B, LIKE_W, LIKE_X
from convt.adapter.backend import GRADIENTS, Want
from convt.conv.settings import Settings

from .calls import Call, W, X, Y
from .gradients import lines


def script(call: Call, it: Settings, want: Want, jitted: bool, over: str, invalid_call: bool) -> str:
    """The script without the lines that set the surroundings. `over`: what `jax.vmap` maps over, if anything."""
    options = "".join(f"        {key}={value!r},\n" for key, value in call.options.items())
    convolve = (
        f"def convolve(lhs, rhs):\n    return jax.lax.{call.function}(\n        lhs,\n        rhs,\n{options}    )\n"
    )
    name, text = "convolve", convolve
    if over:
        name, text = "mapped", f"{convolve}\n\n{_mapped(call, over)}"
    if want in GRADIENTS:
        return f"{text}\n\n{_gradient(call, it, want, name, jitted)}"
    if jitted:
        text = text.replace(f"def {name}(", f"@jax.jit\ndef {name}(")
    rank = it.rank
    if invalid_call:
        x, w = (
            f"{_moved(each, call.there(i))} if {each}.ndim == {rank + 2} else {each}" for i, each in enumerate("xw")
        )
        if call.flipped:
            w = f"np.flip({_moved('w', call.there(W))}, {call.flipped}) if w.ndim == {rank + 2} else w"
    else:
        x, w = _moved("x", call.there(X)), _kernel(call, "w")
    bias = f" + b.reshape(-1{', 1' * rank})" if it.bias else ""
    answer = f"np.asarray({name}(lhs, rhs))"
    if invalid_call:
        last = f"y = {answer}\ny = {_moved('y', call.back(Y))} if y.ndim == {rank + 2} else y\n"
    else:
        last = f"y = {_moved(answer, call.back(Y))}{bias}\n"
    return f"{text}\nlhs = {x}\nrhs = {w}\n{last}"


def _mapped(call: Call, over: str) -> str:
    if over == "x":
        body = "    return jax.vmap(lambda item: convolve(item[None], rhs)[0])(lhs)\n"
    elif over == "xw":
        body = (
            "    each = jax.vmap(lambda item, kernel: convolve(item[None], kernel)[0])\n"
            "    return each(lhs, jax.numpy.broadcast_to(rhs, (lhs.shape[0], *rhs.shape)))\n"
        )
    else:
        axis, channel = call.features
        body = (
            "    def feature(kernel):\n"
            f"        return convolve(lhs, jax.numpy.expand_dims(kernel, {axis})).squeeze({channel})\n\n"
            f"    return jax.vmap(feature, {axis}, {channel})(rhs)\n"
        )
    return f"def mapped(lhs, rhs):\n{body}"


def _gradient(call: Call, it: Settings, want: Want, name: str, jitted: bool) -> str:
    names = ("lhs", "rhs", "b") if it.bias else ("lhs", "rhs")
    biased = ""
    if it.bias:
        bias = "b" if call.wanted[Y].endswith("C") else f"b.reshape(-1{', 1' * it.rank})"
        biased = f"def biased(lhs, rhs, b):\n    return {name}(lhs, rhs) + {bias}\n\n\n"
    needs = [each for each in "gt" if (each == "t") == (want in ("grad-xw", "grad-wx", "jvp-x", "jvp-w", "jvp-grad-x"))]
    if want in ("grad-xw", "grad-wx", "jvp-grad-x"):
        needs = ["g", "t"]
    given = ", ".join((*names, *needs))
    body = "".join(f"    {line}\n" if line else "\n" for line in lines(want, "biased" if it.bias else name, names))
    jit = "@jax.jit\n" if jitted else ""
    arrays = [f"lhs = {_moved('x', call.there(X))}", f"rhs = {_kernel(call, 'w')}"]
    if "g" in needs:
        arrays.append(f"g = {_moved('g', call.there(Y))}")
    if "t" in needs:
        arrays.append(f"t = {_moved('t', call.there(X)) if want in ALONG_X else _kernel(call, 't')}")
    answer = f"np.asarray(gradient_of({given}))"
    if want in LIKE_W:
        y = _moved(f"np.flip({answer}, {call.flipped})" if call.flipped else answer, call.back(W))
    else:
        y = answer if want in LIKE_B else _moved(answer, call.back(X if want in LIKE_X else Y))
    return f"{biased}{jit}def gradient_of({given}):\n{body}\n\n" + "\n".join([*arrays, f"y = {y}"]) + "\n"


def _kernel(call: Call, name: str) -> str:
    kernel = _moved(name, call.there(W))
    return f"np.flip({kernel}, {call.flipped})" if call.flipped else kernel


def _moved(name: str, axes: tuple[int, ...]) -> str:
    """The expression that reorders an array's axes."""
    return name if axes == tuple(range(len(axes))) else f"np.transpose({name}, {axes})"
