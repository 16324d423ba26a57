"""Heap checking: memory that nobody owns is blamed on the probe that touched it, not on the one that died of it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from convt.adapter import heap
from convt.adapter.backend import Outcome
from convt.host import runner
from tests.suite.host.fake_pool import Asking, kinds
from tests.suite.host.fakes import DIES, MARK

MANY = range(100, 180)
"""Numbers of probes that are neither marked nor die."""
SKIPPED = heap.lacks()
needs_glibc = pytest.mark.skipif(SKIPPED is not None, reason=str(SKIPPED))


@pytest.fixture(scope="module")
def patient() -> Iterator[Asking]:
    asking = Asking(60.0)
    yield asking
    asking.pool.close()


def crashed(numbers: list[int], outcomes: list[Outcome]) -> list[int]:
    """The probes that were blamed, by their numbers; the others have a value."""
    assert set(kinds(outcomes)) <= {"crashed", "value"}
    return [number for number, outcome in zip(numbers, outcomes, strict=True) if outcome.kind == "crashed"]


@needs_glibc
@pytest.mark.parametrize("before", [0, 1, 31, 32, 40])
def test_damage_is_blamed_on_the_probe_that_did_it(patient: Asking, before: int) -> None:
    numbers = [*MANY[:before], MARK, *MANY[before:60], DIES, *MANY[60:]]
    outcomes = patient.ask("damages-the-heap/heap-check", *numbers)
    assert crashed(numbers, outcomes) == [MARK]
    assert "the size of a block of the heap was written over" in outcomes[before].reason


@needs_glibc
def test_without_heap_checking_the_one_that_died_of_it_is_blamed(patient: Asking) -> None:
    numbers = [MARK, *MANY[:10], DIES, *MANY[10:20]]
    outcomes = patient.ask("damages-the-heap", *numbers)
    assert MARK not in crashed(numbers, outcomes)
    assert crashed(numbers, outcomes)[:1] == [DIES]


@needs_glibc
def test_a_byte_behind_a_block_is_seen_when_the_block_is_freed(patient: Asking) -> None:
    numbers = [*MANY[:40], MARK, *MANY[40:]]
    assert crashed(numbers, patient.ask("writes-beyond", *numbers)) == []
    assert crashed(numbers, patient.ask("writes-beyond/heap-check", *numbers)) == [MARK]


@needs_glibc
@pytest.mark.parametrize("liar", ["reads-beyond", "writes-before"])
def test_an_access_beyond_an_input_is_seen_where_it_happens(patient: Asking, liar: str) -> None:
    numbers = [*MANY[:40], MARK, *MANY[40:]]
    outcomes = patient.ask(f"{liar}/heap-check", *numbers)
    assert crashed(numbers, outcomes) == [MARK]
    assert outcomes[40].reason.startswith("SIGSEGV")


@needs_glibc
def test_a_read_beyond_an_input_is_not_seen_without_guards(patient: Asking) -> None:
    assert kinds(patient.ask("reads-beyond", MARK)) == ["value"]


@needs_glibc
@pytest.mark.parametrize("name", ["answers-well", "fuses"])
def test_what_keeps_to_its_memory_is_right(patient: Asking, name: str) -> None:
    outcomes = patient.ask(f"{name}/heap-check", *MANY)
    assert kinds(outcomes) == ["value"] * len(MANY)
    assert patient.info(f"{name}/heap-check").flags["MALLOC_CHECK_"] == "3"


@needs_glibc
def test_an_undamaged_heap_is_walked_to_its_end() -> None:
    assert heap.damage() == ""
    assert heap._heaps()


@needs_glibc
@pytest.mark.parametrize("size", [1, 4, 4096, 4097, 100_000])
def test_guarded_memory_can_be_written_to_its_last_byte(size: int) -> None:
    memory = heap.guarded(size)
    memory[...] = 7
    assert (memory.nbytes, int(memory.sum())) == (size, 7 * size)
    assert (memory.ctypes.data + size) % 4096 == 0


def test_guarded_memory_is_asked_for_by_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONVT_HEAP_CHECK", raising=False)
    assert not heap.checking()
    copy = heap.copied(np.arange(6).reshape(2, 3).T)
    assert copy.flags.c_contiguous
    assert copy.tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("system", "libc", "said"),
    [
        ("darwin", ("", ""), "needs 64-bit Linux with glibc, and this is "),
        ("win32", ("", ""), "needs 64-bit Linux with glibc, and this is "),
        ("linux", ("", ""), "needs glibc 2.34 or newer, and this is another C library"),
        ("linux", ("glibc", "2.31"), "needs glibc 2.34 or newer, and this is glibc 2.31"),
    ],
)
def test_where_no_heap_can_be_checked_nothing_runs_and_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch, system: str, libc: tuple[str, str], said: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)
    assert said in str(heap.lacks())


def test_a_target_whose_heap_cannot_be_checked_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "lacks", lambda mode: "no heap here" if mode == "heap-check" else None)
    asking = Asking(60.0)
    try:
        [outcome] = asking.ask("answers-well/heap-check", 1)
        assert (outcome.kind, outcome.reason) == ("not-run", "no heap here")
        assert kinds(asking.ask("answers-well/hostile", 1)) == ["value"]
    finally:
        asking.pool.close()
