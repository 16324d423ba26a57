"""What is told of a layer is so: hand-checked numbers, every statement of the articles, and the definition itself."""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.conv.bounds import terms
from convt.conv.settings import Settings
from convt.explaining.data import explanation_data
from convt.explaining.facts import Explanation, explain
from convt.explaining.layer_page import render_layer_page
from convt.explaining.overlaps import cycle, overlaps
from convt.explaining.text import explanation_text
from convt.explaining.translations import translations_text
from convt.explaining.words import nothing, sentence
from convt.translation.dialect import Unsayable, dialects
from convt.translation.layer import LayerError
from convt.translation.translating import read
from convt.translation.unknown import answer, known
from tests.suite.conv.random_settings import random_settings
from tests.suite.translation.truth import layers, texts

ARTICLES = Path(__file__).parents[3] / "specs" / "articles.yaml"
DOUBLING = "torch.nn.ConvTranspose2d(1, 3, 3, stride=2, padding=1, output_padding=1)"


def said(it: Settings) -> str:
    """The layer in PyTorch's words, or in those of a spec file where PyTorch has none."""
    for name, kind in (("torch", "torch.nn"), ("yaml", "yaml")):
        try:
            return dialects()[name].say(it, kind).call
        except Unsayable:
            continue
    raise AssertionError(f"{it} cannot be said")


def told(it: Case) -> str:
    own = it.settings
    text = said(own)
    yields = text.lstrip().startswith("-")  # a spec file's case says its input itself
    return explanation_text(explain(text) if yields else explain(text, own.input, batch=own.batch))


@cache
def expected_sizes() -> dict[str, list[int]]:
    """The size that stands in the file beside each case; where the numbers alone do, theirs."""
    found: dict[str, list[int]] = {}
    for form in yaml.safe_load(ARTICLES.read_text())["cases"]:
        size = form.get("expect", {}).get("size")
        if size is not None:
            found[form["id"]] = [size] if isinstance(size, int) else size
    return found


def articles() -> list[Case]:
    return [case for case in load_cases([ARTICLES]) if case.id in expected_sizes()]


def answered(case: Case) -> bool:
    """Whether one command prints the size that stands in the file, and a formula that comes to it on every axis."""
    text, size = told(case), expected_sizes()[case.id]
    begin = f"{'x'.join(map(str, case.settings.input))} to {'x'.join(map(str, size))}"
    return bool(re.search(rf"^size +{begin}\b", text, re.MULTILINE)) and all(
        re.search(rf"out = .* = {out}\b", text) for out in size
    )


@pytest.mark.parametrize("case", articles(), ids=lambda case: case.id)
def test_a_case_of_the_articles_is_answered_by_one_command(case: Case) -> None:
    assert answered(case)


@pytest.mark.parametrize("fault", ["convt.explaining.words.sizes", "convt.explaining.words.formula"])
def test_an_answer_with_another_size_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(case for case in articles() if case.id == "pytorch-doubling-k3-s2-p1-a1")
    assert answered(case)
    monkeypatch.setattr(fault, lambda *_: "5x7 to 10x15, out = (5-1)*2 + 3 = 11")
    assert not answered(case)


def test_the_articles_have_many_sizes() -> None:
    assert len(articles()) > 40


@pytest.mark.parametrize("case", [case for case in load_cases([ARTICLES]) if case.id.startswith("overlap-")],
                         ids=lambda case: case.id)  # fmt: skip
def test_overlaps_of_the_articles_are_their_numbers(case: Case) -> None:
    """Kernels and inputs of ones: the result is the count itself, and the file's numbers are checked by a pencil."""
    if case.id.endswith("learned"):
        return
    found = overlaps(case.settings)
    assert found is not None
    counts = found.map() or found.counts[0]
    assert case.expect.data is not None
    assert np.array_equal(case.expect.data[0, 0], counts)
    assert found.even == ("even" in case.id and "uneven" not in case.id)


def test_the_layer_that_doubles() -> None:
    text = explanation_text(explain(DOUBLING, (4, 4)))
    assert "out = (4-1)*2 + 3 - 1 - 1 + 1 = 8\n" in text
    assert "crops 1 at the beginning and 1 at the end; output padding gives 1 of them back" in text
    assert "checkerboard: 1 to 4 taps on a position" in text
    assert "\n             2 4 2 4 2 4 2 2\n" in text
    assert "30 = 1*3*3*3 + 3 of the bias" in text
    assert "432 an item = 1*3 channels * 3*3 taps * 4*4 inputs; 69 of them are cropped away" in text  # 3 (144 - 11^2)
    assert "of torch.nn.Conv2d(3, 1, 3, stride=2, padding=1, bias=False), which takes 8x8 to 4x4" in text
    assert "it takes each of 7 and 8 to 4; output padding 1 chooses 8" in text


