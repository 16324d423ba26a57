"""What released versions do: the files, the command that makes them, and the page over them; without a network."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from packaging.version import Version

from convt.cli import main, parser
from convt.commands.history import page as history
from convt.commands.parts import UsageError
from convt.conv.settings import Settings
from convt.host.registry import built_in, register_external
from convt.laws.catalogue import law_by_id
from convt.page.history_page import render_history
from convt.page.history_views import series_of
from convt.results.reader import read_run
from convt.results.records import CaseRecord, Header, LawInfo, RunFileError, TargetInfo, VerdictRecord
from convt.results.releases import JudgedCase, Release, judged_case, read_release, write_release
from convt.upgrade import history as command
from convt.upgrade.kept import versions_of
from convt.upgrade.series import HISTORY, SERIES, Series
from tests.suite.upgrade.versioned import SPEC, installer, listing

LAWS = ("value", "bias", "support")


def settings(stride: int) -> dict[str, object]:
    it = Settings((4,), (3,), (stride,), padding="same")
    return {**it.canonical(), "output": it.output, "crop": it.crop, "extra": it.extra}


def release(
    version: str, cases: Mapping[str, str], missing: str | None = None, bits: str = "00", **digests: str
) -> Release:
    """A release whose cases are spelled by a letter a law: `{"one": "pd."}`."""
    target = TargetInfo("fake-engine", "fake", "eager", "cpu", {"fake": version}, missing=missing)
    header = Header(
        "2026-11-01T10:00:00+00:00", 0, "history", {"machine": "x86_64"}, "convt history", (target,),
        tuple(LawInfo(law, "It holds.") for law in LAWS),
    )  # fmt: skip
    judged = {
        name: JudgedCase(
            name, digests.get(name, "d1"), f"About <{name}>.", settings(place), bits, codes,
            {"value": "out[0]=2.0, but should be 1.0"} if codes[0] == "d" else {},
        )
        for place, (name, codes) in enumerate(cases.items(), start=1)
    }  # fmt: skip
    return Release("fake", version, ("engine==1",), missing, header, judged, 1.5)


def test_a_release_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = release("1.0", {"one": "pd.", "two": "u.e"})
    path = tmp_path / "fake-1.0.jsonl.gz"
    write_release(written, path)
    read = read_release(path)
    assert read.verdicts("one") == {"value": "pass", "bias": "differs"}
    assert read.verdicts("two") == {"value": "unsupported", "support": "error"}
    assert (read.header, read.requirements, read.missing) == (written.header, written.requirements, None)
    assert json.dumps(read.cases["one"].settings) == json.dumps(written.cases["one"].settings)


def test_the_same_release_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_release(release("1.0", {"one": "pd."}), tmp_path / name)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_every_command_on_runs_reads_a_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fake-1.0.jsonl.gz"
    write_release(release("1.0", {"one": "dp.", "two": "u.e"}), path)
    run = read_run(path)
    assert (run.path, len(run.verdicts), run.footer.verdicts) == (path, 4, 4)
    assert next(record.message for record in run.verdicts if record.case == "one").startswith("out[0]=2.0")
    assert main(["summary", str(path)]) == 0
    assert "fake 1.0" in capsys.readouterr().out


def test_messages_are_kept_of_failures_alone_and_one_line_each() -> None:
    verdicts = {
        "value": VerdictRecord("one", "value", "t", "differs", message="\x1b[1mwrong\x1b[0m\nmore"),
        "bias": VerdictRecord("one", "bias", "t", "unsupported", message="cannot"),
    }
    kept = judged_case(CaseRecord("one", "d", "", "", "", (), settings(1)), verdicts, LAWS, "ab")
    assert (kept.codes, kept.says) == ("du.", {"value": "wrong"})


def damaged(path: Path, change: str) -> None:
    write_release(release("1.0", {"one": "pd.", "two": "u.e"}), path)
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-20])
        return
    if change == "text":
        path.write_bytes(b"no gzip")
        return
    edited = {
        "no footer": lines[:-1],
        "a case less": [lines[0], *lines[2:]],
        "a letter that is none": [line.replace(b'"codes":"pd."', b'"codes":"pz."') for line in lines],
        "a letter too few": [line.replace(b'"codes":"pd."', b'"codes":"pd"') for line in lines],
        "another format": [line.replace(b'"format":1,"package"', b'"format":2,"package"') for line in lines],
        "a setting less": [line.replace(b'"stride":[1],', b"") for line in lines],
        "nothing": [],
    }[change]
    path.write_bytes(gzip.compress(b"".join(edited)))


@pytest.mark.parametrize(
    "change",
    ["cut", "text", "no footer", "a case less", "a letter that is none", "a letter too few", "another format",
     "a setting less", "nothing"],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_its_path(change: str, tmp_path: Path) -> None:
    path = tmp_path / "fake-1.0.jsonl.gz"
    damaged(path, change)
    with pytest.raises(RunFileError, match=re.escape(str(path))):
        read_release(path)


CHANGED = [
    release("1.10", {"turns": "pp.", "twin": "pp.", "back": "ppp", "still": "ppp", "new": "ppp"}, bits="11"),
    release("1.9", {"turns": "dp.", "twin": "dp.", "back": "dpp", "still": "ppp"}, bits="00"),
    release("1.11", {}, missing="does not install: no <wheel>"),
    release("1.12", {"turns": "pp.", "twin": "pp.", "back": "epp", "still": "ppp", "new": "ppp"}, bits="11"),
]


def test_releases_stand_in_the_order_of_their_versions() -> None:
    (view,) = series_of(CHANGED)
    assert [column.release.version for column in view.columns] == ["1.9", "1.10", "1.11", "1.12"]


def test_cases_with_the_same_history_share_a_row_and_the_others_have_none() -> None:
    (view,) = series_of(CHANGED)
    assert [(row.case.id, [case.id for case in row.others]) for row in view.rows] == [
        ("turns", ["twin"]),
        ("back", []),
    ]
    assert (view.changed, view.cases, view.judged) == (3, 5, 3)


def test_a_change_says_between_which_releases_and_in_which_laws() -> None:
    (view,) = series_of(CHANGED)
    back = view.rows[1]
    assert [(turn.before, turn.version, turn.laws) for turn in back.turns] == [
        ("1.9", "1.10", (("differs", "pass", ("value",)),)),
        ("1.10", "1.12", (("pass", "error", ("value",)),)),
    ]
    assert [(cell.standing, cell.wrong, cell.moved) for cell in back.cells] == [
        ("differs", 1, False), ("pass", 0, True), ("not-run", 0, False), ("error", 1, True)
    ]  # fmt: skip
    assert back.turns[0].says == "value: out[0]=2.0, but should be 1.0"


def test_a_release_counts_what_changed_and_what_only_has_other_bits() -> None:
    (view,) = series_of(CHANGED)
    assert [(column.since, column.changed, column.bits) for column in view.columns] == [
        ("", 0, 0), ("1.9", 3, 1), ("", 0, 0), ("1.10", 1, 0)
    ]  # fmt: skip


def test_a_case_with_another_content_is_another_case() -> None:
    (view,) = series_of([release("1.0", {"one": "dpp"}, one="d1"), release("1.1", {"one": "ppp"}, one="d2")])
    assert view.rows == ()


class Cells(HTMLParser):
    """The tags that were left open, and the text of every table cell."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open:
            self.cells[-1] += data


