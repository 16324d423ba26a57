"""`asked` in a case file: what it means, what it is left out for, and that it survives being written."""

from __future__ import annotations

from pathlib import Path

import pytest

from convt.cases.asked import Asked
from convt.cases.writer import as_yaml
from tests.suite.cases.spec_files import HEAD, load

FULL = "{want: only-w, dtype: bfloat16, memory: {x: channels-last, g: strided}, call_form: 2, numbers: real}"


def test_what_is_left_out_is_the_plain_evaluation(tmp_path: Path) -> None:
    (case,) = load(tmp_path, HEAD + "  - {id: one, input: 4, kernel: 3, asked: {}}\n")
    assert case.asked == Asked("value", "float32", ("contiguous",) * 3, 0, "integers")
    assert case.laws == ("crossed",)


def test_every_field_is_read(tmp_path: Path) -> None:
    (case,) = load(tmp_path, HEAD + f"  - {{id: one, input: 4, kernel: 3, asked: {FULL}}}\n")
    assert case.asked == Asked("only-w", "bfloat16", ("channels-last", "contiguous", "strided"), 2, "real")


def test_a_case_without_it_is_asked_by_every_law(tmp_path: Path) -> None:
    (case,) = load(tmp_path, HEAD + "  - {id: one, input: 4, kernel: 3}\n")
    assert case.asked is None
    assert case.laws == ()


def test_a_matrix_asks_the_same_of_each_of_its_cases(tmp_path: Path) -> None:
    text = "  - {id: one, matrix: {input: [4, 5], kernel: [1, 3]}, asked: {want: grad-x}}\n"
    cases = load(tmp_path, HEAD + text)
    assert [case.asked for case in cases] == [Asked("grad-x")] * 4


def test_an_expected_size_may_stand_beside_it(tmp_path: Path) -> None:
    (case,) = load(tmp_path, HEAD + "  - {id: one, input: 4, kernel: 3, expect: {size: 6}, asked: {want: grad-w}}\n")
    assert case.expect.size == (6,)


@pytest.mark.parametrize("asked", ["{want: jvp-x}", "{dtype: float64}", "{memory: {w: transposed}}", FULL])
def test_another_thing_asked_is_another_case_and_is_written_as_it_was_read(tmp_path: Path, asked: str) -> None:
    text = "  - {id: one, input: 4, kernel: 3}\n"
    (plain,) = load(tmp_path, HEAD + text)
    (case,) = load(tmp_path, HEAD + f"  - {{id: one, input: 4, kernel: 3, asked: {asked}}}\n")
    assert case.digest != plain.digest
    (again,) = load(tmp_path, HEAD + "".join(f"  {line}\n" for line in as_yaml(case, "one").splitlines()))
    assert (again.asked, again.digest, again.laws) == (case.asked, case.digest, case.laws)
