"""YAML 1.2 as the case files use it: what a scalar means, line ends, byte order marks."""

from __future__ import annotations

import pytest

from convt.cases.marks import compose, resolve


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


def test_a_file_in_every_line_end_and_with_a_byte_order_mark_is_read() -> None:
    for content in (b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", b"a: 1\nb: 2"):
        root, faults = compose(content)
        assert root is not None
        assert (root.plain(), faults) == ({"a": 1, "b": 2}, [])
        assert root.value["b"].place == (2, 4)
