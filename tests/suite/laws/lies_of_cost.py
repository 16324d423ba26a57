"""Liars about time: every answer is right, and comes late. Time is what `Honest.seconds` says, and no clock's."""

from __future__ import annotations

from collections import Counter

from convt.adapter.backend import Probe
from tests.suite.conv.reference import Honest

COST = "cost: no other law looks at a clock"
COMPILES = 0.05
"""Seconds: fifteen times what a call of the sample takes."""


class _Late(Honest):
    only = COST

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        self.calls: Counter[str] = Counter()
        """How often settings were called."""

    def seconds(self, probe: Probe) -> float:
        self.calls[probe.settings.digest] += 1
        return super().seconds(probe) * self.times(probe) + self.more(probe)

    def times(self, probe: Probe) -> float:
        """How many times as long its call takes."""
        return 1

    def more(self, probe: Probe) -> float:
        """Seconds that its call takes beside."""
        return 0


class CompilesEachCall(_Late):
    """it compiles its program anew at each call"""

    def more(self, probe: Probe) -> float:
        return COMPILES


class CompilesEachLength(_Late):
    """it compiles a program for each new length"""

    def more(self, probe: Probe) -> float:
        return COMPILES if self.calls[probe.settings.digest] == 1 else 0


class CompilesTheSecondTime(_Late):
    """it looks at the first call, and compiles at the second"""

    def more(self, probe: Probe) -> float:
        return COMPILES if self.calls[probe.settings.digest] == 2 else 0


class SlowInChannelsLast(_Late):
    """in channels-last memory it takes ten times as long"""

    def times(self, probe: Probe) -> float:
        return 10 if "channels-last" in probe.layout else 1


class SlowInFloat64(_Late):
    """in float64 it takes twenty times as long"""

    def times(self, probe: Probe) -> float:
        return 20 if str(probe.x.dtype) == "float64" else 1


class SlowInBatches(_Late):
    """a batch of two takes ten times as long as one item"""

    def times(self, probe: Probe) -> float:
        return 1 if probe.settings.batch < 2 else 5


class TransposedSlowly(_Late):
    """the transposed convolution takes fifty times as long as the forward one"""

    def times(self, probe: Probe) -> float:
        return 50 if probe.settings.transposed else 1


COSTS: tuple[type[Honest], ...] = (
    CompilesEachCall, CompilesEachLength, CompilesTheSecondTime, SlowInChannelsLast, SlowInFloat64, SlowInBatches,
    TransposedSlowly,
)  # fmt: skip
