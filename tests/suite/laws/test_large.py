"""Large results: their law, the room that they need, their turn, and the script that shows them without the suite."""

from __future__ import annotations

import itertools
import math
import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from convt.content.tests.laws.large import Large, refuses_the_size

from convt.adapter.backend import Outcome, Probe, pack_outcome, pack_probe, unpack_outcome, unpack_probe
from convt.cases.case import Case
from convt.cases.known import load_known
from convt.cases.loader import load_cases
from convt.conv.block_sums import block_sums
from convt.conv.oracles import reference
from convt.conv.settings import Settings
from convt.host import memory
from convt.host.pool import Pool
from convt.host.registry import parse_target
from convt.laws.blame import call_went
from convt.laws.catalogue import all_laws
from convt.results.vocabulary import VERDICTS
from convt.session.batch import LawVerdict
from convt.session.cover import cover
from convt.session.verdicts import observed
from tests.suite.cases.spec_files import HEAD, errors, load
from tests.suite.conv.reference import Honest
from tests.suite.host.fakes import AnswersWell, CrashesOnMarked, Fuses, HangsOnMarked, KillsItselfOnMarked, backends

ROOT = Path(__file__).parents[3]
SMALL = load_cases([ROOT / "specs" / "folded.yaml"])
FAR = load_cases([ROOT / "specs" / "large" / "large.yaml"])
EVERY = [*SMALL, *FAR]
LAW = Large()


def probe_of(case: Case) -> Probe:
    return LAW.probes(case)["block sums"]


