"""Explanations and translations as plain data, for programs. Fields are added, and never change their meaning."""

from __future__ import annotations

from typing import Any

from convt.explaining import words
from convt.explaining.facts import AxisFacts, Explanation
from convt.explaining.overlaps import Overlaps
from convt.translation.said import axes_of
from convt.translation.translating import Translation
from convt.translation.unknown import Answer


def explanation_data(it: Explanation) -> dict[str, Any]:
    """Everything that the text says. What needs the input is null without it."""
    own, sized, channels = it.it, it.sized, "channels" not in it.known.unknown
    whole = sized and channels  # a number of items that nobody says is one
    other = it.counterpart
    return {
        "layer": it.text,
        "form": it.spoken.form,
        "kernel": it.spoken.kernel.describe(),
        "order": axes_of(own.rank, it.spoken.channels_last),
        "notes": list(it.spoken.notes),
        "unknown": list(it.known.unknown),
        "settings": own.canonical() if whole else None,
        "op": own.op,
        "input": own.input if sized else None,
        "output": own.output if sized else None,
        "axes": [_axis(axis) for axis in it.axes],
        "overlaps": None if it.overlaps is None else _overlaps(it.overlaps, sized),
        "parameters": own.parameters if channels else None,
        "products": own.products if whole else None,
        "products_in_all": own.products * own.batch if whole else None,
        "transpose": {
            "call": it.counterpart_call or None,
            "settings": other.canonical() if other and whole else None,
            "says": words.transpose(it),
        },
        "frameworks": [answer_data(found) for found in it.elsewhere],
    }


def _axis(axis: AxisFacts) -> dict[str, Any]:
    return {
        "axes": axis.places, "input": axis.input, "output": axis.output, "formula": words.formula(axis),
        "crop": axis.crop, "extra": axis.extra, "border": axis.border,
        "preimages": None if axis.preimages is None else [axis.preimages.start, axis.preimages.stop - 1],
    }  # fmt: skip


def _overlaps(found: Overlaps, sized: bool) -> dict[str, Any]:
    return {
        "even": found.even,
        "cycles": found.cycles,
        "cycle_range": found.cycle_range,
        "counts": found.counts if sized else None,
        "range": found.range if sized else None,
        "missed": found.missed if sized else None,
        "kept_products": found.kept_products if sized else None,
    }


def answer_data(found: Answer, program: bool = False) -> dict[str, Any]:
    """One framework's words; `depends` names what has to be known for the call, and then there is none."""
    it = found.translation
    return {
        "framework": found.dialect.name,
        "title": found.dialect.title,
        "depends": list(found.depends),
        "failure": found.failure,
        **_translation(it if not found.open else None),
        "meaning": list(found.dialect.meaning(it.settings)) if it else [],
        "program": it.program() if program and it and it.dialect.runs and not found.open else None,
    }


def _translation(it: Translation | None) -> dict[str, Any]:
    said = it.said if it else None
    return {
        "form": said.form if said else None,
        "call": said.call if said else None,
        "kernel": it.weights if it else None,
        "order": said.axes(it.settings.rank) if said and it else None,
        "state": said.state if said else None,
        "names": said.names if said else None,
        "direct": it.direct if it else None,
        "why": it.why if it else None,
        "around": it.plan.sentences() if it else None,
    }
