"""`Refuses`: how an honest backend answers calls that mean nothing. It says of every setting which it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from convt.adapter.backend import Probe
from convt.conv.settings import Settings, SettingsError

AXES = ("stride", "dilation", "padding", "output_padding", "output_size", "kernel_size")
FLOATS = {"float16", "bfloat16", "float32", "float64"}
KERNEL = {"kernel_size": "kernel"}


class Refuses:
    """Refuses what means nothing, as `name: what was found`, and answers what means something after all."""

    def answer(self, it: Settings, x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        """y of one call, bias included."""
        raise NotImplementedError

    def invalid_call(self, probe: Probe) -> np.ndarray:
        self.check_arrays(probe)
        given = dict(probe.invalid or {})
        for name, value in given.items():
            self.check(probe.settings, name, value)
        if "data_format" in given:
            raise ValueError(f"data_format: {given['data_format']!r}")
        it = self.settings(probe.settings, given)
        if probe.w.shape != it.w_shape:
            raise ValueError(f"groups: a kernel of {probe.w.shape[1]} channels, which should be {it.w_shape[1]}")
        return self.answer(it, probe.x, probe.w, probe.b)

    def invalid_shape(self, probe: Probe) -> tuple[int, ...]:
        """The shape of the same, which the call alone can tell here."""
        return tuple(self.invalid_call(replace(probe, want="value")).shape)

    def check_arrays(self, probe: Probe) -> None:
        """Refuse arrays that disagree with the settings."""
        it, x, w, b = probe.settings, probe.x, probe.w, probe.b
        dtypes = {str(array.dtype) for array in (x, w, b) if array is not None}
        if len(dtypes) > 1 or not dtypes <= FLOATS:
            raise TypeError(f"dtype: {x.dtype} and {w.dtype}")
        for name, array, shape in (("input", x, it.x_shape), ("kernel", w, it.w_shape)):
            if array.ndim != len(shape):
                raise ValueError(f"{name} of rank {array.ndim}")
            if array.shape != shape:
                raise ValueError(f"{name}: channels or shape {array.shape}, which should be {shape}")
        if b is not None and b.shape != it.b_shape:
            raise ValueError(f"bias of shape {b.shape}")

    def check(self, it: Settings, name: str, value: Any) -> None:
        """Refuse what is no number of positions, or not one an axis."""
        if name == "padding" and isinstance(value, str):
            self.refuse(name, value)
        values = value if isinstance(value, list) else [value]
        if name in AXES and isinstance(value, list) and len(value) != it.rank:
            self.refuse(name, value)
        if any(type(each) is not int for each in values) or (name not in AXES and isinstance(value, list)):
            self.refuse(name, value)
        if min(values) < (0 if name in ("padding", "output_padding") else 1) or max(values) > 2**16:
            self.refuse(name, value)

    def settings(self, it: Settings, given: dict[str, Any]) -> Settings:
        """The settings with what is given in their place."""
        changes: dict[str, Any] = {}
        for name, value in given.items():
            axes = tuple(value) if isinstance(value, list) else (value,) * it.rank
            changes[KERNEL.get(name, name)] = axes if name in AXES else value
            if name == "padding":
                changes[name] = tuple((each, each) for each in axes)
        try:
            return it.replace(**changes)
        except SettingsError as error:
            self.refuse(error.field, given)

    def refuse(self, name: str, value: Any) -> NoReturn:
        """The error, which names the setting."""
        told = {"channels_in": "channels", "channels_out": "channels", "op": "kernel"}.get(name, name)
        raise ValueError(f"{told}: {value!r} means nothing")
