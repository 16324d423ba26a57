"""What was judged by hand of each pair of neighbouring releases is what is computed of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from convt.results.releases import write_release
from convt.upgrade import decisions
from convt.upgrade.decisions import FILE, BadDecisions, Pair, page, pairs, read_decisions
from convt.upgrade.series import HISTORY, SERIES, Series
from tests.suite.upgrade.test_history import release

ENTRIES = read_decisions()
PAIRS = pairs()
FAKE = Series("fake", "fake-engine", versions=("1.0", "1.1", "1.2", "1.3"))


def key(pair: Pair) -> tuple[str, str, str]:
    return pair.name, pair.before, pair.after


@pytest.mark.parametrize("releases", PAIRS, ids=lambda it: "-".join(key(it)))
def test_the_decision_that_was_judged_by_hand_is_the_computed_one(releases: Pair) -> None:
    if key(releases) not in ENTRIES:
        pytest.skip("nobody has read it yet; docs/history.md says so")
    said = f"{HISTORY / FILE}: read `convt compare {' '.join(key(releases))}`, and mend the rule or the entry"
    assert releases.computed() == ENTRIES[key(releases)].decision, said


def test_every_pair_is_judged_but_the_newest_of_a_series() -> None:
    assert len(PAIRS) >= 39
    for name in SERIES:
        read = [key(pair) in ENTRIES for pair in PAIRS if pair.name == name]
        assert read == sorted(read, reverse=True), f"{name}: a pair before a judged one has no entry in {FILE}"
        assert any(read)
    assert set(ENTRIES) <= set(map(key, PAIRS)), "entries of pairs that are none"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A history of four releases: wrong, right, could not be judged, and right; the first pair has an entry."""
    monkeypatch.setattr(decisions, "SERIES", {"fake": FAKE})
    for it in (
        release("1.0", {"one": "dp."}), release("1.1", {"one": "pp."}), release("1.2", {}, missing="no wheel"),
        release("1.3", {"one": "pp."}),
    ):  # fmt: skip
        write_release(it, FAKE.path(it.version, tmp_path))
    entry = 'fake: [{before: "1.0", after: "1.1", decision: better, why: "A case | is right, as it should be."}]'
    (tmp_path / FILE).write_text(entry)
    return tmp_path


def test_a_release_that_nobody_has_read_is_told_with_the_computed_decision(folder: Path) -> None:
    assert [(it.before, it.after, it.computed()) for it in pairs(folder)] == [
        ("1.0", "1.1", "better"), ("1.1", "1.3", "same"),
    ]  # fmt: skip
    rows = [line for line in page(folder).splitlines() if line.startswith("| 1")]
    assert rows[0] == "| 1.0 | 1.1 | better | A case \\| is right, as it should be. |"
    assert rows[1].startswith("| 1.1 | 1.3 | the same | nobody has read this pair yet; `convt compare fake 1.1 1.3`")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "dict"),
        ("fake: [{before: 1.0, after: '1.1', decision: better, why: long enough as it is}]", "before"),
        ("fake: [{before: '1.0', after: '1.1', decision: good, why: long enough as it is}]", "decision"),
        ("fake: [{before: '1.0', after: '1.1', decision: better, why: short}]", "why"),
        ("fake: [{before: '1.0', after: '1.1', decision: better}]", "why"),
        ("fake: [{before: '1.0', after: '1.1', decision: same, why: long enough as it is, by: me}]", "by"),
        ("fake: [", "expected"),
        ("fake:\n" + "- {before: '1.0', after: '1.1', decision: same, why: long enough as it is}\n" * 2, "twice"),
    ],
)
def test_a_file_that_is_no_list_of_decisions_is_refused(text: str, says: str, folder: Path) -> None:
    (folder / FILE).write_text(text)
    with pytest.raises(BadDecisions, match=says) as caught:
        read_decisions(folder / FILE)
    assert str(folder) in str(caught.value)
