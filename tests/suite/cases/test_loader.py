"""What good case files mean."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from convt.conv.settings import Settings
from tests.suite.cases.spec_files import GOOD, HEAD, load, one


def test_a_case_carries_its_settings_and_literal_data(tmp_path: Path) -> None:
    case = load(tmp_path, GOOD)[0]
    assert case.settings == Settings((2,), (1,), (3,), bias=True)
    assert case.literal is not None
    assert case.literal.b is not None
    assert_array_equal(case.literal.x, np.array([[[1, 2]]], "float32"), strict=True)
    assert_array_equal(case.literal.w, np.array([[[10]]], "float32"), strict=True)
    assert_array_equal(case.literal.b, np.array([5], "float32"), strict=True)
    assert case.expect.data is not None
    assert_array_equal(case.expect.data, [[[15, 5, 5, 25]]])
    assert (case.expect.size, case.expect.matrix) == ((4,), (4, 2))
    assert (case.about, case.source, case.tags) == (
        "A stride larger than the kernel leaves gaps.",
        "section 3",
        ("gap", "pencil"),
    )
    assert case.origin.endswith("a.yaml:4")


def test_every_field_reaches_the_settings(tmp_path: Path) -> None:
    case = load(tmp_path, GOOD)[1]
    assert case.settings == Settings(
        input=(3, 4), kernel=(2, 3), stride=(4, 5), dilation=(2, 2), padding=((0, 1), (1, 0)),
        output_padding=(1, 0), batch=3, channels_in=2, channels_out=4, groups=2,
    )  # fmt: skip
    assert (case.seed, case.about, case.source) == (7, "Its own sentence.", "its own source")
    assert case.claim is not None
    assert (case.claim.holds, case.claim.correction) == (False, "The stride does.")
    assert case.refuted is not None
    assert case.refuted.size == (4, 4)


def test_a_matrix_gives_named_cases(tmp_path: Path) -> None:
    ids = [case.id for case in load(tmp_path, GOOD)[2:]]
    assert ids[:3] == ["gap-grid-k1-s2-d1", "gap-grid-k1-s2-d2", "gap-grid-k1-s3-d1"]
    assert "gap-grid-k2-s2-d1" not in ids
    assert "gap-grid-k2-s3-d1" in ids


def test_a_forward_kernel_is_out_by_in(tmp_path: Path) -> None:
    case = one(tmp_path, "op: conv", "input: {shape: [2, 4, 5]}", "kernel: {shape: [6, 2, 3]}", "groups: 2")
    assert case.settings == Settings(
        (5,), (3,), op="conv", batch=2, channels_in=4, channels_out=6, groups=2, padding=((0, 0),)
    )


def test_a_transposed_kernel_is_in_by_out(tmp_path: Path) -> None:
    case = one(tmp_path, "input: {shape: [2, 4, 5]}", "kernel: {shape: [4, 3, 3]}", "groups: 2")
    assert (case.settings.channels_in, case.settings.channels_out) == (4, 6)


def test_missing_literal_data_are_drawn_from_the_seed(tmp_path: Path) -> None:
    given = one(tmp_path, "input: {shape: [1, 1, 2], data: [1, 2]}", "kernel: 3", "seed: 4")
    drawn = one(tmp_path, "input: 2", "kernel: 3", "seed: 4")
    assert_array_equal(given.data().x, [[[1, 2]]])
    assert_array_equal(given.data().w, drawn.data().w)
    assert drawn.literal is None


def test_decimal_data_are_kept_as_float32(tmp_path: Path) -> None:
    case = one(
        tmp_path,
        "input: {shape: [1, 1, 2], data: [0.1, 1e-5]}",
        "kernel: {shape: [1, 1, 1], data: [3]}",
        "expect: {data: [0.3, 3e-5]}",
    )
    assert case.literal is not None
    assert_array_equal(case.literal.x, np.array([[[0.1, 1e-5]]], "float32"), strict=True)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("same", "same"),
        ("valid", "valid"),
        ("1", ((1, 1), (1, 1))),
        ("[1, 2]", ((1, 1), (2, 2))),
        ("[[1, 2], [0, 1]]", ((1, 2), (0, 1))),
    ],
)
def test_padding_has_five_forms(tmp_path: Path, written: str, meant: object) -> None:
    assert one(tmp_path, "input: [7, 7]", "kernel: 5", f"padding: {written}").settings.padding == meant


def test_aliases_stand_for_their_anchor(tmp_path: Path) -> None:
    case = one(tmp_path, "input: &size [4, 5]", "kernel: 3", "output_size: [6, 7]", "stride: 1", "tags: [x]")
    again = one(tmp_path, "input: &size [4, 4]", "kernel: *size")
    assert case.settings.input == (4, 5)
    assert again.settings.kernel == (4, 4)


def test_a_prediction_of_another_shape_is_refuted(tmp_path: Path) -> None:
    claim = "claim: {says: It has 2., holds: false, correction: It has 6.}"
    case = one(tmp_path, "input: 4", "kernel: 3", claim, "refuted: {data: [1, 2]}")
    assert case.refuted is not None
    assert case.refuted.data is not None
    assert case.refuted.data.shape == (2,)


def test_six_hundred_cases_load_within_seconds_of_a_processor(tmp_path: Path) -> None:
    text = HEAD + "".join(
        f"  - id: c{number}\n    input: {{shape: [1, 1, 2], data: [1, 2]}}\n"
        f"    kernel: {{shape: [1, 1, 2], data: [1, {number}]}}\n"
        f"    expect: {{data: [1, {number + 2}, {2 * number}]}}\n"
        for number in range(600)
    )
    started = time.process_time()
    assert len(load(tmp_path, text)) == 600
    assert time.process_time() - started < 10
