"""Many configurations in one compiled program, because compiling one at a time is what makes a target slow.

A program holds one call for each configuration. It runs as often as the most frequent configuration has numbers of its
own; rarer ones keep their last. What raises while it is traced is that configuration's outcome, and the others go on;
where a program is refused as a whole, its halves are tried, down to each configuration's probes alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from convt.adapter.layouts import InputChanged, Sent
from convt.adapter.probe import Outcome, Probe, describe


class Part(NamedTuple):
    """One configuration of a program: what is traced, and how a probe's arrays go in and its answer comes out."""

    function: Callable[..., Any]
    send: Callable[[Probe], Sent]
    """The arrays that the function takes, as the compiled program is given them."""
    receive: Callable[[Probe, Any], np.ndarray]


Member = tuple[Part, list[int]]
"""A configuration, and the indices of its probes."""
Key = Callable[[Probe], Hashable | None]


class Fuser:
    """Answers probes in programs of many configurations."""

    def __init__(self, size: int, key: Key, part: Callable[[Probe], Part], alone: Callable[[Probe], Outcome]) -> None:
        """`size`: the most configurations of a program. Equal keys share a part; a probe without one is asked alone."""
        self._size, self._key, self._part, self._alone = size, key, part, alone
        self.compiled = 0
        """How many configurations were compiled."""

    def run(self, probes: Sequence[Probe]) -> list[Outcome]:
        """The outcomes in the order of the probes."""
        same: dict[Hashable, list[int]] = defaultdict(list)
        outcomes: dict[int, Outcome] = {}
        for index, probe in enumerate(probes):
            name = self._key(probe)
            if name is None:
                outcomes[index] = self._alone(probe)
            else:
                same[name].append(index)
        groups: dict[Hashable, list[Member]] = defaultdict(list)
        for indices in sorted(same.values(), key=len):  # a program's configurations are about equally frequent
            probe = probes[indices[0]]
            try:
                groups[self.group(probe)].append((self._part(probe), indices))
            except Exception:
                outcomes |= {index: self._alone(probes[index]) for index in indices}
        for members in groups.values():
            for at in range(0, len(members), self._size):
                outcomes |= self._halved(probes, members[at : at + self._size])
        return [outcomes[index] for index in range(len(probes))]

    smallest = 2
    """Configurations below which no program is made: each probe is asked alone."""

    def group(self, probe: Probe) -> Hashable:
        """What the probes of one program have in common."""
        return None

    def compile(self, program: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> Callable[..., Any]:
        """The program of the list of every part's arrays, compiled; it is called with the like of `arguments`."""
        raise NotImplementedError

    def answers(self, compiled: Callable[..., Any], given: list[Sent], probes: list[Probe]) -> Sequence[Any]:
        """What the compiled program gives for one turn, by part."""
        answers: Sequence[Any] = compiled([each.arrays for each in given])
        return answers

    def _halved(self, probes: Sequence[Probe], members: list[Member]) -> dict[int, Outcome]:
        if len(members) >= self.smallest:
            try:
                return self._program(probes, members)
            except Exception:
                half = len(members) // 2
                if half:
                    first, rest = members[:half], members[half:]
                    return self._halved(probes, first) | self._halved(probes, rest)
        return {index: self._alone(probes[index]) for _, indices in members for index in indices}

    def _program(self, probes: Sequence[Probe], members: list[Member]) -> dict[int, Outcome]:
        """The outcomes of one program's probes, by their index; raises what the program as a whole raises."""
        parts = [part for part, _ in members]
        raised: dict[int, str] = {}
        compiled = None
        outcomes: dict[int, Outcome] = {}
        given: list[Sent] = [Sent(())] * len(parts)
        asked = [probes[indices[0]] for _, indices in members]
        for turn in range(max(len(indices) for _, indices in members)):
            fresh = [which for which, (_, indices) in enumerate(members) if turn < len(indices)]
            for which in fresh:
                asked[which] = probes[members[which][1][turn]]
                given[which] = parts[which].send(asked[which])
            if compiled is None:
                compiled = self.compile(self.joined(parts, raised), [each.arrays for each in given])
                self.compiled += len(parts)
            answers = self.answers(compiled, given, asked)
            for which in fresh:
                index = members[which][1][turn]
                if which in raised:
                    outcomes[index] = Outcome("raised", reason=raised[which])
                else:
                    outcomes[index] = _outcome(parts[which], given[which], asked[which], answers[which])
        return outcomes

    def joined(self, parts: Sequence[Part], raised: dict[int, str]) -> Callable[..., Any]:
        """The parts as one function; what raises while it is traced is noted in `raised`, and answers ()."""
        functions = [part.function for part in parts]

        def program(arguments: list[tuple[Any, ...]]) -> list[Any]:
            answers: list[Any] = []
            for which, (function, arrays) in enumerate(zip(functions, arguments, strict=True)):
                try:
                    answers.append(function(*arrays))
                except Exception as error:
                    answers.append(())
                    raised[which] = describe(error)
            return answers

        return program


def _outcome(part: Part, given: Sent, probe: Probe, answer: Any) -> Outcome:
    try:
        given.check()
    except InputChanged as error:
        return Outcome("raised", reason=describe(error))
    return Outcome("value", value=part.receive(probe, answer))
