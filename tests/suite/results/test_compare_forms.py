"""The four forms of a comparison say the same, within their limits, and let nothing hostile through."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convt.conv.data import exact
from convt.conv.oracles import scatter
from convt.page import compare_page
from convt.page.compare_forms import FORMATS, render
from convt.results import compare_markdown
from convt.results.changes import CLASSES, Comparison, compare
from convt.results.compare_annotations import annotations as commands
from convt.results.compare_json import as_data
from convt.results.compare_view import groups
from convt.results.runfile import DetailRecord, Record, VerdictRecord
from convt.results.vocabulary import STANDINGS
from tests.suite.page.test_page import Reader
from tests.suite.results.synthetic_run import settings_of_cases
from tests.suite.results.two_runs import CASE, CASES, JAX, SAME, made, verdict

HOSTILE = "<script>alert(1)</script>\"'&<b>`x`|y%"
TORCH = replace(JAX, name="pytorch", backend="pytorch", versions={"torch": "2.13.0"})


def numbers(case: str) -> np.ndarray:
    """What the oracle gives for a case."""
    it = settings_of_cases()[case]
    data = exact(it)
    return scatter(it, data.x, data.w, data.b).astype("float64")


def broken(case: str, target: str = "jax", said: str = "", **changes: Any) -> list[Record]:
    """A verdict that differs with its evidence: every value is one pixel off."""
    expected = numbers(case)
    actual = np.roll(expected, 1, axis=-1)
    record = verdict("differs", case=case, target=target, **({"message": said} if said else {}), **changes)
    call = f"{target}.conv_transpose(x, w, padding='SAME')"
    return [record, DetailRecord(case, record.law, target, expected, actual, call, f"import {target}\nprint({call})\n")]


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Regressed, drifted, fixed, new bits, a new warning, and a target that is gone."""
    tmp = tmp_path_factory.mktemp("runs")
    plane = "plane-grid-k3-s4-d2"
    before: list[Record] = [
        SAME, verdict(), verdict(law="matrix"), *broken("long-axis", used=100.0), *broken(plane),
        verdict(target="pytorch"), verdict(case="volume", used=0.2),
    ]  # fmt: skip
    drifted = broken("long-axis", bits="b" * 16, used=300.0)
    assert isinstance(drifted[1], DetailRecord)
    drifted[1] = replace(drifted[1], actual=np.roll(numbers("long-axis"), 2, axis=-1))
    after: list[Record] = [
        SAME, *broken(CASE, said=f"out[0,0,1]=1, but should be 2\n{HOSTILE}"), *broken(CASE, law="matrix"), *drifted,
        verdict(case=plane, warnings=(f"FutureWarning: {HOSTILE}",)), verdict("not-run", target="pytorch"),
        verdict(case="volume", used=0.3, bits="b" * 16),
    ]  # fmt: skip
    gone = replace(TORCH, missing=f"ImportError: {HOSTILE}")
    newer = replace(JAX, versions={"jax": "0.11.0"})
    return compare(
        made(tmp / "before.jsonl", *before, targets=(JAX, TORCH)),
        made(tmp / "after.jsonl", *after, targets=(newer, gone)),
    )


@pytest.fixture(scope="module")
def forms(comparison: Comparison) -> dict[str, str]:
    return {name: render(comparison, name) for name in FORMATS}


def plain(form: str, text: str) -> str:
    """What a reader sees."""
    if form == "html":
        return Reader(text).text
    text = re.sub(r"\\(.)", r"\1", text) if form == "markdown" else text
    return (
        text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", '"')
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
    )


def test_the_example_has_these_classes(comparison: Comparison) -> None:
    found = {kind: number for kind, number in comparison.counts.items() if number}
    assert found == {"regressed": 2, "drifted": 1, "gone": 1, "new-warning": 1, "fixed": 1, "bits": 1, "unchanged": 1}


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_has_the_headline_the_counts_the_alerts_and_the_cases(
    form: str, forms: dict[str, str], comparison: Comparison
) -> None:
    seen = " ".join(
        plain(form, json.loads(forms[form])["headline"] + forms[form] if form == "json" else forms[form]).split()
    )
    assert "Worse: 2 regressed, 1 drifted, 1 gone." in seen
    assert "6 verdicts compared, 1 unchanged." in seen
    assert "pytorch did not run after: ImportError:" in seen
    for change in comparison.changes:
        assert change.kind in seen
        assert change.case in seen or change.kind in ("bits", "new-warning")
    assert "out[0,0,1]=1, but should be 2" in seen
    assert "0.11.0" in seen


