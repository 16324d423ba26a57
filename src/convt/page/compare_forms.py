"""A comparison in the form that is asked for: text, Markdown, JSON or HTML."""

from __future__ import annotations

from collections.abc import Callable

from convt.page.compare_page import render_comparison
from convt.results.changes import Comparison
from convt.results.compare_json import as_json
from convt.results.compare_markdown import markdown
from convt.results.compare_text import text

FORMATS: dict[str, Callable[[Comparison], str]] = {
    "text": text,
    "markdown": markdown,
    "json": as_json,
    "html": render_comparison,
}


def render(comparison: Comparison, form: str = "text") -> str:
    """The comparison as text, markdown, json or html."""
    return FORMATS[form](comparison)
