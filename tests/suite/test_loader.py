"""The reading of case files: what good ones mean, and that bad ones get one clear line an error."""

from __future__ import annotations

import random
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from specs.case import Case
from specs.errors import SpecErrors
from specs.loader import load_cases
from specs.settings import Settings
from specs.yaml_marks import compose, resolve

ROOT = Path(__file__).parents[2]
BAD = Path(__file__).parent / "bad_specs"
BAD_FILES = sorted(BAD.glob("*.yaml"))

HEAD = "about: One idea.\nsource: none\ncases:\n"
GOOD = """\
about: A stride larger than the kernel leaves gaps.
source: section 3
cases:
  - id: gap-1d
    tags: [gap, pencil]
    input: {shape: [1, 1, 2], data: [1, 2]}
    kernel: {shape: [1, 1, 1], data: [[[10]]]}
    bias: [5]
    stride: 3
    expect: {size: 4, data: [15, 5, 5, 25], matrix: [4, 2]}
  - id: gap-2d
    about: Its own sentence.
    source: its own source
    input: [3, 4]
    kernel: [2, 3]
    channels: [2, 4]
    groups: 2
    batch: 3
    stride: [4, 5]
    dilation: 2
    padding: [[0, 1], [1, 0]]
    output_padding: [1, 0]
    seed: 7
    claim: {says: The kernel decides., holds: false, correction: The stride does.}
    refuted: {size: 4, data: [1, 2]}
  - id: gap-grid
    input: 7
    matrix: {kernel: [1, 2, 3], stride: [2, 3, 4], dilation: [1, 2]}
    where: stride > dilation * (kernel - 1) + 1
"""


