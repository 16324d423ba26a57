"""Backends in processes of their own that go wrong on some settings alone; their processes import this file."""

from __future__ import annotations

import os
import time

import numpy as np

from convt.adapter.backend import Backend, Probe
from convt.host.registry import Entry, register_external
from tests.suite.host.fakes import ROOT, AnswersWell

WIDE = 4


class CrashesOnWide(AnswersWell):
    """Ends its process where a transposed convolution's kernel has 4 taps or more on an axis."""

    def call(self, probe: Probe) -> np.ndarray:
        if probe.settings.transposed and max(probe.settings.kernel) >= WIDE:
            os.abort()
        return super().call(probe)


class HangsOnWide(AnswersWell):
    """Never answers there."""

    def call(self, probe: Probe) -> np.ndarray:
        if probe.settings.transposed and max(probe.settings.kernel) >= WIDE:
            time.sleep(3600)
        return super().call(probe)


class RefusesPlanes(AnswersWell):
    """Refuses two axes."""

    def call(self, probe: Probe) -> np.ndarray:
        if probe.settings.transposed and probe.settings.rank == 2:
            raise NotImplementedError("only 1-D and 3-D")
        return super().call(probe)


def registry(*classes: type[Backend]) -> dict[str, Entry]:
    """A registry of these classes, wherever they stand, by the names that `--backend` gives them."""
    return dict(register_external(f"{cls.__module__}:{cls.__name__}", ROOT) for cls in classes)
