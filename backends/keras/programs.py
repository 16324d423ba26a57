"""The source of what runs for a probe, from numpy x, w, b, g and t to numpy y, in each of Keras's modes.

A layer or model is built once for all programs that have it, above their functions: it costs milliseconds. Each call
sets its weights, or passes them to `stateless_call`. The modes are a layer by itself, in a functional model, through
`Model.predict`, read back from a file, or in a model that `keras.models.clone_model` copied.
"""

from __future__ import annotations

from convt.adapter.backend import ABSTRACT, MIXED, RESIZES, Form, Program, Unsupported

from .calls import Call, call_for, input_shape, invalid_call_for
from .gradients import stateless
from .text import NUMPY, TENSOR, Lines, Text, indented, said

MODES = ("eager", "functional", "compiled", "saved", "cloned")
_ZEROS = [
    "def zeros(shape, dtype):  # keras.ops.zeros compiles a program for each shape",
    '    return keras.ops.convert_to_tensor(np.zeros(shape, "float32"), dtype)',
    "",
    "",
]
CLONED = ["model = keras.models.clone_model(model)"]
_COMPILERS = {"jax": "@jax.jit", "tensorflow": "@tf.function(autograph=False)"}


def program(form: Form, engine: str, mode: str, refused: bool) -> Program:
    """The program of a form; Unsupported where Keras has no words for it.

    `engine` is the framework underneath. `refused`: whether Keras is said to refuse this form, perhaps for its extents.
    """
    if form.want in RESIZES:
        return _resize(form)
    if form.want in ABSTRACT:
        return Abstract(form, engine, mode).program()
    if form.invalid is not None:
        return Invalid(form, engine).program()
    call = call_for(form.settings, form.call_form)
    by = Operation if call.module == "ops" else Layer
    return by(form, call, engine, mode, refused).program()


def _resize(form: Form) -> Program:
    """A resize by the strides, with half-pixel centres."""
    it = form.settings
    if form.want == "bilinear" and it.rank != 2:
        raise Unsupported(f"keras.layers.UpSampling{it.rank}D has no interpolation")
    how = f", interpolation={form.want!r}" if it.rank == 2 else ""
    layer = f"keras.layers.UpSampling{it.rank}D({it.stride[0] if it.rank == 1 else it.stride}{how})"
    body = ["def resize(x):", f"    y = {layer}(np.moveaxis(x, 1, -1))"]
    source = "\n".join([*body, f"    return np.moveaxis({NUMPY.format('y')}, -1, 1)"]) + "\n"
    return Program(source, "resize", ("x",), layer)


class Layer(Text):
    """The text of a layer."""

    @property
    def stateless(self) -> bool:
        """Whether the weights are arguments: what JAX traces, and what carries PyTorch's tangents."""
        if self.derived:
            return stateless(self.engine, self.want)
        return self.engine == "jax" and self.mode == "eager" and self.want != "unbatched"

    @property
    def name(self) -> str:
        """What is called."""
        if self.mode == "saved" and not self.stateless:
            return "loaded"
        return "layer" if self.mode == "eager" and not self.casts else "model"

    @property
    def casts(self) -> bool:
        """Whether the layer needs a model around it: its own stateless_call does not cast arguments, a model's does."""
        return self.stateless and self.want in MIXED

    def above(self) -> Lines:
        shape = input_shape(self.it, self.form.call_form)
        lines = layer(self.call, self.policy(), self.start())
        if self.mode == "eager":
            lines += [f"layer.build({self.shape()})"]
            lines += [f"model = keras.Sequential([keras.Input(batch_shape={shape}), layer])"] if self.casts else []
        else:
            lines += ["layer = type(layer).from_config(layer.get_config())"] if self.mode == "saved" else []
            lines += [f'inputs = keras.Input(batch_shape={(None, *shape[1:])}, dtype="{self.form.dtype}")']
            lines += ["model = keras.Model(inputs, layer(inputs))"]
            lines += ['model.compile(jit_compile="auto")'] if self.mode == "compiled" else []
            lines += CLONED if self.mode == "cloned" else []
        if self.mode == "saved":
            lines = ["import tempfile", "", *lines, *(through_file("model") if self.stateless else [])]
        if self.derived and self.name != "loaded" and not self.stateless:
            lines += [f"variables = [each.value for each in {self.name}.trainable_variables]"]
        return lines

    def start(self) -> str:
        """What makes the variables: a file can hold no function, and JAX compiles a program for each shape of zeros."""
        if self.mode != "eager":
            return '"zeros"'
        return "zeros" if self.engine == "jax" else "keras.ops.zeros"

    def policy(self) -> str:
        return self.want.replace("-", "_") if self.want in MIXED else self.form.dtype

    def shape(self) -> tuple[int | None, ...]:
        """What a layer is built for: all extents, unless they may be what it refuses."""
        exact = input_shape(self.it, self.form.call_form)
        if self.refused or 0 in self.it.x_shape + self.it.y_shape:
            return exact
        axis = 1 if self.first else 1 + self.it.rank
        return tuple(n if index == axis else None for index, n in enumerate(exact))

    def functions(self) -> list[Lines]:
        if self.stateless:
            names = ", ".join(self.weights)
            call = f"{self.name}.stateless_call([{names}], [], x)[0]"
            return [[f"def convolve(x, {names}):", f"    return {call}"]]
        if not self.derived or self.name == "loaded":
            return []
        return [self.called()]

    def called(self) -> Lines:
        return ["def convolve(x, *weights):", f"    return {self.name}(x)"]

    def weighted(self) -> Lines:
        """The lines that give what is called its weights."""
        given = ", ".join([self.kernel("w"), *self.weights[1:]])
        lines = [f"{'layer' if self.mode == 'eager' else 'model'}.set_weights([{given}])"]
        return [*lines, *through_file("loaded")] if self.name == "loaded" else lines

    def answer(self) -> Lines:
        if self.stateless:
            given = ", ".join([self.data("x"), self.kernel("w"), *self.weights[1:]])
            return [f"y = convolve({given})", f"return {self.back('y')}"]
        call = "model.predict({}, verbose=0)" if self.mode == "compiled" else f"{self.name}({{}})"
        return [*self.weighted(), f"y = {call.format(self.data('x'))}", f"return {self.back('y')}"]

    def differentiated(self) -> tuple[Lines, Lines]:
        x = TENSOR.format(self.data("x"))
        if self.stateless:
            rest = (TENSOR.format(each) for each in (self.kernel("w"), *self.weights[1:]))
            return [], [x, *rest]
        if self.name == "loaded":
            variables = "(each.value for each in loaded.trainable_variables)"
            return [*self.weighted(), "", *self.called(), ""], [x, f"*{variables}"]
        return self.weighted(), [x, "*variables"]


