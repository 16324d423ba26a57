"""The line that says how far a run is."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from convt.session.progress import COURSE, Progress, Waiting, remaining


def line_of(folder: Path, items: int, done: int, failed: int = 0) -> tuple[str, Progress]:
    progress = Progress(items, lambda: {"jax": 312, "pytorch": 0}, folder, io.StringIO(), terminal=False)
    for at in range(done):
        progress.step(failed=at < failed)
    return progress.line().plain, progress


def test_it_tells_items_failures_and_what_each_target_waits_for(tmp_path: Path) -> None:
    said, progress = line_of(tmp_path, 2000, 1200, failed=2)
    assert said.startswith("1,200 of 2,000 items, 2 failed, ")
    assert said.endswith("; jax 312 probes, pytorch waiting")
    progress.finish()


def test_a_whole_run_leaves_its_course_and_the_next_tells_the_time_left(tmp_path: Path) -> None:
    _, first = line_of(tmp_path, 10, 10)
    first.finish()
    kept = json.loads((tmp_path / COURSE).read_text())
    assert kept["items"] == 10
    assert kept["course"][-1][0] == 1.0
    kept["course"] = [[0.5, 100.0], [1.0, 300.0]]
    (tmp_path / COURSE).write_text(json.dumps(kept))
    said, second = line_of(tmp_path, 10, 0)
    second.finish()
    assert "about 200 s left" in said, "of the course that was kept, from where it first was heard of"


def test_a_run_that_is_stopped_leaves_none_and_one_of_other_items_tells_none(tmp_path: Path) -> None:
    _, progress = line_of(tmp_path, 10, 4)
    progress.finish()
    assert not (tmp_path / COURSE).exists()
    (tmp_path / COURSE).write_text("no course")
    said, other = line_of(tmp_path, 10, 0)
    other.finish()
    assert "left" not in said


@pytest.mark.parametrize(
    ("share", "seconds", "left"),
    [(0.5, 100.0, 200.0), (0.5, 50.0, 100.0), (0.5, 200.0, 400.0), (1.0, 300.0, None)],
    ids=["as-before", "twice-as-fast", "half-as-fast", "at-the-end"],
)
def test_the_time_left_goes_by_the_course_and_the_pace(share: float, seconds: float, left: float | None) -> None:
    assert remaining([(0.5, 100.0), (1.0, 300.0)], share, seconds) == left


def test_without_a_course_nothing_is_told_of_the_time_left() -> None:
    assert remaining([], 0.5, 10.0) is None


def test_what_may_be_expected_tells_the_time_left_where_there_was_no_earlier_run(tmp_path: Path) -> None:
    progress = Progress(10, dict, tmp_path, io.StringIO(), terminal=False, expected=200.0)
    for _ in range(5):
        progress.step()
    said = progress.line().plain
    progress.finish()
    assert "5 of 10 items" in said
    assert re.search(r"about \d+ s left", said)


def test_what_has_no_items_tells_its_seconds_and_what_is_left() -> None:
    with Waiting("environments", 50.0, io.StringIO(), terminal=False) as line:
        assert line.line().plain == "environments: 0 s, about 50 s left"
    with Waiting("environments", 1e-9, io.StringIO(), terminal=False) as line:
        assert line.line().plain == "environments: 0 s, longer than estimated"
    with Waiting("asking again", 0, io.StringIO(), terminal=False) as line:
        assert line.line().plain == "asking again: 0 s"
