"""The real kernels and biases of a file of cases: arrays of a .npz file beside it, by the names of the cases.

`NAME.kernel` and `NAME.bias` belong to the case NAME. Shapes and dtypes are checked before any number is read, and
nothing in the file can be an object.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from convt.conv.settings import Settings

DTYPES = ("float16", "float32", "float64")
PARTS = ("kernel", "bias")
MOST_ARRAYS = 20_000


class BadWeights(ValueError):
    """What is wrong with the file or an array; the message says what was found and what is accepted."""


@dataclass(frozen=True, eq=False)
class Weights:
    """A case's own kernel and bias, float32; the bias None where the file has none."""

    w: np.ndarray
    b: np.ndarray | None
    path: str
    """The file, as people write it here."""
    case: str

    def line(self, name: str, array: np.ndarray | None) -> str:
        """The line of Python that reads an array, where it is one of these; else empty."""
        part = "kernel" if array is self.w else "bias" if array is not None and array is self.b else ""
        return f'{name} = np.load({self.path!r})["{self.case}.{part}"].astype(np.float32)' if part else ""


class WeightsFile:
    """The file beside a file of cases; BadWeights where it cannot be read."""

    def __init__(self, path: Path, shown: str) -> None:
        self._shown = shown
        if not path.is_file():
            raise BadWeights(f"found no file {shown}, accepted one that is there")
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise BadWeights(
                f"found {shown}, which is no .npz file ({error}); accepted one that numpy.savez wrote"
            ) from None
        self.left = {info.filename.removesuffix(".npy") for info in self._zip.infolist()}
        """The arrays that no case has taken."""
        if len(self.left) > MOST_ARRAYS:
            raise BadWeights(f"found {len(self.left):,} arrays in {shown}, accepted {MOST_ARRAYS:,}")

    def __enter__(self) -> WeightsFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._zip.close()

    def of(self, case: str, it: Settings) -> Weights | None:
        """The arrays of a case; None where the file has no kernel of it."""
        shapes = dict(zip(PARTS, (it.w_shape, it.b_shape), strict=True))
        names = {part: f"{case}.{part}" for part in PARTS if f"{case}.{part}" in self.left}
        if not names:
            return None
        if "kernel" not in names or ("bias" in names and not it.bias):
            accepted = f"{case}.kernel too" if it.bias else "none: the case has no bias"
            raise BadWeights(f"found {case}.bias in {self._shown}, accepted {accepted}")
        found = {part: self._read(name, shapes[part]) for part, name in names.items()}
        self.left -= set(names.values())
        return Weights(found["kernel"], found.get("bias"), self._shown, case)

    def _read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """An array of this shape, in float32."""
        try:
            with self._zip.open(f"{name}.npy") as file:
                found, fortran, dtype = _header(file)
                if found != shape or str(dtype) not in DTYPES:
                    raise BadWeights(
                        f"found {name} of shape {list(found)[:8]} and dtype {dtype} in {self._shown}, accepted "
                        f"{list(shape)} and {', '.join(DTYPES)}"
                    )
                size = prod(shape) * dtype.itemsize
                raw = file.read(size)
        except BadWeights:
            raise
        except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError,
                SyntaxError) as error:  # fmt: skip
            raise BadWeights(
                f"found {name} damaged in {self._shown} ({error}); accepted what numpy.savez writes"
            ) from None
        if len(raw) != size:
            raise BadWeights(f"found {len(raw):,} bytes of {name} in {self._shown}, accepted {size:,}")
        array = np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C").astype(np.float32, order="C")
        if not np.isfinite(array).all():
            raise BadWeights(
                f"found numbers in {name} of {self._shown} that are not finite in float32, accepted finite ones"
            )
        return array


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and dtype of an array in numpy's format; ValueError where it is another one."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {version} of numpy's format")
    return shape, fortran, dtype
