"""Tiny wheels made on the spot, so that environments can be built without a network."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

TAG = "py3-none-any"


def wheel(folder: Path, name: str, version: str, files: Mapping[str, str], requires: Sequence[str] = ()) -> Path:
    """A wheel with these files, in a folder; what it requires are requirements as its metadata spell them."""
    info = f"{name}-{version}.dist-info"
    metadata = [
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}",
        *(f"Requires-Dist: {it}" for it in requires),
    ]
    content = dict(files) | {
        f"{info}/METADATA": "\n".join([*metadata, ""]),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {TAG}\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    built = folder / f"{name}-{version}-{TAG}.whl"
    with zipfile.ZipFile(built, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)  # no time in it: the same content is the same file
    return built


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def numpy_wheel(folder: Path) -> Path:
    """A `numpy` that leads to the one of the host, since workers need numpy and there is no network."""
    return wheel(folder, "numpy", np.__version__, {"numpy_of_the_host.pth": f"{Path(np.__file__).parents[1]}\n"})


def frame_wheel(folder: Path, version: str, does: Mapping[int, str]) -> Path:
    """A release of the framework `tinyframe`, see `tests/suite/framed.py`."""
    return wheel(
        folder, "tinyframe", version, {"tinyframe/__init__.py": f"__version__ = {version!r}\nDOES = {does!r}\n"}
    )
