"""A judgement as data: what kind of failure it is, which evaluation went wrong, and by how much.

`sentence` is the one place that puts a finding into words. Nothing reads these words back: who wants to know what kind
of failure it is, which probe it is about or what the framework said, reads the fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from convt.results.kinds import KINDS
from convt.results.vocabulary import Verdict

FindingKind = Literal[
    "value", "bits", "shape", "abstract-shape", "dtype", "outcome", "refusal", "accepted", "claim", "footprint",
    "slow", "memory",
    "unsupported", "not-run", "suite",
]  # fmt: skip
"""Those of `convt.results.kinds.KINDS` that a finding may be of."""
FINDING_KINDS: tuple[FindingKind, ...] = get_args(FindingKind)

Cause = Literal[
    "mirrored-crop", "sums-in-float16", "sums-in-bfloat16", "x-in-bfloat16", "w-in-bfloat16", "x-in-float16",
    "w-in-float16",
]  # fmt: skip
CAUSES: dict[Cause, str] = {
    "mirrored-crop": "it is the mirrored crop: the larger half is cut off at the beginning",
    "sums-in-float16": "within the bound of sums that are rounded to float16 at every step",
    "sums-in-bfloat16": "within the bound of sums that are rounded to bfloat16 at every step",
    "x-in-bfloat16": "these are the numbers of x rounded to bfloat16",
    "w-in-bfloat16": "these are the numbers of w rounded to bfloat16",
    "x-in-float16": "these are the numbers of x rounded to float16, or TF32 (11 significant bits both)",
    "w-in-float16": "these are the numbers of w rounded to float16, or TF32 (11 significant bits both)",
}
"""What would make exactly such numbers, where a law tried it and found it to be so."""

ENDS = {"value": "accepts it", "raised": "refuses it", "crashed": "crashes", "timed-out": "hangs"}
"""What the other target does, by its outcome."""

_EQUAL_NUMBERS = "other bits of equal numbers"
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:,\d+)*(?:\.\d+)?(?:e[-+]?\d+)?|nan\b|inf\b)", re.IGNORECASE)
_SERIES = re.compile(r"#(?:,\s*#)+(?:,(?=\)))?|#,(?=\))")
_ENDED = re.compile(r"([\w.]+)(?=[:;]|$)")


@dataclass(frozen=True)
class Finding:
    """A law's verdict on one case and target, with what a person needs to check it. A pass says nothing else."""

    verdict: Verdict
    kind: FindingKind | Literal[""] = ""
    probe: str = ""
    """The evaluation that went wrong, by the law's own name for it."""
    what: str | None = None
    """What was compared, as the words begin with it; None where it goes by the probe's name."""
    index: tuple[int, ...] = ()
    """The place of the first wrong number; empty where it is not about one."""
    got: Any = None
    """What stands there: a number, a shape or a dtype; of settings that mean nothing, the answer's shape."""
    due: Any = None
    """What belongs there."""
    against: str = ""
    """What `due` is, where that is not clear."""
    first: tuple[Any, ...] = ()
    """Of an answer to settings that mean nothing, the first numbers."""
    first_due: tuple[Any, ...] = ()
    dtype: str = ""
    """The dtype of that answer."""
    differing: int | None = None
    of: int | None = None
    """So many numbers differ, of so many."""
    outside: int | None = None
    """So many of them where nothing should be changed at all."""
    not_finite: int = 0
    """The differences that are no finite number; then there is no largest one."""
    largest: float | None = None
    ulps: float | None = None
    """The largest difference, plain and in units in the last place."""
    used: float | None = None
    """The largest fraction of the error bound that was used, where the law has one; of a pass too."""
    why: str = ""
    """What the bound rests on."""
    ratio: float | None = None
    """How many times as long a call takes as the one that it is timed beside: the smaller of medians' and minima's."""
    factor: float | None = None
    """The largest ratio that is accepted."""
    medians: tuple[float, ...] = ()
    """Median seconds of the call, and of the one beside it."""
    cause: Cause | Literal[""] = ""
    """One of CAUSES."""
    outcome: str = ""
    """How the call ended, where that is the matter: raised, crashed, timed-out, unsupported, not-run, value."""
    other: str = ""
    """How it ended on the target that this one is compared with."""
    exception: str = ""
    """The class of the exception, or the signal that ended the process."""
    words: str = ""
    """The framework's own words, or the adapter's for what is unsupported."""
    note: str = ""
    """A word of the suite's own: a documented meaning, or what is wrong with the suite."""
    lines: tuple[str, ...] = ()
    """More to tell, a line each."""
    peer: str = ""
    """The target on the other side of a comparison of two."""
    expected: np.ndarray | None = field(default=None, compare=False, repr=False)
    actual: np.ndarray | None = field(default=None, compare=False, repr=False)

    @cached_property
    def message(self) -> str:
        """The finding in words; empty for a pass without remark."""
        return sentence(self)

    @property
    def subject(self) -> str:
        return self.probe if self.what is None else self.what

    def about(self, probe: str) -> Finding:
        """The same finding, which names the evaluation that went wrong; a pass stays as it is."""
        return self if self.verdict == "pass" else replace(self, probe=probe, what=self.subject)


