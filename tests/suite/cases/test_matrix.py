"""A matrix of values: which combinations become cases, under which names."""

from __future__ import annotations

import random
from itertools import combinations, product
from typing import Any

import pytest

from convt.cases.grids import MatrixError, members, suffix, thin

WIDE: dict[str, list[Any]] = {
    "kernel": [1, 2, 3, 4, 5],
    "stride": [1, 2, 3, 4],
    "dilation": [1, 2, 3],
    "padding": ["same", "valid", 0],
    "groups": [1, 2],
    "bias": [False, True],
}
BASE = {"input": 7, "channels": [2, 4]}


def tuples(rows: list[tuple[int, ...]], strength: int) -> set[tuple[tuple[int, int], ...]]:
    """Every choice of `strength` values that stand together in a row."""
    return {part for row in rows for part in combinations(enumerate(row), strength)}


@pytest.mark.parametrize("strength", [2, 3])
def test_a_covering_array_has_every_pair_and_triple_of_values(strength: Any) -> None:
    sizes = [len(values) for values in WIDE.values()]
    full = list(product(*map(range, sizes)))
    kept = thin(sizes, full, strength)
    assert tuples(kept, strength) == tuples(full, strength)
    assert len(kept) < len(full) / 4
    assert set(kept) <= set(full)


@pytest.mark.parametrize("strength", [2, 3])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_every_allowed_pair_is_covered_whatever_is_excluded(strength: Any, share: float) -> None:
    generator = random.Random(int(share * 100))
    sizes = [4, 3, 3, 2, 4]
    allowed = [picks for picks in product(*map(range, sizes)) if generator.random() < share]
    kept = thin(sizes, allowed, strength)
    assert tuples(kept, strength) == tuples(allowed, strength)
    assert set(kept) <= set(allowed)


def test_a_thinned_matrix_keeps_the_order_and_is_the_same_each_time() -> None:
    once, again = (members(BASE, WIDE, "stride < 4", 2) for _ in range(2))
    assert [member.suffix for member in once] == [member.suffix for member in again]
    whole = [member.suffix for member in members(BASE, WIDE, "stride < 4", "all")]
    assert [name for name in whole if name in {member.suffix for member in once}] == [member.suffix for member in once]


def test_fewer_fields_than_the_strength_give_the_full_product() -> None:
    assert len(members({"input": 7}, {"kernel": [1, 2], "stride": [1, 2, 3]}, None, 3)) == 6


def test_no_two_combinations_share_an_id() -> None:
    matrix: dict[str, list[Any]] = {
        "input": [[7, 8], [7, 7]],
        "kernel": [3, [3, 3], [1, 3]],
        "padding": ["same", "valid", 0, 1, [1, 0], [[1, 0], [0, 1]]],
        "batch": [0, 1],
        "op": ["conv", "conv_transpose"],
        "bias": [False, True],
    }
    suffixes = [member.suffix for member in members({}, matrix, None, "all")]
    assert len(suffixes) == 2 * 3 * 6 * 2 * 2 * 2
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize(
    ("combination", "expected"),
    [
        ({"stride": 3, "kernel": 2, "dilation": 1}, "k2-s3-d1"),
        ({"kernel": [2, 3]}, "k2x3"),
        ({"padding": "same"}, "psame"),
        ({"padding": 1}, "p1"),
        ({"padding": [1, 2]}, "p1x2"),
        ({"padding": [[1, 2], [0, 3]]}, "plo1hi2xlo0hi3"),
        ({"op": "conv", "bias": True, "groups": 2}, "g2-bias-opforward"),
        ({"op": "conv_transpose", "bias": False}, "nobias-optransposed"),
        ({"output_size": 14, "output_padding": 1, "channels": [2, 3], "batch": 4}, "a1-o14-b4-c2x3"),
        ({"input": 7}, "n7"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_id_says_its_values_in_an_order_of_its_own(combination: dict[str, Any], expected: str) -> None:
    assert suffix(combination) == expected


def test_where_excludes_combinations_that_mean_nothing() -> None:
    matrix = {"stride": [1, 2, 3], "output_padding": [0, 1, 2]}
    base = {"input": 4, "kernel": 3}
    kept = members(base, matrix, "output_padding < stride", "all")
    assert [member.suffix for member in kept] == ["s1-a0", "s2-a0", "s2-a1", "s3-a0", "s3-a1", "s3-a2"]


def test_where_may_speak_of_a_size_that_means_nothing() -> None:
    kept = members({"input": 1, "kernel": 3}, {"padding": [0, 1, 2]}, "out >= 0", "all")
    assert [member.suffix for member in kept] == ["p0", "p1"]


def test_a_combination_that_means_nothing_is_named() -> None:
    with pytest.raises(MatrixError, match=r"stride: 1, output_padding: 1 \(and 2 more\) is invalid") as caught:
        members({"input": 4, "kernel": 3}, {"stride": [1, 2], "output_padding": [1, 2]}, None, "all")
    assert caught.value.field == "matrix.output_padding"
