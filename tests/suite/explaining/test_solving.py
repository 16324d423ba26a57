"""The solver finds every setting and no other: held to a search over all settings there are, and to numbers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import product

import numpy as np
import pytest

from convt.conv.data import exact
from convt.conv.oracles import reference
from convt.conv.settings import Op, Settings, SettingsError
from convt.explaining.questions import Pad, Question, QuestionError, question
from convt.explaining.solutions import is_same, solve, solved_data, solved_text
from convt.explaining.solving import Border, Solution, nearest, solutions
from convt.translation.dialect import dialects

Place = tuple[int, ...]
"""(input, kernel, stride, dilation, where the crop begins, output) of one axis."""


@cache
def size(op: Op, n: int, k: int, s: int, d: int, lo: int, hi: int, a: int) -> int | None:
    """The output of one axis by the settings themselves; None where there are no such settings."""
    try:
        return Settings(
            op=op, input=(n,), kernel=(k,), stride=(s,), dilation=(d,), padding=((lo, hi),),
            output_padding=(a,) if a else None,
        ).output[0]  # fmt: skip
    except SettingsError:
        return None


@cache
def same(op: Op, n: int, k: int, s: int, d: int, out: int) -> tuple[int, int] | None:
    """(crop at the beginning, output padding) of `same` with this output; None where it has none."""
    try:
        it = Settings(
            op=op, input=(n,), kernel=(k,), stride=(s,), dilation=(d,), padding="same",
            output_size=(out,) if op == "conv_transpose" else None,
        )  # fmt: skip
    except SettingsError:
        return None
    return (it.crop[0][0], it.extra[0]) if it.output[0] == out else None


def searched(asked: Question) -> set[tuple[Place, ...]]:
    """Every solution of a question, by trying everything: crops shorter than the kernel, where none is given."""
    found: set[tuple[Place, ...]] = set()
    for axes in asked.geometries():
        places = []
        for place, it in enumerate(axes):
            own = (it.input, it.kernel, it.stride, it.dilation)
            wanted = asked.outputs(place)
            places.append({
                (*own, lo, out) for lo, out in _begins(asked, place, *own) if wanted is None or out in wanted
            })  # fmt: skip
        found |= set(product(*places))
    return found


def _begins(asked: Question, place: int, n: int, k: int, s: int, d: int) -> Iterator[tuple[int, int]]:
    reach = d * (k - 1)
    pads, extras = asked.pads(place), asked.extras(place)
    accepted = range(max(s, d)) if extras is None else extras
    for lo, hi in _pairs(pads, reach):
        for a in accepted if asked.op == "conv_transpose" else (0,):
            out = size(asked.op, n, k, s, d, lo, hi, a)
            if out:
                yield lo, out
    if pads is not None and "same" in pads:
        for out in range(1, n * s + 1):
            found = same(asked.op, n, k, s, d, out)
            if found is not None and (extras is None or (extras == (0,) and found[1] == 0)):
                yield found[0], out


def _pairs(pads: tuple[Pad, ...] | None, reach: int) -> Iterable[tuple[int, int]]:
    if pads is None:
        return [(lo, hi) for lo in range(reach + 1) for hi in range(reach + 1)]
    explicit = [pad for pad in pads if pad != "same"]
    return [pad if isinstance(pad, tuple) else (0, 0) if isinstance(pad, str) else (pad, pad) for pad in explicit]


def places(found: Iterable[Solution]) -> list[tuple[Place, ...]]:
    """Solutions in the same form."""
    return [
        tuple(zip(each.settings.input, each.settings.kernel, each.settings.stride, each.settings.dilation, each.begins,
                  each.settings.output, strict=True))
        for each in found
    ]  # fmt: skip


def questions(count: int, seed: int = 0) -> Iterator[Question]:
    """Random questions: some numbers known, some in a range, some missing."""
    chance = random.Random(seed)

    def some(low: int, high: int) -> str:
        first = chance.randint(low, high)
        return chance.choice([str(first), f"{first}..{min(first + 2, high)}", f"{first},{chance.randint(low, high)}"])

    def axes(low: int, high: int, rank: int) -> str:
        return "x".join(some(low, high) for _ in range(chance.choice([1, rank])))

    while count:
        rank = chance.choices([1, 2], [19, 1])[0]
        op: Op = chance.choice(["conv_transpose", "conv_transpose", "conv"])
        given: dict[str, str | None] = {
            "input": axes(1, 6, rank), "output": axes(1, 12, rank), "kernel": axes(1, 4, rank),
            "stride": axes(1, 3, rank), "dilation": axes(1, 2, rank) if chance.random() < 0.3 else None,
        }  # fmt: skip
        left_out = chance.choice(["input", "output", "none", "none"])
        given.pop(left_out, None)
        if chance.random() < 0.4:
            given["padding"] = chance.choice(["same", "valid", "0", "1", "1:2", "same,1", "0..2", "2:0,same"])
        if op == "conv_transpose" and chance.random() < 0.3:
            given["output padding"] = some(0, 2)
        try:
            yield question(given, op)
        except QuestionError:  # too many of them, of which the messages have tests
            continue
        count -= 1


def disagreements(count: int, seed: int = 0) -> list[tuple[Question, set[tuple[Place, ...]]]]:
    """Questions to which the solver finds too much, too little, or something twice."""
    wrong = []
    for asked in questions(count, seed):
        try:
            found = places(solutions(asked))
        except QuestionError:  # more than are sorted, which two free axes come to at times
            continue
        if set(found) != (due := searched(asked)) or len(found) != len(set(found)):
            wrong.append((asked, set(found) ^ due))
    return wrong


def test_the_solver_finds_what_a_search_over_all_settings_finds() -> None:
    assert not disagreements(2500)


def test_the_questions_have_answers_and_have_none() -> None:
    counts = [len(solutions(asked)) for asked in questions(400, 1) if asked.rank == 1]
    assert 40 < sum(count == 0 for count in counts) < 360
    assert max(counts) > 50


def _without_last(real: Callable[..., Iterator[Border]]) -> Callable[..., Iterator[Border]]:
    return lambda *given: iter(list(real(*given))[:-1] or list(real(*given)))


def _one_too_many(real: Callable[..., Iterator[Border]]) -> Callable[..., Iterator[Border]]:
    def more(*given: object) -> Iterator[Border]:
        for border in real(*given):
            yield border
            yield Border(border.lo + 1, border.hi, border.extra, border.output)

    return more


@pytest.mark.parametrize("fault", [_without_last, _one_too_many])
def test_a_solver_that_forgets_or_invents_is_seen(
    fault: Callable[..., Callable[..., Iterator[Border]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from convt.explaining import solving

    monkeypatch.setattr(solving, "_transposed", fault(solving._transposed))
    assert disagreements(60)


def test_solutions_of_one_geometry_differ_in_every_number_and_their_other_spellings_do_not() -> None:
    found = solutions(question({"input": "7", "output": "14", "kernel": "5", "stride": "2"}))
    its = [each.settings for each in found]
    arrays = exact(its[0])
    results = [reference(it, arrays.x, arrays.w) for it in its]
    assert [it.output for it in its] == [(14,)] * 5
    for a, b in product(range(5), repeat=2):
        assert np.array_equal(results[a], results[b]) == (a == b)
    for it, result in zip(its, results, strict=True):  # a longer crop at the end and more output padding
        (lo, hi), extra = it.crop[0], it.extra[0]
        if extra == 0:
            longer = it.replace(padding=((lo, hi + 1),), output_padding=(1,))
            assert np.array_equal(reference(longer, arrays.x, arrays.w), result)


@pytest.mark.parametrize(
    ("given", "op", "first"),
    [
        ({"input": "7", "output": "14", "kernel": "5", "stride": "2"}, "conv_transpose", (5, 2, (1, 2), 0)),
        ({"input": "7", "output": "14"}, "conv_transpose", (4, 2, (1, 1), 0)),
        ({"input": "7", "output": "14", "kernel": "3"}, "conv_transpose", (3, 2, (0, 1), 0)),
        ({"input": "4", "output": "12", "kernel": "7"}, "conv_transpose", (7, 3, (2, 2), 0)),
        ({"input": "4", "output": "12", "kernel": "2", "stride": "3"}, "conv_transpose", (2, 3, (0, 0), 1)),
        ({"input": "5", "output": "5"}, "conv_transpose", (3, 1, (1, 1), 0)),
        ({"input": "7", "output": "7", "kernel": "3"}, "conv", (3, 1, (1, 1), 0)),
        ({"input": "224", "output": "112", "kernel": "7", "stride": "2"}, "conv", (7, 2, (2, 3), 0)),
    ],
    ids=str,
)
def test_the_usual_comes_first(given: dict[str, str | None], op: Op, first: tuple[object, ...]) -> None:
    it = solutions(question(given, op))[0].settings
    assert (it.kernel[0], it.stride[0], it.crop[0], it.extra[0]) == first


def test_the_pair_of_keras_and_pytorch_stands_in_two_groups() -> None:
    """Keras's and JAX's `same` crops (1, 2); PyTorch's padding=2, output_padding=1 crops (2, 1)."""
    torch = dialects()["torch"]
    asked = question({"input": "7", "output": "14", "kernel": "5", "stride": "2"})
    text = solved_text(solve(asked, [(torch, None)]), 2)
    assert "crop (1, 2), what `same` does" in text
    assert "crop (2, 1): the same size, shifted by 1: every value differs" in text
    assert text.index("(1, 2)") < text.index("(2, 1)") < text.index("padding=2, output_padding=1")


