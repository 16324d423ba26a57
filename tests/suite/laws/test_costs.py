"""The law of cost: its cases, what it sends and gets, and its words. No clock of this machine is looked at."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from convt.content.tests.laws.costs import BOUNDS, LENGTHS, Costs, small

from convt.adapter.backend import Form, Outcome, Script, pack_outcome, pack_probe, unpack_outcome, unpack_probe
from convt.cases.case import COSTS, Case
from convt.cases.errors import SpecErrors
from convt.cases.known import Known, KnownTarget, load_known
from convt.cases.loader import load_cases
from convt.conv.settings import Settings
from convt.host.messages import messages
from convt.host.pool import Pool
from convt.host.registry import parse_target, register_external
from convt.laws.blame import call_went
from convt.laws.catalogue import all_laws
from convt.results.finding import Finding, as_json, from_json, without_numbers
from convt.session.cost_scripts import paste_timed
from convt.session.cover import cover
from tests.suite.cases.spec_files import HEAD, errors, load
from tests.suite.conv.reference import Honest
from tests.suite.laws.liars import ANSWERING
from tests.suite.laws.lies_of_cost import COSTS as LIARS
from tests.suite.laws.sample import TIMED

ROOT = Path(__file__).parents[3]
CASES = load_cases(sorted((ROOT / "specs" / "cost").glob("*.yaml")))
EVERYDAY = sorted((ROOT / "specs").glob("*.yaml"))
LAW = Costs()
CATCHES = {
    "CompilesEachCall": {"small-call"},
    "CompilesEachLength": {"new-length"},
    "CompilesTheSecondTime": {"second-call"},
    "SlowInChannelsLast": {"channels-last"},
    "SlowInFloat64": {"float64"},
    "SlowInBatches": {"two-items"},
    "TransposedSlowly": {"transposed"},
}


def judged(backend: Honest, case: Case) -> Finding:
    [(name, probe)] = LAW.probes(case).items()
    return LAW.assess(case, {name: backend.run(probe)})


def timed(*attempts: tuple[tuple[float, ...], ...]) -> Outcome:
    return Outcome("value", times=attempts)


def case_of(cost: str) -> Case:
    return next(case for case in TIMED if case.cost == cost)


@pytest.mark.parametrize("liar", LIARS, ids=lambda liar: liar.__name__)
def test_each_liar_is_caught_where_it_is_slow_and_nowhere_else(liar: type[Honest]) -> None:
    caught = {case.cost for case in TIMED if judged(liar("eager", "cpu"), case).verdict == "differs"}
    assert caught == CATCHES[liar.__name__]


def test_a_finding_has_the_ratio_the_factor_and_both_medians() -> None:
    found = judged(ANSWERING["TransposedSlowly"]("eager", "cpu"), case_of("transposed"))
    assert (found.kind, found.probe, found.factor) == ("slow", "transposed", 6)
    assert found.ratio is not None
    assert found.ratio == pytest.approx(50)
    assert found.medians[0] == pytest.approx(found.ratio * found.medians[1], rel=1e-3)
    assert found.message.startswith(
        "the transposed convolution: 50 times as long as the forward one of as many products (154 ms to 3.08 ms);"
        " accepted up to 6 times (1 is due"
    )
    assert from_json(found.verdict, found.used, as_json(found)) == found
    assert "times as long" not in without_numbers(found).message


def test_what_is_slow_once_is_measured_once_more() -> None:
    case = case_of("two-items")
    slow, quick = ((9.0,) * 3, (1.0,) * 3), ((2.0,) * 3, (1.0,) * 3)
    assert LAW.assess(case, {"two-items": timed(slow, quick)}).verdict == "pass"
    assert LAW.assess(case, {"two-items": timed(slow, slow)}).ratio == 9
    assert LAW.assess(case, {"two-items": timed(quick)}).verdict == "pass"


@pytest.mark.parametrize("case", TIMED, ids=lambda case: case.id)
def test_only_what_is_slow_is_measured_again(case: Case) -> None:
    [probe] = LAW.probes(case).values()
    assert len(Honest("eager", "cpu").run(probe).times) == 1
    every = [liar("eager", "cpu").run(probe) for liar in LIARS if case.cost in CATCHES[liar.__name__]]
    assert [len(outcome.times) for outcome in every] == [2]


def test_what_a_backend_cannot_say_of_either_side_is_unsupported() -> None:
    class NoDouble(Honest):
        def unsupported_dtype(self, dtype: str, settings: Settings, want: str = "value") -> str | None:
            return "no double precision" if dtype == "float64" else None

    class NoForward(Honest):
        def unsupported(self, settings: Settings, want: str = "value", call_form: int = 0) -> str | None:
            return None if settings.transposed else "no forward convolution"

    assert judged(NoDouble("eager", "cpu"), case_of("float64")).verdict == "unsupported"
    assert judged(NoForward("eager", "cpu"), case_of("transposed")).verdict == "unsupported"


def test_what_raises_while_it_is_timed_is_an_error() -> None:
    class Raises(Honest):
        def seconds(self, probe: object) -> float:
            raise ValueError("no such kernel")

    found = judged(Raises("eager", "cpu"), case_of("two-items"))
    assert (found.verdict, found.exception) == ("error", "ValueError")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_is_for_this_law_alone_and_of_a_size_that_can_be_timed(case: Case) -> None:
    assert [law.id for law in all_laws() if law.id in case.laws and law.applies(case)] == ["cost"]
    it = case.settings
    products = math.prod(it.w_shape) * it.batch * math.prod(it.input if it.transposed else it.output)
    assert 2_000_000 < products < 1_000_000_000
    [probe] = LAW.probes(case).values()
    assert probe.timing is not None
    assert len(probe.timing.against) == (2 * LENGTHS if probe.timing.fresh else 1)
    for each in probe.timing.against:
        assert each.x.shape == each.settings.x_shape
        assert each.w.shape == each.settings.w_shape


def test_there_are_cases_of_each_kind_rank_and_operation() -> None:
    assert {case.cost for case in CASES} == set(COSTS) == set(BOUNDS)
    for cost in COSTS:
        assert {case.settings.rank for case in CASES if case.cost == cost} == {1, 2, 3}
        ops = {case.settings.op for case in CASES if case.cost == cost}
        assert ops == ({"conv_transpose"} if cost == "transposed" else {"conv", "conv_transpose"})


def test_the_everyday_files_time_nothing() -> None:
    assert not any(case.cost for case in load_cases(EVERYDAY))


def test_both_directions_of_a_transposed_case_have_as_many_products() -> None:
    for case in CASES:
        if case.cost == "transposed":
            [probe] = LAW.probes(case).values()
            assert probe.timing is not None
            [forward] = probe.timing.against
            assert not forward.settings.transposed
            assert forward.settings.y_shape == case.settings.x_shape
            assert math.prod(forward.settings.w_shape) == math.prod(case.settings.w_shape)


def test_the_second_call_is_timed_at_other_lengths_than_the_first() -> None:
    lengths = []
    for cost in ("second-call", "new-length"):
        [probe] = LAW.probes(case_of(cost)).values()
        assert probe.timing is not None
        lengths += [each.settings.input for each in probe.timing.against]
    assert len(set(lengths)) == 4 * LENGTHS


def test_a_small_call_has_a_hundredth_of_the_products() -> None:
    for case in CASES:
        if case.cost == "small-call":
            mine, its = case.settings, small(case.settings)
            assert (its.kernel, its.stride, its.op) == (mine.kernel, mine.stride, mine.op)
            assert 100 * math.prod(its.w_shape) * math.prod(its.input) < math.prod(mine.w_shape) * math.prod(mine.input)


@pytest.mark.parametrize("case", TIMED, ids=lambda case: case.id)
def test_a_probe_and_its_times_travel(case: Case) -> None:
    [probe] = LAW.probes(case).values()
    there = unpack_probe(pack_probe(probe))
    assert there.key == probe.key
    assert there.timing is not None
    assert probe.timing is not None
    assert [each.key for each in there.timing.against] == [each.key for each in probe.timing.against]
    outcome = Honest("eager", "cpu").run(there)
    assert unpack_outcome(pack_outcome(outcome)).times == outcome.times
    assert outcome.digest == ""
    assert call_went(probe, outcome).verdict == "pass"


def test_keys_tell_apart_what_is_timed() -> None:
    keys = {probe.key for case in TIMED for probe in LAW.probes(case).values()}
    assert len(keys) == len({case.digest for case in TIMED}) == len(TIMED)


def test_what_is_timed_has_a_message_and_a_turn_of_its_own() -> None:
    probes = [probe for case in TIMED[:2] for probe in LAW.probes(case).values()]
    plain = replace(probes[0], timing=None)
    chunks = list(messages([plain, *probes, plain], lambda probe: b"", lambda *_: None))
    assert sorted((chunk.timed, len(chunk.open)) for chunk in chunks) == [(False, 2), (True, 1), (True, 1)]


def test_a_target_in_a_process_of_its_own_times_its_calls() -> None:
    name, entry = register_external("tests.suite.laws.liars:SlowInBatches")
    case, backends = case_of("two-items"), {name: entry}
    [probe] = LAW.probes(case).values()
    with Pool([parse_target(name, backends)], backends=backends) as pool:
        [outcome] = pool.submit(name, [probe]).result()
    found = LAW.assess(case, {"two-items": outcome})
    assert (found.verdict, found.ratio) == ("differs", pytest.approx(10, rel=0.01))


def test_a_cover_keeps_what_is_timed() -> None:
    assert [case.id for case in cover(CASES)] == [case.id for case in CASES]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("input: 4, kernel: 3, cost: [float64]", "cost: `cost` needs `laws: [cost]`"),
        ("laws: [cost], input: 4, kernel: 3, cost: []", "cost: found"),
        ("laws: [cost], input: 4, kernel: 3, cost: [speed]", "cost[0]: found"),
        ("laws: [cost], input: 4, kernel: 3, bias: [1], cost: [float64]", "cost: `cost` excludes literal data"),
        (
            "laws: [cost], input: {shape: [1, 1, 1], data: [1]}, kernel: 1, cost: [float64]",
            "cost: `cost` excludes literal data",
        ),
        (
            "laws: [cost], input: 4, kernel: 3, expect: {matrix: [4, 6]}, cost: [float64]",
            "cost: `cost` excludes expected",
        ),
        ("laws: [cost], input: 4, kernel: 3, op: conv, cost: [transposed]", "cost: `cost: [transposed]` needs"),
        ("laws: [cost], input: 60000, kernel: 60000, cost: [float64]", "cost: found 3,600,000,000 products a call"),
    ],
    ids=range(8),
)
def test_what_cannot_be_timed_is_refused(fields: str, said: str, tmp_path: Path) -> None:
    lines = errors(tmp_path, f"{HEAD}  - {{id: one, {fields}}}\n")
    assert any(said in line for line in lines), lines


def test_each_way_of_timing_is_a_case_of_its_own(tmp_path: Path) -> None:
    cases = load(tmp_path, f"{HEAD}  - {{id: one, laws: [cost], input: 4, kernel: 3, cost: [float64, two-items]}}\n")
    assert [(case.id, case.cost) for case in cases] == [("one-float64", "float64"), ("one-two-items", "two-items")]


@pytest.mark.parametrize("cost", ["new-length", "channels-last"])
def test_the_script_times_both_sides_without_the_suite(cost: str, capsys: pytest.CaptureFixture[str]) -> None:
    [probe] = LAW.probes(case_of(cost)).values()

    def script(form: Form) -> Script:
        return Script(
            "def convolve(x, w):\n    return x, w\n\n\ny = convolve(x, w)\n", f"convolve {form.settings.input}"
        )

    call, text = paste_timed("", probe, script)
    assert call.startswith("convolve")
    exec(text, {})  # noqa: S102  the script of this test
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.endswith(" ms") for line in lines)
    assert ("channels-last memory" in text) == (cost == "channels-last")


def test_numbers_are_views_of_few() -> None:
    arrays = [probe.x for case in CASES for probe in LAW.probes(case).values()]
    assert all(isinstance(array.base, np.ndarray) for array in arrays)
    assert len({id(array.base) for array in arrays}) < 20


KNOWN = """\
known:
  - id: slow
    law: cost
    cost: [float64]
    where: rank == 1
    wrong: {verdict: differs, kind: slow}
    reason: It is.
    issue: none
    since: "1"
    intermittent: A ratio is a machine's.
"""


def known_in(folder: Path, text: str) -> list[Known]:
    (folder / "slow.yaml").write_text(text)
    return load_known(folder, [law.id for law in all_laws()])


def test_a_known_difference_speaks_of_one_way_of_timing(tmp_path: Path) -> None:
    [entry] = known_in(tmp_path, KNOWN)
    target = KnownTarget("slow", "eager", "cpu", "1")
    speaks = {case.cost for case in TIMED if entry.applies("cost", case.settings, target, cost=case.cost)}
    assert speaks == {"float64"}
    assert not entry.applies("value", TIMED[0].settings, target)
    assert entry.explains(judged(ANSWERING["SlowInFloat64"]("eager", "cpu"), case_of("float64")))


@pytest.mark.parametrize("text", [KNOWN.replace("law: cost", "law: value"), KNOWN.replace("    cost: [float64]\n", "")])
def test_a_known_cost_and_its_law_need_each_other(text: str, tmp_path: Path) -> None:
    with pytest.raises(SpecErrors, match="`cost` and `law: cost` need each other"):
        known_in(tmp_path, text)
