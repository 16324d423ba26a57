"""`Case`: one operation with all its settings, under a name that it keeps for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from convt.cases.asked import Asked
from convt.cases.rejects import Reject
from convt.cases.weights import Weights
from convt.conv.data import Arrays, counted, exact, precision, real
from convt.conv.settings import Settings

LAYERS = "realistic"
"""The law that judges layers of real size: what is for it alone may take more work than the oracles have time for."""
Regime = Literal["exact", "real", "precision-x", "precision-w"]
Cost = Literal["second-call", "new-length", "small-call", "two-items", "channels-last", "float64", "transposed"]
"""What is timed beside what, by the law `cost`."""
COSTS: tuple[Cost, ...] = get_args(Cost)


@dataclass(frozen=True, eq=False)
class Expect:
    """What stands in the file beside the settings, checked against the oracles when the file is read."""

    size: tuple[int, ...] | None = None
    """The spatial extents of the output."""
    data: np.ndarray | None = None
    """The output, (batch, channels_out, *output)."""
    matrix: tuple[int, int] | None = None
    """Rows and columns of the dense matrix of one group."""
    equals: str | None = None
    """The id of a case that gives the same numbers for the same data."""
    differs: str | None = None
    """The id of a case that gives the same shape and other numbers for the same data."""


@dataclass(frozen=True)
class Claim:
    """A statement as people learn it, and whether it holds; `correction` says what is true instead."""

    says: str
    holds: bool
    correction: str = ""


@dataclass(frozen=True, eq=False)
class Case:
    """Settings with a name, optional literal data, and what is expected of them.

    `refuted` is what a false claim predicts: the file is refused if the prediction comes true after all.
    """

    id: str
    settings: Settings
    about: str = ""
    source: str = ""
    origin: str = ""
    """file:line of the case."""
    tags: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()
    """The ids of the only laws that the case is for; empty: every law that applies."""
    literal: Arrays | None = None
    seed: int = 0
    expect: Expect = field(default_factory=Expect)
    claim: Claim | None = None
    refuted: Expect | None = None
    resize: Literal["nearest", "bilinear"] | None = None
    """The framework's own resize by `stride` that this convolution equals away from the border."""
    block: int | None = None
    """How many numbers are summed up to one, where the law `large` alone judges the sums of such blocks, in float16."""
    cost: Cost | None = None
    """What of the call is timed, where the law `cost` alone judges the ratio of times."""
    weights: Weights | None = None
    """The real numbers of kernel and bias, which the regime of real numbers takes in place of drawn ones."""
    reject: Reject | None = None
    """What is passed in place of some settings and arrays, so that the call means nothing; the law `rejects` alone
    judges such a case."""
    asked: Asked | None = None
    """The one evaluation that the case is there for, where it is about more than its settings; the law `crossed` alone
    judges such a case."""

    @property
    def invalid(self) -> Mapping[str, Any] | None:
        """What stands in the call in place of settings, empty where arrays alone are others; None: a case that means
        something."""
        return None if self.reject is None else self.reject.invalid

    def data(self, regime: Regime = "exact") -> Arrays:
        """The arrays of the case in a regime; literal data stand for the exact regime."""
        cached = self._arrays.get(regime)
        if cached is None:
            cached = self._arrays[regime] = self._draw(regime)
        return cached

    @cached_property
    def _arrays(self) -> dict[str, Arrays]:
        return {}

    def _draw(self, regime: Regime) -> Arrays:
        if self.block is not None:
            return counted(self.settings)
        if regime == "exact":
            return self.literal or exact(self.settings, self.seed)
        if regime == "real":
            drawn = real(self.settings, self.seed)
            if self.weights is None or self.weights.w.shape != self.settings.w_shape:  # a law's change of the case
                return drawn
            return Arrays(drawn.x, self.weights.w, drawn.b if self.weights.b is None else self.weights.b)
        return precision(self.settings, regime.removeprefix("precision-"), self.seed)

    @cached_property
    def digest(self) -> str:
        """The content hash, 16 hex digits: settings, literal data, seed, what is passed in their place, and what is
        asked; the name, prose and file do not count."""
        digest = hashlib.sha256(f"{self.settings.digest} {self.seed} {self.resize}".encode())
        if self.literal is not None:
            for array in (self.literal.x, self.literal.w, self.literal.b):
                digest.update(b"-" if array is None else array.tobytes())
        if self.weights is not None:
            for array in (self.weights.w, self.weights.b):
                digest.update(b"weights -" if array is None else array.tobytes())
        if self.reject is not None:
            digest.update(self.reject.content().encode())
        if self.block is not None:
            digest.update(f"fold {self.block}".encode())
        if self.cost is not None:
            digest.update(f"cost {self.cost}".encode())
        if self.asked is not None:
            digest.update(self.asked.content().encode())
        return digest.hexdigest()[:16]
