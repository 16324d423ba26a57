"""A framework with released versions, for tests: a backend that computes by its version, and an installer of them.

The target's own process imports this file, so it imports nothing of pytest's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convt.adapter.backend import Probe
from convt.upgrade.environments import Environment, EnvironmentFailed
from tests.suite.host.fakes import AnswersWell

VARIABLE = "CONVT_FAKE_VERSION"
WRONG = "CONVT_FAKE_WRONG"


class Versioned(AnswersWell):
    """Answers well, but in the versions that the environment names as wrong: there every value is one too large."""

    name = "versioned"

    def versions(self) -> dict[str, str]:
        return {"fake": os.environ[VARIABLE]}

    def call(self, probe: Probe) -> np.ndarray:
        wrong = os.environ[VARIABLE] in os.environ.get(WRONG, "").split()
        return super().call(probe) + np.array(wrong, probe.x.dtype)


def installer(
    folder: Path, wrong: Sequence[str] = (), refused: Sequence[str] = (), broken: Sequence[str] = ()
) -> Callable[..., Environment]:
    """A `build` whose environments are this Python under a version's name.

    Versions that are `refused` do not install; those that are `broken` do, and end when they start.
    """

    def build(requirements: Sequence[str], *, name: str, **_: Any) -> Environment:
        version = requirements[0].partition("==")[2]
        if version in refused:
            raise EnvironmentFailed(name, "cannot be installed", "No matching distribution found", "ask for another")
        ends = "exit 3" if version in broken else ""
        script = f'#!/bin/sh\n{ends}\n{VARIABLE}={version} {WRONG}="{" ".join(wrong)}" exec {sys.executable} "$@"\n'
        python = folder / f"python-{version}"
        python.write_text(script)
        python.chmod(0o755)
        return Environment(name, python, tuple(requirements), {"fake": version})

    return build


def listing(*versions: str) -> Callable[..., list[str]]:
    """A `released` that offers these versions, the oldest first."""
    return lambda package, **options: list(versions)


SPEC = """\
about: For tests of the search over versions.
source: section 3
cases:
  - id: tiny
    input: {shape: [1, 1, 2], data: [1, 2]}
    kernel: {shape: [1, 1, 2], data: [10, 1]}
    stride: 2
    expect: {data: [10, 1, 20, 2]}
  - id: tiny-with-bias
    input: {shape: [1, 1, 2], data: [1, 2]}
    kernel: {shape: [1, 1, 1], data: [10]}
    bias: [5]
    laws: [value, bias]
"""


def environ(found: Mapping[str, str]) -> dict[str, str]:
    """An environment in which Python finds the rooms of this repository."""
    return dict(found) | {"PYTHONPATH": str(Path(__file__).parents[3])}
