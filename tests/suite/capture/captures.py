"""What the tests of captures share: a capture as the command makes it, and a chain of convolutions by the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convt.capture.child import Python
from convt.capture.seen import Captured, Wanted
from convt.capture.sources import Asked, model_of
from convt.conv.oracles import scatter


def captured(
    model: str | Path, *, shapes: dict[str, tuple[int, ...]] | None = None, weights: bool = False, trust: bool = False,
    framework: str = "", dtypes: dict[str, str] | None = None,
) -> Captured:  # fmt: skip
    """Everything that the model runs."""
    wanted = Wanted(shapes or {}, dtypes or {}, weights)
    return model_of(str(model)).read(Asked(str(model), wanted, Python(deadline=200.0), trust, framework))


def through(found: Captured, x: np.ndarray) -> np.ndarray:
    """A chain of convolutions by the oracle, with the weights that were captured; x and y are channels first."""
    for seen in found.seen:
        assert seen.weights is not None, seen.name
        kernel, bias = (None if a is None else a.astype(np.float64) for a in seen.weights)
        assert x.shape == seen.settings.x_shape, seen.name
        x = scatter(seen.settings, x, kernel, bias)  # type: ignore[arg-type]
    return x


def close(actual: Any, expected: np.ndarray) -> bool:
    """Whether a framework's numbers are those of the oracle, but for rounding in float32."""
    actual = np.asarray(actual, np.float64)
    return actual.shape == expected.shape and bool(np.allclose(actual, expected, rtol=1e-4, atol=1e-4))


def last(x: np.ndarray) -> np.ndarray:
    """Channels moved behind the extents."""
    return np.moveaxis(x, 1, -1)


def first(y: Any) -> np.ndarray:
    """Channels moved before the extents."""
    return np.moveaxis(np.asarray(y), -1, 1)


def numbers(shape: Sequence[int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)
