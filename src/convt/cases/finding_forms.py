"""The form of a findings file: what a framework gets wrong, as its maintainers can be told; also its schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from convt.cases.model import Form, Id, Text

Script = Annotated[str, Field(min_length=1, max_length=4000)]


class FindingForm(Form):
    """One finding: a script, what it shows, and what is right."""

    id: Id
    """The name of the finding; an entry of known differences names it under `finding`."""
    title: Annotated[str, Field(min_length=1, max_length=90)]
    """What goes wrong, in one line: the title of a report."""
    about: Text | None = None
    """What happens and where, in words that need nothing else."""
    script: Script
    """A script that shows it, with numpy and the framework alone."""
    environment: Annotated[list[Text], Field(min_length=1)] | None = None
    """NAME=VALUE of the environment that the script needs."""
    needs: Annotated[list[Text], Field(min_length=1)] | None = None
    """Flags of the processor without which it does not show, as /proc/cpuinfo has them."""
    memory: Annotated[int, Field(ge=1)] | None = None
    """Gigabytes of memory that the script needs."""
    seen: Script | None = None
    """Lines that the script prints, in their order; `...` stands for anything within a line."""
    ends: Annotated[list[Text], Field(min_length=1)] | None = None
    """The signals by which the process ends, such as SIGSEGV."""
    timed: Literal[True] | None = None
    """Whether the script tells times: people run it, and no test, which would hold a clock."""
    sometimes: Text | None = None
    """Why the script does not show it every time."""
    right: Text
    """What is right."""
    source: Text
    """The document, the call or the arithmetic that says so."""
    versions: Text
    """Versions and platforms on which it was seen."""
    note: Text | None = None
    """What this project has about it, such as its cases; not a part of a report."""
    issue: Text
    """Where it is reported: URLs, or text that says so."""


class FindingsFile(Form):
    """The findings of one framework."""

    framework: Text
    """The framework's own name."""
    about: Text | None = None
    """What holds for all of them."""
    findings: list[FindingForm]
    """The findings."""


FORMS: dict[str, type[Form]] = {"findings": FindingForm}
"""The form that stands under a key."""
