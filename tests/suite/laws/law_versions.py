"""What each version of a law catches: its column of the kill matrix, pinned in law_versions.json.

`python -m tests.suite.laws.law_versions` renews the pins of laws whose version was raised. Where the liars or the
sample changed, and a law's judgement did not, name the law after it (or `all`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from convt.laws.catalogue import all_laws
from tests.suite.laws.kills import PAGE

PINS = Path(__file__).with_name("law_versions.json")
RENEW = "python -m tests.suite.laws.law_versions"
Row = dict[str, int]
"""Liar to the number of sample cases on which the law catches it."""


@dataclass(frozen=True)
class Pin:
    """A version of a law, and what it catches."""

    version: int
    caught: Row


def rows(page: str) -> dict[str, Row]:
    """What each law catches, by the kill matrix of the docs."""
    head, _, *lines = [line.strip("|\n ").split("|") for line in page.splitlines() if line.startswith("|")]
    laws = [name.strip() for name in head[2:]]
    found: dict[str, Row] = {law: {} for law in laws}
    for liar, _, *cells in lines[:-1]:  # the last line counts
        for law, cell in zip(laws, cells, strict=False):
            if cell.strip():
                found[law][liar.strip()] = int(cell)
    return found


def pinned(path: Path = PINS) -> dict[str, Pin]:
    """The pins by law."""
    return {law: Pin(**pin) for law, pin in json.loads(path.read_text(encoding="utf-8")).items()}


def versions() -> dict[str, int]:
    """The laws' versions of today."""
    return {law.id: law.version for law in all_laws()}


def complaints(pins: Mapping[str, Pin], now: Mapping[str, Row], today: Mapping[str, int]) -> dict[str, str]:
    """Law to what is wrong with its pin."""
    found = {law: f"{law}: pinned, and no law any more; run {RENEW}" for law in pins if law not in today}
    for law, version in today.items():
        pin, caught = pins.get(law), now.get(law, {})
        if pin is None or pin.version != version:
            was = "has no pin" if pin is None else f"has version {version}, and is pinned as {pin.version}"
            found[law] = f"{law}: {was}; run {RENEW}"
        elif caught != pin.caught:
            found[law] = (
                f"{law}: catches other liars than when version {version} was pinned ({_moved(pin.caught, caught)}):"
                f" raise `version` of law {law} and run {RENEW}; or, if the liars or the sample changed and its"
                f" judgement did not, run {RENEW} {law}"
            )
    return found


def _moved(was: Row, is_: Row) -> str:
    liars = [liar for liar in dict.fromkeys([*was, *is_]) if was.get(liar) != is_.get(liar)]
    told = [f"{liar} on {was.get(liar, 0)} cases then, {is_.get(liar, 0)} now" for liar in liars[:3]]
    return ", ".join([*told, *([f"and {len(liars) - 3} more"] if len(liars) > 3 else [])])


def renewed(
    pins: Mapping[str, Pin], now: Mapping[str, Row], today: Mapping[str, int], same: Collection[str]
) -> dict[str, Pin]:
    """The pins of today; ValueError where a law catches others, has the version that it had, and is not in `same`."""
    other = complaints(pins, now, today)
    unsaid = [
        text
        for law, text in other.items()
        if law in today and law in pins and pins[law].version == today[law] and not {law, "all"} & {*same}
    ]
    if unsaid:
        raise ValueError("\n".join(unsaid))
    return {law: Pin(version, now.get(law, {})) for law, version in today.items()}


def write(pins: Mapping[str, Pin], path: Path = PINS) -> None:
    """One law a line."""
    lines = [f"  {json.dumps(law)}: {json.dumps(asdict(pin))}" for law, pin in pins.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    before = pinned() if PINS.exists() else {}
    try:
        write(renewed(before, rows(PAGE.read_text(encoding="utf-8")), versions(), sys.argv[1:]))
    except ValueError as error:
        raise SystemExit(str(error)) from None
