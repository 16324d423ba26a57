"""A copy of a process ends, prints and knows what a command in a process of its own does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.suite import copies

TOLD = "import os, sys; print(os.getcwd(), os.environ['SAID'], sys.argv[1:], sys.stdin.read() == ''); "


@pytest.mark.parametrize(
    "end",
    ["pass", "sys.exit(3)", "sys.exit('why')", "sys.stderr.write('x'); os.kill(os.getpid(), 9)", "{}['no']"],
    ids=["returns", "exits", "says why", "is killed", "raises"],
)
def test_a_copy_ends_and_prints_as_a_process_of_its_own(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = TOLD + "sys.stdout.flush(); " + end
    copied = copies.run("", ["a", "b c"], code=code, cwd=tmp_path, env={"SAID": "yes"})
    monkeypatch.setenv("SAID", "yes")
    words = [sys.executable, "-c", code, "a", "b c"]
    done = subprocess.run(
        words, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600
    )
    assert (copied.returncode, copied.stdout) == (done.returncode, done.stdout)
    assert copied.stderr.splitlines()[-1:] == done.stderr.splitlines()[-1:]


def test_a_copy_leaves_nothing_to_the_next() -> None:
    assert copies.run("", [], code="import os, json; json.left = os.environ['LEFT'] = 'x'").returncode == 0
    assert copies.run("", [], code="import os, json; print(hasattr(json, 'left'), 'LEFT' in os.environ)").stdout == (
        "False False\n"
    )


def test_a_module_is_found_in_the_folder_and_beside_it(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    (tmp_path / "here" / "one.py").write_text("import sys, two; print(two.__file__, sys.argv)")
    (tmp_path / "there" / "two.py").write_text("")
    done = copies.run("one", ["x"], cwd=tmp_path / "here", env={"PYTHONPATH": str(tmp_path / "there")})
    assert done.stdout == f"{tmp_path / 'there' / 'two.py'} {[str(tmp_path / 'here' / 'one.py'), 'x']}\n", done.stderr
