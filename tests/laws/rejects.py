"""The law of refusals: settings that mean nothing are refused, and in words that say which setting it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.cases.rejects import Reject
from convt.laws.law import Judgement, Law
from convt.results.targets import Target

WORDS = {
    "stride": r"strid",
    "dilation": r"dilat",
    "padding": r"\bpads?\b|padding|auto_?pad|\bcrop",
    "output_padding": r"output[ _]?pad|outputpad",
    "output_size": r"output[ _]?(size|shape|dim)|out_backprop|output of size",
    "groups": r"\bgroups?\b|group_count|batch_group",
    "channels": r"channel|filters\b|feature|\bdepth|in_depth",
    "kernel": r"kernel|filter|weight|window|\brhs\b|\bW\b",
    "bias": r"bias|\bB\b|weight shape",
    "rank": r"\brank|\bn?dims?\b|dimension|\bshape|\bax[ei]s\b|\b[1-5]-?[dD]\b|spatial",
    "dtype": r"d?type|precision|\b(u?int|float|double|half|bool|complex)\d*\b|integer|Float|Double",
    "size": r"\b(size|shape|dimension|extent|element)s?\b|overflow",
    "input": r"input|\blhs\b|\bx\b",
    "data_format": r"data_?format|dimension_numbers|layout",
}  # fmt: skip
"""What a clear refusal says of each setting, one of them in some framework's words."""

BLAMES_THE_SYSTEM = re.compile(
    r"^(InternalError|UnknownError|AbortedError|ResourceExhaustedError|AssertionError|MemoryError|SystemError"
    r"|NotImplementedError|RecursionError|IndexError|AttributeError|KeyError|ZeroDivisionError|UnboundLocalError"
    r"|NotImplemented|EngineError)\b"
    r"|^\w*RuntimeError: INTERNAL|INTERNAL ASSERT|please report a bug|Check failed|RET_CHECK|bad_alloc"
    r"|allocate memory|out of memory|Out of memory|could not (create|execute) a primitive"
)
"""What says that the framework failed: a class, or words, for a fault of its own and not of the setting."""

NAMES_EVERYTHING = re.compile(
    r"\{\{.*?\}\}|\[Op:.*?\]|node_\w+|running \w+ node|/device:\S+|Exception encountered when calling \S+"
    r"|Arguments received by .*|Arguments: .*"
)
"""What an error says of the place where it was raised, whatever was wrong."""


class Rejects(Law):
    """A setting that means nothing is refused with an error that names it; no answer, no crash, no fault of the system.

    Where a framework documents a meaning, that is due instead. Asked in the default mode alone: what compiles, or runs
    in other surroundings, wraps the same refusals in words of its own. Budget: one call.
    """

    id = "rejects"
    source = "section 9; specs/rejects.yaml"
    draws = False

    def applies(self, case: Case) -> bool:
        return case.reject is not None

    def on(self, target: str) -> bool:
        return not Target.of(target).mode  # the default mode goes without saying

    def probes(self, case: Case) -> dict[str, Probe]:
        return reject_probes(case)

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Judgement:
        return self.assess_at(case, got, "")

    def assess_at(self, case: Case, got: Mapping[str, Outcome], target: str) -> Judgement:
        """The verdict on whatever came back; only there are refusals right."""
        assert case.reject is not None
        outcome, means = got["call"], case.reject.meaning(Target.of(target).backend)
        if outcome.kind == "not-run":
            return Judgement("not-run", f"call: {outcome.reason}")
        if outcome.kind == "unsupported":
            return Judgement("unsupported", outcome.reason)
        if outcome.kind in ("crashed", "timed-out"):
            return Judgement("error", f"{outcome.kind}: {outcome.reason}")
        if outcome.kind == "raised":
            return _refused(case.reject, outcome.reason, means)
        return _accepted(case, outcome, means)


def reject_probes(case: Case) -> dict[str, Probe]:
    """The call of settings that mean nothing."""
    assert case.reject is not None
    arrays = case.reject.passed(case.data())
    return {"call": Probe(case.settings, arrays.x, arrays.w, arrays.b, invalid=case.reject.invalid)}


def is_clear(reason: str, fault: tuple[str, ...]) -> bool:
    """Whether an exception, `Class: message`, is about one of the settings at fault, and not about the system."""
    if BLAMES_THE_SYSTEM.search(reason):
        return False
    message = NAMES_EVERYTHING.sub(" ", reason.partition(":")[2])
    return any(re.search(WORDS[name], message, re.IGNORECASE) for name in fault)


def _refused(reject: Reject, reason: str, means: str) -> Judgement:
    if not is_clear(reason, reject.fault):
        return Judgement("differs", f"refused, but unclearly: {reason}")
    if means:
        return Judgement("differs", f"refused, although it means something there: {means}\n{reason}")
    return Judgement("pass", f"refused: {reason}")


def _accepted(case: Case, outcome: Outcome, means: str) -> Judgement:
    """The judgement on an answer: right where it has a meaning, and is what that means."""
    reject, actual = case.reject, outcome.value
    assert reject is not None
    assert actual is not None
    says = f"accepted: {_told(actual)}"
    if not reject.either and not means:
        return Judgement("differs", says, actual=actual)
    if reject.answer is not None:
        expected = reject.answer.numbers(reject.passed(case.data()))
        if actual.shape != expected.shape or not np.array_equal(actual.astype(expected.dtype), expected):
            return Judgement("differs", f"{says}, but should be {_told(expected)}", expected, actual)
    return Judgement("pass", f"{says}; {means or reject.either}")


def _told(array: np.ndarray) -> str:
    """The shape and the first numbers of an answer."""
    first = ", ".join(f"{number:.6g}" for number in array.ravel()[:3])
    return f"shape {tuple(array.shape)}" + (f", first numbers {first}" if first else "")
