"""Plain scripts of what the Keras adapter calls, from numpy `x`, `w`, `b`, `g` and `t` to numpy `y`."""

from __future__ import annotations

from convt.adapter.axes import ALONG_X, LIKE_B, LIKE_W
from convt.adapter.backend import GRADIENTS, MIXED
from convt.conv.settings import Settings

from ..jax.gradients import family
from ..jax.gradients import lines as jax_lines
from .calls import DEPTHWISE, ENGINE, FIRST, OPS, Call, folded, input_shape
from .gradients import FORWARD, lines

_NUMPY = "keras.ops.convert_to_numpy(y)"


def script(call: Call, it: Settings, call_form: int, want: str, mode: str) -> str:
    """The script after the imports. `want` is a probe's, or "attempt" where the arguments may mean nothing."""
    x, w = _data("x", call_form), _kernel("w", it, call_form)
    if want in GRADIENTS:
        return _gradient(call, it, call_form, want, mode)
    if call.module == "ops":
        return _operation(call, it, x, w, mode, want == "attempt")
    answer = f"y = {_back('y', call_form)}\n"
    if want == "attempt":
        x, w = (f"{made} if {each}.ndim == {it.rank + 2} else {each}" for made, each in ((x, "x"), (w, "w")))
        answer = f"y = {_NUMPY}\ny = {_data_back('y', call_form)} if y.ndim == {it.rank + 2} else y\n"
        made = _layer(call, it, None, "attempt", "eager", ["x", "w", "b"])
        return f"x = {x}\nw = {w}\n{made}\ny = layer(x)\n{answer}"
    made = _layer(call, it, input_shape(it, call_form), want, mode, [x, w, "b"])
    return f"{made}\ny = {_CALLS[mode].format(x)}\n{answer}"


_CALLS = {"eager": "layer({})", "functional": "model({})", "compiled": "model.predict({}, verbose=0)"}
_CALLS["saved"] = _CALLS["functional"]


def _layer(call: Call, it: Settings, shape: tuple[int, ...] | None, want: str, mode: str, arrays: list[str]) -> str:
    """The lines that make `layer`, or `model`, with its weights."""
    dtype = f'"{want.replace("-", "_")}"' if want in MIXED else "x.dtype.name"
    options = "".join(f"    {key}={value!r},\n" for key, value in call.options.items())
    start = f'    {call.kernel_initializer}="zeros",\n'
    made = ["import tempfile\n"] if mode == "saved" else []
    made += [f"layer = keras.{call.module}.{call.name}(\n{options}{start}    dtype={dtype},\n)"]
    weights = f"set_weights([{arrays[1]}{', b' if it.bias else ''}])"
    if mode == "eager":
        return "\n".join([*made, f"layer.build({'x.shape' if shape is None else shape})", f"layer.{weights}"])
    assert shape is not None
    if mode == "saved":
        made.append("layer = type(layer).from_config(layer.get_config())")
    made.append(f"inputs = keras.Input(batch_shape={(None, *shape[1:])}, dtype=x.dtype.name)")
    made += ["model = keras.Model(inputs, layer(inputs))", f"model.{weights}"]
    if mode == "compiled":
        made.append('model.compile(jit_compile="auto")')
    if mode == "saved":
        made += _FILE
    return "\n".join(made)


_FILE = [
    "with tempfile.TemporaryDirectory() as folder:",
    '    model.save(folder + "/convolution.keras")',
    '    model = keras.models.load_model(folder + "/convolution.keras")',
]


def _operation(call: Call, it: Settings, x: str, w: str, mode: str, invalid_call: bool) -> str:
    bias = f" + b.reshape(-1{', 1' * it.rank})" if it.bias else ""
    options = "".join(f"    {key}={value!r},\n" for key, value in call.options.items())
    if invalid_call:
        given = "".join(f"    {m} if {n}.ndim == {it.rank + 2} else {n},\n" for m, n in ((x, "x"), (w, "w")))
        last = f"y = {_NUMPY}\ny = np.moveaxis(y, -1, 1) if y.ndim == {it.rank + 2} else y\n"
        return f"y = keras.ops.{call.name}(\n{given}{options})\n{last}"
    if mode == "eager":
        return f"y = keras.ops.{call.name}(\n    {x},\n    {w},\n{options})\ny = {_back('y', OPS)}{bias}\n"
    made, called = _op_function(call, x, w, mode)
    return f"{made}y = {called}({'[lhs, rhs]' if called == 'model' else 'lhs, rhs'})\ny = {_back('y', OPS)}{bias}\n"


_COMPILER = {
    "jax": ("import jax\n\n\n", "@jax.jit\n"),
    "tensorflow": ("import tensorflow as tf\n\n\n", "@tf.function\n"),
}


