"""The source of what runs for a probe, from numpy x, w, b, g and t to numpy y, in each of TensorFlow's modes.

A mode is how the lines that make y of tensors are run: as they stand, or as the body of a `tf.function`, which XLA may
compile. Tensors are channels last, and kernels are ours reversed: (..., out/groups, in) and (..., in/groups, out).
"""

from __future__ import annotations

from convt.adapter.axes import ALONG_X, LIKE_B, LIKE_W
from convt.adapter.backend import ABSTRACT, GRADIENTS, RESIZES, Form, Program
from convt.conv.settings import Settings

from .calls import say_invalid
from .gradients import Lines, lines, within

PLAIN = "@tf.function(autograph=False)"
DECORATORS = {"xla": "@tf.function(jit_compile=True, autograph=False)"}
"""Where it is not PLAIN. No autograph: there is no control flow of Python's to rewrite."""
READ_BACK = [
    "def read_back(*tensors):",
    "    module = tf.Module()",
    "    module.convolve = convolve",
    "    convolve.get_concrete_function(*(tf.TensorSpec(each.shape, each.dtype) for each in tensors))",
    "    with tempfile.TemporaryDirectory() as folder:",
    "        tf.saved_model.save(module, folder)",
    "        return tf.saved_model.load(folder)",
    "",
    "",
]
"""A function that comes back from a SavedModel, once for tensors of a form."""


def program(form: Form, mode: str, place: str = "") -> Program:
    """The program of a form; Unsupported where the call has no words for it. `place`: the device to say, if any."""
    return Text(form, mode, place).program()


def mapped_over(it: Settings) -> str:
    """What the mode `vmap` maps over: "x", or "xw", the items with a kernel of their own each; empty: no items."""
    return "" if it.batch == 0 else "xw" if sum(it.input) % 2 else "x"


