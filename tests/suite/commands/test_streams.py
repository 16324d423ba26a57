"""A terminal of another encoding, a reader that is gone, streams that are closed: the command goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from convt.results.runfile import read_run
from tests.suite.results.synthetic_run import write_synthetic

CONVT = f"{sys.executable} -m convt"
SOURCE = Path(__file__).parents[3] / "src"


def shell(words: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A line of a shell in a folder; its status is that of convt, whoever reads it."""
    told = os.environ | {"PYTHONPATH": os.pathsep.join([str(SOURCE), str(SOURCE.parent)])} | env
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", words],  # noqa: S607
        cwd=folder, env=told, capture_output=True, text=True, errors="replace", timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("words", ["summary RUN", "show RUN", "show RUN CASE", "check"])
def test_a_terminal_of_another_encoding_gets_a_sign_in_place_of_what_it_lacks(
    tmp_path: Path, words: str, encoding: str
) -> None:
    run = read_run(write_synthetic(tmp_path / "run.jsonl"))
    words = words.replace("RUN", "run.jsonl").replace("CASE", next(iter(run.cases)))
    done = shell(f"{CONVT} {words}", tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip()


RUN = "run honest --backend honest=tests.suite.conv.reference:Honest -k 'test_case and gap-1d' --law value --report out"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_run_ends_on_a_terminal_of_another_encoding(tmp_path: Path, encoding: str) -> None:
    done = shell(f"{CONVT} {RUN}", tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 target holds every law" in done.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_is_gone_stops_nothing(tmp_path: Path, unbuffered: str) -> None:
    laws = shell(f"{CONVT} laws | head -1", tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert (laws.returncode, laws.stderr) == (0, "")
    assert len(laws.stdout.splitlines()) == 1
    run = shell(f"{CONVT} {RUN} | head -1", tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert (run.returncode, run.stderr) == (0, "")
    assert read_run(tmp_path / "out" / "run.jsonl").footer.exit == 0


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", ">&- 2>&- <&-"])
def test_closed_streams_lose_the_words_and_nothing_else(tmp_path: Path, closed: str) -> None:
    assert shell(f"{CONVT} laws {closed}", tmp_path).returncode == 0
    done = shell(f"{CONVT} {RUN} {closed}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert read_run(tmp_path / "out" / "run.jsonl").verdicts


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    done = shell(f"mkdir gone && cd gone && rmdir ../gone && {CONVT} {RUN}", tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip() == "convt run: the current folder is gone; change to one that there is"


def test_ctrl_c_while_the_command_is_imported_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n\n\nclass Late:\n    def find_spec(self, name, *_):\n"
        "        if name == 'convt.laws.catalogue':\n            raise KeyboardInterrupt\n\n\n"
        "sys.meta_path.insert(0, Late())\n"
    )
    done = shell(f"{CONVT} laws", tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), str(SOURCE)]))
    assert (done.returncode, done.stderr.strip()) == (2, "convt: interrupted")


def test_a_full_disk_is_told_once(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    done = shell(f"{CONVT} laws >/dev/full", tmp_path)
    assert (done.returncode, done.stderr.splitlines()) == (2, ["convt laws: [Errno 28] No space left on device"])
