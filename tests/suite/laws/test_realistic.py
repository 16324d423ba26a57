"""Layers of real size: their cases, what their law says of wrong answers, and the script that shows one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
import pytest
from convt.content.tests.laws.realistic import Realistic

from convt.adapter.backend import Outcome, Probe
from convt.cases.build import MOST_NUMBERS, steps
from convt.cases.case import Case
from convt.cases.known import load_known
from convt.cases.loader import load_cases
from convt.conv.layers import LEAST_X, layer, most_x
from convt.conv.settings import Settings
from convt.laws import projected
from convt.laws.blame import call_went
from convt.laws.catalogue import all_laws
from convt.laws.projected import is_projected, judged_projected
from convt.results.finding import Finding
from convt.session.batch import Batch
from convt.session.options import Options
from convt.session.profiles import PROFILES
from convt.session.verdicts import case_record, paste
from tests.suite.cases.spec_files import HEAD, errors, load
from tests.suite.conv.reference import Honest

ROOT = Path(__file__).parents[3]
SPECS = ROOT / "specs"
LAW = Realistic()
CITATION = re.compile(r"arXiv:\d|https?://|github\.com/|et al\.")
PUBLISHED = re.compile(r"as published|cut here to \d")


@cache
def everything() -> tuple[Case, ...]:
    return tuple(load_cases([SPECS / "realistic.yaml", SPECS / "realistic"]))


@cache
def everyday() -> tuple[Case, ...]:
    return tuple(load_cases([SPECS / "realistic.yaml"]))


def small(op: str = "conv_transpose") -> Case:
    it = Settings((20, 18), (3, 3), (2, 2), channels_in=18, channels_out=33, padding="same", batch=2, bias=True)
    forward = it.replace(op="conv", channels_in=33, channels_out=18)
    return Case("small", it if op == "conv_transpose" else forward, laws=("realistic",))


def answers(case: Case) -> dict[str, Outcome]:
    honest = Honest("eager", "cpu")
    return {name: honest.run(probe) for name, probe in LAW.probes(case).items()}


def spoiled(outcome: Outcome, *index: int, by: float = 1) -> Outcome:
    assert outcome.value is not None
    value = outcome.value.copy()
    value[index] += by
    return replace(outcome, value=value)


def products(it: Settings) -> int:
    met = it.input if it.transposed else it.output
    return it.batch * it.channels_in * it.channels_out // it.groups * prod(it.kernel) * prod(met)


# the cases


def test_every_layer_is_for_this_law_alone_and_has_its_size() -> None:
    for case in everything():
        assert case.laws == ("realistic",), case.id
        assert [law.id for law in all_laws() if law.id in case.laws and law.applies(case)] == ["realistic"]
        assert case.expect.size == case.settings.output, case.id
        assert case.id.startswith("real-")


def test_every_layer_says_what_it_is_and_whether_it_is_cut() -> None:
    for case in everything():
        assert CITATION.search(case.source), case.id
        assert PUBLISHED.search(case.about), case.id
        assert re.search(r"\d+ to \d+|\d+ channels", case.about), case.id


def test_channels_and_extents_are_real_and_no_case_needs_a_special_machine() -> None:
    for case in everything():
        it = case.settings
        assert max(it.input) <= 112, case.id
        assert max(it.channels_in, it.channels_out) <= 256, case.id
        assert max(np.prod(it.x_shape), np.prod(it.w_shape), np.prod(it.y_shape)) <= MOST_NUMBERS
        assert most_x(it) >= LEAST_X
    wide = [case for case in everything() if max(case.settings.channels_in, case.settings.channels_out) >= 64]
    assert len(wide) > 250


def test_every_layer_of_the_models_is_there_and_more_than_150_others() -> None:
    names = {case.id for case in everything()}
    models = {f"real-{case.id}" for case in load_cases([SPECS / "models.yaml"])}
    assert models <= names
    assert len(names - models) >= 150


def test_there_are_layers_of_every_rank_and_both_operations() -> None:
    kinds = Counter((case.settings.op, case.settings.rank) for case in everything())
    assert len(kinds) == 6
    assert min(kinds.values()) >= 15


def test_the_slice_of_every_day_has_each_class_by_which_kernels_are_chosen() -> None:
    its = [case.settings for case in everyday()]
    channels = {c // it.groups for it in its for c in (it.channels_in, it.channels_out)}
    assert {1, 3, 16, 32, 64} <= channels
    assert {(it.op, it.rank) for it in its} == {(op, rank) for op in ("conv", "conv_transpose") for rank in (1, 2, 3)}
    assert any(it.groups == it.channels_in > 1 and it.op == op for it in its for op in ("conv", "conv_transpose"))
    assert any(1 < it.groups < it.channels_in for it in its)
    assert any(set(it.kernel) == {1} for it in its)
    assert {1, 2} <= {it.batch for it in its}
    assert sum(map(products, its)) < 600_000_000


def test_the_profile_asks_the_slice_and_the_folder_and_a_default_run_the_slice() -> None:
    files = Options(profile=PROFILES["realistic"]).files
    assert files[0] == SPECS / "realistic.yaml"
    assert set(files[1:]) == set((SPECS / "realistic").glob("*.yaml"))
    assert SPECS / "realistic.yaml" in Options().files
    assert Options(profile=PROFILES["large"]).files == (SPECS / "large" / "large.yaml",)
    assert PROFILES["realistic"].ahead == 0


def test_a_known_difference_names_a_folder_that_there_is() -> None:
    for entry in load_known(ROOT / "backends"):
        assert not entry.folder or (SPECS / entry.folder).is_dir(), entry.id
        assert (entry.folder == "large") == ("large" in entry.laws), entry.id


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("input: {shape: [1, 1, 1], data: [1]}, kernel: 1", "excludes literal data"),
        ("input: 4, kernel: 1, bias: [1]", "excludes literal data"),
        ("input: 1, kernel: 1, expect: {data: [1]}", "excludes expected numbers"),
        ("input: 4, kernel: 1, batch: 0", "needs an input and a result with numbers"),
        ("input: 4, kernel: 1, dilation: 4, output_padding: 3", "needs an output padding below the stride"),
        ("input: [1000, 1000], kernel: 1, batch: 2", "found sums exact for |x| up to 3, accepted from 15 on"),
        ("input: [110, 110], kernel: 1, channels: [1, 512]", "found an array of 6,195,200 numbers"),
    ],
)
def test_a_case_that_the_law_cannot_judge_is_refused(fields: str, said: str, tmp_path: Path) -> None:
    (line,) = errors(tmp_path, f"{HEAD}  - {{id: one, laws: [realistic], {fields}}}\n")
    assert "cases[0].laws: " in line
    assert said in line


def test_a_layer_may_take_more_work_than_the_oracles_have_time_for(tmp_path: Path) -> None:
    fields = "input: [56, 56], kernel: 3, channels: [256, 256], padding: same"
    text = HEAD + "  - {id: one, %s%s}\n"
    (case,) = load(tmp_path, text % ("laws: [realistic], ", fields))
    assert steps(case.settings) > 10**9
    assert "steps of the costliest oracle" in errors(tmp_path, text % ("", fields))[0]
    assert case_record(case)["x"] is None


# the law


@pytest.mark.parametrize("op", ["conv_transpose", "conv"])
def test_what_is_right_passes(op: str) -> None:
    case = small(op)
    assert list(LAW.probes(case)) == ["value", "grad-x", "grad-w", "grad-b"]
    assert LAW.assess(case, answers(case)).verdict == "pass"


@pytest.mark.parametrize("op", ["conv_transpose", "conv"])
@pytest.mark.parametrize(
    ("name", "index", "says"),
    [
        ("value", (1, 17, 6, 8), "1 of {places} sums over a group's channels at a place differ"),
        ("grad-x", (1, 7, 5, 3), "1 of {places} sums over a group's channels at a place differ"),
        ("grad-w", (9, 16, 2, 1), "1 of 9 taps have a wrong sum over channels"),
        ("grad-b", (11,), "1 of {places} differ"),
    ],
)
def test_a_wrong_number_is_named_with_its_place_and_the_right_one(
    op: str, name: str, index: tuple[int, ...], says: str
) -> None:
    case, got = small(op), answers(small(op))
    value = got[name].value
    assert value is not None
    places = value.size if name == "grad-b" else value.size // value.shape[1]
    judged = LAW.assess(case, got | {name: spoiled(got[name], *index)})
    assert (judged.verdict, judged.kind, judged.probe, judged.index) == ("differs", "value", name, index)
    assert judged.got == judged.due + 1 == value[index] + 1
    assert says.format(places=f"{places:,}") in judged.message


def test_many_wrong_channels_are_counted() -> None:
    case, got = small(), answers(small())
    assert got["value"].value is not None
    got["value"].value[:, 16:32, 4:6, 7] += 5
    judged = LAW.assess(case, got)
    assert judged.index == (0, 16, 4, 7)
    assert "4 of 2,880 sums" in judged.message
    assert "16 of 33 channels differ at the first of these places, 16 to 31" in judged.message


@pytest.mark.parametrize("by", [0.5, np.nan, np.inf, 2.0**30])
def test_what_no_sum_can_say_is_told_by_itself(by: float) -> None:
    case, got = small(), answers(small())
    for name, index in {"value": (1, 20, 3, 3), "grad-x": (0, 4, 3, 3), "grad-w": (2, 2, 1, 1)}.items():
        judged = LAW.assess(case, got | {name: spoiled(got[name], *index, by=by)})
        assert (judged.verdict, judged.probe, judged.index) == ("differs", name, index)
        assert "1 numbers are not whole, or too large" in judged.message


def test_another_shape_or_dtype_is_told_as_such() -> None:
    case, got = small(), answers(small())
    for name, outcome in got.items():
        assert outcome.value is not None
        wide = LAW.assess(case, got | {name: replace(outcome, value=outcome.value.astype(np.float64))})
        assert (wide.kind, wide.probe) == ("dtype", name)
        short = LAW.assess(case, got | {name: replace(outcome, value=outcome.value[..., :-1])})
        assert (short.kind, short.probe) == ("shape", name)


def test_a_missing_answer_hides_no_wrong_one_and_is_named() -> None:
    case, got = small(), answers(small())
    crashed = Outcome("crashed", reason="SIGSEGV; log: free()")
    judged = LAW.assess(case, got | {"grad-w": crashed})
    assert (judged.verdict, judged.probe, judged.exception) == ("error", "grad-w", "SIGSEGV")
    judged = LAW.assess(case, got | {"grad-x": crashed, "grad-w": spoiled(got["grad-w"], 0, 0, 0, 0)})
    assert (judged.verdict, judged.probe) == ("differs", "grad-w")


def test_a_target_without_gradients_passes_by_its_value_and_one_without_anything_is_unsupported() -> None:
    case, got = small(), answers(small())
    none = Outcome("unsupported", reason="no gradients")
    assert LAW.assess(case, dict.fromkeys(got, none) | {"value": got["value"]}).verdict == "pass"
    assert LAW.assess(case, dict.fromkeys(got, none)).verdict == "unsupported"


class Knows:
    """Answers as it is told."""

    def __init__(self, got: dict[str, Outcome]) -> None:
        self.got = got

    def request(self, target: str, probes: object) -> None:
        """Nothing is to be asked."""

    def get(self, target: str, probe: Probe) -> Outcome:
        return self.got[probe.want]


def test_oracles_that_disagree_are_a_fault_of_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("other", small().settings, laws=("realistic",), seed=1)
    got = answers(case)
    monkeypatch.setattr("convt.conv.projections.zero_insertion", lambda *given: np.zeros(1))
    (found,) = Batch(Knows(got), [case], [LAW]).verdicts(case, "one")
    assert found.judgement.verdict == "suite-bug"
    assert "differ on" in found.judgement.message


def test_numbers_whose_sums_need_not_be_exact_are_a_fault_of_the_suite() -> None:
    it, numbers = small().settings, layer(small().settings)
    probe = Probe(it, numbers.x * 4096, numbers.w, numbers.b)
    with pytest.raises(ValueError, match="float32 holds no sums"):
        judged_projected(probe, Honest("eager", "cpu").run(probe), "value")


def test_a_call_of_real_size_is_held_against_its_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    probes, got = LAW.probes(small()), answers(small())
    monkeypatch.setattr(projected, "MOST_STEPS", 10**12)
    assert not any(map(is_projected, probes.values()))
    monkeypatch.setattr(projected, "MOST_STEPS", 1)
    assert all(map(is_projected, probes.values()))
    assert not is_projected(replace(probes["value"], block=4))
    for name, probe in probes.items():
        assert call_went(probe, got[name], name).verdict == "pass"
        wrong = spoiled(got[name], *(0,) * (1 if name == "grad-b" else 4))
        assert "sum" in call_went(probe, wrong, name).message or name == "grad-b"


def test_the_script_draws_the_same_numbers_and_shows_the_wrong_one() -> None:
    case = Case("wide", Settings((70, 70), (1, 1), channels_in=3, channels_out=2, bias=True), laws=("realistic",))
    probe = LAW.probes(case)["value"]
    shown = Finding("differs", "value", "value", "value", (0, 1, 3, 4), 5, 6)
    text = paste("import os", "y = x[:, :2] + 0", probe, shown)
    scope: dict[str, object] = {"print": lambda *said: None}
    exec(text, scope)  # noqa: S102  a script of ours
    assert np.array_equal(np.asarray(scope["x"]), probe.x)
    assert len(text) < 1500
    assert "print(y[0, 1, 3, 4], 'but should be 6')" in text
    assert "print(y)" in paste("import os", "y = x", probe)
