"""The form of a probe: everything that it says but its numbers. What the host prepares and what an adapter calls follow
from it.

Runs on both sides, so it needs Python 3.10+ and numpy alone.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from convt.adapter.probe import GRADIENTS, RESIZES, Probe, Want, dtype_name
from convt.conv.settings import Settings

Arrays = tuple[tuple[str, tuple[int, ...], str], ...]
"""Name, shape and dtype of x, w and b."""
DIRECTED: tuple[Want, ...] = ("grad-xw", "grad-wx", "jvp-x", "jvp-w", "jvp-grad-x")
"""Derivatives along a direction t; what is not GRADIENTS has neither a cotangent g nor a direction."""


@dataclass(frozen=True)
class Form:
    """Everything about a probe but its numbers. `call_form` is one that the backend has."""

    settings: Settings
    want: Want = "value"
    call_form: int = 0
    dtype: str = "float32"
    """That of x."""
    invalid: Mapping[str, Any] | None = None
    """Raw values in place of settings, as in a probe."""
    arrays: Arrays = ()
    """Of the arrays of an invalid call; empty where they are as the settings say."""

    @classmethod
    def of(cls, probe: Probe) -> Form:
        """The form of a probe."""
        arrays: Arrays = ()
        if probe.invalid is not None:
            named = (("x", probe.x), ("w", probe.w), ("b", probe.b))
            arrays = tuple((name, array.shape, str(array.dtype)) for name, array in named if array is not None)
        return cls(probe.settings, probe.want, probe.call_form, dtype_name(probe.x.dtype), probe.invalid, arrays)

    @cached_property
    def key(self) -> Hashable:
        """What is equal for equal forms."""
        said = "" if self.invalid is None else json.dumps(self.invalid, sort_keys=True)
        return self.settings.digest, self.want, self.call_form, self.dtype, said, self.arrays

    @cached_property
    def dtypes(self) -> dict[str, str]:
        """The names of the arrays that are there, of x, w, b, g and t in this order, and the dtype of each."""
        if self.arrays:
            return {name: dtype for name, _, dtype in self.arrays}
        names = ["x"] if self.want in RESIZES else ["x", "w", *(["b"] if self.settings.bias else [])]
        if self.want in GRADIENTS:
            names += [] if self.want in ("jvp-x", "jvp-w") else ["g"]
            names += ["t"] if self.want in DIRECTED else []
        return dict.fromkeys(names, self.dtype)

    def pack(self) -> Any:
        """The form as builtin types, for the wire."""
        return self.settings.canonical(), self.want, self.call_form, self.dtype, self.invalid, self.arrays

    @classmethod
    def unpack(cls, packed: Any) -> Form:
        """The inverse of `pack`."""
        settings, *rest = packed
        return cls(Settings.from_canonical(settings), *rest)
