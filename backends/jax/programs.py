"""The source of what runs for a probe, from numpy x, w, b, g and t to numpy y, in each of JAX's modes."""

from __future__ import annotations

from convt.adapter.axes import ALONG_X, LIKE_B, LIKE_W, LIKE_X
from convt.adapter.backend import ABSTRACT, GRADIENTS, RESIZES, Form, Program, Unsupported
from convt.conv.settings import Settings

from .calls import Call, W, X, Y, call_for, invalid_call_for
from .gradients import family, lines
from .limits import NARROWED

Lines = list[str]


def program(form: Form, mode: str) -> Program:
    """The program of a form; Unsupported where the call has no words for it."""
    if form.want in RESIZES:
        return _resize(form)
    if form.invalid is None:
        call = call_for(form.settings, form.call_form)
    else:
        call = invalid_call_for(form.settings, form.call_form, form.invalid)
        if "b" in form.dtypes:
            raise Unsupported(f"jax.lax.{call.function} has no bias: who calls adds it")
    return Text(form, call, mode).program()


def mapped_over(it: Settings) -> str:
    """What the mode `vmap` maps over: "x", "w", or "xw", the items with a kernel of their own each.

    Batches item by item, those of an odd sum of extents with a copy of the kernel each; a single item's output
    features one by one, where there are no groups of them.
    """
    if it.batch == 1:
        return "w" if it.groups == 1 else "x"
    return "xw" if sum(it.input) % 2 else "x"


def _resize(form: Form) -> Program:
    """A resize by the strides, with half-pixel centres."""
    it = form.settings
    shape = (*it.x_shape[:2], *(n * stride for n, stride in zip(it.input, it.stride, strict=True)))
    method = "linear" if form.want == "bilinear" else "nearest"
    source = f"def resize(x):\n    return np.asarray(jax.image.resize(jax.device_put(x), {shape}, {method!r}))\n"
    return Program(source, "resize", ("x",), f"jax.image.resize(x, {shape}, {method!r})")


