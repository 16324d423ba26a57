"""Under `python -O`, which drops every `assert`: specifications are refused and laws judge as ever."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
JUDGED = [ROOT / "src" / "convt" / name for name in ("laws", "cases", "session")] + [ROOT / "tests" / "laws"]
SPEC = """\
about: a
source: b
cases:
  - {id: wrong, input: {shape: [1, 1, 2], data: [1, 2]}, kernel: {shape: [1, 1, 1], data: [10]}, expect: {data: [1, 2]}}
  - {id: misspelt, input: 4, kernel: 3, strid: 2}
"""
KNOWN = """\
known:
  - {id: one, law: value, wrong: {verdict: differs}, reason: r, issue: i, since: "1"}
"""
LIAR = """\
from convt.laws.catalogue import law_by_id
from tests.suite.laws.kills import findings
from tests.suite.laws.liars import ANSWERING
from tests.suite.laws.sample import SAMPLE
for law_id, name in (("bias", "DropsBias"), ("value", "FlipsKernel"), ("adjoint", "FlipsKernel")):
    law = law_by_id(law_id)
    case = next(case for case in SAMPLE if law.applies(case) and max(case.settings.kernel) > 1)
    found = findings(ANSWERING[name]("eager", "cpu"), case, {law_id: law.probes(case)})[law_id].finding
    print(law_id, found.verdict, found.probe, found.message)
"""


def said(*arguments: str) -> list[tuple[int, str]]:
    """Exit status and words of a command, without and with -O."""
    done = []
    for flags in ([], ["-O"]):
        command = [sys.executable, *flags, *arguments]
        each = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        done.append((each.returncode, each.stdout + each.stderr))
    return done


def test_a_bad_spec_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(SPEC)
    (tmp_path / "known.yaml").write_text(KNOWN)
    plain, optimised = said("-m", "convt", "check", str(tmp_path / "bad.yaml"), str(tmp_path / "known.yaml"))
    assert plain == optimised
    assert plain[0] != 0
    for words in ("strid", "needs `kind`", "expect.data"):
        assert words in plain[1]


def test_a_liar_is_caught() -> None:
    plain, optimised = said("-c", LIAR)
    assert plain == optimised
    assert plain[0] == 0, plain[1]
    assert [word for word in plain[1].split() if word == "differs"] == ["differs"] * 3


def asserts(text: str) -> list[int]:
    """The lines of a module on which something is asserted."""
    return [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("folder", JUDGED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_rests_on_an_assert(folder: Path) -> None:
    found = {f"{path.name}:{line}" for path in folder.rglob("*.py") for line in asserts(path.read_text())}
    assert not found


def test_an_assert_would_be_seen() -> None:
    assert asserts("x = 1\nassert x\n") == [2]
