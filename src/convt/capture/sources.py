"""What a MODEL on the command line is: which file or program, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convt.capture import child
from convt.capture.exported_file import capture_exported
from convt.capture.keras_file import capture_keras
from convt.capture.litert_file import capture_litert
from convt.capture.onnx_file import capture_onnx
from convt.capture.onnx_graph import Shape
from convt.capture.seen import Captured, Unreadable, Wanted
from convt.capture.tensorflow_file import capture_saved_model
from convt.capture.wire import plain_file

ACCEPTED = (
    "a file .onnx, .pt2, .keras, .h5 or .tflite, the folder of a TensorFlow SavedModel, or a program: "
    "package.module:Name or path/file.py:Name"
)
LONGEST = 200
INSTEAD = {
    ".pt": "weights, or a whole object in a pickle", ".pth": "weights, or a whole object in a pickle",
    ".ckpt": "weights", ".bin": "weights", ".safetensors": "weights", ".pkl": "a pickle, which is a program",
    ".npz": "weights", ".msgpack": "weights", ".orbax": "weights", ".index": "weights",
}  # fmt: skip
"""Files that people have and that say no settings."""


@dataclass(frozen=True)
class Asked:
    """What the user says of a capture."""

    model: str
    wanted: Wanted
    python: child.Python
    trust: bool = False
    framework: str = ""


@dataclass(frozen=True)
class Model:
    """A model that can be read."""

    name: str
    """For the cases' names and the file's."""
    source: str
    """For the file's `source`."""
    read: Callable[[Asked], Captured]


def model_of(model: str) -> Model:
    """What the words name; Unreadable with what is accepted where it is nothing that can be read."""
    path = Path(model)
    try:
        there = bool(model) and (path.exists() or path.is_symlink())
    except (OSError, ValueError):
        there = False
    if not there and ":" in model and model.rpartition(":")[0]:
        return _program(model)
    if not there:
        model = model if len(model) <= LONGEST else f"{model[:LONGEST]}.."
        more = f": did you mean {model}:Name, with the name of the model?" if _dotted(model) else ""
        raise Unreadable(f"{model}: no such file{more}; accepted {ACCEPTED}")
    if path.is_dir():
        if not (path / "saved_model.pb").exists():
            raise Unreadable(f"{model}: found a folder without saved_model.pb, accepted {ACCEPTED}")
        return Model(_stem(path.resolve().name), path.name, lambda asked: _saved_model(path, asked))
    if path.name == "saved_model.pb":
        return model_of(str(path.parent))
    plain_file(path)
    suffix = path.suffix.lower()
    if suffix in READERS:
        read = READERS[suffix]
        return Model(path.stem, path.name, lambda asked: read(path, asked))
    if suffix == ".py":
        raise Unreadable(f"{model}: which model of it? {model}:Name, the name of a module, a class or a function")
    if suffix in INSTEAD:
        raise Unreadable(
            f"{model}: found {INSTEAD[suffix]}; it says no strides and no shapes: give the program, path/file.py:Name, "
            "or a model exported to .onnx or .pt2"
        )
    raise Unreadable(f"{model}: found a file that ends in {suffix or 'nothing'}, accepted {ACCEPTED}")


def _dotted(model: str) -> bool:
    return model.endswith(".py") or all(part.isidentifier() for part in model.split("."))


def _stem(name: str) -> str:
    return name or "saved-model"


def _program(model: str) -> Model:
    where, _, name = model.rpartition(":")
    if not name or not all(part.isidentifier() for part in name.split(".")):
        raise Unreadable(
            f"{model}: found the name {name!r} behind the colon, accepted that of a model, such as {where}:Net"
        )
    if not where.endswith(".py") and not all(part.isidentifier() for part in where.split(".")):
        raise Unreadable(f"{model}: no such file, and {where!r} is no module; accepted {ACCEPTED}")
    return Model(name, model, _run_program)


def _run_program(asked: Asked) -> Captured:
    need_trust(asked, "runs your code to see what it computes")
    said, arrays = child.ask(
        "program_child", child.question(asked.wanted, target=asked.model, framework=asked.framework), asked.python,
        asked.model,
    )  # fmt: skip
    return child.captured(said, arrays)


def need_trust(asked: Asked, why: str) -> None:
    """Unreadable where code would run that nobody has said to trust."""
    if not asked.trust:
        raise Unreadable(f"{asked.model}: this {why}; add --trust to let it")


def _onnx(path: Path, asked: Asked) -> Captured:
    def infer(path: Path, wanted: Wanted) -> dict[str, Shape]:
        """What onnx's own inference says, where that package is installed."""
        try:
            said, _ = child.ask("onnx_child", child.question(wanted, target=str(path)), asked.python, str(path))
        except Unreadable:
            return {}  # the shapes stay unknown, and that is told
        return {name: tuple(shape) for name, shape in said.get("shapes", {}).items()}

    return capture_onnx(path, asked.wanted, infer)


def _saved_model(path: Path, asked: Asked) -> Captured:
    """The graph as data; what it leaves open TensorFlow itself tells, which loads the model: that may run anything."""
    if not asked.wanted.shapes and not asked.wanted.weights:
        found = capture_saved_model(path)
        if found.seen and not any("unknown" in left.reason for left in found.left):
            return found
        if not asked.trust:
            found.notes.append("the file does not tell every extent; --input-shape 1,224,224,3 --trust has TensorFlow "
                               "load the model and tell them")  # fmt: skip
            return found
    need_trust(asked, "has TensorFlow load the model, which is a program")
    said, arrays = child.ask(
        "tensorflow_child", child.question(asked.wanted, target=str(path.resolve())), asked.python, asked.model
    )
    return child.captured(said, arrays)


def _keras(path: Path, asked: Asked) -> Captured:
    return capture_keras(path, asked.wanted, asked.python)


def _exported(path: Path, asked: Asked) -> Captured:
    return capture_exported(path, asked.wanted)


def _litert(path: Path, asked: Asked) -> Captured:
    return capture_litert(path, asked.wanted)


READERS: dict[str, Callable[[Path, Asked], Captured]] = {
    ".onnx": _onnx, ".pt2": _exported, ".keras": _keras, ".h5": _keras, ".hdf5": _keras, ".tflite": _litert,
    ".lite": _litert,
}  # fmt: skip
