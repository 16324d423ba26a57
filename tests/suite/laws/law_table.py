"""`python -m tests.suite.laws.law_table` writes the table of the laws into docs/specification.md."""

from __future__ import annotations

from pathlib import Path

from convt.laws.catalogue import all_laws

PAGE = Path(__file__).parents[3] / "docs" / "specification.md"
BEGIN, END = "<!-- laws: begin (python -m tests.suite.laws.law_table) -->", "<!-- laws: end -->"


def table() -> str:
    """The laws as a Markdown table: id, statement, source."""
    rows = [f"| {law.id} | {law.statement} | {law.source} |" for law in all_laws()]
    return "\n".join(["", "| id | statement | source |", "|---|---|---|", *rows, ""])


def with_table(text: str) -> str:
    """The page's text with the table renewed."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