def test_what_same_does() -> None:
    it = Settings(input=(7,), kernel=(5,), stride=(2,), padding=((1, 2),))
    assert is_same(it)
    assert not is_same(it.replace(padding=((2, 1),)))


@pytest.mark.parametrize(
    ("given", "size_", "says"),
    [
        ({"input": "7", "output": "20", "kernel": "3", "stride": "2"}, 16, "15 to 16 is accepted"),
        ({"input": "7", "output": "4", "kernel": "3", "stride": "2"}, 11, "an end would have to lose the whole kernel"),
        ({"input": "7", "output": "16", "kernel": "3", "stride": "2", "padding": "same"}, 14, "13 to 14 is accepted"),
        ({"input": "7", "output": "14", "kernel": "3", "stride": "2", "padding": "1", "output padding": "0"}, 13,
         "do not lead to 14"),
    ],
    ids=str,
)  # fmt: skip
def test_where_nothing_does_it_the_nearest_and_the_reason_are_told(
    given: dict[str, str | None], size_: int, says: str
) -> None:
    asked = question(given)
    assert solutions(asked) == []
    near = nearest(asked)[0]
    assert near.settings.output == (size_,)
    assert says in near.reason
    text = solved_text(solve(asked, []), 3)
    assert text.startswith("No setting does it.\nThe nearest:")


