"""The cover: few cases, and no pair of properties of all of them is missing."""

from __future__ import annotations

from itertools import combinations

from convt.adapter.stress import STRESS
from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.content import ROOT
from convt.host.registry import built_in
from convt.session.cover import cover, properties
from convt.session.profiles import PROFILES

CASES = load_cases(sorted((ROOT / "specs").glob("*.yaml")))


def test_every_pair_of_properties_is_covered_by_far_fewer_cases() -> None:
    few = cover(CASES)
    plain = [case for case in few if case.reject is None]
    assert len(plain) < 80
    all_pairs, covered = (
        {pair for case in cases if case.reject is None for pair in combinations(sorted(properties(case)), 2)}
        for cases in (CASES, few)
    )
    assert covered == all_pairs


def test_of_what_means_nothing_every_kind_stays() -> None:
    every, kept = ({(c.reject.kind, c.settings.op) for c in cases if c.reject} for cases in (CASES, cover(CASES)))
    assert every == kept


def test_every_kind_keeps_its_ranks_and_a_dtype_beside_float32() -> None:
    def seen(cases: list[Case]) -> set[tuple[str, object]]:
        kinds = [(case.reject, case.settings.rank) for case in cases if case.reject]
        return {(it.kind, rank) for it, rank in kinds} | {(it.kind, it.dtype != "float32") for it, _ in kinds}

    few = cover(CASES)
    assert seen(CASES) == seen(few)
    assert sum(case.reject is not None for case in few) < sum(case.reject is not None for case in CASES) / 2


def test_the_order_stays() -> None:
    names = [case.id for case in CASES]
    few = [names.index(case.id) for case in cover(CASES)]
    assert few == sorted(few)


def test_a_profile_names_every_mode_and_the_surroundings_that_matter() -> None:
    assert PROFILES["default"].names(built_in()) == tuple(built_in())
    modes = PROFILES["modes"].names(built_in())
    assert {"pytorch/eager", "jax/jit", "onnxruntime/disabled"} <= set(modes)
    assert not any(name.split("/")[1] in STRESS for name in modes)
    hostile = PROFILES["hostile"].names(built_in())
    assert {"pytorch", "pytorch/avx2", "tensorflow/no-onednn", "keras-jax/hostile"} <= set(hostile)
    assert all(mode in STRESS for entry in built_in().values() for mode in entry.stress)
