"""Targets that do not start, or that only ever end: what they say, and that they end in finite time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from convt.host.pool import Pool
from convt.host.registry import Entry, parse_target
from tests.suite.host import fakes
from tests.suite.host.fake_pool import FAKES, HASTE, Asking, kinds
from tests.suite.host.fakes import MARK, probe
from tests.suite.host.processes import ends


@pytest.fixture(scope="module")
def patient() -> Iterator[Asking]:
    asking = Asking(30.0)
    yield asking
    asking.pool.close()


def test_a_framework_that_is_not_installed_is_missing_and_not_failed(patient: Asking) -> None:
    info = patient.info("lacks")
    assert (info.missing, info.failed, info.runs) == ("framework_that_nobody_has is not installed", None, False)
    outcomes = patient.ask("lacks", 1, 2)
    assert [(outcome.kind, outcome.reason) for outcome in outcomes] == [("not-run", info.missing)] * 2


def test_packages_of_the_registry_are_looked_for_before_the_adapter_is_imported(patient: Asking) -> None:
    entries = {"broken": Entry("no.such.module:Class", packages=("numpy", "no_such_framework"), root="/")}
    with Pool([parse_target("broken", entries)], backends=entries) as pool:
        assert pool.infos["broken"].missing == "no_such_framework is not installed"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "fails-on-import",
            r"did not start: ImportError: cannot load libfake.so.1; fakes.py:\d+ in __init__; .* symbol: zgemm",
        ),
        ("dies-on-start", r"did not start: SIGILL; fakes.py:\d+ in __init__, .*; log: this processor has no AVX"),
    ],
)
def test_a_broken_framework_is_failed_and_not_missing(patient: Asking, name: str, reason: str) -> None:
    info = patient.info(name)
    assert info.missing is None
    assert re.fullmatch(reason, info.failed or "")
    assert [(o.kind, o.reason) for o in patient.ask(name, 1)] == [("not-run", f"{name} {info.failed}")]
    assert patient.notes(name) == [f"{name}: {info.failed}"]


@pytest.mark.parametrize("path", ["tests.suite.host.fakes:NoSuchClass", "tests.suite.no_such_module:Class"])
def test_an_adapter_that_is_not_there_is_failed_and_not_missing(path: str) -> None:
    entries = {"typo": Entry(path, root=str(fakes.ROOT))}
    with Pool([parse_target("typo", entries)], backends=entries) as pool:
        info = pool.infos["typo"]
    assert info.missing is None
    assert re.search("NoSuchClass|no_such_module", info.failed or "")


def test_a_target_that_hangs_while_it_starts_is_failed_after_the_deadline() -> None:
    with Pool([parse_target("hangs-on-start", FAKES)], backends=FAKES, start_deadline=HASTE) as pool:
        assert pool.infos["hangs-on-start"].failed == f"did not start: no word within {HASTE:g} s"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, r"cannot start .*: No such file or directory"),
        ("exit 5", "did not start: exit status 5"),
        ("echo no libpython >&2; exit 127", "did not start: exit status 127; log: no libpython"),
        ("echo welcome; sleep 60", "did not start: something prints to standard output while .*"),
        ("sleep 60", "did not start: no word within .* s"),
    ],
)
def test_an_interpreter_that_is_none_is_failed(tmp_path: Path, script: str | None, reason: str) -> None:
    interpreter = tmp_path / "python"
    if script is not None:
        interpreter.write_text(f"#!/bin/sh\n{script}\n")
        interpreter.chmod(0o755)
    target = parse_target("answers-well#odd", FAKES)
    with Pool([target], backends=FAKES, interpreters={"odd": str(interpreter)}, start_deadline=HASTE) as pool:
        assert re.fullmatch(reason, pool.infos["answers-well#odd"].failed or "")


def test_a_target_that_does_not_start_again_leaves_the_rest_not_run(tmp_path: Path) -> None:
    entries = {"once": Entry("tests.suite.host.fakes:StartsOnce", {"FAKE_FOLDER": str(tmp_path)}, root=str(fakes.ROOT))}
    with Pool([parse_target("once", entries)], backends=entries) as pool:
        assert pool.infos["once"].runs
        outcomes = pool.submit("once", [probe(1, repeat=1), probe(MARK), probe(3)]).result(600)
        assert kinds(outcomes)[1:] == ["crashed", "not-run"]
        assert "did not start: RuntimeError: the licence is used up" in outcomes[2].reason
        assert not pool.infos["once"].runs


def test_a_target_that_only_crashes_is_given_up_and_says_so() -> None:
    with Pool([parse_target("crashes-always", FAKES)], backends=FAKES, give_up_after=3) as pool:
        outcomes = pool.submit("crashes-always", [probe(number) for number in range(1, 6)]).result(600)
        assert kinds(outcomes) == ["crashed"] * 3 + ["not-run"] * 2
        assert outcomes[3].reason.startswith("crashes-always is given up after 3 ends in a row")
        assert "the last: SIGABRT" in outcomes[3].reason
        assert not pool.infos["crashes-always"].runs
        assert kinds(pool.submit("crashes-always", [probe(9)]).result(600)) == ["not-run"]


def test_a_target_that_only_hangs_is_given_up_sooner() -> None:
    with Pool([parse_target("hangs-always", FAKES)], 0.5, backends=FAKES, give_up_after=8) as pool:
        outcomes = pool.submit("hangs-always", [probe(number) for number in range(1, 4)]).result(600)
    assert kinds(outcomes) == ["timed-out", "timed-out", "not-run"]


def test_an_answer_in_between_starts_the_count_again() -> None:
    with Pool([parse_target("crashes-on-marked", FAKES)], backends=FAKES, give_up_after=2) as pool:
        outcomes = pool.submit("crashes-on-marked", [probe(n) for n in (MARK, 2, MARK, 4, MARK, 6)]).result(600)
    assert kinds(outcomes) == ["crashed", "value"] * 3


def test_a_process_that_dies_between_probes_costs_none(patient: Asking) -> None:
    assert kinds(patient.ask("dies-when-idle", 1)) == ["value"]
    assert ends(int(patient.info("dies-when-idle").flags["pid"]))
    assert kinds(patient.ask("dies-when-idle", 2)) == ["value"]
    assert patient.notes("dies-when-idle") == ["dies-when-idle: ended while no probe was at work: exit status 7"]
