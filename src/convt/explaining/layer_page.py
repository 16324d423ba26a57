"""The page of one layer: one HTML file that works from disk, offline and without a script."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convt.explaining import words
from convt.explaining.facts import Explanation, by
from convt.explaining.heat_map import heat_map
from convt.explaining.overlaps import pattern
from convt.page.drawing import drawings
from convt.page.page import page_environment
from convt.results.features import recorded
from convt.translation.dialect import of_form
from convt.translation.unknown import Answer

MOST_DIGITS = 3
"""Digits of a count that fit into a cell of the map."""


@dataclass(frozen=True)
class Row:
    """A framework in the table."""

    answer: Answer
    around: list[str]
    meaning: tuple[str, ...]
    own: bool
    program: str
    """Empty where the call alone is the layer, or where the program depends on what is unknown."""


def write_layer_page(it: Explanation, out: Path) -> None:
    """Write the page beside its place and move it there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    part.write_text(render_layer_page(it), encoding="utf-8")
    part.replace(out)


def render_layer_page(it: Explanation) -> str:
    """The page."""
    known_channels = "channels" not in it.known.unknown
    return page_environment().get_template("layer.html").render(
        it=it, own=it.it, words=words, by=by, title=it.spoken.form.rpartition(".")[2], headline=headline(it),
        facts=facts(it), drawings=drawings(recorded(it.it)) if it.overlaps else [], heat=_heat(it), rows=rows(it),
        framework=of_form(it.spoken.form).title, known_channels=known_channels,
        nothing=words.nothing(it.it, it.overlaps) if it.overlaps and it.sized else "",
    )  # fmt: skip


def headline(it: Explanation) -> str:
    """The layer in a few words."""
    kind = "transposed convolution" if it.it.transposed else "convolution"
    if it.sized:
        return f"A {it.it.rank}-D {kind} that takes {by(it.it.input)} to {by(it.it.output)}"
    sizes = " or ".join(dict.fromkeys(axis.result or axis.formula for axis in it.axes))
    return f"A {it.it.rank}-D {kind} that takes n to {sizes}"


def facts(it: Explanation) -> list[tuple[str, list[str]]]:
    """(name, sentences) of everything that is neither the size nor a drawing."""
    own = it.it
    found = [("border", words.borders(it))]
    sized = it.sized and it.overlaps is not None
    if (overlaps := it.overlaps or (pattern(own) if 0 not in own.output else None)) is not None:
        found.append(("overlap" if own.transposed else "reads", [words.overlap(own, overlaps, sized)]))
    if "channels" not in it.known.unknown:
        found.append(("parameters", [words.parameters(own)]))
        if it.sized:
            found.append(("multiplications", [words.products(own, it.overlaps)]))
    found.append(("transpose", words.transpose(it)))
    return [(name, [words.sentence(line) for line in lines]) for name, lines in found]


def rows(it: Explanation) -> list[Row]:
    """Every framework, the layer's own first."""
    own = of_form(it.spoken.form)
    return [
        Row(found, words.around(found, not it.sized), found.dialect.meaning(it.it), found.dialect is own,
            _program(found) if it.sized else "")
        for found in it.elsewhere
    ]  # fmt: skip


def _program(found: Answer) -> str:
    """The program around a call that is not the whole layer."""
    it = found.translation
    return it.program() if it and not it.direct and not found.open and found.dialect.runs else ""


def _heat(it: Explanation) -> str:
    plane = it.overlaps.map() if it.overlaps is not None else None
    if not plane or len(str(max(map(max, plane)))) > MOST_DIGITS:
        return ""
    return heat_map(plane, "How many taps land on each output" if it.it.transposed else "How often each input is read")