def sum_blocks(kernel: int = 2, number: int = 1) -> Probe:
    x = np.array([[[number, 2, 3]]], np.float16)
    return Probe(Settings((3,), (kernel,)), x, np.ones((1, 1, kernel), np.float16), block=2)


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Every folded result is heavy, and the file says how much memory there is: 10 GiB."""
    monkeypatch.setattr(memory, "HEAVY", 1)
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    monkeypatch.setattr(memory, "LOCK", tmp_path / "lock")
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 20971520 kB\nMemAvailable: 10485760 kB\n")
    monkeypatch.setattr(memory, "MEMORY", meminfo)
    return meminfo


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.id)
def test_a_case_is_for_this_law_alone(case: Case) -> None:
    assert [law.id for law in all_laws() if law.id in case.laws and law.applies(case)] == ["large"]
    assert LAW.probes(case)["block sums"] is LAW.probes(case)["block sums"], "one probe, whose right answer is kept"


@pytest.mark.parametrize("case", FAR, ids=lambda case: case.id)
def test_inputs_of_large_results_are_small_and_are_of_every_kind(case: Case) -> None:
    it = case.settings
    assert math.prod(it.x_shape) + math.prod(it.w_shape) < 200_000
    assert memory.weight(probe_of(case)) > 2**31
    assert math.prod(it.y_shape) > 2**31 or case.id in ("large-axis-below", "large-bytes")


def test_there_are_large_results_of_every_rank_by_every_axis_and_of_both_operations() -> None:
    its = [case.settings for case in FAR]
    assert {it.rank for it in its} == {1, 2, 3}
    assert {it.op for it in its} == {"conv", "conv_transpose"}
    assert any(it.batch > 2**14 for it in its)
    assert any(it.channels_out > 2**15 for it in its)
    assert any(it.groups > 1 for it in its)
    assert any(max(it.output) > 2**31 for it in its)


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.id)
def test_an_honest_answer_passes_and_every_single_wrong_number_shows(case: Case) -> None:
    probe = probe_of(case)
    outcome = Honest("eager", "cpu").run(probe)
    assert (outcome.shape, outcome.dtype) == (case.settings.y_shape, "float16")
    assert LAW.assess(case, {"block sums": outcome}).verdict == "pass"
    y = reference(case.settings, probe.x, probe.w, probe.b).astype(np.float16)
    for at in np.random.default_rng(1).integers(0, y.size, 30):
        y.reshape(-1)[at] += 1
        wrong = replace(outcome, value=block_sums(y, probe.block))
        judged = LAW.assess(case, {"block sums": wrong})
        place = ",".join(map(str, np.unravel_index(at, y.shape)))
        assert judged.verdict == "differs"
        assert f"out[{place}]" in judged.message
        assert call_went(probe, wrong, "block sums") == judged
        y.reshape(-1)[at] -= 1


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome("raised", reason="ValueError: the tensor is too large for 32-bit indices"), "unsupported"),
        (Outcome("raised", reason="RuntimeError: output numel 2149580800 exceeds INT_MAX"), "unsupported"),
        (Outcome("raised", reason="IndexError: the index is too large"), "error"),
        (Outcome("raised", reason="RuntimeError: could not create a primitive"), "error"),
        (Outcome("raised", reason="RuntimeError: can't allocate memory: 2 bytes exceed it"), "error"),
        (Outcome("crashed", reason="SIGSEGV"), "error"),
        (Outcome("timed-out", reason="no answer within 600 s"), "error"),
        (Outcome("not-run", reason="needs about 15 GB of memory"), "not-run"),
        (Outcome("unsupported", reason="no groups"), "unsupported"),
    ],
    ids=lambda value: value.reason[:20] if isinstance(value, Outcome) else None,
)
def test_what_is_no_answer_is_told_as_what_it_is(outcome: Outcome, verdict: str) -> None:
    assert verdict in VERDICTS
    judged = LAW.assess(SMALL[0], {"block sums": outcome})
    assert judged.verdict == verdict
    assert outcome.reason in judged.message


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("input: 4, kernel: 3, block: 9", "block: `block` needs `laws: [large]`"),
        ("laws: [value, large], input: 4, kernel: 3, block: 9", "block: `block` needs `laws: [large]`"),
        ("laws: [large], input: 4, kernel: 3, block: 0", "block: found 0, accepted 1 or more"),
        ("laws: [large], input: 4, kernel: 3, block: 1048577", "block: found 1048577, accepted up to 1,048,576"),
        ("laws: [large], input: 4, kernel: 3, bias: [1], block: 9", "block: `block` excludes literal data"),
        (
            "laws: [large], input: {shape: [1, 1, 1], data: [1]}, kernel: 3, block: 9",
            "block: `block` excludes literal data",
        ),
        (
            "laws: [large], input: 1, kernel: 1, expect: {data: [1]}, block: 9",
            "block: `block` excludes expected numbers",
        ),
        ("laws: [large], input: 4, kernel: 3, batch: 0, block: 9", "block: `block` needs a result with numbers"),
        ("laws: [large], input: 4, kernel: 59, block: 9", "block: found sums up to 2,076, accepted up to 2,048"),
        (
            "laws: [large], input: [2, 1025], kernel: 1, stride: 16384, block: 9",
            "block: found 16,777,217 outputs a row",
        ),
    ],
)
def test_a_case_of_which_sums_cannot_tell_everything_is_refused(fields: str, said: str, tmp_path: Path) -> None:
    (line,) = errors(tmp_path, f"{HEAD}  - {{id: one, {fields}}}\n")
    assert f"cases[0].{said}" in line


def test_an_expected_size_may_stand_beside_sums(tmp_path: Path) -> None:
    text = HEAD + "  - {id: one, laws: [large], input: 4, kernel: 3, block: 9, expect: {size: %d}}\n"
    (case,) = load(tmp_path, text % 6)
    assert (case.block, case.expect.size, str(case.data().x.dtype)) == (9, (6,), "float16")
    assert errors(tmp_path, text % 7)


def test_a_refusal_is_not_excused_for_naming_a_class() -> None:
    assert not refuses_the_size("OverflowError: it does not work")
    assert refuses_the_size("OverflowError: 32-bit sizes only")


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("crashed", reason="SIGABRT; log: what():  std::bad_alloc"),
        Outcome("raised", reason="Fail: Failed to allocate memory for requested buffer of size 137789440000"),
        Outcome("raised", reason="RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory: tried 9"),
        Outcome("raised", reason="ResourceExhaustedError: OOM when allocating tensor with shape[1,46536,46536,1]"),
        Outcome("raised", reason="XlaRuntimeError: RESOURCE_EXHAUSTED: 34,000,000,000 bytes"),
        Outcome("raised", reason="MemoryError: Unable to allocate 8.0 GiB"),
    ],
    ids=lambda outcome: outcome.reason[:20],
)
def test_memory_that_the_system_does_not_give_is_no_fault_where_gigabytes_are_due(outcome: Outcome) -> None:
    for case, verdict in ((FAR[0], "not-run"), (SMALL[0], "error")):
        judged = LAW.assess(case, {"block sums": outcome})
        assert judged.verdict == verdict
        assert outcome.reason in judged.message


def test_a_size_that_wrapped_around_is_no_want_of_memory() -> None:
    for said in ("18446744071562067968 bytes", "18,446,744,071,562,067,968 bytes"):
        outcome = Outcome("raised", reason=f"RuntimeError: can't allocate memory: you tried to allocate {said}")
        assert LAW.assess(FAR[0], {"block sums": outcome}).verdict == "error"


def test_a_folded_probe_and_its_outcome_travel() -> None:
    probe = sum_blocks()
    there = unpack_probe(pack_probe(probe))
    assert (there.block, there.key) == (2, probe.key)
    assert replace(probe, block=3).key != probe.key
    outcome = Outcome("value", np.ones(3), (2, 3), "why", 1.5, ("w",), "float16")
    back = unpack_outcome(pack_outcome(outcome))
    assert (back.shape, back.dtype, back.reason, back.warnings) == ((2, 3), "float16", "why", ("w",))


def test_a_verdict_tells_the_shape_and_dtype_of_what_was_folded() -> None:
    case = SMALL[0]
    outcome = Honest("eager", "cpu").run(probe_of(case))
    judgement = LAW.assess(case, {"block sums": outcome})
    found = LawVerdict(case, LAW, "honest", judgement, LAW.probes(case), {"block sums": outcome}, "")
    told = observed(found)
    assert (told["shape"], told["dtype"]) == (case.settings.y_shape, "float16")


def test_a_cover_keeps_what_is_folded_and_has_it_stand_for_nothing_else() -> None:
    plain = [replace(case, id=f"plain-{case.id}", block=None) for case in SMALL]
    assert {case.id for case in SMALL} < {case.id for case in cover([*SMALL, *plain])}


def test_only_a_folded_result_of_many_bytes_is_heavy() -> None:
    assert memory.weight(sum_blocks()) == 0
    heavy = probe_of(FAR[0])
    assert memory.weight(heavy) == 2 * math.prod(FAR[0].settings.y_shape)
    assert memory.weight(replace(heavy, block=0)) == 0


def test_memory_that_is_missing_is_told_in_numbers(roomy: Path) -> None:
    assert memory.lacks(1 << 30) == ""
    assert memory.lacks(4 << 30) == "needs about 14.5 GB of memory for a result of 4.3 GB; 10.7 GB are free"
    assert memory.scarce() == ""
    roomy.write_text("MemAvailable: 102400 kB\n")
    assert memory.scarce().startswith("took all memory but 0.1 GB")
    roomy.write_text("nothing\n")
    assert (memory.available(), memory.lacks(1 << 60), memory.scarce()) == (None, "", "")


def test_a_container_has_what_its_limit_leaves(roomy: Path) -> None:
    for name, text in (("max", "max"), ("current", "1000"), ("stat", "inactive_file 300\n")):
        (roomy.parent / f"memory.{name}").write_text(text)
    assert memory.available() == 10 << 30
    (roomy.parent / "memory.max").write_text("5000")
    assert memory.available() == 4300


@pytest.mark.usefixtures("roomy")
def test_turns_do_not_overlap_and_one_that_is_given_up_waits_no_longer() -> None:
    spans: list[tuple[float, float]] = []

    def take() -> None:
        with memory.turn(lambda: False):
            begin = time.monotonic()
            time.sleep(0.05)
            spans.append((begin, time.monotonic()))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans.sort()
    assert len(spans) == 4
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(spans))
    with memory.turn(lambda: False), memory.turn(lambda: True):
        pass


def ask(cls: type[AnswersWell], *probes: Probe, deadline: float = 30.0) -> list[Outcome]:
    entries = backends(cls)
    with Pool([parse_target(name, entries) for name in entries], deadline, backends=entries) as pool:
        (name,) = entries
        return pool.submit(name, probes).result(600)


def plain(probe: Probe) -> Probe:
    return replace(probe, block=0)


@pytest.mark.usefixtures("roomy")
def test_a_heavy_answer_comes_folded_and_costs_no_other_probe_its_answer() -> None:
    asked = [plain(sum_blocks()), sum_blocks(), sum_blocks(3), plain(sum_blocks(3))]
    outcomes = ask(AnswersWell, *asked)
    assert [outcome.kind for outcome in outcomes] == ["value"] * 4
    for probe, outcome in zip(asked, outcomes, strict=True):
        right = reference(probe.settings, probe.x, probe.w)
        expected = block_sums(right, 2) if probe.block else right
        np.testing.assert_array_equal(outcome.value, expected)
    assert (outcomes[1].shape, outcomes[1].dtype) == ((1, 1, 4), "float16")


def test_where_there_is_no_room_a_heavy_probe_is_not_run_and_others_are(roomy: Path) -> None:
    roomy.write_text("MemAvailable: 1024 kB\n")
    heavy, light = ask(AnswersWell, sum_blocks(), plain(sum_blocks()))
    assert (heavy.kind, light.kind) == ("not-run", "value")
    assert re.fullmatch(r"needs about 0\.8 GB of memory for a result of 0\.0 GB; 0\.0 GB are free", heavy.reason)


def test_what_takes_all_memory_is_ended_and_not_blamed(roomy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "lacks", lambda size: "")
    roomy.write_text("MemAvailable: 1024 kB\n")
    heavy, light = ask(HangsOnMarked, sum_blocks(number=13), plain(sum_blocks()))
    assert (heavy.kind, light.kind) == ("not-run", "value")
    assert heavy.reason.startswith("took all memory but 0.0 GB")


@pytest.mark.usefixtures("roomy")
@pytest.mark.parametrize(
    ("cls", "kind", "said"),
    [(CrashesOnMarked, "crashed", "SIGSEGV"), (KillsItselfOnMarked, "not-run", "SIGKILL")],
)
def test_an_end_that_the_system_may_have_made_is_no_crash(cls: type[AnswersWell], kind: str, said: str) -> None:
    heavy, light = ask(cls, sum_blocks(number=13), plain(sum_blocks()))
    assert (heavy.kind, light.kind) == (kind, "value")
    assert said in heavy.reason


@pytest.mark.usefixtures("roomy")
def test_a_heavy_answer_has_a_deadline_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SECONDS", 1.5)
    heavy, light = ask(HangsOnMarked, sum_blocks(number=13), plain(sum_blocks(number=13)), deadline=0.4)
    assert (heavy.kind, light.kind) == ("timed-out", "timed-out")
    assert "within 1.5 s" in heavy.reason
    assert "within 0.4 s" in light.reason


def test_beside_fused_programs_a_folded_probe_is_asked_alone() -> None:
    asked = [plain(sum_blocks()), sum_blocks(), plain(sum_blocks(3)), sum_blocks(3)]
    outcomes = ask(Fuses, *asked)
    assert [bool(outcome.dtype) for outcome in outcomes] == [False, True, False, True]
    for probe, outcome in zip(asked, outcomes, strict=True):
        right = reference(probe.settings, probe.x, probe.w)
        assert outcome.value is not None
        np.testing.assert_array_equal(outcome.value, block_sums(right, 2) if probe.block else right)


def test_known_differences_about_size_name_cases_that_there_are() -> None:
    for entry in load_known(ROOT / "backends"):
        if "large" in entry.laws:
            assert entry.laws == ("large",), "else the profiles cannot tell which of them must be seen"
