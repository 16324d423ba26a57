"""The pool's parts alone: messages, groups, packed probes, and the last words of a log."""

from __future__ import annotations

import re

import pytest

from convt.adapter.backend import Outcome
from convt.adapter.probe import describe
from convt.host.last_words import last_words
from convt.host.messages import Chunk, End, messages
from convt.host.packing import Packer
from tests.suite.host.fakes import probe

STACK = 'Stack (most recent call first):\n  File "/a/b/conv.py", line 7 in call\n  File "run.py", line 9 in run\n'
FATAL = "Fatal Python error: "
CHECK = """W1122 02:23:24.1   13373 other.cc:1] unrelated
F1122 02:23:24.857262   13373 simplifier.cc:586] Check failed: ok (Window
\tshape: f32[1,2])
\tat random

*** Check failure stack trace: ***
    @     0x7f3805440634  absl::Send()
"""
THREADS = """
Thread 0x00007f (most recent call first):
  File "other.py", line 1 in wait

Current thread 0x00007f (most recent call first):
  File "C:\\conv.py", line 7 in call
  File "/x/run.py", line 9 in run

Current thread's C stack trace (most recent call first):
  Binary file "python", at _Py_DumpStack+0x38
"""


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", ""),
        ("one\n\n two \nthree\nfour\n", "log: two | three | four"),
        (f"Check failed\n{FATAL}Aborted\n\n{STACK}", "conv.py:7 in call, from run.py:9 in run; log: Check failed"),
        (f"{FATAL}Segmentation fault\n{THREADS}", "conv.py:7 in call, from run.py:9 in run"),
        (f"{FATAL}no GIL\n{STACK}", "no GIL; conv.py:7 in call, from run.py:9 in run"),
        (f"{CHECK}{FATAL}Aborted\n", "log: simplifier.cc:586] Check failed: ok (Window | shape: f32[1,2])"),
        ("*** ended\n    @     0x7f3805440634  absl::Send()\n#1 main\n", "log: *** ended"),
        ("at 0x7ffe1234 it ended", "log: at 0x.. it ended"),
        (STACK, "conv.py:7 in call, from run.py:9 in run"),
        ("x" * 999, f"log: {'x' * 200}"),
    ],
)
def test_the_last_words_of_a_log_are_one_line_that_is_the_same_on_every_run(log: str, words: str) -> None:
    assert last_words(log) == words


def test_a_message_holds_a_bounded_number_of_probes_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convt.host.messages.MESSAGE_PROBES", 4)
    sizes = [len(chunk.packed) for chunk in messages([probe()] * 9, Packer(), lambda *_: None)]
    assert sizes == [4, 4, 1]
    monkeypatch.setattr("convt.host.messages.MESSAGE_BYTES", 1)
    assert [len(chunk.packed) for chunk in messages([probe()] * 3, Packer(), lambda *_: None)] == [1, 1, 1]


def test_a_probe_that_no_message_can_carry_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convt.host.messages.LARGEST", 10)
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


def test_an_exception_is_told_on_one_line_and_without_colours() -> None:
    assert describe(ValueError("\x1b[1mthe stride\n  is 0\x1b[0m")) == "ValueError: the stride is 0"
    assert len(describe(ValueError("x" * 999))) == 400
