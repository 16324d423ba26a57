"""Solutions for the terminal and for programs: by geometry, and which of them give the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from convt.conv.settings import Settings, SettingsError
from convt.explaining.facts import by
from convt.explaining.questions import Question
from convt.explaining.solving import Near, Solution, nearest, solutions
from convt.explaining.text import call, wrapped
from convt.results.features import formulas, recorded, spatial
from convt.results.tally import plural
from convt.translation.dialect import Dialect
from convt.translation.layer import LayerError
from convt.translation.translating import Translation, translate

MOST_GEOMETRIES = 4
"""Geometries that are named at the end, of those that are not shown."""


@dataclass(frozen=True)
class Solved:
    """A question with its answer."""

    asked: Question
    found: Sequence[Solution]
    near: Sequence[Near]
    to: Sequence[tuple[Dialect, str | None]]

    def geometries(self) -> dict[tuple[object, ...], list[Solution]]:
        """The solutions by geometry, in the order of their first."""
        groups: dict[tuple[object, ...], list[Solution]] = {}
        for each in self.found:
            groups.setdefault(each.geometry, []).append(each)
        return groups

    def calls(self, it: Settings) -> list[tuple[Dialect, Translation | None, str]]:
        """(dialect, translation, failure) of some settings, in the order that was asked for."""
        rows: list[tuple[Dialect, Translation | None, str]] = []
        for dialect, kind in self.to:
            try:
                rows.append((dialect, translate(it, dialect, kind), ""))
            except LayerError as error:
                rows.append((dialect, None, str(error)))
        return rows


def solve(asked: Question, to: Sequence[tuple[Dialect, str | None]]) -> Solved:
    """The answer; where there is none, what comes nearest."""
    found = solutions(asked)
    return Solved(asked, found, [] if found else nearest(asked), to)


def solved_text(it: Solved, most: int) -> str:
    """The answer in about a screen: `most` solutions with their calls, the others counted."""
    if not it.found:
        return "\n".join(_nothing(it))
    groups = it.geometries()
    do = f"{plural(len(it.found), 'setting')} of {_many(groups)} {'do' if len(it.found) != 1 else 'does'} it"
    lines = wrapped("", f"{do}; the usual first. Calls are for one channel.", 0)
    shown = {id(each) for each in it.found[:most]}
    hidden = [group for group in groups.values() if id(group[0]) not in shown]
    for group in groups.values():
        if id(group[0]) in shown:
            lines += ["", *_geometry(it, group, shown)]
    if hidden:
        names = "; ".join(_name(group[0].settings, it.asked) for group in hidden[:MOST_GEOMETRIES])
        more = f"and {len(hidden) - MOST_GEOMETRIES:,} others" if len(hidden) > MOST_GEOMETRIES else ""
        lines += ["", *wrapped("", f"Also: {names}{'; ' if more else ''}{more}. --most {most + 4} shows more.", 0)]
    return "\n".join(lines)


def _many(groups: Mapping[tuple[object, ...], list[Solution]]) -> str:
    return "one kernel and stride" if len(groups) == 1 else f"{len(groups):,} kernels, strides and sizes"


def _name(it: Settings, asked: Question) -> str:
    """A geometry in words; sizes where they were not given."""
    parts = [f"kernel {spatial(it.kernel)}", f"stride {spatial(it.stride)}"]
    parts += [f"dilation {spatial(it.dilation)}"] if max(it.dilation) > 1 else []
    return f"{by(it.input)} to {by(it.output)} by {', '.join(parts)}"


def _geometry(it: Solved, group: Sequence[Solution], shown: set[int]) -> Iterator[str]:
    first = group[0]
    yield f"{_name(first.settings, it.asked)}:  {'; '.join(dict.fromkeys(formulas(recorded(first.settings))))}"
    for number, each in enumerate(one for one in group if id(one) in shown):
        yield from wrapped("", f"{'' if number else '* '}{_begins(each, first)}".removeprefix("* "), 2)
        yield from _calls(it, each.settings)
    rest = [each for each in group if id(each) not in shown]
    if rest:
        begins = ", ".join(spatial(each.begins) for each in rest[:8]) + (", ..." if len(rest) > 8 else "")
        what = "begin" if len(rest) > 1 else "begins"
        yield from wrapped("", f"{len(rest)} more of this size {what} at {begins}: other numbers each", 2)


def _begins(it: Solution, first: Solution) -> str:
    """Where the crop begins, what that is called, and how far it is from the first of its geometry."""
    own = it.settings
    pairs = ", ".join(dict.fromkeys(f"({lo}, {hi})" for lo, hi in own.crop))
    what = "crop" if own.transposed else "zeros"
    extra = f" and output padding {spatial(own.extra)}" if any(own.extra) else ""
    said = f"{what} {pairs}{extra}" + (", what `same` does" if is_same(own) else "")
    if it is first:
        return said
    shift = [abs(a - b) for a, b in zip(it.begins, first.begins, strict=True)]
    return f"{said}: the same size, shifted by {spatial(shift)}: every value differs"


def is_same(it: Settings) -> bool:
    """Whether the keyword `same` crops and adds just so."""
    try:
        same = it.replace(padding="same", output_padding=None)
    except SettingsError:
        return False
    return (same.crop, same.extra, same.output) == (it.crop, it.extra, it.output)


def _calls(it: Solved, own: Settings) -> Iterator[str]:
    """A line for each framework that has one call, and one for the others."""
    others: dict[str, list[str]] = {}
    for dialect, found, _ in it.calls(own):
        if found is not None and found.direct:
            yield from call(f"    {dialect.name}", found.said.call, 16)
        else:
            others.setdefault("; ".join(found.plan.sentences()) if found else "not at all", []).append(dialect.name)
    if others:
        said = "; ".join(f"{', '.join(names)} ({how})" for how, names in others.items())
        yield from wrapped("", f"not by one call: {said}", 4)


def _nothing(it: Solved) -> Iterator[str]:
    yield "No setting does it."
    if not it.near:
        yield "Nothing comes near either: with these numbers there is no output at all."
        return
    yield "The nearest:"
    for near in it.near:
        crop = ", ".join(dict.fromkeys(f"({lo}, {hi})" for lo, hi in near.settings.crop))
        extra = f", output padding {spatial(near.settings.extra)}" if any(near.settings.extra) else ""
        what = "crop" if near.settings.transposed else "zeros"
        yield from wrapped("", f"{_name(near.settings, it.asked)}, {what} {crop}{extra}"
                           + (f"   ({near.reason})" if near.reason else ""), 2)  # fmt: skip


def solved_data(it: Solved, most: int) -> dict[str, Any]:
    """The same for programs: `most` solutions with their calls."""
    return {
        "solutions": len(it.found),
        "shown": [
            {
                "settings": each.settings.canonical(),
                "output": each.settings.output,
                "begins": each.begins,
                "same": is_same(each.settings),
                "group": list(it.geometries()).index(each.geometry),
                "calls": [
                    {
                        "framework": dialect.name,
                        "direct": found.direct if found else None,
                        "call": found.said.call if found else None,
                        "around": found.plan.sentences() if found else None,
                        "why": found.why if found else failure,
                    }
                    for dialect, found, failure in it.calls(each.settings)
                ],
            }
            for each in it.found[:most]
        ],
        "nearest": [
            {"settings": near.settings.canonical(), "output": near.settings.output, "reason": near.reason}
            for near in it.near
        ],
    }
