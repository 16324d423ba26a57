"""Settings that mean nothing: their file, the law about them, and its liars."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from convt.content.tests.laws.rejects import WORDS, Rejects, is_clear

from convt.adapter.backend import Outcome
from convt.cases.case import Case
from convt.cases.errors import SpecErrors
from convt.cases.loader import load_cases
from convt.cases.reject_forms import Fault, UnknownValue, written_out
from convt.host.pool import Pool
from convt.host.registry import built_in, parse_target, register_external
from convt.laws.catalogue import all_laws
from convt.laws.probes import plain
from convt.session.batch import Batch
from tests.suite.laws.lies_of_refusal import FATAL_REFUSALS, REFUSALS, RefusesWell

ROOT = Path(__file__).parents[3]
CASES = load_cases([ROOT / "specs" / "rejects.yaml"])
BY_ID = {case.id: case for case in CASES}
LAW = Rejects()


def judged(backend: RefusesWell, case: Case, target: str = "") -> str:
    """The verdict on one case, and the first words of its message."""
    got = {name: backend.run(probe) for name, probe in LAW.probes(case).items()}
    judgement = LAW.assess_at(case, got, target)
    return f"{judgement.verdict} {judgement.message.partition(':')[0]}"


def seen(outcome: Outcome, case: str = "stride-zero-transposed-2d", target: str = "pytorch") -> tuple[str, str]:
    judgement = LAW.assess_at(BY_ID[case], {"call": outcome}, target)
    return judgement.verdict, judgement.message


# the file


def test_there_are_many_settings_that_mean_nothing_each_with_a_name_of_its_own() -> None:
    assert len(BY_ID) == len(CASES) >= 120
    assert len({case.digest for case in CASES}) == len(CASES)
    assert Counter(case.settings.op for case in CASES).keys() == {"conv_transpose", "conv"}
    assert {case.settings.rank for case in CASES} == {1, 2, 3}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_kind_is_told_and_its_valid_settings_are_everyday_ones(case: Case) -> None:
    assert case.reject is not None
    assert case.about
    assert case.source
    assert max(*case.settings.output, *case.settings.input) <= 20
    if case.reject.answer is not None:
        y = case.reject.answer.numbers(case.reject.passed(case.data()))
        assert y.size < 10_000
    assert set(case.reject.means) <= {*built_in(), "keras"}


def test_every_op_and_rank_meets_every_dtype_and_every_kind_of_number_each_dtype() -> None:
    asked = [(case.reject, case.settings) for case in CASES if case.reject is not None]
    met = {(it.op, it.rank, reject.dtype) for reject, it in asked}
    assert len(met) == 2 * 3 * 4
    dtypes: dict[str, set[str]] = {}
    for reject, _ in asked:
        dtypes.setdefault(reject.kind, set()).add(reject.dtype)
    assert dtypes["stride-zero"] == {"float32", "float64", "float16", "bfloat16"}
    assert dtypes["stride-text"] == dtypes["stride-wraps-at-64-bits"] == {"float32"}
    assert {len(each) for each in dtypes.values()} == {1, 4}


def test_a_framework_without_the_dtype_has_nothing_to_refuse() -> None:
    case = next(case for case in CASES if case.reject and case.reject.dtype == "float16")
    absent = Outcome("unsupported", reason="no float16")
    refused = Outcome("raised", reason="ValueError: not implemented")
    assert LAW.assess_at(case, {"call": refused, "valid": absent}, "pytorch").verdict == "unsupported"


def test_no_other_law_judges_them() -> None:
    batch = Batch(_Silent(), CASES[:40], all_laws())
    asked = {found.law.id for case in CASES[:40] for found in batch.verdicts(case, "pytorch")}
    assert asked == {"rejects", "abstract"}


class _Silent:
    def request(self, target: str, probes: object) -> None:
        pass

    def get(self, target: str, probe: object) -> Outcome:
        return Outcome("not-run", reason="nobody is here")


def test_what_is_passed_counts_in_the_content_hash_and_its_kind_does_not() -> None:
    zero, negative = BY_ID["stride-zero-transposed-2d"], BY_ID["stride-negative-transposed-2d"]
    assert zero.settings == negative.settings
    assert zero.digest != negative.digest


def test_every_setting_that_can_be_at_fault_has_words() -> None:
    assert set(WORDS) == set(Fault.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "rank", "expected"),
    [
        ({"each": 0}, 2, [0, 0]),
        ({"each": 2, "more": 1}, 2, [2, 2, 2]),
        ({"each": 2, "more": -1}, 1, []),
        ({"each": 1, "times": 2}, 3, [1] * 6),
        ({"each": [-1, -1]}, 2, [[-1, -1], [-1, -1]]),
        ({"first": 0, "rest": 2}, 3, [0, 2, 2]),
        ([1, 2, {"each": 4}], 2, [1, 2, 4, 4]),
        ({"each": {"two_to": 63, "plus": -1}}, 1, [2**63 - 1]),
        ({"nothing": True}, 1, None),
        ("same", 3, "same"),
    ],
)
def test_values_are_written_out_for_a_rank(value: object, rank: int, expected: object) -> None:
    assert written_out(value, rank) == expected


@pytest.mark.parametrize("value", [{}, {"evry": 0}, {"each": 0, "less": 1}])
def test_a_value_that_says_nothing_known_is_refused(value: object) -> None:
    with pytest.raises(UnknownValue):
        written_out(value, 2)


KIND = """\
about: a
source: b
rejects:
  - id: one
    about: c
    fault: [stride]
    invalid: {stride: 0}
