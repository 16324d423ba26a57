"""The pool against backends that crash, hang, raise, lie about themselves, or do not start."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from backends.batches import Chunk, End, messages
from backends.interface import Outcome, Probe
from backends.packing import Packer
from backends.pool import NoScript, Pool
from backends.process import LOG_LIMIT
from backends.registry import Entry
from backends.targets import TargetError, TargetInfo, parse_target
from specs.oracles import reference
from tests.suite import fakes
from tests.suite.fakes import MARK, probe

FAKES = fakes.backends(*(c for c in vars(fakes).values() if isinstance(c, type) and issubclass(c, fakes.AnswersWell)))
HASTE = 1.0
"""The deadline in seconds where something hangs on purpose."""


class Asking:
    """A pool that starts a fake when it is first asked."""

    def __init__(self, deadline: float) -> None:
        self.pool = Pool([], deadline, backends=FAKES, start_deadline=60)

    def info(self, name: str) -> TargetInfo:
        return self.pool.add([parse_target(name, FAKES)])[name]

    def ask(self, name: str, *numbers: int) -> list[Outcome]:
        self.info(name)
        return self.pool.submit(name, [probe(number) for number in numbers]).result(60)

    def notes(self, name: str) -> list[str]:
        return [note for note in self.pool.notes if note.startswith(f"{name}: ")]


@pytest.fixture(scope="module")
def patient() -> Iterator[Asking]:
    asking = Asking(30.0)
    yield asking
    asking.pool.close()


@pytest.fixture(scope="module")
def hasty() -> Iterator[Asking]:
    asking = Asking(HASTE)
    yield asking
    asking.pool.close()


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [outcome.kind for outcome in outcomes]


def test_values_come_back_in_the_order_of_their_probes(patient: Asking) -> None:
    asked = [probe(number) for number in (5, 1, 9)]
    patient.info("answers-well")
    outcomes = patient.pool.submit("answers-well", asked).result(60)
    for one, outcome in zip(asked, outcomes, strict=True):
        assert outcome.value is not None
        assert outcome.value.dtype == np.float32
        np.testing.assert_array_equal(outcome.value, reference(one.settings, one.x, one.w))
        assert outcome.value.flags.writeable


def test_a_shape_comes_back_without_a_value(patient: Asking) -> None:
    patient.info("answers-well")
    asked = Probe(probe().settings, probe().x, probe().w, want="shape")
    [outcome] = patient.pool.submit("answers-well", [asked]).result(60)
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
    patient.pool.submit("answers-well", asked, lambda one, outcome: heard.append(one.key)).result(60)
    assert heard == [one.key for one in asked]


def test_a_target_says_what_it_is(patient: Asking) -> None:
    info = patient.info("answers-well")
    assert list(info.versions) == ["fake", "numpy", "python"]
    assert (info.mode, info.device, info.modes, info.devices) == ("eager", "cpu", ("eager", "fast"), ("cpu",))
    assert (info.spellings, info.script_imports) == (("plain", "fancy"), "import numpy as np")
    assert (info.missing, info.failed, info.runs) == (None, None, True)


def test_a_mode_is_the_one_that_was_asked_for(patient: Asking) -> None:
    assert patient.info("answers-well/fast").mode == "fast"


def test_an_unknown_mode_fails_the_target_and_names_the_near_ones(patient: Asking) -> None:
    failed = patient.info("answers-well/fats").failed
    assert failed is not None
    assert "mode of AnswersWell: found 'fats', accepted eager, fast; near: fast" in failed


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
    assert patient.pool.script("answers-well", probe().settings, 1) == "y = fancy(x, w, stride=(2,))"


def test_a_script_that_cannot_be_has_a_reason(patient: Asking) -> None:
    patient.info("answers-well")
    with pytest.raises(NoScript, match="IndexError"):
        patient.pool.script("answers-well", probe().settings, 7)


def test_a_missing_target_has_no_script(patient: Asking) -> None:
    patient.info("lacks")
    with pytest.raises(NoScript, match="framework_that_nobody_has is not installed"):
        patient.pool.script("lacks", probe().settings)


def test_environment_variables_are_set_for_one_target_alone() -> None:
    path = FAKES["answers-well"].path
    entries = {"one": Entry(path, {"FAKE_FLAG": "1 // 2"}, root=str(fakes.ROOT)), "other": FAKES["answers-well"]}
    with Pool([parse_target(name, entries) for name in entries], backends=entries) as pool:
        assert [info.flags["FAKE_FLAG"] for info in pool.infos.values()] == ["1 // 2", ""]
    assert "FAKE_FLAG" not in os.environ


# one probe ends its process, or raises


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
    assert kinds(patient.pool.submit("crashes-on-marked", asked).result(60)) == ["value", "crashed", "value"]


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
        pool.submit("floods-stderr", [probe(number) for number in range(1, 21)]).result(60)
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.log")) <= LOG_LIMIT
    assert list(tmp_path.iterdir()) == []


# targets that do not start, or only ever end


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


@pytest.mark.parametrize("path", ["tests.suite.fakes:NoSuchClass", "tests.suite.no_such_module:Class"])
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
    entries = {"once": Entry("tests.suite.fakes:StartsOnce", {"FAKE_FOLDER": str(tmp_path)}, root=str(fakes.ROOT))}
    with Pool([parse_target("once", entries)], backends=entries) as pool:
        assert pool.infos["once"].runs
        outcomes = pool.submit("once", [probe(1, repeat=1), probe(MARK), probe(3)]).result(60)
        assert kinds(outcomes)[1:] == ["crashed", "not-run"]
        assert "did not start: RuntimeError: the licence is used up" in outcomes[2].reason
        assert not pool.infos["once"].runs


def test_a_target_that_only_crashes_is_given_up_and_says_so() -> None:
    with Pool([parse_target("crashes-always", FAKES)], backends=FAKES, give_up_after=3) as pool:
        outcomes = pool.submit("crashes-always", [probe(number) for number in range(1, 6)]).result(60)
        assert kinds(outcomes) == ["crashed"] * 3 + ["not-run"] * 2
        assert outcomes[3].reason.startswith("crashes-always is given up after 3 ends in a row")
        assert "the last: SIGABRT" in outcomes[3].reason
        assert not pool.infos["crashes-always"].runs
        assert kinds(pool.submit("crashes-always", [probe(9)]).result(60)) == ["not-run"]


def test_a_target_that_only_hangs_is_given_up_sooner() -> None:
    with Pool([parse_target("hangs-always", FAKES)], 0.5, backends=FAKES, give_up_after=8) as pool:
        outcomes = pool.submit("hangs-always", [probe(number) for number in range(1, 4)]).result(60)
    assert kinds(outcomes) == ["timed-out", "timed-out", "not-run"]


def test_an_answer_in_between_starts_the_count_again() -> None:
    with Pool([parse_target("crashes-on-marked", FAKES)], backends=FAKES, give_up_after=2) as pool:
        outcomes = pool.submit("crashes-on-marked", [probe(n) for n in (MARK, 2, MARK, 4, MARK, 6)]).result(60)
    assert kinds(outcomes) == ["crashed", "value"] * 3


def test_a_process_that_dies_between_probes_costs_none(patient: Asking) -> None:
    assert kinds(patient.ask("dies-when-idle", 1)) == ["value"]
    time.sleep(0.6)
    assert kinds(patient.ask("dies-when-idle", 2)) == ["value"]
    assert patient.notes("dies-when-idle") == ["dies-when-idle: ended while no probe was at work: exit status 7"]


# environments, several targets, use after the end


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
        assert kinds(pool.submit("answers-well#before", [probe()]).result(60)) == ["value"]


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
    began = time.monotonic()
    pool.close()
    assert time.monotonic() - began < 5
    for future in futures:
        assert [(o.kind, o.reason) for o in future.result(5)] == [("not-run", "the pool was closed")]


def test_fresh_processes_leave_no_threads_behind() -> None:
    with Pool([parse_target("exits-on-marked", FAKES)], backends=FAKES) as pool:
        pool.submit("exits-on-marked", [probe()]).result(60)
        before = threading.active_count()
        outcomes = pool.submit("exits-on-marked", [probe(MARK, repeat=at) for at in range(3)]).result(60)
        pool.submit("exits-on-marked", [probe()]).result(60)
        assert kinds(outcomes) == ["crashed"] * 3
        assert threading.active_count() <= before


# the parts alone


def test_a_message_holds_a_bounded_number_of_probes_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.batches.MESSAGE_PROBES", 4)
    sizes = [len(chunk.packed) for chunk in messages([probe()] * 9, Packer(), lambda *_: None)]
    assert sizes == [4, 4, 1]
    monkeypatch.setattr("backends.batches.MESSAGE_BYTES", 1)
    assert [len(chunk.packed) for chunk in messages([probe()] * 3, Packer(), lambda *_: None)] == [1, 1, 1]


def test_a_probe_that_no_message_can_carry_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.batches.LARGEST", 10)
    answers: list[Outcome] = []
    assert list(messages([probe()], Packer(), lambda at, outcome: answers.append(outcome))) == []
    assert re.fullmatch(r"the arrays take \d+ bytes; 10 fit into a message", answers[0].reason)
    assert answers[0].kind == "not-run"


def test_a_fused_program_of_many_is_broken_up_twice() -> None:
    chunk = Chunk(list(range(100)), [b""] * 100, lambda *_: None)
    ended = Outcome("crashed", reason="SIGSEGV")
    chunk.after(End(ended, tuple(range(100))))
    assert [len(group) for group in chunk.groups] == [10] * 10
    chunk.after(End(ended, tuple(range(10))))
    assert [len(group) for group in chunk.groups] == [1] * 10 + [10] * 9


def test_packed_probes_are_kept_up_to_a_limit() -> None:
    size = len(Packer()(probe()))
    pack = Packer(limit=3 * size)
    kept = [pack(probe(number)) for number in (1, 2, 3, 4)]
    assert pack(probe(4)) is kept[3]
    assert pack(probe(1)) is not kept[0]
    assert pack(probe(1)) == kept[0]
