"""Forms, the moves that make them plainer, and the comparison of outcomes: what the search rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.settings import Settings
from convt.upgrade.attribute import escapes
from convt.upgrade.draws import rounds
from convt.upgrade.forms import Axis, Form, form_of, lowered, mended, spelled_out, words
from convt.upgrade.kinds import Mark, marks, normalised, says
from convt.upgrade.questions import integers
from convt.upgrade.shrink import smallest
from tests.suite.conv.random_settings import random_settings

DRAWN = list(dict.fromkeys([*random_settings(60, "conv_transpose"), *random_settings(30, "conv")]))


@pytest.mark.parametrize("it", DRAWN, ids=lambda it: it.digest)
def test_settings_come_back_from_their_form(it: Settings) -> None:
    form = form_of(Case("", it))
    assert form.settings == it
    assert mended(form) == form
    spelled = spelled_out(form)
    assert spelled is None or spelled.settings == it.explicit()


@pytest.mark.parametrize("it", DRAWN[::6], ids=lambda it: it.digest)
def test_a_lowered_feature_is_lower_and_the_form_means_something(it: Settings) -> None:
    form = form_of(Case("", it))
    for name, level in form.levels.items():
        for below in range(level):
            for way in lowered(form, name, below):
                assert way.levels[name] <= below
                assert min(way.settings.output) >= 1


def test_the_words_of_a_form_name_what_is_not_plain() -> None:
    assert words(Form((Axis(),))) == ()
    form = Form((Axis(2, 3, 2), Axis(1, 3, 2)), keyword="same", groups=2, per_in=2, bias=True)
    assert words(form) == (
        "2 axes", "input 2 x 1", "kernel 3 x 3", "stride 2 x 2", "padding same", "2 groups",
        "2 input channels a group", "a bias",
    )  # fmt: skip


def known(where: Callable[[Settings], bool]) -> Callable[[Sequence[Form]], list[bool]]:
    return lambda forms: [where(form.settings) for form in forms]


CONDITIONS: dict[str, tuple[Callable[[Settings], bool], Settings]] = {
    "anything": (lambda it: True, Settings(input=(1,), kernel=(1,))),
    "a stride on the second axis": (
        lambda it: it.rank > 1 and it.stride[1] > 1, Settings(input=(1, 1), kernel=(1, 1), stride=(1, 2)),
    ),
    "a kernel beyond the stride, both even": (
        lambda it: it.kernel[0] > it.stride[0] > 1 and it.kernel[0] % 2 == it.stride[0] % 2 == 0,
        Settings(input=(1,), kernel=(4,), stride=(2,)),
    ),
    "an odd crop by same": (
        lambda it: it.padding == "same" and any(lo != hi for lo, hi in it.crop),
        Settings(input=(1,), kernel=(2,), padding="same"),
    ),
    "a bias in groups of a batch": (
        lambda it: it.bias and it.groups > 1 and it.batch > 1,
        Settings(input=(1,), kernel=(1,), groups=2, channels_in=2, channels_out=2, bias=True, batch=2),
    ),
    "16 channels": (
        lambda it: it.channels_in // it.groups >= 16, Settings(input=(1,), kernel=(1,), channels_in=16),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONDITIONS)
def test_whatever_shows_a_difference_shrinks_to_the_one_smallest_form(name: str) -> None:
    where, expected = CONDITIONS[name]
    starts = [form_of(case) for some in rounds(5, 300) for case in some if where(case.settings)]
    starts = [form for form in starts if not form.resize and form.op == "conv_transpose"][:6]
    assert starts, "none was drawn"
    for start in starts:
        form, done = smallest(start, known(where))
        assert (form.settings, done) == (expected, True), start


def test_groups_and_a_kernel_are_exchanged_for_what_weighs_less() -> None:
    headroom = known(lambda it: it.input[0] + it.kernel[0] > 2)
    assert smallest(Form((Axis(1, 2),)), headroom)[0] == Form((Axis(1, 2),))
    assert smallest(Form((Axis(1, 2),)), headroom, exchanging=True)[0] == Form((Axis(2, 1),))
    outputs = known(lambda it: it.channels_out > 1)
    assert smallest(Form((Axis(),), groups=2), outputs, exchanging=True)[0] == Form((Axis(),), per_out=2)


def test_an_escape_lacks_a_feature_of_every_found_one() -> None:
    found = [Form((Axis(s=2),), groups=2), Form((Axis(),), bias=True)]
    form = Form((Axis(3, 2, 3),), groups=3, bias=True, batch=2)
    ways = escapes(form, found)
    assert ways
    assert not any(way.contains(other) for way in ways for other in found)
    assert all(not way.bias and (way.groups == 1 or way.axes[0].s == 1) for way in ways)
    assert all(way.batch == 2 for way in ways), "no more is lowered than has to be"


def test_integers_differ_in_magnitude_and_the_next_draw_negates_them() -> None:
    it = Settings(input=(5,), kernel=(4,), channels_in=2, channels_out=2, bias=True)
    first, second = integers(it, 0), integers(it, 1)
    for array in (first.x, first.w, first.b):
        assert array is not None
        assert len(set(np.abs(array).ravel())) == array.size
    assert np.array_equal(second.x, -first.x)
    assert not np.any(second.w == first.w)


IT = Settings(input=(3,), kernel=(2,))
X, W = np.array([[[1.5, 2, 3]]], np.float32), np.array([[[2, 3]]], np.float32)
WHOLE, BROKEN = Probe(IT, np.trunc(X), W), Probe(IT, X, W)
ONE = np.array([[[3, 8.5, 12, 9]]], np.float32)


def value(array: np.ndarray) -> Outcome:
    return Outcome("value", value=array)


@pytest.mark.parametrize(
    ("probe", "before", "after", "expected", "sentence"),
    [
        (WHOLE, value(ONE), value(ONE.copy()), [], ""),
        (WHOLE, value(ONE), value(ONE * [1, 1, 1, 2]), ["dtype", "value"], "dtype: float32 before, float64 after"),
        (WHOLE, value(ONE), value(ONE + np.float32(1)), ["value"], "value: 4 of 4 numbers, first at (0,0,0): 3 before"),
        (BROKEN, value(ONE), value(np.nextafter(ONE, np.float32(0))), ["bits"], "bits: 4 of 4 numbers"),
        (WHOLE, value(ONE * 0), value(ONE * np.float32(-0.0)), ["bits"], "bits: 4 of 4 numbers, first at (0,0,0): 0"),
        (WHOLE, value(ONE * np.float32("nan")), value(ONE * np.float32("nan")), [], ""),
        (WHOLE, value(ONE), value(ONE[..., 1:]), ["shape"], "shape: (1, 1, 4) before, (1, 1, 3) after"),
        (WHOLE, value(ONE), value(ONE.astype(np.int32) * 1), ["dtype", "value"], "dtype: float32 before, int32"),
        (WHOLE, value(ONE), Outcome("raised", reason="TypeError: no"), ["outcome"],
         "outcome: a value before, raised (TypeError: no) after"),
        (WHOLE, Outcome("raised", reason="E: got 3"), Outcome("raised", reason="E: got 14"), [], ""),
        (WHOLE, Outcome("raised", reason="E: too long"), Outcome("raised", reason="E: too short"), ["message"],
         "message: raised (E: too long) before, raised (E: too short) after"),
        (WHOLE, Outcome("crashed", reason="SIGSEGV"), Outcome("crashed", reason="SIGABRT"), [], ""),
        (WHOLE, Outcome("crashed"), Outcome("timed-out"), ["outcome"], "outcome: crashed before, timed-out after"),
        (WHOLE, value(ONE), Outcome("not-run"), [], ""),
        (WHOLE, Outcome("value", shape=(1, 2)), Outcome("value", shape=(1, 3)), ["abstract-shape"],
         "abstract-shape: (1, 2) before, (1, 3) after"),
    ],
)  # fmt: skip
def test_two_outcomes_differ_in_these_ways(
    probe: Probe, before: Outcome, after: Outcome, expected: list[str], sentence: str
) -> None:
    found = marks(probe, before, after)
    assert [mark.kind for mark in found] == expected
    if found:
        assert says(found[0], before, after).startswith(sentence)


def test_one_side_beyond_the_bound_is_a_value_and_both_within_are_bits() -> None:
    for units, kind in ((1, "bits"), (40, "value")):
        assert marks(BROKEN, value(ONE), value(ONE + np.float32(units) * np.spacing(ONE))) == (Mark(kind),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shape (1, 2, 3) is wrong", "shape (4, 5) is wrong"),
        ("RuntimeError: at /a/b/conv.h:60: bad", "RuntimeError: at C:\\x\\conv.h:71: bad"),
        ("object at 0x7f3a", "object at 0x11"),
        ("Conv2DTranspose got `strides`", "Conv1DTranspose got 'strides'"),
        ("tolerance 1e-05", "tolerance 2.5"),
    ],
)
def test_messages_are_the_same_but_for_numbers_and_places(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


def test_messages_that_say_something_else_differ() -> None:
    assert normalised("groups must divide channels") != normalised("groups must be 1")
