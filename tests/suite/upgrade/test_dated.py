"""Since which release a cause is so, where the history knows the versions between the two that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from convt.results.causes import causes
from convt.results.changes import compare
from convt.results.reader import read_run
from convt.results.releases import write_release
from convt.upgrade.dated import dated
from convt.upgrade.series import SERIES, Series
from tests.suite.upgrade.test_history import release

FAKE = Series("fake", "fake-engine")
CASES = {"one": "1", "two": "2"}


def told(folder: Path, codes: Sequence[dict[str, str]], first: int, last: int, other_law: int = -1) -> list[str]:
    """What is said of releases 1.0, 1.1, ... with these verdicts, from the one to the other."""
    for number, its in enumerate(codes):
        made = release(f"1.{number}", its, **{name: CASES[name] for name in its})
        laws = tuple(replace(law, version=2) for law in made.header.laws)
        if number == other_law:
            made = replace(made, header=replace(made.header, laws=laws))
        write_release(made, FAKE.path(made.version, folder))
    sides = (read_run(FAKE.path(f"1.{number}", folder)) for number in (first, last))
    return [it.since for it in causes(dated(compare(*sides), folder))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(SERIES, "fake", FAKE)
    return tmp_path


def both(*codes: str) -> list[dict[str, str]]:
    return [{"one": code, "two": "ppp"} for code in codes]


def test_the_release_that_mended_it_is_named(folder: Path) -> None:
    codes = both("dp.", "dp.", "pp.", "pp.")
    assert told(folder, codes, 0, 3) == ["since fake 1.2, not in 1.1"]
    assert told(folder, codes, 3, 0) == ["up to fake 1.1, not in 1.2"]
    assert told(folder, codes, 0, 2) == ["since fake 1.2, not in 1.1"]


def test_nothing_is_said_where_the_two_are_neighbours(folder: Path) -> None:
    assert told(folder, both("dp.", "pp.", "pp."), 0, 1) == [""]


def test_of_a_change_there_and_back_the_last_one_counts(folder: Path) -> None:
    assert told(folder, both("dp.", "pp.", "dp.", "pp."), 0, 3) == ["since fake 1.3, not in 1.2"]


def test_cases_that_changed_in_several_releases_are_counted(folder: Path) -> None:
    codes = [{"one": "dp.", "two": "dp."}, {"one": "pp.", "two": "dp."}, {"one": "pp.", "two": "pp."}]
    assert told(folder, codes, 0, 2) == [
        "since fake 1.1, not in 1.0 (1 case); since fake 1.2, not in 1.1 (1 case)"
    ]  # fmt: skip


def test_a_release_that_does_a_third_thing_before_says_nothing(folder: Path) -> None:
    assert told(folder, both("dp.", "up.", "pp."), 0, 2) == [""]


def test_what_another_version_of_the_law_judged_is_passed_over(folder: Path) -> None:
    assert told(folder, both("dp.", "dp.", "pp.", "pp."), 0, 3, other_law=1) == ["since fake 1.2, not in 1.0"]


def test_the_first_line_says_it() -> None:
    """Of releases that convt brings: Keras takes `output_padding=0` since 3.11."""
    series = SERIES["keras"]
    sides = (read_run(series.path(version)) for version in ("3.10.0", "3.15.1"))
    first = causes(dated(compare(*sides)))[0]
    assert first.says.endswith("; since keras 3.11.3, not in 3.10.0")
