"""The covering array: valid, complete at its strength, another one by another seed, plainer where it fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations, product
from types import SimpleNamespace
from typing import Any

import pytest

from convt.cases.case import Case
from convt.conv.settings import Settings
from convt.laws.catalogue import law_by_id
from convt.session import search
from convt.session.crossing import (
    FACTORS,
    NONE,
    PAIRS,
    PLAINEST,
    REALISTIC,
    SYMMETRIC,
    VECTOR,
    Row,
    case_of,
    crossed,
    excluded,
    plainer,
    rows,
)
from tests.suite.conv.reference import Honest
from tests.suite.laws.lies_of_crossing import CROSSINGS, Meets

SOME = ("want", "dtype", "memory of x", "memory of g", "batch", "bias", "call form")
"""Of these every triple is looked at."""


def missing(found: Iterable[Row], names: Iterable[str], strength: int) -> list[Mapping[str, Any]]:
    """The combinations of so many values that no row has, although a row could."""
    found, names = list(found), tuple(names)
    lacking: list[Mapping[str, Any]] = []
    for of in combinations(names, strength):
        there = {tuple(row[name] for name in of) for row in found}
        for values in product(*(FACTORS[name] for name in of)):
            wanted = dict(zip(of, values, strict=True))
            if values not in there and possible(wanted, tuple(names)):
                lacking.append(wanted)
    return lacking


def possible(row: Row, names: tuple[str, ...]) -> bool:
    """Whether some row over these names has these values; found by trying, without the array's own search."""
    if excluded(row):
        return False
    left = [name for name in names if name not in row]
    return not left or any(possible({**row, left[0]: value}, names) for value in FACTORS[left[0]])


@pytest.mark.parametrize("seed", [0, 1])
def test_every_pair_that_is_possible_occurs(seed: int) -> None:
    assert missing(rows(2, seed), FACTORS, 2) == []


def test_every_triple_that_is_possible_occurs() -> None:
    assert missing(rows(3, 0, SOME), SOME, 3) == []


def test_an_array_of_pairs_lacks_triples_so_that_the_count_can_fail() -> None:
    assert missing(rows(2, 0, SOME), SOME, 3) != []
    assert missing(rows(2, 0)[1:], FACTORS, 2) != []


@pytest.mark.parametrize(
    "said",
    [
        {"want": "unbatched", "batch": 2},
        {"want": "grad-b", "bias": False},
        {"want": "value", "memory of g": "strided"},
        {"want": "jvp-w", "memory of g": "strided"},
        {"want": "shape", "memory of x": "strided"},
        {"want": "mixed-float16", "dtype": "float64"},
        {"want": "grad-xw", "dtype": "complex64"},
        {"groups": "depthwise", "channels in": 3, "channels out": 8},
        {"groups": "depthwise", "channels in": 1},
    ],
    ids=str,
)
def test_what_cannot_be_said_is_in_no_row_and_each_half_of_it_is(said: Row) -> None:
    assert excluded(said)
    array = rows(2, 0)
    assert not any(said.items() <= row.items() for row in array)
    for name, value in said.items():
        assert any(row[name] == value for row in array)


def test_each_seed_has_its_array_and_always_the_same() -> None:
    assert rows.__wrapped__(2, 3) == rows.__wrapped__(2, 3)
    assert set(map(_frozen, rows(2, 0))) != set(map(_frozen, rows(2, 1)))
    assert [case.digest for case in crossed(2, 0)] == [case.digest for case in crossed(2, 0)]


def _frozen(row: Row) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(row.items()))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_settings_of_a_row_are_of_its_classes(seed: int) -> None:
    for row in rows(2, seed):
        case = case_of(row, seed)
        assert case.asked is not None
        assert (case.asked.want, case.asked.dtype, case.asked.call_form) == (
            row["want"], row["dtype"], row["call form"])  # fmt: skip
        found = classes(case.settings, row["groups"] == "depthwise")
        assert found == {name: row[name] for name in found}
        assert _of_the_last_axis(row["last axis"], case.settings)
        assert case.asked.memory == tuple(row[f"memory of {name}"] for name in "xwg")


