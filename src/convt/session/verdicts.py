"""From verdicts to what people see: the failure text of an item, and the records of the run file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np

from convt.adapter.backend import Outcome, Probe
from convt.adapter.layouts import statement
from convt.cases.case import Case
from convt.cases.known import Known
from convt.cases.rejects import Reject
from convt.cases.weights import Weights
from convt.cases.writer import as_yaml
from convt.conv.layers import LEAST_X, SEEDS, drawn, line, most_x
from convt.conv.settings import Settings
from convt.laws.blame import call_went
from convt.results.features import recorded
from convt.results.finding import PASS, Finding, as_json
from convt.results.records import VerdictRecord
from convt.results.targets import Target
from convt.results.vocabulary import BROKEN, FAILING, OUTCOMES
from convt.session.batch import LawVerdict
from convt.session.block_sum_scripts import paste_block_sums

LARGEST_ARRAY = 4096
"""Arrays of more numbers than this do not go into the run file."""
LARGEST_DRAWN = 1 << 18
"""Those of cases with an array of more numbers than this are not even drawn for it."""


@dataclass(frozen=True, eq=False)
class Matched:
    """A verdict, and what the known differences say about it."""

    found: LawVerdict
    explained: Known | None = None
    """The known difference that this is."""
    stale: Known | None = None
    """A known difference that names these settings, although the law holds or breaks in another way."""

    @property
    def broken(self) -> bool:
        """Whether the law does not hold, known or not."""
        return self.found.judgement.verdict in FAILING

    @property
    def fails(self) -> bool:
        """Whether this makes the run red."""
        return self.stale is not None or (self.broken and self.explained is None)


def match_known(found: LawVerdict, laws: Sequence[Known], calls: Mapping[str, Sequence[Known]]) -> Matched:
    """Hold one verdict against the known differences: of its law, and of its probes' calls, by the probes' names."""
    judgement = found.judgement
    if judgement.verdict in ("not-run", "suite-bug"):
        return Matched(found)
    explained = stale = None
    backend = Target.of(found.target).backend
    for name, entries in calls.items():
        if found.answers[name].kind in ("unsupported", "not-run"):
            continue  # no call was made
        if judgement.verdict not in BROKEN:  # there is nothing to explain: only what has to fail each time is looked at
            entries = [entry for entry in entries if not entry.intermittent]
        went = call_went(found.probes[name], found.answers[name], name, backend) if entries else PASS
        for entry in entries:
            if entry.explains(went):
                explained = explained or entry
            elif not entry.intermittent:
                stale = entry
    for entry in laws if judgement.verdict != "unsupported" else ():
        if judgement.verdict != "pass" and entry.explains(judgement):
            explained = entry
        elif not entry.intermittent:
            stale = entry
    if judgement.verdict not in BROKEN:
        return Matched(found, stale=stale)
    return Matched(found, explained=explained, stale=None if explained else stale)


def failure(matched: Matched, version: str, repeat: str, script: str) -> str:
    """The text of one failing verdict: what is wrong first, then what to repeat, then plain framework code."""
    found, judgement = matched.found, matched.found.judgement
    case = found.case
    first, *rest = judgement.message.splitlines() or [judgement.verdict]
    place = ", ".join(part for part in (version, case.id, case.origin) if part)
    lines = [f"{judgement.verdict} {found.law.id}: {first}  [{place}]", *(f"  {line}" for line in rest)]
    if matched.stale is not None:
        says = "it is wrong in another way" if judgement.verdict in BROKEN else "the law holds"
        lines.append(
            f"  {matched.stale.origin}: known difference {matched.stale.id} expects a failure here, but {says}"
        )
    lines.append(f"  law: {found.law.statement}")
    lines.append(f"  repeat: {repeat}")
    if script:
        lines += ["  without the suite:", *(f"    {line}" for line in script.splitlines())]
    return "\n".join(lines)


def as_named_case(case: Case) -> str:
    """The lines that make a generated case a named one in a spec file, below a failure's text."""
    return "\n".join(["", "  as a named case:", *(f"    {line}" for line in as_yaml(case).splitlines())])


