"""What `convt solve` is asked: numbers of which some are known, some lie in a range, and some are missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal, TypeVar

from convt.conv.settings import Op

T = TypeVar("T")
Values = tuple[int, ...]
Pad = int | tuple[int, int] | Literal["same", "valid"]
"""What a padding may be: a number for both sides, a (begin, end) pair, a keyword."""

NAMES = ("input", "kernel", "stride", "dilation")
"""What one geometry has, in the order of its numbers."""
MISSING = {"kernel": tuple(range(1, 10)), "stride": tuple(range(1, 9)), "dilation": (1,)}
"""What is tried where nothing is said."""
LARGEST = 65_536
MOST = 50_000
"""Geometries that one question may try: a few seconds."""


class QuestionError(ValueError):
    """A question that cannot be asked so; the message says what was found and what is accepted."""


@dataclass(frozen=True)
class Geometry:
    """One axis without its border."""

    input: int
    kernel: int
    stride: int
    dilation: int


@dataclass(frozen=True)
class Question:
    """Values by name, an axis each; a name that is missing is free. What is said once is the same on every axis."""

    rank: int
    op: Op
    values: Mapping[str, tuple[Values, ...]]
    """`input`, `output`, `kernel`, `stride`, `dilation`, `output padding`: the values that are tried, an axis each."""
    paddings: tuple[tuple[Pad, ...], ...] | None
    each: frozenset[str]
    """The names that are said for each axis, which may then differ."""

    def geometries(self) -> Iterator[tuple[Geometry, ...]]:
        """Everything that is tried, an axis each."""
        choices = []
        for name in NAMES:
            of_axes = self.values[name]
            if name in self.each or len(set(of_axes)) > 1:
                choices.append(list(product(*of_axes)))
            else:
                choices.append([(value,) * self.rank for value in of_axes[0]])
        for numbers in product(*choices):
            yield tuple(Geometry(*axis) for axis in zip(*numbers, strict=True))

    def outputs(self, axis: int) -> Values | None:
        """The sizes that are wanted on an axis; None where any will do."""
        return self.values["output"][axis] if "output" in self.values else None

    def extras(self, axis: int) -> Values | None:
        """The output paddings that are accepted; None where any will do."""
        return self.values["output padding"][axis] if "output padding" in self.values else None

    def pads(self, axis: int) -> tuple[Pad, ...] | None:
        """The paddings that are accepted; None where any will do."""
        return None if self.paddings is None else self.paddings[axis]


def question(given: Mapping[str, str | None], op: Op = "conv_transpose") -> Question:
    """The question of what was written for each name, such as `{"input": "7x9", "kernel": "3..7"}`.

    QuestionError where a value cannot be read, where neither input nor output is said, or where it tries too much.
    """
    written = {name: text.split("x") for name, text in given.items() if text is not None}
    if "input" not in written and "output" not in written:
        raise QuestionError("--input and --output: found neither, accepted one of the two at least")
    rank = max(map(len, written.values()))
    for name, parts in written.items():
        if len(parts) not in (1, rank) or rank > 3:
            raise QuestionError(f"--{_option(name)}: found {len(parts)} axes ({'x'.join(parts)}), accepted one value, "
                                f"or one for each of {min(rank, 3)}")  # fmt: skip
    if op == "conv" and "output padding" in written:
        raise QuestionError("--output-padding: a forward convolution has none; leave it out")
    values = {
        name: _spread([numbers(name, part) for part in parts], rank)
        for name, parts in written.items() if name != "padding"
    }  # fmt: skip
    pads = _spread([paddings(part) for part in written["padding"]], rank) if "padding" in written else None
    for name, usual in MISSING.items():
        values.setdefault(name, (usual,) * rank)
    if "input" not in values:
        values["input"] = tuple(_inputs(out, op) for out in values["output"])
    each = frozenset(name for name, parts in written.items() if len(parts) > 1)
    if "input" not in written and len(set(values["output"])) > 1:
        each |= {"input"}
    found = Question(rank, op, values, pads, each)
    _not_too_many(found)
    return found


def _inputs(outputs: Values, op: Op) -> Values:
    """The inputs that could give an output: none that is longer than it, or than it with a stride for each output."""
    most = max(outputs) if op == "conv_transpose" else max(outputs) * max(MISSING["stride"])
    return tuple(range(1, max(most, 1) + 1))


def _not_too_many(it: Question) -> None:
    many = 1
    for name in NAMES:
        of_axes = it.values[name]
        apart = name in it.each or len(set(of_axes)) > 1
        many *= prod(map(len, of_axes)) if apart else len(of_axes[0])
    for axis in range(it.rank):
        many *= len(it.outputs(axis) or (0,))
    taps, spread = (max(map(max, it.values[name])) for name in ("kernel", "dilation"))
    many *= taps * spread // 32 + 1  # there are as many places where a crop can begin
    if many > MOST:
        raise QuestionError(f"found {many:,} combinations to try, accepted {MOST:,} at most; give more of --input, "
                            "--output, --kernel and --stride, or shorter ranges")  # fmt: skip


def _spread(parts: Sequence[T], rank: int) -> tuple[T, ...]:
    return tuple(parts) * rank if len(parts) == 1 else tuple(parts)


def _option(name: str) -> str:
    return name.replace(" ", "-")


def numbers(name: str, text: str) -> Values:
    """`7`, `3,5`, `3..7` and lists of these."""
    floor = 0 if name == "output padding" else 1
    found: dict[int, None] = {}
    for part in text.split(","):
        first, dots, last = (word.strip() for word in part.partition(".."))
        ends = [first, last] if dots else [first]
        if not all(end.isascii() and end.isdecimal() for end in ends):
            raise QuestionError(f"--{_option(name)}: found {text!r}, accepted a number, a list such as 3,5, or a range "
                                "such as 3..7; an axis each with x between them")  # fmt: skip
        low, high = int(first[:20]), int(ends[-1][:20])
        if not floor <= low <= high <= LARGEST:
            raise QuestionError(f"--{_option(name)}: found {part.strip()!r}, accepted {floor} to {LARGEST:,}, the "
                                "smaller end of a range first")  # fmt: skip
        found |= dict.fromkeys(range(low, high + 1))
    return tuple(found)


def paddings(text: str) -> tuple[Pad, ...]:
    """`same`, `valid`, a number for both sides, `1:2` for (begin, end), ranges and lists of these."""
    found: dict[Pad, None] = {}
    for part in (word.strip() for word in text.lower().split(",")):
        ends = part.split(":")
        if part in ("same", "valid"):
            found[part] = None  # type: ignore[index]
        elif len(ends) == 2 and all(end.isascii() and end.isdecimal() and int(end[:10]) <= LARGEST for end in ends):
            found[(int(ends[0]), int(ends[1]))] = None
        else:
            try:
                found |= dict.fromkeys(numbers("output padding", part))
            except QuestionError:
                raise QuestionError(f"--padding: found {part!r}, accepted same, valid, a number, a range such as 0..2, "
                                    "or begin:end such as 1:2; lists with commas") from None  # fmt: skip
    return tuple(found)