def classes(it: Settings, depthwise: bool) -> dict[str, Any]:
    """The row's values that the settings alone tell, where channels are those of all groups together or of one."""
    per = 1 if depthwise else it.groups
    padding = it.padding if isinstance(it.padding, str) else _kind(it.padding)
    return {
        "op": it.op, "rank": it.rank, "batch": it.batch, "bias": it.bias, "padding": padding,
        "channels in": it.channels_in // per, "channels out": it.channels_out // per,
        "groups": "depthwise" if depthwise and it.groups == it.channels_in else "some" if it.groups > 1 else "1",
        "stride": "1" if max(it.stride) == 1 else "more", "dilation": "1" if max(it.dilation) == 1 else "more",
    }  # fmt: skip


def _kind(padding: Any) -> str:
    if not any(map(any, padding)):
        return NONE
    return SYMMETRIC if all(lo == hi for lo, hi in padding) else PAIRS


def _of_the_last_axis(wanted: Any, it: Settings) -> bool:
    last = (it.input if it.transposed else it.output)[-1]
    if wanted == "realistic":
        return REALISTIC[0] <= last < REALISTIC[1]
    return bool(last == (VECTOR if wanted == "one vector" else wanted))


def test_a_failing_row_becomes_the_plainest_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {"want": "grad-w", "dtype": "bfloat16", "memory of g": "strided", "batch": 2}
    row = {**PLAINEST, **needed, "rank": 3, "channels in": 8, "bias": True, "padding": "same", "memory of x": "strided"}

    def fails(case: Case) -> bool:
        asked, batch = case.asked, case.settings.batch
        met = asked is not None and (asked.want, asked.dtype, asked.memory[2], batch)
        return met == ("grad-w", "bfloat16", "strided", 2)

    def judged(case: Case) -> Any:
        return SimpleNamespace(fails=fails(case), found=SimpleNamespace(case=case))

    monkeypatch.setattr(search, "_alone", lambda _session, _law, case: judged(case))
    session: Any = SimpleNamespace(generated=lambda _: [judged(case_of(row, 0))], crossing_seed=0)
    law_on: Any = SimpleNamespace(law=law_by_id("crossed"), target="x")
    (told,) = search.search(session, law_on)
    assert told.found.case.digest == case_of({**PLAINEST, **needed}, 0).digest
    assert not any(fails(case) for case in plainer(told.found.case, 0))


@pytest.mark.parametrize("liar", CROSSINGS, ids=lambda liar: liar.__name__)
def test_the_rows_in_which_a_liar_lies_catch_it(liar: type[Meets]) -> None:
    """In the array of pairs every two dimensions meet; three do in some arrays of the next seeds."""
    law, target = law_by_id("crossed"), liar("eager", "cpu")
    for seed in range(3):
        met = [case for case in crossed(2, seed) if any(map(target.lies, law.probes(case).values()))]
        if met:
            break
    else:
        assert liar.__name__ in OF_THREE
        return
    case = min(met, key=lambda each: each.settings.batch * sum(each.settings.x_shape) * sum(each.settings.w_shape))
    got = {name: target.run(probe) for name, probe in law.probes(case).items()}
    assert law.assess(case, got).verdict == "differs"
    honest = Honest("eager", "cpu")
    assert law.assess(case, {name: honest.run(probe) for name, probe in law.probes(case).items()}).verdict == "pass"


OF_THREE = (
    "InputGradientOfTwoItemsStridedOneChannel",
    "LinesForwardModeOfGroups",
    "LongRowsOfFourItemsInBfloat16",
    "NarrowBiasBeforeTheSum",
    "NarrowKernelGradientInChannelsLast",
)
"""Liars that no array of pairs of these seeds has a row for: they need the nightly one, of triples."""
