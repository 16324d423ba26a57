"""Findings: what a framework gets wrong, with a script, from `findings.yaml` beside a backend's known differences."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from convt.cases.errors import SpecErrors
from convt.cases.finding_forms import FindingForm, FindingsFile
from convt.cases.known import Known
from convt.cases.problems import Sheet, forms_of


@dataclass(frozen=True)
class FrameworkFinding:
    """One finding, as `convt.cases.finding_forms.FindingForm` describes its fields; what is left out is empty."""

    id: str
    framework: str
    title: str
    about: str
    script: str
    environment: tuple[str, ...]
    needs: tuple[str, ...]
    memory: int
    seen: str
    ends: tuple[str, ...]
    timed: bool
    sometimes: str
    right: str
    source: str
    versions: str
    note: str
    issue: str
    origin: str
    """file:line of the entry."""

    def shown_in(self, printed: str) -> bool:
        """Whether a text has every line of `seen`, in this order; `...` stands for anything within a line."""
        lines = [re.escape(line.strip()).replace(r"\.\.\.", ".*") for line in self.seen.splitlines() if line.strip()]
        text = "\n".join(" ".join(line.split()) for line in printed.splitlines())
        return re.search(r"(?s:.*?)".join(re.sub(r"(\\ )+", r"\\ ", line) for line in lines), text) is not None


@dataclass(frozen=True)
class FrameworkFindings:
    """The findings of one framework, in the file's order."""

    framework: str
    about: str
    findings: tuple[FrameworkFinding, ...]


def findings_files(folder: Path) -> list[Path]:
    """The files of findings in a folder: `NAME/findings.yaml`."""
    return sorted(folder.glob("*/findings.yaml"))


def is_findings_file(path: Path) -> bool:
    """Whether a file says by a key of its own that it holds findings."""
    return path.is_file() and re.search(r"^findings:", path.read_text(errors="replace"), re.MULTILINE) is not None


def load_findings(folder: Path) -> list[FrameworkFindings]:
    """The findings of every NAME/findings.yaml in a folder; SpecErrors with all that is wrong."""
    lines: list[str] = []
    found: list[FrameworkFindings] = []
    for path in findings_files(folder):
        try:
            found.append(read_findings(path))
        except SpecErrors as error:
            lines += error.errors
    seen: dict[str, FrameworkFinding] = {}
    for finding in (each for group in found for each in group.findings):
        other = seen.setdefault(finding.id, finding)
        if other is not finding:
            lines.append(f"{finding.origin}:1: id: found {finding.id!r}, which {other.origin} has already; "
                         "accepted an id of its own")  # fmt: skip
    if lines:
        raise SpecErrors(lines)
    return found


def read_findings(path: Path) -> FrameworkFindings:
    """The findings of one file; SpecErrors with all that is wrong in it."""
    sheet = Sheet.read(path)
    head, forms = forms_of(sheet, FindingsFile, "findings", FindingForm)
    for index, form in forms.items():
        if form is not None and form.seen is None and form.ends is None and form.sometimes is None:
            sheet.fault(("findings", index), "a finding needs `seen`, `ends` or `sometimes`")
    if sheet.faults:
        raise SpecErrors(sheet.lines())
    findings = tuple(
        _finding(form, head["framework"], f"{sheet.name}:{sheet.root.find(('findings', index)).place.line}")
        for index, form in forms.items()
        if form is not None
    )
    return FrameworkFindings(head["framework"], head.get("about", ""), findings)


def _finding(form: FindingForm, framework: str, origin: str) -> FrameworkFinding:
    return FrameworkFinding(
        form.id, framework, form.title, form.about or "", form.script, tuple(form.environment or ()),
        tuple(form.needs or ()), form.memory or 0, form.seen or "", tuple(form.ends or ()), bool(form.timed),
        form.sometimes or "", form.right, form.source, form.versions, form.note or "", form.issue, origin,
    )  # fmt: skip


def known_of(finding: FrameworkFinding, known: Iterable[Known]) -> list[str]:
    """The known differences that are this finding."""
    return [entry.id for entry in known if entry.finding == finding.id]


def links(text: str) -> list[str]:
    """The web addresses in a text."""
    return re.findall(r"https?://[^\s<>,;]*[^\s<>,;.]", text)
