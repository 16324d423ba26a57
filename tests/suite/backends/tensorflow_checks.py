"""What the tests of the TensorFlow adapter share: adapters of each mode, and many probes asked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from convt.content.backends.onednn import mirrored

from convt.adapter.backend import UNSAFE, Backend, Outcome, Probe
from convt.cases.known import KnownTarget, load_known
from convt.conv.settings import Settings
from convt.laws.truth import truth
from convt.session.processor import instruction_sets
from tests.suite.conv.random_settings import random_settings

Excuse = Callable[[Probe, Outcome], bool]
VERSION = "2.21.0"


@lru_cache
def adapter(mode: str = "eager") -> Backend:
    """The adapter on the CPU, with oneDNN as in a run; one for all tests, because TensorFlow is configured once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        patch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
        pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
        pytest.importorskip("ml_dtypes", reason="numpy's bfloat16 needs ml_dtypes")  # which registers the name
        from convt.content.backends.tensorflow.adapter import TensorFlow

        it = TensorFlow(mode, "cpu")
        it.forgets_after = 10**9  # other adapters' functions, and other frameworks', would be forgotten too
        return it


def answered(it: Backend, probes: Sequence[Probe]) -> Iterator[tuple[Probe, Outcome]]:
    """Each probe with its outcome, in fused programs where the mode has them."""
    outcomes = it.run_many(probes) or [it.run(probe) for probe in probes]
    return zip(probes, outcomes, strict=True)


def is_right(probe: Probe, outcome: Outcome) -> bool:
    """Whether the outcome has the numbers of the oracles, in the dtype of x."""
    expected, value = truth(probe), outcome.value
    if value is None or value.dtype != probe.x.dtype or value.shape != expected.shape:
        return False
    return np.array_equal(value.astype(expected.dtype), expected)


def never(probe: Probe, outcome: Outcome) -> bool:
    """No excuse."""
    return False


def astray(it: Backend, probes: Sequence[Probe], excused: Excuse = never) -> tuple[list[str], int]:
    """The probes that are neither answered rightly nor unsupported nor excused; and how many are answered rightly."""
    wrong, right = [], 0
    for probe, outcome in answered(it, probes):
        right += is_right(probe, outcome)
        if outcome.kind != "unsupported" and not is_right(probe, outcome) and not excused(probe, outcome):
            wrong.append(f"{outcome.kind} {outcome.reason} {told(probe)}")
    return wrong, right


def stale(it: Backend, probes: Iterable[Probe]) -> tuple[list[str], int]:
    """The claims of these probes that are not so when the call is made anyway, and how many claims were tried."""
    claims = [(probe, it.refusal(probe)) for probe in probes]
    forced = {id(probe): claim for probe, claim in claims if claim is not None and not claim.startswith(UNSAFE)}
    tried = [replace(probe, force=True) for probe, _ in claims if id(probe) in forced]
    return [told(probe) for probe, outcome in answered(it, tried) if is_right(probe, outcome)], len(tried)


def told(probe: Probe) -> str:
    return f"[{probe.x.dtype} {probe.want} {probe.call_form}] {probe.settings}"


def is_unwritten(probe: Probe, outcome: Outcome) -> bool:
    """Whether what oneDNN is known to leave unwritten may be in the outcome, or in what a derivative is made of."""
    isa = frozenset(str(instruction_sets().get("isa", "")).split())
    asked = KnownTarget("tensorflow", "eager", "cpu", VERSION, isa)
    entries = [entry for entry in load_known(Path("backends")) if entry.backends == "tensorflow"]
    ops = [probe.settings, *([mirrored(probe.settings)] if probe.want != "value" else [])]
    if any(entry.concerns(it, "value", 0, asked) for entry in entries for it in ops if entry.intermittent):
        return True
    call = (probe.settings, probe.want, probe.call_form, asked, str(probe.x.dtype))
    return any(entry.concerns(*call) and entry.intermittent and entry.when.get("isa") for entry in entries)


def inhabited(count: int, seed: int, **changes: Any) -> list[Settings]:
    """Random settings of both ops, something on every axis."""
    drawn = [*random_settings(count, "conv_transpose", seed), *random_settings(count, "conv", seed)]
    return [it.replace(**changes) for it in drawn]
