"""What the files of articles and of models hold: every kind of statement, and enough layers with their citations."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.conv.settings import padding_for

SPECS = Path(__file__).parents[3] / "specs"
CITATION = re.compile(r"arXiv:\d{4}\.\d{4,5}|https?://|\d{4}; github\.com/")
"""A paper by its arXiv number or journal year, or a page."""
PUBLIC_FILE = re.compile(r"github\.com/[\w.-]+/[\w.-]+, \S+\.(py|yaml|prototxt)|https://(www\.tensorflow|keras)\.\w+/")
"""Where the setting stands: a file of a public repository, or the tutorial's own page."""

KINDS = {
    "stride 1": "stride-one-transposed-n4-k3-p0 stride-one-transposed-n5-k3-p1 stride-one-transposed-n7-k3-p2",
    "stride 1, crosswise": "stride-one-forward-n6-k3-p0 stride-one-forward-n5-k3-p1 stride-one-forward-n5-k3-p2",
    "even kernel, both ways": "stride-one-transposed-n6-k4-p2 stride-one-forward-n5-k4-p2",
    "the s sizes": "strided-size-s2-a0 strided-size-s2-a1 strided-size-s3-a0 strided-size-s3-a1 strided-size-s3-a2",
    "mapped back": "strided-size-s2-back-from-7 strided-size-s2-back-from-8 strided-size-s3-back-from-8",
    "wanted size": "padding-for-n7-k5-s2-out14 padding-for-n7-k4-s2-out14 padding-for-n4-k2-s3-out12",
    "typed by everybody": "ones-k2-s2-p1 pytorch-doubling-k3-s2-p1-a1 pytorch-doubling-3x32x32",
    "the matrix": "convolution-is-a-4x16-matrix transpose-is-a-16x4-matrix each-value-reaches-nine-places",
    "zero insertion": "the-same-by-padding-and-a-flipped-kernel stride-two-stamps the-same-by-zero-insertion",
    "forward layers": "conv-docs-square conv-docs-unequal conv-docs-dilated conv-grouped-k7-s2-p3 conv1d-ramp",
    "groups": "conv-groups-two conv-groups-two-first-half conv-groups-two-second-half conv-depthwise-multiplier-two",
    "resizing": "nearest-by-two nearest-by-two-channels bilinear-by-two bilinear-by-two-channels bilinear-border",
    "Keras's DCGAN": "keras-dcgan-7-to-7 keras-dcgan-7-to-14 keras-dcgan-14-to-28 keras-dcgan-rule-p2-a1",
    "kernel order": "kernel-order-in-out kernel-order-with-groups",
    "no inverse": "transposed-undoes-convolution deconvolution-undoes-blur",
    "equal shapes": "keras-dcgan-rule-one-row pytorch-k3-s2-p1-a1",
    "overlap": "overlap-uneven-k3-s2 overlap-checkerboard-k3-s2 overlap-even-k4-s2 overlap-even-k4-s2-learned",
    "padding crops": "padding-adds-a-border padding-is-less-input-border d2l-padding-one",
    "gaps and bias": "gaps-hold-the-bias bias-once-per-value",
    "output padding": "output-padding-uncovers output-padding-beyond-the-stamps output-padding-on-one-side",
    "dilation": "dilation-spreads-the-kernel dilation-is-not-stride",
    "doubling": "stride-two-doubles half-padding-doubles",
    "orientation": "impulse-gives-the-kernel impulse-forward-gives-it-flipped product-of-polynomials",
    "1x1 and sub-pixel": "one-by-one-transposed one-by-one-forward subpixel-transposed subpixel-phases",
}
SAME_NUMBERS = [
    ("transpose-is-a-16x4-matrix", "the-same-by-padding-and-a-flipped-kernel"),
    ("stride-two-stamps", "the-same-by-zero-insertion"),
    ("padding-adds-a-border", "padding-is-less-input-border"),
    ("one-by-one-transposed", "one-by-one-forward"),
]
MODELS = [
    "dcgan", "pix2pix", "cyclegan", "unet", "unet3d", "vnet", "fcn32s", "fcn16s", "fcn8s", "deconvnet",
    "fsrcnn", "maskrcnn", "simplebaseline", "centernet", "sam", "hifigan", "melgan", "wavegan", "demucs",
    "encodec", "dac", "vqvae2", "pointpillars", "second", "stylegan2", "nnunet", "bigvgan", "univnet",
    "waveglow",
]  # fmt: skip


