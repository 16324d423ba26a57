"""What runs visited comes back from their files, adds up over several, and is told in the summary and on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convt.cli import main
from convt.page.page import render_page
from convt.results.coverage import (
    ORDERS,
    Coverage,
    CoverageError,
    CoverageRecord,
    by_target,
    coverage_of,
    listed,
    merged,
    met,
    pack,
    unpack,
)
from convt.results.runfile import Run, RunFileError, RunWriter, read_run
from convt.results.summary import summary_json, summary_text, together_json
from tests.suite.results.synthetic_run import records, write_synthetic

DIMENSIONS = (("want", ("value", "grad-x")), ("dtype", ("float32", "<b>")), ("rank", ("1", "2", "3")))
VALUES = [f"{name} {value}" for name, values in DIMENSIONS for value in values]


def bits(*rows: str) -> dict[str, np.ndarray]:
    """The pairs and triples of rows, each as places in its dimension, such as `012`."""
    starts = np.cumsum([0, *(len(values) for _, values in DIMENSIONS[:-1])])
    has = np.zeros((len(rows), len(VALUES)), bool)
    for row, word in zip(has, rows, strict=True):
        row[[start + int(place) for start, place in zip(starts, word, strict=True)]] = True
    return met(has, DIMENSIONS)


def visiting(*rows: str, refused: tuple[str, ...] = (), possible: tuple[str, ...] = ()) -> Coverage:
    """The coverage of rows, where every row but 111 is possible unless others are said."""
    can = bits(*(possible or [f"{a}{b}{c}" for a in "01" for b in "01" for c in "012" if (a, b, c) != ("1",) * 3]))
    seen, claimed = bits(*rows), bits(*refused)
    missing = {name: can[name] & ~seen[name] for name in ORDERS}
    counts = {name: int(can[name].sum()) for name in ORDERS}
    return Coverage(DIMENSIONS, counts, missing, {name: missing[name] & claimed[name] for name in ORDERS})


def with_coverage(path: Path, **targets: Coverage) -> Path:
    """The synthetic run, and what these targets visited."""
    with RunWriter(path) as writer:
        for record in records():
            writer.write(record)
        for name, it in targets.items():
            writer.write(it.record(name))
        writer.finish(1.0, 1)
    return path


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
def test_values_meet_where_a_row_has_both(count: int) -> None:
    draw = np.random.default_rng(count)
    rows = draw.random((count, len(VALUES))) < 0.3
    of = [name for name, values in DIMENSIONS for _ in values]
    for name, order in ORDERS.items():
        places = [it for it in combinations(range(len(VALUES)), order) if len({of[at] for at in it}) == order]
        assert met(rows, DIMENSIONS)[name].tolist() == [bool(rows[:, list(it)].all(axis=1).any()) for it in places]


def test_a_record_says_what_was_neither_asked_nor_refused() -> None:
    record = visiting("000", "112", refused=("001",)).record("jax")
    assert record.counts["pairs"] == {"possible": 16, "visited": 6, "refused": 2}
    assert record.counts["triples"] == {"possible": 11, "visited": 2, "refused": 1}
    assert record.refused == {"want value": ["rank 2"], "dtype float32": ["rank 2"]}
    assert record.missing == {
        "want value": ["dtype <b>", "rank 3"],
        "want grad-x": ["dtype float32", "rank 1", "rank 2"],
        "dtype float32": ["rank 3"],
        "dtype <b>": ["rank 1", "rank 2"],
    }


def test_triples_are_named_value_by_value() -> None:
    it = visiting("000", "001", "002", "010", "100", "101", "102", refused=("011",))
    assert it.never("triples") == {
        "want value": {"dtype <b>": ["rank 3"]},
        "want grad-x": {"dtype <b>": ["rank 1", "rank 3"]},
    }
    assert it.only_refused("triples") == {"want value": {"dtype <b>": ["rank 2"]}}


def test_a_dimension_of_which_all_is_missing_is_said_in_a_word() -> None:
    assert listed(DIMENSIONS, visiting("001", "101").missing["pairs"]) == [
        ("want value", "dtype <b>; rank 1, 3"),
        ("want grad-x", "dtype <b>; rank 1, 3"),
        ("dtype float32", "rank 1, 3"),
        ("dtype <b>", "any rank"),
    ]


def test_it_comes_back_from_the_file(tmp_path: Path) -> None:
    written = visiting("000", "112", refused=("001",))
    run = read_run(with_coverage(tmp_path / "run.jsonl", jax=written, pytorch=visiting("011")))
    assert list(run.coverage) == ["pytorch", "jax"], "in the order of the header's targets"
    assert run.coverage["jax"] == written.record("jax")
    found = coverage_of(run.coverage["jax"])
    assert found.counts == written.counts
    for name in ORDERS:
        assert found.missing[name].tolist() == written.missing[name].tolist()
        assert found.refused[name].tolist() == written.refused[name].tolist()
    plain = read_run(write_synthetic(tmp_path / "plain.jsonl"))
    assert (run.verdicts, run.cases, run.details.keys()) == (plain.verdicts, plain.cases, plain.details.keys())


@pytest.mark.parametrize("size", [0, 1, 8, 9, 100_003])
def test_bits_come_back(size: int) -> None:
    bits = np.random.default_rng(size).random(size) < 0.5
    assert unpack(pack(bits), size).tolist() == bits.tolist()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda it: it["bits"].update({"pairs missing": "????"}), "bits that cannot be read"),
        (lambda it: it["bits"].update({"triples refused": pack(np.ones(40, bool))}), "40 bits for 12 combinations"),
        (lambda it: it["bits"].pop("pairs refused"), "'pairs refused'"),
        (lambda it: it["counts"].pop("triples"), "'triples'"),
        (lambda it: it.update(target="torch"), "the target 'torch', which the header has not"),
        (lambda it: it.update(more=1), "the unknown field 'more'"),
        (lambda it: it.pop("bits"), "no field 'bits'"),
        (lambda it: it.pop("dimensions"), "no field 'dimensions'"),
    ],
    ids=("no base 64", "too many", "no bits", "no counts", "no target", "more", "no field", "no dimensions"),
)
def test_a_damaged_record_is_refused_with_its_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    path = with_coverage(tmp_path / "run.jsonl", jax=visiting("000"))
    lines = path.read_text().splitlines()
    record = json.loads(lines[-2])
    change(record)
    path.write_text("\n".join([*lines[:-2], json.dumps(record), lines[-1]]) + "\n")
    with pytest.raises(RunFileError, match=re.escape(says)) as refused:
        read_run(path)
    assert refused.value.line == len(lines) - 1


def test_a_second_record_of_a_target_is_refused(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.jsonl") as writer:
        writer.write(next(records()))
        writer.write(visiting("000").record("jax"))
        with pytest.raises(ValueError, match="written before: coverage jax"):
            writer.write(visiting("000").record("jax"))
        with pytest.raises(ValueError, match="the header has no target 'torch'"):
            writer.write(visiting("000").record("torch"))


def test_two_runs_visit_what_either_does() -> None:
    one, other = visiting("000", refused=("001", "010")), visiting("001", refused=("010", "112"))
    both = merged([one, other])
    alone = visiting("000", "001", refused=("001", "010", "112"))
    assert both.counts == alone.counts
    for name in ORDERS:
        assert both.missing[name].tolist() == alone.missing[name].tolist()
        assert both.refused[name].tolist() == alone.refused[name].tolist()


def test_runs_that_count_other_dimensions_are_not_added_up() -> None:
    one = visiting("000")
    wider = replace(one, dimensions=(*DIMENSIONS[:2], ("rank", ("1", "2", "4"))))
    with pytest.raises(CoverageError, match="or other possible values: rank"):
        merged([one, wider])
    with pytest.raises(CoverageError, match="what is possible"):
        merged([one, visiting("000", possible=("000", "111"))])


def test_targets_are_added_up_by_name() -> None:
    runs: list[dict[str, CoverageRecord]] = [
        {"jax": visiting("000").record("jax"), "pytorch": visiting("001").record("pytorch")},
        {"jax": visiting("002").record("jax")},
        {},
    ]
    found = by_target(runs)
    assert {name: it.counts["triples"]["visited"] for name, it in found.items()} == {"jax": 2, "pytorch": 1}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs that counted, and one of a release that did not."""
    folder = tmp_path_factory.mktemp("runs")
    return [
        with_coverage(folder / "a.jsonl", jax=visiting("000", refused=("001",)), pytorch=visiting("011")),
        with_coverage(folder / "b.jsonl", jax=visiting("100", "112")),
        write_synthetic(folder / "old.jsonl"),
    ]


