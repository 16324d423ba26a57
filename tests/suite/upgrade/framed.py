"""The adapter of `tinyframe`, a framework of tiny wheels whose releases say by channels how they are wrong.

The target's own process imports this file, so it imports nothing of pytest's.
"""

from __future__ import annotations

import os
import time
import warnings
from typing import Any

import numpy as np

from convt.adapter.backend import Backend, Probe, Want
from convt.conv.settings import Settings
from tests.suite.conv.reference import Array, Honest
from tests.suite.laws import liars

SLOW = "CONVT_FRAMED_SECONDS"
"""The variable that says how long each call takes, where it is to take long."""


class Framed(Honest):
    """Honest, but for what its release does where the most channels, in or out, are a certain number."""

    name = "framed"
    call_forms = ("",)

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        import tinyframe

        self.frame: Any = tinyframe

    def versions(self) -> dict[str, str]:
        return {"tinyframe": self.frame.__version__}

    def does(self, it: Settings) -> str:
        return self.frame.DOES.get(max(it.channels_in, it.channels_out), "")

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        refused = self.does(settings) == "refuses"
        return f"tinyframe {self.frame.__version__} has no such channels" if refused else None

    def seconds(self, probe: Probe) -> float:
        return super().seconds(probe) * (4 if self.does(probe.settings) == "dawdles" else 1)

    def call(self, probe: Probe) -> Array:
        time.sleep(float(os.environ.get(SLOW, "0")))
        y = super().call(probe)
        does = self.does(probe.settings)
        if does == "raises":
            raise ValueError("these channels are not implemented")
        if does == "warns":
            warnings.warn("these channels are deprecated", FutureWarning, stacklevel=2)
        if does in ("gives float64", "gives float64, moved"):
            y = y.astype(np.float64)
        if "moved" in does:
            y = np.roll(y, 1, axis=-1)
        if does == "wavers":
            by_chance = np.frombuffer(os.urandom(y.size), np.uint8).reshape(y.shape)
            y = y + 1 + by_chance.astype(y.dtype)
        if does == "doubled":
            y = y * 2
        return np.nextafter(y, np.float32(9)) if does == "rounds" and not np.array_equal(y, np.trunc(y)) else y


def __getattr__(name: str) -> type[Backend]:
    """`Honest` in release 1 of tinyframe, and the liar of that name in every other: for the import paths of targets."""
    liar = getattr(liars, name)

    class Turned(liar):  # type: ignore[misc, valid-type]
        def __new__(cls, mode: str, device: str) -> Any:
            import tinyframe

            return Honest(mode, device) if tinyframe.__version__ == "1" else super().__new__(cls)

    return Turned
