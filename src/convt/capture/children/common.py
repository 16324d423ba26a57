"""What the children share: the question as JSON, the answer as JSON, and the user's own code by its path.

Python 3.10 and the standard library; numpy where weights are kept.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Refused(Exception):
    """Why nothing can be captured, in one line."""


class Answer:
    """The calls that were seen, as plain data, and the numbers of their kernels."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.left: list[dict[str, str]] = []
        self.notes: list[str] = []
        self.more: dict[str, Any] = {}
        self._arrays: dict[str, Any] = {}

    def call(self, name: str, kind: str, said: dict[str, Any], kernel: Any = None, bias: Any = None) -> None:
        """One call; `kernel` and `bias` in the order in which cases have them, as numpy arrays."""
        if kernel is not None:
            self._arrays[f"{len(self.calls)}.kernel"] = kernel
            if bias is not None:
                self._arrays[f"{len(self.calls)}.bias"] = bias
        self.calls.append({"name": name, "kind": kind, **said})

    def leave(self, name: str, reason: str) -> None:
        self.left.append({"name": name, "reason": reason})

    def write(self, path: Path) -> None:
        if self._arrays:
            import numpy as np

            np.savez(path.with_suffix(".npz"), **self._arrays)
        said = {"calls": self.calls, "left": self.left, "notes": self.notes, **self.more}
        path.write_text(json.dumps(said))


def main(find: Callable[[dict[str, Any]], Answer], question: Path, answer: Path) -> None:
    """Answer the question that stands in a file; whatever goes wrong is one line in the other."""
    os.dup2(2, 1)  # what the framework and the user's code print is no answer
    try:
        find(json.loads(question.read_text())).write(answer)
    except Refused as error:
        answer.write_text(json.dumps({"refused": str(error)}))
    except BaseException as error:
        traceback.print_exc()
        answer.write_text(json.dumps({"refused": told(error)}))
        if isinstance(error, KeyboardInterrupt):
            raise


def told(error: BaseException) -> str:
    """An error of other people's code in one line, with the place where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = str(Path(__file__).parent)
    theirs = [frame for frame in frames if not frame.filename.startswith(ours)]
    at = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:400]}{'..' if len(words) > 400 else ''}{at}"


def imported(target: str, folder: str) -> Any:
    """What `package.module:Name` or `path/file.py:Name` names; the current folder and the file's own are searched
    first, as for a program that is started there. Refused where there is none."""
    where, _, name = target.rpartition(":")
    try:
        if where.endswith(".py"):
            path = Path(folder, where).resolve()
            if not path.is_file():
                raise Refused(f"found no file {where}")
            sys.path.insert(0, str(path.parent))
            spec = importlib.util.spec_from_file_location(path.stem, path)
            if spec is None or spec.loader is None:
                raise Refused(f"{where} is no Python file")
            module = importlib.util.module_from_spec(spec)
            sys.modules[path.stem] = module
            spec.loader.exec_module(module)
        else:
            sys.path.insert(0, folder)
            module = importlib.import_module(where)
    except Refused:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise Refused(f"{where} cannot be imported: {told(error)}") from error
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            near = [word for word in vars(found) if not word.startswith("_") and callable(getattr(found, word))][:8]
            raise Refused(f"{where} has no {part!r}; it has {', '.join(near) or 'nothing to call'}")
        found = getattr(found, part)
    return found


def made(found: Any, target: str, is_model: Callable[[Any], bool], what: str) -> Any:
    """The model itself: what was named, or what it returns when it is called without arguments."""
    if is_model(found):
        return found
    if not callable(found):
        raise Refused(
            f"{target} is a {type(found).__name__}; accepted {what}, its class, or a function that returns one"
        )
    try:
        model = found()
    except TypeError as error:
        if "argument" in str(error):
            raise Refused(f"{target} cannot be called without arguments ({error}); name a function that needs none and "
                          f"returns {what}") from error  # fmt: skip
        raise
    if not is_model(model):
        raise Refused(f"{target} gives a {type(model).__name__}; accepted {what}")
    return model


def inputs_of(question: dict[str, Any], names: list[str]) -> list[tuple[str, list[int], str]]:
    """Name, shape and dtype of each input, positional ones first, as the user gave them; Refused without any."""
    shapes, dtypes = question["shapes"], question["dtypes"]
    if not shapes:
        said = f" for {', '.join(names[:6])}" if names else ""
        raise Refused(f"found no input shape, accepted one an input{said}: --input-shape 1,3,224,224")
    return [(key, shape, dtypes.get(key, "float32")) for key, shape in shapes.items()]
