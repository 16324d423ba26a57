"""Many configurations in one `tf.function`, because tracing and compiling one at a time is what makes a target slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convt.adapter.fusing import Fuser

PROGRAM = 50
"""Configurations in one program. Larger ones are hardly faster, and a crash takes the whole program along."""


class Graphs(Fuser):
    """Programs that `compiled`, such as `tf.function`, makes; they are traced where they first run."""

    def __init__(self, compiled: Callable[[Callable[..., Any]], Callable[..., Any]], **asking: Any) -> None:
        super().__init__(PROGRAM, **asking)
        self._compiled = compiled

    def compile(self, program: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> Callable[..., Any]:
        return self._compiled(program)
