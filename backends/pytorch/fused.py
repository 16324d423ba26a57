"""Many configurations in one program of torch.compile: one at a time costs four times as much."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from convt.adapter.backend import MIXED, Probe
from convt.adapter.fusing import Fuser, Part
from convt.adapter.layouts import Sent

from .programs import COMPILED, FORWARD, REVERSE, SECOND, place_of, required

SIZE = 100
"""Configurations in one program. Larger ones are hardly faster, and a crash takes the whole program along."""


def kind_of(probe: Probe) -> str | None:
    """What probes of one program share: no gradient, one taken of the program, one that the program takes itself."""
    if probe.want in ("value", "unbatched", *MIXED):
        return probe.want if probe.want in MIXED else "value"
    if probe.want in REVERSE:
        return "reverse"
    return "derivative" if probe.want in (*SECOND, *FORWARD) else None


def name_of(probe: Probe) -> Hashable:
    """What probes of one configuration share."""
    want = "grad" if probe.want in ("grad-x", "grad-w", "grad-b") else probe.want
    forms = (None if a is None else (a.shape, str(a.dtype)) for a in probe.arrays)
    return probe.settings, probe.call_form, want, *forms


class Fused(Fuser):
    """The programs of one device; what a program as a whole raises is not told apart while it is traced."""

    def __init__(self, torch: Any, device: str, compiler: str, **asking: Any) -> None:
        super().__init__(SIZE, **asking)
        self.torch, self.device, self.compiler = torch, device, compiler

    def group(self, probe: Probe) -> Hashable:
        return kind_of(probe)

    def joined(self, parts: Sequence[Part], raised: dict[int, str]) -> Callable[..., Any]:
        functions = [part.function for part in parts]

        def program(arguments: list[tuple[Any, ...]]) -> list[Any]:
            return [function(*arrays) for function, arrays in zip(functions, arguments, strict=True)]

        return program

    def compile(self, program: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> Callable[..., Any]:
        self.torch._dynamo.reset()
        compiled: Callable[..., Any] = self.torch.compile(program, backend=self.compiler, **COMPILED)
        return compiled

    def answers(self, compiled: Callable[..., Any], given: list[Sent], probes: list[Probe]) -> Sequence[Any]:
        torch, kind = self.torch, kind_of(probes[0])
        if kind == "reverse":
            return self._gradients(compiled, given, probes)
        with torch.no_grad():
            if kind not in MIXED:
                return list(compiled([each.arrays for each in given]))
            dtype = getattr(torch, str(kind).removeprefix("mixed-"))
            with torch.autocast(self.device.split(":")[0], dtype=dtype):
                return list(compiled([each.arrays for each in given]))

    def _gradients(self, compiled: Callable[..., Any], given: list[Sent], probes: list[Probe]) -> Sequence[Any]:
        """One gradient of each part, of all the parts' answers at once: the cotangent stands last in what is sent."""
        arrays = [each.arrays[:-1] for each in given]
        leaves = []
        for each, probe in zip(arrays, probes, strict=True):
            for name, leaf in zip("xwb", each, strict=False):
                leaf.requires_grad_(name in required(probe.want))
            leaves.append([leaf for leaf in each if leaf.requires_grad])
        flat = [leaf for some in leaves for leaf in some]
        cotangents = [each.arrays[-1] for each in given]
        gradients = iter(self.torch.autograd.grad(compiled(arrays), flat, cotangents))
        taken = [[next(gradients) for _ in some] for some in leaves]
        return [some[place_of(probe.want)] for some, probe in zip(taken, probes, strict=True)]