def _op_function(call: Call, x: str, w: str, mode: str) -> tuple[str, str]:
    """The lines that make lhs, rhs and a function of both, and the function's name."""
    options = ", ".join(f"{key}={value!r}" for key, value in call.options.items())
    arrays = f"lhs = {x}\nrhs = {w}\n"
    if mode in ("eager", "compiled"):
        compiled = mode == "compiled" and ENGINE != "torch"
        engine, word = _COMPILER[ENGINE] if compiled else ("", "")
        body = f"def operation(x, w):\n    return keras.ops.{call.name}(x, w, {options})\n\n"
        return f"{engine}{word}{body}\n{arrays}", "operation"
    inputs = "inputs = [keras.Input(batch_shape=each.shape, dtype=each.dtype.name) for each in (lhs, rhs)]\n"
    model = f"model = keras.Model(inputs, keras.ops.{call.name}(*inputs, {options}))\n"
    saved = "".join(f"{line}\n" for line in _FILE) if mode == "saved" else ""
    start = "import tempfile\n\n" if saved else ""
    return f"{start}{arrays}{inputs}{model}{saved}", "model"


def _gradient(call: Call, it: Settings, call_form: int, want: str, mode: str) -> str:
    x, w = _data("x", call_form), _kernel("w", it, call_form)
    pure = ENGINE == "jax" or (ENGINE == "torch" and want in FORWARD)
    tensor = "keras.ops.convert_to_tensor"
    bias = ["b"] if it.bias else []
    if call.module == "ops":
        made, called = _op_function(call, x, w, mode)
        given = "[x, w]" if called == "model" else "x, w"
        last = f"return {called}({given}){' + b' * len(bias)}"
        text = [f"{made}\n\ndef convolve(x, w{', b' if bias else ''}):\n    {last}\n\n"]
        arrays = f"[{', '.join(f'{tensor}({each})' for each in ('lhs', 'rhs', *bias))}]"
    else:
        text = [_layer(call, it, input_shape(it, call_form), want, mode, [x, w, "b"])]
        name = "layer" if mode == "eager" else "model"
        inner = f"{name}.stateless_call(list(weights), [], x)[0]" if pure else f"{name}(x)"
        text.append(f"\n\ndef convolve(x, *weights):\n    return {inner}\n\n")
        arrays = f"[{tensor}({x}), *(each.value for each in {name}.trainable_variables)]"
    text.append(f"arrays = {arrays}")
    if want not in ("jvp-x", "jvp-w"):
        text.append(f"g = {tensor}({_data('g', call_form)})")
    if want in ("grad-xw", "grad-wx", "jvp-x", "jvp-w", "jvp-grad-x"):
        text.append(f"t = {tensor}({_data('t', call_form) if want in ALONG_X else _kernel('t', it, call_form)})")
    text += _differentiated(want, 2 + len(bias), mode)
    text.append(f"y = {_gradient_back(want, it, call_form)}\n")
    imports = {"tensorflow": "import tensorflow as tf\n", "torch": "import torch\n", "jax": "import jax\n"}[ENGINE]
    return f"{imports}\n" + "\n".join(text)


def _differentiated(want: str, count: int, mode: str) -> list[str]:
    """The lines that make y of convolve, arrays, g and t."""
    if ENGINE == "jax":
        names = ("x", "w", "b")[:count]
        body = [f"    {line}" if line else "" for line in jax_lines(want, "convolve", names)]  # type: ignore[arg-type]
        jit = ["@jax.jit"] if mode == "compiled" else []
        index = f"[{'xwb'.index(want[-1])}]" if family(want) == "grad" else ""  # type: ignore[arg-type]
        return [
            "",
            "",
            *jit,
            f"def gradient_of({', '.join(names)}):",
            *body,
            "",
            "",
            f"y = gradient_of(*arrays){index}",
        ]
    made = lines(ENGINE, want, count)  # type: ignore[arg-type]
    if ENGINE == "tensorflow" and mode == "compiled":
        return [
            "",
            "",
            "@tf.function",
            "def gradient():",
            *(f"    {line}" for line in made),
            "    return y",
            "",
            "",
            "y = gradient()",
        ]
    return made


def _data(name: str, call_form: int) -> str:
    return name if call_form == FIRST else f"np.moveaxis({name}, 1, -1)"


def _data_back(name: str, call_form: int) -> str:
    return name if call_form == FIRST else f"np.moveaxis({name}, -1, 1)"


def _back(name: str, call_form: int) -> str:
    return _data_back(f"keras.ops.convert_to_numpy({name})", call_form)


def _kernel(name: str, it: Settings, call_form: int) -> str:
    if call_form == DEPTHWISE:
        return f"np.moveaxis({name}.reshape{folded(it)}, (0, 1), (-2, -1))"
    return f"np.moveaxis({name}, (0, 1), (-1, -2))"


def _gradient_back(want: str, it: Settings, call_form: int) -> str:
    if want in LIKE_B:
        return _NUMPY
    if want not in LIKE_W:
        return _back("y", call_form)
    if call_form == DEPTHWISE:
        return f"np.moveaxis({_NUMPY}, (-2, -1), (0, 1)).reshape{it.w_shape}"
    return f"np.moveaxis({_NUMPY}, (-1, -2), (0, 1))"
