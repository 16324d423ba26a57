"""The model that an import path names: a PyTorch module, a Keras model, a JAX function, as what it turns out to be."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from convt.capture.children.common import Answer, Refused, imported, told

KINDS = ("torch", "keras", "jax")


def find(question: dict[str, Any]) -> Answer:
    target, kind = question["target"], question["framework"]
    found = imported(target, question["folder"])
    guessed = False
    kind = kind or _kind(found)
    if not kind:
        if not callable(found):
            raise Refused(
                f"{target} is a {type(found).__name__}; accepted a torch.nn.Module, a Keras model, or a function"
            )
        if _needs(found):
            kind = "torch" if "torch" in sys.modules and "jax" not in sys.modules else "jax"
            guessed = "torch" in sys.modules
        else:
            found = found()
            kind = _kind(found) or ("jax" if callable(found) else "")
    if not kind:
        raise Refused(f"{target} gives a {type(found).__name__}; accepted a torch.nn.Module, a Keras model, or a "
                      "function of arrays")  # fmt: skip
    if kind == "torch":
        from convt.capture.children.torch_child import capture
    elif kind == "keras":
        from convt.capture.children.keras_child import capture
    else:
        from convt.capture.children.jax_child import capture
    try:
        return capture(found, question)
    except Refused:
        raise
    except Exception as error:
        taken = f"; it was taken for one of {kind}, --framework names another" if guessed else ""
        raise Refused(f"{told(error)}{taken}") from error


def _kind(found: Any) -> str:
    """Of which framework an object or a class is; empty for plain functions."""
    it = found if inspect.isclass(found) else type(found)
    bases = {f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in it.__mro__}
    return "torch" if "torch.Module" in bases else "keras" if bases & {"keras.Layer", "tf_keras.Layer"} else ""


def _needs(function: Any) -> bool:
    """Whether it cannot be called without arguments."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    ways = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return any(it.default is inspect.Parameter.empty and it.kind not in ways for it in parameters)
