"""Cases that name other cases: ids are unique, `equals` and `differs` are held against the oracle."""

from __future__ import annotations

from pathlib import Path

from tests.suite.cases.spec_files import HEAD, errors, load


def test_an_id_in_two_files_names_both_places(tmp_path: Path) -> None:
    text = HEAD + "  - id: one\n    input: 4\n    kernel: 3\n"
    (line,) = errors(tmp_path, text, text)
    assert line == "b.yaml:4:9: cases[0].id: found 'one', which a.yaml:4:9 has already; accepted an id of its own"


def test_equals_reaches_into_other_files(tmp_path: Path) -> None:
    first = HEAD + "  - {id: one, input: 4, kernel: 3, padding: 1, expect: {equals: two}}\n"
    second = HEAD + "  - {id: two, input: 4, kernel: 3, padding: same}\n"
    assert [case.id for case in load(tmp_path, first, second)] == ["one", "two"]
    wrong = first.replace("equals", "differs")
    (line,) = errors(tmp_path, wrong, second)
    assert line.startswith("a.yaml:4:66: cases[0].expect.differs: found 'two', which gives the same numbers")


def test_equals_compares_on_the_data_of_the_case_that_says_so(tmp_path: Path) -> None:
    text = HEAD + (
        "  - {id: one, input: {shape: [1, 1, 2], data: [1, 2]}, kernel: {shape: [1, 1, 2], data: [0, 0]},"
        " expect: {equals: two}}\n  - {id: two, input: 2, kernel: 2, padding: [[1, 0]], output_padding: 0, seed: 3}\n"
    )
    (line,) = errors(tmp_path, text)
    assert "whose output has shape [1, 1, 2], and this one [1, 1, 3]" in line
    zero = text.replace("padding: [[1, 0]], output_padding: 0", "dilation: 1")
    assert load(tmp_path, zero)[0].expect.equals == "two"


def test_a_reference_to_a_broken_case_is_not_a_second_error(tmp_path: Path) -> None:
    text = HEAD + "  - {id: one, input: 4, kernel: 3, expect: {equals: two}}\n  - {id: two, input: 4, kernel: 0}\n"
    assert errors(tmp_path, text) == ["a.yaml:5:33: cases[1].kernel: found 0, accepted 1 or more"]
