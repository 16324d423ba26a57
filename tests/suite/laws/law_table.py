"""`python -m tests.suite.laws.law_table` writes the tables of laws and of promises into docs/specification.md."""

from __future__ import annotations

from pathlib import Path

from convt.laws.catalogue import all_laws
from convt.laws.promises import table as promise_table

PAGE = Path(__file__).parents[3] / "docs" / "specification.md"
BEGIN, END = "<!-- laws: begin (python -m tests.suite.laws.law_table) -->", "<!-- laws: end -->"
PROMISED, PROMISED_END = BEGIN.replace("laws: begin", "promises: begin"), "<!-- promises: end -->"


def table() -> str:
    """The laws as a Markdown table: id, statement, source."""
    rows = [f"| {law.id} | {law.statement} | {law.source} |" for law in all_laws()]
    return "\n".join(["", "| id | statement | source |", "|---|---|---|", *rows, ""])


def with_table(text: str) -> str:
    """The page's text with both tables renewed."""
    text = _between(text, BEGIN, END, table())
    return _between(text, PROMISED, PROMISED_END, "\n".join(["", *promise_table(), ""]))


def _between(text: str, begin: str, end: str, lines: str) -> str:
    before, rest = text.split(begin)
    return f"{before}{begin}\n{lines}\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
