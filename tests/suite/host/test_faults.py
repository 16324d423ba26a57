"""Backends that crash, hang, raise or lie about themselves: each fault costs the one probe that has it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from convt.host.pool import Pool
from convt.host.process import LOG_LIMIT
from convt.host.registry import parse_target
from tests.suite.host.fake_pool import FAKES, HASTE, Asking, kinds
from tests.suite.host.fakes import MARK, probe


@pytest.fixture(scope="module", params=[False, True], ids=["started", "forked"])
def patient(request: pytest.FixtureRequest) -> Iterator[Asking]:
    asking = Asking(30.0, request.param)
    yield asking
    asking.pool.close()


@pytest.fixture(scope="module", params=[False, True], ids=["started", "forked"])
def hasty(request: pytest.FixtureRequest) -> Iterator[Asking]:
    asking = Asking(HASTE, request.param)
    yield asking
    asking.pool.close()


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("crashes-on-marked", "crashed", r"SIGSEGV; .* from fakes.py:\d+ in segfault; log: the kernel is about to .*"),
        ("aborts-on-marked", "crashed", r"SIGABRT; fakes.py:\d+ in fault, .*; log: Check failed: shape.rank\(\) == 4"),
        ("exits-on-marked", "crashed", "exit status 3"),
        ("kills-itself-on-marked", "crashed", "SIGKILL"),
        ("leaves-a-child-on-marked", "crashed", "SIGKILL"),
        ("closes-its-channel-on-marked", "crashed", "closed its channel and lived on"),
        ("raises-on-marked", "raised", "ValueError: marked over two lines"),
        ("exits-politely-on-marked", "raised", "SystemExit: enough"),
        ("interrupts-on-marked", "raised", "KeyboardInterrupt: "),
        ("runs-out-of-memory-on-marked", "raised", "MemoryError: asked for 8 EiB"),
        ("recurses-on-marked", "raised", "RecursionError: .*"),
        ("fuses-and-crashes", "crashed", "SIGSEGV; .*"),
    ],
)
def test_a_fault_costs_the_one_probe_that_has_it(patient: Asking, name: str, kind: str, reason: str) -> None:
    outcomes = patient.ask(name, 1, 2, MARK, 4, MARK, 6)
    assert kinds(outcomes) == ["value", "value", kind, "value", kind, "value"]
    assert re.fullmatch(reason, outcomes[2].reason)
    assert patient.pool.infos[name].runs
    assert patient.notes(name) == []


@pytest.mark.parametrize("name", ["hangs-on-marked", "hangs-in-c-on-marked", "fuses-and-hangs"])
def test_a_hang_costs_the_one_probe_that_has_it(hasty: Asking, name: str) -> None:
    outcomes = hasty.ask(name, 1, MARK, 3)
    assert kinds(outcomes) == ["value", "timed-out", "value"]
    assert re.fullmatch(rf"no answer within {HASTE:g} s; fakes.py:\d+ in .*", outcomes[1].reason)


def test_settings_can_be_what_crashes(patient: Asking) -> None:
    patient.info("crashes-on-marked")
    asked = [probe(1), probe(1, kernel=MARK), probe(1, kernel=3)]
    assert kinds(patient.pool.submit("crashes-on-marked", asked).result(600)) == ["value", "crashed", "value"]


def test_the_log_that_is_quoted_is_the_probes_own(patient: Asking) -> None:
    outcomes = patient.ask("crashes-on-marked", MARK, MARK)
    assert [outcome.reason.count("the kernel is about to") for outcome in outcomes] == [1, 1]


def test_a_culprit_is_found_in_a_large_fused_program(patient: Asking) -> None:
    outcomes = patient.ask("fuses-and-crashes", *range(1, 101))
    assert [place for place, kind in enumerate(kinds(outcomes)) if kind != "value"] == [MARK - 1]
    fused = [outcome.reason for outcome in outcomes if outcome.kind == "value"]
    assert set(fused) == {"fused 10", ""}
    assert fused.count("") == 9


def test_a_fused_program_answers_what_is_asked_together(patient: Asking) -> None:
    assert [outcome.reason for outcome in patient.ask("fuses", 1, 2, 3)] == ["fused 3"] * 3


def test_a_fused_program_that_ends_alone_is_noted(patient: Asking) -> None:
    assert kinds(patient.ask("crashes-only-fused", 1, 2, 3)) == ["value"] * 3
    [note] = patient.notes("crashes-only-fused")
    assert re.search(r"a fused program ended by SIGABRT; .*; asked again in parts, no probe of it did", note)


@pytest.mark.parametrize("name", ["raises-only-fused", "declines-to-fuse"])
def test_probes_are_asked_one_by_one_where_no_fused_program_answers(patient: Asking, name: str) -> None:
    outcomes = patient.ask(name, 1, 2)
    assert [(outcome.kind, outcome.reason) for outcome in outcomes] == [("value", "")] * 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fuses-too-few", "FusesTooFew.run_many gave 1 outcomes for 2 probes"),
        ("gives-objects", "the adapter gave an array of object where an array of numbers belongs"),
        ("gives-no-outcome", "the adapter gave a str where an Outcome belongs"),
    ],
)
def test_an_adapter_that_breaks_the_interface_is_told_so(patient: Asking, name: str, reason: str) -> None:
    assert [(outcome.kind, outcome.reason) for outcome in patient.ask(name, 1, 2)] == [("raised", reason)] * 2


@pytest.mark.parametrize("name", ["prints-to-stdout", "floods-stderr"])
def test_what_a_framework_prints_disturbs_nothing(
    patient: Asking, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert kinds(patient.ask(name, *range(1, 13))) == ["value"] * 12
    assert capfd.readouterr() == ("", "")


def test_a_flood_of_messages_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Pool([parse_target("floods-stderr", FAKES)], backends=FAKES) as pool:
        pool.submit("floods-stderr", [probe(number) for number in range(1, 21)]).result(600)
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.log")) <= LOG_LIMIT
    assert list(tmp_path.iterdir()) == []


def test_a_probe_may_have_a_shorter_deadline_of_its_own(patient: Asking) -> None:
    hangs, goes_on = replace(probe(MARK), seconds=0.5), replace(probe(2), seconds=0.5)
    patient.info("hangs-on-marked")
    outcomes = patient.pool.submit("hangs-on-marked", [probe(1), hangs, goes_on, probe(3)]).result(60)
    assert kinds(outcomes) == ["value", "timed-out", "value", "value"]
    assert outcomes[1].reason.startswith("no answer within 0.5 s")