def verdict_record(matched: Matched) -> dict[str, Any]:
    """The line of the run file for one verdict."""
    found, judgement = matched.found, matched.found.judgement
    return {
        "kind": "verdict",
        "case": found.case.id,
        "law": found.law.id,
        "target": found.target,
        "verdict": judgement.verdict,
        "known": matched.explained.id if matched.explained else None,
        "message": judgement.message,
        "finding": as_json(judgement) or None,
        "used": judgement.used,
        "bits": found.bits,
    } | observed(found)


def observed(found: LawVerdict) -> dict[str, Any]:
    """What came back, whatever the law made of it: the worst outcome, the case's own shape and dtype, warnings."""
    kinds = {outcome.kind for outcome in found.answers.values()}
    own = next((found.answers[name] for name, probe in found.probes.items() if _is_own(probe, found.case)), None)
    shape, dtype = (None, "") if own is None or own.value is None else form_of(own)
    return {
        "outcome": next((kind for kind in OUTCOMES if kind in kinds), ""),
        "shape": shape,
        "dtype": dtype,
        "warnings": tuple(sorted({said for outcome in found.answers.values() for said in outcome.warnings})),
    }


def form_of(outcome: Outcome) -> tuple[tuple[int, ...], str]:
    """Shape and dtype of what a call gave, which may have been folded."""
    if outcome.value is None:
        raise ValueError("what gave no value has no form")
    if outcome.dtype:
        return outcome.shape or (), outcome.dtype
    return tuple(outcome.value.shape), str(outcome.value.dtype)


def _is_own(probe: Probe, case: Case) -> bool:
    """Whether a probe asks for the case itself, in its first call form; the numbers may be others."""
    return probe.settings == case.settings and probe.want == "value" and not (probe.call_form or probe.force)


def verdict_records(records: Sequence[Mapping[str, Any]]) -> list[VerdictRecord]:
    """The verdicts among the run file's lines of an item, as its reader gives them."""
    return [
        VerdictRecord(**{key: value for key, value in record.items() if key != "kind"})
        for record in records
        if record["kind"] == "verdict"
    ]


def said_once(records: Sequence[dict[str, Any]]) -> None:
    """Leave out of verdicts on one target what an earlier one on the same case says: shape and dtype, warnings."""
    heard: set[tuple[str, Any]] = set()
    for record in records:
        case, form = record["case"], (record["shape"], record["dtype"])
        if (case, form) in heard:
            record["shape"], record["dtype"] = None, ""
        record["warnings"] = tuple(said for said in record["warnings"] if (case, said) not in heard)
        heard |= {(case, form), *((case, said) for said in record["warnings"])}


def detail_record(matched: Matched, call: str, script: str) -> dict[str, Any]:
    """The line of the run file with the numbers behind a verdict that is not a pass."""
    found, judgement = matched.found, matched.found.judgement
    return {
        "kind": "detail",
        "case": found.case.id,
        "law": found.law.id,
        "target": found.target,
        "expected": numbers(judgement.expected),
        "actual": numbers(judgement.actual),
        "call": call,
        "script": script,
    }


def numbers(array: np.ndarray | None) -> Any:
    """Nested lists of an array small enough to read, else None."""
    return None if array is None or array.size > LARGEST_ARRAY else np.asarray(array).tolist()


def literal(name: str, array: np.ndarray) -> str:
    """A line of Python that makes the array again, bit for bit."""
    flat = np.asarray(array).ravel()
    tolerance = "ml_dtypes" if str(flat.dtype) == "bfloat16" else "np"
    items = ", ".join(map(_spelled, flat.tolist()))
    return f"{name} = np.array([{items}], {tolerance}.{array.dtype}).reshape({tuple(array.shape)})"


