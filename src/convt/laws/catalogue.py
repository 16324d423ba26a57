"""Every law by its id: those of this repository, found by path as those of a stranger are."""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import EntryPoint, entry_points

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
        for law in _brought(point):
            if law.id in found:
                raise _bad(point, f"the law {law.id}, which is there")
            found[law.id] = law
    return tuple(found.values())


def _brought(point: EntryPoint) -> list[Law]:
    """The laws that an entry point names; BadLaw, whatever is wrong with it: it is a stranger's code that runs here."""
    try:
        loaded = point.load()
        laws = [loaded()] if isinstance(loaded, type) else loaded if isinstance(loaded, (list, tuple)) else [loaded]
        told = [law.info.id for law in laws if isinstance(law, Law)]
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        raise _bad(point, f"{type(error).__name__}: {first}") from None
    strange = [law for law in laws if not isinstance(law, Law)]
    nameless = [name for name in told if not isinstance(name, str) or not name]
    if strange or nameless:
        raise _bad(point, repr([*strange, *nameless][0]))
    return list(laws)


def _bad(point: EntryPoint, found: str) -> BadLaw:
    package = point.dist.name if point.dist is not None else "an installed package"
    return BadLaw(
        f"entry point {point.name} = {point.value} of {GROUP}, in the package {package}: found {found}; accepted a law "
        "with an id of its own, the class of one that takes no arguments, or a list of laws; mend or uninstall it"
    )


def law_by_id(law_id: str) -> Law:
    """The law of that id; KeyError, naming those that there are, where there is none."""
    for law in all_laws():
        if law.id == law_id:
            return law
    raise KeyError(f"no law {law_id!r}; there are {', '.join(law.id for law in all_laws())}")
