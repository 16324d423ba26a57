"""The page's script in a real browser: filters live in the address, keys and buttons do what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from convt.page.page import write_page
from convt.results.runfile import Run, read_run
from convt.results.vocabulary import standing
from tests.suite.page.browser import Browser, program
from tests.suite.results.synthetic_run import write_synthetic

HELPERS = """
const form = document.querySelector(".filter");
const wait = (milliseconds = 0) => new Promise((then) => setTimeout(then, milliseconds));
const set = (name, value) => {
  form[name].value = value;
  form[name].dispatchEvent(new Event("input", { bubbles: true }));
};
const visible = (selector) => [...document.querySelectorAll(selector)].filter((it) => !it.hidden);
const state = () => ({
  shown: visible("tr[data-v]").map((it) => it.dataset.case),
  sections: visible(".case").map((it) => it.dataset.case),
  says: form.querySelector("output").textContent,
  fields: Object.fromEntries(["q", "target", "law", "verdict"].map((name) => [name, form[name].value])),
  search: location.search,
  hash: location.hash,
});
const box = document.querySelector('.case[data-case="long-axis"] .script');
"""
CONTROL = 2
SCRIPT = ("long-axis", "value", "jax/eager")


class Tab:
    """The page in a browser: opened, asked, and listened to."""

    def __init__(self, browser: Browser, page: Path) -> None:
        self.browser, self.page = browser, page

    def open(self, address: str = "", scripts: bool = True) -> None:
        self.browser.open(self.page, address, scripts)

    def run(self, body: str) -> Any:
        return self.browser.run(HELPERS + body)

    def state(self, address: str) -> dict[str, Any]:
        """What is shown, said and chosen when the page is opened at an address."""
        self.open(address)
        return dict(self.run("return state();"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read_run(write_synthetic(tmp_path_factory.mktemp("page") / "run.jsonl"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def tab(browser: Browser, run: Run) -> Iterator[Tab]:
    """The page; whatever its script throws fails the test."""
    page = run.path.with_name("index.html")
    if not page.exists():
        write_page(run, page)
    yield Tab(browser, page)
    assert browser.faults == []


def wanted(run: Run, target: str = "", law: str = "", verdict: str = "") -> set[str]:
    """The cases with such a verdict, by the run file."""
    return {
        record.case
        for record in run.verdicts
        if target in ("", record.target) and law in ("", record.law) and verdict in ("", standing(record))
    }


@pytest.mark.parametrize(
    "filters",
    [
        {"target": "jax"},
        {"law": "same-crop"},
        {"verdict": "error"},
        {"target": "jax", "verdict": "differs"},
        {"target": "keras-jax", "law": "value", "verdict": "known"},
        {"law": "rejects", "verdict": "error"},
        {"target": "pytorch", "law": "value", "verdict": "unsupported"},
        {"target": "keras-torch", "verdict": "pass"},
    ],
    ids=lambda filters: "-".join(filters.values()),
)
def test_filters_in_the_address_show_the_cases_that_the_run_file_has(
    run: Run, tab: Tab, filters: dict[str, str]
) -> None:
    expected = wanted(run, **filters)
    state = tab.state(f"?{urlencode(filters)}")
    assert sorted(state["shown"]) == sorted(expected)
    assert set(state["sections"]) <= expected
    assert state["says"] == f"{len(expected)} of {len(run.cases)} cases"
    assert {name: value for name, value in state["fields"].items() if value} == filters


def test_without_filters_every_case_is_shown_and_files_stay_folded(run: Run, tab: Tab) -> None:
    state = tab.state("")
    assert sorted(state["shown"]) == sorted(run.cases)
    assert state["search"] == ""
    assert tab.run('return document.querySelectorAll("details.file[open]").length;') == 0


def test_words_to_search_are_all_looked_for_in_names_settings_and_prose(run: Run, tab: Tab) -> None:
    assert tab.state("?q=PIXEL+pair")["shown"] == ["fools-everybody"]
    some = tab.state("?q=keyword-grid-k3")["shown"]
    assert set(some) == {name for name in run.cases if name.startswith("keyword-grid-k3")}
    assert tab.state("?q=pixel+volume")["shown"] == []


def test_a_filter_that_the_page_has_not_is_none(run: Run, tab: Tab) -> None:
    state = tab.state("?target=%3Cscript%3E&verdict=wonderful&law=value")
    assert set(state["shown"]) == wanted(run, law="value")
    assert state["fields"] == {"q": "", "target": "", "law": "value", "verdict": ""}
    assert tab.run("return [form.target.selectedIndex, form.verdict.selectedIndex];") == [0, 0]


def test_files_and_groups_without_a_case_that_fits_are_hidden_and_the_others_open(tab: Tab) -> None:
    tab.open("?target=keras-jax&verdict=known")
    files, groups = tab.run("""
      const some = (it, selector) => [...it.querySelectorAll(selector)].some((one) => !one.hidden);
      const files = [...document.querySelectorAll(".file")].map((it) => [some(it, "tr[data-v]"), !it.hidden, it.open]);
      return [files, [...document.querySelectorAll(".told")].map((it) => [some(it, ".case"), !it.hidden])];
    """)
    assert {tuple(it) for it in files} == {(True, True, True), (False, False, False)}
    assert {tuple(it) for it in groups} == {(True, True), (False, False)}


def test_what_is_typed_and_chosen_goes_into_the_address_and_clear_takes_it_out(run: Run, tab: Tab) -> None:
    tab.open("#cases")
    odd, typed, cleared = tab.run("""
      set("q", "grid & 50%"); const odd = state();
      set("q", "plane"); set("verdict", "differs"); const typed = state();
      form.querySelector("button[type=reset]").click(); await wait(20);
      return [odd, typed, state()];
    """)
    assert (odd["shown"], odd["search"], odd["hash"]) == ([], "?q=grid+%26+50%25", "#cases")
    assert set(typed["shown"]) == {name for name in wanted(run, verdict="differs") if "plane" in name}
    assert typed["search"] == "?q=plane&verdict=differs"
    assert (sorted(cleared["shown"]), cleared["search"], cleared["hash"]) == (sorted(run.cases), "", "#cases")


def test_an_address_that_the_page_wrote_shows_the_same_again(tab: Tab) -> None:
    tab.open()
    before = tab.run('set("q", "grid k3"); set("target", "jax/eager"); set("verdict", "pass"); return state();')
    assert before["shown"]
    assert tab.state(before["search"]) == before


def test_the_slash_key_goes_to_the_search_but_not_while_somebody_types(tab: Tab) -> None:
    tab.open()
    where = "return [document.activeElement.name ?? '', form.q.value];"
    for key, modifiers in (("x", 0), ("/", CONTROL)):
        tab.browser.press(key, modifiers)
        assert tab.run(where) == ["", ""]
    tab.browser.press("/")
    assert tab.run(where) == ["q", ""]
    for key in "a/b":
        tab.browser.press(key)
    assert tab.run(where) == ["q", "a/b"]
    assert tab.run("return state();")["search"] == "?q=a%2Fb"
    tab.run("form.law.focus();")
    tab.browser.press("/")
    assert tab.run("return document.activeElement.name;") == "law"


def test_every_script_has_a_copy_button_that_says_whose_it_is(tab: Tab) -> None:
    tab.open()
    boxes = tab.run("""
      const tell = (it) => [it.textContent, it.ariaLabel, it.type];
      return [...document.querySelectorAll(".script")].map((it) =>
        [it.dataset.target, [...it.querySelectorAll("button")].map(tell)]);
    """)
    assert len(boxes) > 10
    for target, buttons in boxes:
        assert buttons == [["Copy", f"Copy the script for {target}", "button"]]


def test_the_copy_button_copies_the_whole_script_and_says_so_for_a_while(run: Run, tab: Tab) -> None:
    tab.browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    tab.open()
    copied, *said = tab.run("""
      const button = box.querySelector("button");
      button.focus(); button.click(); await wait(200);
      const said = button.textContent;
      const copied = await navigator.clipboard.readText();
      await wait(1600);
      return [copied, said, button.textContent];
    """)
    assert copied == run.details[SCRIPT].script
    assert said == ["Copied", "Copy"]


def test_without_a_clipboard_the_button_selects_the_script_and_copies_the_selection(run: Run, tab: Tab) -> None:
    tab.open()
    selected, asked, says = tab.run("""
      const refuse = { writeText: async () => { throw new Error("denied"); } };
      Object.defineProperty(navigator, "clipboard", { value: refuse });
      const asked = [];
      document.execCommand = (name) => asked.push(name);
      const button = box.querySelector("button");
      button.click(); await wait(50);
      return [getSelection().toString(), asked, button.textContent];
    """)
    assert selected.strip() == run.details[SCRIPT].script.strip()
    assert (asked, says) == (["copy"], "Copied")


def test_a_link_of_the_matrix_filters_without_a_new_page_and_back_undoes_it(run: Run, tab: Tab) -> None:
    tab.open()
    href, there, back, kept = tab.run("""
      window.kept = true;
      const link = [...document.querySelectorAll("a[href^='?']")].find((it) => it.search.includes("target=keras-jax"));
      link.click(); await wait(50); const there = state();
      history.back(); await wait(300);
      return [link.getAttribute("href"), there, state(), window.kept === true];
    """)
    assert kept
    filters = {name: value for name, value in there["fields"].items() if value}
    assert f"?{urlencode({name: filters[name] for name in ('law', 'target', 'verdict')})}#cases" == href
    assert set(there["shown"]) == wanted(run, **filters) != set(run.cases)
    assert there["hash"] == "#cases"
    assert (sorted(back["shown"]), back["search"]) == (sorted(run.cases), "")


def test_a_fragment_opens_what_it_names_and_clears_filters_that_hide_it(run: Run, tab: Tab) -> None:
    at = """
      const at = (name) => {
        const it = document.getElementById(name);
        const folded = [...document.querySelectorAll("details:not([open])")].some((one) => one.contains(it));
        return { folded, hidden: it.closest("[hidden]") !== null };
      };
    """
    tab.open("?q=long-axis#case-long-axis")
    assert tab.run(at + 'return [at("case-long-axis"), location.search];') == [
        {"folded": False, "hidden": False},
        "?q=long-axis",
    ]
    found, state = tab.run(at + 'location.hash = "#case-volume"; await wait(50); return [at("case-volume"), state()];')
    assert found == {"folded": False, "hidden": False}
    assert (state["search"], state["hash"], len(state["shown"])) == ("", "#case-volume", len(run.cases))


def test_without_scripts_the_tables_stand_and_the_filter_stays_away(run: Run, tab: Tab) -> None:
    tab.open("?verdict=error", scripts=False)
    shown, filter_is_hidden, buttons = tab.run(
        'return [state().shown, form.hidden, document.querySelectorAll(".script button").length];'
    )
    assert sorted(shown) == sorted(run.cases)
    assert (filter_is_hidden, buttons) == (True, 0)


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        ("form.hidden = false;", "throw new Error('broken');"),
        ("const fromUrl = () => {", "const fromUrl = () => { setTimeout(() => { throw new Error('broken'); });"),
    ],
    ids=["at once", "later"],
)
def test_an_error_in_the_pages_script_is_heard(tab: Tab, tmp_path: Path, found: str, broken: str) -> None:
    text = tab.page.read_text(encoding="utf-8")
    assert text.count(found) == 1
    bad = tmp_path / "bad.html"
    bad.write_text(text.replace(found, broken), encoding="utf-8")
    tab.browser.open(bad)
    tab.run("await wait(50);")
    assert "Error: broken" in tab.browser.faults[0]
    tab.browser.faults.clear()


def test_a_promised_browser_that_is_not_there_fails_and_does_not_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVT_BROWSER", "no-such-browser")
    with pytest.raises(pytest.fail.Exception, match="CONVT_BROWSER: found no program 'no-such-browser'"):
        program()
    monkeypatch.delenv("CONVT_BROWSER")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.skip.Exception, match="NO BROWSER, so the page's script is not tested"):
        program()
