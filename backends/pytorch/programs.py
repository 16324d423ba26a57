"""The source of what runs for a probe, from numpy x, w, b, g and t to numpy y, in each of PyTorch's modes.

A mode is how the same call is run: eagerly, through torch.compile, as an exported program, or as TorchScript. A layer
is exported or scripted as the module that it is; torch.compile is given a function of x, w and b, as many of which are
fused into one program too.
"""

from __future__ import annotations

from collections.abc import Sequence

from convt.adapter.backend import MIXED, Program, Unsupported, Want
from convt.adapter.form import Form

from .calls import FUNCTIONAL, Words

REVERSE: tuple[Want, ...] = ("grad-x", "grad-w", "grad-b", "only-x", "only-w", "only-b")
SECOND: tuple[Want, ...] = ("grad-xw", "grad-wx")
FORWARD: tuple[Want, ...] = ("jvp-x", "jvp-w", "jvp-grad-x")
FUNCTIONS = {
    "jvp-x": "torch.func.jvp(lambda x: {}, (x,), (t,))[1]",
    "jvp-w": "torch.func.jvp(lambda w: {}, (w,), (t,))[1]",
    "jvp-grad-x": "torch.func.jvp(lambda w: torch.func.vjp(lambda x: {}, x)[1](g)[0], (w,), (t,))[1]",
    "grad-xw": "torch.func.vjp(lambda w: torch.func.vjp(lambda x: {}, x)[1](g)[0], w)[1](t)[0]",
    "grad-wx": "torch.func.vjp(lambda x: torch.func.vjp(lambda w: {}, w)[1](g)[0], x)[1](t)[0]",
}
"""Derivatives of an expression of x, w and b by torch.func alone."""
COMPILED = {"dynamic": False, "fullgraph": True}
"""Arguments of torch.compile: the shapes are what is tested, and nothing is to fall back to eager unseen."""
Lines = list[str]
Run = tuple[Lines, str, "str | None", dict[str, str]]
"""What makes what runs, its call, the call as an expression of x, w and b, and the leaves by their names."""


def required(want: Want) -> str:
    """The names of the arrays that require a gradient; the others are constants."""
    if want not in (*REVERSE, *SECOND):
        return ""
    return want[-1] if want.startswith("only-") else "xw" if want in SECOND else "xwb"


def place_of(want: Want) -> int:
    """Which of the gradients of those that require one is asked for."""
    return 0 if want.startswith("only-") else "xwb".index(want[-1])


