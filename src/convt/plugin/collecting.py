"""The items of a run: a parameter for each case and target, and for each generated law and target, with their marks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from convt.cases.case import Case
from convt.laws.catalogue import all_laws
from convt.session.session import LawOn, Pair, Session


def mark(name: str) -> str:
    """A name as `-m` takes it."""
    return name.replace("-", "_")


def marks(session: Session) -> list[str]:
    """The marks that items carry, for `-m`, each with what it says."""
    found = {mark(path.stem): f"cases of {path.name}" for path in session.options.files}
    found |= {mark(name): f"items of the backend {name}" for name in session.backends}
    found |= {f"rank{rank}": f"cases of {rank} spatial axes" for rank in (1, 2, 3)}
    found |= {mark(law.id): f"generated cases of the law {law.id}" for law in all_laws()}
    found |= {"conv": "forward convolutions", "conv_transpose": "transposed convolutions"}
    return [f"{name}: {says}" for name, says in found.items()]


def pairs(session: Session) -> list[Any]:
    """A pytest parameter for each case and target."""
    backends = {name: session.target(name).backend for name in session.targets}
    return [
        _parameter(Pair(case, name), f"{case.id}:{name}", [*_case_marks(case), backend])
        for case in session.cases
        for name, backend in backends.items()
    ]


def laws_on(session: Session) -> list[Any]:
    """A pytest parameter for each law that is generated, and target."""
    names, profile = session.targets, session.options.profile
    return [
        _parameter(LawOn(law, name), f"{law.id}:{name}", [law.id, session.target(name).backend])
        for law in session.laws
        if session.options.draws and ((law.draws and profile.cases) or (law.covers and profile.strength))
        for name in names
        if not law.needs_peers or any(law.peer(name, other) for other in names)
    ]


def _parameter(value: Pair | LawOn, name: str, marked: Iterable[str]) -> Any:
    return pytest.param(value, id=name, marks=[getattr(pytest.mark, mark(each)) for each in marked])


def _case_marks(case: Case) -> list[str]:
    return [Path(case.origin.rsplit(":", 1)[0]).stem, f"rank{case.settings.rank}", case.settings.op]


def planned(items: Iterable[pytest.Item]) -> Iterator[Pair | LawOn]:
    """What the items of a run are about; where nothing is generated, pytest makes an item that it skips."""
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        found = params.get("pair", params.get("law_on"))
        if isinstance(found, (Pair, LawOn)):
            yield found


def nothing_chosen(config: pytest.Config, session: Session) -> str:
    """What to say where `-k` or `-m` leaves no item: with the names that are near; empty where neither was given."""
    words, expression = config.getoption("keyword"), config.getoption("markexpr")
    if words:
        names = [*(case.id for case in session.cases), *session.targets, *(law.id for law in session.laws)]
        parts = [word for word in re.findall(r"[\w.-]+", words) if word not in ("and", "or", "not")]
        near = [name for word in parts for name in _near(word, names)]
        return f"-k: found {words!r}, which no item has{_hint(near)}"
    if expression:
        names = [line.partition(":")[0] for line in marks(session)]
        near = [name for word in re.findall(r"\w+", expression) for name in _near(word, names)]
        return f"-m: found {expression!r}, which no item has{_hint(near)}"
    return ""


def _near(word: str, names: list[str]) -> list[str]:
    if any(word in name for name in names):
        return []  # this word is right, and another one of the expression is not
    return difflib.get_close_matches(word, names, n=3, cutoff=0.5)


def _hint(near: list[str]) -> str:
    return (
        f"; near: {', '.join(dict.fromkeys(near))}"
        if near
        else "; `convt run -- --collect-only -q` lists what there is"
    )