@cache
def articles() -> dict[str, Case]:
    return {case.id: case for case in load_cases([SPECS / "articles.yaml"])}


@cache
def models() -> dict[str, Case]:
    return {case.id: case for case in load_cases([SPECS / "models.yaml"])}


def numbers(case: Case) -> np.ndarray:
    assert case.expect.data is not None
    return case.expect.data.ravel()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_statement_is_a_case(kind: str) -> None:
    missing = [name for name in KINDS[kind].split() if name not in articles()]
    assert missing == []


def test_at_least_ten_false_statements_are_corrected() -> None:
    false = [case for case in articles().values() if case.claim and not case.claim.holds]
    assert len(false) >= 10
    assert all(case.claim and case.claim.correction for case in false)
    assert all(case.refuted or case.expect.differs for case in false)


def test_every_article_has_a_source_and_an_expectation() -> None:
    for case in articles().values():
        expect = case.expect
        assert CITATION.search(case.source), case.id
        assert expect.size or expect.matrix or expect.equals or expect.data is not None, case.id


@pytest.mark.parametrize(("one", "other"), SAME_NUMBERS)
def test_two_ways_to_the_same_numbers(one: str, other: str) -> None:
    mine, theirs = articles()[one], articles()[other]
    assert mine.settings.op != theirs.settings.op
    assert np.array_equal(numbers(mine), numbers(theirs))


def test_subpixel_phases_interleave_to_the_transposed_result() -> None:
    phases = numbers(articles()["subpixel-phases"]).reshape(2, 3)
    assert np.array_equal(phases.T.ravel(), numbers(articles()["subpixel-transposed"]))


@pytest.mark.parametrize("name", KINDS["wanted size"].split())
def test_the_padding_of_a_wanted_size_is_the_rule_s(name: str) -> None:
    it = articles()[name].settings
    asked = (it.input[0], it.kernel[0], it.stride[0], it.output[0])
    assert padding_for(*asked) == (it.crop[0][0], it.extra[0])


def test_the_rule_for_keras_crops_the_other_end() -> None:
    keras, rule = articles()["keras-dcgan-7-to-14"].settings, articles()["keras-dcgan-rule-p2-a1"].settings
    assert keras.crop == ((1, 2), (1, 2))
    assert (rule.crop, rule.extra) == (((2, 2), (2, 2)), (1, 1))
    assert keras.output == rule.output


def test_at_least_forty_layers_over_three_ranks() -> None:
    ranks = [case.settings.rank for case in models().values()]
    assert len(ranks) >= 40
    assert all(ranks.count(rank) >= 8 for rank in (1, 2, 3))


@pytest.mark.parametrize("model", MODELS)
def test_the_model_is_there(model: str) -> None:
    assert any(name.split("-")[0] == model for name in models())


def test_every_layer_cites_a_paper_and_a_public_file() -> None:
    for case in models().values():
        assert CITATION.search(case.source), case.id
        assert PUBLIC_FILE.search(case.source), case.id


def test_every_layer_is_transposed_and_has_its_size() -> None:
    for case in models().values():
        assert case.settings.transposed, case.id
        assert case.expect.size == case.settings.output, case.id


def test_no_layer_is_heavy() -> None:
    for case in models().values():
        it = case.settings
        products = it.batch * it.channels_in * it.channels_out // it.groups * np.prod([*it.kernel, *it.input])
        assert products <= 1_000_000, case.id
        assert np.prod(it.y_shape) <= 40_000, case.id
