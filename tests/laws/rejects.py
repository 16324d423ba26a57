"""The law of refusals: settings that mean nothing are refused, and in words that say which setting it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from convt.adapter.backend import Outcome, Probe, Want
from convt.cases.case import Case
from convt.cases.rejects import Reject
from convt.laws.comparison import number
from convt.laws.law import Finding, Law, Verdict
from convt.laws.probes import ask, cast, valued
from convt.results.finding import ended, unanswered
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


class OfInvalidCalls(Law):
    """Of settings that mean nothing, in the default mode alone."""

    draws = False

    def applies(self, case: Case) -> bool:
        return case.reject is not None

    def on(self, target: str) -> bool:
        return not Target.of(target).mode  # the default mode goes without saying


class Rejects(OfInvalidCalls):
    """A setting that means nothing is refused with an error that names it; no answer, no crash, no fault of the system.

    Where a framework documents a meaning, that is due instead. Asked in the default mode alone: what compiles, or runs
    in other surroundings, wraps the same refusals in words of its own. Budget: one call.
    """

    id = "rejects"
    source = "section 9; specs/rejects.yaml"

    def probes(self, case: Case) -> dict[str, Probe]:
        return reject_probes(case)

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        return self.assess_at(case, got, "")

    def assess_at(self, case: Case, got: Mapping[str, Outcome], target: str) -> Finding:
        """The verdict on whatever came back; only there are refusals right."""
        reject, outcome = _reject(case), got["call"]
        if "valid" in got and got["valid"].kind != "value":
            return without_dtype(got["valid"])
        means = reject.meaning(Target.of(target).backend)
        if outcome.kind == "not-run":
            return unanswered("not-run", "call", outcome.kind, outcome.reason)
        if outcome.kind == "unsupported":
            return unanswered("unsupported", "call", outcome.kind, outcome.reason, "")
        if outcome.kind in ("crashed", "timed-out"):
            return unanswered("error", "call", outcome.kind, outcome.reason, "")
        if outcome.kind == "raised":
            return _refused(reject, outcome.reason, means)
        return _accepted(case, outcome, means)


def without_dtype(valid: Outcome) -> Finding:
    """The finding where the valid operation has no value in the case's dtype."""
    verdict: Verdict = "not-run" if valid.kind == "not-run" else "unsupported"
    return unanswered(verdict, "valid", "unsupported" if verdict == "unsupported" else valid.kind, valid.reason, "")


def reject_probes(case: Case) -> dict[str, Probe]:
    """The call of settings that mean nothing."""
    reject = _reject(case)
    return {"call": invalid_probe(case)} | ({} if reject.dtype == "float32" else {"valid": _valid(case)})


def invalid_probe(case: Case, want: Want = "value") -> Probe:
    """The call of settings that mean nothing, or its shape alone."""
    reject = _reject(case)
    arrays = reject.passed(case.data())
    return Probe(
        case.settings,
        arrays.x,
        arrays.w,
        arrays.b,
        want=want,
        invalid=reject.invalid,
        seconds=reject.seconds,
        may_end=bool(reject.ends),
    )


def _valid(case: Case) -> Probe:
    """The valid operation in the case's dtype: a framework without that dtype has nothing to refuse."""
    return ask(case.settings, cast(case.data(), _reject(case).dtype))


def _reject(case: Case) -> Reject:
    """What is wrong with the settings of a case that is there to be refused."""
    if case.reject is None:
        raise ValueError(f"{case.id} has settings that mean something")
    return case.reject


def is_clear(reason: str, fault: tuple[str, ...]) -> bool:
    """Whether an exception, `Class: message`, is about one of the settings at fault, and not about the system."""
    if BLAMES_THE_SYSTEM.search(reason):
        return False
    message = NAMES_EVERYTHING.sub(" ", reason.partition(":")[2])
    return any(re.search(WORDS[name], message, re.IGNORECASE) for name in fault)


def _refused(reject: Reject, reason: str, means: str) -> Finding:
    clear = is_clear(reason, reject.fault)
    verdict: Verdict = "pass" if clear and not means else "differs"
    return Finding(
        verdict, "refusal", "call", outcome="raised", exception=ended("raised", reason), words=reason,
        note=means if clear else "",
    )  # fmt: skip


def _accepted(case: Case, outcome: Outcome, means: str) -> Finding:
    """The judgement on an answer: right where it has a meaning, and is what that means."""
    reject, actual = _reject(case), valued(outcome)
    says = Finding(
        "differs", "accepted", "call", got=actual.shape, first=_first(actual), dtype=str(actual.dtype),
        outcome="value", actual=actual,
    )  # fmt: skip
    if not reject.either and not means:
        return says
    if reject.answer is not None:
        expected = reject.answer.numbers(reject.passed(case.data()))
        if actual.shape != expected.shape or not np.array_equal(actual.astype(expected.dtype), expected):
            return replace(says, due=expected.shape, first_due=_first(expected), expected=expected)
    return replace(says, verdict="pass", note=means or reject.either, actual=None)


def _first(array: np.ndarray) -> tuple[int | float | complex, ...]:
    """The first numbers of an answer."""
    return tuple(number(each) for each in array.ravel()[:3])
