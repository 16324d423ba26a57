"""How PyTorch runs a call: eagerly, through torch.compile, as an exported program, or as TorchScript.

A mode is how the same call is run. A layer is compiled, exported or scripted as the module that it is; a function as
what takes x, w and b.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

from .calls import FUNCTIONAL, Words
from .gradients import Bound

MODES = ("eager", "compile", "export", "script")
COMPILED = {"dynamic": False, "fullgraph": True}
"""Arguments of torch.compile: the shapes are what is tested, and nothing is to fall back to eager unseen."""
EXPORTED = 128
"""Exported programs that are kept, of the configurations asked for last: each costs 15 ms to make."""


class Programs:
    """Calls of one mode."""

    def __init__(self, torch: Any, mode: str) -> None:
        self.torch = torch
        self.mode = mode
        self.compiler = "inductor" if compiler_found() else "aot_eager"
        self._exported: dict[str, Any] = {}

    def bind(self, words: Words, call_form: int, x: Any, w: Any, b: Any, mixed: str = "") -> Bound:
        """The call in this mode, with its leaves; `mixed` names the dtype of the autocast that it is made under."""
        if call_form == FUNCTIONAL:
            function = self.function(words)
            run = function if self.mode == "eager" else self._function_run(words, function, x, w, b, mixed)
            return Bound(lambda x: run(x, w, b), x, w, b, run)
        layer = self.layer(words, w, b)
        if self.mode == "export":
            return self._exported_layer(layer, words, x, w, b, mixed)
        run = layer
        if self.mode == "compile":
            run = self.compiled(layer)
        elif self.mode == "script":
            run = self._scripted(layer)
        leaf = None if b is None else run.bias
        pure = None if self.mode == "script" else self.stateless(layer, words)
        return Bound(lambda x: run(x, **words.at_call), x, run.weight, leaf, pure)

    def layer(self, words: Words, w: Any, b: Any) -> Any:
        """The layer with this weight and bias, which require no gradient."""
        nn = self.torch.nn
        layer = getattr(nn, words.name)(**words.arguments, device="meta")  # there no initial weights are drawn
        if words.declared:
            layer.load_state_dict({"weight": w} | ({} if b is None else {"bias": b}), assign=True)
            return layer.requires_grad_(False)
        layer.weight = nn.Parameter(w, requires_grad=False)
        if b is not None:
            layer.bias = nn.Parameter(b, requires_grad=False)
        return layer

    def function(self, words: Words) -> Callable[[Any, Any, Any], Any]:
        """The function of torch.nn.functional, of x, w and b."""
        function, arguments = getattr(self.torch.nn.functional, words.name), words.arguments

        def call(x: Any, w: Any, b: Any = None) -> Any:
            return function(x, w, b, **arguments)

        return call

    def stateless(self, module: Any, words: Words) -> Callable[[Any, Any, Any], Any]:
        """A module as a function of x, w and b."""
        call, at_call = self.torch.func.functional_call, words.at_call

        def pure(x: Any, w: Any, b: Any = None) -> Any:
            return call(module, {"weight": w} if b is None else {"weight": w, "bias": b}, (x,), at_call)

        return pure

    def compiled(self, run: Any) -> Any:
        """A module or function through torch.compile.

        It keeps at most 8 programs of one function, and all layers of a kind share one: each begins anew.
        """
        self.torch._dynamo.reset()
        return self.torch.compile(run, backend=self.compiler, **COMPILED)

    def _scripted(self, layer: Any) -> Any:
        """The layer as TorchScript, which keeps every layer's class for ever: half a megabyte each, unless forgotten.

        Source: torch/testing/_internal/jit_utils.py, clear_class_registry.
        """
        jit = self.torch.jit
        self.torch._C._jit_clear_class_registry()
        jit._recursive.concrete_type_store = jit._recursive.ConcreteTypeStore()
        jit._state._clear_class_state()
        return jit.script(layer)

    def _function_run(self, words: Words, function: Any, x: Any, w: Any, b: Any, mixed: str) -> Any:
        """The function of x, w and b in a mode that is not eager."""
        given = (x, w) if b is None else (x, w, b)
        if self.mode == "compile":
            return self.compiled(function)
        if self.mode == "script":
            program = self.torch.jit.trace(function, given, check_trace=False)
        else:
            program = self._export(f"{words} {mixed}", lambda: self._as_module(function), given, {})
        return lambda x, w, b=None: program(x, w) if b is None else program(x, w, b)

    def _exported_layer(self, layer: Any, words: Words, x: Any, w: Any, b: Any, mixed: str) -> Bound:
        held = [None if a is None else (tuple(a.shape), a.dtype, a.stride()) for a in (w, b)]
        program = self._export(f"{words} {mixed} {held}", lambda: layer, (x,), words.at_call)
        pure = self.stateless(program, words)
        return Bound(lambda x: pure(x, w, b), x, w, b, pure)

    def _export(self, name: str, module: Callable[[], Any], given: tuple[Any, ...], at_call: Any) -> Any:
        """The module of the exported program, which is the same for arrays of the same form."""
        key = f"{name} {[(tuple(a.shape), a.dtype, a.stride()) for a in given]}"
        if key not in self._exported:
            while len(self._exported) >= EXPORTED:
                del self._exported[next(iter(self._exported))]
            self._exported[key] = self.torch.export.export(module(), given, at_call).module()
        return self._exported[key]

    def _as_module(self, function: Any) -> Any:
        """A module that calls the function: what torch.export takes."""

        def forward(_: Any, x: Any, w: Any, b: Any = None) -> Any:
            return function(x, w, b)

        return type("Convolution", (self.torch.nn.Module,), {"forward": forward})()


def compiler_found() -> bool:
    """Whether there is a C++ compiler, without which inductor, torch.compile's own backend, has no CPU kernels."""
    asked = os.environ.get("CXX", "")
    return any(shutil.which(name) for name in (asked, "g++", "clang++", "c++", "cl") if name)
