"""What is said of a user's own layers: on which targets they are right, which are not, and what an upgrade changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convt.page.compare_forms import render
from convt.page.page import render_page
from convt.results.changes import compare
from convt.results.compare_view import headline
from convt.results.mine import listed, mine_of
from convt.results.mine_compared import mine_compared
from convt.results.records import CaseRecord, Run, VerdictRecord
from convt.results.runfile import RunWriter, read_run
from convt.results.summary import summary_json, summary_text, together_text
from tests.suite.results.small_runs import DIFFERS, HEADER, RAISED, case, made, verdict

ABOUTS = {"up-1": "decoder.up1", "up-2": "decoder.up2", "up-3": ""}
TARGETS = ("keras-jax", "jax")
JAX, KERAS = "jax 0.10.2", "keras-jax 3.14.1"
UP1, UP2 = "up-1 (decoder.up1)", "up-2 (decoder.up2)"
REST = "all others right."
V = "law value"
THREE = "Your 3 cases: all right on"
WORSE, BOTH = f"{UP1} is worse on keras-jax (regressed)", "keras-jax and jax"


def layers(*names: str) -> list[CaseRecord]:
    return [replace(case(name, kernel), about=ABOUTS[name], mine=True) for kernel, name in enumerate(names, start=2)]


def run(*wrong: VerdictRecord, names: tuple[str, ...] = tuple(ABOUTS), **changes: Any) -> Run:
    """A run of these layers beside a case of the suite's; all pass but for these verdicts."""
    right = [
        verdict(name, law, target) for name in (*names, "gap") for law in ("value", "adjoint") for target in TARGETS
    ]
    found = {(it.case, it.law, it.target): it for it in (*right, *wrong)}
    return made(*found.values(), cases=[*layers(*names), case("gap", 9)], header=replace(HEADER, **changes))


def says(made: Run) -> str:
    mine = mine_of(made)
    assert mine is not None
    return mine.says


def keras(name: str, **more: Any) -> VerdictRecord:
    return verdict(name, target="keras-jax", **more)


LOST = (replace(HEADER.targets[0], missing="no module"), HEADER.targets[1])


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (run(), f"Your 3 cases: all right on {KERAS} and {JAX}."),
        (run(names=("up-1",)), f"Your 1 case: right on {KERAS} and {JAX}."),
        (
            run(keras("up-1", **DIFFERS), keras("up-2", **DIFFERS)),
            f"Your 3 cases: all right on {JAX}; 2 differ on {KERAS}: {UP1}, {V}, {UP2}, {V}; {REST}",
        ),
        (
            run(keras("up-3", **DIFFERS, known="x"), keras("up-1", **RAISED)),
            f"{THREE} {JAX}; 1 differs on {KERAS}: up-3, {V}, known: x; 1 fails on {KERAS}: {UP1}, {V}; {REST}",
        ),
        (
            run(keras("up-1", **RAISED, known="a-bug")),
            f"Your 3 cases: all right on {JAX}; 1 fails on {KERAS}: {UP1}, {V}, known: a-bug; {REST}",
        ),
        (
            run(*(verdict("up-1", target=target, **DIFFERS) for target in TARGETS)),
            f"Your 3 cases: 1 differs on {KERAS} and {JAX}: {UP1}, {V}; {REST}",
        ),
        (
            run(keras("up-1", verdict="unsupported"), keras("up-1", law="adjoint", verdict="unsupported")),
            f"Your 3 cases: all right on {JAX}; 1 cannot be expressed on {KERAS}: {UP1}; {REST}",
        ),
        (run(targets=LOST), f"Your 3 cases: all right on {JAX}."),
        (run(targets=tuple(replace(it, missing="no module") for it in LOST)), "Your 3 cases: no target ran."),
    ],
    ids=[
        "right",
        "one",
        "differ",
        "known-and-fails",
        "known-to-fail",
        "everywhere",
        "inexpressible",
        "missing",
        "none-ran",
    ],
)
def test_a_run_says_it_in_a_sentence(found: Run, sentence: str) -> None:
    assert says(found) == sentence


def test_a_run_that_was_interrupted_says_so() -> None:
    found = run(names=("up-1",))
    partial = replace(found, footer=replace(found.footer, partial=True))
    assert says(partial) == f"Your 1 case, judged before the interruption: right on {KERAS} and {JAX}."


def test_a_run_without_them_says_nothing_new() -> None:
    plain = made(verdict("gap"))
    assert mine_of(plain) is None
    assert "layer" not in summary_text(plain)
    assert summary_json(plain)["mine"] is None


def test_many_names_are_counted() -> None:
    assert listed(list("abc")) == "a, b, c"
    assert listed(list("abcd")) == "a, b, c, d", "one more name is as short as its count"
    assert listed(list("abcde")) == "a, b, c and 2 more"


