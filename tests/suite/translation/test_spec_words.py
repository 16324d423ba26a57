"""A case of a spec file is a layer, read and written; and nothing that runs."""

from __future__ import annotations

import re

import pytest

from convt.conv.settings import Settings
from convt.translation.dialect import dialects
from convt.translation.layer import LayerError
from convt.translation.translating import read, translate

from .truth import layers

READ = {
    "{input: [4], kernel: [3], stride: 2}": Settings((4,), (3,), stride=(2,)),
    "  - id: a\n    input: [4, 5]\n    kernel: 3\n    padding: same\n": Settings((4, 5), (3, 3), padding="same"),
    "op: conv\ninput: [4]\nkernel: 3\nchannels: [2, 4]\ngroups: 2\nbias: true": Settings(
        (4,), (3,), op="conv", channels_in=2, channels_out=4, groups=2, bias=True
    ),
    "{input: {shape: [2, 3, 4]}, kernel: {shape: [3, 5, 2]}, padding: [[1, 0]]}": Settings(
        (4,), (2,), batch=2, channels_in=3, channels_out=5, padding=((1, 0),)
    ),
}
REFUSED = {
    "{input: [4], kernel: [3], strid: 2}": "case:1:27: strid: found an unknown field, accepted 'stride'",
    "{input: [4]": "YAML syntax",
    "{kernel: 3}": "input: found nothing",
    "{}": "input: found nothing",
    "{input: [1], kernel: [3], padding: 5}": "padding: found the output would have extents (-7,): crop less",
    "{input: [4], kernel: 0}": "kernel: found 0, accepted 1 or more",
    "input: [4]\nkernel: 3\ninput: [5]": "input",
    "- kernel: 3\n- kernel: 4": "found 2 values, accepted one mapping",
    "{input: [4], kernel: 3, matrix: {stride: [1, 2]}}": "found a matrix",
    "kernel: 1\n---\nkernel: 2": "a second document",
    "{input: [4], kernel: " + "[" * 100 + "]" * 100 + "}": "levels of nesting",
    "{kernel: " + "3" * 20_000 + "}": "10,000 at most",
}


@pytest.mark.parametrize("text", READ)
def test_a_case_is_a_layer_with_its_input(text: str) -> None:
    spoken = read(text)
    assert spoken.layer.settings() == READ[text]
    assert spoken.form == "yaml"


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_a_case_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(LayerError, match=re.escape(REFUSED[text])):
        read(text)


def test_settings_are_written_as_they_are_read() -> None:
    for it in layers(3, 300):
        assert read(translate(it, dialects()["yaml"]).said.call).layer.settings() == it


def test_a_case_is_no_program() -> None:
    with pytest.raises(LayerError, match="a spec file runs nothing"):
        translate(Settings((4,), (3,)), dialects()["yaml"]).program()
