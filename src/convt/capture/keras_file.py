"""The convolutions of a Keras file, .keras or .h5: its configuration is data, and no code of the user's is run.

Where the configuration does not tell every shape, the model is rebuilt from it in a process that has Keras, in safe
mode.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from convt.capture import archive, child
from convt.capture.keras_config import Incomplete, foreign, from_config, without_groups
from convt.capture.seen import Captured, Unreadable, Wanted
from convt.capture.wire import Source

HDF5 = b"\x89HDF\r\n\x1a\n"


def capture_keras(path: Path, wanted: Wanted, python: child.Python) -> Captured:
    """Every convolution of the file. Unreadable where it is no model, or shapes stay open."""
    config = _config(path, python)
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise Unreadable(f"{path}: found a configuration of no model, accepted one that model.save wrote")
    try:
        own = foreign(config)
    except Unreadable as error:
        raise Unreadable(f"{path}: {error}") from None
    if own:
        raise Unreadable(
            f"{path}: {', '.join(own[:6])} {'are' if len(own) > 1 else 'is'} code that the file does not hold or that "
            "only runs when it is trusted; give the program that makes the model: path/file.py:Name"
        )
    if not wanted.shapes and not wanted.weights:
        try:
            return from_config(config)
        except Incomplete:
            pass  # rebuilding it tells the rest
        except Unreadable as error:
            raise Unreadable(f"{path}: {error}") from None
    said, arrays = child.ask(
        "keras_file_child", child.question(wanted, config=without_groups(config), target=str(path.resolve())), python,
        str(path),
    )  # fmt: skip
    return child.captured(said, arrays)


def _config(path: Path, python: child.Python) -> Any:
    """The configuration, out of a zip file or an HDF5 file."""
    with Source(path) as source:
        start = source.read(0, min(8, source.size))
    if start == HDF5:
        said, _ = child.ask("h5_child", {"target": str(path.resolve())}, python, str(path))
        return archive.parsed(said["config"], path, "model_config")
    if not start.startswith(b"PK"):
        raise Unreadable(f"{path}: found no Keras model, accepted a file that model.save wrote, .keras or .h5")
    with archive.opened(path, "Keras model") as zipped:
        if "config.json" not in zipped.namelist():
            raise Unreadable(f"{path}: found no config.json in it, accepted a file that model.save wrote")
        return archive.parsed(archive.text_of(zipped, "config.json", path), path, "config.json")
