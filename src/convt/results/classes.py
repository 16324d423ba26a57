"""What became of one verdict: the class of a pair (before, after), in the precedence that docs/comparing.md tells.

Every pair falls into exactly one class. The verdict speaks first (pass, failing, unsupported, silent), then what came
back (a value or a refusal, its shape and dtype), then its numbers, and last its bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from convt.results.directions import CLAIMS, INVALID
from convt.results.finding import failure_class, numbers_of
from convt.results.records import VerdictRecord
from convt.results.refusals import refused_otherwise
from convt.results.sentences import finding_of
from convt.results.vocabulary import FAILING

GROWN_ABOVE, GROWN_TIMES = 0.5, 2.0
"""A pass has drifted where it uses more than this fraction of its bound, and at least this many times what it did.

Measured on the verified releases: of 4,720 ordered pairs of targets whose bits differ on one case, none does that,
although the two are different frameworks; a third of the bound would be 27 pairs, one tenth 108.
"""

ROUNDING = 2.0
"""Bounds by which two honest roundings of one wrong value may be apart: each is within one bound of it."""

CHANCE_LAWS = ("determinism",)
"""A law that fails because two answers to one question differ has other numbers each time."""


def standing(record: VerdictRecord | None) -> str:
    """`pass`, `failing` (known or not), `unsupported`, or `silent`: not executed, or without an answer."""
    if record is None or record.verdict == "not-run":
        return "silent"
    return "failing" if record.verdict in FAILING else record.verdict


def classify(
    before: VerdictRecord | None, after: VerdictRecord | None, by_chance: bool = False
) -> tuple[str, str] | None:
    """(class, what changed in words) of one case, law and target; None where both are silent.

    `by_chance`: what a known difference says to come and go by itself explains one of the two, so that the verdict and
    its numbers tell nothing; the caller counts such pairs apart where the verdicts differ.
    """
    was, is_ = standing(before), standing(after)
    chance = _unsteady(before, after)
    if chance:
        return "unsteady", chance
    refused = _claimed(before, after) or ("" if by_chance else refused_otherwise(before, after))
    if refused:
        return "accept-refuse", refused
    if before is None or after is None or was != is_:
        return _moved(was, is_, after)
    if was == "silent":
        return None
    if was == "pass":
        return _two_passes(before, after)
    if was == "failing":
        return _two_failures(before, after, by_chance or before.law in CHANCE_LAWS)
    return "unchanged", ""


def _unsteady(before: VerdictRecord | None, after: VerdictRecord | None) -> str:
    """Which side answers otherwise when it is asked again, and what; empty where neither does."""
    sides = {"before": before, "after": after}
    return "; ".join(f"unsteady {name}: {it.unsteady}" for name, it in sides.items() if it is not None and it.unsteady)


def _claimed(before: VerdictRecord | None, after: VerdictRecord | None) -> str:
    """How what an adapter says that its framework cannot do has become possible, or impossible; empty where neither."""
    if before is None or after is None or {before.law, after.law} != {CLAIMS}:
        return ""
    pair = [it.verdict == "pass" or finding_of(it).kind == "claim" for it in (before, after)]
    if not all(pair) or before.verdict == after.verdict:
        return ""
    words = ("cannot be said before; computed after", "computed before; cannot be said after")
    return words[after.verdict == "pass"]


def _moved(was: str, is_: str, after: VerdictRecord | None) -> tuple[str, str] | None:
    """The class where the standing itself changed."""
    if is_ == "silent":
        return None if was == "silent" else ("gone", f"{_told(was)}; no answer after")
    if is_ == "failing":
        explained = f", as the known difference {after.known} says" if after and after.known else ""
        kind = "regressed" if was == "pass" else "newly-failing"
        return kind, f"{_told(was)}; fails after{explained}"
    if was == "silent":
        return "new", f"no answer before; {'passes' if is_ == 'pass' else 'unsupported'} after"
    if is_ == "unsupported":
        return "now-unsupported", f"{_told(was)}; unsupported after"
    return ("fixed", "failed before; passes after") if was == "failing" else (
        "accept-refuse", "unsupported before; accepted after, and the law holds")  # fmt: skip


def _told(was: str) -> str:
    words = {"pass": "passed before", "failing": "failed before", "unsupported": "unsupported before"}
    return words.get(was, "no answer before")


def _two_passes(before: VerdictRecord, after: VerdictRecord) -> tuple[str, str]:
    refused = _refusals(before, after)
    if refused:
        return "accept-refuse", refused
    if after.law == INVALID:  # what means nothing has no right numbers
        return "unchanged", ""
    formed = _form(before, after)
    if formed:
        return "result-type", formed
    if has_grown(before.used, after.used):
        return "drifted", f"used {before.used:.3g} of the error bound before, {after.used:.3g} after"
    return _bits(before, after)


def _two_failures(before: VerdictRecord, after: VerdictRecord, by_chance: bool) -> tuple[str, str]:
    if before.verdict != after.verdict:
        return "fails-differently", f"{before.verdict} before; {after.verdict} after"
    refused = _refusals(before, after)
    if refused:
        return "fails-differently", refused
    was, is_ = message_class(before), message_class(after)
    if was != is_:
        return "fails-differently", f"{was} before; {is_} after"
    if after.law == INVALID:
        return "unchanged", ""
    formed = _form(before, after)
    if formed:
        return "result-type", formed
    if not by_chance and has_moved(before, after):
        return "drifted", "fails as before, with other numbers"
    return _bits(before, after)


def _refusals(before: VerdictRecord, after: VerdictRecord) -> str:
    """How the outcome changed, where one of the two is a value or a clean refusal and the other is not."""
    pair = (before.outcome, after.outcome)
    if "" in pair or "not-run" in pair or pair[0] == pair[1] or set(pair) == {"raised", "unsupported"}:
        return ""
    return f"{pair[0]} before; {pair[1]} after"


def _form(before: VerdictRecord, after: VerdictRecord) -> str:
    """How shape or dtype of the result changed, where both sides tell it."""
    forms = {"dtype": (before.dtype, after.dtype), "shape": (_tuple(before.shape), _tuple(after.shape))}
    return ", ".join(f"{kind} {forms[kind][0]} before; {forms[kind][1]} after" for kind in _form_kinds(before, after))


def _form_kinds(before: VerdictRecord, after: VerdictRecord) -> tuple[str, ...]:
    """Which of dtype and shape changed, where both sides tell it."""
    dtype = bool(before.dtype and after.dtype) and before.dtype != after.dtype
    shape = None not in (before.shape, after.shape) and _tuple(before.shape) != _tuple(after.shape)
    return ("dtype",) * dtype + ("shape",) * shape


def _tuple(shape: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if shape is None else tuple(shape)


def differs_in(kind: str, before: VerdictRecord | None, after: VerdictRecord | None) -> tuple[str, ...]:
    """How the answers of a pair of this class differ, in kinds of `KINDS`; none where the class is about more, or less,
    than two answers to one probe."""
    if before is None or after is None:
        return ()
    if kind == "result-type":
        return _form_kinds(before, after)
    if kind == "fails-differently":
        return ("outcome",) if before.verdict != after.verdict or _refusals(before, after) else ("message",)
    of_class = {"accept-refuse": "outcome", "drifted": "value", "unsteady": "unsteady", "bits": "bits"}
    return (of_class[kind],) if kind in of_class else ()


def _bits(before: VerdictRecord, after: VerdictRecord) -> tuple[str, str]:
    if before.bits and after.bits and before.bits != after.bits:
        return "bits", "other bits"
    return "unchanged", ""


def has_grown(before: float | None, after: float | None) -> bool:
    """Whether a pass uses so much more of its error bound that it has drifted."""
    if before is None or after is None:
        return False
    return after > GROWN_ABOVE and after >= GROWN_TIMES * before


def has_moved(before: VerdictRecord, after: VerdictRecord) -> bool:
    """Whether two failures of one class show other numbers.

    On real data by the fraction of the bound: further apart than two honest roundings of one wrong value can be, and by
    more than a hundredth. Elsewhere by the place and the numbers there, and by the bits where the finding is about
    elements: whole numbers have the same bits in any order of summation.
    """
    if before.verdict != "differs":
        return False
    if before.used is not None and after.used is not None:
        apart, most = abs(after.used - before.used), max(before.used, after.used)
        return before.used != after.used and (math.isinf(most) or apart > max(ROUNDING, 0.01 * most))
    was, is_ = finding_of(before), finding_of(after)
    if was.kind == "refusal" and not was.other:
        return False
    if was.kind == "value" and was.index and before.bits and after.bits:
        return before.bits != after.bits
    return numbers_of(was) != numbers_of(is_)


def message_class(record: VerdictRecord) -> str:
    """What kind of failure a record tells, without its numbers: `failure_class` of its finding."""
    return failure_class(finding_of(record))
