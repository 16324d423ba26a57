"""What became of one verdict: the class of a pair (before, after), in the precedence that docs/comparing.md tells.

Every pair falls into exactly one class. The verdict speaks first (pass, failing, unsupported, silent), then what came
back (a value or a refusal, its shape and dtype), then its numbers, and last its bits.
"""

from __future__ import annotations

import math
import re

from convt.results.records import VerdictRecord
from convt.results.refusals import refused_otherwise

CLASSES = (
    "regressed", "newly-failing", "fails-differently", "accept-refuse", "result-type", "drifted", "now-unsupported",
    "gone", "new-warning", "slower", "fixed", "new", "bits", "unchanged",
)  # fmt: skip
"""In the order in which they are told, what matters most first."""

WORSE = frozenset(CLASSES[:8])
"""What makes a comparison worse; of some, `Change.worse` says which do. A new warning and lost speed are told, and
count where they are asked to."""

MEANINGS = {
    "regressed": "passed before, and fails after",
    "newly-failing": "fails after, and had no answer before",
    "fails-differently": "failed before, and fails in another way after",
    "accept-refuse": "a value where it was refused, or refused where there was a value",
    "result-type": "another shape or dtype of the result",
    "drifted": "fails as before with other numbers, or passes with much more of the error bound used",
    "now-unsupported": "had an answer before, and cannot be asked after",
    "gone": "was asked before, and has no answer after",
    "new-warning": "a warning that was not given before",
    "slower": "the framework's calls take longer, side by side in one run",
    "fixed": "failed before, and passes after",
    "new": "was not asked before, and does not fail",
    "bits": "other bits of the answers, of which the law says the same",
    "unchanged": "the same",
}

FAILING = ("differs", "error", "suite-bug")

GROWN_ABOVE, GROWN_TIMES = 0.5, 2.0
"""A pass has drifted where it uses more than this fraction of its bound, and at least this many times what it did.

Measured on the verified releases: of 4,720 ordered pairs of targets whose bits differ on one case, none does that,
although the two are different frameworks; a third of the bound would be 27 pairs, one tenth 108.
"""

ROUNDING = 2.0
"""Bounds by which two honest roundings of one wrong value may be apart: each is within one bound of it."""

CHANCE_LAWS = ("determinism",)
"""A law that fails because two answers to one question differ has other numbers each time."""

_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:,\d+)*(?:\.\d+)?(?:e[-+]?\d+)?|nan\b|inf\b)", re.IGNORECASE)
_SERIES = re.compile(r"#(?:,\s*#)+(?:,(?=\)))?|#,(?=\))")
_PEER = re.compile(r"\s*\[across targets, with [^\]]*\]\s*$", re.MULTILINE)
_ENDED = re.compile(r"(?:^|: )(raised|crashed|timed-out): ([\w.]*)")
_UNCLEAR = re.compile(r"^refused, but unclearly: [\w.]+")
_ELEMENT = re.compile(r"^[^=\n]*\[[\d,]*\]=")


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
    refused = "" if by_chance else refused_otherwise(before, after)
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
    parts = []
    if before.dtype and after.dtype and before.dtype != after.dtype:
        parts.append(f"dtype {before.dtype} before; {after.dtype} after")
    if before.shape is not None and after.shape is not None and tuple(before.shape) != tuple(after.shape):
        parts.append(f"shape {tuple(before.shape)} before; {tuple(after.shape)} after")
    return ", ".join(parts)


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
    more than a hundredth. Elsewhere by the message, and by the bits where the message is about elements: whole numbers
    have the same bits in any order of summation.
    """
    if before.verdict != "differs":
        return False
    if before.used is not None and after.used is not None:
        apart, most = abs(after.used - before.used), max(before.used, after.used)
        return before.used != after.used and (math.isinf(most) or apart > max(ROUNDING, 0.01 * most))
    was, is_ = _PEER.sub("", before.message), _PEER.sub("", after.message)
    if _UNCLEAR.match(was):
        return False
    if _ELEMENT.match(was) and before.bits and after.bits:
        return before.bits != after.bits
    return was != is_


def is_nearer(before: VerdictRecord | None, after: VerdictRecord | None) -> bool:
    """Whether a failure shows numbers on both sides, and those after are at most half as far from the right ones.

    Both are held against one bound, since a bound follows from what was asked.
    """
    if before is None or after is None or (before.verdict, after.verdict) != ("differs", "differs"):
        return False
    if before.used is None or after.used is None or _form(before, after):
        return False
    return math.isfinite(after.used) and after.used * GROWN_TIMES <= before.used


def message_class(record: VerdictRecord) -> str:
    """What kind of failure a message tells, without its numbers.

    An error, or an unclear refusal, is known by how it ended and by the exception's type or the signal, since releases
    reword their messages; other failures by their words, without the second line, which counts.
    """
    unclear = _UNCLEAR.match(record.message)
    if unclear:
        return unclear[0]
    ended = _ENDED.search(record.message.partition("\n")[0]) if record.verdict == "error" else None
    if ended:
        return ended[1] if ended[1] == "timed-out" else f"{ended[1]} {ended[2]}".strip()
    first, *rest = _PEER.sub("", record.message).splitlines() or [""]
    return " / ".join(_wordy(line) for line in (first, *rest[1:]))


def _wordy(line: str) -> str:
    return _SERIES.sub("#", _NUMBER.sub("#", line)).strip()