"""


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "invalid: {stride: 0}",
            "invalid: {strid: 0}",
            "7:15: rejects[0].invalid.strid: found an unknown field, accepted",
        ),
        ("[stride]", "[strides]", "6:13: rejects[0].fault[0]: found 'strides', accepted 'stride'"),
        (
            "    invalid: {stride: 0}\n",
            "",
            "4:5: rejects[0]: needs `invalid` or `arrays`",
        ),
        ("{stride: 0}", "{stride: {evry: 0}}", "4:5: rejects[0]: found evry, accepted each"),
        ("{stride: 0}", "{stride: 0}\n    answer: {}", "8:13: rejects[0].answer: `answer` needs `either` or `means`"),
        ("about: c", "about: c\n    base: {groups: 3}", "6:20: rejects[0].base.groups: found 3, accepted a divisor of"),
        ("about: c", "about: c\n    rank: [4]", "6:12: rejects[0].rank[0]: found 4, accepted"),
    ],
    ids=["unknown-setting", "unknown-fault", "nothing-passed", "unknown-value", "answer-alone", "bad-base", "rank"],
)
def test_a_bad_kind_is_refused_with_its_place(tmp_path: Path, old: str, new: str, line: str) -> None:
    path = tmp_path / "rejects.yaml"
    assert old in KIND
    path.write_text(KIND.replace(old, new, 1))
    with pytest.raises(SpecErrors) as caught:
        load_cases([path])
    found = [error.split("rejects.yaml:", 1)[1] for error in caught.value.errors]
    assert any(each.startswith(line) for each in found), found


# the law


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_who_refuses_well_passes(case: Case) -> None:
    assert judged(RefusesWell("eager", "cpu"), case) in ("pass refused", "pass accepted")


@pytest.mark.parametrize("liar", REFUSALS, ids=lambda liar: liar.__name__)
def test_a_liar_is_caught(liar: type[RefusesWell]) -> None:
    backend = liar("eager", "cpu")
    verdicts = Counter(judged(backend, case) for case in CASES)
    broken = {word: count for word, count in verdicts.items() if not word.startswith("pass")}
    assert broken, liar.__doc__
    assert set(broken) <= {"differs accepted", "differs refused, but unclearly"}


CAUGHT = {
    "AcceptsStrideZero": ("stride-zero-forward-1d", "differs accepted"),
    "AcceptsInSpace": ("dilation-zero-transposed-3d", "differs accepted"),
    "WrapsAround32Bits": ("padding-beyond-32-bits-transposed-2d", "differs accepted"),
    "WrapsAround64Bits": ("stride-wraps-at-64-bits-transposed-2d", "differs accepted"),
    "TakesTrueForTwo": ("stride-true-transposed-2d", "differs accepted"),
    "AnswersNoChannelsWithAShape": ("no-channels-to-give-forward-2d", "differs accepted"),
    "IgnoresGroups": ("groups-that-do-not-divide-forward-2d", "differs accepted"),
    "NamesAnotherSetting": ("stride-negative-forward-2d", "differs refused, but unclearly"),
    "BlamesItself": ("stride-zero-transposed-2d", "differs refused, but unclearly"),
    "RunsOutOfMemory": ("stride-beyond-32-bits-transposed-2d", "differs refused, but unclearly"),
    "FailsInside": ("stride-list-empty-transposed-2d", "differs refused, but unclearly"),
}


@pytest.mark.parametrize("name", CAUGHT)
def test_a_liar_is_caught_where_it_lies_and_believed_elsewhere(name: str) -> None:
    backend = next(liar for liar in REFUSALS if liar.__name__ == name)("eager", "cpu")
    case, expected = CAUGHT[name]
    assert judged(backend, BY_ID[case]) == expected
    assert judged(backend, BY_ID["kernel-without-taps-transposed-2d"]) == "pass refused"


def test_two_dimensions_do_not_speak_for_three() -> None:
    backend = next(liar for liar in REFUSALS if liar.__name__ == "AcceptsInSpace")("eager", "cpu")
    assert judged(backend, BY_ID["dilation-zero-transposed-2d"]) == "pass refused"


@pytest.mark.parametrize("liar", FATAL_REFUSALS, ids=lambda liar: liar.__name__)
def test_a_call_that_ends_or_never_does_is_an_error_and_costs_itself_alone(liar: type[RefusesWell]) -> None:
    name, entry = register_external(f"tests.suite.laws.lies_of_refusal:{liar.__name__}", ROOT)
    wanted = ("stride-zero-forward-1d", "kernel-without-taps-forward-1d", "dilation-zero-forward-1d")
    cases = [BY_ID[each] for each in wanted]
    with Pool([parse_target(name, {name: entry})], 1.0, backends={name: entry}) as pool:
        outcomes = pool.submit(name, [LAW.probes(case)["call"] for case in cases]).result(600)
    words = [LAW.assess(case, {"call": it}) for case, it in zip(cases, outcomes, strict=True)]
    ended = "crashed" if liar.__name__.startswith("Crashes") else "timed-out"
    assert Counter(it.verdict for it in words) == {"pass": 2, "error": 1}
    assert [it.message.startswith(f"{ended}: ") for it in words if it.verdict == "error"] == [True]


@pytest.mark.parametrize(
    ("reason", "clear"),
    [
        ("RuntimeError: non-positive stride is not supported", True),
        ("ValueError: `strides` must be positive. Received: (0, 0)", True),
        ("InvalidArgumentError: {{function_node __wrapped__Conv2D_strides}} bad [Op:Conv2D]", False),
        ("StrideError: it is wrong", False),
        ("RuntimeError: INTERNAL ASSERT FAILED, stride", False),
        ("InternalError: stride", False),
        ("ZeroDivisionError: stride", False),
        ("XlaRuntimeError: INTERNAL: strides", False),
        ("XlaRuntimeError: INVALID_ARGUMENT: strides", True),
        ("ValueError: dilation must be positive", False),
        ("RuntimeError: stride too large: allocate memory failed", False),
    ],
)
def test_a_clear_refusal_names_the_setting_and_does_not_blame_the_system(reason: str, clear: bool) -> None:
    assert is_clear(reason, ("stride",)) is clear
    expected = ("pass", f"refused: {reason}") if clear else ("differs", f"refused, but unclearly: {reason}")
    assert seen(Outcome("raised", reason=reason)) == expected


def test_an_answer_is_told_with_its_shape_and_first_numbers() -> None:
    y = RefusesWell("eager", "cpu").call(plain(BY_ID["stride-zero-forward-1d"]))
    verdict, message = seen(Outcome("value", value=y), "stride-zero-forward-1d")
    assert verdict == "differs"
    assert message.startswith(f"accepted: shape {y.shape}, first numbers {y.flat[0]:g}")


def test_who_has_no_such_argument_is_unsupported_and_who_was_not_asked_not_run() -> None:
    assert seen(Outcome("unsupported", reason="no strides")) == ("unsupported", "no strides")
    assert seen(Outcome("not-run", reason="gone"))[0] == "not-run"


def test_where_a_meaning_is_documented_an_answer_is_due() -> None:
    case = "padding-negative-pairs-transposed-2d"
    y = RefusesWell("eager", "cpu").call(plain(BY_ID[case]))
    refused = Outcome("raised", reason="ValueError: negative padding")
    assert seen(Outcome("value", value=y), case, "jax")[0] == "pass"
    assert seen(Outcome("value", value=y), case, "jax/eager@cuda:0#before")[0] == "pass"
    assert seen(Outcome("value", value=y), case, "pytorch")[0] == "differs"
    assert seen(refused, case, "pytorch")[0] == "pass"
    verdict, message = seen(refused, case, "jax")
    assert verdict == "differs"
    assert message.startswith("refused, although it means something there: ")


def test_where_both_are_right_the_answer_is_still_judged() -> None:
    case = BY_ID["stride-integral-float-transposed-2d"]
    y = RefusesWell("eager", "cpu").call(plain(case))
    assert seen(Outcome("value", value=y), case.id)[0] == "pass"
    assert seen(Outcome("raised", reason="TypeError: stride must be int"), case.id)[0] == "pass"
    verdict, message = seen(Outcome("value", value=y + 1), case.id)
    assert verdict == "differs"
    assert ", but should be shape " in message
