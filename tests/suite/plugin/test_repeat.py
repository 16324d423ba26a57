"""What is printed to repeat a failure is a command that repeats it, whatever kind of failure that is."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from convt.cases.loader import load_cases
from convt.session.options import Options
from convt.session.profiles import PROFILES
from convt.session.repeat import command
from convt.session.session import Session
from tests.suite import copies
from tests.suite.plugin.test_pytest_run import CASES, FLIPS, Result

MODES = "compiles=tests.suite.laws.lies_of_modes:CompiledFlips"
DEVICES = "doubles=tests.suite.laws.lies_of_modes:SecondDeviceDropsTheEdge"


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    path = tmp_path / "a few.yaml"  # a blank, as paths may have
    path.write_text(CASES)
    (tmp_path / "known").mkdir()
    return path


def convt(words: list[str], report: Path) -> Result:
    """`convt run` with these words, in this repository, as a user there types it."""
    at = words.index("--") if "--" in words else len(words)
    told = [*words[:at], f"--report={report}", *words[at:]]
    return Result(copies.run("convt", told), report)


def repeats(result: Result) -> list[list[str]]:
    """The words of each command that is printed to repeat a failure."""
    return [shlex.split(line) for line in re.findall(r"^E?\s+repeat: (.*)$", result.text, re.MULTILINE)]


KINDS = {
    "a case of a file": ["flips", "--backend", FLIPS, "-k", "plain-line", "--law", "value"],
    "a generated case": ["flips", "--backend", FLIPS, "-k", "test_law", "--law=value", "--seed=7", "--profile=ci"],
    "a mode": ["compiles/compiled", "--backend", MODES, "-k", "plain-line", "--law", "value"],
    "a law of modes": ["compiles", "compiles/compiled", "--backend", MODES, "-k", "plain-line", "--law", "mode"],
    "a law of devices": ["doubles", "--backend", DEVICES, "-k", "plain-square", "--law", "device"],
    "another device": ["doubles@cpu:1", "--backend", DEVICES, "-k", "plain-square", "--law", "value"],
    "an environment": [
        "flips#other", f"--environment=other={sys.executable}", "--backend", FLIPS, "-k", "plain-line", "--law=value",
    ],
    "an option of its own": ["flips", "--backend", FLIPS, "-k", "plain-line", "--law", "value", "--deadline", "50"],
}  # fmt: skip


@pytest.mark.parametrize("words", KINDS.values(), ids=[name.replace(" ", "-") for name in KINDS])
def test_a_printed_command_repeats_its_failure(words: list[str], specs: Path, tmp_path: Path) -> None:
    own = [f"--spec={specs}", f"--known={tmp_path / 'known'}"]
    first = convt(["run", *words, *own], tmp_path / "first")
    assert first.code == 1, first.text
    failing = {key for key, (verdict, _) in first.verdicts().items() if verdict in ("differs", "error")}
    [printed, *_] = repeats(first)
    assert printed[0] == "convt"
    again = convt(printed[1:], tmp_path / "again")
    assert again.code == 1, again.text
    repeated = {key for key, (verdict, _) in again.verdicts().items() if verdict in ("differs", "error")}
    assert repeated
    named = {key[1:] for key in repeated if key[0].startswith("generated-")}
    assert repeated <= failing or named <= {key[1:] for key in failing}
    assert repeats(again)[0] == printed, "and prints itself"
    assert shlex.split(again.records[0]["command"])[: len(printed)] == printed, "and the run file has what was typed"


@pytest.mark.parametrize(
    ("profile", "target", "case_id"),
    [("large", "pytorch", "large-axis"), ("modes", "pytorch/compile", "same-k5-s2"), ("default", "jax", "same-k5-s2")],
)
def test_the_command_of_a_case_of_convts_own_selects_it(
    profile: str, target: str, case_id: str, tmp_path: Path
) -> None:
    """Of cases that stand in convt's own files the profile alone is told, where it says which these are."""
    with Session(Options(profile=PROFILES[profile])) as session:
        [case] = [case for case in load_cases(session.options.files) if case.id == case_id]
        words = shlex.split(command(session, case, "value", [target]))
    listed = convt([*words[1:], "--", "--collect-only", "-q"], tmp_path).text
    assert f"[{case_id}:{target}]" in listed
    assert not [line for line in listed.splitlines() if "::" in line and not line.endswith(f":{target}]")]


def test_words_that_nothing_has_are_said_with_the_near_ones(tmp_path: Path) -> None:
    nothing = convt(["run", "pytorch", "-k", "smae-k5-s2"], tmp_path / "out")
    assert nothing.code == 2
    assert "-k: found 'smae-k5-s2', which no item has; near: same-k5-s2" in nothing.text