class Text:
    """The text of one call in eager mode; the other modes change what runs."""

    imports: tuple[str, ...] = ()
    """Modules of Python's own that the text uses."""
    makes = False
    """Whether a part of the program, `exported`, is made once."""

    def __init__(self, form: Form, words: Words, device: str, compiler: str) -> None:
        self.form = form
        self.words, self.device, self.compiler, self.dtypes = words, device, compiler, form.dtypes
        self.layered = form.call_form != FUNCTIONAL
        self.arrays = [name for name in "xwb" if name in form.dtypes]
        self.said = ", ".join(f"{key}={value!r}" for key, value in words.arguments.items())
        self.given = "".join(f", {key}={value!r}" for key, value in words.at_call.items())
        self.move, self.back = ("", "") if device == "cpu" else (f'.to("{device}")', ".cpu()")

    def program(self, want: Want) -> Program:
        """The program of a want."""
        body = self.plain() if want == "value" else None
        names = tuple(self.dtypes)
        entry = "convolve" if body else "answer"
        if body is None:
            body = [*self.tensors(names), *(["x = x[0]"] if want == "unbatched" else []), *self.body(want)]
        source = "\n".join([*self.above(want), f"def {entry}({', '.join(names)}):", *indented(body)]) + "\n"
        imports = [*self.imports, *(["ml_dtypes"] if "ml_dtypes" in source else [])]  # numpy has no bfloat16 by itself
        imports = [name for name in imports if f"{name}." in source]
        if imports:
            source = "".join(f"import {name}\n" for name in imports) + f"\n\n{source}"
        return Program(source, entry, names, self.call(), self.traced(want), "exported" if self.makes else "")

    def abstract(self, want: Want) -> Program:
        """The program of the shape: of tensors on the device `meta`, or of what is exported."""
        names = tuple(self.arrays)
        made, call, *_ = self.run()
        module = "layer" if self.layered else "Convolution()"
        if want == "traced":
            given = f", {self.words.at_call!r}" if self.words.at_call and self.layered else ""
            passed = "(x,)" if self.layered else f"({', '.join(names)})"
            made = [*made, f"graph = torch.export.export({module}, {passed}{given}).graph"]
            call = 'graph.output_node().args[0][0].meta["val"]'
        body = [*self.tensors(names), *made, f"return np.array({call}.shape)"]
        above = self.module() if want == "traced" and not self.layered else []
        source = "\n".join([*above, f"def shape_of({', '.join(names)}):", *indented(body)]) + "\n"
        if "ml_dtypes" in source:
            source = f"import ml_dtypes\n\n\n{source}"
        return Program(source, "shape_of", names, self.call())

    def module(self) -> Lines:
        """The lines that define a module which calls the function."""
        names = ", ".join(self.arrays)
        lines = ["class Convolution(torch.nn.Module):", f"    def forward(self, {names}):"]
        return [*lines, f"        return {self.functional()}", "", ""]

    def resize(self, form: Form) -> Program:
        """The program of a resize by the strides, with half-pixel centres."""
        mode = "nearest" if form.want == "nearest" else ("linear", "bilinear", "trilinear")[form.settings.rank - 1]
        corners = "" if form.want == "nearest" else ", align_corners=False"
        factors = tuple(map(float, form.settings.stride))
        said = f"scale_factor={factors}, mode={mode!r}{corners}"
        made = f"torch.nn.functional.interpolate({self.tensor('x', form.dtype)}{self.move}, {said})"
        source = f"def resize(x):\n    return {self.numpy(made, bare=True)}\n"
        return Program(source, "resize", ("x",), f"torch.nn.functional.interpolate(x, {said})")

    def call(self) -> str:
        """The framework's own call, on one line."""
        if not self.layered:
            return f"torch.nn.functional.{self.words.name}({self.operands()})"
        applied = f"(x{self.given})" if self.given else ""
        return f"torch.nn.{self.words.name}({self.said}){applied}"

    def above(self, want: Want) -> Lines:
        """What stands before the entry."""
        return []

    def traced(self, want: Want) -> str:
        """The name of the function of tensors that is compiled; empty where none is."""
        return ""

    def plain(self) -> Lines | None:
        """What a person writes for the answer alone; None where the mode needs more."""
        tensors = {name: f"{self.tensor(name, self.dtypes[name])}{self.move}" for name in self.arrays}
        if self.layered:
            call = f"layer({tensors['x']}{self.given})"
            return [*self.layer(tensors), f"return {self.numpy(call, bare=True)}"]
        lines = [f"    {tensor}," for tensor in tensors.values()]
        lines += [f"    {self.said},"] if self.said else []
        return [f"return torch.nn.functional.{self.words.name}(", *lines, self.numpy(")", bare=True)]

    def body(self, want: Want) -> Lines:
        """The lines from tensors to the numpy y that is returned."""
        made, call, pure, leaves = self.run()
        if want in MIXED:
            within = [*made, f"y = {call}.detach(){self.back}"]
            dtype = want.removeprefix("mixed-")
            under = f"with torch.autocast({self.device.split(':')[0]!r}, dtype=torch.{dtype}):"
            return [under, *indented(within), f"return {self.received('y', dtype)}"]
        if want in FORWARD:
            if pure is None and want != "jvp-x":
                raise Unsupported("The stateless API can't be used with Jitted modules")
            return [*made, f"return {self.numpy(FUNCTIONS[want].format(call if want == 'jvp-x' else pure))}"]
        asked = [leaves[name] for name in self.arrays if name in required(want)]
        lines = [*made, *(f"{leaf}.requires_grad_()" for leaf in asked)]
        if want in REVERSE:
            call = f"torch.autograd.grad({call}, [{', '.join(asked)}], g)[{place_of(want)}]"
        elif want in SECOND:
            inner, outer = (leaves[name] for name in ("xw" if want == "grad-xw" else "wx"))
            lines.append(f"(first,) = torch.autograd.grad({call}, [{inner}], g, create_graph=True)")
            call = f"torch.autograd.grad(first, [{outer}], t)[0]"
        return [*lines, f"return {self.numpy(call)}"]

    def run(self) -> Run:
        """(what makes what runs, its call, the call as an expression of x, w and b, the leaves by their names)."""
        if not self.layered:
            return [], self.functional(), self.functional(), {name: name for name in self.arrays}
        return self.layer(), f"layer(x{self.given})", self.stateless("layer"), self.leaves("layer")

    def leaves(self, module: str) -> dict[str, str]:
        """What derivatives are taken by, of a module."""
        return {"x": "x", "w": f"{module}.weight", "b": f"{module}.bias"}

    def layer(self, tensors: dict[str, str] | None = None) -> Lines:
        """The lines that make the layer of tensors, which require no gradient."""
        named = {"weight": "w"} | ({"bias": "b"} if "b" in self.arrays else {})
        named = {parameter: (tensors or {}).get(name, name) for parameter, name in named.items()}
        made = self.bare()
        if self.words.declared:  # shapes that are declared are held against those that are loaded
            state = ", ".join(f'"{parameter}": {tensor}' for parameter, tensor in named.items())
            return [made, f"layer.load_state_dict({{{state}}}, assign=True)", "layer.requires_grad_(False)"]
        parameters = (
            f"layer.{parameter} = torch.nn.Parameter({tensor}, requires_grad=False)"
            for parameter, tensor in named.items()
        )
        return [f"{made}  # its weights come next", *parameters]

    def bare(self) -> str:
        """The line that makes the layer without weights."""
        return f'layer = torch.nn.{self.words.name}({self.said}, device="meta")'

    def operands(self) -> str:
        """What the function is given, as tensors."""
        return f"{', '.join(self.arrays)}{', ' if self.said else ''}{self.said}"

    def functional(self) -> str:
        """The function's call on tensors."""
        return f"torch.nn.functional.{self.words.name}({self.operands()})"

    def stateless(self, module: str) -> str:
        """A module's call as an expression of x, w and b."""
        state = '{"weight": w, "bias": b}' if "b" in self.arrays else '{"weight": w}'
        at_call = f", {self.words.at_call!r}" if self.words.at_call else ""
        return f"torch.func.functional_call({module}, {state}, (x,){at_call})"

    def function(self) -> Lines:
        """The lines that define the call as a function of x, w and b."""
        call = self.stateless("layer") if self.layered else self.functional()
        return [f"def convolve({', '.join(self.arrays)}):", f"    return {call}", "", ""]

    def tensors(self, names: Sequence[str]) -> Lines:
        """The lines that make tensors of numpy's arrays."""
        if len(set(self.dtypes.values())) > 1:
            return [f"{name} = {self.tensor(name, self.dtypes[name])}{self.move}" for name in names]
        joined, one = ", ".join(names), f"{self.tensor('array', self.dtypes['x'])}{self.move}"
        return [f"{joined} = ({one} for array in ({joined}))"]

    def tensor(self, name: str, dtype: str) -> str:
        """The expression of an array as a tensor; torch takes no bfloat16 from numpy."""
        if dtype == "bfloat16":
            return f'torch.from_numpy({name}.view("int16")).view(torch.bfloat16)'
        return f"torch.from_numpy({name})"

    def numpy(self, tensor: str, bare: bool = False) -> str:
        """The expression of a tensor as numpy's array."""
        return self.received(f"{tensor}{'' if bare else '.detach()'}{self.back}", self.dtypes["x"])

    def received(self, tensor: str, dtype: str) -> str:
        """Of a tensor on the CPU that has no gradient; torch gives no bfloat16 to numpy."""
        if dtype == "bfloat16":
            return f"{tensor}.view(torch.int16).numpy().view(ml_dtypes.bfloat16)"
        resolved = ".resolve_conj().resolve_neg()" if dtype.startswith("complex") else ""
        return f"{tensor}{resolved}.numpy()"


