"""`convt compare`: exit codes, options, and the file that it writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convt.cli import main
from convt.page.compare_forms import FORMATS
from tests.suite.results.two_runs import CASE, JAX, SAME, made, verdict


def command(*arguments: object) -> int:
    return main(["compare", *map(str, arguments)])


def test_the_command_exits_0_1_and_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    made(good, SAME, verdict())
    made(bad, SAME, verdict("differs"))
    assert command(good, good) == 0
    assert "The same: no difference." in capsys.readouterr().out
    assert command(good, bad, "--annotate") == 1
    assert "::error file=" in capsys.readouterr().out
    assert command(bad, good) == 0
    made(bad, SAME, verdict(), oracles=2)
    assert command(good, bad) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert command(good, bad, "--force") == 0
    assert command(good, tmp_path / "nowhere.jsonl") == 2
    assert "no such file" in capsys.readouterr().err
    assert command(good) == 2
    assert "no target of the environment 'before'" in capsys.readouterr().err


@pytest.mark.parametrize("form", FORMATS)
def test_the_command_writes_a_file(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path, it in zip(runs, ("pass", "differs"), strict=True):
        made(path, SAME, verdict(it))
    out = tmp_path / "deep" / "told"
    assert command(*runs, "--format", form, "--out", out) == 1
    assert capsys.readouterr().out.splitlines()[1] == str(out)
    assert CASE in out.read_text()
    assert [path.name for path in out.parent.iterdir()] == ["told"]
    (tmp_path / "file").write_text("")
    assert command(*runs, "--out", tmp_path / "file" / "told") == 2


def test_sides_and_fail_on_are_options(tmp_path: Path) -> None:
    targets = tuple(replace(JAX, name=f"jax#{side}", environment=side) for side in ("old", "new"))
    records = [verdict(target=target.name, bits=bits * 16) for target, bits in zip(targets, "ab", strict=True)]
    path = tmp_path / "a.jsonl"
    made(path, *records, targets=targets)
    assert command(path, "--sides", "old", "new") == 0
    assert command(path, "--sides", "old", "new", "--fail-on", "bits") == 1
    assert command(path, path, "--sides", "old", "new") == 2
