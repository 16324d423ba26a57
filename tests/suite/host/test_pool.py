"""The pool at work: values, scripts, devices, environments, and its end."""

from __future__ import annotations

import os
import sys
import threading
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from convt.adapter.backend import Probe
from convt.adapter.form import Form
from convt.conv.oracles import reference
from convt.host.pool import NoScript, Pool
from convt.host.registry import Entry, parse_target
from convt.results.targets import TargetError
from tests.suite.host import fakes
from tests.suite.host.fake_pool import FAKES, Asking, kinds
from tests.suite.host.fakes import MARK, probe


@pytest.fixture(scope="module")
def patient() -> Iterator[Asking]:
    asking = Asking(30.0)
    yield asking
    asking.pool.close()


def test_values_come_back_in_the_order_of_their_probes(patient: Asking) -> None:
    asked = [probe(number) for number in (5, 1, 9)]
    patient.info("answers-well")
    outcomes = patient.pool.submit("answers-well", asked).result(600)
    for one, outcome in zip(asked, outcomes, strict=True):
        assert outcome.value is not None
        assert outcome.value.dtype == np.float32
        np.testing.assert_array_equal(outcome.value, reference(one.settings, one.x, one.w))
        assert outcome.value.flags.writeable


def test_a_shape_comes_back_without_a_value(patient: Asking) -> None:
    patient.info("answers-well")
    asked = Probe(probe().settings, probe().x, probe().w, want="shape")
    [outcome] = patient.pool.submit("answers-well", [asked]).result(600)
    assert (outcome.kind, outcome.value, outcome.shape) == ("value", None, asked.settings.y_shape)


def test_no_probes_give_no_outcomes(patient: Asking) -> None:
    assert patient.ask("answers-well") == []


def test_more_probes_than_a_message_holds_all_come_back(patient: Asking) -> None:
    outcomes = patient.ask("answers-well", *range(1, 1300))
    assert [outcome.value.flat[0] for outcome in outcomes if outcome.value is not None] == list(range(1, 1300))


def test_outcomes_are_heard_of_as_they_come(patient: Asking) -> None:
    patient.info("answers-well")
    heard: list[str] = []
    asked = [probe(number) for number in (1, 2, 3)]
    patient.pool.submit("answers-well", asked, lambda one, outcome: heard.append(one.key)).result(600)
    assert heard == [one.key for one in asked]


def test_a_target_says_what_it_is(patient: Asking) -> None:
    info = patient.info("answers-well")
    assert list(info.versions) == ["fake", "numpy", "python"]
    assert (info.mode, info.device, info.modes, info.devices) == ("eager", "cpu", ("eager", "fast"), ("cpu",))
    assert (info.call_forms, info.script_imports) == (("plain", "fancy"), "import numpy as np")
    assert (info.missing, info.failed, info.runs) == (None, None, True)


def test_a_mode_is_the_one_that_was_asked_for(patient: Asking) -> None:
    assert patient.info("answers-well/fast").mode == "fast"


def test_an_unknown_mode_fails_the_target_and_names_the_near_ones(patient: Asking) -> None:
    failed = patient.info("answers-well/fats").failed
    assert failed is not None
    assert "mode of AnswersWell: found 'fats', accepted eager, fast, hostile, " in failed
    assert "near: fast" in failed


