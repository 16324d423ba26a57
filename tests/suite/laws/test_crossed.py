"""The law of what meets: what it asks of a case, and that no case of the YAML files is left without its gradients."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from convt.adapter.backend import GRADIENTS, Outcome
from convt.cases.asked import CROSSED_LAYOUTS, Asked
from convt.cases.case import Case
from convt.conv.settings import Settings
from convt.laws.catalogue import all_laws, law_by_id
from convt.session.options import Options
from convt.session.profiles import PROFILES
from convt.session.session import Session
from tests.suite.conv.reference import Honest

LAW = law_by_id("crossed")
EVERYWHERE = ("float32", "float16", "bfloat16")
"""Dtypes that every framework differentiates in."""


@cache
def cases() -> tuple[Case, ...]:
    """The cases of a default run that are no invalid calls and do not name their laws."""
    with Session(Options(profile=PROFILES["default"])) as session:
        return tuple(case for case in session.cases if case.reject is None and not case.laws)


def asked_of(case: Case) -> Counter[tuple[str, str]]:
    """(want, dtype) of every evaluation of a default run, beside what is generated."""
    laws = (law for law in all_laws() if law.applies(case))
    return Counter((probe.want, str(probe.x.dtype)) for law in laws for probe in law.probes(case).values())


def test_every_case_of_a_default_run_is_asked_for_each_of_its_gradients() -> None:
    assert len(cases()) > 500
    for case in cases():
        asked = asked_of(case)
        for want in ("grad-x", "grad-w", *(["grad-b"] if case.settings.bias else [])):
            assert any(asked[want, dtype] for dtype in EVERYWHERE), f"{case.id} is not asked for {want}"


def test_dtypes_and_layouts_take_turns() -> None:
    """No dtype or layout is forgotten, and none is nearly all."""
    dtypes: Counter[str] = Counter()
    layouts = {name: Counter[str]() for name in "xwg"}
    for case in cases():
        probe = next(iter(LAW.probes(case).values()))
        dtypes[str(probe.x.dtype)] += 1
        for name, how in zip("xwg", probe.layout, strict=True):
            layouts[name][how] += 1
    assert set(dtypes) == {"float32", "float64", "bfloat16", "float16"}
    assert min(dtypes.values()) * 40 >= len(cases())
    for counts in layouts.values():
        assert set(counts) == set(CROSSED_LAYOUTS)
        assert min(counts.values()) * 12 >= len(cases())


@pytest.mark.parametrize("want", ["value", "shape", "unbatched", "mixed-float16", *GRADIENTS])
def test_a_case_that_says_what_is_asked_is_asked_that_twice_and_nothing_else(want: str) -> None:
    it = Settings((4,), (2,), channels_in=2, channels_out=2, bias=True)
    memory = ("strided", "transposed", "channels-last")
    case = Case("one", it, asked=Asked(want, "float32", memory, 1), laws=("crossed",))
    probes = list(LAW.probes(case).values())
    assert [probe.repeat for probe in probes] == ([0] if want == "shape" else [0, 1])
    for probe in probes:
        assert (probe.want, probe.call_form, str(probe.x.dtype)) == (want, 1, "float32")
        length = 0 if want == "shape" else 3 if want in GRADIENTS else 2
        assert probe.layout == memory[:length]
        assert (probe.g is None) == (want not in GRADIENTS or want in ("jvp-x", "jvp-w"))


def test_what_comes_again_otherwise_is_a_difference_and_the_same_wrong_number_is_told_once() -> None:
    case = Case("one", Settings((4,), (2,)), asked=Asked("grad-w"), laws=("crossed",))
    honest = Honest("eager", "cpu")
    right = {name: honest.run(probe) for name, probe in LAW.probes(case).items()}
    assert LAW.assess(case, right).verdict == "pass"
    (first, again) = right
    wrong = Outcome("value", np.zeros((1, 1, 2), np.float32))
    assert LAW.assess(case, right | {again: wrong}).probe == again
    assert LAW.assess(case, {first: wrong, again: wrong}).probe == first


def test_an_evaluation_that_a_target_cannot_say_hides_none_that_it_gets_wrong() -> None:
    case = next(case for case in cases() if case.settings.bias)
    honest = Honest("eager", "cpu")
    got = {name: honest.run(probe) for name, probe in LAW.probes(case).items()}
    none = {name: Outcome("unsupported", reason="no such thing") for name in got}
    assert LAW.assess(case, none).verdict == "unsupported"
    name = next(name for name in got if name.startswith("grad-b") and not name.endswith("again"))
    value = got[name].value
    assert value is not None
    assert LAW.assess(case, none | {name: got[name]}).verdict == "pass"
    assert LAW.assess(case, none | {name: replace(got[name], value=value + 1)}).verdict == "differs"
    assert LAW.assess(case, got | {name: Outcome("raised", reason="no")}).verdict == "error"


def test_real_numbers_of_a_large_operation_are_held_against_the_bound() -> None:
    """Sums along the channels, by which large operations are judged else, are exact for whole numbers alone."""
    it = Settings((4, 4, 33), (3, 1, 1), channels_in=64, channels_out=8)
    case = Case("large", it, asked=Asked(numbers="real"), laws=("crossed",))
    honest = Honest("eager", "cpu")
    got = {name: honest.run(probe) for name, probe in LAW.probes(case).items()}
    assert LAW.assess(case, got).verdict == "pass"
    value = next(iter(got.values())).value
    assert value is not None
    assert LAW.assess(case, {name: Outcome("value", value * np.float32(1.01)) for name in got}).verdict == "differs"