class Compiled(Text):
    """torch.compile of a function of tensors: of the call, or of a derivative that nothing takes of a compiled one."""

    def above(self, want: Want) -> Lines:
        layer = [self.bare(), "", ""] if self.layered else []
        if self.traced(want) == "convolve":
            return [*layer, *self.function()]
        call = self.stateless("layer") if self.layered else self.functional()
        names = ", ".join(self.dtypes)
        return [*layer, f"def derivative({names}):", f"    return {FUNCTIONS[want].format(call)}", "", ""]

    def traced(self, want: Want) -> str:
        return "derivative" if want in (*SECOND, *FORWARD) else "convolve"

    def plain(self) -> Lines | None:
        return None

    def body(self, want: Want) -> Lines:
        if self.traced(want) == "convolve":
            return super().body(want)
        call = f"run({', '.join(self.dtypes)})"
        return [self.compiled("derivative"), f"return {self.numpy(call)}"]

    def run(self) -> Run:
        lines = [self.compiled("convolve")]
        if self.words.declared and self.layered:
            state = '{"weight": w, "bias": b}' if "b" in self.arrays else '{"weight": w}'
            lines = [f"layer.load_state_dict({state}, assign=True)", *lines]
        return lines, f"run({', '.join(self.arrays)})", None, {name: name for name in self.arrays}

    def compiled(self, function: str) -> str:
        said = ", ".join(f"{key}={value!r}" for key, value in {"backend": self.compiler, **COMPILED}.items())
        return f"run = torch.compile({function}, {said})"


