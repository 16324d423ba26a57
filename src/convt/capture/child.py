"""A question to another Python: what needs a framework, or runs the user's code, happens in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convt.capture import calls
from convt.capture.seen import Captured, LeftOut, NotACase, Seen, Unreadable, Wanted, Weights
from convt.capture.tensorflow_graph import node_settings
from convt.capture.words import keras_op
from convt.conv.settings import Settings

PACKAGE = Path(__file__).parents[1]
MOST_ANSWER = 256_000_000
BOOT = """
import sys
sys.path[:] = [folder for folder in sys.path if folder]
import importlib, importlib.util, pathlib
ours, kind, question, answer = sys.argv[1:]
if sys.platform == "linux":  # end when convt does
    import ctypes, signal
    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)
spec = importlib.util.spec_from_file_location(
    "convt", pathlib.Path(ours, "__init__.py"), submodule_search_locations=[ours])
sys.modules["convt"] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
find = importlib.import_module(package.__name__ + ".capture.children." + kind).find
from convt.capture.children.common import main
main(find, pathlib.Path(question), pathlib.Path(answer))
"""
"""Ours is made importable and nothing beside it; the current folder is no place to import from until the user's code
is."""


@dataclass(frozen=True)
class Python:
    """The interpreter that is asked, and for how long."""

    path: str | None = None
    deadline: float = 600.0

    @property
    def command(self) -> list[str]:
        return [self.path] if self.path else [sys.executable, "-P"]  # -P is of Python 3.11


def ask(
    kind: str, question: Mapping[str, Any], python: Python, what: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a child answers, and the arrays beside it. Unreadable with one line where it gives none."""
    with tempfile.TemporaryDirectory(prefix="convt-capture-") as folder:
        asked, answer, log = (Path(folder, name) for name in ("question.json", "answer.json", "log"))
        asked.write_text(json.dumps(dict(question)))
        command = [*python.command, "-c", BOOT, str(PACKAGE), kind, str(asked), str(answer)]
        _run(command, log, python, what)
        if not answer.is_file():
            raise Unreadable(f"{what}: the process ended without an answer: {_last_words(log)}")
        if answer.stat().st_size > MOST_ANSWER:
            raise Unreadable(f"{what}: found an answer of {answer.stat().st_size:,} bytes, accepted {MOST_ANSWER:,}")
        said: dict[str, Any] = json.loads(answer.read_text())
        if "refused" in said:
            raise Unreadable(f"{what}: {said['refused']}")
        arrays = answer.with_suffix(".npz")
        if not arrays.is_file():
            return said, {}
        with np.load(arrays, allow_pickle=False) as held:
            return said, {name: held[name] for name in held.files}


def _run(command: list[str], log: Path, python: Python, what: str) -> None:
    with log.open("wb") as said:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )  # fmt: skip
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise Unreadable(f"--python {python.path}: {why}; accepted the path of a Python") from None
        try:
            status = process.wait(python.deadline)
        except subprocess.TimeoutExpired:
            raise Unreadable(f"{what}: no answer in {python.deadline:g} s; give --deadline more") from None
        finally:
            with contextlib.suppress(OSError):
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)  # and whatever it started
            if process.poll() is None:
                process.kill()
            process.wait()
    if status < 0:
        raise Unreadable(f"{what}: the process was ended by {signal.Signals(-status).name}: {_last_words(log)}")


def _last_words(log: Path) -> str:
    lines = log.read_bytes()[-4000:].decode("utf-8", "replace").split("\n")
    said = [" ".join(line.split()) for line in lines if line.strip()]
    return said[-1][:300] if said else "it said nothing"


KINDS: Mapping[str, Callable[..., Settings]] = {
    "torch": calls.torch_call,
    "xla": calls.xla_call,
    "tensorflow": node_settings,
}
"""How each framework's call is read, by the word that a child has for it."""
ASIDE = ("name", "kind", "dtype", "channels_last", "unknown")


def captured(said: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Captured:
    """The calls of an answer as settings; what no case can say is left out with why."""
    found = Captured(trains=bool(said.get("trains")), notes=[str(note) for note in said.get("notes", ())])
    found.left += [LeftOut(str(left["name"]), str(left["reason"])) for left in said.get("left", ())]
    for index, call in enumerate(said["calls"]):
        try:
            it = settings_of(call, found.seen[-1].settings if found.seen else None)
        except NotACase as error:
            found.left.append(LeftOut(call["name"], str(error)))
            continue
        found.seen.append(
            Seen(call["name"], it, call.get("dtype", "float32"), bool(call.get("channels_last")),
                 _weights(it, arrays.get(f"{index}.kernel"), arrays.get(f"{index}.bias")))
        )  # fmt: skip
    return found


def settings_of(call: Mapping[str, Any], before: Settings | None = None) -> Settings:
    """The settings of one call, as plain data has it; `before` are those of the call before it, whose result is its
    input where it has none of its own."""
    if call.get("unknown"):
        raise NotACase(call["unknown"])
    said = {key: value for key, value in call.items() if key not in ASIDE}
    if call["kind"] == "keras":
        name = said.pop("name_of_op")
        if said["inputs"] is None and before is not None:
            said["inputs"] = [before.batch, *before.output, before.channels_out]
        return keras_op(name, **said)
    return KINDS[call["kind"]](**said)


def _weights(it: Settings, kernel: np.ndarray | None, bias: np.ndarray | None) -> Weights | None:
    if kernel is None or kernel.shape != it.w_shape or (it.bias and bias is None):
        return None
    return kernel, bias if it.bias else None


def question(wanted: Wanted, **more: Any) -> dict[str, Any]:
    """What every child is asked."""
    shapes = {key: list(shape) for key, shape in wanted.shapes.items()}
    return {"shapes": shapes, "dtypes": dict(wanted.dtypes), "weights": wanted.weights, "folder": os.getcwd(), **more}  # noqa: PTH109
