"""A comparison in the form that is asked for: text, Markdown, JSON or HTML."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from convt.results.changes import Comparison

FORMATS = {
    "text": ("convt.results.compare_text", "text"),
    "markdown": ("convt.results.compare_markdown", "markdown"),
    "json": ("convt.results.compare_json", "as_json"),
    "html": ("convt.page.compare_page", "render_comparison"),
}
"""Form -> module and function; only the one that is asked for is imported."""


def render(comparison: Comparison, form: str = "text") -> str:
    """The comparison as text, markdown, json or html."""
    module, name = FORMATS[form]
    function: Callable[[Comparison], str] = getattr(importlib.import_module(module), name)
    return function(comparison)