@pytest.mark.parametrize(("asked", "given"), [("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("cpu", "cpu")])
def test_a_device_is_found_by_its_kind_or_number(patient: Asking, asked: str, given: str) -> None:
    name = parse_target(f"on-cuda@{asked}", FAKES).name
    info = patient.info(name)
    assert (info.device, info.flags["device"]) == (given, given)


def test_a_device_that_is_not_there_makes_the_target_missing(patient: Asking) -> None:
    info = patient.info("answers-well@cuda")
    assert info.missing == "no device cuda here; found cpu"
    assert kinds(patient.ask("answers-well@cuda", 1)) == ["not-run"]


def test_a_script_is_the_adapters_own(patient: Asking) -> None:
    patient.info("answers-well")
    assert (
        patient.pool.script("answers-well", Form(probe().settings, call_form=1)).text == "y = fancy(x, w, stride=(2,))"
    )


def test_a_script_that_cannot_be_has_a_reason(patient: Asking) -> None:
    patient.info("answers-well")
    with pytest.raises(NoScript, match="IndexError"):
        patient.pool.script("answers-well", Form(probe().settings, call_form=7))


def test_a_missing_target_has_no_script(patient: Asking) -> None:
    patient.info("lacks")
    with pytest.raises(NoScript, match="framework_that_nobody_has is not installed"):
        patient.pool.script("lacks", Form(probe().settings))


def test_environment_variables_are_set_for_one_target_alone() -> None:
    path = FAKES["answers-well"].path
    entries = {"one": Entry(path, {"FAKE_FLAG": "1 // 2"}, root=str(fakes.ROOT)), "other": FAKES["answers-well"]}
    with Pool([parse_target(name, entries) for name in entries], backends=entries) as pool:
        assert [info.flags["FAKE_FLAG"] for info in pool.infos.values()] == ["1 // 2", ""]
    assert "FAKE_FLAG" not in os.environ


def test_an_environment_has_its_own_interpreter_and_needs_numpy_alone(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare env", with_pip=False, symlinks=True)
    [packages] = (tmp_path / "bare env").glob("lib/python*/site-packages")
    for folder in Path(np.__file__).parents[1].glob("numpy*"):
        (packages / folder.name).symlink_to(folder)
    interpreter = tmp_path / "bare env" / "bin" / "python"
    targets = [parse_target(name, FAKES) for name in ("answers-well", "answers-well#before")]
    with Pool(targets, backends=FAKES, interpreters={"before": str(interpreter)}) as pool:
        here, before = pool.infos["answers-well"], pool.infos["answers-well#before"]
        assert (here.flags["execnet"], before.flags["execnet"]) == ("True", "False")
        assert before.flags["prefix"] == str(tmp_path / "bare env")
        assert before.environment == "before"
        assert kinds(pool.submit("answers-well#before", [probe()]).result(600)) == ["value"]


def test_an_environment_without_numpy_is_failed_and_says_so(tmp_path: Path) -> None:
    venv.create(tmp_path, with_pip=False, symlinks=True)
    targets = [parse_target("answers-well#empty", FAKES)]
    with Pool(targets, backends=FAKES, interpreters={"empty": str(tmp_path / "bin" / "python")}) as pool:
        info = pool.infos["answers-well#empty"]
    assert info.failed == "did not start: ModuleNotFoundError: No module named 'numpy'"


def test_an_interpreter_that_is_too_old_is_failed_and_says_so(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -u -c "import sys; sys.version_info = (3, 9, 1); $3"\n')
    old.chmod(0o755)
    targets = [parse_target("answers-well#old", FAKES)]
    with Pool(targets, backends=FAKES, interpreters={"old": str(old)}) as pool:
        info = pool.infos["answers-well#old"]
    assert info.failed == "did not start: RuntimeError: Python 3.9 found; 3.10 or newer is accepted"


def test_an_unknown_environment_is_refused_with_the_near_ones() -> None:
    target = parse_target("answers-well#befor", FAKES)
    with pytest.raises(TargetError, match="environment: found 'befor', accepted before, after; near: before"):
        Pool([target], backends=FAKES, interpreters={"before": "x", "after": "y"})


def test_an_unknown_target_is_refused_with_the_near_ones(patient: Asking) -> None:
    patient.info("answers-well")
    with pytest.raises(TargetError, match="near: answers-well"):
        patient.pool.submit("answer-well", [probe()])


def test_a_closed_pool_says_so() -> None:
    pool = Pool([parse_target("answers-well", FAKES)], backends=FAKES)
    pool.start()
    pool.close()
    pool.close()
    with pytest.raises(RuntimeError, match="the pool is closed"):
        pool.submit("answers-well", [probe()])
    with pytest.raises(RuntimeError, match="the pool is closed"):
        pool.add([parse_target("fuses", FAKES)])


def test_closing_answers_what_is_open() -> None:
    pool = Pool([parse_target("hangs-always", FAKES)], backends=FAKES)
    pool.start()
    futures = [pool.submit("hangs-always", [probe(number)]) for number in (1, 2)]
    time.sleep(0.3)
    pool.close()  # does not wait for the probe that hangs, which would be `timed-out` then
    for future in futures:
        assert [(o.kind, o.reason) for o in future.result(600)] == [("not-run", "the pool was closed")]


def test_fresh_processes_leave_no_threads_behind() -> None:
    with Pool([parse_target("exits-on-marked", FAKES)], backends=FAKES) as pool:
        pool.submit("exits-on-marked", [probe()]).result(600)
        before = threading.active_count()
        outcomes = pool.submit("exits-on-marked", [probe(MARK, repeat=at) for at in range(3)]).result(600)
        pool.submit("exits-on-marked", [probe()]).result(600)
        assert kinds(outcomes) == ["crashed"] * 3
        assert threading.active_count() <= before