class Text:
    """The text of one call. What is traced takes arrays in the call's order of axes, the entry in the stored one."""

    def __init__(self, form: Form, call: Call, mode: str) -> None:
        self.form, self.it, self.want, self.call = form, form.settings, form.want, call
        self.eager = mode == "eager"
        self.exported = mode == "exported" and form.invalid is None and form.want not in ABSTRACT
        self.over = mapped_over(self.it) if mode == "vmap" and form.invalid is None else ""
        self.biased = "b" in form.dtypes and self.want in GRADIENTS

    def program(self) -> Program:
        """The program of the want."""
        functions, traced = [self.convolve()], "convolve"
        if self.over:
            functions, traced = [*functions, self.mapped()], "mapped"
        if self.biased:
            functions, traced = [*functions, self.with_bias(traced)], "biased"
        if self.want in GRADIENTS:
            functions, traced = [*functions, self.gradient(traced)], "gradient_of"
        if not self.eager:
            functions[-1] = ["@jax.jit", *functions[-1]]
        if self.exported:
            functions, traced = [*functions, *self.through_bytes(traced)], "loaded"
        names = tuple(self.form.dtypes)
        if self.want in ABSTRACT:
            return self.abstract(functions, traced)
        answer = self.gradient_back(traced) if self.want in GRADIENTS else self.back(traced)
        functions.append([f"def answer({', '.join(names)}):", *_in([*self.there(), *answer])])
        source = "\n\n\n".join("\n".join(function) for function in functions) + "\n"
        return Program(source, "answer", names, self.said(), traced, "read_back" if self.exported else "")

    def abstract(self, functions: list[Lines], traced: str) -> Program:
        """The program of the shape: by jax.eval_shape, or of what jax.jit has lowered."""
        evaluated = f"jax.eval_shape({traced}, lhs, rhs)"
        if self.want == "traced":
            evaluated = f"jax.jit({traced}).lower(lhs, rhs).out_info"
        order = self.call.back(Y)
        ordered = f"[shape[axis] for axis in {order}] if len(shape) == {len(order)} else shape"
        body = [*self.there(), f"shape = {evaluated}.shape", f"return np.array({ordered})"]
        names = tuple(self.form.dtypes)
        functions = [*functions, [f"def shape_of({', '.join(names)}):", *_in(body)]]
        source = "\n\n\n".join("\n".join(function) for function in functions) + "\n"
        return Program(source, "shape_of", names, self.said())

    def said(self) -> str:
        """The framework's own call, on one line."""
        options = "".join(f", {key}={value!r}" for key, value in self.call.options.items())
        return f"jax.lax.{self.call.function}(lhs, rhs{options})"

    def convolve(self) -> Lines:
        options = (f"        {key}={value!r}," for key, value in self.call.options.items())
        opened = f"    return jax.lax.{self.call.function}("
        return ["def convolve(lhs, rhs):", opened, "        lhs,", "        rhs,", *options, "    )"]

    def through_bytes(self, name: str) -> list[Lines]:
        """The function of this name by jax.export, serialized and read back, once for arrays of a form."""
        export = ["def read_back(*arrays):"]
        export += ["    forms = [jax.ShapeDtypeStruct(each.shape, each.dtype) for each in arrays]"]
        export += [
            f"    data = jax.export.export({name})(*forms).serialize()",
            "    return jax.export.deserialize(data)",
        ]
        called = f"    return read_back({self.given}).call({self.given})"
        return [export, ["@jax.jit", f"def loaded({self.given}):", called]]

    def mapped(self) -> Lines:
        """The function of x and w by `jax.vmap`, one item, or one output feature, at a time."""
        if self.over == "x":
            body = ["return jax.vmap(lambda item: convolve(item[None], rhs)[0])(lhs)"]
        elif self.over == "xw":
            body = ["each = jax.vmap(lambda item, kernel: convolve(item[None], kernel)[0])"]
            body += ["return each(lhs, jax.numpy.broadcast_to(rhs, (lhs.shape[0], *rhs.shape)))"]
        else:
            axis, channel = self.call.features
            body = ["def feature(kernel):"]
            body += [f"    return convolve(lhs, jax.numpy.expand_dims(kernel, {axis})).squeeze({channel})", ""]
            body += [f"return jax.vmap(feature, {axis}, {channel})(rhs)"]
        return ["def mapped(lhs, rhs):", *_in(body)]

    def with_bias(self, name: str) -> Lines:
        bias = "b" if self.call.wanted[Y].endswith("C") else f"b.reshape(-1{', 1' * self.it.rank})"
        return ["def biased(lhs, rhs, b):", f"    return {name}(lhs, rhs) + {bias}"]

    def gradient(self, name: str) -> Lines:
        """The derivative of the function of this name; where those of all are wanted, all of them."""
        names = ("lhs", "rhs", "b") if self.biased else ("lhs", "rhs")
        return [f"def gradient_of({self.given}):", *_in(lines(self.want, name, names))]

    @property
    def given(self) -> str:
        """The arguments of what is traced."""
        names = {"x": "lhs", "w": "rhs"}
        wanted = self.form.dtypes if self.want in GRADIENTS else "xw"
        return ", ".join(names.get(name, name) for name in wanted)

    def there(self) -> Lines:
        """The lines that reorder the axes of what is traced; eagerly it takes JAX's own arrays."""
        batched = self.want != "unbatched"
        x, w = _moved("x" if batched else "x[0]", self.call.there(X, batched)), self.kernel("w")
        if self.form.invalid is not None:
            x, w = (f"{moved} if {name}.ndim == {self.it.rank + 2} else {name}" for name, moved in (("x", x), ("w", w)))
        moved = {"lhs": x, "rhs": w}
        if self.want in GRADIENTS and "g" in self.form.dtypes:
            moved["g"] = _moved("g", self.call.there(Y))
        if self.want in GRADIENTS and "t" in self.form.dtypes:
            moved["t"] = _moved("t", self.call.there(X)) if self.want in ALONG_X else self.kernel("t")
        put = "jax.device_put({})" if self.eager else "{}"
        return [f"{name} = {put.format(one)}" for name, one in moved.items() if put.format(one) != name]

    def back(self, name: str) -> Lines:
        """The lines that return y in the stored order, the bias added."""
        answer, batched = f"np.asarray({name}(lhs, rhs))", self.want != "unbatched"
        if self.form.invalid is not None:
            moved = _moved("y", self.call.back(Y))
            return [f"y = {answer}", f"return {moved} if y.ndim == {self.it.rank + 2} else y"]
        if "b" not in self.form.dtypes:
            return [f"return {_moved(answer, self.call.back(Y, batched))}"]
        shape = f"-1{', 1' * self.it.rank}"
        if self.form.dtype in NARROWED:  # unless JAX keeps it, y is narrower than b
            moved = _moved("y", self.call.back(Y, batched))
            return [f"y = {answer}", f"return {moved} + b.astype(y.dtype).reshape({shape})"]
        return [f"return {_moved(answer, self.call.back(Y, batched))} + b.reshape({shape})"]

    def gradient_back(self, name: str) -> Lines:
        """The lines that return a gradient in the stored order of what it is one of."""
        index = f"[{'xwb'.index(self.want[-1])}]" if family(self.want) == "grad" else ""
        answer = f"np.asarray({name}({self.given}){index})"
        if self.want in LIKE_W:
            flipped = f"np.flip({answer}, {self.call.flipped})" if self.call.flipped else answer
            return [f"return {_moved(flipped, self.call.back(W))}"]
        if self.want in LIKE_B:
            return [f"return {answer}"]
        return [f"return {_moved(answer, self.call.back(X if self.want in LIKE_X else Y))}"]

    def kernel(self, name: str) -> str:
        moved = _moved(name, self.call.there(W))
        return f"np.flip({moved}, {self.call.flipped})" if self.call.flipped else moved


def _moved(name: str, axes: tuple[int, ...]) -> str:
    """The expression that reorders an array's axes."""
    return name if axes == tuple(range(len(axes))) else f"np.transpose({name}, {axes})"


def _in(lines: Lines) -> Lines:
    return [f"    {line}" if line else "" for line in lines]
