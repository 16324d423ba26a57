"""Many configurations in one program of torch.compile: one at a time costs four times as much.

A program holds one call for each configuration, and runs as often as the most frequent one has numbers of its own;
rarer ones keep their last. Where a program raises it is halved, until the one that does is asked alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from convt.adapter.backend import MIXED, Outcome, Probe

from .gradients import FORWARD, REVERSE, SECOND, Bound, place_of, wanted

if TYPE_CHECKING:
    from .adapter import PyTorch

PROGRAM = 100
"""Configurations in one program. Larger ones are hardly faster, and a crash takes the whole program along."""


class Part(NamedTuple):
    """One configuration of a program, with the places of its probes."""

    probe: Probe
    function: Callable[..., Any]
    """Of x, w, b, and of g and t where it is a derivative of its own."""
    places: list[int]


def kind_of(probe: Probe) -> str | None:
    """What probes of one program share: no gradient, one taken of the program, one that the program takes itself."""
    if probe.want in ("value", "unbatched", *MIXED):
        return probe.want if probe.want in MIXED else "value"
    if probe.want in REVERSE:
        return "reverse"
    return "derivative" if probe.want in (*SECOND, *FORWARD) else None


def name_of(probe: Probe) -> tuple[Any, ...]:
    """What probes of one configuration share."""
    want = "grad" if probe.want in ("grad-x", "grad-w", "grad-b") else probe.want
    return (
        probe.settings,
        probe.call_form,
        want,
        *(None if a is None else (a.shape, str(a.dtype)) for a in probe.arrays),
    )


class Fused:
    """Programs of many configurations, of one adapter."""

    def __init__(self, adapter: PyTorch) -> None:
        self.torch = adapter.torch
        self.adapter = adapter

    def run(self, probes: Sequence[Probe]) -> list[Outcome]:
        """The outcomes in the order of the probes; what is not to be fused is asked alone."""
        outcomes: dict[int, Outcome] = {}
        same: dict[Any, list[int]] = defaultdict(list)
        for place, probe in enumerate(probes):
            if self._fuses(probe):
                same[kind_of(probe), name_of(probe)].append(place)
            else:
                outcomes[place] = self.adapter.run(probe)
        kinds: dict[Any, list[Part]] = defaultdict(list)
        for (kind, _), places in sorted(same.items(), key=lambda item: len(item[1])):  # frequencies stand together
            first = probes[places[0]]
            kinds[kind].append(Part(first, self.adapter.traced(first), places))
        for kind, parts in kinds.items():
            for at in range(0, len(parts), PROGRAM):
                outcomes |= self._some(kind, parts[at : at + PROGRAM], probes)
        return [outcomes[place] for place in range(len(probes))]

    def _fuses(self, probe: Probe) -> bool:
        """Whether a probe is a plain call, with nothing that may raise or needs care of its own."""
        plain = probe.invalid is None and probe.layout == ("", "") and not probe.force and kind_of(probe) is not None
        return plain and self.adapter.refusal(probe) is None

    def _some(self, kind: str, parts: list[Part], probes: Sequence[Probe]) -> dict[int, Outcome]:
        """The outcomes of one program, or of its halves."""
        if len(parts) == 1:
            return {place: self.adapter.run(probes[place]) for place in parts[0].places}
        try:
            return self._program(kind, parts, probes)
        except Exception:
            half = len(parts) // 2
            return self._some(kind, parts[:half], probes) | self._some(kind, parts[half:], probes)

    def _program(self, kind: str, parts: list[Part], probes: Sequence[Probe]) -> dict[int, Outcome]:
        functions = [part.function for part in parts]

        def program(arguments: list[tuple[Any, ...]]) -> list[Any]:
            return [function(*arrays) for function, arrays in zip(functions, arguments, strict=True)]

        compiled = self.adapter.programs.compiled(program)
        outcomes: dict[int, Outcome] = {}
        given: list[Probe] = [part.probe for part in parts]
        for turn in range(max(len(part.places) for part in parts)):
            fresh = [which for which, part in enumerate(parts) if turn < len(part.places)]
            for which in fresh:
                given[which] = probes[parts[which].places[turn]]
            with self.adapter.context(kind):
                answers = self._answers(kind, compiled, given)
            for which in fresh:
                value = np.array(self.adapter.array(answers[which]))
                outcomes[parts[which].places[turn]] = Outcome("value", value=value)
        return outcomes

    def _answers(self, kind: str, compiled: Callable[..., Any], given: Sequence[Probe]) -> Sequence[Any]:
        tensor: Callable[[Any], Any] = self.adapter.tensor
        arrays = [
            tuple(
                None if a is None else tensor(a) for a in (probe.x[0] if probe.want == "unbatched" else probe.x, *rest)
            )
            for probe in given
            for rest in [probe.arrays[1:] if kind == "derivative" else probe.arrays[1:3]]
        ]
        if kind != "reverse":
            with self.torch.no_grad():
                return list(compiled(arrays))
        leaves = [wanted(Bound(compiled, *each), probe.want) for each, probe in zip(arrays, given, strict=True)]
        flat = [leaf for some in leaves for leaf in some]
        gradients = iter(self.torch.autograd.grad(compiled(arrays), flat, [tensor(probe.g) for probe in given]))
        taken = [[next(gradients) for _ in some] for some in leaves]
        return [some[place_of(probe.want)] for some, probe in zip(taken, given, strict=True)]