def test_a_regression_takes_three_lines_of_text(forms: dict[str, str]) -> None:
    lines = forms["text"].splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("regressed"))
    assert lines[at] == "regressed: 2 verdicts, 1 case; passed before, and fails after"
    head, before, after, next_class = lines[at + 1 : at + 5]
    assert head == f"  {CASE} | value, matrix | jax  [{CASES[CASE].origin}]"
    assert before == "    before  pass"
    assert after.startswith("    after   differs: out[0,0,1]=1, but should be 2; <script>")
    assert max(map(len, lines)) <= 120
    assert next_class == ""


def test_laws_that_tell_the_same_stand_together(tmp_path: Path) -> None:
    before = [verdict(law=law) for law in ("value", "matrix", "shift", "batch", "groups", "rank")]
    after = [verdict("differs", law=record.law) for record in before]
    comparison = compare(made(tmp_path / "a.jsonl", SAME, *before), made(tmp_path / "b.jsonl", SAME, *after))
    assert f"  {CASE} | value, matrix, groups and 3 more laws | jax" in render(comparison, "text")
    for form in ("markdown", "html"):  # once of the cause, and once of the laws
        assert render(comparison, form).count("but should be 4") == 2


def test_the_smallest_case_stands_first(tmp_path: Path) -> None:
    comparison = many(tmp_path)
    sizes = [numbers(group.case).size for group in groups(comparison) if group.worse]
    assert len(sizes) > 40
    assert sizes == sorted(sizes)


def test_what_the_text_leaves_out_is_counted(tmp_path: Path) -> None:
    names = [name for name in CASES if name.startswith("keyword")][:23]
    runs = [
        made(tmp_path / f"{it}.jsonl", SAME, *(verdict(it, case=name) for name in names)) for it in ("pass", "differs")
    ]
    text = render(compare(*runs), "text")
    assert "and 3 cases more (jax 3 verdicts): see --format html or json" in text


def test_the_page_nests_and_loads_nothing(forms: dict[str, str]) -> None:
    read = Reader(forms["html"])
    assert read.open == []
    assert "<script" not in forms["html"]
    assert HOSTILE in read.text
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in read.all("a")]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert not [attributes for _, attributes in read.elements if attributes.get("src")]


def test_on_the_page_what_got_worse_is_open_and_the_rest_is_folded(forms: dict[str, str]) -> None:
    details = Reader(forms["html"]).all("details")
    assert ["open" in it for it in details if it.get("class") == "case"] == [True, True, True, False]
    assert ["open" in it for it in details if it.get("class") == "file"] == [False, False, False]


def test_the_page_marks_the_numbers_that_changed(forms: dict[str, str]) -> None:
    text = forms["html"]
    section = text[text.index('id="class-regressed"') :]
    expected = numbers(CASE)[0, 0]
    differing = int(np.count_nonzero(expected != np.roll(expected, 1)))
    grid = re.search(r'<table class="grid mono">.*?</table>', section, re.S)
    assert grid is not None
    assert grid[0].count('class="off"') == differing
    assert f"{differing} of 14 numbers differ between before and after" in section
    assert "Before it passed: it gave what is expected." in section
    drifted = text[text.index('id="class-drifted"') :]
    assert [f'<th scope="row">{name}</th>' in drifted for name in ("expected", "before", "after")] == [True] * 3


def test_each_side_has_its_call_or_says_where_the_script_runs(forms: dict[str, str]) -> None:
    assert "the same script shows before in its environment" in forms["html"]
    assert "The call, both sides" in forms["html"]
    for form in ("html", "markdown", "json"):
        assert "jax.conv_transpose(x, w, padding=" in forms[form]


def test_the_page_takes_its_colours_from_the_run_page() -> None:
    assert set(compare_page.COLOURS) == set(compare_page.SYMBOLS) == set(CLASSES)
    assert set(compare_page.COLOURS.values()) <= {*STANDINGS, "nothing"}
    assert len(set(compare_page.SYMBOLS.values())) == len(CLASSES)


def many(tmp: Path) -> Comparison:
    """Sixty cases that got worse on two laws."""
    laws = ("value", "matrix")
    names = [name for name in CASES if numbers(name).size]
    before = [verdict(case=name, law=law) for name in names for law in laws]
    after = [record for name in names for law in laws for record in broken(name, law=law)]
    return compare(made(tmp / "a.jsonl", SAME, *without(before)), made(tmp / "b.jsonl", SAME, *without(after)))