class Exported(Text):
    """torch.export of the layer, or of a module that calls the function: made once for arrays of the same form."""

    makes = True

    def above(self, want: Want) -> Lines:
        names = ", ".join(self.arrays)
        given = f", {self.words.at_call!r}" if self.words.at_call and self.layered else ""
        if self.layered:
            lines, module = self.layer(), f"torch.export.export(layer, (x,){given})"
        else:
            lines = self.module()[:-1]
            module = f"torch.export.export(Convolution(), ({names}))"
        return [f"def exported({names}):", *indented([*lines, *self.exported(module)]), "", ""]

    def exported(self, made: str) -> Lines:
        """The lines that return the module that runs, of the expression of an exported program."""
        return [f"return {made}.module()"]

    def plain(self) -> Lines | None:
        return None

    def run(self) -> Run:
        names = ", ".join(self.arrays)
        call = self.stateless("run") if self.layered else f"run({names})"
        return [f"run = exported({names})"], call, call, {name: name for name in self.arrays}


class Scripted(Text):
    """torch.jit.script of the layer, or torch.jit.trace of the function."""

    def above(self, want: Want) -> Lines:
        # tracing wants a module's name, which is not everywhere known of what a script defines
        return [] if self.layered else [*self.function()[:-1], 'convolve.__module__ = "__main__"', "", ""]

    def plain(self) -> Lines | None:
        return None

    def run(self) -> Run:
        if self.layered:
            return [*self.layer(), "run = torch.jit.script(layer)"], f"run(x{self.given})", None, self.leaves("run")
        names = ", ".join(self.arrays)
        made, call = f"run = torch.jit.trace(convolve, ({names}), check_trace=False)", f"run({names})"
        return [made], call, call, {name: name for name in self.arrays}


def indented(lines: Lines) -> Lines:
    """The body of a function."""
    return [f"    {line}" if line else "" for line in lines]