def _spelled(number: Any) -> str:
    """A number as Python spells it: whole ones without a point, so long as that is not -0."""
    if isinstance(number, float) and not math.isfinite(number):
        return f"{'-' if number < 0 else ''}np.{'nan' if math.isnan(number) else 'inf'}"
    minus_zero = number == 0 and isinstance(number, float) and math.copysign(1, number) < 0
    return repr(int(number)) if isinstance(number, float) and number.is_integer() and not minus_zero else repr(number)


def paste(imports: str, body: str, probe: Probe, shown: Finding = PASS, kept: Sequence[Weights] = ()) -> str:
    """A whole script that imports only numpy and the framework, and prints y; of a large one the number that is shown
    in a finding. Real weights that are kept in a file are read from it."""
    if probe.block:
        return paste_block_sums(imports, body, probe)
    given = [(name, array) for name, array in zip("xwbgt", probe.arrays, strict=True) if array is not None]
    narrow = ["import ml_dtypes"] if any(str(array.dtype) == "bfloat16" for _, array in given) else []
    read = {name: next(filter(None, (one.line(name, array) for one in kept)), "") for name, array in given}
    made = [made_by_a_line(probe.settings, *each) or read[each[0]] or literal(*each) for each in given]
    lines = [*narrow, "import numpy as np", *imports.splitlines(), "", *made]
    layouts = zip("xwg", (probe.x, probe.w, probe.g), probe.layout, strict=False)
    laid = [said for name, array, layout in layouts if array is not None and (said := statement(name, array, layout))]
    first = [f"print(y{[*shown.index]}, 'but should be {shown.due:.9g}')"] if _is_far(probe, shown) else []
    return "\n".join([*lines, *laid, "", body.rstrip(), "print(y.shape)", *(first or ["print(y)"])]) + "\n"


def _is_far(probe: Probe, shown: Finding) -> bool:
    """Whether the finding is on a number of an answer too large to be printed."""
    placed = shown.kind == "value" and bool(shown.index) and isinstance(shown.due, (int, float))
    return placed and max(array.size for array in probe.arrays if array is not None) > LARGEST_ARRAY


def made_by_a_line(it: Settings, name: str, array: np.ndarray) -> str:
    """The line that draws an array of a layer of real size, where it is one; else empty."""
    if array.size <= LARGEST_ARRAY or name not in SEEDS or most_x(it) < LEAST_X:
        return ""
    same = np.array_equal(drawn(it, name), array)
    return f"{name} = {line(it, name)}" if same else ""


def case_record(case: Case) -> dict[str, Any]:
    """The fields of the run file's line for one case: settings with their arithmetic, and small arrays."""
    settings = case.settings
    drawn = max(prod(settings.x_shape), prod(settings.w_shape)) <= LARGEST_DRAWN
    data = case.data() if drawn else None
    return {
        "kind": "case",
        "id": case.id,
        "digest": case.digest,
        "origin": case.origin,
        "about": case.about,
        "source": case.source,
        "tags": list(case.tags),
        "settings": recorded(settings),
        "claim": asdict(case.claim) if case.claim else None,
        "x": numbers(data.x) if data else None,
        "w": numbers(data.w) if data else None,
        "b": numbers(data.b) if data else None,
        "generated": not case.origin,
        "reject": _of_reject(case.reject) if case.reject else None,
        "asked": asdict(case.asked) if case.asked else None,
    }


def _of_reject(reject: Reject) -> dict[str, Any]:
    """An invalid call's fields that say something: no float32, the usual dtype, and nothing of when it is asked."""
    said = asdict(reject, dict_factory=_said)
    usual = {"seconds", "ends"} | ({"dtype"} if reject.dtype == "float32" else set())
    return {name: value for name, value in said.items() if name not in usual}


def _said(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields that say something; the right answer follows from the rest."""
    return {name: value for name, value in items if name != "answer" and value not in ("", {}, None)}