def without(records: Any) -> list[Any]:
    """The records that are not about the case and law of `SAME`."""
    return [it for it in records if (it.case, it.law) != (SAME.case, SAME.law)]


def test_the_markdown_stays_within_its_budget(tmp_path: Path) -> None:
    comparison = many(tmp_path)
    assert compare_markdown.BUDGET < 2**20
    whole = compare_markdown.markdown(comparison)
    cut = compare_markdown.markdown(comparison, budget=20_000)
    assert len(cut.encode()) <= 20_000 < len(whole.encode())
    assert re.search(r"And \d+ cases more \(jax \d+\): see the page or the JSON\.", cut)
    assert whole.count("<details>") == whole.count("</details>")
    assert cut.count("<details>") == cut.count("</details>")


def test_the_page_stays_within_its_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_page, "BUDGET", 20_000)
    text = compare_page.render_comparison(many(tmp_path))
    assert len(text) < 60_000
    assert re.search(r"\d+ more cases: the page is full", text)
    assert Reader(text).open == []


def test_in_markdown_hostile_text_is_text(forms: dict[str, str]) -> None:
    outside = re.sub(r"^(`{3,})\w*\n.*?\n\1$", "", forms["markdown"], flags=re.S | re.M)
    assert "<script>" not in outside
    assert "<b>`x`" not in outside


def test_the_json_is_whole_and_stays(comparison: Comparison, forms: dict[str, str]) -> None:
    data = json.loads(forms["json"])
    assert data == json.loads(json.dumps(as_data(comparison)))
    assert [*data] == [
        "format", "exit", "worse", "decision", "headline", "mine", "causes", "before", "after", "compared", "counts",
        "left_out", "alerts", "notes", "changes",
    ]  # fmt: skip
    assert (data["format"], data["exit"], data["worse"]) == (1, 1, True)
    first = data["changes"][0]
    assert {name: first[name] for name in ("kind", "worse", "case", "law", "target", "verdicts")} == {
        "kind": "regressed", "worse": True, "case": CASE, "law": "value", "target": "jax", "verdicts": 1,
    }  # fmt: skip
    assert first["before"] == {"verdict": "pass", "bits": "a" * 16, "outcome": "value"}
    assert first["after"]["expected"] == numbers(CASE).tolist()
    assert first["after"]["call"].startswith("jax.")
    assert len(data["changes"]) == len(comparison.changes)


def test_annotations_name_the_file_the_line_and_escape(comparison: Comparison) -> None:
    first, second, third = commands(comparison)
    file, line = CASES[CASE].origin.split(":")
    said = HOSTILE.replace("%", "%25")
    assert first == (
        f"::error file={file},line={line},title=regressed%3A {CASE} on jax::laws: value, matrix%0Abefore: pass%0A"
        f"after: differs: out[0,0,1]=1, but should be 2; {said}"
    )
    assert second.startswith("::error file=specs/long.yaml,line=")
    assert third.startswith("::error title=gone%3A pytorch::did not run after: ImportError")


def test_annotations_stand_where_a_lock_file_pins_what_moved(comparison: Comparison) -> None:
    first, second, third = commands(comparison, places={"jax": ("a,b.txt", 12)})
    assert first.startswith(f"::error file=a%2Cb.txt,line=12,title=regressed%3A {CASE} on jax::laws: value")
    assert second.startswith("::error file=a%2Cb.txt,line=12,")
    assert third.startswith("::error title=gone%3A pytorch::")


def test_annotations_keep_to_githubs_limit_and_count_the_rest(tmp_path: Path) -> None:
    comparison = many(tmp_path)
    found = commands(comparison)
    assert len(found) == 10
    assert re.fullmatch(r"::error title=convt::and \d+ changes more that are worse: see the job summary", found[-1])
    assert len(commands(comparison, limit=3)) == 3
    assert commands(comparison, limit=0) == []
    assert not [line for line in found if "\n" in line]


def test_a_run_without_a_change_makes_every_form(tmp_path: Path) -> None:
    run = made(tmp_path / "a.jsonl", SAME)
    comparison = compare(run, run)
    for form in FORMATS:
        assert "no difference" in render(comparison, form)
    assert commands(comparison) == []
    assert isinstance(run.verdicts[0], VerdictRecord)
