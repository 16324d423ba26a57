"""Capture every network and hold what is captured to the network itself: by hooks, and from one format to another.

`python -m tests.captured_models` prints the table of docs/capture.md; names as arguments choose some of them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from convt.capture.seen import Captured
from convt.cases.loader import load_cases
from convt.cli import main
from convt.conv.settings import Settings
from tests.suite.capture.captures import captured

HERE = Path(__file__).parent
TORCH: dict[str, list[tuple[int, ...]]] = {
    "DcganGenerator": [(1, 100, 1, 1)], "UNet": [(1, 1, 572, 572)], "UNet3d": [(1, 3, 64, 64, 64)],
    "HifiGan": [(1, 80, 32)], "SamUpscaling": [(1, 256, 64, 64), (1, 4, 32)], "DeepLab": [(1, 3, 224, 224)],
}  # fmt: skip
ONNX = ("DcganGenerator", "UNet", "HifiGan", "DeepLab")
EXPORTED = ("SamUpscaling", "UNet3d")
KERAS = ("mobilenet_v2", "resnet50", "efficientnet_b0")
WRITE = """
import sys, keras
from tests.captured_models import keras_models
name, folder = sys.argv[1:]
model = getattr(keras_models, name)()
model.save(f"{folder}/{name}.keras")
if name == "mobilenet_v2":
    import tensorflow as tf
    model.export(f"{folder}/{name}_saved", verbose=False)
    open(f"{folder}/{name}.tflite", "wb").write(tf.lite.TFLiteConverter.from_keras_model(model).convert())
"""
"""What writes a network's files, in a process of its own."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    model: str
    source: str
    layers: int
    settings: int
    cases: int
    seconds: float


def capture(model: str, source: str, folder: Path, *words: str) -> tuple[Row, Captured]:
    """One capture by the command, its file checked, and what was captured."""
    out = folder / "out.yaml"
    started = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        if main(["capture", model, "--out", str(out), "--force", *words]) != 0:
            raise AssertionError(f"{model}: {said.getvalue()}")
    seconds = time.monotonic() - started
    given = [words[at + 1] for at, word in enumerate(words) if word == "--input-shape"]
    shapes = {str(at): tuple(map(int, sizes.split(","))) for at, sizes in enumerate(given)}
    found = captured(model, shapes=shapes, trust="--trust" in words)
    if found.left:
        raise AssertionError(f"{model}: left out {found.left}")
    cases = load_cases([out])
    count = len({seen.settings for seen in found.seen})
    return Row(model.rpartition(":")[2].rpartition("/")[2], source, len(found.seen), count, len(cases), seconds), found


def bare(found: Captured) -> Counter[Settings]:
    """The settings and how often each runs, without what a converter may fold into a layer: a normalization, which
    becomes a bias, and zeros around its input."""
    return Counter(map(_bare, (seen.settings.explicit() for seen in found.seen)))


def _bare(it: Settings) -> Settings:
    if it.transposed:
        return it.replace(bias=False)
    padded = tuple(n + lo + hi for n, (lo, hi) in zip(it.input, it.crop, strict=True))
    return it.replace(bias=False, input=padded, padding=())


def hooked(name: str, shapes: list[tuple[int, ...]]) -> Counter[Settings]:
    """The settings by hooks on the module, which runs without numbers."""
    import torch

    from tests.captured_models import torch_models
    from tests.suite.capture.test_torch_capture import watched

    with torch.device("meta"):
        module = getattr(torch_models, name)()
        found = watched(module, *(torch.empty(shape) for shape in shapes))
    return Counter(it for _, it in found)


def torch_rows(folder: Path, wanted: Callable[[str], bool]) -> Iterator[Row]:
    import torch

    from tests.captured_models import torch_models

    for name, shapes in TORCH.items():
        if not wanted(name):
            continue
        given = [word for shape in shapes for word in ("--input-shape", ",".join(map(str, shape)))]
        row, program = capture(f"{HERE / 'torch_models.py'}:{name}", "PyTorch module", folder, *given, "--trust")
        if Counter(seen.settings.explicit() for seen in program.seen) != hooked(name, shapes):
            raise AssertionError(f"{name}: the module's hooks see other settings")
        yield row
        examples = tuple(torch.rand(shape) for shape in shapes)
        files = []
        if name in ONNX:
            path = folder / f"{name}.onnx"
            with contextlib.redirect_stdout(io.StringIO()):
                torch.onnx.export(getattr(torch_models, name)().eval(), examples, str(path), dynamo=False)
            files.append((path, "ONNX file"))
        if name in EXPORTED:
            path = folder / f"{name}.pt2"
            torch.export.save(torch.export.export(getattr(torch_models, name)().eval(), examples), path)
            files.append((path, "exported program"))
        for path, source in files:
            row, found = capture(str(path), source, folder)
            if bare(found) != bare(program):
                raise AssertionError(f"{path.name}: it has other settings than the module")
            yield row


def keras_rows(folder: Path, wanted: Callable[[str], bool]) -> Iterator[Row]:
    for name in filter(wanted, KERAS):
        root = str(HERE.parents[1])
        environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": root, "TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run(
            [sys.executable, "-c", WRITE, name, str(folder)], env=environment, check=True, capture_output=True
        )
        row, file = capture(str(folder / f"{name}.keras"), "Keras file", folder)
        yield row
        row, program = capture(f"{HERE / 'keras_models.py'}:{name}", "Keras model", folder, "--trust")
        if Counter(seen.settings for seen in file.seen) != Counter(seen.settings for seen in program.seen):
            raise AssertionError(f"{name}: the file has other settings than the model")
        yield row
        for path, source in ((folder / f"{name}.tflite", "LiteRT file"), (folder / f"{name}_saved", "SavedModel")):
            if path.exists():
                row, found = capture(str(path), source, folder)
                if bare(found) != bare(program):
                    raise AssertionError(f"{path.name}: it has other settings than the model")
                yield row


def rows(names: list[str]) -> Iterator[Row]:
    def wanted(name: str) -> bool:
        return not names or name in names

    with tempfile.TemporaryDirectory() as folder:
        if importlib.util.find_spec("torch"):
            yield from torch_rows(Path(folder), wanted)
        if importlib.util.find_spec("keras") and importlib.util.find_spec("tensorflow"):
            yield from keras_rows(Path(folder), wanted)


def table(found: Iterator[Row]) -> Iterator[str]:
    yield "| model | captured from | convolutions | distinct settings | cases | seconds |"
    yield "|---|---|---|---|---|---|"
    for row in found:
        yield f"| {row.model} | {row.source} | {row.layers} | {row.settings} | {row.cases} | {row.seconds:.1f} |"


if __name__ == "__main__":
    for line in table(rows(sys.argv[1:])):
        print(line, flush=True)  # noqa: T201
