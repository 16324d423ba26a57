"""The cover: few cases, and no pair of properties of all of them is missing."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from convt.adapter.stress import STRESS
from convt.cases.case import Case
from convt.cases.expressions import Expression
from convt.cases.known import Known, load_known
from convt.cases.loader import load_cases
from convt.content import ROOT
from convt.host.registry import built_in
from convt.session.cover import cover, properties, spared
from convt.session.options import Options
from convt.session.profiles import PROFILES
from convt.session.session import Session

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
        return {(it.kind, rank) for it, rank in kinds} | {
            (it.kind, "other") for it, _ in kinds if it.dtype != "float32"
        }

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


def test_a_default_run_asks_what_ends_a_process_once_an_operation() -> None:
    left_out = spared(CASES)
    assert left_out
    assert all(case.reject and case.reject.ends for case in left_out)
    kept = [case for case in CASES if case not in left_out and case.reject and case.reject.ends]
    asked = [(case.reject.kind, case.settings.op) for case in kept if case.reject]
    assert len(asked) == len(set(asked))
    assert set(asked) == {(case.reject.kind, case.settings.op) for case in CASES if case.reject and case.reject.ends}
    assert all(case.reject is not None and case.reject.dtype == "float32" for case in kept)


def test_what_is_chosen_by_name_is_never_left_out() -> None:
    [name] = [case.id for case in CASES if case.id == "stride-wraps-at-64-bits-transposed-3d"]
    sparing = Options(profile=PROFILES["ci"])
    assert name not in {case.id for case in Session(sparing).cases}
    assert name in {case.id for case in Session(replace(sparing, narrowed=True)).cases}
    assert name in {case.id for case in Session(Options(profile=PROFILES["nightly"])).cases}


def test_a_quick_run_asks_a_cover_of_what_a_default_run_asks() -> None:
    quick = {case.id for case in Session(Options(profile=PROFILES["quick"])).cases}
    default = Session(Options(profile=PROFILES["ci"])).cases
    assert quick == {case.id for case in cover(default)}
    assert {case.reject.kind for case in default if case.reject} == {
        case.reject.kind for case in default if case.reject and case.id in quick
    }
    assert PROFILES["quick"].strength == PROFILES["ci"].strength


def test_the_kinds_that_say_that_they_end_a_process_are_those_of_the_known_differences() -> None:
    """A kind that ends one on several ranks and does not say so costs a start of the framework each time."""
    found: dict[str, set[str]] = {}
    entries = [entry for entry in load_known(ROOT / "backends") if _ends(entry)]
    for case in CASES:
        for entry in entries:
            condition = entry.where is None or Expression(entry.where).holds(case.settings)
            if case.reject and case.reject.kind in entry.rejects and condition:
                found.setdefault(case.reject.kind, set()).add(f"{case.settings.op} {case.settings.rank}")
    declared = {case.reject.kind for case in CASES if case.reject and case.reject.ends}
    several = {kind for kind, seen in found.items() if len({it[-1] for it in seen}) > 1}
    assert declared == several


def _ends(entry: Known) -> bool:
    return "rejects" in entry.laws and any(name.startswith("SIG") for name in entry.wrong.exceptions)
