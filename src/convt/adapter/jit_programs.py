"""Many configurations in one program of jax.jit, for JAX itself and for what runs on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from convt.adapter.backend import kept
from convt.adapter.fusing import Fuser, Part
from convt.adapter.layouts import Sent, in_memory
from convt.adapter.probe import Probe
from convt.adapter.program import Compiler, Program

PROGRAM = 200
"""Configurations in one program. Larger ones are hardly faster, and a crash takes the whole program along."""


class JitPrograms(Fuser):
    """Programs of jax.jit, compiled before they run; one configuration with many numbers is worth one too."""

    smallest = 1

    def __init__(self, jax: Any, **asking: Any) -> None:
        super().__init__(PROGRAM, **asking)
        self._jax = jax

    def compile(self, program: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> Callable[..., Any]:
        compiled: Callable[..., Any] = self._jax.jit(program).lower(arguments).compile()
        return compiled

    def answers(self, compiled: Callable[..., Any], given: list[Sent], probes: list[Probe]) -> Sequence[Any]:
        answers: Sequence[Any] = self._jax.block_until_ready(super().answers(compiled, given, probes))
        return answers


def traced(compiler: Compiler, program: Program) -> Callable[..., Any]:
    """The function that the program's entry calls, as it is before jax.jit."""
    function = compiler.functions(program)[program.traced]
    plain: Callable[..., Any] = getattr(function, "__wrapped__", function)
    return plain


class _Asked(BaseException):
    """Ends the entry where it calls what is traced."""


def part_of(compiler: Compiler, program_of: Callable[[Probe], Program], probe: Probe) -> Part:
    """A probe's program as a part of a larger one: its traced function, and what its entry does before and after that.

    Probes that share the part have entries of their own. The arrays are still numpy's: a program takes them to the
    default device at a tenth of the cost of `device_put`.
    """

    def entered(probe: Probe, instead: Callable[..., Any]) -> tuple[Any, Sent]:
        """What the entry gives with another function in the place of the traced one."""
        program = program_of(probe)
        functions, given = compiler.functions(program), in_memory(probe, program.names)
        own, functions[program.traced] = functions[program.traced], instead
        try:
            return functions[program.entry](*given.arrays), given
        except _Asked:
            return None, given
        finally:
            functions[program.traced] = own

    def send(probe: Probe) -> Sent:
        arguments: list[Any] = []

        def ask(*arrays: Any) -> Any:
            arguments.extend(arrays)
            raise _Asked

        _, given = entered(probe, ask)
        return Sent(tuple(arguments), given.laid)

    def receive(probe: Probe, answer: Any) -> np.ndarray:
        array, _ = entered(probe, lambda *_: answer)
        return kept(probe, np.asarray(array))

    return Part(traced(compiler, program_of(probe)), send, receive)
