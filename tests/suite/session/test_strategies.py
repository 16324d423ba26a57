"""The strategies: valid by construction, rare combinations found, shrunk to the plainest, printed as YAML."""

from __future__ import annotations

import re
from collections.abc import Callable

import hypothesis
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, Phase, find, given
from hypothesis import strategies as st

from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.cases.writer import as_yaml
from convt.conv.settings import Op, Settings
from convt.laws.catalogue import all_laws, law_by_id
from convt.laws.law import Law
from convt.session.draws import different
from convt.session.strategies import cases, resizes, settings, tent

QUICK = hypothesis.settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
PATIENT = hypothesis.settings(
    max_examples=20_000, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def uneven(it: Settings) -> bool:
    return any(lo != hi for lo, hi in it.crop)


def gappy(it: Settings) -> bool:
    return any(s > e for s, e in zip(it.stride, it.effective, strict=True))


def overlong(it: Settings) -> bool:
    return any(a >= s for a, s in zip(it.extra, it.stride, strict=True))


RARE: dict[str, Callable[[Settings], bool]] = {
    "gap, bias and dilation": lambda it: gappy(it) and it.bias and max(it.dilation) > 1,
    "asymmetric with output padding": lambda it: max(it.output_padding or (0,)) > 0 and uneven(it),
    "same with a wanted size and an odd crop": lambda it: it.padding == "same" and bool(it.output_size) and uneven(it),
    "three axes in groups": lambda it: it.rank == 3 and it.groups == 3,
    "17 channels in groups": lambda it: it.groups > 1 and it.channels_in // it.groups == 17,
    "extra beyond the stride": lambda it: overlong(it) and not isinstance(it.padding, str),
    "another stride on each of two axes": lambda it: (
        it.rank == 2 and it.stride[0] != it.stride[1] and min(it.stride) > 1
    ),
    "one input under a wide kernel": lambda it: set(it.input) == {1} and min(it.effective) > 8,
    "forward, strided, padded unevenly": lambda it: not it.transposed and max(it.stride) > 2 and uneven(it),
    "three items cropped to one output": lambda it: it.batch == 3 and set(it.output) == {1} and max(it.input) > 1,
}


@QUICK
@given(settings())
def test_settings_are_valid_and_small(it: Settings) -> None:
    assert min(it.output) >= 1
    assert min(it.input) >= 1
    assert max(it.kernel) <= 5
    assert max(it.stride) <= 4
    assert it.explicit().output == it.output
    assert max(it.channels_in, it.channels_out) <= 3 * 17


@pytest.mark.parametrize("kind", RARE)
def test_rare_combinations_are_found(kind: str) -> None:
    unshrunk = hypothesis.settings(PATIENT, phases=[Phase.generate])
    assert RARE[kind](find(settings(), RARE[kind], settings=unshrunk))


def test_settings_shrink_to_the_plainest() -> None:
    assert find(settings(), lambda it: True, settings=PATIENT) == Settings(input=(1,), kernel=(1,))


def test_settings_shrink_what_does_not_matter() -> None:
    found = find(settings(), lambda it: it.stride[0] >= 2 and it.bias, settings=PATIENT)
    assert found == Settings(input=(1,), kernel=(1,), stride=(2,), bias=True)


@pytest.mark.parametrize("law", [law for law in all_laws() if law.draws], ids=lambda law: law.id)
def test_the_law_applies_to_every_case_drawn_and_few_are_equal(law: Law) -> None:
    drawn = different(cases(applies=law), seed=1, count=40)
    assert len(drawn) >= 20
    assert len({case.id for case in drawn}) == len(drawn)
    for case in drawn:
        assert law.applies(case)
        assert re.fullmatch("generated-[0-9a-f]{16}", case.id)


@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
def test_cases_of_one_op(op: Op) -> None:
    @hypothesis.settings(QUICK, max_examples=20)
    @given(cases(op=op))
    def each(case: Case) -> None:
        assert case.settings.op == op

    each()


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="says nothing about it"):
        cases(op="conv", applies=law_by_id("same-crop"))
    with pytest.raises(ValueError, match="no kernel is both"):
        find(settings(min_kernel=4), lambda it: True)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_the_taps_of_a_linear_resize_add_up_to_one_on_every_phase(stride: int) -> None:
    taps = tent(stride)
    assert len(taps) == 2 * stride - stride % 2
    for phase in range(stride):
        assert np.isclose(taps[phase::stride].sum(), 1)


@QUICK
@given(st.one_of(cases(), resizes()))
def test_a_case_printed_as_yaml_loads_back(tmp_path_factory: pytest.TempPathFactory, case: Case) -> None:
    path = tmp_path_factory.mktemp("found") / "found.yaml"
    path.write_text(f"about: What the search found.\nsource: section 3\ncases:\n{as_yaml(case)}")
    (loaded,) = load_cases([path])
    assert loaded.settings == case.settings
    assert loaded.digest == case.digest
    for mine, theirs in zip(vars(case.data()).values(), vars(loaded.data()).values(), strict=True):
        assert (mine is None and theirs is None) or np.array_equal(mine, theirs)


def test_the_plainest_case_is_three_lines_of_yaml() -> None:
    text = as_yaml(Case("generated", Settings(input=(4,), kernel=(3,))), "my-case")
    assert text == "  - id: my-case\n    input: [4]\n    kernel: [3]\n"
    assert yaml.safe_load(text) == [{"id": "my-case", "input": [4], "kernel": [3]}]
