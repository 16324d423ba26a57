"""A pair with a liar as the side after is caught for every liar, by the search alone; and what it takes to see it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from convt.adapter.backend import Outcome
from convt.host.pool import Pool
from convt.host.registry import parse_target
from convt.upgrade.draws import rounds
from convt.upgrade.forms import form_of
from convt.upgrade.found import Found
from convt.upgrade.questions import FURTHER, STRIDE, tracks
from convt.upgrade.search import search
from tests.suite.conv.reference import Honest
from tests.suite.laws.liars import ANSWERING, ENDING, LIARS
from tests.suite.laws.lies_of_cost import COSTS
from tests.suite.laws.lies_of_crossing import CROSSINGS
from tests.suite.laws.lies_of_gradients import GRADIENTS
from tests.suite.laws.lies_of_layers import LAYERS
from tests.suite.laws.lies_of_numbers import NUMBERS
from tests.suite.laws.lies_of_refusal import REFUSALS
from tests.suite.laws.lies_of_roads import ABSTRACT, FOOTPRINT, ROADS
from tests.suite.laws.lies_of_size import SIZES
from tests.suite.laws.wide import registry
from tests.suite.upgrade.planted import InProcess

ELSEWHERE = {
    "LiesAboutTheShape": "abstract evaluation",
    "LosesBiasUnbatched": "without a batch axis",
    "RaisesOnNoItems": "a batch of none",
    "InventsAnItem": "a batch of none",
    "SpellsBackwards": "call form 1",
    "ResizesFromCorners": "the framework's own resize",
    "RoundsToBfloat16": "on fractions, while integers agree",
    "RoundsToFloat16": "on fractions, while integers agree",
    "RoundsToTf32": "on fractions, while integers agree",
    "RoundsXToTf32": "on fractions, while integers agree",
    "RoundsWToTf32": "on fractions, while integers agree",
    "CompiledRoundsTwice": "on fractions, while integers agree",
    "SecondDeviceInTF32": "on fractions, while integers agree",
}
"""Liars that the plain float32 call on integers does not show, and what does."""
UNSTEADY = ("ChangesEveryTime", "ErrsNowAndThen")
"""Liars that change from one answer to the next: the difference is that, and no case is to blame."""
FURTHER_NAMES = {track.name for track in FURTHER}
BY_TURNS = {liar.__name__ for liar in (*GRADIENTS, *NUMBERS)} | {"DilatesNoFloat64"}
"""Liars that only what takes turns shows: derivatives, dtypes, memory, special numbers."""
ROADS_UNDRAWN = [liar for liar in ROADS if liar.only in (ABSTRACT, FOOTPRINT)]
"""Liars about the shape of settings that mean nothing, and about what an infinite tap reaches by one road alone."""
UNDRAWN = {liar.__name__ for liar in (*REFUSALS, *SIZES, *LAYERS, *ROADS_UNDRAWN, *CROSSINGS, *COSTS)}
"""Liars about settings that mean nothing, about large results, about layers of real size, about infinite taps, about
what meets in one call alone and about time: the search draws none of the first four, changes one thing of a call at a
time, and looks at no clock."""
SUMS_IN_16_BITS = ("AccumulatesInFloat16", "AccumulatesInBfloat16")
"""Liars that a bias and a single product make right: what rounds between them is promised, as an op of its own does."""
CASES = 60
RARE = {"MirrorsForwardSame": 400, "DilatesNoFloat64": 200}
"""How many cases it takes where only few show it."""
MEMORY: dict[str, Outcome] = {}


def found_on(liar: str) -> Found:
    cls = ANSWERING[liar]  # one that is honest in its first mode is looked at in its last
    sides = {"before": Honest("eager", "cpu"), "after": cls(cls.modes[-1], cls.devices()[-1])}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # liars overflow and make nan on purpose
        return search(InProcess(sides, MEMORY), "before", "after", budget=300, cases=RARE.get(liar, CASES))


def test_what_takes_turns_is_named_and_comes_up() -> None:
    assert len({track.name for track in FURTHER}) == len(FURTHER)
    assert len(FURTHER) % STRIDE
    forms = [form_of(case) for drawn in rounds(0, 300) for case in drawn]
    asked = {track for form in forms for track in tracks(form, 1)}
    assert set(FURTHER) <= asked


def drawn() -> list[Any]:
    """The liars that the search can find: every eighth is looked for each time, and all with `-m every_liar` too."""
    rest = pytest.mark.every_liar
    liars = [liar for liar in ANSWERING if liar not in UNDRAWN]
    return [pytest.param(liar, marks=[rest] if at % 8 else []) for at, liar in enumerate(liars)]


@pytest.mark.parametrize("liar", drawn())
def test_a_liar_as_the_side_after_is_caught(liar: str) -> None:
    found = found_on(liar)
    assert found.completed
    assert found.differences, f"{liar}: {LIARS[liar]}"
    both = {"both"} if liar in SUMS_IN_16_BITS else set()
    rights = {it.right for it in found.differences}
    assert rights - both <= {"before", ""}, "the liar is never the one that is right"
    assert rights - both
    assert "better" not in {it.direction for it in found.differences}
    asked = {it.asked for it in found.differences}
    if liar in UNSTEADY:
        assert {it.kind for it in found.differences} == {"unsteady"}
    elif liar in ELSEWHERE:
        assert asked - FURTHER_NAMES == {ELSEWHERE[liar]}
    elif liar in BY_TURNS:
        assert asked
        assert asked <= FURTHER_NAMES
    else:
        assert "" in asked, "the plain call shows it"


@pytest.mark.parametrize(("liar", "kind"), [("Crashes", "crashed"), ("Hangs", "timed-out")])
def test_a_liar_that_ends_its_process_is_caught(liar: str, kind: str) -> None:
    entries = registry(Honest, ENDING[liar])
    before, after = entries
    with Pool([parse_target(name, entries) for name in entries], 0.5, backends=entries, give_up_after=4) as pool:
        found = search(pool, before, after, budget=300, cases=CASES)
    assert {(it.kind, it.after.kind, it.right) for it in found.differences} == {("outcome", kind, "before")}
    assert "answers no more" in found.stopped


def test_every_liar_is_tried() -> None:
    assert set(ANSWERING) | set(ENDING) == set(LIARS)
    assert set(ELSEWHERE) | set(UNSTEADY) <= set(ANSWERING)
