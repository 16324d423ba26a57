"""The end of a run on the terminal: the sentence that answers comes first, and is right about what fails."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path

import pytest

from convt.plugin.terminal import LETTERS, Told, sentence, tell

TARGETS = {"jax": "jax 0.10.2", "pytorch": "pytorch 2.13.0"}
LAWS = ["value", "adjoint"]


def told(known: int = 0, missing: dict[str, str] | None = None, lines: tuple[str, ...] = (), **wrong: int) -> Told:
    """A run of two laws on two targets, in which JAX breaks so many."""
    counts = {(target, law): Counter({"pass": 5}) for target in TARGETS for law in LAWS}
    counts["jax", "value"].update({name.replace("_", "-"): number for name, number in wrong.items()})
    counts["pytorch", "value"]["known"] = known
    return Told(counts, TARGETS, LAWS, cases=5, known=2 if known else 0, missing=missing or {}, lines=lines)


HOLD = "2 targets hold every law that they can express"
STALE = ("known.yaml:3: known difference X matched nothing",)


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (told(), f"{HOLD}; nothing new."),
        (told(known=862), f"{HOLD}; 862 verdicts are explained by 2 known differences; nothing new."),
        (told(differs=1), "1 verdict on jax breaks a law."),
        (told(differs=2, known=1), "2 verdicts on jax break a law; 1 verdict is explained by 2 known differences."),
        (told(suite_bug=1), "1 verdict on jax breaks a law."),
        (
            told(missing={"jax": "absent"}),
            "1 target holds every law that it can express; nothing new; jax did not run (absent).",
        ),
        (told(lines=STALE), f"{HOLD}."),
    ],
)
def test_the_sentence_answers(run: Told, says: str) -> None:
    assert sentence(run) == says


def test_where_nothing_ran_nothing_holds() -> None:
    run = told(missing={"jax": "not installed", "pytorch": "not installed"})
    assert sentence(run).startswith("No target ran; ")


def test_the_matrix_shows_the_worst_of_each_law_and_every_column_whole(tmp_path: Path) -> None:
    out = io.StringIO()
    tell(told(differs=1, known=3), out, colours=False)
    lines = out.getvalue().splitlines()
    assert lines[0] == sentence(told(differs=1, known=3))
    [jax] = [line for line in lines if line.startswith("jax 0.10.2")]
    [pytorch] = [line for line in lines if line.startswith("pytorch 2.13.0")]
    assert re.match(r"jax 0\.10\.2\s+D\.\s", jax)
    assert re.match(r"pytorch 2\.13\.0\s+k\.\s", pytorch)
    assert jax.split()[3:] == ["10", "0", "0", "0", "1", "0", "0"]
    assert "…" not in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_the_legend_keeps_each_letter_and_its_law_on_one_line() -> None:
    laws = [f"a-law-with-a-name-{at}" for at in range(30)]
    out = io.StringIO()
    tell(Told({("jax", law): Counter({"pass": 1}) for law in laws}, {"jax": "jax 1"}, laws), out, colours=False)
    lines = out.getvalue().splitlines()
    for letter, law in zip(LETTERS, laws, strict=False):
        assert any(f"{letter} {law}" in line for line in lines)
    assert max(map(len, lines)) <= 118
    assert out.getvalue().isascii()


def test_a_target_of_which_nothing_was_judged_did_not_run() -> None:
    counts = {("jax", "value"): Counter({"not-run": 4})}
    assert sentence(Told(counts, {"jax": "jax 1"}, ["value"])) == "No target ran."


def test_many_laws_and_targets_are_never_cut_off() -> None:
    targets = {f"keras-tensorflow/saved@cuda:{at}": f"keras-tensorflow/saved@cuda:{at} 3.15.1" for at in range(3)}
    laws = [f"law-{at}" for at in range(45)]
    counts = {(target, law): Counter({"pass": 123_456}) for target in targets for law in laws}
    out = io.StringIO()
    tell(Told(counts, targets, laws), out, colours=False)
    assert "…" not in out.getvalue()
    assert "." * 45 in out.getvalue()
