"""What the texts of all calls of Keras share: the order of axes, derivatives, and how a program is put together."""

from __future__ import annotations

from convt.adapter.axes import ALONG_X, LIKE_B, LIKE_W
from convt.adapter.backend import GRADIENTS, Form, Program

from ..jax.gradients import family
from ..jax.gradients import lines as jax_lines
from .calls import DEPTHWISE, FIRST, Call, folded
from .gradients import derivative

Lines = list[str]
NUMPY = "keras.ops.convert_to_numpy({})"
TENSOR = "keras.ops.convert_to_tensor({})"
_ENGINES = {"jax": "import jax", "tensorflow": "import tensorflow as tf", "torch": "import torch"}


class Text:
    """What the texts of all calls have in common. Functions take arrays in the call's order, the entry in ours."""

    def __init__(self, form: Form, call: Call, engine: str, mode: str, refused: bool) -> None:
        self.form, self.it, self.call, self.engine, self.mode, self.refused = (
            form, form.settings, call, engine, mode, refused,
        )  # fmt: skip
        self.want = form.want
        self.derived = self.want in GRADIENTS
        self.names = tuple(form.dtypes)
        self.weights = [name for name in "wb" if name in self.names]
        self.first = form.call_form == FIRST

    def program(self) -> Program:
        """The program of the want."""
        above, functions, traced = self.above(), self.functions(), ""
        if self.engine == "jax" and self.derived:
            functions, traced = [*functions, self.gradient_of()], "gradient_of"
        elif functions and self.engine == "jax" and self.mode == "eager":
            traced = functions[-1][0].removeprefix("def ").split("(")[0]
        body = self.gradient() if self.derived else self.answer()
        functions.append([f"def answer({', '.join(self.names)}):", *indented(body)])
        source = "\n\n\n".join("\n".join(each) for each in functions) + "\n"
        if f"{self.module}." in source:
            engine = _ENGINES[self.engine]
            above, source = ([engine, "", *above], source) if above else (above, f"{engine}\n\n\n{source}")
        said = ", ".join([*self.call.given, *(f"{key}={value!r}" for key, value in self.call.options.items())])
        line = f"keras.{self.call.module}.{self.call.name}({said})"
        return Program(source, "answer", self.names, line, traced, above="\n".join(above) + "\n" if above else "")

    @property
    def module(self) -> str:
        """The name of the engine's module in the text."""
        return "tf" if self.engine == "tensorflow" else self.engine

    def above(self) -> Lines:
        """What is built once for all programs that say it."""
        raise NotImplementedError

    def functions(self) -> list[Lines]:
        """The functions of the call's arrays, what runs as the last one."""
        raise NotImplementedError

    def answer(self) -> Lines:
        """The body of the entry for the answer itself."""
        raise NotImplementedError

    def differentiated(self) -> tuple[Lines, Lines]:
        """(lines before, the tensors that a derivative is taken of, x first)."""
        raise NotImplementedError

    def gradient(self) -> Lines:
        """The body of the entry for a derivative."""
        data: dict[str, str] = {name: self.data(name) for name in "xg" if name in self.names}
        if "t" in self.names:
            data["t"] = self.data("t") if self.want in ALONG_X else self.kernel("t")
        if self.engine == "jax":
            given = data | {"w": self.kernel("w")}
            # a compiled program takes numpy's arrays faster; a model takes no tracer beside them
            put = "jax.device_put({})" if self.mode in ("functional", "saved", "cloned") else "{}"
            arguments = ", ".join(put.format(given.get(name, name)) for name in self.names)
            index = f"[{'xwb'.index(self.want[-1])}]" if family(self.want) == "grad" else ""
            return [f"y = gradient_of({arguments}){index}", f"return {self.gradient_back('y')}"]
        before, arrays = self.differentiated()
        rest = [f"{name} = {TENSOR.format(data[name])}" for name in ("g", "t") if name in data]
        made = derivative(self.engine, self.want, 1 + len(self.weights), self.mode)
        listed = [f"arrays = [{', '.join(arrays)}]"]
        if len(listed[0]) > 100:
            listed = ["arrays = [", *(f"    {array}," for array in arrays), "]"]
        return [*before, *listed, *rest, *made, f"return {self.gradient_back('y')}"]

    def gradient_of(self) -> Lines:
        """The derivative of `convolve` by JAX."""
        made = jax_lines(self.want, "convolve", ("x", *self.weights))
        decorator = ["@jax.jit"] if self.mode == "compiled" else []
        return [*decorator, f"def gradient_of({', '.join(self.names)}):", *indented(made)]

    def data(self, name: str) -> str:
        """An array like x or y in the order of the call."""
        if self.want == "unbatched":
            return f"{name}[0]" if self.first else f"np.moveaxis({name}[0], {-1 - self.it.rank}, -1)"
        return name if self.first else f"np.moveaxis({name}, 1, -1)"

    def kernel(self, name: str) -> str:
        """An array like w in the order of the call."""
        if self.form.call_form == DEPTHWISE:
            return f"np.moveaxis({name}.reshape{folded(self.it)}, (0, 1), (-2, -1))"
        return f"np.moveaxis({name}, (0, 1), (-1, -2))"

    def back(self, name: str) -> str:
        """A tensor like x or y as numpy's array in the stored order."""
        axis = -1 - self.it.rank if self.want == "unbatched" else 1
        return NUMPY.format(name) if self.first else f"np.moveaxis({NUMPY.format(name)}, -1, {axis})"

    def gradient_back(self, name: str) -> str:
        """A gradient as numpy's array in the stored order of what it is one of."""
        if self.want in LIKE_B:
            return NUMPY.format(name)
        if self.want not in LIKE_W:
            return self.back(name)
        if self.form.call_form == DEPTHWISE:
            return f"np.moveaxis({NUMPY.format(name)}, (-2, -1), (0, 1)).reshape{self.it.w_shape}"
        return f"np.moveaxis({NUMPY.format(name)}, (-1, -2), (0, 1))"


def said(call: Call) -> str:
    """The arguments of a call, after its arrays."""
    return "".join(f", {key}={value!r}" for key, value in call.options.items())


def indented(lines: Lines) -> Lines:
    """The body of a function."""
    return [f"    {line}" if line else "" for line in lines]
