"""The words of a verdict, in one place: the six of them, which count as failing, their order, signs, letters, meanings.

Standard library only: laws and targets' processes may read it.
"""

from __future__ import annotations

from typing import Literal, Protocol

Verdict = Literal["pass", "differs", "error", "unsupported", "not-run", "suite-bug"]
VERDICTS: tuple[Verdict, ...] = ("pass", "differs", "error", "unsupported", "not-run", "suite-bug")

BROKEN = ("differs", "error")
"""The law does not hold, and the framework is to blame: what a known difference may explain."""

FAILING = ("suite-bug", *BROKEN)
"""What fails a run where nothing explains it, the worst first."""

STANDINGS = (*FAILING, "known", "not-run", "unsupported", "pass")
"""Where a verdict stands: the six, and known differences apart from the others; the worst first."""

NOTABLE = STANDINGS[:4]
"""What there is something to tell about: failing, or explained by a known difference."""

MEANINGS = {
    "pass": "the law holds",
    "differs": "the law does not hold: other numbers, another shape, or no refusal where one is due",
    "error": "the framework raised, crashed or ran out of time",
    "unsupported": "the framework's call cannot express this",
    "not-run": "not executed",
    "suite-bug": "the suite's own oracles disagree",
    "known": "does not hold, in the way that a known difference predicts",
}
"""By standing."""

SYMBOLS = {
    "pass": "✓", "differs": "≠", "error": "!", "unsupported": "○", "not-run": "—", "suite-bug": "?", "known": "◇",
}  # fmt: skip
"""What stands beside the word on a page."""

SIGNS = {"pass": ".", "known": "k", "unsupported": "u", "not-run": "-", "differs": "D", "error": "E", "suite-bug": "B"}
"""One ASCII character for a terminal."""

STYLES = {"differs": "red", "error": "red", "suite-bug": "magenta", "known": "yellow", "not-run": "dim"}
"""How a terminal shows it, beside the character."""

LETTERS = {
    "pass": "p",
    "differs": "d",
    "error": "e",
    "known": "k",
    "unsupported": "u",
    "not-run": "n",
    "suite-bug": "s",
}
"""One letter for files and the page's filter, which spell the verdicts of many laws as one word."""

OUTCOMES = ("crashed", "timed-out", "raised", "not-run", "unsupported", "value")
"""What a probe may come back with, the worst first."""


class Judged(Protocol):
    """A record of a verdict."""

    @property
    def verdict(self) -> str:
        raise NotImplementedError

    @property
    def known(self) -> str | None:
        raise NotImplementedError


def standing(record: Judged) -> str:
    """The verdict, or `known` where a known difference explains it."""
    return "known" if record.known and record.verdict in BROKEN else record.verdict
