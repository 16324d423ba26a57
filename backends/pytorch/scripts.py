"""Plain PyTorch code for what a probe wants, from numpy x, w, b, g and t to numpy y."""

from __future__ import annotations

import re

from convt.adapter.backend import GRADIENTS, MIXED, Want

from .calls import FUNCTIONAL, Words
from .gradients import FORWARD, REVERSE, SECOND, place_of, required

EXPRESSIONS = {
    "jvp-x": "torch.func.jvp(lambda x: convolve(x, w, b), (x,), (t,))[1]",
    "jvp-w": "torch.func.jvp(lambda w: convolve(x, w, b), (w,), (t,))[1]",
    "jvp-grad-x": "torch.func.jvp(lambda w: torch.func.vjp(lambda x: convolve(x, w, b), x)[1](g)[0], (w,), (t,))[1]",
    "grad-xw": "torch.func.vjp(lambda w: torch.func.vjp(lambda x: convolve(x, w, b), x)[1](g)[0], w)[1](t)[0]",
    "grad-wx": "torch.func.vjp(lambda x: torch.func.vjp(lambda w: convolve(x, w, b), w)[1](g)[0], x)[1](t)[0]",
}
"""Derivatives of a function of x, w and b by torch.func alone."""


class Script:
    """The words of one call, and where it runs."""

    def __init__(self, words: Words, call_form: int, bias: bool, mode: str, device: str, compiler: str) -> None:
        self.words, self.bias, self.mode, self.device = words, bias, mode, device
        self.layered = call_form != FUNCTIONAL
        self.said = ", ".join(f"{key}={value!r}" for key, value in words.arguments.items())
        self.given = "".join(f", {key}={value!r}" for key, value in words.at_call.items())
        self.compile = f"torch.compile({{}}, backend={compiler!r}, dynamic=False, fullgraph=True)"
        self.move, self.back = ("", "") if device == "cpu" else (f'.to("{device}")', ".cpu()")
        self.arrays = ("x", "w", "b")[: 2 + bias]

    def text(self, want: Want) -> str:
        """The script of a want."""
        if self.mode == "eager" and want == "value":
            return self._plain()
        extra = ("g", "t")[want in ("jvp-x", "jvp-w") : 1 + (want in (*SECOND, *FORWARD))] if want in GRADIENTS else ()
        names = ", ".join((*self.arrays, *extra))
        lines = [f"{names} = (torch.from_numpy(array){self.move} for array in ({names}))"]
        lines += ["x = x[0]"] if want == "unbatched" else []
        if want in FORWARD or (want in SECOND and self.mode == "compile"):
            return "\n".join([*lines, *self._derivative(want)])
        grad = required(want) if want in GRADIENTS else ""
        lines += self._layer(grad) if self.layered else self._function()
        lines += [f"{name}.requires_grad_()" for name in ("x" if self.layered else self.arrays) if name in grad]
        made, call, leaves = self._run()
        if want in MIXED:
            return "\n".join([*lines, *self._under_autocast(want, made, call)])
        lines += made
        if want in REVERSE:
            asked = ", ".join(leaves[name] for name in self.arrays if name in grad)
            call = f"torch.autograd.grad({call}, [{asked}], g)[{place_of(want)}]"
        elif want in SECOND:
            inner, outer = (leaves[name] for name in ("xw" if want == "grad-xw" else "wx"))
            lines.append(f"(first,) = torch.autograd.grad({call}, [{inner}], g, create_graph=True)")
            call = f"torch.autograd.grad(first, [{outer}], t)[0]"
        return "\n".join([*lines, f"y = {call}.detach(){self.back}.numpy()\n"])

    def _plain(self) -> str:
        """What a person writes for the answer alone."""
        tensors = [f"torch.from_numpy({name}){self.move}" for name in self.arrays]
        if not self.layered:
            lines = "".join(f"    {tensor},\n" for tensor in tensors)
            said = f"    {self.said},\n" if self.said else ""
            return f"y = torch.nn.functional.{self.words.name}(\n{lines}{said}){self.back}.numpy()\n"
        return "\n".join([*self._layer("", *tensors[1:]), f"y = layer({tensors[0]}{self.given}){self.back}.numpy()\n"])

    def _layer(self, grad: str, *tensors: str) -> list[str]:
        """The lines that make the layer of tensors; `grad` names those that require a gradient."""
        named = list(zip(("weight", "bias"), "wb", tensors or ("w", "b"), strict=False))[: 1 + self.bias]
        if self.words.declared:  # shapes that are declared are held against those that are loaded
            state = ", ".join(f'"{parameter}": {tensor}' for parameter, _, tensor in named)
            return [
                f'layer = torch.nn.{self.words.name}({self.said}, device="meta")',
                f"layer.load_state_dict({{{state}}}, assign=True)",
                "layer.requires_grad_(False)",
            ]
        lines = [f"layer = torch.nn.{self.words.name}({self.said})"]
        for parameter, name, tensor in named:
            constant = "" if name in grad else ", requires_grad=False"
            lines.append(f"layer.{parameter} = torch.nn.Parameter({tensor}{constant})")
        return lines

    def _function(self) -> list[str]:
        """The lines that define the call as a function of x, w and b."""
        names = ", ".join(self.arrays)
        if self.layered:
            state = '{"weight": w, "bias": b}' if self.bias else '{"weight": w}'
            body = f"torch.func.functional_call(run, {state}, (x,), {self.words.at_call!r})"
        else:
            body = f"torch.nn.functional.{self.words.name}({names}{', ' if self.said else ''}{self.said})"
        return [f"def convolve(x, w, b{'' if self.bias else '=None'}):", f"    return {body}", ""]

    def _run(self) -> tuple[list[str], str, dict[str, str]]:
        """The lines that make what runs in this mode, its call, and the expressions of its leaves."""
        names = ", ".join(self.arrays)
        if self.layered:
            made = {
                "eager": "layer",
                "compile": self.compile.format("layer"),
                "export": f"torch.export.export(layer, (x,), {self.words.at_call!r}).module()",
                "script": "torch.jit.script(layer)",
            }[self.mode]
            leaves = {"x": "x", "w": "run.weight", "b": "run.bias"}
            return [f"run = {made}"], f"run(x{self.given})", leaves
        parts = '{"__module__": "__main__", "forward": lambda _, *arrays: convolve(*arrays)}'
        module = f'type("Convolution", (torch.nn.Module,), {parts})()'
        made = {
            "eager": "convolve",
            "compile": self.compile.format("convolve"),
            "export": f"torch.export.export({module}, ({names})).module()",
            "script": f"torch.jit.trace(convolve, ({names}), check_trace=False)",
        }[self.mode]
        # both want a module's name, which is not everywhere known of what a script defines
        named = ['convolve.__module__ = "__main__"'] if self.mode == "script" else []
        return [*named, f"run = {made}"], f"run({names})", {name: name for name in self.arrays}

    def _under_autocast(self, want: Want, made: list[str], call: str) -> list[str]:
        """The lines of a call in mixed precision."""
        dtype = want.removeprefix("mixed-")
        lines = [f"with torch.autocast({self.device.split(':')[0]!r}, dtype=torch.{dtype}):"]
        lines += [f"    {line}" for line in (*made, f"y = {call}.detach(){self.back}")]
        if dtype == "bfloat16":  # which numpy does not have by itself
            return ["import ml_dtypes", *lines, "y = y.view(torch.int16).numpy().view(ml_dtypes.bfloat16)\n"]
        return [*lines, "y = y.numpy()\n"]

    def _derivative(self, want: Want) -> list[str]:
        """The lines of a derivative by torch.func."""
        expression, lines = EXPRESSIONS[want], []
        if self.layered:
            lines = [*self._layer(""), "run = layer" if self.mode == "compile" else self._run()[0][0]]
            if want == "jvp-x" and self.mode != "compile":  # the layer itself is a function of x
                expression = expression.replace("convolve(x, w, b)", f"run(x{self.given})")
            else:
                lines += self._function()
        else:
            lines = self._function()
            if self.mode not in ("eager", "compile"):
                *named, made = self._run()[0]
                lines += [*named, made.replace("run =", "traced ="), "", "def convolve(x, w, b=None):"]
                lines += ["    return traced(x, w) if b is None else traced(x, w, b)", ""]
        lines += [] if self.bias else ["b = None"]
        names = "x, w, b, t" if want in ("jvp-x", "jvp-w") else "x, w, b, g, t"
        if self.mode != "compile":
            return [*lines, f"y = {expression}.detach(){self.back}.numpy()\n"]
        lines += [f"def derivative({names}):", f"    return {expression}", ""]
        return [*lines, f"y = {self.compile.format('derivative')}({names}).detach(){self.back}.numpy()\n"]


def in_bfloat16(text: str) -> str:
    """A script for arrays of ml_dtypes.bfloat16, which torch does not take from numpy, nor give to it."""
    text = re.sub(r"torch\.from_numpy\((\w+)\)", r'torch.from_numpy(\1.view("int16")).view(torch.bfloat16)', text)
    return re.sub(r"\.numpy\(\)\n$", ".view(torch.int16).numpy().view(ml_dtypes.bfloat16)\n", text)
