"""The processes that are asked: what they need, and that they end with what they were started for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convt.capture import child
from convt.capture.seen import Unreadable, Wanted

CHILDREN = Path(child.__file__).parent / "children"
NAMES = sorted(path.stem for path in CHILDREN.glob("*_child.py"))
HERE = "tests.suite.capture.programs"


@pytest.mark.parametrize("name", NAMES)
def test_a_child_needs_numpy_its_framework_and_nothing_else(name: str) -> None:
    code = f"import sys, convt.capture.children.{name}; print(*{{word.partition('.')[0] for word in sys.modules}})"
    root = {"PYTHONPATH": str(child.PACKAGE.parent)}
    said = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | root, capture_output=True, text=True, check=True
    )
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    started = {word.partition(".")[0] for word in bare.stdout.split()}
    assert set(said.stdout.split()) - started - {*sys.stdlib_module_names, "convt", "numpy"} == set()


def test_another_python_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is none that it imports from until the model's own code is."""
    for name in ("json", "ctypes", "importlib"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(7)\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unreadable, match="HDF5 file"):  # it is not there, or h5py is not
        child.ask("h5_child", {"target": "gone.h5"}, child.Python(sys.executable), "gone.h5")


def test_what_the_users_code_prints_is_no_answer(tmp_path: Path) -> None:
    program = tmp_path / "loud.py"
    program.write_text(
        "import sys\nprint('{}' * 100000)\nsys.stderr.write('x')\ndef net(x):\n    raise ValueError('no')\n"
    )
    asked = child.question(Wanted({"0": (1, 2)}), target=f"{program}:net", framework="keras")
    with pytest.raises(Unreadable) as error:
        child.ask("program_child", asked, child.Python(), "loud")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(sys.platform != "linux", reason="processes as Linux shows them")
def test_a_process_that_the_users_code_starts_ends_with_it(tmp_path: Path) -> None:
    program = tmp_path / "forks.py"
    program.write_text(
        "import pathlib, subprocess, sys, time\n"
        "def net():\n"
        "    it = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        f"    pathlib.Path({str(tmp_path)!r}, 'pid').write_text(str(it.pid))\n"
        "    time.sleep(300)\n"
    )
    asked = child.question(Wanted({"0": (1, 2)}), target=f"{program}:net", framework="")
    with pytest.raises(Unreadable, match="no answer in 3 s; give --deadline more"):
        child.ask("program_child", asked, child.Python(deadline=3), "forks")
    process = Path("/proc", (tmp_path / "pid").read_text())
    for _ in range(50):
        if not process.exists() or "\nState:\tZ" in (process / "status").read_text():
            return
        time.sleep(0.1)
    raise AssertionError("it still runs")


def test_a_question_is_plain_data() -> None:
    asked = child.question(Wanted({"x": (1, 2)}, {"x": "int64"}, True), target="a:b")
    assert json.loads(json.dumps(asked)) == asked | {"shapes": {"x": [1, 2]}}
