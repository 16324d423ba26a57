"""An explanation for the terminal: about one screen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from convt.explaining import words
from convt.explaining.facts import Explanation
from convt.explaining.overlaps import Overlaps, pattern
from convt.translation.unknown import Answer

WIDTH = 100
LABEL = 13
MOST_ROWS, MOST_COLUMNS = 12, 30


def explanation_text(it: Explanation) -> str:
    """Everything that is known of the layer."""
    lines = [*call("", it.text, 0), *(line for note in it.spoken.notes for line in wrapped("", note, 2)), ""]
    own = it.it
    lines += wrapped("size", words.sizes(it))
    for axis in it.axes:
        where = words.which(axis, own.rank)
        lines += wrapped("", words.formula(axis) + (f"   ({where})" if where else ""))
    for number, line in enumerate(words.borders(it)):
        lines += wrapped("" if number else "border", line)
    lines += list(_overlap(it))
    lines += wrapped("parameters", words.parameters(own) if "channels" not in it.known.unknown else _no_channels(it))
    if it.sized and "channels" not in it.known.unknown:
        lines += wrapped("products", words.products(own, it.overlaps))
    for number, line in enumerate(words.transpose(it)):
        lines += wrapped("" if number else "transpose", line)
    return "\n".join([*lines, "", *_elsewhere(it)])


def _no_channels(it: Explanation) -> str:
    return "the layer does not say how many channels its input has; --channels gives the numbers"


def _overlap(it: Explanation) -> Iterator[str]:
    found = it.overlaps
    if found is None:
        repeated = pattern(it.it) if 0 not in it.it.output else None
        why = words.TOO_MANY if 0 not in it.it.output else "the output is empty"
        yield from _repeated(it, repeated) if repeated else ()
        yield from wrapped("" if repeated else "overlap", why)
        return
    if not it.sized:
        yield from _repeated(it, found)
        return
    yield from wrapped("overlap", words.overlap(it.it, found, it.sized))
    plane = found.map()
    if plane and len(plane) <= MOST_ROWS and len(plane[0]) <= MOST_COLUMNS:
        width = len(str(max(map(max, plane))))
        yield from (" " * LABEL + " ".join(f"{count:{width}}" for count in row) for row in plane)
    else:
        for line in words.along(found):
            yield from wrapped("", line)
    if missed := words.nothing(it.it, found):
        yield from wrapped("nothing", missed)


def _repeated(it: Explanation, found: Overlaps) -> Iterator[str]:
    """What holds away from the borders, of any input."""
    yield from wrapped("overlap", words.overlap(it.it, found, sized=False))
    if it.it.transposed:
        for line in words.cycles(found):
            yield from wrapped("", line)


def _elsewhere(it: Explanation) -> Iterator[str]:
    """The layer in every framework's words; those of a spec file are long, and of those who ask for them."""
    yield "the same layer, and its kernel's axes (`convt translate` tells more, and writes it for a spec file):"
    for found in it.elsewhere:
        if found.dialect.runs:
            yield from _row(found, not it.sized)


def _row(found: Answer, unsized: bool) -> Iterator[str]:
    """One framework: the call, the kernel's axes, and what stands around it."""
    it = found.translation
    if it is None:
        yield from wrapped(f"  {found.dialect.name}", found.failure)
        return
    if found.open:
        yield from wrapped(f"  {found.dialect.name}", f"{it.said.form}: the call {found.asks}")
        return
    yield from call(f"  {found.dialect.name}", it.said.call)
    yield from wrapped("", f"kernel {it.weights}")
    for line in words.around(found, unsized):
        yield from wrapped("", line)


def call(label: str, text: str, indent: int = LABEL) -> list[str]:
    """A call behind its label; one of several lines keeps them."""
    first, *rest = text.splitlines()
    if not rest:
        return wrapped(label, first, indent)
    return [f"{label:<{indent}}{first}", *(f"{'':{indent}}{line}" for line in rest)]


def wrapped(label: str, text: str, indent: int = LABEL) -> list[str]:
    """A paragraph behind its label; what cannot be broken is longer than the screen."""
    first = f"{label:<{indent}}" if len(label) < indent else f"{label} " if label else ""
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=" " * indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
