"""The generated documents are current, and the glossary is the one that the page's tooltips come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from convt.page.glossary import TERMS, tip
from tests.suite.project.documents import DOCS, documents, groups

ROOT = Path(__file__).parents[3]
TEMPLATES = sorted((ROOT / "reports" / "templates").glob("*.html"))


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_generated_document_is_current(path: Path) -> None:
    assert path.read_text() == documents()[path], "run python -m tests.suite.project.documents"


def test_every_framework_of_the_project_has_findings() -> None:
    assert [group.framework for group in groups()] == ["PyTorch", "TensorFlow", "JAX", "Keras", "ONNX Runtime"]


def test_the_glossary_is_short() -> None:
    assert len(TERMS) <= 25
    assert [term for term, meaning in TERMS.items() if not re.fullmatch(r"[A-Z<].*[.]", meaning)] == []
    assert [term for term, meaning in TERMS.items() if ". " in meaning] == []  # one sentence each
    for term, meaning in TERMS.items():
        assert f"- **{term}**: {meaning}\n" in (DOCS / "glossary.md").read_text()


def asked() -> set[str]:
    """The terms that some template asks a tooltip for."""
    return {term for path in TEMPLATES for term in re.findall(r"tip\('([^']+)'\)", path.read_text())}


def test_the_page_takes_its_tooltips_from_the_glossary() -> None:
    assert asked() >= {"law", "target", "case", "verdict", "invalid call", "known difference"}
    assert sorted(asked() - set(TERMS)) == []


def test_a_tooltip_of_a_word_that_the_glossary_lacks_fails() -> None:
    with pytest.raises(KeyError):
        tip("spelling")