class Operation(Text):
    """The text of an op, which has no weights and no bias: who calls adds it."""

    @property
    def modelled(self) -> bool:
        """Whether the op is that of a functional model."""
        return self.mode in ("functional", "saved", "cloned")

    def above(self) -> Lines:
        if not self.modelled:
            return []
        x, w = input_shape(self.it, self.form.call_form), self.it.w_shape
        shapes = (x[1:] if self.want == "unbatched" else x, (*w[2:], w[1], w[0]))
        made = ", ".join(f'keras.Input(batch_shape={shape}, dtype="{self.form.dtype}")' for shape in shapes)
        lines = [f"inputs = [{made}]", f"model = keras.Model(inputs, {self.called('*inputs')})"]
        lines += CLONED if self.mode == "cloned" else []
        return ["import tempfile", "", *lines, *through_file("model")] if self.mode == "saved" else lines

    def called(self, given: str) -> str:
        return f"keras.ops.{self.call.name}({given}{said(self.call)})"

    def functions(self) -> list[Lines]:
        functions: list[Lines] = []
        if not self.modelled:
            compiler = _COMPILERS.get(self.engine) if self.mode == "compiled" else None
            body = ["def operation(x, w):", f"    return keras.ops.{self.call.name}(", "        x,", "        w,"]
            options = (f"        {key}={value!r}," for key, value in self.call.options.items())
            functions.append([*([compiler] if compiler else []), *body, *options, "    )"])
        if self.derived:
            names = ", ".join(["x", *self.weights])
            added = " + b" if "b" in self.weights else ""
            functions.append([f"def convolve({names}):", f"    return {self.run('x', 'w')}{added}"])
        return functions

    def run(self, x: str, w: str) -> str:
        return f"model([{x}, {w}])" if self.modelled else f"operation({x}, {w})"

    def answer(self) -> Lines:
        # of an empty batch Keras asks TensorFlow's own shape, which numpy's arrays have not
        put = TENSOR if self.engine == "tensorflow" else "{}"
        lines = [f"y = {self.run(put.format(self.data('x')), put.format(self.kernel('w')))}"]
        if "b" not in self.names:
            return [*lines, f"return {self.back('y')}"]
        shape = f"-1{', 1' * self.it.rank}"
        return [*lines, f"y = {self.back('y')}", f"return y + b.astype(y.dtype).reshape({shape})"]

    def differentiated(self) -> tuple[Lines, Lines]:
        return [], [TENSOR.format(each) for each in (self.data("x"), self.kernel("w"), *self.weights[1:])]