def test_the_page_is_whole_escaped_and_names_every_state_in_words() -> None:
    text = render_history(series_of(CHANGED))
    parser = Cells()
    parser.feed(text)
    assert not parser.open
    assert "no &lt;wheel&gt;" in text
    assert "About &lt;turns&gt;." in text
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!#|data:,)', text)
    assert "→changed: ✓pass" in parser.cells
    assert "≠differs 1 laws do not hold" in parser.cells
    assert "—not-run" in parser.cells
    assert "3 releases judged. Cases that changed: 3 of 5 on fake-engine." in text


def test_the_page_is_made_from_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for one in CHANGED:
        write_release(one, tmp_path / "fake-engine" / f"fake-{one.version}.jsonl.gz")
    assert main(["history", "--from", str(tmp_path), "--out", str(tmp_path / "out" / "past.html")]) == 0
    assert "fake on fake-engine" in (tmp_path / "out" / "past.html").read_text()


def test_a_folder_without_releases_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--from", str(tmp_path)]) == 2
    assert "make some with convt history --judge all" in capsys.readouterr().err


@pytest.fixture
def series(monkeypatch: pytest.MonkeyPatch) -> Series:
    """A series of one fake framework, of four versions."""
    name, entry = register_external("versioned=tests.suite.upgrade.versioned:Versioned", Path(__file__).parents[3])
    monkeypatch.setitem(built_in(), name, entry)
    made = Series("fake", name, since="1.1", versions=("1.0",), beside=(("<1.2", ("engine<2",)), ("", ("engine",))))
    monkeypatch.setitem(SERIES, "fake", made)
    return made


