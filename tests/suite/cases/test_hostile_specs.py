"""Hostile and damaged case files are refused in little memory and time, and never with a traceback."""

from __future__ import annotations

import random
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from convt.cases.errors import SpecErrors
from convt.cases.loader import load_cases
from tests.suite.cases.spec_files import BAD, GOOD, HEAD, RELATION, ROOT


def check_in_little(path: Path, megabytes: int = 1000, seconds: int = 10) -> subprocess.CompletedProcess[str]:
    """`convt check` on a file with so much memory and so many seconds of a processor, past which it is killed."""
    limit = megabytes * 2**20

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    return subprocess.run(
        [sys.executable, "-m", "convt", "check", str(path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": ""},
        preexec_fn=limited,
    )  # fmt: skip


HOSTILE = {
    "bomb": lambda: (BAD / "alias_bomb.yaml").read_bytes(),
    "fifty-megabytes": lambda: b"cases: [" + b"1, " * 17_000_000,
    "a-million-brackets": lambda: b"[" * 999_999,
    "a-million-braces": lambda: b"{a: " * 249_999,
    "a-million-dashes": lambda: b"- " * 499_999,
    "half-a-million-numbers": lambda: b"[" + b"1," * 499_998 + b"]",
    "one-long-word": lambda: b"a" * 999_999,
    "many-anchors": lambda: b"".join(b"- &a%d [*a%d]\n" % (i + 1, i) for i in range(50_000)),
    "long-where": lambda: (HEAD + "  - {id: one, input: 4, kernel: 3, where: '" + "(" * 90_000 + "'}").encode(),
    "nested-where": lambda: (
        HEAD + "  - {id: a, input: 4, matrix: {kernel: [1]}, where: '" + "(" * 499 + "'}"
    ).encode(),
    "many-nots": lambda: (
        HEAD + "  - {id: a, input: 4, matrix: {kernel: [1]}, where: '" + "not " * 124 + "1'}"
    ).encode(),
    "huge-arrays": lambda: (HEAD + "  - {id: a, input: {shape: [65536, 65536, 65536]}, kernel: 65536}").encode(),
    "huge-kernel-of-nothing": lambda: (HEAD + "  - {id: a, input: [0, 0, 0], kernel: 65536, batch: 0}").encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_little_memory_and_time(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_bytes(HOSTILE[name]())
    done = check_in_little(path)
    assert done.returncode == 1
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    assert re.match(r".*hostile\.yaml:\d+:\d+: .*found .*accepted", done.stdout)


def test_a_file_that_takes_too_long_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_bytes(HOSTILE["half-a-million-numbers"]())
    assert check_in_little(path, seconds=0).returncode in (-signal.SIGKILL, -signal.SIGXCPU)


def test_no_damage_to_a_good_file_gives_a_traceback(tmp_path: Path) -> None:
    generator = random.Random(20)
    pieces = [
        "",
        " ",
        "\n",
        ":",
        "-",
        "[",
        "}",
        "&a ",
        "*a",
        "!x ",
        "0",
        "-1",
        "1e9",
        "~",
        "'",
        '"',
        "\t",
        "{}",
        "x",
        "%",
    ]
    path = tmp_path / "a.yaml"
    lines: list[str] = []
    for _ in range(300):
        at = generator.randrange(len(GOOD))
        path.write_text(GOOD[:at] + generator.choice(pieces) + GOOD[at + generator.randrange(4) :])
        try:
            load_cases([path])
        except SpecErrors as error:
            lines += error.errors
    assert len(lines) > 100
    told = rf".*a\.yaml:\d+:\d+: .+: (?:found |{RELATION})"
    assert [line for line in lines if not re.match(told, line)] == []
