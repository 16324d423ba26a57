"""What changed between two runs, or between two environments of one run: by content, never by subtracting counts."""

from __future__ import annotations

from collections.abc import Collection

from convt.results.baseline import PROFILE, portable
from convt.results.comparing import Change, Comparing, Comparison
from convt.results.kinds import CLASSES, MEANINGS
from convt.results.matching import Matching
from convt.results.records import Run
from convt.results.releases import HISTORY, condensed
from convt.results.sides import NotComparable, Side, circumstances, side_of

__all__ = [
    "CLASSES", "MEANINGS", "Change", "Comparison", "NotComparable", "Side", "compare", "compare_sides",
]  # fmt: skip


def compare(
    before: Run, after: Run, *, force: bool = False, fail_on: Collection[str] = (), may_be_empty: bool = False
) -> Comparison:
    """Two run files, case by case and law by law; NotComparable where nothing has a counterpart.

    `force` takes laws and oracles of other versions for the same, and compares nothing rather than refuse; the latter
    alone with `may_be_empty`.
    """
    profiles = {run.header.profile for run in (before, after)}
    if PROFILE in profiles:  # a baseline tells less: compare what both tell
        before, after = portable(before), portable(after)
    notes = circumstances(before.header, after.header)
    if HISTORY in profiles and len(profiles) > 1:  # so does a released version
        before, after = condensed(before), condensed(after)
        notes.append(
            "a released version keeps verdicts and the kind of a failure: numbers, bits and warnings not compared"
        )
    sides = side_of(before, "before"), side_of(after, "after")
    matching = Matching(*sides, forced=force)
    alerts = [f"Forced: compared in spite of other versions: {', '.join(matching.other_versions)}."]
    alerts = alerts if force and matching.other_versions else []
    return Comparing(*sides, matching, alerts, notes, frozenset(fail_on)).whole(force or may_be_empty)


def compare_sides(
    run: Run, before: str = "before", after: str = "after", *, force: bool = False, fail_on: Collection[str] = ()
) -> Comparison:
    """Two environments of one run: its targets `X#before` and `X#after`; NotComparable where it has none of one."""
    sides = side_of(run, before, before), side_of(run, after, after)
    for side in sides:
        if not side.targets:
            there = ", ".join(info.name for info in run.header.targets) or "none"
            raise NotComparable(
                f"{run.path}: found no target of the environment {side.name!r}, but {there}; accepted: X#{before} and"
                f" X#{after} in one run, or two run files; name both: convt compare BEFORE AFTER"
            )
    return Comparing(*sides, Matching(*sides), [], [], frozenset(fail_on)).whole(force, timed=True)
