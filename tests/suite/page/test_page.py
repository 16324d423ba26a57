"""The page says what the run says, works from disk, and lets nothing hostile through."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from convt.page import page
from convt.page.matrices import feature_groups, law_rows
from convt.results.runfile import (
    CaseRecord,
    Claim,
    DetailRecord,
    KnownInfo,
    LawInfo,
    Run,
    RunWriter,
    TargetInfo,
    VerdictRecord,
    read_run,
)
from convt.results.tally import count
from convt.results.vocabulary import STANDINGS, SYMBOLS
from tests.suite.results.synthetic_run import (
    KNOWN,
    STATEMENTS,
    TARGETS,
    case_records,
    header,
    settings_of_cases,
    write_synthetic,
)

BLOCKS = {"p", "div", "table", "ul", "dl", "pre", "details"}
VOID = {"meta", "link", "input", "br", "rect", "path"}
HOSTILE = "<script>alert(1)</script>\"'&<b>`x`"


class Reader(HTMLParser):
    """Elements with their attributes and text; refuses wrong nesting."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in {tag}: {attrs}"
        assert tag not in BLOCKS or self.open[-1:] != ["p"], f"{tag} in a paragraph"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element, line {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read_run(write_synthetic(tmp_path_factory.mktemp("run") / "run.jsonl"))


@pytest.fixture(scope="module")
def text(run: Run) -> str:
    return page.render_page(run)


@pytest.fixture(scope="module")
def read(text: str) -> Reader:
    return Reader(text)


def test_elements_nest_and_all_close(read: Reader) -> None:
    assert read.open == []


def test_every_id_stands_once(read: Reader) -> None:
    ids = Counter(attributes["id"] for _, attributes in read.elements if "id" in attributes)
    assert [name for name, times in ids.items() if times > 1] == []
    assert [name for name in ids if re.search(r"\s", name) or not name] == []


def test_every_case_target_law_and_known_difference_has_its_anchor(read: Reader, run: Run) -> None:
    ids = {attributes.get("id") for _, attributes in read.elements}
    assert {f"case-{case}" for case in run.cases} <= ids
    assert {f"target-{target.name}" for target in TARGETS} <= ids
    assert {f"law-{law}" for law in STATEMENTS} <= ids
    assert f"known-{KNOWN.id}" in ids


def test_every_link_inside_leads_somewhere(read: Reader) -> None:
    ids = {attributes["id"] for _, attributes in read.elements if "id" in attributes}
    links = {attributes["href"] for attributes in read.all("a") if "#" in attributes["href"]}
    links = {link for link in links if not link.startswith("http")}
    assert len(links) > 50
    assert [link for link in links if unquote(link.partition("#")[2]) not in ids] == []


def test_nothing_is_loaded_from_elsewhere(read: Reader, text: str) -> None:
    for tag, attributes in read.elements:
        assert "src" not in attributes, tag
        if tag == "link":
            assert attributes["href"] == "data:,"
        assert not any(name.startswith("on") for name in attributes), attributes
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_tables_need_no_script(text: str, run: Run) -> None:
    bare = Reader(re.sub(r"<script>.*?</script>", "", text, flags=re.S))
    rows = [attributes["data-case"] for attributes in bare.all("tr") if "data-case" in attributes]
    assert sorted(rows) == sorted(run.cases)
    hidden = [tag for tag, attributes in bare.elements if "hidden" in attributes]
    assert hidden == ["form"]


def test_every_cell_of_the_matrices_says_the_runs_own_counts(run: Run) -> None:
    for row in law_rows(run, count(run)):
        for target, cell in zip(TARGETS, row.cells, strict=True):
            records = [r for r in run.verdicts if (r.law, r.target) == (row.law.id, target.name)]
            seen = Counter("known" if record.known else record.verdict for record in records)
            assert cell.total == len(records)
            assert cell.passed == seen["pass"]
            assert {part.standing: part.count for part in cell.parts} == {n: c for n, c in seen.items() if n != "pass"}
            assert cell.standing == next(name for name in STANDINGS if seen[name])


def test_the_matrix_prints_those_counts(text: str, run: Run) -> None:
    row = text[text.index('<tr id="law-value"') :]
    row = row[: row.index("</tr>")]
    cells = [" ".join(Reader(cell).text.split()) for cell in re.findall(r"<td.*?</td>", row, re.S)]
    assert cells == [
        "○ 23 unsupported 31/54 pass", "! 1 error 53/54 pass", "≠ 2 differs 52/54 pass", "≠ 1 differs 53/54 pass",
        "◇ 6 known 48/54 pass", "— 54 not-run 0/54 pass",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cover", "above", "says"),
    [(0, 0, ""), (3, 2, "in which any 3 properties"), (3, 3, "in which any 3"), (0, 3, "On a target above another's")],
)
def test_a_law_that_was_asked_of_some_cases_says_so(run: Run, cover: int, above: int, says: str) -> None:
    laws = tuple(replace(law, cover=cover, cover_above=above) for law in run.header.laws[:1]) + run.header.laws[1:]
    text = page.render_page(replace(run, header=replace(run.header, laws=laws)))
    assert text.count("YAML cases, in which any") == text.count("Asked of <em>some cases</em>") == bool(says)
    assert ("these are a <span" in text) == bool(says)
    assert says in unescape(text)
    assert ("fewer (any 2)" in text) == (above == 2)


def test_a_cell_leads_to_the_first_case_of_its_worst_verdict(run: Run) -> None:
    (row,) = [row for row in law_rows(run, count(run)) if row.law.id == "value"]
    assert [cell.href for cell in row.cells] == [
        "#case-explicit-p0-1-g1", "#case-volume", "#case-fools-everybody", "#case-long-axis",
        "#case-keyword-grid-k2-s1-same", "#target-keras-torch",
    ]  # fmt: skip


def test_the_settings_matrix_counts_cases(run: Run) -> None:
    rows = {(group, row.feature.name): row for group, rows in feature_groups(run, count(run)) for row in rows}
    same = rows["padding", "same"]
    assert same.cases == sum(it.padding == "same" and it.transposed for it in settings_of_cases().values())
    cells = dict(zip([target.name for target in TARGETS], same.cells, strict=True))
    assert (cells["pytorch"].standing, cells["pytorch"].parts[0].count) == ("unsupported", same.cases)
    assert (cells["keras-jax"].standing, cells["keras-jax"].parts[0].count) == ("known", 6)
    assert (cells["tensorflow"].standing, cells["tensorflow"].passed) == ("pass", same.cases)
    assert cells["keras-torch"].standing == "not-run"


def test_a_target_that_did_not_run_is_said_aloud(read: Reader) -> None:
    assert "keras-torch did not run. ModuleNotFoundError: No module named 'torch'" in " ".join(read.text.split())
    assert any("missing" in attributes.get("class", "") for attributes in read.all("li"))


def test_every_verdict_has_a_symbol_of_its_own_and_a_word() -> None:
    assert set(SYMBOLS) == set(STANDINGS)
    assert len(set(SYMBOLS.values())) == len(STANDINGS)


def test_a_case_shows_settings_arithmetic_numbers_call_and_script(text: str) -> None:
    section = text[text.index('id="case-fools-everybody"') :]
    section = section[: section.index('<details class="case"')]
    assert "out = (7-1)*2 + 5 - 1 - 2 + 0 = 14" in section
    assert "14 of 14 numbers differ, marked ≠." in section
    assert section.count('<td class="off">') == 14
    assert "<h5>value, accuracy, matrix: expected and got</h5>" in section
    assert "jax.conv_transpose(x, w, ...)" in section
    assert "import numpy as np\nimport jax\n" in section
    assert "cropped: 1 before, 2 after" in section


def test_the_page_of_a_default_run_is_small(text: str) -> None:
    assert len(text.encode()) < 1_000_000


def test_a_page_of_countless_failures_stays_within_its_limits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "BUDGET", 30_000)
    monkeypatch.setattr(page, "BRIEF_BUDGET", 45_000)
    monkeypatch.setattr(page, "MOST_ROWS", 0)
    text = page.render_page(run)
    read = Reader(text)
    assert "without drawing, numbers and scripts: those are in the run file" in read.text
    assert "the page is full; the list below has their verdicts" in read.text
    ids = {attributes.get("id") for _, attributes in read.elements}
    assert {f"case-{case.id}" for case in run.cases.values() if not case.generated} <= ids


