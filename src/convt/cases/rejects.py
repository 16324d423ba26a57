"""`Reject`: what stands in a call in place of some of its settings and arrays, so that the call means nothing.

A case with a `Reject` has the settings of a valid operation; the framework's own call is made with them, except that
what `invalid` names is passed raw, and the arrays come in the shapes and dtypes that stand here. What is due is a
refusal that names the setting at fault.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convt.conv.data import Arrays
from convt.conv.dtypes import numpy_dtype
from convt.conv.oracles import scatter
from convt.conv.settings import Settings


@dataclass(frozen=True)
class OtherArray:
    """The form of an array that is passed in place of the valid one; None keeps the valid one's shape and dtype."""

    shape: tuple[int, ...] | None = None
    dtype: str | None = None


@dataclass(frozen=True)
class Answer:
    """What is right where the call is answered after all: the answer of these settings, or of no channels."""

    settings: Settings
    channels_in: int
    channels_out: int

    def numbers(self, arrays: Arrays) -> np.ndarray:
        """(batch, channels_out, *output) in float64; without channels there is nothing to sum, or nothing to say."""
        it = self.settings
        if not self.channels_in or not self.channels_out:
            return np.zeros((it.batch, self.channels_out, *it.output))
        return np.asarray(scatter(it, arrays.x, arrays.w, arrays.b))


@dataclass(frozen=True, eq=False)
class Reject:
    """One setting that means nothing, of one kind; `fault` is what a clear refusal names, in the words of a spec."""

    kind: str
    fault: tuple[str, ...]
    invalid: Mapping[str, Any] = field(default_factory=dict)
    """Setting to what is passed in its place, JSON values as they are."""
    arrays: Mapping[str, OtherArray] = field(default_factory=dict)
    """x, w or b to its other form."""
    means: Mapping[str, str] = field(default_factory=dict)
    """Backend, or `keras` for all of them, to the meaning that it documents: there a refusal is wrong."""
    either: str = ""
    """Why a refusal and an answer are both right; empty where an answer is wrong."""
    answer: Answer | None = None
    """What is right where there is an answer; None: its numbers are not judged."""
    dtype: str = "float32"
    """That of the arrays, but for those that `arrays` gives another."""
    seconds: float = 0.0
    """After how many seconds without an answer the call counts as hanging; 0: the run's own."""

    ends: tuple[str, ...] = ()
    """The frameworks whose process it ends on several ranks."""

    def meaning(self, backend: str) -> str:
        """What a backend documents that this means; empty where it means nothing there."""
        family = backend.partition("-")[0]
        return self.means.get(backend) or self.means.get(family, "")

    def passed(self, valid: Arrays) -> Arrays:
        """The arrays to be passed, from those of the valid settings."""
        b = self._other("b", valid.b) if valid.b is not None or "b" in self.arrays else None
        return Arrays(self._other("x", valid.x), self._other("w", valid.w), b)

    def _other(self, name: str, valid: np.ndarray | None) -> np.ndarray:
        """The array of that name to be passed; ValueError where nothing says which numbers it has."""
        wanted = self.arrays.get(name, OtherArray())
        if wanted.shape is not None:
            valid = (np.arange(np.prod(wanted.shape, dtype=int)) % 4 + 1).reshape(wanted.shape)
        if valid is None:
            raise ValueError(f"{name} has neither numbers nor a shape")
        dtype = numpy_dtype(wanted.dtype or self.dtype)
        return (np.abs(valid) if dtype.kind in "ub" else valid).astype(dtype)

    def content(self) -> str:
        """What is passed, as text that is equal for equal calls: for the content hash."""
        arrays = {name: (other.shape, other.dtype) for name, other in self.arrays.items()}
        told = [dict(self.invalid), arrays, *([] if self.dtype == "float32" else [self.dtype])]
        return json.dumps(told, sort_keys=True)
