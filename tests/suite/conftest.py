"""What the suite's own tests have in common."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# as a run has it (backends/registry.py): TensorFlow reads it once, at whichever test of a process imports it first, and
# leaves oneDNN out on a processor without AVX-512 where it is not set
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

LONGEST = (
    "cases/test_findings.py",
    "backends/test_keras_backend.py",
    "session/test_scripts.py",
    "plugin/test_pytest_run.py",
    "backends/test_tensorflow_backend.py",
    "backends/test_pytorch_backend.py",
    "backends/test_pytorch_gradients.py",
    "upgrade/test_search.py",
    "laws/test_liars.py",
    "backends/test_jax_gradients.py",
    "backends/test_jax_backend.py",
)
"""Files of few tests that take half of the time: first, lest one process have them last while the other waits."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of the longest files first; pytest-xdist keeps that order with --no-loadscope-reorder."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
