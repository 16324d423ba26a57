"""What got worse as workflow commands, which GitHub shows beside the lines of the case files.

Without `from __future__ import annotations`, whose name this file defines.
"""

import re
from collections.abc import Mapping

from convt.results.causes import case_of
from convt.results.changes import Change, Comparison
from convt.results.compare_view import Group, groups, pair_told
from convt.results.tally import plural

LIMIT = 10
"""GitHub shows 10 error annotations of one step, and drops the others without a word."""


def annotations(
    comparison: Comparison, limit: int = LIMIT, places: Mapping[str, tuple[str, int]] | None = None
) -> list[str]:
    """At most `limit` commands `::error file=...,line=...,title=...::...`, one for each case and target that got worse.

    The last one counts what is left out, so that nothing is dropped without a word. `places` are a file and a line for
    each target, where what made it worse stands: a pin of a lock file. Without one it is where the case stands.
    """
    places = places or {}
    told = [group for group in groups(comparison) if group.worse]
    if len(told) <= limit:
        return [_command(comparison, group, places) for group in told]
    kept = told[: max(limit - 1, 0)]
    more = f"and {plural(len(told) - len(kept), 'change')} more that are worse: see the job summary"
    last = f"::error title={_property('convt')}::{_data(more)}"
    return [*(_command(comparison, group, places) for group in kept), last][: max(limit, 0)]


def _command(comparison: Comparison, group: Group, places: Mapping[str, tuple[str, int]]) -> str:
    file, line = places.get(group.target, ("", 0))
    where = {"file": file, "line": str(line)} if file else _place(comparison, group.first)
    on = f"{group.case} on {group.target}" if group.case else group.target
    properties = {**where, "title": f"{group.kind}: {on}"}
    before, after = pair_told(group.first)
    said = [*([f"laws: {', '.join(group.laws)}"] if group.laws else []), *([f"before: {before}"] if before else [])]
    message = "\n".join([*said, f"after: {after}" if before else after])
    return f"::error {','.join(f'{name}={_property(value)}' for name, value in properties.items())}::{_data(message)}"


def _place(comparison: Comparison, change: Change) -> dict[str, str]:
    """The file and line of the case; nothing for a generated one."""
    case = case_of(comparison, change)
    found = re.fullmatch(r"(.+?):(\d+)(?::(\d+))?", case.origin) if case is not None else None
    return {"file": found[1], "line": found[2]} if found else {}


def _data(text: str) -> str:
    """Escaped as the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escaped as a property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
