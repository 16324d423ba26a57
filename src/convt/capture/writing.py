"""A spec file of captured cases: the lines of each as any spec file has them, with its layers above them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence

from convt.capture.cases import Made
from convt.cases.writer import as_yaml

WIDTH = 110
SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. /")


def spec_text(made: Sequence[Made], model: str, source: str, count: int, weights: str | None = None) -> str:
    """The whole file; `count` is how many convolutions the model runs, `weights` the name of the file beside it."""
    lines = [
        "about: >-",
        *_wrapped(f"The convolutions of {model}: {count} of them, with {_settings(made)}. Written by `convt capture`.", 2),
        f"source: {_scalar(source)}",
        *([f"weights: {_scalar(weights)}"] if weights else []),
        "cases:",
    ]
    return "\n".join(lines) + "\n" + "\n".join(_lines(one) for one in made)


def _settings(made: Sequence[Made]) -> str:
    plain = sum(one.case.asked is None for one in made)
    return f"{plain} distinct setting{'s' if plain != 1 else ''}"


def _lines(one: Made) -> str:
    case = one.case
    first, *rest = as_yaml(case, case.id).splitlines()
    about = ["    about: >-", *_wrapped(case.about, 6)]
    size = [] if case.expect.size is None else [f"    expect: {{size: [{', '.join(map(str, case.expect.size))}]}}"]
    return "\n".join([first, *about, *rest, *size]) + "\n"


def _wrapped(text: str, indent: int) -> list[str]:
    """Lines of a folded block; nothing in it has a meaning to YAML."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent, break_on_hyphens=False
    )


def _scalar(text: str) -> str:
    """Text as one value on a line."""
    plain = set(text) <= SAFE and text[:1].isalpha() and text.lower() not in ("true", "false", "null")
    return text if plain and text == text.strip() else json.dumps(text)