def test_what_all_layers_say_of_themselves_tells_none_apart() -> None:
    found = run(keras("up-1", **DIFFERS))
    same = {name: replace(it, about="The layers of a model.") for name, it in found.cases.items()}
    assert "up-1, law value; all others" in says(replace(found, cases=same))


def test_every_form_of_a_run_says_it_first() -> None:
    found = run(keras("up-1", **DIFFERS, known="a-bug"))
    assert " ".join(summary_text(found).split()).startswith(says(found))
    assert says(found) in together_text([found, found], triples=False)
    page = render_page(found)
    assert f'<p class="headline">Your 3 cases: all right on {JAX}; not all right on {KERAS}.</p>' in page
    assert f"<li>1 differs on {KERAS}: {UP1}, {V}, known: a-bug</li>" in page
    data = summary_json(found)["mine"]
    assert (data["cases"], data["says"]) == (3, says(found))
    assert data["targets"]["keras-jax"]["differs"] == ["up-1"]
    assert data["targets"]["keras-jax"]["known"] == {"up-1": "a-bug"}
    assert data["targets"]["keras-jax"]["laws"] == {"up-1": ["value"]}
    assert data["targets"]["jax"]["right"] == list(ABOUTS)


def test_a_file_keeps_which_they_are_and_says_nothing_of_others(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.jsonl") as writer:
        writer.write(HEADER)
        for case_record in run().cases.values():
            writer.write(case_record)
        for record in run().verdicts:
            writer.write(record)
        writer.finish(1.0, 0)
    lines = (tmp_path / "run.jsonl").read_text().splitlines()
    assert sum('"mine":true' in line for line in lines) == 3
    assert not any('"mine":false' in line for line in lines), "earlier releases read no such field"
    assert says(read_run(tmp_path / "run.jsonl")) == says(run())


def compared(before: Run, after: Run) -> str:
    found = mine_compared(compare(before, after))
    assert found is not None
    return found.says


WRONG = keras("up-1", **DIFFERS)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (run(), run(), "Your 3 cases: the same."),
        (
            run(),
            run(WRONG, keras("up-3", **DIFFERS)),
            f"2 of your 3 cases changed: {UP1}, up-3 are worse on keras-jax (regressed).",
        ),
        (run(), run(keras("gap", **DIFFERS)), "Your 3 cases: the same."),
        (run(), run(keras("up-2", bits="cd34")), "Your 3 cases: the same but for the last bits of 1."),
        (
            run(WRONG),
            run(WRONG),
            f"Your 3 cases: the same; as before, 1 differs on {KERAS}: up-1.",
        ),
        (
            run(),
            run(WRONG),
            f"1 of your 3 cases changed: {WORSE}.",
        ),
        (
            run(keras("up-2", **DIFFERS)),
            run(WRONG, verdict("up-1", **DIFFERS)),
            f"2 of your 3 cases changed: {UP1} is worse on {BOTH} (regressed), {UP2} is better on keras-jax (fixed).",
        ),
        (run(names=("up-1",)), run(WRONG, names=("up-1",)), f"Your case changed: {WORSE}."),
        (
            run(names=("up-1", "up-2")),
            run(),
            "Your 2 cases: the same; not compared: 1 of your cases, which no law judged on both sides.",
        ),
        (
            run(),
            run(targets=LOST),
            "Your 3 cases: the same; not compared: what keras-jax computes.",
        ),
        (
            made(verdict("gap"), cases=[case("gap", 9)]),
            run(),
            "Your 3 cases: not compared, for no law judged them on both sides.",
        ),
    ],
    ids=["same", "alike", "others", "bits", "as-before", "worse", "mixed", "one", "new-layer", "lost", "all-new"],
)  # fmt: skip
def test_a_comparison_says_it_in_a_sentence(before: Run, after: Run, sentence: str) -> None:
    assert compared(before, after) == sentence


def test_laws_of_other_versions_compare_no_layer() -> None:
    other = tuple(replace(law, version=2) for law in HEADER.laws)
    forced = compare(run(), run(laws=other), may_be_empty=True)
    mine = mine_compared(forced)
    assert mine is not None
    assert mine.says == "Your 3 cases: not compared, for no law judged them on both sides."


def test_every_form_of_a_comparison_says_it_first() -> None:
    found = compare(run(), run(WRONG))
    first = f"1 of your 3 cases changed: {WORSE}."
    assert headline(found).startswith(f"{first} Worse")
    assert " ".join(render(found).split()).startswith(f"convt: {first} convt: Worse")
    assert render(found, "markdown").startswith(f"# convt: {first}\n\n**Worse")
    assert f'<p class="headline">{first}</p>' in render(found, "html")
    mine = mine_compared(found)
    assert mine is not None
    assert mine.data()["changed"] == {"up-1": {"keras-jax": {"worse": True, "kinds": ["regressed"]}}}
    assert compare(made(verdict("gap")), made(verdict("gap"))).exit_status == 0
    assert mine_compared(compare(made(verdict("gap")), made(verdict("gap")))) is None
