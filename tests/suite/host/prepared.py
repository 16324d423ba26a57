"""A fake that answers with what the host prepared for it, and the function of the host that does so.

Its own process imports this file too, so it imports nothing of pytest's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from convt.adapter.backend import Probe
from convt.adapter.form import Form
from convt.conv.settings import Settings
from convt.host.registry import Entry, register_external
from tests.suite.host.fakes import ROOT, AnswersWell

UNPREPARABLE = 7
"""A kernel of so many taps cannot be prepared."""


class AnswersWithPrepared(AnswersWell):
    """Gives the numbers that were prepared, and a script that has them."""

    name = "answers-with-prepared"

    def call(self, probe: Probe) -> np.ndarray:
        return np.array(probe.prepared["numbers"], np.float32)

    def shape_of(self, probe: Probe) -> tuple[int, ...]:
        return tuple(probe.prepared["numbers"])

    def script(self, settings: Settings, call_form: int = 0, prepared: Any = None) -> str:
        return f"y = np.float32({prepared['numbers']})  # {prepared['said']}"


def prepare(form: Form, mode: str, versions: Mapping[str, str]) -> dict[str, Any]:
    """The kernel, the call form and the dtype's size; what else was heard stands beside them."""
    if form.settings.kernel == (UNPREPARABLE,):
        raise ValueError("no model has so many taps")
    size = np.dtype(form.dtype).itemsize
    return {
        "numbers": [form.settings.kernel[0], form.call_form, size],
        "said": f"{form.want} {mode} {versions['fake']}",
    }


def entry(**changes: Any) -> Entry:
    """The registry's entry of this fake."""
    name, plain = register_external("tests.suite.host.prepared:AnswersWithPrepared", ROOT)
    assert name == AnswersWithPrepared.name
    return replace(plain, prepare="tests.suite.host.prepared:prepare", **changes)
