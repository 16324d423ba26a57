"""The terminal's summary: targets x laws in one character each, then the six verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from convt.results.vocabulary import SIGNS, STANDINGS

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
WIDTH = 118


def matrix(
    counts: Mapping[tuple[str, str], Counter[str]], targets: Mapping[str, str], laws: Sequence[str]
) -> list[str]:
    """The lines of the matrix: `counts` by (target, law), `targets` by name with what to show beside it.

    At most 15 lines for six targets: a heading, a line a target, the laws by letter, and the signs.
    """
    wide = max((len(label) for label in targets.values()), default=0)
    verdicts = [name for name in reversed(STANDINGS) if name != "known"]
    heads = [*verdicts, "known"]
    lines = [f"{'':{wide}}  {LETTERS[: len(laws)]}  " + "  ".join(f"{head:>{max(len(head), 6)}}" for head in heads)]
    for target, label in targets.items():
        row = "".join(_sign(counts.get((target, law), Counter())) for law in laws)
        total: Counter[str] = Counter()
        for law in laws:
            total.update(counts.get((target, law), Counter()))
        cells = "  ".join(f"{total[head]:>{max(len(head), 6)},}" for head in heads)
        lines.append(f"{label:{wide}}  {row}  {cells}")
    lines += _wrapped([f"{LETTERS[at]} {law}" for at, law in enumerate(laws)])
    return [*lines, "  ".join(f"{SIGNS[name]} {name}" for name in STANDINGS) + "  (worst first) blank: no verdict"]


def _sign(counted: Counter[str]) -> str:
    """The worst verdict; `unsupported` and `not-run` only where nothing was judged."""
    there = [name for name in STANDINGS if counted[name]]
    judged = [name for name in there if name not in ("unsupported", "not-run")]
    return SIGNS[(judged or there)[0]] if there else " "


def _wrapped(words: Iterable[str]) -> list[str]:
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) + 2 > WIDTH:
            lines.append("")
        lines[-1] += ("  " if lines[-1] else "") + word
    return lines
