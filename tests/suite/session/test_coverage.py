"""What a run visits is what its targets were asked and answered, of exactly what is possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convt.adapter.backend import Kind, Outcome, Probe
from convt.adapter.probe import Timing
from convt.cases.asked import CROSSED
from convt.conv.dtypes import numpy_dtype
from convt.conv.settings import Settings
from convt.laws.catalogue import all_laws
from convt.results.coverage import ORDERS, Dimensions, coverage_of, named
from convt.results.runfile import Run, read_run
from convt.session.coverage import Visited, dimensions_of, number_of, possible, possible_of, row_of
from convt.session.crossing import FACTORS, Row, case_of, excluded, rows
from convt.session.options import Options
from convt.session.recording import Recording, records_of
from convt.session.session import Session

ROOT = Path(__file__).parents[3]
THREE = {"a": (1, 2, 3), "b": (1, 2), "c": (1, 2, 3), "d": (1, 2)}
RIGHT = Outcome("value", np.zeros(1, np.float32))


def names(bits: dict[str, np.ndarray], dimensions: Dimensions) -> dict[str, set[tuple[str, ...]]]:
    """Pairs and triples by name, one by one."""
    pairs, triples = (named(dimensions, order, bits[name]) for name, order in ORDERS.items())
    return {
        "pairs": {(a, b) for a, those in pairs.items() for b in those},
        "triples": {(a, b, c) for a, others in triples.items() for b, those in others.items() for c in those},
    }


def by_brute_force(factors: dict[str, tuple[int, ...]], excludes: Callable[[Row], bool]) -> dict[str, set[Any]]:
    """The same from every whole row."""
    every = [dict(zip(factors, values, strict=True)) for values in product(*factors.values())]
    words = [[f"{name} {value}" for name, value in row.items()] for row in every if not excludes(row)]
    return {name: {it for row in words for it in combinations(row, order)} for name, order in ORDERS.items()}


@pytest.mark.parametrize(
    "excludes",
    [
        lambda row: False,
        lambda row: row.get("a") == 1 and row.get("b") == 1,
        lambda row: row.get("a") == 1 and row.get("b") == 1 and row.get("c") == 3,
        # no row has a=2, for each b excludes it
        lambda row: row.get("a") == 2 and "b" in row,
        # a chain: with a=1 comes b=2, with b=2 comes c=3, so a=1 is never with c=1, which no reason says
        lambda row: (row.get("a") == 1 and row.get("b") == 1) or (row.get("b") == 2 and row.get("c", 3) != 3),
        lambda row: None not in (row.get("a"), row.get("c"), row.get("d")) and (row["a"] + row["c"] + row["d"]) % 2 > 0,
        lambda row: row.get("d") == 2 and row.get("a") == 3 and row.get("c") in (1, 2),
        lambda row: "a" in row and "b" in row,
    ],
    ids=("nothing", "a pair", "a triple", "a value", "a chain", "odd sums", "some triples", "everything"),
)
def test_what_is_possible_is_what_some_whole_row_has(excludes: Callable[[Row], bool]) -> None:
    assert names(possible_of(THREE, excludes), dimensions_of(THREE)) == by_brute_force(THREE, excludes)


def test_a_covering_array_meets_every_pair_that_is_possible_and_no_other() -> None:
    visited = Visited()
    for row in rows(2, 7):
        visited.take("a", probe_of(row), RIGHT)
    counts = visited.coverage("a").counts
    assert counts["pairs"]["visited"] == counts["pairs"]["possible"] > 3000
    assert counts["triples"]["visited"] < counts["triples"]["possible"]


def test_rows_that_nobody_excludes_have_only_what_is_possible() -> None:
    draw, can = np.random.default_rng(7), names(dict(possible()), dimensions_of(FACTORS))
    asked = 0
    while asked < 300:
        row = {name: values[draw.integers(len(values))] for name, values in FACTORS.items()}
        if not excluded(row):
            asked += 1
            words = [f"{name} {value}" for name, value in row.items()]
            assert set(combinations(words, 2)) <= can["pairs"]
            assert set(combinations(words, 3)) <= can["triples"]


def probe_of(row: Row) -> Probe:
    """What the law `crossed` asks for a row."""
    [law] = [law for law in all_laws() if law.id == CROSSED]
    return next(iter(law.probes(case_of(row, 7)).values()))


def test_every_row_is_told_from_what_is_asked_for_it() -> None:
    for row in rows(2, 7):
        assert row_of(probe_of(row)) == row


PLAIN = {
    "want": "value", "dtype": "float32", "memory of x": "contiguous", "memory of w": "contiguous",
    "memory of g": "contiguous", "channels in": 1, "channels out": 1, "last axis": 2, "padding": "none", "batch": 1,
    "rank": 1, "call form": 0, "groups": "1", "op": "conv_transpose", "stride": "1", "dilation": "1", "bias": False,
    "numbers": "integers",
}  # fmt: skip
DEPTHWISE = {"groups": "depthwise"}


def made(dtype: str = "float32", number: float = 1, want: Any = "value", **fields: Any) -> Probe:
    """A probe of settings with these fields, two inputs and three taps where they say nothing."""
    it = Settings(**{"input": (2,), "kernel": (3,)} | fields)
    x, w = (np.full(shape, number, numpy_dtype(dtype)) for shape in (it.x_shape, it.w_shape))
    return Probe(it, x, w, want=want)


@pytest.mark.parametrize(
    ("probe", "differs"),
    [
        (made(), {}),
        (made(batch=3, bias=True), {"batch": None, "bias": True}),
        (made(channels_in=6, channels_out=16, groups=2), {"channels in": 3, "channels out": 8, "groups": "some"}),
        (made(channels_in=2, channels_out=2, groups=2), {"groups": "some"}),
        (made(channels_in=3, channels_out=3, groups=3), {"channels in": 3, "channels out": 3, "groups": "depthwise"}),
        (made(channels_in=3, channels_out=6, groups=3), {"channels out": None, "groups": "some"}),
        (made(channels_in=5, channels_out=5, groups=5), {"channels in": None, "channels out": None} | DEPTHWISE),
        (made(input=(3, 16), kernel=(1, 2)), {"rank": 2, "last axis": "one vector"}),
        (made(input=(55,)), {"last axis": "realistic"}),
        (made(input=(56,)), {"last axis": None}),
        (made(input=(4,), op="conv"), {"op": "conv"}),
        (made(padding="same", stride=(2,)), {"padding": "same", "stride": "more"}),
        (made(padding="valid", dilation=(2,)), {"padding": "valid", "dilation": "more"}),
        (made(padding=((1, 1),)), {"padding": "numbers"}),
        (made(padding=((1, 0),)), {"padding": "pairs"}),
        (made(dtype="bfloat16", number=0.5), {"dtype": "bfloat16", "numbers": "real"}),
        (made(dtype="complex64", number=0.5), {"dtype": "complex64", "numbers": "real"}),
        (made(number=np.inf), {}),
        (made(want="traced"), {"want": None}),
        (replace(made(), call_form=3), {"call form": None}),
        (replace(made(), call_form=2), {"call form": 2}),
        (replace(made(), layout=("strided", "", "flipped")), {"memory of x": "strided", "memory of g": None}),
        (replace(made(), w=np.ones((1, 1, 3), np.float64)), {"dtype": None}),
    ],
)  # fmt: skip
def test_a_probe_counts_for_its_values_and_for_none_where_it_has_another(probe: Probe, differs: dict[str, Any]) -> None:
    expected = {name: value for name, value in (PLAIN | differs).items() if value is not None}
    assert row_of(probe) == expected


@pytest.mark.parametrize(
    "probe",
    [
        replace(made(), force=True),
        replace(made(), force="unsafe"),
        replace(made(), invalid={"stride": 0}),
        replace(made(), timing=Timing()),
        made(want="nearest"),
    ],
)
def test_what_visits_nothing(probe: Probe) -> None:
    assert not number_of(probe)
    visited = Visited()
    visited.take("a", probe, RIGHT)
    assert visited.told() == {}


@pytest.mark.parametrize(
    ("kind", "told"),
    [("value", 0), ("raised", 0), ("unsupported", 1), ("crashed", None), ("timed-out", None), ("not-run", None)],
)
def test_only_answers_count_and_what_cannot_be_said_apart(kind: Kind, told: int | None) -> None:
    visited, probe = Visited(), made()
    visited.take("a", probe, Outcome(kind))
    lists = ([], []) if told is None else tuple([number_of(probe)] if told == place else [] for place in (0, 1))
    assert visited.told().get("a", ([], [])) == lists


def test_an_answer_anywhere_outweighs_a_refusal() -> None:
    visited = Visited()
    visited.take("a", made(), Outcome("unsupported"))
    refused = visited.coverage("a").counts
    assert [refused[name]["refused"] for name in ORDERS] == [153, 816], "of 18 values, each two and three"
    visited.take("a", made(), RIGHT)
    answered = visited.coverage("a").counts
    assert [answered[name]["refused"] for name in ORDERS] == [0, 0]
    assert [answered[name]["visited"] for name in ORDERS] == [153, 816]


def test_what_one_process_tells_another_adds_up() -> None:
    one, other = Visited(), Visited()
    one.take("a", made(), RIGHT)
    other.take("a", made(batch=2), RIGHT)
    other.take("b", made(), Outcome("unsupported"))
    one.hear(other.told())
    assert one.told() == {
        "a": (sorted([number_of(made()), number_of(made(batch=2))]), []),
        "b": ([], [number_of(made())]),
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of small rows on a backend without bfloat16."""
    folder = tmp_path_factory.mktemp("lacks")
    (folder / "known").mkdir()
    (folder / "one.yaml").write_text("about: One.\nsource: section 3\ncases:\n  - {id: line, input: 4, kernel: 3}\n")
    options = Options(
        targets=("lacks",), backends=("lacks=tests.suite.session.lacking:LacksBfloat16",),
        specs=(folder / "one.yaml",), known=folder / "known",
    )  # fmt: skip
    small = {"channels in": 1, "channels out": 1, "last axis": 2, "rank": 1, "groups": "1"}
    few = [row for row in ({**row, **small} for row in rows(2, 7)) if not excluded(row)]
    with Session(options) as session:
        recording = Recording(session, "by a test")
        laws = [law for law in session.laws if law.id == CROSSED]
        cases = list({case.digest: case for case in (case_of(row, 7) for row in few)}.values())
        recording.add(records_of(session, list(session.run(cases, laws=laws))))
        recording.finish()
        recording.write(folder / "run.jsonl", 0)
    return read_run(folder / "run.jsonl")


def test_what_a_backend_says_it_lacks_is_listed_as_missing(run: Run) -> None:
    record = run.coverage["lacks"]
    lacked = record.refused["dtype bfloat16"]
    assert {"channels in 1", "rank 1", "op conv", "op conv_transpose", "numbers real"} <= set(lacked)
    assert "dtype bfloat16" in record.refused["want grad-w"]
    assert "dtype float16" not in {other for those in record.refused.values() for other in those}
    assert "rank 2" in record.missing["dtype float32"], "which no row asked"
    assert "rank 1" not in record.missing["dtype float32"] + record.refused.get("dtype float32", [])


def test_the_counts_are_those_of_the_bits(run: Run) -> None:
    record = run.coverage["lacks"]
    assert coverage_of(record).counts == record.counts
    for counts in record.counts.values():
        assert counts["visited"] + counts["refused"] < counts["possible"]
        assert counts["visited"] > 0
        assert counts["refused"] > 0
    listed = sum(len(those) for groups in (record.missing, record.refused) for those in groups.values())
    assert listed == record.counts["pairs"]["possible"] - record.counts["pairs"]["visited"]