def load(folder: Path, *texts: str) -> list[Case]:
    """The cases of files with these texts, called a.yaml, b.yaml."""
    paths = [folder / f"{chr(97 + number)}.yaml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return load_cases(paths)


def one(folder: Path, *lines: str) -> Case:
    """The case that these fields make."""
    return load(folder, HEAD + "  - id: one\n" + "".join(f"    {line}\n" for line in lines))[0]


def errors(folder: Path, *texts: str) -> list[str]:
    """The errors of files with these texts, the folder left out."""
    with pytest.raises(SpecErrors) as caught:
        load(folder, *texts)
    return [line.replace(f"{folder.as_posix()}/", "") for line in caught.value.errors]


def test_a_case_carries_its_settings_and_literal_data(tmp_path: Path) -> None:
    case = load(tmp_path, GOOD)[0]
    assert case.settings == Settings((2,), (1,), (3,), bias=True)
    assert case.literal is not None
    assert case.literal.b is not None
    assert_array_equal(case.literal.x, np.array([[[1, 2]]], "float32"), strict=True)
    assert_array_equal(case.literal.w, np.array([[[10]]], "float32"), strict=True)
    assert_array_equal(case.literal.b, np.array([5], "float32"), strict=True)
    assert case.expect.data is not None
    assert_array_equal(case.expect.data, [[[15, 5, 5, 25]]])
    assert (case.expect.size, case.expect.matrix) == ((4,), (4, 2))
    assert (case.about, case.source, case.tags) == (
        "A stride larger than the kernel leaves gaps.",
        "section 3",
        ("gap", "pencil"),
    )
    assert case.origin.endswith("a.yaml:4")


def test_every_field_reaches_the_settings(tmp_path: Path) -> None:
    case = load(tmp_path, GOOD)[1]
    assert case.settings == Settings(
        input=(3, 4), kernel=(2, 3), stride=(4, 5), dilation=(2, 2), padding=((0, 1), (1, 0)),
        output_padding=(1, 0), batch=3, channels_in=2, channels_out=4, groups=2,
    )  # fmt: skip
    assert (case.seed, case.about, case.source) == (7, "Its own sentence.", "its own source")
    assert case.claim is not None
    assert (case.claim.holds, case.claim.correction) == (False, "The stride does.")
    assert case.refuted is not None
    assert case.refuted.size == (4, 4)


def test_a_matrix_gives_named_cases(tmp_path: Path) -> None:
    ids = [case.id for case in load(tmp_path, GOOD)[2:]]
    assert ids[:3] == ["gap-grid-k1-s2-d1", "gap-grid-k1-s2-d2", "gap-grid-k1-s3-d1"]
    assert "gap-grid-k2-s2-d1" not in ids
    assert "gap-grid-k2-s3-d1" in ids


def test_a_forward_kernel_is_out_by_in(tmp_path: Path) -> None:
    case = one(tmp_path, "op: conv", "input: {shape: [2, 4, 5]}", "kernel: {shape: [6, 2, 3]}", "groups: 2")
    assert case.settings == Settings(
        (5,), (3,), op="conv", batch=2, channels_in=4, channels_out=6, groups=2, padding=((0, 0),)
    )


def test_a_transposed_kernel_is_in_by_out(tmp_path: Path) -> None:
    case = one(tmp_path, "input: {shape: [2, 4, 5]}", "kernel: {shape: [4, 3, 3]}", "groups: 2")
    assert (case.settings.channels_in, case.settings.channels_out) == (4, 6)


def test_missing_literal_data_are_drawn_from_the_seed(tmp_path: Path) -> None:
    given = one(tmp_path, "input: {shape: [1, 1, 2], data: [1, 2]}", "kernel: 3", "seed: 4")
    drawn = one(tmp_path, "input: 2", "kernel: 3", "seed: 4")
    assert_array_equal(given.data().x, [[[1, 2]]])
    assert_array_equal(given.data().w, drawn.data().w)
    assert drawn.literal is None


def test_decimal_data_are_kept_as_float32(tmp_path: Path) -> None:
    case = one(
        tmp_path,
        "input: {shape: [1, 1, 2], data: [0.1, 1e-5]}",
        "kernel: {shape: [1, 1, 1], data: [3]}",
        "expect: {data: [0.3, 3e-5]}",
    )
    assert case.literal is not None
    assert_array_equal(case.literal.x, np.array([[[0.1, 1e-5]]], "float32"), strict=True)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("same", "same"),
        ("valid", "valid"),
        ("1", ((1, 1), (1, 1))),
        ("[1, 2]", ((1, 1), (2, 2))),
        ("[[1, 2], [0, 1]]", ((1, 2), (0, 1))),
    ],
)
def test_padding_has_five_forms(tmp_path: Path, written: str, meant: object) -> None:
    assert one(tmp_path, "input: [7, 7]", "kernel: 5", f"padding: {written}").settings.padding == meant


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1E5", 1e5),
        (".5", 0.5),
        ("2.", 2.0),
        ("-3", -3),
        ("+3", 3),
        ("0o10", 8),
        ("0x1F", 31),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("True", True),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2024-01-02", "2024-01-02"),
        ("<<", "<<"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert resolve(text) == (value, None)
    assert type(resolve(text)[0]) is type(value)


@pytest.mark.parametrize("text", ["010", "-007", "00", "0" * 19, "~", "", "null"])
def test_scalars_that_readers_take_apart_are_refused(text: str) -> None:
    refused = resolve(text)[1]
    assert refused is not None
    assert refused.startswith("found ")


def test_aliases_stand_for_their_anchor(tmp_path: Path) -> None:
    case = one(tmp_path, "input: &size [4, 5]", "kernel: 3", "output_size: [6, 7]", "stride: 1", "tags: [x]")
    again = one(tmp_path, "input: &size [4, 4]", "kernel: *size")
    assert case.settings.input == (4, 5)
    assert again.settings.kernel == (4, 4)


def test_the_bad_files_are_many() -> None:
    assert len(BAD_FILES) >= 40


@pytest.mark.parametrize("path", BAD_FILES, ids=lambda path: path.stem)
def test_a_bad_file_gives_exactly_the_lines_in_its_head(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    expected = re.findall(r"^# (\d+:\d+: .*)$", path.read_text(), re.MULTILINE)
    with pytest.raises(SpecErrors) as caught:
        load_cases([path])
    assert caught.value.errors == [f"{path.name}:{line}" for line in expected]
    assert expected


@pytest.mark.parametrize("path", BAD_FILES, ids=lambda path: path.stem)
def test_a_bad_file_names_the_place_the_field_and_both_values(path: Path) -> None:
    text = path.read_text()
    for line in re.findall(r"^# (\d+:\d+: .*)$", text, re.MULTILINE):
        told = re.fullmatch(r"(\d+):(\d+): (?:YAML syntax|[a-z][\w.\[\]]*): found (.+?)[,;] accepted:? .+", line)
        assert told is not None, line
        row, column, found = int(told[1]), int(told[2]), told[3].strip("'")
        written = text.split("\n")[row - 1]
        if re.search(rf"(?<![\w-]){re.escape(found)}(?![\w-])", written.split("# ")[0]):
            assert re.match(rf"['\[.]*{re.escape(found)}", written[column - 1 :]), (
                f"{line}: the value is at another column"
            )


def test_bytes_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"about: One idea.\nsource: caf\xe9\n")
    with pytest.raises(SpecErrors) as caught:
        load_cases([tmp_path / "a.yaml"])
    assert caught.value.errors[0].endswith("a.yaml:2:12: file: found the byte 0xe9, accepted UTF-8")


def test_a_missing_file_is_an_error_line(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors, match=r"gone\.yaml:1:1: file: found No such file or directory, accepted a readable"):
        load_cases([tmp_path / "gone.yaml"])


def test_an_id_in_two_files_names_both_places(tmp_path: Path) -> None:
    text = HEAD + "  - id: one\n    input: 4\n    kernel: 3\n"
    (line,) = errors(tmp_path, text, text)
    assert line == "b.yaml:4:9: cases[0].id: found 'one', which a.yaml:4:9 has already; accepted an id of its own"


def test_equals_reaches_into_other_files(tmp_path: Path) -> None:
    first = HEAD + "  - {id: one, input: 4, kernel: 3, padding: 1, expect: {equals: two}}\n"
    second = HEAD + "  - {id: two, input: 4, kernel: 3, padding: same}\n"
    assert [case.id for case in load(tmp_path, first, second)] == ["one", "two"]
    wrong = first.replace("equals", "differs")
    (line,) = errors(tmp_path, wrong, second)
    assert line.startswith("a.yaml:4:66: cases[0].expect.differs: found 'two', which gives the same numbers")


def test_equals_compares_on_the_data_of_the_case_that_says_so(tmp_path: Path) -> None:
    text = HEAD + (
        "  - {id: one, input: {shape: [1, 1, 2], data: [1, 2]}, kernel: {shape: [1, 1, 2], data: [0, 0]},"
        " expect: {equals: two}}\n  - {id: two, input: 2, kernel: 2, padding: [[1, 0]], output_padding: 0, seed: 3}\n"
    )
    (line,) = errors(tmp_path, text)
    assert "whose output has shape [1, 1, 2], and this one [1, 1, 3]" in line
    zero = text.replace("padding: [[1, 0]], output_padding: 0", "dilation: 1")
    assert load(tmp_path, zero)[0].expect.equals == "two"


def test_a_reference_to_a_broken_case_is_not_a_second_error(tmp_path: Path) -> None:
    text = HEAD + "  - {id: one, input: 4, kernel: 3, expect: {equals: two}}\n  - {id: two, input: 4, kernel: 0}\n"
    assert errors(tmp_path, text) == ["a.yaml:5:33: cases[1].kernel: found 0, accepted 1 or more"]


def test_a_prediction_of_another_shape_is_refuted(tmp_path: Path) -> None:
    claim = "claim: {says: It has 2., holds: false, correction: It has 6.}"
    case = one(tmp_path, "input: 4", "kernel: 3", claim, "refuted: {data: [1, 2]}")
    assert case.refuted is not None
    assert case.refuted.data is not None
    assert case.refuted.data.shape == (2,)


def test_a_refuted_prediction_in_numbers_that_comes_true_is_an_error(tmp_path: Path) -> None:
    text = HEAD + (
        "  - id: one\n    input: {shape: [1, 1, 2], data: [1, 2]}\n    kernel: {shape: [1, 1, 1], data: [2]}\n"
        "    claim: {says: It doubles., holds: false, correction: No.}\n    refuted: {data: [2, 4]}\n"
    )
    assert errors(tmp_path, text)[0].startswith(
        "a.yaml:8:21: cases[0].refuted.data: found a prediction that comes true"
    )


def test_errors_of_all_files_come_together(tmp_path: Path) -> None:
    lines = errors(tmp_path, "about: [\n", HEAD + "  - {id: one, input: -1, kernel: 3, strid: 2}\n")
    assert [line.split(": ")[0] for line in lines] == ["a.yaml:2:1", "b.yaml:4:22", "b.yaml:4:37"]


def check_in_little_memory(path: Path, megabytes: int = 1000) -> tuple[subprocess.CompletedProcess[str], float]:
    """`python -m specs check` on a file with so much address space, and the seconds that it took."""
    limit = megabytes * 2**20
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "specs", "check", str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": ""},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    return done, time.monotonic() - started


HOSTILE = {
    "bomb": lambda: (BAD / "alias_bomb.yaml").read_bytes(),
    "fifty-megabytes": lambda: b"cases: [" + b"1, " * 17_000_000,
    "a-million-brackets": lambda: b"[" * 999_999,
    "a-million-braces": lambda: b"{a: " * 249_999,
    "a-million-dashes": lambda: b"- " * 499_999,
    "half-a-million-numbers": lambda: b"[" + b"1," * 499_998 + b"]",
    "one-long-word": lambda: b"a" * 999_999,
    "many-anchors": lambda: b"".join(b"- &a%d [*a%d]\n" % (i + 1, i) for i in range(50_000)),
    "long-where": lambda: (HEAD + "  - {id: one, input: 4, kernel: 3, where: '" + "(" * 90_000 + "'}").encode(),
    "nested-where": lambda: (
        HEAD + "  - {id: a, input: 4, matrix: {kernel: [1]}, where: '" + "(" * 499 + "'}"
    ).encode(),
    "many-nots": lambda: (
        HEAD + "  - {id: a, input: 4, matrix: {kernel: [1]}, where: '" + "not " * 124 + "1'}"
    ).encode(),
    "huge-arrays": lambda: (HEAD + "  - {id: a, input: {shape: [65536, 65536, 65536]}, kernel: 65536}").encode(),
    "huge-kernel-of-nothing": lambda: (HEAD + "  - {id: a, input: [0, 0, 0], kernel: 65536, batch: 0}").encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_little_memory_and_time(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_bytes(HOSTILE[name]())
    done, seconds = check_in_little_memory(path)
    assert done.returncode == 1
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    assert re.match(r".*hostile\.yaml:\d+:\d+: .*found .*accepted", done.stdout)
    assert seconds < 10


def test_no_damage_to_a_good_file_gives_a_traceback(tmp_path: Path) -> None:
    generator = random.Random(20)
    pieces = [
        "",
        " ",
        "\n",
        ":",
        "-",
        "[",
        "}",
        "&a ",
        "*a",
        "!x ",
        "0",
        "-1",
        "1e9",
        "~",
        "'",
        '"',
        "\t",
        "{}",
        "x",
        "%",
    ]
    path = tmp_path / "a.yaml"
    lines: list[str] = []
    for _ in range(300):
        at = generator.randrange(len(GOOD))
        path.write_text(GOOD[:at] + generator.choice(pieces) + GOOD[at + generator.randrange(4) :])
        try:
            load_cases([path])
        except SpecErrors as error:
            lines += error.errors
    assert len(lines) > 100
    assert [line for line in lines if not re.match(r".*a\.yaml:\d+:\d+: .+: found ", line)] == []


def test_a_file_in_every_line_end_and_with_a_byte_order_mark_is_read() -> None:
    for content in (b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", b"a: 1\nb: 2"):
        root, faults = compose(content)
        assert root is not None
        assert (root.plain(), faults) == ({"a": 1, "b": 2}, [])
        assert root.value["b"].place == (2, 4)


def test_six_hundred_cases_load_within_seconds(tmp_path: Path) -> None:
    text = HEAD + "".join(
        f"  - id: c{number}\n    input: {{shape: [1, 1, 2], data: [1, 2]}}\n"
        f"    kernel: {{shape: [1, 1, 2], data: [1, {number}]}}\n"
        f"    expect: {{data: [1, {number + 2}, {2 * number}]}}\n"
        for number in range(600)
    )
    started = time.monotonic()
    assert len(load(tmp_path, text)) == 600
    assert time.monotonic() - started < 10
