"""Many configurations in one XLA program: compiling one at a time is what makes a JAX target slow.

A program holds one call for each configuration. It runs as often as the most frequent configuration has numbers of its
own; rarer ones keep their last. What raises while it is traced is that configuration's outcome, and the others go on;
where the compiler refuses the program as a whole, each probe is asked alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from convt.adapter.backend import Outcome, Probe, describe
from convt.adapter.layouts import InputChanged, Sent

PROGRAM = 200
"""Configurations in one program. Larger ones are hardly faster, and a crash takes the whole program along."""


class Part(NamedTuple):
    """One configuration of a program: what is traced, and how a probe's arrays go in and its answer comes out."""

    function: Callable[..., Any]
    send: Callable[[Probe], Sent]
    """Copies, still numpy's: a program takes them to the default device at a tenth of the cost of `device_put`."""
    receive: Callable[[Probe, Any], np.ndarray]


def run_programs(
    jax: Any,
    probes: Sequence[Probe],
    key: Callable[[Probe], Hashable | None],
    part: Callable[[Probe], Part],
    alone: Callable[[Probe], Outcome],
) -> list[Outcome]:
    """The outcomes in the order of the probes. Equal keys share a part; a probe without a key is asked alone."""
    outcomes: dict[int, Outcome] = {}
    same: dict[Hashable, list[int]] = defaultdict(list)
    for index, probe in enumerate(probes):
        name = key(probe)
        if name is None:
            outcomes[index] = alone(probe)
        else:
            same[name].append(index)
    members: list[list[int]] = []
    parts: list[Part] = []
    for indices in sorted(same.values(), key=len):  # a program's configurations are about equally frequent
        try:
            parts.append(part(probes[indices[0]]))
            members.append(indices)
        except Exception as error:
            outcomes |= {index: Outcome("raised", reason=describe(error)) for index in indices}
    for at in range(0, len(parts), PROGRAM):
        chosen = slice(at, at + PROGRAM)
        try:
            outcomes |= _run(jax, probes, members[chosen], parts[chosen])
        except Exception:
            outcomes |= {index: alone(probes[index]) for indices in members[chosen] for index in indices}
    return [outcomes[index] for index in range(len(probes))]


def _run(jax: Any, probes: Sequence[Probe], members: list[list[int]], parts: list[Part]) -> dict[int, Outcome]:
    """The outcomes of one program's probes, by their index; raises what the compiler raises."""
    raised: dict[int, str] = {}

    def program(arguments: list[tuple[Any, ...]]) -> list[Any]:
        answers: list[Any] = []
        for which, (part, arrays) in enumerate(zip(parts, arguments, strict=True)):
            try:
                answers.append(part.function(*arrays))
            except Exception as error:
                answers.append(None)
                raised[which] = describe(error)
        return answers

    outcomes: dict[int, Outcome] = {}
    given: list[Sent] = [Sent(())] * len(parts)
    compiled = None
    for turn in range(max(map(len, members))):
        fresh = [which for which, indices in enumerate(members) if turn < len(indices)]
        for which in fresh:
            given[which] = parts[which].send(probes[members[which][turn]])
        arguments = [each.arrays for each in given]
        compiled = compiled or jax.jit(program).lower(arguments).compile()
        answers = jax.block_until_ready(compiled(arguments))
        for which in fresh:
            index = members[which][turn]
            if which in raised:
                outcomes[index] = Outcome("raised", reason=raised[which])
            else:
                outcomes[index] = _outcome(parts[which], given[which], probes[index], answers[which])
    return outcomes


def _outcome(part: Part, given: Sent, probe: Probe, answer: Any) -> Outcome:
    try:
        given.check()
    except InputChanged as error:
        return Outcome("raised", reason=describe(error))
    return Outcome("value", value=part.receive(probe, answer))
