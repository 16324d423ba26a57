"""Which of two answers is the better one: one order of what a target may do, by what the law accepts.

The table of docs/comparing.md is made of `QUALITIES`; a comparison's exit status and its headline rest on `direction`.
"""

from __future__ import annotations

import math
import re
from typing import Literal

from convt.results.records import VerdictRecord
from convt.results.sentences import finding_of

Direction = Literal["better", "worse", ""]
Quality = Literal["right", "imprecise", "cannot", "unclear", "wrong", "ends"]

QUALITIES: dict[Quality, str] = {
    "right": "what the law accepts; also a call that computes what the adapter says it cannot",
    "imprecise": "right but for more rounding than is promised; other bits of equal numbers; a call that is too slow",
    "cannot": "the framework's call cannot say it, or refuses it as its documentation says",
    "unclear": "an invalid call is refused in words that name no setting",
    "wrong": "wrong numbers, another shape or dtype, an invalid call that is answered, a valid one that raises",
    "ends": "the process ends, or does not come back, or there is no memory for it; it answers otherwise when it is"
    " asked again",
}
"""What a target may do, the best first, with what it means."""
RANK = {quality: place for place, quality in enumerate(QUALITIES)}

NEARER = 2.0
"""Wrong numbers came nearer to the right ones, or went away from them, where this many times less, or more, of the
error bound is used."""
ROUNDED = 64.0
"""Up to so many error bounds away, numbers are rounded too much and not wrong: six bits of the significand."""
INVALID = "rejects"
"""The law about calls that mean nothing. Of these only the end of a process is worse: whether they are accepted or
refused, and in which words, is told."""
CLAIMS = "support"
"""The law that holds where the target cannot do what its adapter says it cannot."""
BEYOND = re.compile(r"-(32|64)-bits\b|^stride-past-the-input\b")
"""In the names of calls with numbers about or beyond 32 bits (`specs/rejects.yaml`), which make nothing worse: no layer
has one. By name, since not every run file tells what was passed."""

_OF_KINDS: dict[str, Quality] = {
    "claim": "right", "bits": "imprecise", "slow": "imprecise", "refusal": "unclear", "memory": "ends",
}  # fmt: skip


def quality(record: VerdictRecord | None) -> Quality | None:
    """What a target did; None where it was not asked, gave no answer, or the suite itself is wrong."""
    if record is None or record.verdict in ("not-run", "suite-bug"):
        return None
    if record.outcome in ("crashed", "timed-out") or record.unsteady:
        return "ends"
    if record.verdict == "pass":
        return "cannot" if record.law == CLAIMS else "right"
    if record.verdict == "unsupported":
        return "cannot"
    finding = finding_of(record)
    if finding.outcome in ("crashed", "timed-out"):
        return "ends"
    if finding.kind == "refusal" and finding.other:  # refused by one and taken by the other
        return "wrong"
    if finding.kind == "value" and record.used is not None and record.used <= ROUNDED:
        return "imprecise"
    return _OF_KINDS.get(finding.kind, "wrong")


def direction(before: VerdictRecord | None, after: VerdictRecord | None) -> Direction:
    """Whether the answer after is better or worse than the one before; neither where they are as good as each other, or
    where one of the two is missing."""
    was, is_ = quality(before), quality(after)
    if was is None or is_ is None or before is None or after is None:
        return ""
    if after.law == INVALID:
        answered = _answered(before, after) and _answered(after, before)
        return "" if answered else _of_invalid(was, is_, after.case)
    if after.law == CLAIMS and is_ == "cannot":
        return ""  # it computed what no words of it mean, or by chance
    if was != is_:
        return "better" if RANK[is_] < RANK[was] else "worse"
    if was in ("wrong", "imprecise"):
        return _by_distance(before, after)
    return ""


def _answered(record: VerdictRecord, other: VerdictRecord) -> bool:
    """Whether an invalid call was answered and not refused, as far as one can tell.

    A released version's file does not say how a call ended that passes: where the other side's answer is held against a
    right one, this side may have given that.
    """
    if record.outcome:
        return record.outcome == "value"
    found = finding_of(other if record.verdict == "pass" else record)
    return found.kind == "accepted" and (record.verdict != "pass" or found.due is not None)


def _of_invalid(was: Quality, is_: Quality, case: str) -> Direction:
    if RANK[is_] < RANK[was]:
        return "better"
    return "worse" if is_ == "ends" != was and not BEYOND.search(case) else ""


def _by_distance(before: VerdictRecord, after: VerdictRecord) -> Direction:
    """By how far wrong numbers are from the right ones, where both sides tell it of one result: both are held against
    one bound, since a bound follows from what was asked."""
    was, is_ = before.used, after.used
    forms = ((before.shape, after.shape), (before.dtype, after.dtype))
    if was is None or is_ is None or any(a and b and tuple(a) != tuple(b) for a, b in forms):
        return ""
    if math.isfinite(is_) and is_ * NEARER <= was:
        return "better"
    return "worse" if math.isfinite(was) and was * NEARER <= is_ else ""
