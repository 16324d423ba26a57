"""Known differences: where they apply, what they explain, and which entries are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convt.cases.errors import SpecErrors
from convt.cases.known import Known, KnownTarget, load_known
from convt.conv.settings import Settings
from convt.results.finding import PASS, Finding

ENTRY = """\
known:
  - id: odd-kernel
    law: [value, accuracy]
    where: any(kernel % 2 == 1) and padding == 'same'
    when: {version: ">=3.0,<4", mode: [jit], device: [cuda]}
    wrong: {verdict: differs, kind: [value, shape]}
    reason: The odd pixel is cropped on the wrong side.
    issue: https://example.org/1
    since: "3.0"
"""
BARE = """\
known:
  - id: bare
    law: value
    wrong: {verdict: error, message: crash}
    reason: It crashes.
    issue: none yet
    since: "2026-11-01"
"""
ODD = Settings((7,), (3,), padding="same")
TARGET = KnownTarget("jax", "jit", "cuda:0", "3.1.0+cu12")


def load(folder: Path, text: str, name: str = "jax", laws: tuple[str, ...] = ()) -> list[Known]:
    (folder / f"{name}.yaml").write_text(text)
    return load_known(folder, laws)


def test_an_entry_carries_its_fields(tmp_path: Path) -> None:
    (entry,) = load(tmp_path, ENTRY)
    assert (entry.id, entry.laws, entry.backends) == ("odd-kernel", ("value", "accuracy"), "jax")
    assert (entry.issue, entry.since) == ("https://example.org/1", "3.0")
    assert entry.origin.endswith("jax.yaml:2")


CHANGES: list[tuple[str, dict[str, Any], bool]] = [
    ("nothing", {}, True),
    ("another-listed-law", {"law": "accuracy"}, True),
    ("another-law", {"law": "groups"}, False),
    ("an-even-kernel", {"settings": Settings((7,), (4,), padding="same")}, False),
    ("one-odd-axis", {"settings": Settings((7, 7), (4, 3), padding="same")}, True),
    ("explicit-padding", {"settings": Settings((7,), (3,))}, False),
    ("another-backend", {"target": KnownTarget("pytorch", "jit", "cuda:0", "3.1")}, False),
    ("another-mode", {"target": KnownTarget("jax", "eager", "cuda:0", "3.1")}, False),
    ("another-device", {"target": KnownTarget("jax", "jit", "cpu", "3.1")}, False),
    ("the-device-in-short", {"target": KnownTarget("jax", "jit", "cuda", "3.1")}, True),
    ("the-first-version", {"target": KnownTarget("jax", "jit", "cuda", "3.0")}, True),
    ("a-pre-release", {"target": KnownTarget("jax", "jit", "cuda", "3.2.0rc1")}, True),
    ("a-version-too-old", {"target": KnownTarget("jax", "jit", "cuda", "2.9.9")}, False),
    ("a-version-too-new", {"target": KnownTarget("jax", "jit", "cuda", "4.0")}, False),
    ("a-version-that-is-none", {"target": KnownTarget("jax", "jit", "cuda", "unknown")}, False),
]


@pytest.mark.parametrize(("change", "applies"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_an_entry_applies_to_its_law_settings_and_target_alone(
    tmp_path: Path, change: dict[str, Any], applies: bool
) -> None:
    (entry,) = load(tmp_path, ENTRY)
    given = {"law": "value", "settings": ODD, "target": TARGET, **change}
    assert entry.applies(given["law"], given["settings"], given["target"]) is applies


@pytest.mark.parametrize(
    ("file", "backend", "applies"),
    [
        ("keras", "keras-jax", True),
        ("keras", "keras-torch", True),
        ("keras", "jax", False),
        ("keras-jax", "keras-jax", True),
        ("keras-jax", "keras-torch", False),
        ("jax", "jax", True),
        ("jax", "keras-jax", False),
    ],
)
def test_a_file_speaks_of_its_backend(tmp_path: Path, file: str, backend: str, applies: bool) -> None:
    (entry,) = load(tmp_path, BARE, file)
    assert entry.applies("value", ODD, KnownTarget(backend, "jit", "cpu", "1.0")) is applies


def test_when_names_instruction_sets_that_the_processor_has(tmp_path: Path) -> None:
    (entry,) = load(tmp_path, BARE + "    when: {isa: [avx512f, amx_bf16]}\n")
    for isa, applies in (({"avx512f", "amx_bf16", "fma"}, True), ({"avx512f"}, False), (set(), False)):
        assert entry.applies("value", ODD, KnownTarget("jax", "jit", "cpu", "1.0", frozenset(isa))) is applies


@pytest.mark.parametrize(
    ("when", "dtype", "isa", "applies"),
    [
        ("lacks: [avx512f, amx_bf16]", "", {"avx512f"}, True),
        ("lacks: [avx512f, amx_bf16]", "", {"avx512f", "amx_bf16"}, False),
        ("isa: {float16: [avx512_fp16]}", "float32", set(), True),
        ("isa: {float16: [avx512_fp16]}", "float16", set(), False),
        ("isa: {float16: [avx512_fp16]}", "float16", {"avx512_fp16"}, True),
        ("lacks: {float16: [avx512_fp16]}", "float16", {"avx512_fp16"}, False),
        ("lacks: {float16: [avx512_fp16]}", "float64", {"avx512_fp16"}, True),
    ],
)
def test_instruction_sets_may_be_lacking_and_be_those_of_one_dtype(
    tmp_path: Path, when: str, dtype: str, isa: set[str], applies: bool
) -> None:
    (entry,) = load(tmp_path, BARE + f"    when: {{{when}}}\n")
    target = KnownTarget("jax", "jit", "cpu", "1.0", frozenset(isa))
    assert entry.applies("value", ODD, target, dtype=dtype) is applies


@pytest.mark.parametrize(("isa", "about"), [(set(), False), ({"avx512f"}, True)])
def test_an_entry_of_dtypes_that_the_processor_has_none_of_is_not_about_it(
    tmp_path: Path, isa: set[str], about: bool
) -> None:
    when = (
        "    rejects: [stride-zero]\n"
        "    asked: {dtype: [float16, bfloat16]}\n"
        "    when: {isa: {float16: [avx512_fp16], bfloat16: [avx512f]}}\n"
    )
    (entry,) = load(tmp_path, BARE.replace("law: value", "law: rejects") + when)
    assert entry.about(KnownTarget("jax", "jit", "cpu", "1.0", frozenset(isa))) is about


@pytest.mark.parametrize(
    ("backend", "wrong", "ends"),
    [
        ("jax", "{outcome: crashed}", True),
        ("jax", "{outcome: crashed, exception: SIGABRT}", True),
        ("jax", "{outcome: raised, message: no}", False),
        ("keras-jax", "{outcome: crashed}", False),
    ],
)
def test_an_entry_says_which_calls_may_end_the_process(tmp_path: Path, backend: str, wrong: str, ends: bool) -> None:
    call = BARE.replace("    law: value\n", "    where: rank == 1\n    asked: {dtype: [float16], want: [grad-x]}\n")
    text = call.replace("{verdict: error, message: crash}", wrong) + '    when: {version: ">=9"}\n'
    (entry,) = load(tmp_path, text)
    target = KnownTarget(backend, "jit", "cpu", "")
    assert entry.ends(target) is ends
    for want, dtype, settings, may in (
        ("grad-x", "float16", ODD, True),
        ("value", "float16", ODD, False),
        ("grad-x", "float32", ODD, False),
        ("grad-x", "float16", Settings((7, 7), (3, 3)), False),
    ):
        assert entry.may_end(settings, want, dtype, target) is may


def test_when_narrows_a_file_of_several_backends(tmp_path: Path) -> None:
    (entry,) = load(tmp_path, BARE + "    when: {backend: [keras-jax]}\n", "keras")
    assert entry.applies("value", ODD, KnownTarget("keras-jax", "jit", "cpu", "1.0"))
    assert not entry.applies("value", ODD, KnownTarget("keras-torch", "jit", "cpu", "1.0"))


NUMBER = Finding("differs", "value", "value", "out", (0, 0, 1), 0.0, 3.0)
ABORT = Finding("error", "outcome", "value", outcome="crashed", exception="SIGABRT", words="SIGABRT; log: no MakeShape")
REFUSAL = Finding("differs", "refusal", "call", "", outcome="raised", exception="KeyError", words="KeyError: 'x'")
ANSWER = Finding("differs", "accepted", "call", got=(1, 2, 5), first=(1j,), dtype="complex64", outcome="value")
NARROW = replace(NUMBER, cause="sums-in-float16")
SEEN: list[tuple[str, Finding, Finding]] = [
    ("{verdict: differs, kind: value}", NUMBER, replace(NUMBER, kind="shape")),
    ("{verdict: differs, kind: [value, shape]}", NUMBER, replace(NUMBER, kind="dtype")),
    ("{verdict: differs, kind: value}", NUMBER, replace(NUMBER, verdict="error")),
    ("{verdict: differs, kind: value}", NUMBER, PASS),
    ("{verdict: differs, kind: value, cause: [sums-in-float16]}", NARROW, NUMBER),
    ("{verdict: error, exception: SIGABRT}", ABORT, replace(ABORT, exception="SIGSEGV")),
    ("{verdict: error, exception: [SIGBUS, SIGABRT]}", ABORT, replace(ABORT, exception="SIGSEGV")),
    ("{verdict: error, exception: SIGABRT, message: MakeShape}", ABORT, replace(ABORT, words="SIGABRT; log: no")),
    ("{verdict: differs, kind: refusal, exception: KeyError}", REFUSAL, replace(REFUSAL, exception="IndexError")),
    (
        "{verdict: differs, kind: refusal, message: \"^KeyError: 'x'\"}",
        REFUSAL,
        replace(REFUSAL, words="KeyError: 'y'"),
    ),
    ("{verdict: differs, kind: accepted, shape: [1, 2]}", ANSWER, replace(ANSWER, got=(1, 3, 5))),
    ("{verdict: differs, kind: accepted, shape: [1, 2, 5]}", ANSWER, replace(ANSWER, got=(1, 2))),
    ("{verdict: differs, kind: accepted, dtype: complex64}", ANSWER, replace(ANSWER, dtype="float32")),
]
"""What an entry says, what it is, and what is nearly that and is another failure."""


@pytest.mark.parametrize(("wrong", "seen", "other"), SEEN, ids=[f"{at}: {row[0]}" for at, row in enumerate(SEEN)])
def test_only_the_expected_wrong_behaviour_is_explained(
    tmp_path: Path, wrong: str, seen: Finding, other: Finding
) -> None:
    (entry,) = load(tmp_path, BARE.replace("{verdict: error, message: crash}", wrong))
    assert entry.explains(seen)
    assert not entry.explains(other)


def test_a_regular_expression_reads_no_word_of_ours(tmp_path: Path) -> None:
    """The sentence says `value: crashed: SIGABRT`; the framework says only what is in `words`."""
    (entry,) = load(tmp_path, BARE.replace("message: crash", "message: crashed"))
    assert "crashed" in ABORT.message
    assert not entry.explains(ABORT)


@pytest.mark.parametrize("outcome", ["raised", "crashed", "timed-out"])
def test_of_a_call_the_outcome_counts(tmp_path: Path, outcome: str) -> None:
    text = BARE.replace("    law: value\n", "").replace(
        "verdict: error, message: crash", f"outcome: {outcome}, message: a"
    )
    (entry,) = load(tmp_path, text)
    found = Finding("error", "outcome", outcome=outcome, words="a")
    assert entry.explains(found)
    assert not entry.explains(replace(found, outcome="value"))


BAD = [
    ("no-wrong", "    wrong: {verdict: error, message: crash}\n", "", "2:5: known[0].wrong: missing required field"),
    ("no-kind", "error, message: crash", "differs", "4:12: known[0].wrong: `differs` needs `kind`: one of value, bits"),
    (
        "nothing-of-the-error",
        ", message: crash",
        "",
        "4:12: known[0].wrong: `error` needs `exception`, `message`, or both",
    ),
    ("unknown-kind", "message: crash", "kind: colour", "4:35: known[0].wrong.kind: found 'colour', accepted 'value'"),
    ("unknown-cause", "message: crash", "cause: [luck]", "4:37: known[0].wrong.cause[0]: found 'luck', accepted"),
    ("a-pass", "verdict: error", "verdict: pass", "4:22: known[0].wrong.verdict: found 'pass', accepted 'differs' or"),
    ("no-reason", "    reason: It crashes.\n", "", "2:5: known[0].reason: missing required field"),
    ("number-as-since", '"2026-11-01"', "3.0", "7:12: known[0].since: found 3.0, accepted text"),
    ("unknown-field", "law: value", "laws: value", "3:5: known[0].laws: found an unknown field, accepted 'law'"),
    ("unknown-when", "law: value", "law: value\n    when: {versions: '3'}", "4:12: known[0].when.versions: found an"),
    ("no-version", "law: value", "law: value\n    when: {version: '3 or so'}", "4:21: known[0].when.version: found"),
    (
        "no-isa",
        "law: value",
        "law: value\n    when: {isa: avx512f}",
        "4:17: known[0].when.isa: found 'avx512f', accepted a",
    ),
    (
        "no-dtype-of-isa",
        "law: value",
        "law: value\n    when: {isa: {float16: x}}",
        "4:27: known[0].when.isa.float16: f",
    ),
    ("no-regex", "message: crash", "message: '(crash'", "4:38: known[0].wrong.message: found missing ), unterminated"),
    (
        "unknown-name",
        "law: value",
        "law: value\n    where: rank > 1 and kernal > 1",
        "4:25: known[0].where: found 'ker",
    ),
    ("axis-unguarded", "law: value", "law: value\n    where: stride[1] > 1", "4:12: known[0].where: found axis 1"),
    ("number-as-where", "law: value", "law: value\n    where: kernel + 1", "4:12: known[0].where: found the number"),
    ("unknown-law", "law: value", "law: valeu", "3:10: known[0].law: found 'valeu', accepted 'value'"),
    ("unknown-law-in-list", "law: value", "law: [value, valeu]", "3:18: known[0].law[1]: found 'valeu'"),
    ("number-as-law", "law: value", "law: 3", "3:10: known[0].law: found 3, accepted the id of a law, or a list"),
    ("duplicate-key", "law: value", "law: value\n    law: value", "4:5: known[0].law: found the key again"),
]


@pytest.mark.parametrize(("old", "new", "line"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_entry_is_refused_with_its_place(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert old in BARE
    with pytest.raises(SpecErrors) as caught:
        load(tmp_path, BARE.replace(old, new), laws=("value", "accuracy"))
    places = [error.split("jax.yaml:")[1] for error in caught.value.errors]
    assert any(place.startswith(line) for place in places), places


def test_two_entries_of_one_id_are_refused(tmp_path: Path) -> None:
    (tmp_path / "keras.yaml").write_text(BARE)
    with pytest.raises(SpecErrors, match=r"keras\.yaml:2:1: id: found 'bare', which .*jax\.yaml:2 has already"):
        load(tmp_path, BARE)
    (tmp_path / "keras.yaml").unlink()
    with pytest.raises(SpecErrors, match=r"jax\.yaml:8:9: known\[1\]\.id: found 'bare', which known\[0\] has already"):
        load(tmp_path, BARE + BARE.split("\n", 1)[1])


def test_a_folder_without_files_knows_nothing(tmp_path: Path) -> None:
    assert load_known(tmp_path) == []
