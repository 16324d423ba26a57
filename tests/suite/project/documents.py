"""`python -m tests.suite.project.documents` writes the generated documents anew: findings, layers, ..."""

from __future__ import annotations

from pathlib import Path

from convt.cases.drafts import findings_page
from convt.cases.findings import FrameworkFindings, load_findings
from convt.cases.known import load_known
from convt.content import ROOT
from convt.page.glossary import glossary_page
from convt.upgrade.decisions import page as history_page
from tests.suite.project.layers_page import page as layers_page

DOCS = Path(__file__).parents[3] / "docs"
ORDER = ("PyTorch", "TensorFlow", "JAX", "Keras", "ONNX Runtime")
"""The frameworks on the page of findings; others follow in the order of their folders."""


def groups() -> list[FrameworkFindings]:
    """The findings in the page's order."""
    found = load_findings(ROOT / "backends")
    return sorted(found, key=lambda group: ORDER.index(group.framework) if group.framework in ORDER else len(ORDER))


def documents() -> dict[Path, str]:
    """The text of each generated document."""
    return {
        DOCS / "findings.md": findings_page(groups(), load_known(ROOT / "backends")),
        DOCS / "glossary.md": glossary_page(),
        DOCS / "history.md": history_page(),
        DOCS / "layers.md": layers_page(),
    }


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text)
