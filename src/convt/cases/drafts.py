"""A finding as text, from one entry: a draft for the framework's tracker, and its place on the page of findings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from convt.cases.findings import FrameworkFinding, FrameworkFindings, known_of
from convt.cases.known import Known

WIDTH, LINES = 100, 60
"""The screen that a draft has to fit on."""
PAGE_WIDTH = 120
FOUND = (
    "Found by a conformance suite for transposed convolution (convt), which asks several frameworks for the same "
    "operation and compares."
)


def draft(finding: FrameworkFinding) -> str:
    """A report in Markdown to paste into the framework's tracker: at most 60 lines of at most 100 columns."""
    parts = [
        f"# {finding.title}",
        _wrap(finding.about),
        _wrap(f"**Versions:** {finding.versions}"),
        _wrap(f"**Script** ({conditions(finding)}):" if conditions(finding) else "**Script:**"),
        f"```python\n{finding.script.rstrip()}\n```",
        _seen(finding),
        _wrap(f"**Expected:** {finding.right}"),
        _wrap(f"**Source:** {finding.source}"),
        _wrap(FOUND),
    ]
    return "\n\n".join(part for part in parts if part)


def conditions(finding: FrameworkFinding) -> str:
    """What the script needs beside the framework; empty where that is nothing."""
    needs = []
    if finding.environment:
        needs.append("run with " + " ".join(f"`{each}`" for each in finding.environment))
    if finding.needs:
        needs.append(f"needs a processor with {', '.join(finding.needs)}")
    if finding.memory:
        needs.append(f"needs {finding.memory} GB of memory")
    return "; ".join(needs)


def _seen(finding: FrameworkFinding, width: int = WIDTH) -> str:
    """What the script shows: lines that it prints, how the process ends, and whether always."""
    lines = ["**Seen:**"]
    if finding.seen:
        lines += ["", "```text", *finding.seen.rstrip().splitlines(), "```"]
    ends = f"The process ends by {' or '.join(finding.ends)}." if finding.ends else ""
    often = f"Not every time: {finding.sometimes}." if finding.sometimes else ""
    if ends or often:
        told = " ".join(each for each in (ends, often) if each)
        lines = [*lines, "", *_wrap(told, width).splitlines()] if finding.seen else [_wrap(f"**Seen:** {told}", width)]
    return "\n".join(lines)


def findings_page(groups: Sequence[FrameworkFindings], known: Sequence[Known]) -> str:
    """docs/findings.md: every finding of every framework, and the known differences that each one is."""
    parts = [
        "# Findings",
        "<!-- written by python -m tests.suite.project.documents from backends/*/findings.yaml; do not edit -->",
        _wrap(
            "What frameworks get wrong, or refuse in one form and compute in another, as conformance runs found it: "
            "one sentence, the smallest script without the suite, what is right, and where it is reported. `convt show "
            "--upstream ID` prints a finding as a draft for the framework's tracker. The cases are in "
            "`specs/findings.yaml` and `specs/rejects.yaml`, the predicates in `backends/*/known.yaml`.",
            PAGE_WIDTH,
        ),
    ]
    for group in groups:
        parts.append(f"## {group.framework}")
        parts += [_wrap(group.about, PAGE_WIDTH)] if group.about else []
        parts += [_entry(finding, known) for finding in group.findings]
    return "\n\n".join(parts) + "\n"


def _entry(finding: FrameworkFinding, known: Iterable[Known]) -> str:
    """One finding on the page."""
    needs = conditions(finding)
    names = [f"`{name}`" for name in known_of(finding, known)]
    bullets = [
        f"`{finding.id}`: {finding.versions}",
        finding.note,
        f"known as {', '.join(names)}" if names else "",
        finding.issue,
    ]
    parts = [
        f"### {finding.title}",
        _wrap(finding.about, PAGE_WIDTH),
        f"```python\n{finding.script.rstrip()}\n```",
        _wrap(f"{needs[0].upper()}{needs[1:]}.", PAGE_WIDTH) if needs else "",
        _seen(finding, PAGE_WIDTH),
        _wrap(f"**Right:** {finding.right} Source: {finding.source}.", PAGE_WIDTH),
        "\n".join(_wrap(bullet, PAGE_WIDTH, "- ", "  ") for bullet in bullets if bullet),
    ]
    return "\n\n".join(part for part in parts if part)


def _wrap(text: str, width: int = WIDTH, first: str = "", rest: str = "") -> str:
    return textwrap.fill(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
