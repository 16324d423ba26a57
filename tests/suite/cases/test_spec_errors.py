"""A bad case file gets one clear line an error, with its place; the errors of all files come together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from convt.cases.errors import SpecErrors
from convt.cases.loader import load_cases
from tests.suite.cases.spec_files import BAD, HEAD, RELATION, errors

BAD_FILES = sorted(BAD.glob("*.yaml"))


def test_the_bad_files_are_many() -> None:
    assert len(BAD_FILES) >= 40


@pytest.mark.parametrize("path", BAD_FILES, ids=lambda path: path.stem)
def test_a_bad_file_gives_exactly_the_lines_in_its_head(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    expected = re.findall(r"^# (\d+:\d+: .*)$", path.read_text(), re.MULTILINE)
    with pytest.raises(SpecErrors) as caught:
        load_cases([path])
    assert caught.value.errors == [f"{path.name}:{line}" for line in expected]
    assert expected


@pytest.mark.parametrize("path", BAD_FILES, ids=lambda path: path.stem)
def test_a_bad_file_names_the_place_the_field_and_both_values(path: Path) -> None:
    text = path.read_text()
    for line in re.findall(r"^# (\d+:\d+: .*)$", text, re.MULTILINE):
        if re.fullmatch(rf"\d+:\d+: [a-z][\w.\[\]]*: (?:{RELATION})", line):
            continue
        told = re.fullmatch(r"(\d+):(\d+): (?:YAML syntax|[a-z][\w.\[\]]*): found (.+?)[,;] accepted:? .+", line)
        assert told is not None, line
        row, column, found = int(told[1]), int(told[2]), told[3].strip("'")
        written = text.split("\n")[row - 1]
        if re.search(rf"(?<![\w-]){re.escape(found)}(?![\w-])", written.split("# ")[0]):
            assert re.match(rf"['\[.]*{re.escape(found)}", written[column - 1 :]), (
                f"{line}: the value is at another column"
            )


def test_bytes_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"about: One idea.\nsource: caf\xe9\n")
    with pytest.raises(SpecErrors) as caught:
        load_cases([tmp_path / "a.yaml"])
    assert caught.value.errors[0].endswith("a.yaml:2:12: file: found the byte 0xe9, accepted UTF-8")


def test_a_missing_file_is_an_error_line(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors, match=r"gone\.yaml:1:1: file: found No such file or directory, accepted a readable"):
        load_cases([tmp_path / "gone.yaml"])


def test_errors_of_all_files_come_together(tmp_path: Path) -> None:
    lines = errors(tmp_path, "about: [\n", HEAD + "  - {id: one, input: -1, kernel: 3, strid: 2}\n")
    assert [line.split(": ")[0] for line in lines] == ["a.yaml:2:1", "b.yaml:4:22", "b.yaml:4:37"]


def test_a_refuted_prediction_in_numbers_that_comes_true_is_an_error(tmp_path: Path) -> None:
    text = HEAD + (
        "  - id: one\n    input: {shape: [1, 1, 2], data: [1, 2]}\n    kernel: {shape: [1, 1, 1], data: [2]}\n"
        "    claim: {says: It doubles., holds: false, correction: No.}\n    refuted: {data: [2, 4]}\n"
    )
    assert errors(tmp_path, text)[0].startswith(
        "a.yaml:8:21: cases[0].refuted.data: the oracles confirm this prediction"
    )
