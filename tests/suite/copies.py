"""Runs commands of the engine in copies of a process that has imported it, which takes longer than most of them do.

A copy is the process of a command in all but its start: its own environment, folder, words, streams and end. What is
said of a start, of signals, or of two processes whose hashes differ, wants `subprocess`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEADLINE = 600.0
"""Seconds after which a command hangs, on a busy machine too."""
SERVER = """
import json, os, runpy, sys
import jinja2, ml_dtypes, numpy.random
import convt.cli, convt.content.backends.registry, convt.content.tests.laws, convt.page.page, convt.pytest_plugin
del sys.modules["convt.pytest_plugin"]  # pytest imports it itself, and rewrites its assertions
for line in sys.stdin:
    asked = json.loads(line)
    if not (child := os.fork()):
        break
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
os.chdir(asked["cwd"])
os.environ.clear()
os.environ.update(asked["env"])
for stream, path in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
    os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), stream)
sys.stdin = open(0)
beside = asked["env"].get("PYTHONPATH", "")
sys.path[:1] = [asked["cwd"], *(path for path in beside.split(os.pathsep) if path)]
sys.argv = ["-c", *asked["words"]]
if asked["module"]:
    runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)
else:
    exec(asked["code"], {"__name__": "__main__"})
"""
"""Reads what is asked, a line of JSON each, and prints the copy's number and its exit status."""


@cache
def _server() -> subprocess.Popen[str]:
    """One for all tests of this process; it ends when its input does."""
    return subprocess.Popen(
        [sys.executable, "-c", SERVER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


def _answer(seconds: float) -> int | None:
    """The next number that the server prints; None after so many seconds."""
    stream = _server().stdout
    assert stream is not None
    ready, _, _ = select.select([stream], [], [], seconds)
    return int(stream.readline()) if ready else None


def run(
    module: str, words: Sequence[str], *, code: str = "", cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What `python -m module words` (or `python -c code words` where `module` is empty) returns and prints.

    `env` adds to the environment. Raises subprocess.TimeoutExpired where it does not end.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        asked = {"module": module, "code": code, "words": [*words], "cwd": str(cwd), "out": str(out), "err": str(err)}
        stdin = _server().stdin
        assert stdin is not None
        stdin.write(json.dumps(asked | {"env": os.environ | dict(env or {})}) + "\n")
        child = _answer(DEADLINE)
        assert child is not None
        status = _answer(DEADLINE)
        if status is None:
            os.kill(child, signal.SIGKILL)
            _answer(DEADLINE)
            raise subprocess.TimeoutExpired([module, *words], DEADLINE)
        told = [path.read_text(errors="replace") if path.exists() else "" for path in (out, err)]
    return subprocess.CompletedProcess([module, *words], status, *told)
