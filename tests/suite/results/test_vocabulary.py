"""The words of a verdict stand in one place, and every table of them speaks of all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from convt.adapter.backend import Kind
from convt.results import kinds, vocabulary
from convt.results.records import VerdictRecord
from convt.results.vocabulary import FAILING, LETTERS, MEANINGS, SIGNS, STANDINGS, SYMBOLS, VERDICTS, standing

ENGINE = Path(__file__).parents[3] / "src" / "convt"
HOME = ENGINE / "results" / "vocabulary.py"


def test_the_standings_are_the_six_verdicts_and_the_known_differences() -> None:
    assert sorted(STANDINGS) == sorted([*VERDICTS, "known"])
    assert len(VERDICTS) == 6
    assert STANDINGS[: len(FAILING)] == FAILING
    assert get_args(vocabulary.Verdict) == VERDICTS


@pytest.mark.parametrize("table", [MEANINGS, SYMBOLS, SIGNS, LETTERS], ids=["meanings", "symbols", "signs", "letters"])
def test_every_table_speaks_of_every_standing_and_tells_them_apart(table: dict[str, str]) -> None:
    assert set(table) == set(STANDINGS)
    assert len(set(table.values())) == len(STANDINGS)


def test_the_letters_are_those_of_the_files_that_stand_there() -> None:
    assert "".join(LETTERS[verdict] for verdict in VERDICTS) == "pdeuns"


def test_the_outcomes_are_those_of_a_backend() -> None:
    assert sorted(vocabulary.OUTCOMES) == sorted(get_args(Kind))


def test_a_known_difference_explains_what_is_broken_and_nothing_else() -> None:
    told = {verdict: standing(VerdictRecord("a", "value", "jax", verdict, known="it")) for verdict in VERDICTS}
    assert told == {verdict: "known" if verdict in ("differs", "error") else verdict for verdict in VERDICTS}
    assert standing(VerdictRecord("a", "value", "jax", "differs")) == "differs"


def test_every_class_has_a_meaning_and_every_kind_of_difference_too() -> None:
    assert set(kinds.MEANINGS) == set(kinds.CLASSES)
    assert all(kinds.KINDS.values())


def tables(tree: ast.AST, words: set[str]) -> Iterator[int]:
    """The lines of literal collections that list all of these words: a second table of them."""
    for node in ast.walk(tree):
        items = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
        if words <= {item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)}:
            yield getattr(node, "lineno", 0)


VERDICT_WORDS = {"differs", "error"}
OUTCOME_WORDS = {"crashed", "timed-out", "raised", "not-run"}
KIND_WORDS = {"value", "abstract-shape", "unsteady"}


@pytest.mark.parametrize(
    ("words", "home"),
    [(VERDICT_WORDS, HOME), (OUTCOME_WORDS, HOME), (KIND_WORDS, ENGINE / "results" / "kinds.py")],
    ids=["verdicts", "outcomes", "kinds"],
)
def test_no_other_module_has_a_table_of_its_own(words: set[str], home: Path) -> None:
    assert list(tables(ast.parse(home.read_text()), words)), "it is found where it is"
    others = {
        f"{path.relative_to(ENGINE)}:{line}"
        for path in ENGINE.rglob("*.py")
        if path != home and path.parts[-2] not in ("cases", "adapter")  # which import nothing of the results
        for line in tables(ast.parse(path.read_text()), words)
    }
    assert not others
