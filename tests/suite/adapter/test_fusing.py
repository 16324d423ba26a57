"""The fuser of many configurations, against compilers that refuse and parts that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pytest

from convt.adapter.backend import Outcome, Probe
from convt.adapter.fusing import Fuser, Part
from convt.adapter.layouts import in_memory
from convt.conv.settings import Settings


class Counts(Fuser):
    """A compiler of nothing, which counts the configurations of its programs and refuses some sizes of input."""

    def __init__(self, size: int, refuses: tuple[int, ...] = (), smallest: int = 2) -> None:
        super().__init__(size, key=lambda probe: probe.settings.input[0] or None, part=self.part, alone=self.alone)
        self.smallest = smallest
        self.programs: list[int] = []
        self.refuses, self.asked_alone = refuses, 0

    def part(self, probe: Probe) -> Part:
        if probe.settings.input[0] == 9:
            raise ValueError("no part")
        return Part(_double, lambda one: in_memory(one, ("x",)), lambda _, answer: np.asarray(answer))

    def alone(self, probe: Probe) -> Outcome:
        self.asked_alone += 1
        return Outcome("value", 2 * probe.x)

    def group(self, probe: Probe) -> Hashable:
        return probe.want

    def compile(self, program: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> Callable[..., Any]:
        self.programs.append(len(arguments))
        if any(x.shape[-1] in self.refuses for (x,) in arguments):
            raise RuntimeError("refused")
        return program


def _double(x: np.ndarray) -> np.ndarray:
    if x.shape[-1] == 5:
        raise ValueError("five")
    return 2 * x


def asked(size: int, number: float = 1, **changes: Any) -> Probe:
    it = Settings(input=(size,), kernel=(1,))
    return Probe(it, np.full(it.x_shape, number, np.float32), np.ones(it.w_shape, np.float32), **changes)


def right(probes: list[Probe], outcomes: list[Outcome]) -> list[bool]:
    return [np.array_equal(2 * probe.x, out.value) for probe, out in zip(probes, outcomes, strict=True)]  # type: ignore[arg-type]


def test_each_probe_gets_its_own_answer_in_the_order_asked() -> None:
    probes = [asked(3, 1), asked(4, 2), asked(3, 5), asked(1, 7), asked(3, 6), asked(0)]
    fuser = Counts(10)
    assert all(right(probes, fuser.run(probes)))
    assert (fuser.programs, fuser.compiled, fuser.asked_alone) == ([3], 3, 1)


def test_a_program_is_no_larger_than_its_size_and_holds_one_group() -> None:
    probes = [asked(size) for size in (1, 2, 3, 4)] + [asked(size, want="grad-x") for size in (6, 7)]
    fuser = Counts(3)
    assert all(right(probes, fuser.run(probes)))
    assert fuser.programs == [3, 2]


def test_what_raises_while_it_is_traced_takes_no_other_along() -> None:
    probes = [asked(4), asked(5), asked(6)]
    outcomes = Counts(10).run(probes)
    assert [outcome.kind for outcome in outcomes] == ["value", "raised", "value"]
    assert outcomes[1].reason == "ValueError: five"


def test_what_is_refused_as_a_whole_is_halved_until_the_one_is_asked_alone() -> None:
    probes = [asked(size) for size in (1, 2, 3, 4, 6, 7, 8, 10)]
    fuser = Counts(10, refuses=(10,))
    assert all(right(probes, fuser.run(probes)))
    assert (fuser.programs, fuser.asked_alone) == ([8, 4, 4, 2, 2], 2)


@pytest.mark.parametrize(("smallest", "programs", "alone"), [(1, [1], 0), (2, [], 2)])
def test_a_single_configuration_is_worth_a_program_where_the_compiler_says_so(
    smallest: int, programs: list[int], alone: int
) -> None:
    fuser = Counts(10, smallest=smallest)
    assert all(right([asked(3), asked(3, 4)], fuser.run([asked(3), asked(3, 4)])))
    assert (fuser.programs, fuser.asked_alone) == (programs, alone)


def test_what_makes_no_part_is_asked_alone() -> None:
    fuser = Counts(10)
    assert all(right([asked(9), asked(3)], fuser.run([asked(9), asked(3)])))
    assert fuser.asked_alone == 2


def test_an_input_that_is_written_to_is_an_error() -> None:
    class Writes(Counts):
        def part(self, probe: Probe) -> Part:
            def write(x: np.ndarray) -> np.ndarray:
                x[...] = 0
                return x

            return super().part(probe)._replace(function=write)

    outcomes = Writes(10).run([asked(3, layout=("contiguous", "")), asked(4)])
    assert outcomes[0].reason.startswith("InputChanged: ")