PASS = Finding("pass")


def ended(outcome: str, reason: str) -> str:
    """The class of the exception, or the signal, with which the reason of an outcome begins (`adapter.probe.describe`,
    `host.runner`); empty where it begins with neither."""
    found = _ENDED.match(reason) if outcome in ("raised", "crashed") else None
    return found[1] if found else ""


OF_THE_VERDICT = {"unsupported": "unsupported", "not-run": "not-run", "suite-bug": "suite"}
"""Verdicts that say the kind too."""


def unanswered(verdict: Verdict, probe: str, outcome: str, reason: str, what: str | None = None) -> Finding:
    """The finding where a call has no value."""
    kind: Any = OF_THE_VERDICT.get(verdict, "outcome")
    return Finding(verdict, kind, probe, what, outcome=outcome, exception=ended(outcome, reason), words=reason)


def sentence(it: Finding) -> str:
    """A finding in words: the first line says what is wrong, with numbers; more lines may follow."""
    if it.kind == "":
        return ""
    lines = [*_told(it), *([CAUSES[it.cause]] if it.cause else []), *it.lines]
    return "\n".join(lines) + (f"  [across targets, with {it.peer}]" if it.peer else "")


def _told(it: Finding) -> list[str]:
    """What is wrong, and the counts in a line of their own."""
    if it.kind in ("value", "shape", "abstract-shape", "dtype", "footprint"):
        return [_unequal(it), *([_counts(it)] if it.differing is not None else [])]
    if it.kind in ("refusal", "accepted"):
        return _taken(it)
    if it.kind == "bits":
        return [f"{it.subject}: {_EQUAL_NUMBERS}: 0 and -0" if it.subject else f"{_EQUAL_NUMBERS}: 0 and -0"]
    if it.kind == "claim":
        return [f"the claim is stale: the call computes what it should: {it.words}"]
    if it.kind == "slow":
        return [_slow(it)]
    if it.kind == "memory":
        return [f"wants more memory than this machine gives: {it.words}"]
    subject = f"{it.subject}: " if it.subject else ""
    if it.kind == "outcome":
        where = f" where {it.against or 'it'} answers" if it.other else ""
        return [f"{subject}{it.outcome}{where}: {it.words or it.exception}"]
    return (f"{subject}{it.words}{it.note}" or KINDS[it.kind]).splitlines()


def _unequal(it: Finding) -> str:
    """`out[0,2]=0.5031, but should be 0.5`."""
    attribute = {"shape": ".shape", "dtype": ".dtype"}.get(it.kind, "") if it.what is None else ""
    subject = f"{it.subject}{attribute}"
    if it.got is None and it.due is None:  # a baseline keeps no numbers
        return f"{subject}: {KINDS[it.kind]}"
    place = f"[{','.join(map(str, it.index))}]" if it.index else ""
    digits = 9 if it.index else 17
    name = f"{it.against} = " if it.against else ""
    return f"{subject}{place}={_number(it.got, digits)}, but should be {name}{_number(it.due, digits)}"


def _slow(it: Finding) -> str:
    """`a call in float64: 7.3 times as long as one in float32 (12.1 ms to 1.66 ms); accepted up to 5 times (...)`."""
    if it.ratio is None:  # a baseline keeps no numbers
        return f"{it.subject}: {KINDS[it.kind]}"
    mine, theirs = (f"{1e3 * seconds:.3g} ms" for seconds in it.medians)
    said = f"{it.subject}: {it.ratio:.3g} times as long as {it.against} ({mine} to {theirs})"
    return f"{said}; accepted up to {it.factor:g} times ({it.why})"


def _number(value: Any, digits: int) -> str:
    return str(value) if isinstance(value, (str, tuple)) or value is None else f"{value:.{digits}g}"


def _counts(it: Finding) -> str:
    """`4 of 918 differ; largest 0.0031 = 52,012 ulp; 410 x the bound (9 products in float32)`."""
    parts = [f"{it.differing:,} of {it.of:,} differ"]
    if it.outside is not None:
        parts[0] += f", {it.outside:,} of them outside of its footprint"
    if it.not_finite:
        parts.append(f"{it.not_finite:,} of them not finite")
    elif it.largest is not None:
        parts.append(f"largest {it.largest:.3g}" + (f" = {it.ulps:,.0f} ulp" if it.ulps is not None else ""))
    if it.used is not None:
        parts.append(f"{it.used:,.3g} x the bound" + (f" ({it.why})" if it.why else ""))
    return "; ".join(parts)