def test_a_forward_size_that_a_stride_skips() -> None:
    asked = question({"input": "8", "output": "8", "kernel": "3", "stride": "2"}, "conv")
    assert solutions(asked) == []
    assert nearest(asked)[0].settings.output == (5,)
    assert "the stride skips it" in nearest(asked)[0].reason


@pytest.mark.parametrize(
    ("given", "op", "says"),
    [
        ({"kernel": "3"}, "conv_transpose", "--input and --output: found neither"),
        ({"input": "7", "kernel": "5..3"}, "conv_transpose", "--kernel: found '5..3', accepted 1 to 65,536, the"),
        ({"input": "7", "kernel": "a"}, "conv_transpose", "--kernel: found 'a', accepted a number, a list"),
        ({"input": "0"}, "conv_transpose", "--input: found '0', accepted 1 to 65,536"),
        ({"input": "7x7", "output": "7x7x7"}, "conv_transpose", "--input: found 2 axes (7x7), accepted one value"),
        ({"input": "1x1x1x1"}, "conv_transpose", "found 4 axes (1x1x1x1), accepted one value, or one for each of 3"),
        ({"input": "7", "padding": "full"}, "conv_transpose", "--padding: found 'full', accepted same, valid"),
        ({"input": "7", "padding": "1:y"}, "conv_transpose", "--padding: found '1:y'"),
        ({"input": "7", "output padding": "1"}, "conv", "--output-padding: a forward convolution has none"),
        ({"input": "1..60000", "output": "9"}, "conv_transpose", "combinations to try, accepted 50,000 at most"),
        ({"input": "1..200x1..200", "output": "9"}, "conv_transpose", "combinations to try"),
    ],
    ids=str,
)  # fmt: skip
def test_a_question_that_cannot_be_asked_says_what_can(given: dict[str, str | None], op: Op, says: str) -> None:
    with pytest.raises(QuestionError) as error:
        question(given, op)
    assert says in str(error.value)


def test_too_many_solutions_are_refused_before_they_are_made() -> None:
    with pytest.raises(QuestionError, match="more than 50,000 solutions"):
        solutions(question({"input": "40x40x40", "kernel": "30", "stride": "20"}))


def test_the_fields_for_programs_stay() -> None:
    data = solved_data(solve(question({"input": "7", "output": "14"}), [(dialects()["torch"], None)]), 2)
    assert set(data) == {"solutions", "shown", "nearest"}
    assert set(data["shown"][0]) == {"settings", "output", "begins", "same", "group", "calls"}
    assert set(data["shown"][0]["calls"][0]) == {"framework", "direct", "call", "around", "why"}
    assert len(data["shown"]) == 2
    assert data["shown"][0]["calls"][0]["call"] == "torch.nn.ConvTranspose1d(1, 1, 4, stride=2, padding=1, bias=False)"
