"""What changed between two runs, or between two environments of one run: by content, never by subtracting counts."""

from __future__ import annotations

from collections.abc import Collection

from convt.results.baseline import PROFILE, portable
from convt.results.classes import CLASSES, MEANINGS, WORSE
from convt.results.comparing import Change, Comparing, Comparison
from convt.results.records import Run
from convt.results.sides import FORCE, NotComparable, Side, circumstances, obstacles, side_of

__all__ = [
    "CLASSES", "MEANINGS", "WORSE", "Change", "Comparison", "NotComparable", "Side", "compare", "compare_sides",
]  # fmt: skip


def compare(before: Run, after: Run, *, force: bool = False, fail_on: Collection[str] = ()) -> Comparison:
    """Two run files; NotComparable where specification, seed, dtype or laws are others, unless forced."""
    if PROFILE in (before.header.profile, after.header.profile):  # a baseline tells less: compare what both tell
        before, after = portable(before), portable(after)
    found = obstacles(before, after)
    if found and not force:
        raise NotComparable(
            f"{before.path} and {after.path}: {'; '.join(found)}; make both with one release; or {FORCE}"
        )
    notes = circumstances(before.header, after.header)
    sides = side_of(before, "before"), side_of(after, "after")
    return Comparing(*sides, [f"Forced: {text}." for text in found], notes, frozenset(fail_on)).whole(force)


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
    return Comparing(*sides, [], [], frozenset(fail_on)).whole(force, timed=True)