def _taken(it: Finding) -> list[str]:
    """What became of settings that mean nothing."""
    if it.other:
        shape = f": shape {it.got}" if it.got is not None else ""
        said = f"accepted{shape}" if it.outcome == "value" else f"{it.outcome}: {it.words or it.exception}"
        subject = f"{it.words.partition(':')[0]}: " if it.against and it.outcome == "value" else ""
        return [f"{subject}{said}", f"where {it.against or 'the other'} {ENDS[it.other]}"]
    if it.kind == "refusal":
        if it.verdict == "pass":
            return [f"refused: {it.words}"]
        if it.note:
            return [f"refused, although it means something there: {it.note}", it.words]
        return [f"refused, but unclearly: {it.words or it.exception}"]
    if it.got is None:  # a baseline keeps no numbers
        return ["accepted"]
    said = f"accepted: {_answer(it.got, it.first)}"
    if it.due is not None:
        said += f", but should be {_answer(it.due, it.first_due)}"
    return [f"{said}; {it.note}" if it.note else said]


def _answer(shape: Any, first: tuple[Any, ...]) -> str:
    """The shape and the first numbers of an answer."""
    numbers = ", ".join(_number(number, 6) for number in first)
    return f"shape {shape}" + (f", first numbers {numbers}" if first else "")


def failure_class(it: Finding) -> str:
    """What kind of failure it is, without numbers: equal for two findings of one fault.

    What ended, or was refused in unclear words, is known by how it ended and by the exception's class or the signal,
    since releases reword their messages.
    """
    if it.verdict == "pass" or not it.kind:
        return ""
    if it.kind == "outcome" and not it.other:
        return "timed-out" if it.outcome == "timed-out" else f"{it.outcome} {it.exception}".strip()
    if it.kind == "refusal" and not it.other and not it.note:
        return f"refused, but unclearly: {it.exception}"
    told = [it.kind, _numberless(it.what or ""), it.cause]
    told += [it.outcome, it.exception, it.other] if it.outcome else []
    return " / ".join(part for part in told if part)


def _numberless(what: str) -> str:
    """What was compared, with # for numbers: group 1 is no other failure than group 0."""
    return _SERIES.sub("#", _NUMBER.sub("#", what)).strip()


def numbers_of(it: Finding) -> tuple[object, ...]:
    """What two findings of one class may differ in: the place and the numbers there, as they are told."""
    first = tuple(_number(value, 6) for value in it.first)
    return it.what, it.index, _number(it.got, 9), _number(it.due, 9), first


KEPT = ("kind", "cause", "outcome", "other", "exception")


def without_numbers(it: Finding) -> Finding:
    """What a baseline keeps of a finding: equal for two runs of the same versions, whatever machine and seed."""
    what = None if it.what is None else _numberless(it.what)
    return Finding(it.verdict, what=what, **{name: getattr(it, name) for name in KEPT})


_DEFAULTS = {item.name: item.default for item in fields(Finding)}
_APART = ("verdict", "used", "expected", "actual")
"""What stands elsewhere in a run file."""


def as_json(it: Finding) -> dict[str, Any]:
    """The fields that say something, without those that the verdict's own line has and those that follow from it."""
    said = {name: getattr(it, name) for name in _DEFAULTS if name not in _APART}
    said = {name: value for name, value in said.items() if value != _DEFAULTS[name]}
    implied = {"kind": OF_THE_VERDICT.get(it.verdict, "outcome"), "outcome": it.verdict}
    return {name: _plain(value) for name, value in said.items() if implied.get(name) != value}


def from_json(verdict: Verdict, used: float | None, said: dict[str, Any]) -> Finding:
    """The inverse of `as_json`; TypeError where a field is unknown, ValueError where a kind is."""
    kind = OF_THE_VERDICT.get(verdict, "outcome")
    implied = {"kind": kind} | ({"outcome": verdict} if verdict in ("unsupported", "not-run") else {})
    read = {name: _read(name, value) for name, value in (implied | said).items()}
    if read["kind"] not in FINDING_KINDS or read.get("cause", "") not in ("", *CAUSES):
        raise ValueError(f"a finding of the kind {read['kind']!r} and cause {read.get('cause', '')!r}")
    return Finding(verdict, used=used, **read)


def _plain(value: Any) -> Any:
    """As JSON can carry it: tuples as lists, complex numbers, nan and inf as text."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, complex) or (isinstance(value, float) and not np.isfinite(value)):
        return str(value)
    return value


def _read(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_read(name, item) for item in value)
    if isinstance(value, str) and name in ("got", "due", "first", "first_due", "largest", "ulps"):
        try:
            return complex(value) if "j" in value else float(value)
        except ValueError:
            return value  # the name of a dtype
    return value
