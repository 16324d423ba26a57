"""The run file comes back as it was written, or is refused with one clear line."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convt.results.runfile import DetailRecord, Header, LawInfo, Run, RunFileError, RunWriter, VerdictRecord, read_run
from tests.suite.results.synthetic_run import STATEMENTS, TARGETS, case_records, header, records, write_synthetic


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_synthetic(tmp_path_factory.mktemp("run") / "run.jsonl")


@pytest.fixture(scope="module")
def run(whole: Path) -> Run:
    return read_run(whole)


def small(path: Path, *more: Any) -> Path:
    """A run of one case, with `more` records."""
    with RunWriter(path) as writer:
        for record in (header(), case_records()[0], *more):
            writer.write(record)
        writer.finish(seconds=1.0, exit_status=0)
    return path


def test_what_was_written_comes_back(run: Run) -> None:
    written = list(records())
    assert run.header == Header(**{**vars_of(header()), "platform": run.header.platform})
    assert {case.id: case.claim for case in case_records()} == {case.id: case.claim for case in run.cases.values()}
    verdicts = [record for record in written if isinstance(record, VerdictRecord)]
    assert sorted(run.verdicts, key=str) == sorted(verdicts, key=str)
    assert len(run.details) == sum(isinstance(record, DetailRecord) for record in written)
    assert (run.footer.verdicts, run.footer.cases) == (len(run.verdicts), len(run.cases))


def vars_of(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__ if name != "kind"}


def test_every_field_of_a_law_comes_back(tmp_path: Path) -> None:
    """Each field has another value than its default, so that none is lost on the way."""
    law = LawInfo("value", "It holds.", "section 3", 7, 3, 2)
    assert all(getattr(law, it.name) != it.default for it in fields(law))
    with RunWriter(tmp_path / "run.jsonl") as writer:
        writer.write(header(laws=(law,)))
        writer.finish(1.0, 0)
    assert read_run(tmp_path / "run.jsonl").header.laws == (law,)


def test_records_stand_by_case_then_law_then_target(run: Run) -> None:
    laws, targets = list(STATEMENTS), [target.name for target in TARGETS]
    keys = [(record.case, laws.index(record.law), targets.index(record.target)) for record in run.verdicts]
    assert keys == sorted(keys)
    assert list(run.cases) == sorted(run.cases)


def test_the_order_of_arrival_leaves_no_trace(whole: Path, tmp_path: Path) -> None:
    backwards = write_synthetic(tmp_path / "backwards.jsonl", order=-1)
    assert backwards.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -0.0, 0.1, 3.0, complex(1, -2), complex(math.nan, 0)], ids=str
)
def test_every_number_survives(value: Any, tmp_path: Path) -> None:
    case = case_records()[0].id
    detail = DetailRecord(case, "value", "jax", expected=[[value, 1.0]], actual=np.array([[value, 2.0]]))
    path = small(tmp_path / "run.jsonl", detail)
    assert "NaN" not in path.read_text()
    found = read_run(path).details[case, "value", "jax"]
    assert [repr(found.expected[0][0]), repr(found.actual[0][0])] == [repr(value), repr(value)]


def test_an_infinite_use_of_the_bound_survives(tmp_path: Path) -> None:
    verdict = VerdictRecord(case_records()[0].id, "accuracy", "jax", "differs", used=math.inf)
    assert read_run(small(tmp_path / "run.jsonl", verdict)).verdicts[0].used == math.inf


def test_a_script_that_looks_like_numbers_stays_text(tmp_path: Path) -> None:
    case = case_records()[0].id
    script = 'print("nan", "inf", "1j")\n'
    path = small(tmp_path / "run.jsonl", DetailRecord(case, "value", "jax", [[1.0]], None, "f()", script))
    assert read_run(path).details[case, "value", "jax"].script == script


def test_the_earlier_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = small(tmp_path / "run.jsonl")
    before = path.read_bytes()
    with RunWriter(path) as writer:
        writer.write(header(seed=8))
        assert path.read_bytes() == before
    assert path.read_bytes() == before
    with pytest.raises(RunFileError, match="cut short"):
        read_run(tmp_path / "run.jsonl.part")
    assert read_run(small(path, VerdictRecord(case_records()[0].id, "value", "jax", "pass"))).footer.verdicts == 1
    assert [item.name for item in tmp_path.iterdir()] == ["run.jsonl"]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (header(), "written before: header"),
        (VerdictRecord("a", "no-such-law", "jax", "pass"), "no law 'no-such-law'"),
        (VerdictRecord("a", "value", "no-such-target", "pass"), "no target 'no-such-target'"),
    ],
    ids=["second header", "unknown law", "unknown target"],
)
def test_the_writer_refuses(record: Any, said: str, tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.jsonl") as writer:
        writer.write(header())
        with pytest.raises(ValueError, match=said):
            writer.write(record)


def test_the_writer_wants_the_header_first(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.jsonl") as writer, pytest.raises(ValueError, match="a header is accepted"):
        writer.write(case_records()[0])


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def damage(path: Path, how: str) -> None:
    """Spoil a whole run file in one way."""
    lines = path.read_text().splitlines(keepends=True)
    header_line, case, verdict, footer = lines[0], lines[1], lines[2], lines[-1]
    spoiled = {
        "empty": [],
        "no footer": lines[:-1],
        "half a line": [*lines[:-1], footer[:20]],
        "no header": lines[1:],
        "no JSON": [header_line, "{'kind': 1}\n", *lines[1:]],
        "no object": [header_line, "[1, 2]\n", *lines[1:]],
        "a constant": [header_line, case.replace('"x":[', '"x":[NaN,'), *lines[2:]],
        "blank line": [header_line, "\n", *lines[1:]],
        "other format": [header_line.replace('"format":2', '"format":3'), *lines[1:]],
        "verdict gone": [header_line, case, *lines[3:]],
        "case gone": [header_line, *lines[2:]],
        "verdict twice": [header_line, case, verdict, verdict, *lines[3:]],
        "case twice": [header_line, case, case, *lines[2:]],
        "second header": [header_line, header_line, *lines[1:]],
        "unknown kind": [header_line, case.replace('"case"', '"casket"', 1), *lines[2:]],
        "unknown verdict": [header_line, case, verdict.replace('"pass"', '"maybe"'), *lines[3:]],
        "unknown field": [header_line, case, verdict.replace('"law"', '"lore"'), *lines[3:]],
        "unknown target": [header_line, case, verdict.replace('"pytorch"', '"torch"'), *lines[3:]],
        "a list for a name": [header_line, case, verdict.replace('"law":"output-shape"', '"law":[]'), *lines[3:]],
        "setting gone": [header_line, case.replace('"stride":', '"step":'), *lines[2:]],
        "after the footer": [*lines, footer],
    }
    path.write_text("".join(spoiled[how]))


@pytest.mark.parametrize(
    ("how", "line", "found"),
    [
        ("empty", None, "an empty file"),
        ("no footer", "last", "no footer, so the run was cut short"),
        ("half a line", "last+1", "half a line, so the run was cut short"),
        ("no header", 1, "no header, but the kind 'case'"),
        ("no JSON", 2, 'no JSON: "'),
        ("no object", 2, "no object: '[1, 2]'"),
        ("a constant", 2, "no JSON"),
        ("blank line", 2, "no JSON: ''"),
        ("other format", 1, "the format 3"),
        ("verdict gone", "last", "but 7170 in the footer"),
        ("case gone", "last", "53 cases, but 54 in the footer"),
        ("verdict twice", 4, "a second time"),
        ("case twice", 3, "a second time"),
        ("second header", 2, "a second header"),
        ("unknown kind", 2, "the kind 'casket'"),
        ("unknown verdict", 3, "the verdict 'maybe'"),
        ("unknown field", 3, "the unknown field 'lore'"),
        ("unknown target", 3, "the target 'torch', which the header has not"),
        ("a list for a name", 3, "law []"),
        ("setting gone", 2, "a case without the setting 'stride'"),
        ("after the footer", "last+2", "after the footer"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(how: str, line: Any, found: str, whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(whole.read_bytes())
    damage(path, how)
    with pytest.raises(RunFileError) as refused:
        read_run(path)
    error = refused.value
    assert found in error.found
    assert "\n" not in str(error)
    assert str(error).startswith(str(path))
    assert error.accepted in str(error)
    assert error.todo in str(error)
    count = len(path.read_text().splitlines())
    shorter = {"last": count, "last+1": count, "last+2": count}
    assert error.line == (shorter[line] if isinstance(line, str) else line)


@pytest.mark.parametrize("what", ["missing.jsonl", "."])
def test_a_file_that_is_not_there_is_refused_in_one_line(what: str, tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match="give the path of a run file") as refused:
        read_run(tmp_path / what)
    assert "\n" not in str(refused.value)


def test_every_line_says_what_it_is(whole: Path) -> None:
    kinds = [line["kind"] for line in lines_of(whole)]
    assert (kinds[0], kinds[-1]) == ("header", "footer")
    assert set(kinds[1:-1]) == {"case", "verdict", "detail"}
