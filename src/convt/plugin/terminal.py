"""The terminal's summary: the sentences that answer, the matrix of targets x laws, and where the results are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from convt.results.vocabulary import FAILING, SIGNS, STANDINGS, STYLES
from convt.session.session import Session

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
WIDTH = 118
"""Columns of the text around the matrix."""
UNBOUNDED = 4096


@dataclass(frozen=True)
class Told:
    """What there is to tell of a run."""

    counts: Mapping[tuple[str, str], Counter[str]]
    """Verdicts, or `known`, by (target, law)."""
    targets: Mapping[str, str]
    """By name, with the framework's version beside it."""
    laws: Sequence[str]
    cases: int = 0
    known: int = 0
    """How many known differences explain something."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Targets that did not run, each with the reason."""
    lines: Sequence[str] = ()
    """Complaints, and what a baseline says."""
    written: Sequence[Path] = ()
    partial: bool = False
    """Whether the run was interrupted."""
    mine: Sequence[str] = ()
    """What became of the user's own layers, in the parts of a sentence; empty where there are none."""

    @property
    def total(self) -> Counter[str]:
        """All verdicts together."""
        found: Counter[str] = Counter()
        for counted in self.counts.values():
            found.update(counted)
        return found

    def of_target(self, name: str) -> Counter[str]:
        """The verdicts on one target."""
        found: Counter[str] = Counter()
        for law in self.laws:
            found.update(self.counts.get((name, law), Counter()))
        return found


def started(session: Session, flags: bool) -> list[str]:
    """What runs: seed, profile and laws, then a line a target with its versions, and where asked for its flags."""
    options = session.options
    lines = [f"convt: seed {options.seed}, profile {options.profile.name}, {_plural(len(session.laws), 'law')}"]
    lines += [f"  #{name} is {python}" for name, python in options.environments.items()]
    for name, info in session.started().items():
        said = [f"{package} {version}" for package, version in info.versions.items()]
        said += [f"{flag}={value}" for flag, value in info.flags.items()] if flags else []
        lines.append(
            f"  {name}: {', '.join(said)}" if info.runs else f"  {name}: NOT RUN, {info.missing or info.failed}"
        )
    return lines


def sentence(told: Told) -> str:
    """What the run says, the answer first: whether laws are broken that nothing explains, and on which targets."""
    total = told.total
    ran = [name for name in told.targets if name not in told.missing and set(told.of_target(name)) - {"not-run"}]
    wrong = [name for name in ran if any(told.of_target(name)[word] for word in FAILING)]
    parts = []
    if not ran:
        parts.append("No target ran")
    elif wrong:
        count = sum(total[word] for word in FAILING)
        parts.append(f"{_plural(count, 'verdict')} on {', '.join(wrong)} {_verb(count, 'breaks', 'break')} a law")
    else:
        holds = _verb(len(ran), "holds every law that it", "hold every law that they")
        parts.append(f"{_plural(len(ran), 'target')} {holds} can express")
    if total["known"]:
        by = _plural(told.known, "known difference")
        count = total["known"]
        parts.append(f"{_plural(count, 'verdict')} {_verb(count, 'is', 'are')} explained by {by}")
    if ran and not wrong and not told.lines:
        parts.append("nothing new")
    for why in dict.fromkeys(told.missing.values()):
        parts.append(f"{', '.join(name for name, said in told.missing.items() if said == why)} did not run ({why})")
    return f"{'Interrupted; until then: ' if told.partial else ''}{'; '.join(parts)}."


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def tell(told: Told, file: IO[str], colours: bool) -> None:
    """Write the summary; a terminal that is narrower than the matrix wraps its lines, and none is cut off."""
    table = _matrix(told)
    wide = Console(width=UNBOUNDED).measure(table).maximum
    console = Console(
        file=file, force_terminal=colours, no_color=not colours, highlight=False, emoji=False, width=max(wide, WIDTH)
    )
    bold = "bold red" if any(told.total[word] for word in FAILING) else "bold"
    if told.mine:
        whole = f"{'; '.join(told.mine)}."
        console.print(Text(whole if len(whole) <= WIDTH else _in_lines(told.mine), style="bold"), soft_wrap=True)
    console.print(Text(sentence(told), style=bold), soft_wrap=True)
    console.print(table)
    console.print(_legend(told.laws))
    for line in told.lines:
        console.print(Text(line), soft_wrap=True)
    for path in told.written:
        link = Text(os.path.relpath(path), style=f"link {path.absolute().as_uri()}")
        console.print(Text("wrote "), link, sep="", soft_wrap=True)


def _in_lines(parts: Sequence[str]) -> str:
    """A long sentence with a line for each part of it."""
    return ";\n  ".join(parts) + "."


def _matrix(told: Told) -> Table:
    """A line a target: the worst verdict of each law by its sign, and how often each verdict came."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column(LETTERS[: len(told.laws)], no_wrap=True)
    heads = [*(name for name in reversed(STANDINGS) if name != "known"), "known"]
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    ran = [name for name in told.targets if name not in told.missing]
    for target in ran or told.targets:  # the sentence tells what did not run
        label = told.targets[target]
        row = Text()
        for law in told.laws:
            name = _worst(told.counts.get((target, law), Counter()))
            row.append(SIGNS[name] if name else " ", style=STYLES.get(name, ""))
        total = told.of_target(target)
        table.add_row(Text(label), row, *(f"{total[head]:,}" for head in heads))
    return table


def _worst(counted: Counter[str]) -> str:
    """The worst verdict; `unsupported` and `not-run` only where nothing was judged; empty where nothing was asked."""
    there = [name for name in STANDINGS if counted[name]]
    judged = [name for name in there if name not in ("unsupported", "not-run")]
    return (judged or there or [""])[0]


def _legend(laws: Sequence[str]) -> Text:
    words = [f"{LETTERS[at]} {law}" for at, law in enumerate(laws)]
    signs = [*(f"{SIGNS[name]} {name}" for name in STANDINGS), "(worst first)", "blank: no verdict"]
    return Text("\n".join([*_lines(words), *_lines(signs)]), style="dim")


def _lines(entries: Sequence[str]) -> list[str]:
    """The entries on as few lines as they need, none of them torn at a line's end."""
    lines = [""]
    for entry in entries:
        longer = f"{lines[-1]}  {entry}" if lines[-1] else entry
        lines[-1:] = [longer] if len(longer) <= WIDTH else [lines[-1], entry]
    return lines
