"""An upgrade that was stopped goes on where it was; one that has ended is asked again only where it is told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convt.upgrade.journal import MOST, Journal
from tests.suite.upgrade.framed import SLOW
from tests.suite.upgrade.upgrading import ROOT, Upgrade, run
from tests.suite.upgrade.wheels import frame_wheel, numpy_wheel

CASES = 12
VERDICT = {"kind": "verdict", "case": "one", "law": "value", "target": "framed", "verdict": "pass", "outcome": "value"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release 2 is wrong about the first case, and wavers in the second."""
    folder = tmp_path_factory.mktemp("goes-on")
    lines = [f"  - {{id: case-{n}, input: 4, kernel: 3, channels: [1, {n}]}}" for n in range(2, CASES + 2)]
    (folder / "cases.yaml").write_text("\n".join(["about: Some cases.", "source: tests", "cases:", *lines, ""]))
    for release, does in (("1", {}), ("2", {2: "moved", 3: "wavers"})):
        frame_wheel(folder / "wheels", release, does)
    numpy_wheel(folder / "wheels")
    (folder / "known").mkdir()
    return folder


def words(folder: Path, *more: str) -> list[str]:
    wheels = folder / "wheels"
    found = [f"--with={next(wheels.glob('numpy-*'))}", "--backend=tests.suite.upgrade.framed:Framed"]
    found += ["--installer=--no-index", f"--installer=--find-links={wheels}", "--budget=0", "--law=value"]
    return [*found, f"--spec={folder / 'cases.yaml'}", f"--known={folder / 'known'}", *more]


def upgrade(folder: Path, *more: str, after: str = "tinyframe==2") -> Upgrade:
    cache = {"CONVT_ENVIRONMENTS": str(folder / "cache")}
    return run(folder / "out", "tinyframe==1", after, *words(folder, *more), variables=cache)


def bits(found: Upgrade, case: str, side: str) -> str:
    lines = map(json.loads, (found.report / "run.jsonl").read_text().splitlines())
    [told] = [it["bits"] for it in lines if (it["kind"], it.get("case"), it.get("target")) == (
        "verdict", case, f"framed#{side}")]  # fmt: skip
    return str(told)


@pytest.fixture(scope="module")
def stopped(folder: Path) -> subprocess.CompletedProcess[str]:
    """An upgrade that was ended as a CI ends a job, in the midst of its cases."""
    command = [sys.executable, "-m", "convt", "upgrade", "--before=tinyframe==1", "--after=tinyframe==2"]
    command += [f"--report={folder / 'out'}", *words(folder)]
    env = os.environ | {"CONVT_ENVIRONMENTS": str(folder / "cache"), SLOW: "0.3"}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=-1, stderr=-1, text=True) as process:
        until = time.monotonic() + 120
        while sum(path.read_text().count("\n") for path in folder.glob("cache/*/answers/*.jsonl")) < 5:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, *told)


def test_it_says_what_to_do(stopped: subprocess.CompletedProcess[str]) -> None:
    assert stopped.returncode == 2
    assert "interrupted; " in stopped.stderr
    assert "the same command goes on from there" in stopped.stderr
    assert "Traceback" not in stopped.stderr


def test_it_goes_on_and_then_is_not_asked_again(folder: Path, stopped: subprocess.CompletedProcess[str]) -> None:
    rest = upgrade(folder)
    assert rest.code == 1, rest.text + rest.error
    assert f"of {CASES} cases are answered already, in an earlier try; --fresh asks them again" in rest.text
    again = upgrade(folder)
    assert again.code == 1, again.text + again.error
    for side in ("before", "after"):
        assert f"{side}: all {CASES} cases are answered already" in again.text
        assert bits(rest, "case-3", side) == bits(again, "case-3", side)
    assert rest.counts == again.counts
    assert rest.kinds("case-2") == {"regressed"}
    assert rest.kinds("case-3") == {"unsteady"}
    versions = [json.loads((it.report / "run.jsonl").read_text().splitlines()[0])["targets"] for it in (rest, again)]
    assert versions[0] == versions[1]


def test_fresh_asks_anew(folder: Path, stopped: subprocess.CompletedProcess[str]) -> None:
    once = upgrade(folder)
    was = bits(once, "case-3", "after")
    fresh = upgrade(folder, "--fresh")
    assert "answered already" not in fresh.text
    assert bits(fresh, "case-3", "after") != was  # it wavers
    assert fresh.counts == once.counts


def test_another_side_after_and_other_cases(folder: Path, stopped: subprocess.CompletedProcess[str]) -> None:
    upgrade(folder)
    back = upgrade(folder, after="tinyframe==1")
    assert "answered already" not in back.text  # a version that is compared with itself has to answer twice
    assert back.code == 0
    fewer = upgrade(folder, "-k", "case-4")
    assert "answered already" not in fewer.text
    other = upgrade(folder, "--deadline=50")
    assert "answered already" not in other.text


def test_a_journal_of_what_was_killed_has_the_whole_cases(tmp_path: Path) -> None:
    for target in ("framed", "other"):
        Journal(tmp_path, "key", "before", ["framed", "other"]).add("one", f"{target}#before", [VERDICT])
    Journal(tmp_path, "key", "before", ["framed", "other"]).add("two", "framed#before", [VERDICT | {"case": "two"}])
    with (tmp_path / "key.jsonl").open("a") as file:
        file.write('{"kind": "case", "case": "th')
    found = Journal(tmp_path, "key", "after", ["framed", "other"])
    assert list(found.cases) == ["one"]
    assert [it["target"] for it in found.cases["one"]] == ["framed#after", "other#after"]
    assert found.ended is None


@pytest.mark.parametrize(
    "of_this_moment", [{"verdict": "not-run"}, {"outcome": "timed-out"}, {"finding": {"kind": "memory"}}]
)
def test_what_another_moment_may_not_have_is_asked_again(tmp_path: Path, of_this_moment: dict[str, object]) -> None:
    Journal(tmp_path, "key", "before", ["framed"]).add("one", "framed#before", [VERDICT | of_this_moment])
    assert Journal(tmp_path, "key", "before", ["framed"]).cases == {}


def test_a_script_that_comes_at_the_end_is_waited_for(tmp_path: Path) -> None:
    detail = {"kind": "detail", "case": "one", "law": "value", "target": "framed", "call": "", "script": ""}
    writing = Journal(tmp_path, "key", "before", ["framed"])
    writing.add("one", "framed#before", [VERDICT, detail])
    assert Journal(tmp_path, "key", "before", ["framed"]).cases == {}
    told = {"framed#before": {"versions": {"tinyframe": "1"}, "missing": None}}
    writing.end(told, {"framed#before": 1.0}, {("one", "value", "framed#before"): ("call", "script")})
    found = Journal(tmp_path, "key", "after", ["framed"])
    assert list(found.cases) == ["one"]
    assert found.scripts() == {("one", "value", "framed#after"): ("call", "script")}
    assert found.targets() == {"framed#after": told["framed#before"] | {"environment": "after"}}


def test_few_journals_are_kept(tmp_path: Path) -> None:
    for number in range(MOST + 3):
        Journal(tmp_path, f"key-{number}", "before", ["framed"]).add("one", "framed#before", [VERDICT])
    assert len(list(tmp_path.glob("*.jsonl"))) == MOST