def test_real_size_stays_under_six_megabytes(tmp_path: Path) -> None:
    case, detail = case_records()[0], "x" * 9_000
    targets = TARGETS[:3]
    with RunWriter(tmp_path / "run.jsonl") as writer:
        writer.write(header(targets=targets))
        for number in range(600):
            name = f"many-{number:04d}"
            writer.write(CaseRecord(**{**fields_of(case), "id": name}))
            for target in targets:
                writer.write(VerdictRecord(name, "value", target.name, "differs", None, "no"))
                writer.write(DetailRecord(name, "value", target.name, None, None, "f()", detail))
        writer.finish(1.0, 1)
    assert len(page.render_page(read_run(tmp_path / "run.jsonl")).encode()) < 6_000_000


def fields_of(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__ if name != "kind"}


def hostile_run(path: Path) -> Run:
    """A run in which every text tries to break out."""
    case = CaseRecord(**{
        **fields_of(case_records()[0]), "id": HOSTILE, "about": HOSTILE, "source": f"https://e.org/{HOSTILE}",
        "origin": HOSTILE, "tags": (HOSTILE,), "claim": Claim(HOSTILE, False, HOSTILE),
    })  # fmt: skip
    target = TargetInfo(HOSTILE, HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE}, None)
    lost = TargetInfo(f"{HOSTILE} 2", HOSTILE, HOSTILE, HOSTILE, {}, {}, HOSTILE)
    law, other = LawInfo(HOSTILE, HOSTILE, HOSTILE), LawInfo("unsupported here", HOSTILE)
    known = KnownInfo(HOSTILE, HOSTILE, f"javascript:{HOSTILE}", HOSTILE, HOSTILE)
    head = header(
        targets=(target, lost), laws=(law, other), known=(known,), command=HOSTILE, platform={HOSTILE: HOSTILE},
        packages={HOSTILE: HOSTILE}, profile=HOSTILE, started=HOSTILE,
    )  # fmt: skip
    with RunWriter(path) as writer:
        for record in (
            head,
            case,
            VerdictRecord(HOSTILE, HOSTILE, HOSTILE, "differs", HOSTILE, HOSTILE),
            VerdictRecord(HOSTILE, "unsupported here", HOSTILE, "unsupported", None, HOSTILE),
            VerdictRecord(HOSTILE, HOSTILE, f"{HOSTILE} 2", "error", None, HOSTILE),
            DetailRecord(HOSTILE, HOSTILE, HOSTILE, [[1]], [[HOSTILE]], HOSTILE, f"</pre></script>{HOSTILE}"),
        ):
            writer.write(record)
        writer.finish(1.0, 1)
    return read_run(path)


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    text = page.render_page(hostile_run(tmp_path / "run.jsonl"))
    read = Reader(text)
    assert read.open == []
    assert len(read.all("script")) == 1
    assert "<b>`" not in text
    assert "alert(1)</script>" not in text
    assert text.count("&lt;script&gt;alert(1)") > 20
    assert not [a["href"] for a in read.all("a") if a["href"].startswith("javascript") or "<" in a["href"]]
    ids = Counter(attributes["id"] for _, attributes in read.elements if "id" in attributes)
    assert max(ids.values()) == 1
