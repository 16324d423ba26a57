"""Drawings, formulas, features and tables of numbers say what the settings and the arrays say."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from convt.conv.oracles import dense_matrix
from convt.conv.settings import Settings
from convt.page.drawing import Axis, axis_of, draw, drawings
from convt.results.evidence import compare
from convt.results.features import FEATURES, formulas, has
from tests.suite.results.synthetic_run import case_records, settings_of_cases


@pytest.mark.parametrize("name", settings_of_cases())
def test_the_formula_gives_the_output(name: str) -> None:
    it = settings_of_cases()[name]
    plain = {**it.canonical(), "output": it.output, "crop": it.crop, "extra": it.extra}
    for line, out in zip(formulas(plain), it.output, strict=True):
        sums = line.removeprefix("out = ").split(" = ")[0].replace("floor", "int")
        assert eval(sums) == out  # noqa: S307  our own arithmetic


@pytest.mark.parametrize("name", [name for name, it in settings_of_cases().items() if it.rank == 1 and it.transposed])
def test_the_drawing_counts_as_many_taps_as_the_dense_matrix_has_entries(name: str) -> None:
    it = settings_of_cases()[name].replace(channels_in=1, channels_out=1, groups=1, bias=False)
    axis = axis_of({**it.canonical(), "output": it.output, "crop": it.crop, "extra": it.extra}, 0)
    assert axis is not None
    matrix = dense_matrix(it, np.ones(it.w_shape))
    assert axis.counts()[axis.lo : axis.full - axis.hi] == [int(row.sum()) for row in matrix]


def test_a_gap_a_cut_and_an_added_position_are_marked() -> None:
    svg = draw(Axis(transposed=True, stamps=2, taps=1, stride=3, dilation=1, lo=1, hi=0, full=6, extra=2))
    assert svg.count('class="gap">0<') == 4
    assert svg.count(">cut<") == 1
    assert re.findall(r'class="place">(\S+?)<', svg) == ["0", "1", "2", "3+", "4+"]


def test_a_long_axis_says_what_is_not_drawn() -> None:
    svg = draw(Axis(transposed=True, stamps=120, taps=4, stride=3, dilation=1, lo=0, hi=0, full=361, extra=0))
    assert "10 of 120 inputs and 30 of 361 positions are drawn." in svg
    assert len(svg) < 8_000


NAN = float("nan")


@pytest.mark.parametrize(
    ("expected", "actual", "marked"),
    [
        ([[[1.0, 2.0]]], [[[1.0, 3.0]]], [False, True]),
        ([[[NAN, 2.0]]], [[[NAN, NAN]]], [False, True]),
        ([[[0.0, 1.0]]], [[[-0.0, 1.0]]], [True, False]),
        ([1.0, 2.0], [1.0, 2.0], [False, False]),
        (3.0, 4.0, [True]),
    ],
    ids=["value", "nan", "negative zero", "equal", "scalar"],
)
def test_the_cells_that_differ_are_marked(expected: Any, actual: Any, marked: list[bool]) -> None:
    (grid,) = compare(expected, actual).grids
    (_, plain), (_, got) = grid.rows
    assert [cell.differs for cell in got] == marked
    assert not any(cell.differs for cell in plain)


def test_a_large_array_is_cut_to_the_first_difference_and_says_so() -> None:
    expected = [[[[float(column) for column in range(50)] for _ in range(40)] for _ in range(2)]]
    actual = [[[[*row] for row in plane] for plane in item] for item in expected]
    actual[0][1][30][41] = -1.0
    found = compare(expected, actual)
    assert found.note == "1 of 4,000 numbers differ, marked ≠. Shown: [0, 1, 25:35, 33:49] of shape (1, 2, 40, 50)."
    assert [cell.text for _, cells in found.grids[1].rows for cell in cells if cell.differs] == ["-1"]


def test_arrays_of_different_shapes_are_shown_apart() -> None:
    found = compare([[1.0, 2.0]], [[1.0]])
    assert found.note == "The shapes differ: expected (1, 2), got (1, 1)."
    assert [len(grid.columns) for grid in found.grids] == [2, 1]


def test_an_empty_array_is_said_to_be_empty() -> None:
    assert compare([[[]]], [[[]]]).note == "No number differs. The shape is (1, 1, 0): no numbers."


@pytest.mark.parametrize("feature", FEATURES, ids=lambda it: f"{it.group}: {it.name}")
def test_every_feature_tells_some_cases_from_others(feature: Any) -> None:
    plains = [case.settings for case in case_records()]
    assert len({has(feature, it) for it in plains}) == 2


def test_an_axis_of_a_large_result_is_not_counted_out() -> None:
    it = Settings(input=(32770, 2), kernel=(1, 2), stride=(65536, 2))
    drawn = drawings(it.canonical() | {"output": it.output, "crop": it.crop, "extra": it.extra})
    assert [caption.partition(".")[0] for caption, _ in drawn] == ["Axis 1"]
