"""The page about layers says what is known by hand: who crops where for kernel 5, stride 2, whose taps turn."""

from __future__ import annotations

import re

import pytest

from convt.translation.dialect import dialects
from tests.suite.project.layers_page import SETTINGS, WORDS, page


@pytest.mark.parametrize(
    ("words", "crops", "out", "taps"),
    [
        ("torch.nn.ConvTranspose1d(1, 1, 5, stride=2, padding=2, output_padding=1)", "(2, 2), adds 1", 14, ""),
        ("keras.layers.Conv1DTranspose(1, 5, strides=2, padding='same')", "(1, 2)", 14, ""),
        ("jax.lax.conv_transpose(x, (5, 1, 1), (2,), 'SAME')", "(1, 2)", 14, "mirrored"),
        ("jax.lax.conv_transpose(x, (5, 1, 1), (2,), 'SAME', transpose_kernel=True)", "(1, 2)", 14, ""),
        ("jax.lax.conv_transpose(x, (5, 1, 1), (2,), ((1, 1),))", "(3, 3)", 11, "mirrored"),  # 4 - 1 at each end
        (
            "jax.lax.conv_transpose(x, (5, 1, 1), (2,), ((1, 1),), use_consistent_padding=True)",
            "(1, 1)",
            15,
            "mirrored",
        ),
        ("flax.linen.ConvTranspose(features=1, kernel_size=(5,), strides=(2,), padding=0)", "(4, 4)", 9, "mirrored"),
        ("equinox.nn.ConvTranspose1d(1, 1, 5, 2, 1, 2, key=key)", "(2, 2), adds 1", 14, "mirrored"),
    ],
    ids=lambda value: str(value)[:70],
)
def test_a_line_says_what_is_known_by_hand(words: str, crops: str, out: int, taps: str) -> None:
    assert f"| `{words}` | {crops} | {out} | {taps} |" in page()


def test_the_page_has_every_framework_in_every_table() -> None:
    titles = [dialect.title for dialect in dialects().values() if dialect.runs]
    for title in titles:
        assert len(re.findall(rf"^\| {title} \|", page(), re.MULTILINE)) > len(SETTINGS)
    assert len(titles) == 7
    assert len(re.findall(r"^### ", page(), re.MULTILINE)) == len(SETTINGS)
    assert page().count("\n| ") >= 7 * (len(SETTINGS) + 1) + len(WORDS)


def test_commands_have_printed_something() -> None:
    lines = page().split("\n")
    ran = [number for number, line in enumerate(lines) if line.startswith("    $ convt ")]
    assert len(ran) == 5
    assert all(lines[number + 1].startswith("    ") for number in ran)
    assert "{" not in re.sub(r"`[^`]*`|    .*", "", page())  # no place is left unfilled
