"""Every law by its id: those of this repository, found by path as those of a stranger are."""

from __future__ import annotations

import importlib
from functools import cache

from convt.laws.law import Law

BUILT_IN = "convt.content.tests.laws:LAWS"


@cache
def all_laws() -> tuple[Law, ...]:
    """The laws, in the order in which a report lists them."""
    module, name = BUILT_IN.split(":")
    return tuple(getattr(importlib.import_module(module), name))


def law_by_id(law_id: str) -> Law:
    """The law of that id; KeyError, naming those that there are, where there is none."""
    for law in all_laws():
        if law.id == law_id:
            return law
    raise KeyError(f"no law {law_id!r}; there are {', '.join(law.id for law in all_laws())}")