def make(folder: Path, *more: str, wrong: str = "", refused: str = "", broken: str = "", spec: str = SPEC) -> int:
    """The whole command over versions of a fake framework."""
    if spec:
        (folder / "tiny.yaml").write_text(spec)
    outside = command.Outside(
        listing("0.9", "1.0", "1.1", "1.2.0", "1.2.1"),
        installer(folder, wrong.split(), refused.split(), broken.split()),
    )
    options = parser().parse_args(["history", "--judge", "fake", "--from", str(folder), *more])
    return history(options, outside, [folder / "tiny.yaml"])


def test_another_version_of_a_law_or_of_the_oracles_is_no_change_of_the_framework() -> None:
    old, new = release("1.0", {"one": "pd."}), release("1.1", {"one": "dd."})
    assert [view.changed for view in series_of([old, new])] == [1]
    raised = tuple(replace(law, version=2) if law.id == "value" else law for law in new.header.laws)
    for header in (replace(new.header, laws=raised), replace(new.header, oracles=2)):
        assert [view.changed for view in series_of([old, replace(new, header=header)])] == [0]


def test_the_command_keeps_every_version_and_says_which_could_not_be_judged(
    series: Series, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(tmp_path, wrong="1.0", refused="1.1") == 1
    found = {version: read_release(series.path(version, tmp_path)) for version in ("1.0", "1.1", "1.2.1")}
    assert found["1.0"].verdicts("tiny")["value"] == "differs"
    assert found["1.0"].requirements == ("engine<2",)
    assert found["1.1"].missing == "cannot be installed; No matching distribution found"
    assert found["1.2.1"].verdicts("tiny-with-bias") == {"value": "pass", "bias": "pass"}
    assert found["1.2.1"].header.targets[0].versions["fake"] == "1.2.1"
    assert not list(tmp_path.glob("*/*1.2.0*")), "only the newest patch of a minor"
    (view,) = series_of(found.values())
    assert [turn.version for row in view.rows for turn in row.turns] == ["1.2.1"] * view.changed


def test_the_command_goes_on_where_it_was_stopped(series: Series, tmp_path: Path) -> None:
    assert make(tmp_path, refused="1.0 1.1 1.2.1") == 1
    before = {path: path.read_bytes() for path in tmp_path.glob("*/*.gz")}
    assert len(before) == 3
    assert make(tmp_path) == 1, "what could not be judged stays so until it is tried again"
    assert {path: path.read_bytes() for path in tmp_path.glob("*/*.gz")} == before
    assert make(tmp_path, "--retry", "--version", "1.2.1") == 0
    assert read_release(series.path("1.2.1", tmp_path)).missing is None


def test_what_cannot_be_judged_as_before_keeps_its_file(
    series: Series, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = series.path("1.0", tmp_path)
    assert make(tmp_path, "--version", "1.0", refused="1.0") == 1
    before, written = kept.read_bytes(), read_release(kept).header.started
    kept.write_bytes(gzip.compress(gzip.decompress(before).replace(written.encode(), b"1999-01-01T00:00:00+00:00")))
    before = kept.read_bytes()
    assert make(tmp_path, "--version", "1.0", "--retry", refused="1.0") == 1
    assert kept.read_bytes() == before, "a try every day is no news"
    assert make(tmp_path, "--version", "1.0", "--retry", broken="1.0") == 1
    assert (read_release(kept).missing or "").startswith("does not run")


def test_a_version_that_the_series_leaves_out_is_judged_where_it_is_named(
    series: Series, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(tmp_path, "--version", "1.2.0") == 0
    assert [path.name for path in tmp_path.glob("*/*.gz")] == ["fake-1.2.0.jsonl.gz"]
    options = parser().parse_args(["history", "--judge", "fake", "--from", str(tmp_path), "--version", "3.0"])
    with pytest.raises(UsageError, match=r"found .3.0., accepted a released one of 5, such as 1.0, 1.2.0, 1.2.1"):
        history(options, command.Outside(listing("0.9", "1.0", "1.1", "1.2.0", "1.2.1"), installer(tmp_path)))


@pytest.mark.parametrize("name", SERIES)
def test_a_release_that_is_published_today_belongs_to_its_series(name: str) -> None:
    one = SERIES[name]
    held = versions_of(one)
    major, minor, *_ = Version(held[-1]).release
    coming = [f"{major}.{minor + 1}.0", f"{major + 1}.0.0"]
    assert [it for it in one.wanted(listing(*held, *coming)) if it not in held] == coming


def test_what_other_cases_or_laws_judged_is_renewed_on_request(
    series: Series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert make(tmp_path, "--version", "1.0") == 0
    kept = series.path("1.0", tmp_path)
    before = kept.read_bytes()
    assert make(tmp_path, "--version", "1.0", "--renew") == 0
    assert kept.read_bytes() == before
    monkeypatch.setattr(command, "adapter_of", lambda backend: "another")
    assert make(tmp_path, "--version", "1.0", "--renew") == 0
    assert read_release(kept).header.targets[0].flags["adapter"] == "another"
    before = kept.read_bytes()
    monkeypatch.setattr(law_by_id("value"), "version", 2, raising=False)
    assert make(tmp_path, "--version", "1.0") == 0
    assert kept.read_bytes() == before
    assert make(tmp_path, "--version", "1.0", "--renew") == 0
    assert {law.id: law.version for law in read_release(kept).header.laws}["value"] == 2
    judged = kept.read_bytes()
    (tmp_path / "tiny.yaml").write_text(SPEC.replace("tiny-with-bias", "tiny-and-biased"))
    assert make(tmp_path, "--version", "1.0", "--renew", spec="") == 0
    assert "tiny-and-biased" in read_release(kept).cases
    assert kept.read_bytes() != judged


def test_a_version_that_does_not_start_is_kept_with_the_reason(series: Series, tmp_path: Path) -> None:
    assert make(tmp_path, "--version", "1.0", broken="1.0") == 1
    kept = read_release(series.path("1.0", tmp_path))
    assert kept.missing is not None
    assert kept.missing.startswith("does not run: did not start: exit status 3")
    assert str(tmp_path) not in kept.missing


def test_an_unknown_series_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--judge", "kears"]) == 2
    assert "found 'kears', accepted all, keras" in capsys.readouterr().err


@pytest.mark.parametrize("name", SERIES)
def test_every_series_asks_a_target_that_there_is_for_exact_versions(name: str) -> None:
    one = SERIES[name]
    assert one.target in built_in()
    assert one.package in built_in()[one.target].packages
    for version in one.versions or ("1.0",):
        assert f"{one.installs}=={version}" in one.requirements(version)


@pytest.mark.parametrize("path", sorted(HISTORY.glob("*/*.jsonl.gz")), ids=lambda path: path.name)
def test_every_kept_release_can_be_read_and_is_small(path: Path) -> None:
    kept = read_release(path)
    assert path.name == f"{kept.package}-{kept.version}.jsonl.gz"
    assert path.stat().st_size < 100_000
    assert kept.missing or kept.cases
