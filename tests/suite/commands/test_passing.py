"""`convt show` and `convt script` on a case that passes: the framework's own call, what it gives, and a script."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convt.cli import main

ROOT = Path(__file__).parents[3]
CASES = """
about: What numpy.convolve computes, and a case that it cannot express.
source: section 3
cases:
  - {id: full-numbers, input: {shape: [1, 1, 3], data: [1, 2, 3]}, kernel: {shape: [1, 1, 2], data: [10, 1]}}
  - {id: a-stride, input: 3, kernel: 2, stride: 2}
"""
TARGET = "numpy-convolve"
EXPECTED = [[[10.0, 21.0, 32.0, 3.0]]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a run in which every law holds."""
    (tmp_path / "few.yaml").write_text(CASES)
    monkeypatch.chdir(ROOT)
    words = ["run", TARGET, "--backend", "docs.examples.numpy_backend:NumpyConvolve", "--law", "value,support"]
    own = ["--spec", str(tmp_path / "few.yaml"), "--report", str(tmp_path / "out"), "-k", "test_case"]
    done = subprocess.run([sys.executable, "-m", "convt", *words, *own], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(tmp_path / "out" / "run.jsonl")


def test_the_call_its_numbers_and_a_script_that_gives_them(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", run, "full-numbers", TARGET]) == 0
    shown = capsys.readouterr().out
    assert "np.convolve(x[item, i], w[i, o], 'full')" in shown
    assert "  call: " not in shown  # which this adapter does not say
    [gives] = re.findall(r"gives: (.*)", shown)
    assert json.loads(gives) == EXPECTED
    assert main(["script", run, "full-numbers", TARGET]) == 0
    script = capsys.readouterr().out
    assert script.rstrip() in shown
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    numbers = [float(word) for word in re.findall(r"-?\d+\.", done.stdout)]
    assert np.array_equal(numbers, np.ravel(EXPECTED))


def test_why_there_is_none_is_said(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", run, "a-stride", TARGET]) == 0
    assert "numpy-convolve cannot express it: numpy.convolve has no stride" in capsys.readouterr().out
    assert main(["script", run, "a-stride", TARGET]) == 2
    assert "no script for a-stride on numpy-convolve: numpy-convolve cannot express it" in capsys.readouterr().err


def test_another_case_of_that_name_is_not_asked_in_its_place(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    spec = Path(run).parents[1] / "few.yaml"
    spec.write_text(CASES.replace("data: [10, 1]", "data: [10, 2]"))
    assert main(["show", run, "full-numbers", TARGET]) == 0
    assert "has another case of that name" in capsys.readouterr().out
    spec.unlink()
    assert main(["script", run, "full-numbers", TARGET]) == 2
    assert "few.yaml is not there" in capsys.readouterr().err


def test_a_script_of_another_version_says_so(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(run)
    first, *rest = path.read_text().splitlines()
    header = json.loads(first)
    header["targets"][0]["versions"]["numpy"] = "0.1"
    path.write_text("\n".join([json.dumps(header), *rest]) + "\n")
    assert main(["script", run, "full-numbers", TARGET]) == 0
    assert capsys.readouterr().out.startswith(f"# made with numpy {np.__version__}; the run was of numpy 0.1\n")


def test_a_target_that_did_not_run_has_none(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(run)
    first, *rest = path.read_text().splitlines()
    header = json.loads(first)
    header["targets"][0]["missing"] = "numpy is not installed"
    path.write_text("\n".join([json.dumps(header), *rest]) + "\n")
    assert main(["script", run, "full-numbers", TARGET]) == 2
    assert "numpy-convolve did not run: numpy is not installed" in capsys.readouterr().err


def test_run_may_be_left_out(run: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convt.commands.show.RUN", Path(run))
    assert main(["script", "full-numbers", TARGET]) == 0
    assert "np.convolve" in capsys.readouterr().out
    assert main(["script", "full-numbers"]) == 2
    assert "accepted CASE and TARGET" in capsys.readouterr().err
    monkeypatch.chdir(Path(run).parents[1])
    monkeypatch.setattr("convt.commands.page.OUT", Path("out"))
    assert main(["page"]) == 0
