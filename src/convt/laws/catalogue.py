"""Every law by its id: those of this repository, found by path as those of a stranger are."""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import entry_points

from convt.laws.law import Law

BUILT_IN = "convt.content.tests.laws:LAWS"
GROUP = "convt.laws"
"""The entry points of installed packages: each names a law's class, or a sequence of laws."""


class BadLaw(ValueError):
    """An installed package that brings what is no law, or a law whose id is taken; the message says which."""


@cache
def all_laws() -> tuple[Law, ...]:
    """The laws, in the order in which a report lists them: those of this repository, then those of installed packages.

    BadLaw where a package brings none.
    """
    module, name = BUILT_IN.split(":")
    found: dict[str, Law] = {law.id: law for law in getattr(importlib.import_module(module), name)}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        loaded = point.load()
        for law in (
            [loaded()] if isinstance(loaded, type) else loaded if isinstance(loaded, (list, tuple)) else [loaded]
        ):
            if not isinstance(law, Law) or law.id in found:
                what = f"the law {law.id}, which is there" if isinstance(law, Law) else f"{law!r}"
                raise BadLaw(f"entry point {point.name} of {GROUP}: found {what}, accepted a law with an id of its own")
            found[law.id] = law
    return tuple(found.values())


def law_by_id(law_id: str) -> Law:
    """The law of that id; KeyError, naming those that there are, where there is none."""
    for law in all_laws():
        if law.id == law_id:
            return law
    raise KeyError(f"no law {law_id!r}; there are {', '.join(law.id for law in all_laws())}")
