"""A run without pytest: what it yields, which targets it starts, and what it refuses before anything starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from convt.results.runfile import read_run
from convt.results.targets import TargetError
from convt.session import session as sessions
from convt.session.choose import chooses
from convt.session.options import BadOption, Options
from convt.session.recording import Recording, records_of
from convt.session.session import Session

ROOT = Path(__file__).parents[3]
CASES = """
about: Two cases.
source: section 3
cases:
  - {id: plain-line, input: 4, kernel: 3, padding: 1, bias: true}
  - {id: same-line, input: 7, kernel: 5, stride: 2, padding: same}
"""
HONEST = "honest=tests.suite.conv.reference:Honest"
FLIPS = "flips=tests.suite.laws.liars:FlipsKernel"


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    monkeypatch.chdir(ROOT)
    (tmp_path / "two.yaml").write_text(CASES)
    (tmp_path / "known").mkdir()
    return Options(
        targets=("honest", "flips"), backends=(HONEST, FLIPS), specs=(tmp_path / "two.yaml",), known=tmp_path / "known"
    )


@pytest.fixture
def session(options: Options) -> Iterator[Session]:
    with Session(options) as made:
        yield made


def test_it_yields_every_verdict_of_the_laws_on_the_cases_and_targets(session: Session) -> None:
    laws = [law for law in session.laws if law.id in ("value", "bias", "same-size")]
    found = {(it.found.case.id, it.found.law.id, it.found.target): it for it in session.run(laws=laws)}
    assert {key[0] for key in found} == {"plain-line", "same-line"}
    assert {key[2] for key in found} == {"honest", "flips"}
    assert ("plain-line", "bias", "honest") in found
    assert ("same-line", "same-size", "flips") in found
    wrong = {key for key, it in found.items() if it.fails}
    assert wrong
    assert {key[2] for key in wrong} == {"flips"}
    assert {key[1] for key in wrong} == {"value"}


def test_some_cases_on_some_targets_are_asked_alone(session: Session) -> None:
    [case] = [case for case in session.cases if case.id == "same-line"]
    found = list(session.run([case], ["honest"]))
    assert {(it.found.case.id, it.found.target) for it in found} == {("same-line", "honest")}
    assert set(session.started()) >= {"honest"}


def test_a_target_starts_at_the_first_question_and_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "several_devices", lambda: False)
    with Session(Options()) as session:
        assert "pytorch" in session.targets
        assert len(session.targets) > 5
        assert not session.started(), "to list targets starts none"
        session.info("jax")
        assert list(session.started()) == ["jax"]


def test_where_there_may_be_other_devices_targets_are_asked_which() -> None:
    code = (
        "from convt.session import session as s; s.several_devices = lambda: True\n"
        "from convt.session.options import Options\n"
        "with s.Session(Options(targets=('doubles',), backends=('doubles=tests.suite.laws.lies_of_modes:"
        "SecondDeviceDropsTheEdge',))) as session: print(session.targets)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['doubles', 'doubles@cpu:1']"


def test_its_records_make_a_run_file(session: Session, tmp_path: Path) -> None:
    recording = Recording(session, "by a test")
    for case in session.cases:
        recording.add(records_of(session, list(session.run([case], ["flips"]))))
    recording.finish()
    recording.write(tmp_path / "run.jsonl", 0)
    run = read_run(tmp_path / "run.jsonl")
    assert set(run.cases) == {"plain-line", "same-line"}
    assert run.header.command == "by a test"
    assert any(law == "value" and detail.actual for (_, law, _), detail in run.details.items())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"laws": ("valeu",)}, "near: value"),
        ({"targets": ("pytroch",)}, "near: pytorch"),
        ({"targets": ("jax#old",)}, "environment of jax#old"),
        ({"targets": ("jax",), "required": ("pytorch",)}, "which the targets that were named leave out"),
    ],
)
def test_what_there_is_not_is_refused_before_anything_starts(changes: dict[str, tuple[str, ...]], says: str) -> None:
    with pytest.raises((BadOption, TargetError), match=says):
        Session(Options(**changes)).check()  # type: ignore[arg-type]


def test_a_session_loads_no_pytest() -> None:
    code = "import convt.session.session, convt.session.recording, sys; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("words", "name", "chosen"),
    [
        ("gap", "gap-line", True),
        ("GAP and not 3d", "gap-line", True),
        ("gap and not line", "gap-line", False),
        ("same or (gap and line)", "gap-line", True),
        ("not gap", "gap-line", False),
    ],
)
def test_words_choose_names_as_pytest_does(words: str, name: str, chosen: bool) -> None:
    assert chooses(words, name) is chosen


@pytest.mark.parametrize("words", ["gap and", "(gap", "and", "gap line", ""])
def test_words_that_make_no_sense_are_refused(words: str) -> None:
    with pytest.raises(BadOption, match="-k: found"):
        chooses(words, "gap-line")