def test_the_summary_has_a_line_a_target(runs: list[Path]) -> None:
    lines = summary_text(read_run(runs[0])).splitlines()
    assert lines[-3].startswith("what meets what")
    assert lines[-1] == "  jax visits 3 of 16 pairs (2) and 1 of 11 triples (1)"
    assert lines[-2] == "  pytorch visits 3 of 16 pairs and 1 of 11 triples"


def test_the_json_tells_counts_and_names(runs: list[Path]) -> None:
    run = read_run(runs[0])
    found = summary_json(run)["coverage"]
    jax = found["targets"]["jax"]
    assert {name: jax["pairs"][name] for name in ("possible", "visited", "refused")} == run.coverage["jax"].counts[
        "pairs"
    ]
    assert jax["pairs"]["missing"] == run.coverage["jax"].missing
    assert jax["pairs"]["only_refused"] == run.coverage["jax"].refused
    assert "missing" not in jax["triples"]
    assert found["nowhere"]["triples"] == {"possible": 11, "visited": 2, "refused": 1}


def test_of_several_runs_the_triples_that_none_visits_are_listed(
    runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["summary", "--json", "--triples", *map(str, runs)]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data == together_json([read_run(path) for path in runs], True)
    assert list(data["runs"]) == [str(path) for path in runs]
    jax = data["coverage"]["targets"]["jax"]["triples"]
    assert (jax["visited"], jax["refused"]) == (3, 1)
    assert jax["only_refused"] == {"want value": {"dtype float32": ["rank 2"]}}
    assert "rank 1" not in jax["missing"]["want grad-x"]["dtype float32"]
    nowhere = data["coverage"]["nowhere"]["triples"]
    assert nowhere["visited"] == 4
    assert nowhere["missing"]["want value"] == {"dtype float32": ["rank 3"], "dtype <b>": ["rank 1", "rank 3"]}

    assert main(["summary", "--triples", *map(str, runs)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "  jax visits 8 of 16 pairs (2) and 3 of 11 triples (1)" in said
    assert "no target was asked 4 pairs and 6 triples" in said
    assert "  want value, dtype <b>: rank 1, rank 3" in said
    assert main(["summary", *map(str, runs)]) == 0
    assert "  want value, dtype <b>" not in capsys.readouterr().out


def test_runs_that_cannot_be_added_up_end_with_2(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = with_coverage(tmp_path / "other.jsonl", jax=visiting("000", possible=("000", "111")))
    assert main(["summary", str(runs[0]), str(other)]) == 2
    assert "the runs count other dimensions, or other possible values" in capsys.readouterr().err


def test_a_run_that_counted_nothing_says_nothing(runs: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    old = read_run(runs[2])
    assert old.coverage == {}
    assert summary_json(old)["coverage"] is None
    assert "what meets what" not in summary_text(old)
    assert 'id="coverage"' not in render_page(old)
    assert "#coverage" not in render_page(old)
    assert main(["summary", str(runs[2]), str(runs[2])]) == 0
    assert "none of these runs counted what it visits" in capsys.readouterr().out
    assert main(["compare", str(runs[2]), str(runs[0])]) == 0
    assert main(["compare", str(runs[0]), str(runs[2])]) == 0


def section(run: Run) -> str:
    page = render_page(run)
    found = re.search(r'<section id="coverage">.*?</section>', page, re.S)
    assert found is not None
    assert '<a href="#coverage">' in page
    return found[0]


def test_the_page_has_a_row_a_target_and_the_missing_pairs(runs: list[Path]) -> None:
    text = section(read_run(runs[0]))
    rows = [re.sub(r"<[^>]+>", "|", row) for row in re.findall(r"<tr>.*?</tr>", text, re.S)]
    cells = {row.strip("|").split("|")[0]: [it for it in row.split("|") if it.strip()][1:] for row in rows}
    assert cells["jax"] == ["3 of 16", "2", "11", "1 of 11", "1", "9"]
    assert cells["pytorch"] == ["3 of 16", "0", "13", "1 of 11", "0", "10"]
    assert cells["dtype &lt;b&gt;"] == ["any rank"], "of jax; and hostile words are words"
    assert "jax: 11 of 16 pairs that were not asked" in text
    assert "jax: 2 of 16 pairs that met only in calls" in text
    assert "pytorch: 0" not in text
    assert text.count("<details>") == 3
