"""Translations for the terminal: the call, the kernel's way there, and what stands around the call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convt.explaining import words
from convt.explaining.text import call, wrapped
from convt.translation.dialect import Spoken
from convt.translation.kernels import expression
from convt.translation.said import Said, axes_of
from convt.translation.unknown import Answer, Known


def translations_text(spoken: Spoken, beside: Known, answers: Sequence[Answer], program: bool = False) -> str:
    """The source, and each framework's words for it."""
    lines = wrapped("", f"from {spoken.form}: x and y {axes_of(spoken.layer.rank, spoken.channels_last)}, "
                    f"kernel w {spoken.kernel.describe()}", 0)  # fmt: skip
    lines += [line for note in spoken.notes for line in wrapped("", note, 2)]
    for found in answers:
        lines += ["", found.dialect.title, *_block(spoken, found, "input" in beside.unknown)]
        if program and found.translation and found.dialect.runs and not found.open:
            lines += ["", *(f"    {line}" for line in found.translation.program().splitlines())]
    return "\n".join(lines)


def _block(spoken: Spoken, found: Answer, unsized: bool) -> Iterator[str]:
    it = found.translation
    if it is None:
        yield from wrapped("  none", found.failure)
        return
    if found.open:
        yield from wrapped("  call", f"{it.said.form}: what is written {found.asks}")
        return
    rank = it.settings.rank
    yield from call("  call", it.said.call)
    moved = kernel_expression(spoken, found)
    yield from wrapped("  kernel", f"{it.weights}, " + ("as it is" if moved == "w" else f"so {moved}"))
    yield from wrapped("  arrays", f"{_state(it.said, it.settings.bias)}; x and y {it.said.axes(rank)}")
    for line in words.around(found, unsized):
        yield from wrapped("", line)
    for note in found.dialect.meaning(it.settings):
        yield from wrapped("", note)


def kernel_expression(spoken: Spoken, found: Answer) -> str:
    """The numpy expression from the source's kernel to the target's; empty where there is no target."""
    it = found.translation
    if it is None:
        return ""
    return expression(spoken.kernel, it.said.kernel, it.settings)


def _state(said: Said, bias: bool) -> str:
    """What holds the arrays, and their names."""
    names = " and ".join(said.names if bias else said.names[:1])
    return {"dict": f"by name, {names}", "list": f"a list of {names}", "arrays": f"the arrays {names}"}[said.state]
