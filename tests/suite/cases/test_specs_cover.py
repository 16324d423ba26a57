"""The cases in specs/*.yaml hold every kind of setting that tells implementations apart, each more than once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from math import prod
from pathlib import Path

import pytest

from convt.cases.case import LAYERS, Case
from convt.cases.loader import load_cases
from convt.conv.settings import Settings, same_crop, transposed_size

ROOT = Path(__file__).parents[3]


@cache
def all_cases() -> tuple[Case, ...]:
    return tuple(load_cases(sorted((ROOT / "specs").glob("*.yaml"))))


def transposed() -> list[Case]:
    return [case for case in all_cases() if case.settings.transposed]


def forward() -> list[Case]:
    return [case for case in all_cases() if not case.settings.transposed]


def _some(condition: Callable[..., bool], *fields: str) -> Callable[[Settings], bool]:
    """Whether a condition over fields holds on some axis."""
    return lambda it: any(condition(*values) for values in zip(*(getattr(it, field) for field in fields), strict=True))


def _differ(*fields: str) -> Callable[[Settings], bool]:
    """Whether no two axes share a value in any of the fields."""
    return lambda it: it.rank > 1 and all(len(set(getattr(it, field))) == it.rank for field in fields)


def _extra(it: Settings, at: Callable[[int, int], bool]) -> bool:
    return it.output_padding is not None and any(at(a, s) for a, s in zip(it.output_padding, it.stride, strict=True))


def _wish(it: Settings, padding: str, end: str) -> bool:
    """Whether an output size stands at an end of the range that a forward convolution maps back to the input."""
    kind = it.padding if isinstance(it.padding, str) else "explicit"
    if it.output_size is None or kind != padding:
        return False
    ends = []
    for n, k, s, d, (lo, hi) in zip(it.input, it.kernel, it.stride, it.dilation, it.crop, strict=True):
        smallest = (n - 1) * s + 1 if kind == "same" else transposed_size(n, k, s, d, lo, hi)
        ends.append(smallest + (s - 1 if end == "largest" else 0))
    return tuple(ends) == it.output_size and max(it.stride) > 1


def _same(it: Settings, condition: Callable[[int, int, int], bool]) -> bool:
    axes = zip(it.kernel, it.stride, it.effective, strict=True)
    return it.padding == "same" and any(condition(k, s, e) for k, s, e in axes)


def _depthwise(it: Settings) -> bool:
    return 1 < it.groups == it.channels_in


_stride_exceeds_kernel = _some(lambda s, k: s > k, "stride", "kernel")
_stride_exceeds_effective = _some(lambda s, e: s > e, "stride", "effective")
_everything_differs = _differ("kernel", "stride", "dilation", "crop")
_begin_differs = _some(lambda pair: pair[0] != pair[1], "crop")

TRANSPOSED: dict[str, tuple[int, Callable[[Settings], bool]]] = {
    "stride > kernel": (60, _stride_exceeds_kernel),
    "stride > effective kernel, with bias": (25, lambda it: it.bias and _stride_exceeds_effective(it)),
    "kernel > input": (100, _some(lambda k, n: k > n, "kernel", "input")),
    "effective kernel > input, kernel is not": (20, _some(lambda e, k, n: e > n >= k, "effective", "kernel", "input")),
    "output extent 1 on some axis": (20, _some(lambda o: o == 1, "output")),
    "one output position": (8, lambda it: prod(it.output) == 1),
    "crop >= kernel on a side": (25, _some(lambda k, pair: max(pair) >= k, "kernel", "crop")),
    "crop > dilation * (kernel - 1)": (25, _some(lambda e, pair: max(pair) > e - 1, "effective", "crop")),
    "begin != end": (80, _begin_differs),
    "begin > end": (20, _some(lambda pair: pair[0] > pair[1], "crop")),
    "begin != end written out": (35, lambda it: not isinstance(it.padding, str) and _begin_differs(it)),
    "kernels all differ": (50, _differ("kernel")),
    "strides all differ": (30, _differ("stride")),
    "everything differs between the axes, 2-D": (5, lambda it: it.rank == 2 and _everything_differs(it)),
    "everything differs between the axes, 3-D": (5, lambda it: it.rank == 3 and _everything_differs(it)),
    "dilation > 1": (55, _some(lambda d: d > 1, "dilation")),
    "dilation and stride > 1": (30, _some(lambda d, s: d > 1 and s > 1, "dilation", "stride")),
    "several channels in each group": (100, lambda it: min(it.channels_in, it.channels_out) >= 2 * it.groups),
    "one channel": (60, lambda it: it.channels_in == it.channels_out == 1),
    "16 or more channels": (12, lambda it: max(it.channels_in, it.channels_out) >= 16),
    "17 channels": (4, lambda it: 17 in (it.channels_in, it.channels_out)),
    "32 channels": (4, lambda it: 32 in (it.channels_in, it.channels_out)),
    "33 channels": (2, lambda it: 33 in (it.channels_in, it.channels_out)),
    "innermost extent 0": (2, lambda it: it.input[-1] == 0),
    "innermost extent 1": (30, lambda it: it.input[-1] == 1),
    "innermost extent 2": (80, lambda it: it.input[-1] == 2),
    "batch > 1": (10, lambda it: it.batch > 1),
    "batch 0": (1, lambda it: it.batch == 0),
    "output padding 0 written out": (5, lambda it: _extra(it, lambda a, s: a == 0)),
    "output padding stride - 1": (15, lambda it: _extra(it, lambda a, s: a == s - 1 > 0)),
    "output padding >= stride": (3, lambda it: _extra(it, lambda a, s: a >= s)),
    "smallest output size, same": (5, lambda it: _wish(it, "same", "smallest")),
    "largest output size, same": (5, lambda it: _wish(it, "same", "largest")),
    "smallest output size, valid": (2, lambda it: _wish(it, "valid", "smallest")),
    "largest output size, valid": (2, lambda it: _wish(it, "valid", "largest")),
    "smallest output size, explicit": (3, lambda it: _wish(it, "explicit", "smallest")),
    "largest output size, explicit": (3, lambda it: _wish(it, "explicit", "largest")),
    "same, even kernel": (30, lambda it: _same(it, lambda k, s, e: k % 2 == 0)),
    "same, odd kernel": (50, lambda it: _same(it, lambda k, s, e: k % 2 == 1)),
    "same, kernel < stride": (8, lambda it: _same(it, lambda k, s, e: k < s)),
    "same, an odd crop": (40, lambda it: _same(it, lambda k, s, e: e > s and (e - s) % 2 == 1)),
    "valid, kernel < stride": (8, lambda it: it.padding == "valid" and _stride_exceeds_kernel(it)),
    "depthwise": (20, lambda it: _depthwise(it) and it.channels_out == it.channels_in),
    "depth multiplier": (8, lambda it: _depthwise(it) and it.channels_out > it.channels_in),
    "groups neither 1 nor the channels": (10, lambda it: 1 < it.groups < min(it.channels_in, it.channels_out)),
    "groups with as many outputs as groups": (3, lambda it: 1 < it.groups == it.channels_out < it.channels_in),
    "bias": (150, lambda it: it.bias),
    "1-D": (260, lambda it: it.rank == 1),
    "2-D": (150, lambda it: it.rank == 2),
    "3-D": (65, lambda it: it.rank == 3),
    "same": (80, lambda it: it.padding == "same"),
    "valid": (35, lambda it: it.padding == "valid"),
    "symmetric padding, no output size": (
        250, lambda it: not isinstance(it.padding, str) and not _begin_differs(it) and it.output_size is None,
    ),
} | {
    f"same, stride {stride}, {parity} kernel": (
        2, lambda it, stride=stride, odd=odd: _same(it, lambda k, s, e: s == stride and k % 2 == odd),
    )
    for stride in (1, 2, 3, 4)
    for odd, parity in enumerate(("even", "odd"))
}  # fmt: skip
"""Kind of setting to how many cases there are at least, and what makes one."""

FORWARD: dict[str, tuple[int, Callable[[Settings], bool]]] = {
    "1-D": (60, lambda it: it.rank == 1),
    "2-D": (20, lambda it: it.rank == 2),
    "3-D": (8, lambda it: it.rank == 3),
    "same with a stride": (18, lambda it: it.padding == "same" and max(it.stride) > 1),
    "same, an odd padding": (15, lambda it: it.padding == "same" and _begin_differs(it)),
    "valid": (3, lambda it: it.padding == "valid"),
    "begin != end written out": (7, lambda it: not isinstance(it.padding, str) and _begin_differs(it)),
    "dilation > 1": (11, _some(lambda d: d > 1, "dilation")),
    "groups neither 1 nor the channels": (4, lambda it: 1 < it.groups < min(it.channels_in, it.channels_out)),
    "depthwise": (6, lambda it: _depthwise(it) and it.channels_out == it.channels_in),
    "depth multiplier": (4, lambda it: _depthwise(it) and it.channels_out > it.channels_in),
    "stride > effective kernel, with bias": (5, lambda it: it.bias and _stride_exceeds_effective(it)),
    "kernel > input": (5, _some(lambda k, n: k > n, "kernel", "input")),
    "16 or more channels": (3, lambda it: max(it.channels_in, it.channels_out) >= 16),
    "batch 0": (1, lambda it: it.batch == 0),
    "batch > 1": (2, lambda it: it.batch > 1),
    "output extent 0": (1, _some(lambda o: o == 0, "output")),
}


@pytest.mark.parametrize("kind", TRANSPOSED)
def test_transposed_cases_hold_the_kind(kind: str) -> None:
    least, holds = TRANSPOSED[kind]
    found = sum(holds(case.settings) for case in transposed())
    assert found >= least


@pytest.mark.parametrize("kind", FORWARD)
def test_forward_cases_hold_the_kind(kind: str) -> None:
    least, holds = FORWARD[kind]
    found = sum(holds(case.settings) for case in forward())
    assert found >= least


def test_there_are_many_cases_and_many_of_them_can_be_checked_with_a_pencil() -> None:
    by_hand = {case.id: case.expect.data for case in all_cases() if case.expect.data is not None}
    assert len(all_cases()) >= 550
    assert len(by_hand) >= 150
    assert sum(numbers.size <= 24 for numbers in by_hand.values()) >= 140


def test_no_two_cases_have_the_same_settings_and_data() -> None:
    names = defaultdict(list)
    for case in all_cases():
        names[case.digest].append(case.id)
    assert [twins for twins in names.values() if len(twins) > 1] == []


def test_every_case_says_why_it_is_there_and_who_says_so() -> None:
    assert [case.id for case in all_cases() if len(case.about) < 10 or not case.source] == []


def test_inputs_are_small() -> None:
    small = [case for case in all_cases() if case.laws != (LAYERS,)]  # those are of real size
    largest = max(small, key=lambda case: prod(case.settings.y_shape))
    assert prod(largest.settings.y_shape) <= 1_000_000


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_pair_that_fools_people_is_there_with_its_three_spellings(rank: int) -> None:
    kernel_5 = [
        case for case in transposed() if case.settings.kernel == (5,) * rank and case.settings.stride == (2,) * rank
    ]
    same = [case for case in kernel_5 if case.settings.padding == "same" and case.expect.differs and case.expect.equals]
    named = {case.id: case.settings for case in kernel_5}
    assert same
    for case in same:
        twin, look_alike = named[case.expect.equals or ""], named[case.expect.differs or ""]
        assert twin.padding == ((1, 2),) * rank == (same_crop(7, 5, 2)[:2],) * rank
        assert (look_alike.padding, look_alike.output_padding) == (((2, 2),) * rank, (1,) * rank)
        assert twin.output == look_alike.output == case.settings.output


def _says(framework: str, it: Settings) -> bool:
    """Roughly what a framework's own call can say, so that no file is about settings that one cannot say at all."""
    symmetric = not isinstance(it.padding, str) and not _begin_differs(it)
    plain = it.groups == 1 and it.output_size is None and (max(it.stride) == 1 or max(it.dilation) == 1)
    if framework == "pytorch":
        return symmetric or (it.padding == "valid" and not it.extra)
    if framework == "keras":
        return plain and isinstance(it.padding, str) and it.output_padding is None
    if framework == "jax":
        return it.groups == 1 and it.output_padding is None and it.output_size is None
    return it.groups == 1 and max(it.dilation) == 1 and isinstance(it.padding, str)


@pytest.mark.parametrize("framework", ["pytorch", "keras", "jax", "tensorflow"])
def test_every_framework_can_say_many_cases(framework: str) -> None:
    files = Counter(case.origin.partition(":")[0] for case in transposed() if _says(framework, case.settings))
    assert files.total() >= 80
    assert len([name for name, cases in files.items() if cases >= 2]) >= 10
