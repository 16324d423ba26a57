"""The convolutions that a PyTorch module runs: every `aten.convolution` that reaches the dispatcher.

The module runs once, on arrays that have shapes and no numbers where it can run so.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

from convt.capture.children.common import Answer, inputs_of, made

CONVOLUTIONS = {
    "convolution", "_convolution", "convolution_overrideable", "cudnn_convolution", "cudnn_convolution_transpose",
    "mkldnn_convolution", "miopen_convolution", "miopen_convolution_transpose", "slow_conv3d", "thnn_conv2d",
}  # fmt: skip
PLAIN = ("convolution", "_convolution", "convolution_overrideable")
"""Those with the arguments input, weight, bias, stride, padding, dilation, transposed, output_padding, groups."""


def capture(found: Any, question: dict[str, Any]) -> Answer:
    import torch

    target = question["target"]
    if isinstance(found, type):
        found = made(found, target, lambda it: isinstance(it, torch.nn.Module), "a torch.nn.Module")
    module = found if isinstance(found, torch.nn.Module) else _as_module(found)
    module.eval()
    takes = module.forward if isinstance(found, torch.nn.Module) else found
    answer = Answer()
    answer.more["trains"] = True
    given = inputs_of(question, list(inspect.signature(takes).parameters))
    names = _Names(module, answer, question["weights"])
    with names, torch.no_grad():
        # arrays without numbers have no weights to keep
        if not question["weights"] and _run_fake(module, given, names):
            return answer
        names.forget()
        _run(module, given, names, _example)
    return answer


def _run(
    module: Any, given: list[tuple[str, list[int], str]], seen: Any, example: Callable[[list[int], Any], Any]
) -> None:
    import torch

    arrays = [(key, example(shape, getattr(torch, dtype))) for key, shape, dtype in given]
    positional = [array for key, array in arrays if key.isdigit()]
    named = {key: array for key, array in arrays if not key.isdigit()}
    with seen.mode():
        module(*positional, **named)


def _example(shape: list[int], dtype: Any) -> Any:
    """Numbers of the dtype; whole ones are zeros, which are an index into anything."""
    import torch

    floating = dtype.is_floating_point or dtype.is_complex
    return torch.rand(shape, dtype=torch.float32).to(dtype) if floating else torch.zeros(shape, dtype=dtype)


def _as_module(function: Any) -> Any:
    """A function of arrays as a module that holds nothing."""
    import torch

    def forward(self: Any, *arrays: Any, **named: Any) -> Any:
        return function(*arrays, **named)

    return type("Function", (torch.nn.Module,), {"forward": forward})()


def _run_fake(module: Any, given: list[tuple[str, list[int], str]], seen: Any) -> bool:
    """Whether the module ran on arrays without numbers; what it needs numbers for fails."""
    try:
        import torch
        from torch._subclasses.fake_tensor import FakeTensorMode

        with FakeTensorMode(allow_non_fake_inputs=True):
            _run(module, given, seen, lambda shape, dtype: torch.empty(shape, dtype=dtype))
    except Exception:  # whatever it is, the real run tells it
        return False
    return True


class _Names:
    """Which module is running, and what it was seen to compute."""

    def __init__(self, module: Any, answer: Answer, weights: bool) -> None:
        self._module, self._answer, self._weights = module, answer, weights
        self._running: list[str] = []
        self._hooks: list[Any] = []
        self._handled: list[Any] = []

    def __enter__(self) -> _Names:
        import torch

        for name, module in self._module.named_modules():
            if not name or isinstance(module, torch.jit.ScriptModule):
                continue
            with contextlib.suppress(Exception):
                self._hooks.append(module.register_forward_pre_hook(lambda *_, name=name: self._running.append(name)))
                self._hooks.append(module.register_forward_hook(lambda *_: self._running.pop() and None))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def forget(self) -> None:
        """Begin again, after a run that failed on its way."""
        self._running.clear()
        self._answer.calls.clear()
        self._answer.left.clear()

    def mode(self) -> Any:
        """What sees each call at the dispatcher."""
        from torch.utils._python_dispatch import TorchDispatchMode

        def dispatch(mode: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = func._schema.name
            space, _, word = name.partition("::")
            if word in CONVOLUTIONS and space == "aten":
                self.see(func, word, args, kwargs or {})
            elif "conv" in word and "backward" not in word and "convert" not in word:
                self._answer.leave(self.name(), f"{name} is an operator that convt has no settings for")
            return func(*args, **(kwargs or {}))

        return type("Watch", (TorchDispatchMode,), {"__torch_dispatch__": dispatch})()

    def name(self) -> str:
        return self._running[-1] if self._running else type(self._module).__name__

    def see(self, func: Any, word: str, args: Any, kwargs: Any) -> None:
        said = dict(zip((argument.name for argument in func._schema.arguments), args)) | kwargs  # noqa: B905  a prefix
        x, w, bias = (said.get(key) for key in ("input" if "input" in said else "self", "weight", "bias"))
        if word not in PLAIN:
            self._answer.leave(self.name(), f"aten::{word} is an operator that convt has no settings for")
            return
        kernel = offset = None
        if self._weights and w is not None and not w.dtype.is_complex and w.is_floating_point():
            kernel = w.detach().float().numpy()
            offset = None if bias is None else bias.detach().float().numpy()
        self._answer.call(
            self.name(), "torch",
            {
                "x": list(x.shape), "w": list(w.shape), "bias": bias is not None, "stride": list(said["stride"]),
                "padding": list(said["padding"]), "dilation": list(said["dilation"]),
                "transposed": bool(said["transposed"]), "output_padding": list(said["output_padding"]),
                "groups": int(said["groups"]), "dtype": str(x.dtype).removeprefix("torch."),
                "channels_last": _is_last(x) or _is_last(w),
            },
            kernel, offset,
        )  # fmt: skip


def _is_last(array: Any) -> bool:
    """Whether an array lies channels last and not contiguous as well, as one of a single channel does."""
    import torch

    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    form = formats.get(array.dim())
    if form is None or array.is_contiguous():
        return False
    return bool(array.is_contiguous(memory_format=form))
