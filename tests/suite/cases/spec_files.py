"""Case files as texts, for the tests of their reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from convt.cases.case import Case
from convt.cases.errors import SpecErrors
from convt.cases.loader import load_cases

ROOT = Path(__file__).parents[3]
BAD = Path(__file__).parent / "bad_specs"
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
RELATION = (
    r"missing required field|.*`[\w.: \[\]-]+` (?:needs|excludes) .+|.+; exclude it with `where`"
    r"|needs one or more of .+"
    r"|given here and in the case: give it once|the oracles confirm this prediction: .+|found no value: give one, .+"
    r"|.+ is undefined here; guard it, .+|a forward convolution \(`op: conv`\) excludes it"
    r"|found .+: (?:crop less|give one .+)|`where` holds for no combination: .+"
)
"""An error that is no value's: what one field needs of others, or excludes."""


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