def test_without_an_input_n_stays_a_letter() -> None:
    text = explanation_text(explain(DOUBLING))
    assert "--input gives the numbers" in text
    assert "out = (n-1)*2 + 3 - 1 - 1 + 1 = 2n\n" in text
    assert "along every axis, 2 1 repeats" in text
    assert "products" not in text


@pytest.mark.parametrize(
    ("layer", "extents", "says"),
    [
        ("nn.ConvTranspose1d(1, 1, 4, stride=2)", (5,), "even: every position away from the border gets 2 taps"),
        ("nn.ConvTranspose1d(1, 1, 1, stride=3)", (2,), "2 positions get no tap and hold the bias alone (at 1, 2)"),
        ("nn.ConvTranspose1d(1, 1, 1, stride=2, bias=False)", (2,), "1 position gets no tap and holds 0 (at 1)"),
        ("nn.ConvTranspose1d(1, 1, 3, stride=2, dilation=2)", (3,), "a common factor"),
        ("nn.ConvTranspose1d(1, 1, 2, stride=2, output_padding=1)", (2,), "adds 1 at the end, beyond what was cropped"),
        ("nn.ConvTranspose1d(4, 2, 1, groups=2)", (2,), "8 an item = 4*2/2 channels * 1 taps * 2 inputs"),
        ("nn.ConvTranspose1d(1, 1, 3, stride=3, padding=1)", (4,), "it takes each of 10 to 12 to 4; no output padding"),
        ("nn.ConvTranspose2d(1, 1, (3, 4), stride=2)", (2, 2), "out = (2-1)*2 + 4 - 0 - 0 + 0 = 6   (axis 1)"),
        ("nn.Conv1d(1, 1, 3, stride=2)", (6,), "1 input is never read (at 5)"),
        ("nn.Conv1d(1, 1, 3, stride=2, padding=1)", (4,), "adds 1 zero before and 1 after"),
        ("nn.Conv1d(1, 1, 3, stride=2, padding=1)", (4,),
         "is torch.nn.ConvTranspose1d(1, 1, 3, stride=2, padding=1, output_padding=1"),
        ("nn.Conv2d(1, 1, 3)", (2, 2), "the output is empty"),
        ("nn.Conv1d(1, 1, 3, padding='same')", None, "out = n\n"),
        ("nn.Conv1d(1, 1, 3, stride=2)", None, "is a transposed convolution whose call depends on the input"),
        ("nn.Conv1d(1, 1, 3)", None, "is torch.nn.ConvTranspose1d(1, 1, 3, bias=False)"),
        ("nn.Conv1d(1, 1, 3, stride=2)", None, "out = floor((n + 0 + 0 - 3)/2) + 1\n"),
        ("nn.Conv1d(1, 1, 3, padding=2)", None, "out = floor((n + 2 + 2 - 3)/1) + 1 = n + 2\n"),
        ("nn.ConvTranspose1d(1, 1, 3, padding=3)", None, "= n - 4\n"),
        ("nn.ConvTranspose1d(1, 1, 60000)", (60000,), "too many positions"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_what_is_told(layer: str, extents: tuple[int, ...] | None, says: str) -> None:
    text = explanation_text(explain(layer, extents))
    assert says in re.sub(r"\s+", " ", text) or says in text


@pytest.mark.parametrize("op", ["conv_transpose", "conv"])
def test_counts_are_those_of_the_definition(op: Any) -> None:
    """Against the number of products in each element, which the bounds of the project come from."""
    for it in random_settings(300, op, seed=5):
        one = it.replace(channels_in=1, channels_out=1, groups=1, batch=1, bias=False)
        found = overlaps(one)
        if found is None:
            assert 0 in one.input
            continue
        grid = np.ones((), int)
        for counts in found.counts:
            grid = np.multiply.outer(grid, counts)
        assert found.kept_products == grid.sum() == terms(one).sum()
        assert found.missed == np.count_nonzero(grid == 0)
        if one.transposed:
            assert np.array_equal(grid, terms(one)[0, 0])
        assert one.products >= found.kept_products


def test_the_cycle_is_what_the_middle_of_a_long_axis_repeats() -> None:
    for k, s, d in product(range(1, 7), range(1, 6), range(1, 4)):
        long = Settings(input=(60,), kernel=(k,), stride=(s,), dilation=(d,))
        found = overlaps(long)
        assert found is not None
        middle = found.counts[0][30 * s : 31 * s]
        assert list(cycle(k, s, d) or ()) == middle
        assert sum(middle) == k


def test_the_products_that_are_told_are_counted() -> None:
    it = Settings(input=(3, 4), kernel=(2, 3), stride=(2, 1), channels_in=4, channels_out=6, groups=2, bias=True)
    assert it.products == 2 * (2 * 3) * (2 * 3) * (3 * 4)  # groups, pairs of channels in one, taps, inputs
    assert it.parameters == 4 * 3 * 6 + 6
    assert it.replace(op="conv").products == 2 * 6 * 6 * prod(it.replace(op="conv").output)


def test_every_framework_s_words_are_explained_and_translated_with_and_without_an_input() -> None:
    for it in layers(3, 20):
        for (text, _), sized in product(texts(it), (False, True)):
            given = (it.input, it.channels_in) if sized else (None, None)
            found = explain(text, *given)
            assert max(map(len, explanation_text(found).splitlines())) <= 100
            assert render_layer_page(found)
            spoken = read(text)
            answers = [answer(known(spoken, *given), dialect, program=True) for dialect in dialects().values()]
            printed = translations_text(spoken, known(spoken, *given), answers, program=True)
            assert not [each.failure for each in answers if each.failure]
            if sized:
                assert not [each.asks for each in answers if each.asks]
                assert printed.count("  call ") == len(answers)


def faulty(it: Explanation) -> list[str]:
    """What is wrong with an explanation's numbers, found by another way than its own."""
    own, wrong = it.it, []
    for axis in it.axes:
        formula = re.sub(r"floor\((.*)/(\d+)\) \+ 1", r"(\1)//\2 + 1", axis.formula)
        if eval(formula, {"__builtins__": {}}) != own.output[axis.places[0]]:  # noqa: S307  digits and signs
            wrong.append(axis.formula)
    if it.overlaps is not None and own.bias and own.transposed:
        bare = int(np.count_nonzero(terms(own)[0, 0] == 0))
        if bare != it.overlaps.missed or bool(bare) != bool(nothing(own, it.overlaps)):
            wrong.append("nothing")
    return wrong


@pytest.mark.parametrize("op", ["conv_transpose", "conv"])
def test_the_formula_that_is_printed_gives_the_size_and_the_gaps_are_found(op: Any) -> None:
    for it in random_settings(200, op, seed=6):
        it = it.explicit()
        try:
            text = said(it)
            found = explain(text, it.input)
        except (AssertionError, LayerError):
            continue
        assert not faulty(found)


def test_a_wrong_formula_or_a_gap_that_is_not_told_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    found = explain("nn.ConvTranspose1d(1, 1, 2, stride=3)", (3,))
    assert not faulty(found)
    monkeypatch.setattr("convt.explaining.facts.formula", lambda *_: "1 + 1")
    assert faulty(explain("nn.ConvTranspose1d(1, 1, 2, stride=3)", (3,))) == ["1 + 1"]
    monkeypatch.undo()
    monkeypatch.setattr("convt.page.drawing.Axis.counts", lambda axis: [1] * axis.full)
    assert faulty(explain("nn.ConvTranspose1d(1, 1, 2, stride=3)", (3,))) == ["nothing"]


def test_a_sentence_begins_with_a_capital_unless_with_code() -> None:
    assert sentence("crops nothing") == "Crops nothing."
    assert sentence("padding='same' pads") == "padding='same' pads."
    assert sentence("Said already.") == "Said already."


def test_the_fields_for_programs_stay() -> None:
    data = explanation_data(explain(DOUBLING, (4, 4)))
    assert set(data) == {
        "layer", "form", "kernel", "order", "notes", "unknown", "settings", "op", "input", "output", "axes", "overlaps",
        "parameters", "products", "products_in_all", "transpose", "frameworks",
    }  # fmt: skip
    assert set(data["axes"][0]) == {"axes", "input", "output", "formula", "crop", "extra", "border", "preimages"}
    assert set(data["frameworks"][0]) == {
        "framework", "title", "depends", "failure", "form", "call", "kernel", "order", "state", "names", "direct",
        "why", "around", "meaning", "program",
    }  # fmt: skip
    assert (data["output"], data["parameters"], data["products"]) == ((8, 8), 30, 432)
    assert data["axes"][0]["preimages"] == [7, 8]
    assert data["settings"] is not None
    bare = explanation_data(explain(DOUBLING))
    assert set(bare) == set(data)
    assert (bare["output"], bare["settings"], bare["products"], bare["parameters"]) == (None, None, None, 30)
