"""What the page tells of the pairs and triples of values that were visited."""

from __future__ import annotations

from dataclasses import dataclass

from convt.results.coverage import Dimensions, coverage_of, listed
from convt.results.runfile import Run


@dataclass(frozen=True)
class CoverageRow:
    """A target's counts, and its pairs that were not visited, by value."""

    target: str
    dimensions: Dimensions
    counts: dict[str, dict[str, int]]
    missing: list[tuple[str, str]]
    refused: list[tuple[str, str]]


def coverage_rows(run: Run) -> list[CoverageRow]:
    """A row for each target that has a record, in the header's order; none for a run that counted nothing."""
    rows = []
    for name in (target.name for target in run.header.targets if target.name in run.coverage):
        it = coverage_of(run.coverage[name])
        refused = it.refused["pairs"]
        never = it.missing["pairs"] & ~refused
        rows.append(
            CoverageRow(name, it.dimensions, it.counts, listed(it.dimensions, never), listed(it.dimensions, refused))
        )
    return rows