class Text:
    """The text of one call."""

    def __init__(self, form: Form, mode: str, place: str) -> None:
        self.form, self.it, self.want, self.mode, self.place = form, form.settings, form.want, mode, place
        self.rank, self.names = form.settings.rank, tuple(form.dtypes)
        self.resizes, self.derives = form.want in RESIZES, form.want in GRADIENTS
        plain = form.invalid is None and not self.resizes and form.want not in ABSTRACT
        self.saved = mode == "saved" and plain
        self.over = mapped_over(self.it) if mode == "vmap" and plain and form.want != "unbatched" else ""
        self.shapes = {name: shape for name, shape, _ in form.arrays}

    def program(self) -> Program:
        """The program of the want."""
        opened, arguments = self.words()
        said = [f"{key}={value!r}" for key, value in arguments.items()]
        call = f"{opened}({', '.join([*(('x',) if self.resizes else ('x', 'w')), *said])})"
        if self.want in ABSTRACT:
            return self.abstract(opened, said, call)
        if self.mode == "eager" and not self.derives and not self.resizes and self.form.invalid is None:
            made = self.call(opened, said, self.moved("x"), self.moved("w"))  # where the op makes tensors of one dtype
            source = self.function("convolve", [*made, *self.back("y")])
            return Program("\n".join(source) + "\n", "convolve", self.names, call)
        names = "".join(name for name in "xwb" if name in self.names)
        made = lines(self.want, self.call(opened, said, *names[:2]), names, sliced=bool(self.over))
        tensors = [f"{name} = tf.convert_to_tensor({self.moved(name)})" for name in self.names]
        if self.mode == "eager":
            source, traced = self.function("answer", [*tensors, *made, *self.back("y")]), ""
        else:
            given, traced = ", ".join(self.names), "convolve"
            decorator = DECORATORS.get(self.mode, PLAIN)
            source = [decorator, f"def {traced}({given}):", *within([*made, "return y"]), "", ""]
            run = traced
            if self.saved:
                source, run = ["import tempfile", "", "", *source, *READ_BACK], f"read_back({given}).{traced}"
            source += self.function("answer", [*tensors, *self.back(f"{run}({given})")])
        text = "\n".join(source) + "\n"
        return Program(text, "answer", self.names, call, traced, "read_back" if self.saved else "")

    def abstract(self, opened: str, said: Lines, call: str) -> Program:
        """The program of the shape: of placeholders in a graph, or of a concrete function's answer."""
        given = ", ".join(self.names)
        source = [f"def convolve({given}):", *within([*self.call(opened, said, "x", "w"), "return y"]), "", ""]
        arrays = ", ".join(self.moved(name) for name in self.names)
        if self.want == "shape":
            made = ["with tf.Graph().as_default():"]
            made += [f"    given = (tf.compat.v1.placeholder(array.dtype, array.shape) for array in ({arrays},))"]
            made += ["    y = convolve(*given)"]
        else:
            made = [f"given = (tf.TensorSpec(array.shape, array.dtype) for array in ({arrays},))"]
            made += ["y = tf.function(convolve, autograph=False).get_concrete_function(*given).structured_outputs"]
        made += ["shape = list(y.shape)"]
        space = self.rank + 1
        moved = f"[*shape[:-{space}], shape[-1], *shape[-{space}:-1]]"
        made += [f"shape = {moved} if len(shape) > {self.rank} else shape"]
        source += self.function("shape_of", [*made, "return np.array(shape)"])
        return Program("\n".join(source) + "\n", "shape_of", self.names, call)

    def words(self) -> tuple[str, dict[str, object]]:
        """What is called, and its keyword arguments."""
        if self.resizes:
            size = [n * stride for n, stride in zip(self.it.input, self.it.stride, strict=True)]
            return "tf.image.resize", {"size": size, "method": self.want}
        name, arguments = say_invalid(self.it, self.form.call_form, self.form.invalid or {})
        if self.over and "output_shape" in arguments:
            arguments["output_shape"] = [1, *arguments["output_shape"][1:]]
        if self.want == "unbatched" and "output_shape" in arguments:
            arguments["output_shape"] = arguments["output_shape"][1:]
        return f"tf.nn.{name}", arguments

    def call(self, opened: str, said: Lines, *given: str) -> Lines:
        """The lines that make y of what is given for x and w, and of b."""
        if self.over:
            made = self.mapped(opened, said)
        else:
            made = [f"y = {opened}(", *(f"    {each}," for each in (*given, *said)), ")"]
        return [*made, "y = tf.nn.bias_add(y, b)"] if "b" in self.names else made

    def mapped(self, opened: str, said: Lines) -> Lines:
        """The same by tf.vectorized_map, one item at a time; those of an odd sum of extents have a kernel each."""
        item, kernel, over = ("item[None]", "w", "x")
        if self.over == "xw":
            item, kernel = "item[0][None]", "item[1]"
            over = f"(x, tf.broadcast_to(w, [{self.it.batch}, *w.shape]))"
        call = [f"    return {opened}(", *(f"        {each}," for each in (item, kernel, *said)), "    )[0]", ""]
        return ["def convolve_item(item):", *call, f"y = tf.vectorized_map(convolve_item, {over})"]

    def function(self, name: str, body: Lines) -> Lines:
        """The function of numpy's arrays, on the device."""
        placed = [f'with tf.device("{self.place}"):', *within(body)] if self.place else body
        return [f"def {name}({', '.join(self.names)}):", *within(placed)]

    def moved(self, name: str) -> str:
        """An array in TensorFlow's order of axes; what has other axes than the settings say stays as it is."""
        space = range(2, self.rank + 2)
        if name == "b" or len(self.shapes.get(name, self.it.x_shape)) != self.rank + 2:
            return name
        if name == "x" and self.want == "unbatched":
            return f"x[0].transpose{(*range(1, self.rank + 1), 0)}"
        if name == "w" or (name == "t" and self.want not in ALONG_X):
            return f"{name}.transpose{(*space, 1, 0)}"
        return f"{name}.transpose{(0, *space, 1)}"

    def back(self, y: str) -> Lines:
        """The lines that return a tensor as numpy's array, in the stored order of axes."""
        array = f"np.asarray({y})"
        if self.want in LIKE_B:
            return [f"return {array}"]
        if self.form.invalid is not None or self.want == "unbatched":  # which may be answered in any shape
            return [f"y = {array}", f"return np.moveaxis(y, -1, {-1 - self.rank}) if y.ndim > {self.rank} else y"]
        if self.want in LIKE_W:
            return [f"return {array}.transpose{(self.rank + 1, self.rank, *range(self.rank))}"]
        return [f"return {array}.transpose{(0, self.rank + 1, *range(1, self.rank + 1))}"]