class Invalid(Text):
    """The text of a call with raw arguments, which may mean nothing, as arrays of any shape may."""

    def __init__(self, form: Form, engine: str) -> None:
        call = invalid_call_for(form.settings, form.call_form, form.invalid or {})
        super().__init__(form, call, engine, "invalid", refused=True)
        self.want, self.derived = "value", False
        if call.module == "ops" and "b" in self.names:
            raise Unsupported(f"keras.ops.{call.name} has no bias: who calls adds it")

    def above(self) -> Lines:
        return []

    def functions(self) -> list[Lines]:
        return []

    def answer(self) -> Lines:
        whole = self.it.rank + 2
        moved = {"x": self.data("x"), "w": self.kernel("w")}
        lines = [f"{n} = {m} if {n}.ndim == {whole} else {n}" for n, m in moved.items() if n != m]
        if self.call.module == "ops":
            given = ", ".join(TENSOR.format(name) for name in "xw")
            lines += [f"y = keras.ops.{self.call.name}({given}{said(self.call)})"]
        else:
            w = ", ".join([TENSOR.format("w"), *self.weights[1:]])
            lines += layer(self.call, self.form.dtype, '"zeros"')
            lines += ["layer.build(x.shape)", f"layer.set_weights([{w}])", f"y = layer({TENSOR.format('x')})"]
        lines += [f"y = {NUMPY.format('y')}"]
        return [*lines, f"return np.moveaxis(y, -1, 1) if y.ndim == {whole} else y" if not self.first else "return y"]


class Abstract(Text):
    """The text of a shape: by a layer's compute_output_shape, or of symbolic tensors as in functional models."""

    def __init__(self, form: Form, engine: str, mode: str) -> None:
        it = form.settings
        said = call_for(it, form.call_form)
        call = said if form.invalid is None else invalid_call_for(it, form.call_form, form.invalid)
        super().__init__(form, call, engine, mode, refused=True)
        self.symbolic = form.want == "traced" or mode == "functional" or call.module == "ops"
        if call.module == "layers" and form.arrays:
            self.refuse_other_weights()

    def refuse_other_weights(self) -> None:
        """Unsupported where what is wrong is an array that no layer is told of for its shape."""
        it, shapes = self.it, {name: shape for name, shape, _ in self.form.arrays}
        valid = {"x": it.x_shape, "w": it.w_shape, "b": it.b_shape if it.bias else ()}
        declared = {"kernel_size", "channels_out"} & set(self.form.invalid or {})
        other = [name for name, shape in shapes.items() if shape != valid[name] and not (name == "w" and declared)]
        dtypes = {dtype for _, _, dtype in self.form.arrays}
        groups = (self.form.invalid or {}).get("groups")
        if type(groups) is int and groups > 1 and it.channels_in % groups == 0 and "w" not in other:
            other.append("w")  # which is that of another number of groups
        if not self.symbolic and "float" not in self.form.dtype:
            raise Unsupported(f"keras.layers.{self.call.name}.compute_output_shape is told no dtype")
        if other != ["x"] * (len(shapes["x"]) != it.rank + 2) or len(dtypes) > 1:
            raise Unsupported(f"keras.layers.{self.call.name} is given no arrays for its shape, only that of its input")

    def program(self) -> Program:
        it, dtype = self.it, self.form.dtype
        whole = it.rank + 2
        moved = f"{self.data('x')} if x.ndim == {whole} else x"
        lines = [] if self.first else [f"x = {moved}"]
        if self.call.module == "ops":
            lines += [f"w = {self.kernel('w')} if w.ndim == {whole} else w"]
            given = ", ".join(f"keras.KerasTensor({name}.shape, str({name}.dtype))" for name in "xw")
            lines += [f"shape = keras.ops.{self.call.name}({given}{said(self.call)}).shape"]
        else:
            lines += layer(self.call, dtype, '"zeros"')
            symbol = f'layer(keras.Input(batch_shape=x.shape, dtype="{dtype}")).shape'
            lines += [f"shape = {symbol if self.symbolic else 'layer.compute_output_shape(x.shape)'}"]
        order = "" if self.first else f"[shape[0], shape[-1], *shape[1:-1]] if len(shape) == {whole} else "
        lines += [f"return np.array({order}list(shape))"]
        source = "\n".join([f"def shape_of({', '.join(self.names)}):", *indented(lines)]) + "\n"
        given = ", ".join([*self.call.given, *(f"{key}={value!r}" for key, value in self.call.options.items())])
        return Program(source, "shape_of", self.names, f"keras.{self.call.module}.{self.call.name}({given})")


def layer(call: Call, policy: str, start: str) -> Lines:
    """The lines that make a layer. `start` makes its variables, which drawing at random would make slower."""
    options = [f"    {key}={value!r}," for key, value in call.options.items()]
    options += [f"    {call.kernel_initializer}={start},"]
    options += [f"    bias_initializer={start},"] if call.options.get("use_bias", True) else []
    made = [f"layer = keras.layers.{call.name}(", *options, f'    dtype="{policy}",', ")"]
    return [*_ZEROS, *made] if start == "zeros" else made


def through_file(name: str) -> Lines:
    """The lines that make of `model` what comes back from a file, its weights with it."""
    return [
        "with tempfile.TemporaryDirectory() as folder:",
        '    model.save(folder + "/convolution.keras")',
        f'    {name} = keras.models.load_model(folder + "/convolution.keras")',
    ]
