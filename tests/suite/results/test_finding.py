"""A finding: as words, as the line of a run file, and what a record of format 1 lets one know of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convt.results.finding import (
    CAUSES,
    FINDING_KINDS,
    OF_THE_VERDICT,
    PASS,
    Finding,
    as_json,
    failure_class,
    from_json,
    numbers_of,
    sentence,
    unanswered,
    without_numbers,
)
from convt.results.kinds import KINDS
from convt.results.records import FORMAT, VerdictRecord
from convt.results.runfile import RunFileError, RunWriter, read_run
from convt.results.sentences import finding_of
from tests.suite.results.small_runs import HEADER, case

NUMBER = Finding(
    "differs", "value", "value", "out", (0, 2), 0.5, 4.0, differing=2, of=9, largest=3.5, ulps=7.0, used=4.5,
    why="2 products in float32", expected=np.ones(3), actual=np.zeros(3),
)  # fmt: skip
BITS = Finding("differs", "bits", "again", "")
SHAPE = Finding("differs", "shape", "value", "out.shape", got=(1, 3), due=(1, 4))
DTYPE = Finding("differs", "dtype", "value", "out.dtype", got="float64", due="float32")
RAISED = unanswered("error", "with", "raised", "ValueError: no 3")
CRASH = unanswered("error", "call", "crashed", "SIGABRT; log: at MakeShape", "")
UNSUPPORTED = unanswered("unsupported", "value", "unsupported", "no groups")
UNCLEAR = Finding("differs", "refusal", "call", outcome="raised", exception="KeyError", words="KeyError: 1")
ANSWER = Finding("differs", "accepted", "call", got=(1, 2), first=(1.5, 2j), dtype="complex64", outcome="value")
OTHER = replace(UNCLEAR, other="value")
WHERE = replace(RAISED, verdict="differs", other="value")
BOUND = "out[0,2]=0.5, but should be 4\n2 of 9 differ; largest 3.5 = 7 ulp; 4.5 x the bound (2 products in float32)"
FOUND = [
    (NUMBER, BOUND),
    (replace(NUMBER, got=float("nan"), not_finite=1, used=None),
     "out[0,2]=nan, but should be 4\n2 of 9 differ; 1 of them not finite"),
    (replace(SHAPE, peer="jax"), "out.shape=(1, 3), but should be (1, 4)  [across targets, with jax]"),
    (DTYPE, "out.dtype=float64, but should be float32"),
    (BITS, "other bits of equal numbers: 0 and -0"),
    (RAISED, "with: raised: ValueError: no 3"),
    (CRASH, "crashed: SIGABRT; log: at MakeShape"),
    (UNSUPPORTED, "value: no groups"),
    (UNCLEAR, "refused, but unclearly: KeyError: 1"),
    (replace(UNCLEAR, note="a crop"), "refused, although it means something there: a crop\nKeyError: 1"),
    (replace(UNCLEAR, verdict="pass"), "refused: KeyError: 1"),
    (ANSWER, "accepted: shape (1, 2), first numbers 1.5, 0+2j"),
    (replace(ANSWER, due=(1, 2, 0), first=()), "accepted: shape (1, 2), but should be shape (1, 2, 0)"),
    (replace(ANSWER, first=(), due=(1, 3), first_due=(0.0, 5.0)),
     "accepted: shape (1, 2), but should be shape (1, 3), first numbers 0, 5"),
    (OTHER, "raised: KeyError: 1\nwhere the other accepts it"),
    (replace(OTHER, outcome="value", words="", exception=""), "accepted\nwhere the other accepts it"),
    (WHERE, "with: raised where it answers: ValueError: no 3"),
    (Finding("differs", "claim", "plain", words="no groups"),
     "the claim is stale: the call computes what it should: no groups"),
    (Finding("suite-bug", "suite", note="the suite raised KeyError", lines=("at a", "at b")),
     "the suite raised KeyError\nat a\nat b"),
]  # fmt: skip
IDS = [f"{at} {found.kind}" for at, (found, _) in enumerate(FOUND)]


@pytest.mark.parametrize(("found", "words"), FOUND, ids=IDS)
def test_a_finding_in_words(found: Finding, words: str) -> None:
    assert sentence(found) == found.message == words


@pytest.mark.parametrize("found", [found for found, _ in FOUND], ids=IDS)
def test_a_finding_comes_back_from_a_file(found: Finding) -> None:
    said = json.loads(json.dumps(as_json(found), allow_nan=False))
    again = from_json(found.verdict, found.used, said)
    assert repr(again) == repr(found)  # nan equals nothing
    assert again.message == found.message


@pytest.mark.parametrize("found", [found for found, _ in FOUND if found.verdict != "pass"], ids=str)
def test_what_a_message_of_format_1_tells_is_what_the_fields_say(found: Finding) -> None:
    former = finding_of(VerdictRecord("a", "b", "c", found.verdict, message=found.message, used=found.used))
    assert (former.verdict, former.kind, former.cause) == (found.verdict, found.kind, found.cause)
    assert former.exception == ("" if found.note else found.exception)
    if found.verdict in ("differs", "error") and not found.note:
        assert failure_class(former) == failure_class(found)
        assert former.peer == found.peer
        assert found.kind == "claim" or numbers_of(replace(former, what=found.what)) == numbers_of(found)


def test_a_pass_takes_no_room_and_what_follows_from_the_verdict_none() -> None:
    assert as_json(PASS) == as_json(Finding("pass", used=0.5)) == {}
    assert as_json(UNSUPPORTED) == {"probe": "value", "words": "no groups"}
    assert as_json(RAISED) == {"probe": "with", "outcome": "raised", "exception": "ValueError", "words": RAISED.words}


def test_the_class_has_no_numbers_and_tells_faults_apart() -> None:
    assert failure_class(NUMBER) == failure_class(replace(NUMBER, index=(1, 1), got=7.0, used=9.0, differing=1))
    group = replace(NUMBER, what="group 1 of the result")
    assert failure_class(group) == failure_class(replace(group, what="group 0 of the result"))
    others = [
        NUMBER, group, BITS, SHAPE, DTYPE, RAISED, CRASH, UNCLEAR, ANSWER, OTHER, WHERE, UNSUPPORTED,
        replace(RAISED, exception="TypeError"), replace(NUMBER, cause="mirrored-crop"), replace(SHAPE, what="x.shape"),
    ]  # fmt: skip
    assert len({failure_class(other) for other in others}) == len(others)
    assert failure_class(replace(RAISED, words="ValueError: reworded")) == failure_class(RAISED)


def test_a_baseline_keeps_the_class_and_no_number() -> None:
    for found, _ in FOUND:
        kept = without_numbers(found)
        assert failure_class(kept) == failure_class(found) or found.note
        assert found.kind in ("bits", "suite") or not any(character.isdigit() for character in kept.message)
        assert "None" not in kept.message


def test_every_kind_and_cause_is_said_in_words() -> None:
    assert set(OF_THE_VERDICT.values()) <= set(FINDING_KINDS)
    assert all(
        words and not words.endswith(".") for words in (*(KINDS[kind] for kind in FINDING_KINDS), *CAUSES.values())
    )


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"kind": "colour"}, "the kind 'colour'"),
        ({"kind": "value", "cause": "luck"}, "cause 'luck'"),
        ({"kind": "value", "hue": 1}, "verdict with"),
    ],
)
def test_a_finding_that_means_nothing_is_refused_with_its_line(
    tmp_path: Path, said: dict[str, object], complaint: str
) -> None:
    path = written(tmp_path, NUMBER)
    lines = path.read_text().splitlines(keepends=True)
    record = json.loads(lines[2]) | {"finding": said}
    path.write_text("".join([*lines[:2], json.dumps(record) + "\n", *lines[3:]]))
    with pytest.raises(RunFileError, match=complaint):
        read_run(path)


def written(folder: Path, found: Finding) -> Path:
    with RunWriter(folder / "run.jsonl") as writer:
        writer.write(HEADER)
        writer.write(case("one"))
        writer.write(
            VerdictRecord(
                "one", "value", "jax", found.verdict, message=found.message, used=found.used, finding=as_json(found)
            )
        )
        writer.finish(1.0, 0)
    return folder / "run.jsonl"


@pytest.mark.parametrize("found", [NUMBER, RAISED, UNSUPPORTED, ANSWER], ids=lambda found: found.kind)
def test_a_file_holds_the_finding_and_leaves_out_the_words_that_follow_from_it(tmp_path: Path, found: Finding) -> None:
    path = written(tmp_path, found)
    assert '"message"' not in path.read_text()
    assert f'"format":{FORMAT}' in path.read_text()
    (record,) = read_run(path).verdicts
    assert record.message == found.message
    assert repr(finding_of(record)) == repr(found)


def test_a_file_of_format_1_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, SHAPE)
    lines = path.read_text().splitlines(keepends=True)
    record = json.loads(lines[2])
    del record["finding"]
    lines[2] = json.dumps(record | {"message": SHAPE.message}) + "\n"
    path.write_text("".join(lines).replace(f'"format":{FORMAT}', '"format":1'))
    (read,) = read_run(path).verdicts
    assert (read.finding, finding_of(read).kind, finding_of(read).got) == (None, "shape", "(1, 3)")
