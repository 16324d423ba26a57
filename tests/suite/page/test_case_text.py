"""`convt show`: a run, a case and a case on one target, in the terminal."""

from __future__ import annotations

import pytest

from convt.cli import main
from convt.page.case_text import case_text, script_of
from convt.results.runfile import Run, read_run
from convt.results.summary import summary_text
from tests.suite.results.synthetic_run import write_synthetic


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read_run(write_synthetic(tmp_path_factory.mktemp("run") / "run.jsonl"))


def wrong(run: Run) -> tuple[str, str, str]:
    """(case, law, target) of the first verdict with numbers and a script."""
    return next(
        key for key, detail in run.details.items() if detail.script and detail.actual is not None and detail.call
    )


def test_a_run_is_shown_as_its_summary(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(run.path)]) == 0
    assert capsys.readouterr().out == summary_text(run) + "\n"


def test_without_a_run_the_last_one_is_shown(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convt.commands.show.RUN", run.path)
    case = next(iter(run.cases))
    assert main(["show", case]) == 0
    assert capsys.readouterr().out == case_text(run, case) + "\n"


def test_a_case_tells_its_settings_and_every_verdict(run: Run) -> None:
    case, law, target = wrong(run)
    text = " ".join(case_text(run, case).split())
    record = next(each for each in run.verdicts if (each.case, each.law, each.target) == (case, law, target))
    for setting in ("op", "kernel", "stride", "dilation", "groups"):
        assert f" {setting} " in text
    assert " ".join(record.message.split()) in text
    for each in (each for each in run.verdicts if each.case == case):
        assert each.law in text
    for info in run.header.targets:
        assert info.name in text
    detail = run.details[case, law, target]
    assert "expected: [" in text
    assert "got: [" in text
    assert f"call: {' '.join(detail.call.split())}" in text
    assert "import numpy" not in text


def test_a_case_on_one_target_has_its_script_and_no_other_target(run: Run) -> None:
    case, _, target = wrong(run)
    text = case_text(run, case, target)
    assert text.endswith(script_of(run, case, target).rstrip())
    lines = text.splitlines()
    assert not [line for line in lines for info in run.header.targets
                if info.name != target and line.startswith(f"{info.name}  ")]  # fmt: skip


def test_lines_but_those_of_calls_fit(run: Run) -> None:
    for case in run.cases:
        assert [line for line in case_text(run, case).splitlines() if len(line) > 100 and "call:" not in line] == []


def test_a_target_that_did_not_run_says_so(run: Run) -> None:
    missing = next(info for info in run.header.targets if info.missing)
    assert f"did not run: {missing.missing}"[:40] in case_text(run, next(iter(run.cases)), missing.name)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["no-such-case"], "CASE: found 'no-such-case'"),
        (["CASE", "no-such-target"], "TARGET: found 'no-such-target'"),
        (["CASE", "a", "b"], "found 3 names"),
        (["--upstream", "x"], "--upstream excludes"),
    ],
)
def test_what_is_not_there_is_told(run: Run, capsys: pytest.CaptureFixture[str], more: list[str], said: str) -> None:
    names = [next(iter(run.cases)) if name == "CASE" else name for name in more]
    assert main(["show", str(run.path), *names]) == 2
    assert said in capsys.readouterr().err
