"""A spec file of captured cases: the lines of each as any spec file has them, with its layers above them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from convt.capture.cases import Made
from convt.cases.writer import as_yaml

WIDTH = 110
SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. /")


def spec_text(
    made: Sequence[Made], model: str, source: str, counts: tuple[int, int], weights: str | None = None
) -> str:
    """The whole file; `counts` are the model's convolutions and distinct settings, `weights` the name of the file with
    their numbers."""
    run, settings = (f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in
                     zip(counts, ("convolution", "distinct setting"), strict=True))  # fmt: skip
    lines = [
        "about: >-",
        *_wrapped(f"What {model} runs: {run} with {settings}. Written by convt capture.", 2),
        f"source: {_scalar(source)}",
        *([f"weights: {_scalar(weights)}"] if weights else []),
        "cases:",
    ]
    return "\n".join(lines) + "\n" + "\n".join(_lines(one) for one in made)


def _lines(one: Made) -> str:
    case = one.case
    first, *rest = as_yaml(case, case.id).splitlines()
    about = ["    about: >-", *_wrapped(case.about, 6)]
    size = [] if case.expect.size is None else [f"    expect: {{size: [{', '.join(map(str, case.expect.size))}]}}"]
    return "\n".join([first, *about, *rest, *size]) + "\n"


def save_weights(made: Sequence[Made], path: Path) -> int:
    """Write the kernels and biases of the cases that have some, by the cases' names; how many cases there are."""
    arrays: dict[str, np.ndarray] = {}
    kept = [one for one in made if one.weights is not None]
    for one in kept:
        kernel, bias = one.weights or (None, None)
        arrays |= {f"{one.case.id}.kernel": np.asarray(kernel, np.float32)}
        arrays |= {} if bias is None else {f"{one.case.id}.bias": np.asarray(bias, np.float32)}
    if arrays:
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # mypy takes an array for allow_pickle
        part.replace(path)
    return len(kept)


def _wrapped(text: str, indent: int) -> list[str]:
    """Lines of a folded block; nothing in it has a meaning to YAML."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent, break_on_hyphens=False
    )


def _scalar(text: str) -> str:
    """Text as one value on a line."""
    plain = set(text) <= SAFE and text[:1].isalpha() and text.lower() not in ("true", "false", "null")
    return text if plain and text == text.strip() else json.dumps(text)
