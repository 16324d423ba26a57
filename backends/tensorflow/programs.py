"""Many configurations in one `tf.function`, because tracing and compiling one at a time is what makes a target slow.

A program holds one call for each configuration. It runs as often as the most frequent configuration has numbers of its
own; rarer ones keep their last. What raises while it is traced is that configuration's outcome, and the others go on;
where a program is refused as a whole, its halves are tried, down to each probe alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from convt.adapter.backend import Outcome, Probe, describe

PROGRAM = 50
"""Configurations in one program. Larger ones are hardly faster, and a crash takes the whole program along."""


class Part(NamedTuple):
    """One configuration of a program: what is traced, and how a probe's arrays go in and its answer comes out."""

    function: Callable[..., Any]
    send: Callable[[Probe], tuple[Any, ...]]
    receive: Callable[[Probe, Any], np.ndarray]


class Fused:
    """Answers probes in programs made by `compile`, such as `tf.function`."""

    def __init__(
        self, compiled: Callable[[Any], Any], part: Callable[[Probe], Part], alone: Callable[[Probe], Outcome]
    ) -> None:
        self.compiled = 0
        """How many configurations were compiled."""
        self._compiled = compiled
        self._part = part
        self._alone = alone

    def run(self, probes: Sequence[Probe], key: Callable[[Probe], Hashable | None]) -> list[Outcome]:
        """The outcomes in the order of the probes. Equal keys share a part; a probe without a key is asked alone."""
        same: dict[Hashable, list[int]] = defaultdict(list)
        outcomes: dict[int, Outcome] = {}
        for index, probe in enumerate(probes):
            name = key(probe)
            if name is None:
                outcomes[index] = self._alone(probe)
            else:
                same[name].append(index)
        members = sorted(same.values(), key=len)  # a program's configurations are about equally frequent
        for at in range(0, len(members), PROGRAM):
            outcomes |= self._halved(probes, members[at : at + PROGRAM])
        return [outcomes[index] for index in range(len(probes))]

    def _halved(self, probes: Sequence[Probe], members: list[list[int]]) -> dict[int, Outcome]:
        if len(members) == 1:
            return {index: self._alone(probes[index]) for index in members[0]}
        try:
            return self._program(probes, members)
        except Exception:
            half = len(members) // 2
            return self._halved(probes, members[:half]) | self._halved(probes, members[half:])

    def _program(self, probes: Sequence[Probe], members: list[list[int]]) -> dict[int, Outcome]:
        """The outcomes of one program's probes, by their index; raises what the program as a whole raises."""
        parts = [self._part(probes[indices[0]]) for indices in members]
        raised: dict[int, str] = {}

        def program(arguments: list[tuple[Any, ...]]) -> list[Any]:
            answers: list[Any] = []
            for which, (part, tensors) in enumerate(zip(parts, arguments, strict=True)):
                try:
                    answers.append(part.function(*tensors))
                except Exception as error:
                    answers.append(())
                    raised[which] = describe(error)
            return answers

        outcomes: dict[int, Outcome] = {}
        arguments: list[tuple[Any, ...]] = [()] * len(parts)
        compiled = self._compiled(program)
        self.compiled += len(members)
        for turn in range(max(map(len, members))):
            fresh = [which for which, indices in enumerate(members) if turn < len(indices)]
            for which in fresh:
                arguments[which] = parts[which].send(probes[members[which][turn]])
            answers = compiled(arguments)
            for which in fresh:
                index = members[which][turn]
                if which in raised:
                    outcomes[index] = Outcome("raised", reason=raised[which])
                else:
                    outcomes[index] = Outcome("value", value=parts[which].receive(probes[index], answers[which]))
        return outcomes
