"""Findings of records: as they are kept, or of a record that was written before there were any, from its message.

This is the one place where a sentence that convt wrote is read back, and only one of format 1 (run files of 0.1, its
baselines, and the history of releases), which had nothing else. What those sentences do not say stays unknown.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from convt.results.finding import (
    CAUSES,
    ENDS,
    OF_THE_VERDICT,
    PASS,
    Finding,
    ended,
    from_json,
    sentence,
    unanswered,
)
from convt.results.records import VerdictRecord
from convt.results.vocabulary import Verdict

_PEER = re.compile(r"\s*\[across targets, with ([^\]]*)\]\s*$")
_ENDED = re.compile(r"^(?:(?P<probe>.*?): )?(?P<outcome>raised|crashed|timed-out)(?:: | |$)(?P<reason>.*)", re.DOTALL)
_WHERE = re.compile(r"^(?P<probe>.*?): (?P<outcome>raised|crashed|timed-out) where it answers: (?P<reason>.*)")
_UNEQUAL = re.compile(r"^(?P<what>.*?)(?:\[(?P<index>[\d,#]*)\])?=(?P<got>.*), but should be (?P<due>.*)$")
_SHAPE = r"shape (?P<{0}>\([^)]*\))(?:, first numbers (?P<{0}_first>[^;]*?))?"
_ANSWER = re.compile(f"^accepted: {_SHAPE.format('got')}(?:, but should be {_SHAPE.format('due')})?(?:;|$)")
_PROBE = re.compile(r"^(?P<probe>[a-z-][\w ,()-]{0,40}): (?P<reason>.*)$", re.DOTALL)
UNCLEAR, ALTHOUGH, ACCEPTED, STALE = (
    "refused, but unclearly: ", "refused, although it means something there: ", "accepted: ", "the claim is stale: ",
)  # fmt: skip


def finding_of(record: VerdictRecord) -> Finding:
    """The finding behind a record: from its fields where they are kept, else what its message tells."""
    if record.finding is not None:
        return from_json(record.verdict, record.used, record.finding)  # type: ignore[arg-type]
    if record.verdict == "pass":
        return PASS if record.used is None else Finding("pass", used=record.used)
    return _of_message(record.verdict, record.message, record.used)


def message_of(verdict: Verdict, used: float | None, said: dict[str, Any]) -> str:
    """The words of a finding as it is kept."""
    return sentence(from_json(verdict, used, said))


@lru_cache(maxsize=4096)
def _of_message(verdict: Verdict, message: str, used: float | None) -> Finding:
    peer = _PEER.search(message)
    told = _PEER.sub("", message)
    first, _, rest = told.partition("\n")
    fields = _fields(verdict, first, rest)
    cause: Any = next((name for name, words in CAUSES.items() if words in told), "")
    return Finding(verdict, used=used, cause=cause, peer=peer[1] if peer else "", **fields)


def _fields(verdict: Verdict, first: str, rest: str) -> dict[str, Any]:
    """The fields that the first line tells, and of two targets the second one."""
    if verdict in OF_THE_VERDICT:
        return _silent(verdict, first)
    if verdict == "error":
        return _ending(_ENDED.match(first))
    other = next((end for end, words in ENDS.items() if rest.startswith(f"where the other {words}")), "")
    if other:
        return _ending(_ENDED.match(first)) | {"kind": "refusal", "other": other} | (
            {"outcome": "value"} if first == "accepted" else {})  # fmt: skip
    if first.startswith(UNCLEAR):
        reason = first.removeprefix(UNCLEAR)
        return {"kind": "refusal", "outcome": "raised", "words": reason, "exception": ended("raised", reason)}
    if first.startswith(ACCEPTED):
        return {"kind": "accepted"} | _answer(first)
    for start, kind in ((ALTHOUGH, "refusal"), (STALE, "claim")):
        if first.startswith(start):
            return {"kind": kind, "note": first.removeprefix(start)}
    where = _WHERE.match(first)
    if where:
        return _ending(where) | {"other": "value"}
    if first.startswith("other bits of equal numbers"):
        return {"kind": "bits", "what": ""}
    return _unequal(first)


def _silent(verdict: Verdict, first: str) -> dict[str, Any]:
    """Why there is no answer, and of which probe where that is named."""
    named = _PROBE.match(first) if verdict != "suite-bug" else None
    if named:
        return {"kind": OF_THE_VERDICT[verdict], "probe": named["probe"], "words": named["reason"]}
    return {"kind": OF_THE_VERDICT[verdict], "what": "", "words": first}


def _ending(found: re.Match[str] | None) -> dict[str, Any]:
    if found is None:
        return {"kind": "outcome"}
    told = unanswered("error", found["probe"] or "", found["outcome"], found["reason"])
    return {name: getattr(told, name) for name in ("kind", "probe", "outcome", "exception", "words")}


def _unequal(first: str) -> dict[str, Any]:
    """What was compared, the place, and the two values as far as they are numbers."""
    found = _UNEQUAL.match(first)
    if found is None:
        return {"kind": "value", "what": first}
    what, index = found["what"], found["index"] or ""
    kind = "shape" if "shape" in what else "dtype" if what.endswith(".dtype") else "value"
    if what.startswith(("abstract shape", "shape of the forward")):
        kind = "abstract-shape"
    place = tuple(int(part) for part in index.split(",")) if re.fullmatch(r"\d+(,\d+)*", index) else ()
    return {"kind": kind, "what": what, "index": place, "got": _value(found["got"]), "due": _value(found["due"])}


def _answer(first: str) -> dict[str, Any]:
    """Shape and first numbers of an answer to settings that mean nothing, and of the right one where there is one."""
    found = _ANSWER.match(first)
    if found is None:
        return {}
    said = {"first": _numbers(found["got_first"]), "first_due": _numbers(found["due_first"])}
    due = None if found["due"] is None else _value(found["due"])
    return {"outcome": "value", "got": _value(found["got"]), "due": due} | said


def _numbers(text: str | None) -> tuple[Any, ...]:
    numbers = (_value(number) for number in (text or "").split(", ") if number)
    return tuple(number for number in numbers if number is not None)


def _value(text: str) -> Any:
    """A number, or the text of a shape or dtype; None where a baseline has # in its place."""
    if "#" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return text
