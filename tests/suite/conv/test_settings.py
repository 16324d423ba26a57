"""The size arithmetic against brute force and against numbers worked out by hand, and the errors of `Settings`."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from itertools import product
from typing import Any

import pytest

from convt.conv.settings import (
    Padding,
    Settings,
    SettingsError,
    effective_kernel,
    forward_same_padding,
    forward_size,
    padding_for,
    preimage_sizes,
    same_crop,
    transposed_size,
)

NKSD = list(product(range(1, 8), range(1, 6), range(1, 5), range(1, 4)))


def test_effective_kernel_is_the_span_of_the_taps() -> None:
    for k, d in product(range(1, 7), range(1, 6)):
        taps = [j * d for j in range(k)]
        assert effective_kernel(k, d) == taps[-1] - taps[0] + 1


def test_transposed_size_is_where_the_last_stamp_ends() -> None:
    for (n, k, s, d), lo, hi, a in product(NKSD, (0, 2), (0, 1), (0, 3)):
        touched = {i * s + j * d for i in range(n) for j in range(k)}
        assert transposed_size(n, k, s, d, lo, hi, a) == max(touched) + 1 - lo - hi + a


def test_forward_size_counts_the_windows_that_fit() -> None:
    for (n, k, s, d), lo, hi in product(NKSD, (0, 2), (0, 1)):
        last = n + lo + hi - 1
        windows = [start for start in range(0, last + 1, s) if start + d * (k - 1) <= last]
        assert forward_size(n, k, s, d, lo, hi) == len(windows)


def test_preimages_are_exactly_the_sizes_that_forward_maps_to_n() -> None:
    for (n, k, s, d), lo, hi in product(NKSD, (0, 2), (0, 1)):
        found = [size for size in range(60) if forward_size(size, k, s, d, lo, hi) == n]
        # an extent below 0 is no extent: heavy crops of few values lose such preimages
        assert [size for size in preimage_sizes(n, k, s, d, lo, hi) if size >= 0] == found
        assert len(preimage_sizes(n, k, s, d, lo, hi)) == s


def test_same_crop_is_the_forward_same_padding_of_the_output() -> None:
    for n, k, s, d in NKSD:
        for out in range((n - 1) * s + 1, n * s + 1):
            lo, hi, a = same_crop(n, k, s, d, out)
            assert (lo, hi) == forward_same_padding(out, k, s, d)
            assert transposed_size(n, k, s, d, lo, hi, a) == out


def test_same_crop_without_a_size_gives_n_times_stride_and_the_smaller_half_first() -> None:
    for n, k, s, d in NKSD:
        lo, hi, a = same_crop(n, k, s, d)
        assert transposed_size(n, k, s, d, lo, hi, a) == n * s
        assert (lo, hi, a) == same_crop(n, k, s, d, n * s)
        assert 0 <= hi - lo <= 1
        assert a >= 0
        assert not (a and hi)


def test_forward_same_gives_the_ceiling_with_the_least_padding() -> None:
    for n, k, s, d in NKSD:
        lo, hi = forward_same_padding(n, k, s, d)
        assert forward_size(n, k, s, d, lo, hi) == -(-n // s)
        assert 0 <= hi - lo <= 1
        less = lo + hi - 1
        assert less < 0 or forward_size(n, k, s, d, less, 0) < -(-n // s)


def test_padding_for_finds_the_smallest_symmetric_padding_that_does_not_exceed_the_wanted_size() -> None:
    for n, k, s, d in NKSD:
        for out in range(1, n * s + k * d + 2):
            p = next(p for p in range(99) if transposed_size(n, k, s, d, p, p) <= out)
            assert padding_for(n, k, s, out, d) == (p, out - transposed_size(n, k, s, d, p, p))


GAP: dict[str, Any] = {"input": (3,), "kernel": (2,), "stride": (4,)}
K5: dict[str, Any] = {"input": (7,), "kernel": (5,), "stride": (2,)}
BY_HAND: dict[str, tuple[dict[str, Any], tuple, tuple, tuple]] = {
    "k5-s2-same": ({**K5, "padding": "same"}, (14,), ((1, 2),), (0,)),
    "k5-s2-p2-a1": ({**K5, "padding": ((2, 2),), "output_padding": (1,)}, (14,), ((2, 2),), (1,)),
    "gap-same": ({**GAP, "padding": "same"}, (12,), ((0, 0),), (2,)),
    "gap-valid": ({**GAP, "padding": "valid"}, (12,), ((0, 0),), (2,)),
    "gap-explicit": (GAP, (10,), ((0, 0),), (0,)),
    "gap-valid-a0": ({**GAP, "padding": "valid", "output_padding": (0,)}, (10,), ((0, 0),), (0,)),
    "same-output-size": (
        {"input": (3,), "kernel": (4,), "stride": (2,), "padding": "same", "output_size": (5,)},
        (5,), ((1, 2),), (0,),
    ),
    "valid-output-size": (
        {"input": (3,), "kernel": (3,), "stride": (2,), "padding": "valid", "output_size": (8,)},
        (8,), ((0, 0),), (1,),
    ),
    "all-terms": (
        {
            "input": (4, 3), "kernel": (3, 2), "stride": (2, 3), "dilation": (3, 2),
            "padding": ((2, 1), (0, 1)), "output_padding": (1, 2),
        },
        (11, 10), ((2, 1), (0, 1)), (1, 2),
    ),
    "input-0": ({"input": (0,), "kernel": (3,)}, (2,), ((0, 0),), (0,)),
    "forward-same": (
        {"input": (4,), "kernel": (3,), "stride": (2,), "padding": "same", "op": "conv"},
        (2,), ((0, 1),), (0,),
    ),
    "forward-too-small": ({"input": (2,), "kernel": (3,), "op": "conv"}, (0,), ((0, 0),), (0,)),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "output", "crop", "extra"), BY_HAND.values(), ids=BY_HAND)
def test_settings_resolve_to_the_numbers_worked_out_by_hand(
    fields: dict[str, Any], output: tuple, crop: tuple, extra: tuple
) -> None:
    settings = Settings(**fields)
    assert (settings.output, settings.crop, settings.extra) == (output, crop, extra)


def test_shapes_follow_the_operation() -> None:
    settings = Settings((4, 5), (3, 2), batch=2, channels_in=6, channels_out=4, groups=2)
    assert settings.x_shape == (2, 6, 4, 5)
    assert settings.w_shape == (6, 2, 3, 2)
    assert settings.b_shape == (4,)
    assert settings.y_shape == (2, 4, 6, 6)
    forward = settings.replace(op="conv")
    assert forward.w_shape == (4, 3, 3, 2)
    assert forward.y_shape == (2, 4, 2, 4)


ONE: dict[str, Any] = {"input": (4,), "kernel": (3,)}
TWO: dict[str, Any] = {**ONE, "stride": (2,)}
BAD: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("rank-4", {"input": (2,) * 4, "kernel": (2,) * 4}, "input", "4 spatial axes", "1, 2 or 3"),
    ("rank-0", {"input": (), "kernel": ()}, "input", "0 spatial axes", "1, 2 or 3"),
    ("op", {**ONE, "op": "pool"}, "op", "'pool'", "'conv_transpose' or 'conv'"),
    ("kernel-axes", {"input": (4, 4), "kernel": (3,)}, "kernel", "1 values for 2 spatial axes", "one an axis"),
    ("stride-axes", {**ONE, "stride": (1, 2)}, "stride", "2 values for 1 spatial axes", "one an axis"),
    ("input-negative", {"input": (-1,), "kernel": (3,)}, "input", "-1", "0 or more"),
    ("kernel-0", {"input": (4,), "kernel": (0,)}, "kernel", "0", "1 or more"),
    ("stride-0", {**ONE, "stride": (0,)}, "stride", "0", "1 or more"),
    ("dilation-0", {**ONE, "dilation": (0,)}, "dilation", "0", "1 or more"),
    ("batch-negative", {**ONE, "batch": -1}, "batch", "-1", "0 or more"),
    ("channels-0", {**ONE, "channels_out": 0}, "channels_out", "0", "1 or more"),
    ("groups-0", {**ONE, "groups": 0}, "groups", "0", "1 or more"),
    ("groups-in", {**ONE, "groups": 2, "channels_in": 3, "channels_out": 2}, "groups", "2", "channels_in = 3"),
    ("groups-out", {**ONE, "groups": 2, "channels_in": 2, "channels_out": 3}, "groups", "2", "channels_out = 3"),
    ("padding-word", {**ONE, "padding": "full"}, "padding", "'full'", "'same', 'valid' or a (lo, hi) pair"),
    ("padding-axes", {**ONE, "padding": ((0, 0), (0, 0))}, "padding", "((0, 0), (0, 0))", "one (lo, hi) pair an axis"),
    ("padding-negative", {**ONE, "padding": ((-1, 0),)}, "padding", "((-1, 0),)", "0 or more"),
    ("crop-too-much", {**ONE, "padding": ((4, 3),)}, "padding", "(-1,)", "crop less"),
    (
        "output-padding-large",
        {**TWO, "output_padding": (2,)},
        "output_padding",
        "2 on axis 0",
        "less than max(stride, dilation) = 2",
    ),
    (
        "output-padding-same",
        {**ONE, "padding": "same", "output_padding": (1,)},
        "output_padding",
        "padding: same",
        "output_size or explicit pairs",
    ),
    ("output-padding-negative", {**ONE, "output_padding": (-1,)}, "output_padding", "-1", "0 or more"),
    (
        "output-size-and-padding",
        {**TWO, "output_padding": (1,), "output_size": (10,)},
        "output_size",
        "excludes `output_padding`",
        "one of the two",
    ),
    ("output-size-small", {**ONE, "output_size": (5,)}, "output_size", "5 on axis 0", "6 to 6 is accepted"),
    ("output-size-large", {**TWO, "output_size": (11,)}, "output_size", "11 on axis 0", "9 to 10 is accepted"),
    ("output-size-same-small", {**TWO, "padding": "same", "output_size": (6,)}, "output_size", "6 on axis 0", "7 to 8"),
    ("output-size-same-large", {**TWO, "padding": "same", "output_size": (9,)}, "output_size", "9 on axis 0", "7 to 8"),
    (
        "forward-output-padding",
        {**ONE, "op": "conv", "output_padding": (1,)},
        "output_padding",
        "forward",
        "excludes it",
    ),
    ("forward-output-size", {**ONE, "op": "conv", "output_size": (2,)}, "output_size", "forward", "excludes it"),
]


@pytest.mark.parametrize(
    ("fields", "field", "found", "accepted"), [pytest.param(*rest, id=name) for name, *rest in BAD]
)
def test_settings_that_mean_nothing_are_refused_by_name(
    fields: dict[str, Any], field: str, found: str, accepted: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(**fields)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")
    assert found in str(caught.value)
    assert accepted in str(caught.value)


def test_explicit_spells_out_keywords_and_wanted_sizes_without_changing_the_operation() -> None:
    paddings: tuple[Padding, ...] = ("same", "valid")
    for padding, size in product(paddings, (None, (9,))):
        settings = Settings((3,), (3,), (3,), padding=padding, output_size=size)
        explicit = settings.explicit()
        assert (explicit.output, explicit.crop, explicit.extra) == (settings.output, settings.crop, settings.extra)
        assert not isinstance(explicit.padding, str)
        assert explicit.output_size is None


def test_the_adjoint_maps_the_output_back_to_the_input_with_the_same_kernel_array() -> None:
    settings = Settings((4, 3), (3, 2), (2, 3), padding="same", batch=2, channels_in=4, channels_out=6, groups=2)
    adjoint = settings.adjoint()
    assert adjoint is not None
    assert adjoint.x_shape == settings.y_shape
    assert adjoint.y_shape == settings.x_shape
    assert adjoint.w_shape == settings.w_shape


def test_there_is_no_adjoint_where_the_output_padding_reaches_the_stride() -> None:
    assert Settings((4,), (2,), dilation=(3,), output_padding=(2,)).adjoint() is None
    assert Settings((4,), (2,), op="conv").adjoint() is None


def test_the_canonical_form_survives_json() -> None:
    settings = Settings((4, 3), (3, 2), (2, 3), padding=((0, 1), (2, 0)), output_padding=(1, 0), bias=True)
    back = Settings.from_canonical(json.loads(json.dumps(settings.canonical())))
    assert back == settings
    assert back.digest == settings.digest


def test_the_digest_tells_every_field_apart() -> None:
    plain = Settings((4,), (3,), (2,), channels_in=2, channels_out=2)
    changes: list[dict[str, Any]] = [
        {"input": (5,)}, {"kernel": (2,)}, {"stride": (3,)}, {"dilation": (2,)}, {"padding": ((1, 0),)},
        {"padding": "same"},
        {"output_padding": (1,)}, {"output_size": (9,)}, {"batch": 2}, {"channels_in": 4}, {"channels_out": 4},
        {"groups": 2}, {"bias": True}, {"op": "conv"},
    ]  # fmt: skip
    digests = {plain.digest, *(plain.replace(**change).digest for change in changes)}
    assert len(digests) == len(changes) + 1


def test_defaults_written_out_are_the_same_settings() -> None:
    assert Settings((4, 4), (3, 3)) == Settings((4, 4), (3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)))


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings((4,), (3,)).stride = (2,)  # type: ignore[misc]
